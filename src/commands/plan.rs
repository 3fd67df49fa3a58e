//! `plan`: what `up` would do. Touches nothing, needs nobody's rights.

use std::process::ExitCode;

use super::{finish, print, read_plan, support};
use crate::engine::types::Exit;
use crate::escape;
use crate::plan::{Plan, json, table};
use crate::run::unexpected;

/// Prints the plan; `as_json`: for programs.
pub fn run(cmdline: Option<&str>, as_json: bool) -> ExitCode {
    let text = read_plan(cmdline).and_then(|plan| {
        let text = if as_json {
            json::render(&plan)?
        } else {
            table::render(&plan) + &limits(&plan, cmdline.is_none())
        };
        Ok((plan, text))
    });
    let (plan, text) = match text {
        Ok(done) => done,
        Err(error) => return finish(&unexpected(&error)),
    };
    print(&text);
    ExitCode::from(if plan.has_errors() { Exit::Words } else { Exit::Online } as u8)
}

/// What `up` of this version would say to it, and what XCP-ng would. `own_words`: they are this machine's.
fn limits(plan: &Plan, own_words: bool) -> String {
    if !plan.active || plan.has_errors() {
        return String::new();
    }
    let lines = support::idle(plan).into_iter().chain(support::missing(plan));
    let lines = lines.chain(support::unkept_by_xapi(plan, own_words));
    lines.map(|line| format!("note       {}\n", escape::printable(&line))).collect()
}
