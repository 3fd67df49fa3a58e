//! `wait`: blocks until online, also for an engine that has yet to start.

use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use super::{finish, print, result, runtime};
use crate::engine::state::Phase;
use crate::engine::types::{Exit, Outcome};
use crate::handover::store::{RUN, Store};
use crate::run::unexpected;

/// Waits at most `timeout` seconds.
pub fn run(timeout: u32) -> ExitCode {
    let store = Store::new(Path::new(RUN));
    let waited = runtime().and_then(|runtime| {
        runtime.block_on(async {
            let mut watch = store.watch()?;
            let result = result(&store, &mut watch, false);
            match tokio::time::timeout(Duration::from_secs(timeout.into()), result).await {
                Ok(outcome) => outcome,
                Err(_) => Ok(too_late(&store, timeout)),
            }
        })
    });
    let outcome = waited.unwrap_or_else(|error| unexpected(&error));
    if outcome.exit == Exit::Online {
        print(&format!("{}\n", outcome.sentence));
    }
    finish(&outcome)
}

/// The limit is over: where is the engine, then?
fn too_late(store: &Store, timeout: u32) -> Outcome {
    let alive = store.load().filter(Store::engine_lives);
    let Some(state) = alive else {
        let sentence = format!("no engine came to work within {timeout} s; start one with bondstrap up");
        return Outcome { exit: Exit::Unexpected, sentence };
    };
    let exit = match state.phase {
        Phase::Settling => Exit::NoPorts,
        Phase::Building => Exit::Refused,
        Phase::Lacp => Exit::NoPartner,
        Phase::Dhcp => Exit::NoAddress,
        Phase::Online | Phase::Failed | Phase::Stopped => Exit::Unexpected,
    };
    let what = state.waiting.map_or("its next step".to_owned(), |waiting| waiting.told());
    let sentence =
        format!("not online within {timeout} s; still awaited: {what}. bondstrap status tells more");
    Outcome { exit, sentence }
}
