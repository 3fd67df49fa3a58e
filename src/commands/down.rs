//! `down`: the lease goes back to its server, the bond goes, the NICs are as they were found.

use std::io;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::{complain, is_flipped, is_root, print, read_plan, runtime, seconds};
use crate::engine::state::State;
use crate::engine::types::Exit;
use crate::flip::{self, home::Brought, memory::leave_disk};
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
        // A root may stand on what is about to move.
        leave_disk();
    }
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
            bring_home(&mut state)?;
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
fn bring_home(state: &mut State) -> io::Result<()> {
    // As the limit of a flip is: a switch port may take long to forward. Those of an image may be unknown by now.
    let words = read_plan(state.cmdline.as_deref());
    let carrier = words.map_or(LEAST, |plan| plan.timeouts.carrier.max(LEAST));
    match flip::home::bring(&state.found, seconds(carrier))? {
        Brought::Moved => state.found.moved_back(),
        // What was found is put back on the NIC as it was then.
        Brought::NothingThere => {}
        Brought::Stayed(why) => {
            let text = format!(
                "the addresses could not go back to their NIC, and are on the bond as before: {why}; see to that, or go on with \
                 it: bondstrap up"
            );
            return Err(io::Error::other(text));
        }
    }
    if !state.lease.is_empty() || state.ipv6.values().any(|ipv6| ipv6.lease.is_some()) {
        log::warn!("nobody renews the lease from here on: start a DHCP client on the NIC");
    }
    state.lease.clear();
    state.ipv6.clear();
    Ok(())
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
