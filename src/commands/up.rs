//! `up`: the engine, started in the background or run in the foreground, or joined where one is at work.

use std::io::{self, IsTerminal};
use std::path::Path;
use std::process::{ExitCode, ExitStatus, Stdio};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::process::{Child, Command};
use tokio::signal::unix::{SignalKind, signal};

use super::{
    answered, complain, finish, is_flipped, is_root, leave_disk, let_others_read, print, read_plan, result,
    runtime, settled, support,
};
use crate::engine::state::{Phase, State};
use crate::engine::types::{Exit, Outcome};
use crate::escape;
use crate::handover::store::{Lock, RUN, Store};
use crate::installer;
use crate::plan::{Plan, table};
use crate::report;
use crate::run::{self, Settings, unexpected};
use crate::settle::is_temporary;

/// Who runs the engine.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum How {
    /// A process of its own, started here.
    Background,
    /// This process, without limits.
    Stay,
    /// This process, started by [`How::Background`].
    Keeper,
}

/// Brings the network up.
pub fn run(cmdline: Option<&str>, how: How) -> ExitCode {
    let store = Store::new(Path::new(RUN));
    // The keeper runs from where its parent does.
    if how != How::Keeper && is_flipped(&store) {
        leave_disk();
    }
    let plan = match read_plan(cmdline) {
        Ok(plan) => plan,
        Err(error) => return finish(&unexpected(&error)),
    };
    if how != How::Keeper
        && let Some(code) = refuse(&plan)
    {
        return code;
    }
    let_others_read();
    let done = match how {
        How::Background => background(&plan, cmdline, &store),
        How::Stay | How::Keeper => foreground(plan, cmdline, &store, how),
    };
    let outcome = done.unwrap_or_else(|error| unexpected(&error));
    if how == How::Keeper {
        // The parent says it.
        return ExitCode::from(outcome.exit as u8);
    }
    finish(&outcome)
}

/// What ends it before it begins.
fn refuse(plan: &Plan) -> Option<ExitCode> {
    if plan.has_errors() || !plan.active {
        plan.problems.iter().for_each(|problem| complain(table::render_problem(problem).trim_end()));
    }
    if plan.has_errors() {
        complain(
            "nothing was touched; correct the boot line, and check it anywhere with bondstrap --cmdline '...' plan",
        );
        return Some(ExitCode::from(Exit::Words as u8));
    }
    if !plan.active {
        run::notify_ready();
        print("bondstrap: the boot line asks for no bond (bond=...); the machine is left alone\n");
        return Some(ExitCode::SUCCESS);
    }
    if plan.bondstrap.flip && !is_flipped(&Store::new(Path::new(RUN))) {
        run::notify_ready();
        print(
            "bondstrap: bondstrap.flip: the bond is made by bondstrap flip, of a NIC that is in use; nothing is touched before\n",
        );
        return Some(ExitCode::SUCCESS);
    }
    if !is_root() {
        complain("up changes the network and needs root; plan and status do not");
        return Some(ExitCode::from(Exit::Unexpected as u8));
    }
    None
}

/// Runs the engine here; where one is at work already, waits for its result, or (`--stay`) for its end.
fn foreground(plan: Plan, cmdline: Option<&str>, store: &Store, how: How) -> io::Result<Outcome> {
    if how == How::Keeper {
        leave_caller();
    }
    store.prepare()?;
    let lock = match (store.lock()?, how) {
        (Some(lock), _) => lock,
        (None, How::Stay) => match runtime()?.block_on(stand_by(store))? {
            Some(lock) => lock,
            None => {
                let sentence = "stopped while another engine was at work; that one goes on".into();
                return Ok(Outcome { exit: Exit::Online, sentence });
            }
        },
        (None, _) => return join(&plan, store),
    };
    if how == How::Stay
        && let Some(sentence) = run::left_over(&plan, store)?
    {
        return Ok(Outcome { exit: Exit::Words, sentence });
    }
    let started = report::log::start(plan.bondstrap.log, Some(store.path()));
    for problem in &plan.problems {
        let word = escape::printable(&problem.word);
        log::warn!("{word} (column {}): {}", problem.column, escape::printable(&problem.message));
    }
    support::idle(&plan).iter().for_each(|line| log::warn!("{line}"));
    let keeper = how == How::Keeper;
    let cmdline = cmdline.map(str::to_owned);
    let settings = Settings { started, limited: keeper, detach: keeper, store: store.enter()?, cmdline };
    let outcome = runtime()?.block_on(run::engine(plan, settings));
    drop(lock);
    if let Ok(outcome) = &outcome {
        if outcome.exit == Exit::Online {
            log::info!("{}", escape::printable(&outcome.sentence));
        } else {
            // On stderr it is the last line of whoever was called: see `finish()`.
            report::log::leave_terminal();
            log::error!("{}", escape::printable(&outcome.sentence));
        }
    }
    outcome
}

