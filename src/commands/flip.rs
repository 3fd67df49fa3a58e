//! `flip`: what a boot NIC has moves onto a bond that contains it, while a root over NFS goes on.

use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use ipnetwork::IpNetwork;

use super::{complain, finish, is_root, leave_disk, let_others_read, print, runtime, seconds, sources, up};
use crate::clock::Millis;
use crate::dhcp::v4::lease::Lease;
use crate::engine::state::{Found, FoundAddress, FoundBond, FoundPort, Phase, State};
use crate::engine::types::{Exit, Outcome};
use crate::escape;
use crate::flip::guarded::{self, Ran, kernel_log, tell_killed};
use crate::flip::live::Limits;
use crate::flip::prepare::{Asked, Prepared, prepare};
use crate::flip::runner::{Failure, Kind};
use crate::flip::steps::{Step, steps};
use crate::flip::{check::Target, foreign, spec_of};
use crate::handover::store::{Lock, RUN, Store, process_start};
use crate::netlink::Netlink;
use crate::plan::{LogLevel, Method4, Plan, table};
use crate::run::{modules, place::Place, unexpected};
use crate::sys::boottime;

/// Who must answer has to do so before anything is touched, within this time.
const BEFORE: Duration = Duration::from_secs(3);

/// Flips. `only_if_asked`: where the words have `bondstrap.flip`.
pub fn run(cmdline: Option<&str>, only_if_asked: bool, asked: Asked) -> ExitCode {
    if only_if_asked {
        match sources(cmdline).map(|sources| crate::words::plan(&sources).bondstrap.flip) {
            Ok(true) => {}
            Ok(false) => return ExitCode::SUCCESS,
            Err(error) => return finish(&unexpected(&error)),
        }
    }
    match flip(cmdline, asked) {
        Ok(code) => code,
        Err(outcome) => finish(&outcome),
    }
}

fn flip(cmdline: Option<&str>, asked: Asked) -> Result<ExitCode, Outcome> {
    let broken = |error: io::Error| unexpected(&error);
    let (plan, asks) = read(cmdline).map_err(broken)?;
    if let Some(code) = refuse(&plan, asked) {
        return Ok(code);
    }
    let store = Store::new(Path::new(RUN));
    let mut lock = None;
    if !asked.dry_run {
        leave_disk();
        let_others_read();
        store.prepare().map_err(broken)?;
        lock = Some(take_lock(&store)?);
        nothing_left(&store)?;
        // A kernel that has it built in needs none; else the bond is refused, with the kernel's words.
        let loaded =
            runtime().map_err(broken)?.block_on(modules::load(&Place::at(modules::LOADED), "bonding"));
        loaded.unwrap_or_else(|refusal| complain(&format!("modprobe bonding: {}", refusal.text)));
    }
    let netlink = Netlink::open().map_err(broken)?;
    let mut prepared = prepare(&netlink, &plan, asked)?;
    prepared.said.iter().for_each(|line| complain(line));
    foreign::running(&prepared.snapshot.nic.name).iter().for_each(|line| complain(line));
    if asked.dry_run {
        print(&shown(&steps(&prepared.shape, &prepared.snapshot), &prepared.targets));
        return Ok(ExitCode::SUCCESS);
    }
    answered_before(&prepared, &netlink)?;
    let mut again = true;
    let (mut kept, took) = loop {
        let kept = state(&netlink, (&plan, asks), &prepared, cmdline);
        let all = steps(&prepared.shape, &prepared.snapshot);
        let began = boottime();
        match perform(&all, &prepared, &plan, &store, &kept) {
            Ok(()) => break (kept, boottime() - began),
            Err(ended) if ended.taken && again => prepared = prepare(&netlink, &plan, asked)?,
            Err(ended) => return Err(ended.outcome),
        }
        again = false;
    };
    kept.sentence = format!(
        "{} moved from {} to {} in {took} ms",
        prepared.main.as_ref().and_then(|address| address.text()).unwrap_or_else(|| "everything".into()),
        prepared.snapshot.nic.name,
        prepared.shape.bond.name
    );
    print(&format!("bondstrap: {}\n", escape::printable(&kept.sentence)));
    store.save(&kept).map_err(broken)?;
    drop(lock);
    Ok(up::run(cmdline, up::How::Background))
}

/// The plan with the mode that a flip has if the words name none; and whether they have an `ip=`, without which everything is
/// DHCP.
fn read(cmdline: Option<&str>) -> io::Result<(Plan, bool)> {
    let mut sources = sources(cmdline)?;
    let has_ip = |text: &Vec<u8>| text.split(u8::is_ascii_whitespace).any(|word| word.starts_with(b"ip="));
    let asks = sources.baked.iter().chain([&sources.boot]).any(has_ip);
    sources.baked.insert(0, super::FLIP.to_vec());
    Ok((crate::words::plan(&sources), asks))
}

