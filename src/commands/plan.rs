//! `plan`: what `up` would do. Touches nothing, needs nobody's rights.

use std::io;
use std::process::ExitCode;

use super::{finish, here, print, sources, support};
use crate::engine::types::Exit;
use crate::plan::{Plan, json, table};
use crate::run::unexpected;
use crate::words;

/// Prints the plan; `as_json`: for programs; `look`: and what it means on this machine.
pub fn run(cmdline: Option<&str>, as_json: bool, look: bool) -> ExitCode {
    match show(cmdline, as_json, look) {
        Ok(plan) => ExitCode::from(if plan.has_errors() { Exit::Words } else { Exit::Online } as u8),
        Err(error) => finish(&unexpected(&error)),
    }
}

fn show(cmdline: Option<&str>, as_json: bool, look: bool) -> io::Result<Plan> {
    let (plan, mut notes) = words::explained(&sources(cmdline)?);
    // The plan is there, whatever the look at the machine comes to.
    let mut text = if as_json {
        json::render(&plan)?
    } else {
        notes.extend(limits(&plan, cmdline.is_none()));
        table::render(&plan, &notes)
    };
    if look && plan.active {
        let links = here::links().inspect_err(|_| print(&text))?;
        let lines = here::lines(&plan, &links);
        if as_json {
            text = json::render_here(&plan, &lines)?;
        } else {
            text.push_str(&table::rows("here", &lines));
        }
    }
    print(&text);
    Ok(plan)
}

/// What `up` of this version would say to it, and what XCP-ng would. `own_words`: they are this machine's.
fn limits(plan: &Plan, own_words: bool) -> Vec<String> {
    if !plan.active || plan.has_errors() {
        return Vec::new();
    }
    support::idle(plan).into_iter().chain(support::lacking_for_xcp_ng(plan, own_words)).collect()
}