/// The keeper belongs to nobody: no terminal, no directory, no open file of whoever called `up`.
fn leave_caller() {
    // Ctrl-C and a terminal that goes away are the parent's business.
    let _ = nix::unistd::setsid();
    let _ = std::env::set_current_dir("/");
    // It was started by way of /proc/self/exe; `exe` would tell nobody in a list of processes what it is.
    let _ = nix::sys::prctl::set_name(c"bondstrap");
    let Ok(open) = std::fs::read_dir("/proc/self/fd") else { return };
    let numbers: Vec<i32> = open.flatten().filter_map(|fd| fd.file_name().to_str()?.parse().ok()).collect();
    // Nothing of our own is open yet; the directory just read is closed already.
    for number in numbers.into_iter().filter(|number| *number > 2) {
        let _ = nix::unistd::close(number);
    }
}

/// `--stay` beside another engine: waits for that one's end, and takes over. None: stopped by a signal.
async fn stand_by(store: &Store) -> io::Result<Option<Lock>> {
    /// Nothing tells that a lock is free.
    const CHECK: Duration = Duration::from_secs(1);
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut told_ready = false;
    complain("an engine is at work already; standing by until it ends");
    loop {
        if let Some(lock) = store.lock()? {
            return Ok(Some(lock));
        }
        let is_online = |outcome: Outcome| outcome.exit == Exit::Online;
        if !told_ready && store.load().as_ref().and_then(settled).is_some_and(is_online) {
            run::notify_ready();
            told_ready = true;
        }
        tokio::select! {
            () = tokio::time::sleep(CHECK) => {}
            _ = interrupt.recv() => return Ok(None),
            _ = terminate.recv() => return Ok(None),
        }
    }
}

/// An engine is at work: its result is ours, unless it does something else than these words ask for.
fn join(plan: &Plan, store: &Store) -> io::Result<Outcome> {
    // One that has just begun has not said anything yet.
    let state = store.load().filter(Store::engine_lives);
    let who = state.as_ref().map_or(String::new(), |state| {
        let awaits = state.waiting.as_ref();
        let awaits = awaits.map_or(String::new(), |waiting| format!(", waiting for {}", waiting.told()));
        format!(" (process {}{awaits})", state.pid)
    });
    if let Some(state) = &state
        && !plan.asks_the_same(&read_plan(state.cmdline.as_deref())?)
    {
        let sentence = format!(
            "an engine of other words is at work already{who}, and goes on; to have these instead: bondstrap down first"
        );
        return Ok(Outcome { exit: Exit::Words, sentence });
    }
    complain(&format!("an engine is at work already{who}; waiting for its result"));
    let outcome = runtime()?.block_on(async {
        let mut watch = store.watch()?;
        result(store, &mut watch, true).await
    })?;
    if outcome.exit == Exit::Online {
        print(&format!("bondstrap: {}\n", outcome.sentence));
    }
    Ok(outcome)
}

/// Starts the engine as a process of its own and waits until it is online, or has given up.
fn background(plan: &Plan, cmdline: Option<&str>, store: &Store) -> io::Result<Outcome> {
    store.prepare()?;
    if store.lock()?.is_none() {
        return join(plan, store);
    }
    if let Some(sentence) = too_early(store) {
        return Ok(Outcome { exit: Exit::NoPorts, sentence });
    }
    if let Some(sentence) = run::left_over(plan, store)? {
        return Ok(Outcome { exit: Exit::Words, sentence });
    }
    // A root may stand on what the engine keeps then: whoever waits may go, and the engine may not.
    let rooted = is_flipped(store);
    // What an earlier engine came to is not this one's result.
    if store.load().is_some_and(|state| state.found.is_empty()) {
        store.forget();
    }
    runtime()?.block_on(async {
        let mut watch = store.watch()?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut terminate = signal(SignalKind::terminate())?;
        let mut child = keeper(cmdline)?;
        let pid = child.id().ok_or_else(|| io::Error::other("the engine did not start"))?;
        loop {
            let came = tokio::select! {
                // The child is looked at first: what it exits with is the result.
                biased;
                status = child.wait() => return Ok(ended(status?, pid, store)),
                changed = watch.changed() => changed.map(|()| None)?,
                _ = interrupt.recv() => Some(Signal::SIGINT),
                _ = terminate.recv() => Some(Signal::SIGTERM),
            };
            match came {
                Some(signal) if rooted => return Ok(left_alone(pid, signal)),
                Some(signal) => pass_on(pid, signal)?,
                None => {}
            }
            let state = store.load().filter(|state| state.pid == pid);
            // One that ends is waited for: it may have more to give back.
            let ends = |state: &State| matches!(state.phase, Phase::Failed | Phase::Stopped);
            if let Some(outcome) = state.filter(|state| !ends(state)).as_ref().and_then(answered) {
                return Ok(outcome);
            }
        }
    })
}

