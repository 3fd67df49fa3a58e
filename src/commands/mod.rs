//! One file each for what the program can do; here is what they share.

pub mod down;
pub mod flip;
mod here;
pub mod persist;
pub mod plan;
pub mod status;
mod support;
pub mod up;
pub mod wait;

use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;
use std::sync::Once;
use std::time::Duration;

use nix::sys::stat::{Mode, umask};
use tokio::runtime::Runtime;

use crate::engine::state::{Phase, State};
use crate::engine::types::{Exit, Outcome};
use crate::escape;
use crate::flip::memory;
use crate::handover::store::{RUN, Store, Watch};
use crate::plan::Plan;
use crate::words;
use crate::words::source::Sources;

/// The word of images whose root moves.
const FLIP: &[u8] = b"bondstrap.flip";

/// The Plan of `--cmdline`, else of this machine's sources. After a flip it has the defaults of one.
///
/// # Errors
/// A source that is there and can't be read.
fn read_plan(cmdline: Option<&str>) -> io::Result<Plan> {
    let mut sources = sources(cmdline)?;
    if is_flipped(&Store::new(Path::new(RUN))) {
        sources.baked.insert(0, FLIP.to_vec());
    }
    Ok(words::plan(&sources))
}

/// `flip` has moved a NIC's network onto the bond, and `down` has not brought it back.
fn is_flipped(store: &Store) -> bool {
    let there = |state: &State| state.found.bonds.iter().any(|bond| is_bond(&bond.name));
    store.load().is_some_and(|state| state.found.flipped && there(&state))
}

/// There is a bond of this name.
fn is_bond(name: &str) -> bool {
    Path::new("/sys/class/net").join(name).join("bonding").exists()
}

/// `--cmdline`, else this machine's sources.
///
/// # Errors
/// A source that is there and can't be read.
fn sources(cmdline: Option<&str>) -> io::Result<Sources> {
    match cmdline {
        Some(line) => Ok(Sources { baked: Vec::new(), boot: line.as_bytes().to_vec() }),
        None => words::read::read(Path::new("/")),
    }
}

/// A limit of the words.
fn seconds(seconds: u32) -> Duration {
    Duration::from_secs(u64::from(seconds.max(1)))
}

/// What others are to read they can read, whatever the caller's umask.
fn let_others_read() {
    umask(Mode::from_bits_truncate(0o022));
}

/// A root may stand on what is about to move, or to be kept: no page of this program comes from there any more.
fn leave_disk() {
    /// `flip` goes on as `up`.
    static TOLD: Once = Once::new();
    if let Err(error) = memory::leave_disk() {
        TOLD.call_once(|| {
            complain(&format!(
                "the program can't be run from memory ({error}), so locked memory has to do; a kernel with vm.memfd_noexec=2 \
                 allows it with 1"
            ));
        });
    }
}

/// One thread is all that is needed.
fn runtime() -> io::Result<Runtime> {
    tokio::runtime::Builder::new_current_thread().enable_io().enable_time().build()
}

/// Says what there is to say and turns it into the exit code.
fn finish(outcome: &Outcome) -> ExitCode {
    if outcome.exit != Exit::Online {
        complain(&outcome.sentence);
    }
    ExitCode::from(outcome.exit as u8)
}

/// One sentence on stderr.
pub fn complain(sentence: &str) {
    crate::report::screen::wipe();
    let _ = writeln!(io::stderr(), "bondstrap: {}", escape::lines(sentence));
}

/// One block of text on stdout; a reader that has gone away is no error.
pub fn print(text: &str) {
    let _ = io::stdout().write_all(text.as_bytes());
}

fn is_root() -> bool {
    nix::unistd::geteuid().is_root()
}

/// Waits for an engine's result: what `wait` and an `up` that joins have in common. `joined`: there is an engine, and
/// if that one is no more there is nothing left to wait for.
async fn result(store: &Store, watch: &mut Watch, joined: bool) -> io::Result<Outcome> {
    /// An engine that dies leaves no event: looked for so often.
    const DEATH_CHECK: Duration = Duration::from_secs(1);
    loop {
        // The lock first: an engine that lets go of it has written its last state.
        let gone = joined && store.lock()?.is_some();
        match store.load() {
            Some(state) if !joined || gone || Store::engine_lives(&state) => {
                let outcome = if joined { answered(&state) } else { settled(&state) };
                if let Some(outcome) = outcome {
                    return Ok(outcome);
                }
            }
            _ => {}
        }
        if gone {
            let sentence = "the engine that was at work has ended without a result; bondstrap up takes up what it left, \
                            bondstrap down gives it back";
            return Ok(Outcome { exit: Exit::Unexpected, sentence: sentence.into() });
        }
        tokio::select! {
            changed = watch.changed() => changed?,
            () = tokio::time::sleep(DEATH_CHECK) => {}
        }
    }
}

/// The result that a state stands for; none: it is still open, or of an engine that is no more.
fn settled(state: &State) -> Option<Outcome> {
    let exit = match state.phase {
        Phase::Online if Store::engine_lives(state) => Exit::Online,
        Phase::Failed => Exit::from_code(state.exit.map(i32::from)),
        Phase::Stopped => Exit::Unexpected,
        _ => return None,
    };
    Some(Outcome { exit, sentence: state.sentence.clone() })
}

/// The same for an `up` that waits for its own engine: one that keeps an earlier network says at its limits that it is
/// not online, and goes on.
fn answered(state: &State) -> Option<Outcome> {
    let told = || {
        let code = state.exit.filter(|code| *code != Exit::Online as u8 && Store::engine_lives(state))?;
        Some(Outcome { exit: Exit::from_code(Some(code.into())), sentence: state.sentence.clone() })
    };
    settled(state).or_else(told)
}
