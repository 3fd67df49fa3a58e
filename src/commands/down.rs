//! `down`: the lease goes back to its server, the bond goes, the NICs are as they were found.

use std::io;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::{complain, is_flipped, is_root, leave_disk, let_others_read, print, read_plan, runtime, seconds};
use crate::engine::state::State;
use crate::engine::types::Exit;
use crate::flip::{self, home::Brought};
use crate::handover::store::{Lock, RUN, Store};
use crate::plan::LogLevel;
use crate::report;
use crate::run;

/// An engine that is told to stop does so within this time.
const LIMIT: Duration = Duration::from_secs(15);

const NOTHING: &str = "bondstrap: nothing to give back: no engine is at work\n";

/// Undoes everything.
pub fn run() -> ExitCode {
    if !is_root() {
        complain("down changes the network and needs root");
        return ExitCode::from(Exit::Unexpected as u8);
    }
    let store = Store::new(Path::new(RUN));
    if is_flipped(&store) {
        leave_disk();
    }
    let_others_read();
    match undo(&store) {
        Ok(trouble) if trouble.is_empty() => ExitCode::SUCCESS,
        Ok(trouble) => {
            complain(&format!("not everything could be given back: {}", trouble.join("; ")));
            ExitCode::from(Exit::Refused as u8)
        }
        Err(error) => {
            complain(&format!("nothing could be given back: {error}"));
            ExitCode::from(Exit::Unexpected as u8)
        }
    }
}

fn undo(store: &Store) -> io::Result<Vec<String>> {
    if !store.path().exists() {
        print(NOTHING);
        return Ok(Vec::new());
    }
    runtime()?.block_on(async {
        let _lock = stop_engine(store).await?;
        // The engine may have given back everything itself.
        let Some(mut state) = store.load() else {
            if store.is_damaged() {
                let text = "state.json can't be read, so nothing is known of what was there before; remove the bond by \
                            hand: ip link del NAME";
                return Err(io::Error::other(text));
            }
            print(NOTHING);
            return Ok(Vec::new());
        };
        report::log::start(LogLevel::Warn, None);
        if state.found.flipped {
            bring_home(&mut state, store)?;
        }
        for (interface, lease) in &state.lease {
            if let Some(client) = state.clients.get(interface) {
                run::release(interface, lease, client).await;
            }
        }
        for (interface, ipv6) in &state.ipv6 {
            if let (Some(lease), Some(duid), Some(iaid)) = (&ipv6.lease, &ipv6.duid, ipv6.iaid) {
                run::release6(interface, lease, duid, iaid).await;
            }
        }
        let trouble = run::give_back(&state, store).await?;
        // What could not be given back can be tried again.
        if trouble.is_empty() {
            store.forget();
            print("bondstrap: everything was given back\n");
        }
        Ok(trouble)
    })
}

/// A NIC that was a port negotiates anew. Seconds.
const LEAST: u32 = 10;

/// What `flip` has moved goes back to its NIC, with the leases: they are in use, and stay so.
fn bring_home(state: &mut State, store: &Store) -> io::Result<()> {
    // As the limit of a flip is: a switch port may take long to forward. Those of an image may be unknown by now.
    let words = read_plan(state.cmdline.as_deref());
    let carrier = words.map_or(LEAST, |plan| plan.timeouts.carrier.max(LEAST));
    match flip::home::bring(&state.found, seconds(carrier))? {
        Brought::Moved => {
            keep_no_lease(state);
            moved_back(state, store);
        }
        // What was found is put back on the NIC as it was then.
        Brought::NothingThere => keep_no_lease(state),
        Brought::Stayed(why) => {
            let text = format!(
                "the addresses could not go back to their NIC, and are on the bond as before: {why}; see to that, or go on with \
                 it: bondstrap up"
            );
            return Err(io::Error::other(text));
        }
    }
    Ok(())
}

/// Whoever goes on from here, another `down` or an `up`, is not to take what is on the NIC for what is on the bond.
fn moved_back(state: &mut State, store: &Store) {
    state.found.moved_back();
    if let Err(error) = store.save(state) {
        log::warn!("the state can't be written to {}: {error}", store.path().display());
    }
}

/// The leases are of the NIC now, and in use there.
fn keep_no_lease(state: &mut State) {
    if !state.lease.is_empty() || state.ipv6.values().any(|ipv6| ipv6.lease.is_some()) {
        log::warn!("nobody renews the lease from here on: start a DHCP client on the NIC");
    }
    state.lease.clear();
    state.ipv6.clear();
}

/// Ends a living engine and waits until it has let go of the lock, which is ours then.
async fn stop_engine(store: &Store) -> io::Result<Lock> {
    let gone = async {
        let mut told = None;
        loop {
            if let Some(lock) = store.lock()? {
                return Ok(lock);
            }
            // One that has only just started may have written nothing yet.
            let state = store.load().filter(Store::engine_lives);
            if let Some(pid) = state.map(|state| state.pid).filter(|pid| told != Some(*pid)) {
                kill(Pid::from_raw(i32::try_from(pid).map_err(io::Error::other)?), Signal::SIGTERM)?;
                told = Some(pid);
            }
            // Nothing tells that a lock is free; the engine needs some milliseconds.
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    let late = || io::Error::other(format!("the engine did not end within {} s", LIMIT.as_secs()));
    tokio::time::timeout(LIMIT, gone).await.unwrap_or_else(|_| Err(late()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::state::{Found, FoundAddress, FoundPort};

    #[test]
    fn once_it_is_on_the_nic_nobody_takes_it_for_flipped() {
        let directory = std::env::temp_dir().join(format!("bondstrap-down-{}", std::process::id()));
        let store = Store::new(&directory);
        store.prepare().unwrap();
        let address = "192.0.2.10/24".parse().unwrap();
        let moved = FoundAddress { index: 2, address, broadcast: None, lifetime: Some(600) };
        let ports = vec![FoundPort { index: 2, up: true }];
        let found = Found { flipped: true, ports: ports.clone(), addresses: vec![moved], ..Found::default() };
        let mut state = State { version: 1, found, ..State::default() };
        store.save(&state).unwrap();
        moved_back(&mut state, &store);
        let left = store.load().unwrap().found;
        std::fs::remove_dir_all(&directory).unwrap();
        assert_eq!(left, Found { ports, ..Found::default() });
    }
}