/// Somebody at a terminal, while an installer has yet to name the NICs: the wait would have no limit, and is for what
/// that same person has to do on another screen.
fn too_early(store: &Store) -> Option<String> {
    if !io::stdin().is_terminal() {
        return None;
    }
    let links = std::fs::read_dir("/sys/class/net").ok()?.flatten();
    let names = links.filter_map(|link| link.file_name().into_string().ok());
    if installer::is_xcp_ng() && installer::has_named() {
        return None;
    }
    // Of XCP-ng's NICs those that came late have none; but until they are named nobody sets them up.
    let unnamed = installer::is_xcp_ng() && !store.is_named();
    let waits = |name: &String| is_temporary(name) || unnamed && name.starts_with("eth") && is_down(name);
    let mut temporary: Vec<String> = names.filter(waits).collect();
    temporary.sort();
    let names = (!temporary.is_empty()).then(|| escape::printable(&temporary.join(", ")).into_owned())?;
    Some(format!(
        "the NICs have no final names yet ({names}): the installer gives them once its keymap screen is left; nothing was touched; leave that screen first, or let bondstrap up --stay wait for it"
    ))
}

/// `IFF_UP` is not set.
fn is_down(name: &str) -> bool {
    let flags = std::fs::read_to_string(Path::new("/sys/class/net").join(name).join("flags"));
    let flags =
        flags.ok().and_then(|text| u32::from_str_radix(text.trim().trim_start_matches("0x"), 16).ok());
    flags.is_some_and(|flags| flags & 1 == 0)
}

fn keeper(cmdline: Option<&str>) -> io::Result<Child> {
    let mut command = Command::new("/proc/self/exe");
    if let Some(words) = cmdline {
        command.args(["--cmdline", words]);
    }
    // systemd leaves alone what begins with @ when an initrd ends: so was our caller started, if it is to survive that.
    let at = std::env::args_os().next().is_some_and(|name| name.as_encoded_bytes().starts_with(b"@"));
    command.arg0(if at { "@bondstrap" } else { "bondstrap" });
    command.args(["up", "--keeper"]).stdin(Stdio::null()).stdout(Stdio::null()).spawn()
}

/// The engine gives everything back and then ends; its exit is waited for as before.
fn pass_on(pid: u32, signal: Signal) -> io::Result<()> {
    let pid = i32::try_from(pid).map_err(io::Error::other)?;
    Ok(kill(Pid::from_raw(pid), signal)?)
}

/// The wait ends, and nothing else.
fn left_alone(pid: u32, signal: Signal) -> Outcome {
    let sentence = format!(
        "{signal} ended the wait, and nothing else: everything is on the bond, and the engine (process {pid}) goes on there; \
         bondstrap wait waits for it again, bondstrap down moves everything back"
    );
    Outcome { exit: Exit::Unexpected, sentence }
}

/// The engine has ended without coming online. It has said why itself.
fn ended(status: ExitStatus, pid: u32, store: &Store) -> Outcome {
    let exit = Exit::from_code(status.code());
    // One that found another engine at work came to that one's result.
    let code = status.code().and_then(|code| u8::try_from(code).ok());
    let own = store.load().filter(|state| state.pid == pid || state.exit == code);
    let said = own.map(|state| state.sentence).filter(|sentence| !sentence.is_empty());
    let sentence = match (status.code(), said) {
        (Some(_), Some(sentence)) => sentence,
        _ => format!("the engine ended unexpectedly ({status}); bondstrap down gives back what it left"),
    };
    Outcome { exit, sentence }
}
