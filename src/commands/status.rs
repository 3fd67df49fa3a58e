//! `status`: what is, and what is being waited for. Needs nobody's rights.

use std::path::Path;
use std::process::ExitCode;

use super::{complain, print};
use crate::escape;
use crate::handover::store::{RUN, Store};
use crate::report::status;
use crate::sys::boottime;

/// Prints the state; `as_json`: the file as it is.
pub fn run(as_json: bool) -> ExitCode {
    let store = Store::new(Path::new(RUN));
    let Some(state) = store.load() else {
        complain("no engine is at work, and nothing is left of one; bondstrap up starts one");
        return ExitCode::from(1);
    };
    if as_json {
        match serde_json::to_string_pretty(&state) {
            Ok(text) => print(&(text + "\n")),
            Err(error) => complain(&format!("the state can't be shown: {error}")),
        }
    } else {
        print(&escape::lines(&status::text(&state, boottime(), Store::engine_lives(&state))));
    }
    ExitCode::SUCCESS
}
