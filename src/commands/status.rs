//! `status`: what is, and what is being waited for. Needs nobody's rights.

use std::io::IsTerminal;
use std::path::Path;
use std::process::ExitCode;

use super::{complain, print};
use crate::escape;
use crate::handover::store::{RUN, Store};
use crate::report::{layout, status};
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
        let text = escape::lines(&status::text(&state, boottime(), Store::engine_lives(&state)));
        print(&if shows_colour() { layout::painted(&text) } else { text });
    }
    ExitCode::SUCCESS
}

/// A terminal that has colour, and a user who has not asked for none (no-color.org).
fn shows_colour() -> bool {
    let is_set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    let has_colour = std::env::var_os("TERM").is_some_and(|term| !term.is_empty() && term != "dumb");
    std::io::stdout().is_terminal() && has_colour && !is_set("NO_COLOR")
}