/// What ends it before it begins.
fn refuse(plan: &Plan, asked: Asked) -> Option<ExitCode> {
    if plan.has_errors() {
        plan.problems.iter().for_each(|problem| complain(table::render_problem(problem).trim_end()));
        complain(
            "nothing was touched; correct the words, and check them anywhere with bondstrap --cmdline '...' plan",
        );
        return Some(ExitCode::from(Exit::Words as u8));
    }
    if !plan.active {
        print("bondstrap: the boot line asks for no bond (bond=...); the machine is left alone\n");
        return Some(ExitCode::SUCCESS);
    }
    if !asked.dry_run && !is_root() {
        complain("flip changes the network and needs root; flip --dry-run does not");
        return Some(ExitCode::from(Exit::Unexpected as u8));
    }
    None
}

fn take_lock(store: &Store) -> Result<Lock, Outcome> {
    match store.lock() {
        Ok(Some(lock)) => Ok(lock),
        Ok(None) => {
            let engine = store.load().filter(Store::engine_lives);
            let sentence = engine.map_or_else(
                || "another bondstrap is at work just now (flip, up or down): wait for its end, and try again".into(),
                |state| {
                    format!(
                        "an engine is at work already (process {}): what it has built can't be flipped; bondstrap status shows \
                         it, bondstrap down gives it back",
                        state.pid
                    )
                },
            );
            Err(Outcome { exit: Exit::Words, sentence })
        }
        Err(error) => Err(unexpected(&error)),
    }
}

/// A bond that an earlier engine has left is known by its state alone, which this flip's would replace.
fn nothing_left(store: &Store) -> Result<(), Outcome> {
    let Some(state) = store.load() else { return Ok(()) };
    let Some(bond) = state.found.bonds.iter().find(|bond| super::is_bond(&bond.name)) else { return Ok(()) };
    let sentence = format!(
        "{} of an earlier bondstrap up or flip is still there: bondstrap up goes on with it, bondstrap down gives it back",
        bond.name
    );
    Err(Outcome { exit: Exit::Words, sentence })
}

fn shown(steps: &[Step], targets: &[Target]) -> String {
    let mut text = String::new();
    for (number, step) in steps.iter().enumerate() {
        text.push_str(&format!("{:>3}  {}\n", number + 1, escape::printable(&step.name)));
    }
    let names: Vec<String> = targets.iter().map(Target::name).collect();
    let who = if names.is_empty() { "nobody".into() } else { names.join(", ") };
    text.push_str(&format!(
        "     who has to answer: {who}; if not, or if a step fails, everything is put back\n"
    ));
    text
}

/// Whoever does not answer now would not answer afterwards either.
fn answered_before(prepared: &Prepared, netlink: &Netlink) -> Result<(), Outcome> {
    let asked = prepared.targets.iter().filter(|target| !matches!(target, Target::Neighbour(_)));
    for target in asked {
        if !target.answers(netlink, prepared.snapshot.nic.index, BEFORE, || false) {
            let sentence = format!(
                "{} does not answer over {} as it is, for {} s by now, so nothing was touched; see to that first, or name \
                 somebody else with --check ADDRESS",
                target.name(),
                prepared.snapshot.nic.name,
                BEFORE.as_secs()
            );
            return Err(Outcome { exit: Exit::NoAddress, sentence });
        }
    }
    Ok(())
}

/// The part in which nothing may touch a disk.
fn perform(
    steps: &[Step],
    prepared: &Prepared,
    plan: &Plan,
    store: &Store,
    state: &State,
) -> Result<(), Ended> {
    let limits = Limits { carrier: seconds(plan.timeouts.carrier), partner: seconds(plan.timeouts.lacp) };
    let (kmsg, held) = (kernel_log(), store.hold().map_err(|error| unexpected(&error))?);
    let told = |left: &[String]| {
        if left.is_empty() {
            held.forget();
        }
        tell_killed(kmsg.as_ref(), "flip", left);
    };
    let (targets, bond) = (prepared.targets.clone(), prepared.shape.bond.index);
    // Where this process is killed once the state is there, the other one takes it away again.
    let ran = guarded::run(steps, limits, targets, bond, &told, || store.save(state));
    let Ran { ended, took, late } = ran.map_err(|error| Outcome {
        exit: Exit::Unexpected,
        sentence: format!(
            "nothing was touched: memory can't be locked, no watchdog be had, or the state not be written: {error}"
        ),
    })?;
    for (step, took) in steps.iter().zip(took).filter(|_| plan.bondstrap.log >= LogLevel::Debug) {
        complain(&format!("{took} ms: {}", step.name));
    }
    if let (Ok(()), Some(signal)) = (&ended, late) {
        complain(&format!("{signal} came when everything was moved already: bondstrap down moves it back"));
    }
    ended.map_err(|failure| {
        if failure.left.is_empty() {
            held.forget();
        }
        let taken = failure.trouble.kind == Kind::Taken && failure.left.is_empty();
        Ended { taken, outcome: told_failure(&failure, steps, prepared) }
    })
}

/// A flip that is not to be.
struct Ended {
    /// Something else got in between: another look may do.
    taken: bool,
    outcome: Outcome,
}

impl From<Outcome> for Ended {
    fn from(outcome: Outcome) -> Self {
        Self { taken: false, outcome }
    }
}

