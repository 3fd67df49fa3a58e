//! `plan`: what `up` would do. Touches nothing, needs nobody's rights.

use std::process::ExitCode;

use super::{finish, print, read_plan};
use crate::engine::types::Exit;
use crate::plan::{Level, json, table};
use crate::run::unexpected;

/// Prints the plan; `as_json`: for programs.
pub fn run(cmdline: Option<&str>, as_json: bool) -> ExitCode {
    let text = read_plan(cmdline).and_then(|plan| {
        let text = if as_json { json::render(&plan)? } else { table::render(&plan) };
        Ok((plan, text))
    });
    let (plan, text) = match text {
        Ok(done) => done,
        Err(error) => return finish(&unexpected(&error)),
    };
    print(&text);
    let bad = plan.problems.iter().any(|problem| problem.level == Level::Error);
    ExitCode::from(if bad { Exit::Words } else { Exit::Online } as u8)
}
