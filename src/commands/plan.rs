//! `plan`: what `up` would do. Touches nothing, needs nobody's rights.

use std::process::ExitCode;

use super::{print, read_plan};
use crate::engine::types::Exit;
use crate::plan::{Level, json, table};

/// Prints the plan; `as_json`: for programs.
pub fn run(cmdline: Option<&str>, as_json: bool) -> ExitCode {
    let plan = read_plan(cmdline);
    print(&if as_json { json::render(&plan) } else { table::render(&plan) });
    let bad = plan.problems.iter().any(|problem| problem.level == Level::Error);
    ExitCode::from(if bad { Exit::Words } else { Exit::Online } as u8)
}
