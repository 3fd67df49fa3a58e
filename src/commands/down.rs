//! `down`: the lease goes back to its server, the bond goes, the NICs are as they were found.

use std::io;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::{complain, is_root, print, runtime};
use crate::engine::state::State;
use crate::engine::types::Exit;
use crate::handover::store::{RUN, Store};
use crate::run;

/// An engine that is told to stop does so within this time.
const LIMIT: Duration = Duration::from_secs(15);

/// Undoes everything.
pub fn run() -> ExitCode {
    if !is_root() {
        complain("down changes the network and needs root");
        return ExitCode::from(Exit::Unexpected as u8);
    }
    match undo(&Store::new(Path::new(RUN))) {
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
    let Some(state) = store.load() else {
        print("bondstrap: nothing to give back: no engine has been at work\n");
        return Ok(Vec::new());
    };
    runtime()?.block_on(async {
        stop_engine(store, &state).await?;
        let Some(_lock) = store.lock()? else {
            return Err(io::Error::other("another engine has started in the meantime"));
        };
        // The engine may have given back everything itself.
        let state = store.load().unwrap_or_default();
        crate::report::log::start(crate::plan::LogLevel::Warn, None);
        for (interface, lease) in &state.lease {
            if let Some(client) = state.clients.get(interface) {
                run::release(interface, lease, client).await;
            }
        }
        let trouble = run::give_back(&state, store).await?;
        store.forget();
        print("bondstrap: everything was given back\n");
        Ok(trouble)
    })
}

/// Ends a living engine and waits until it has let go of the lock.
async fn stop_engine(store: &Store, state: &State) -> io::Result<()> {
    if store.lock()?.is_some() {
        return Ok(());
    }
    let pid = i32::try_from(state.pid).map_err(io::Error::other)?;
    if !Store::engine_lives(state) {
        return Err(io::Error::other("an engine that is not the state's holds the lock"));
    }
    kill(Pid::from_raw(pid), Signal::SIGTERM)?;
    let gone = async {
        while store.lock()?.is_none() {
            // Nothing tells that a lock is free; the engine needs some milliseconds.
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Ok(())
    };
    tokio::time::timeout(LIMIT, gone).await.unwrap_or_else(|_| {
        Err(io::Error::other(format!("the engine (process {pid}) did not end within {} s", LIMIT.as_secs())))
    })
}