fn told_failure(failure: &Failure, steps: &[Step], prepared: &Prepared) -> Outcome {
    let name = steps.get(failure.step).map_or("", |step| step.name.as_str());
    let nic = &prepared.snapshot.nic.name;
    let became = match failure.left.as_slice() {
        [] => format!("everything was put back, and {nic} has its addresses as before"),
        left => format!("not everything could be put back: {}; bondstrap down tries again", left.join("; ")),
    };
    let (exit, advice) = match failure.trouble.kind {
        Kind::Refused => (Exit::Refused, "; see dmesg for what the kernel says to it"),
        Kind::Taken => {
            (Exit::Refused, "; something changes the network all the time: try again when it has done")
        }
        Kind::NoPartner => (Exit::NoPartner, "; check the cables, and what the switch ports are set to"),
        Kind::Silent => (Exit::NoAddress, "; check that the switch lets the bond's frames pass"),
        Kind::Stopped => (Exit::Unexpected, "; bondstrap flip begins anew"),
    };
    let sentence = format!("step {}, {name}: {}{advice}; {became}", failure.step + 1, failure.trouble.text);
    Outcome { exit, sentence }
}

/// What the engine takes up, and `down` gives back. It is written before anything is touched, and holds then, too.
fn state(
    netlink: &Netlink,
    (plan, asks): (&Plan, bool),
    prepared: &Prepared,
    cmdline: Option<&str>,
) -> State {
    let Prepared { shape, snapshot, .. } = prepared;
    let nic = snapshot.nic.index;
    let mut ports = vec![FoundPort { index: nic, up: true }];
    ports.extend(shape.others.iter().map(|other| FoundPort { index: other.port.index, up: other.up }));
    let mut addresses = netlink.addresses().unwrap_or_default();
    addresses.retain(|address| address.index == nic);
    let known = |ip: IpAddr| addresses.iter().any(|address: &FoundAddress| address.address.ip() == ip);
    let six = snapshot.addresses.iter().filter(|address| !address.is_link_local()).filter_map(|address| {
        // Those with an end as well, which a server or a router gave: the root may come by one.
        let address6 = address.ip().filter(|ip| ip.is_ipv6() && !known(*ip))?;
        let (address, lifetime) = (IpNetwork::new(address6, address.prefix()).ok()?, address.lifetime());
        Some(FoundAddress { index: nic, address, broadcast: None, lifetime })
    });
    let six: Vec<FoundAddress> = six.collect();
    addresses.extend(six);
    let mut defaults = netlink.defaults().unwrap_or_default();
    defaults.retain(|route| route.index == nic);
    let found = Found {
        ports,
        bonds: vec![FoundBond { index: 0, name: shape.bond.name.clone(), before: prepared.before }],
        addresses,
        defaults,
        flipped: true,
        ..Found::default()
    };
    let pid = std::process::id();
    let mut state = State {
        version: 1,
        pid,
        pid_start: process_start(pid).unwrap_or_default(),
        cmdline: cmdline.map(str::to_owned),
        phase: Phase::Building,
        came_online: true,
        found,
        ..State::default()
    };
    let spec = spec_of(plan, &shape.bond.name, Some(shape.mac));
    let leases = spec.is_some_and(|spec| spec.ipv4.method == Method4::Dhcp);
    // Where no word says so, an address without an end is taken for one that somebody has set by hand.
    let has_end = prepared.main.as_ref().is_some_and(|main| main.lifetime().is_some());
    if let Some(lease) = lease(prepared).filter(|_| leases && (has_end || asks)) {
        state.lease.insert(shape.bond.name.clone(), lease);
    }
    state
}

/// A lease whose end is not known lasts so long, until a server has said more. Seconds.
const UNKNOWN: u32 = 3_600;
/// And the servers are asked after this time. Milliseconds.
const ASK: Millis = 300_000;

/// The address as a lease, for our client to ask whether it holds (INIT-REBOOT). Who gave it is not known: until a server
/// has confirmed it nobody is asked by unicast (T1 and T2 fall together), whatever stands as its server.
fn lease(prepared: &Prepared) -> Option<Lease> {
    let main = prepared.main.as_ref()?;
    let Some(IpAddr::V4(address)) = main.ip() else { return None };
    let routers = prepared.snapshot.gateways().into_iter().filter_map(|gateway| match gateway {
        IpAddr::V4(gateway) => Some(gateway),
        IpAddr::V6(_) => None,
    });
    let routers: Vec<Ipv4Addr> = routers.take(1).collect();
    // Without an end it may all the same be one that a client got which tells the kernel nothing (klibc's ipconfig).
    let seconds = main.lifetime().unwrap_or(UNKNOWN);
    let half = main.lifetime().map_or(ASK, |seconds| u64::from(seconds) * 500);
    let server = routers.first().copied().unwrap_or(address);
    Some(Lease {
        routers,
        lease_secs: Some(seconds),
        t1: Some(half),
        t2: Some(half + 1),
        obtained_at: boottime(),
        ..Lease::bare(address, main.prefix(), server)
    })
}
