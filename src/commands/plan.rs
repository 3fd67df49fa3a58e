//! `plan`: what `up` would do. Touches nothing, needs nobody's rights.

use std::process::ExitCode;

use super::{finish, here, print, sources, support};
use crate::engine::types::Exit;
use crate::plan::{Plan, json, table};
use crate::run::unexpected;
use crate::words;

/// Prints the plan; `as_json`: for programs; `look`: and what it means on this machine.
pub fn run(cmdline: Option<&str>, as_json: bool, look: bool) -> ExitCode {
    let text = sources(cmdline).and_then(|sources| {
        let (plan, mut notes) = words::explained(&sources);
        let text = if as_json {
            json::render(&plan)?
        } else {
            notes.extend(limits(&plan, cmdline.is_none()));
            table::render(&plan, &notes)
        };
        Ok((plan, text))
    });
    let (plan, text) = match text {
        Ok(done) => done,
        Err(error) => return finish(&unexpected(&error)),
    };
    print(&text);
    if look && plan.active {
        match here::links() {
            Ok(links) => print(&table::rows("here", &here::lines(&plan, &links))),
            Err(error) => return finish(&unexpected(&error)),
        }
    }
    ExitCode::from(if plan.has_errors() { Exit::Words } else { Exit::Online } as u8)
}

/// What `up` of this version would say to it, and what XCP-ng would. `own_words`: they are this machine's.
fn limits(plan: &Plan, own_words: bool) -> Vec<String> {
    if !plan.active || plan.has_errors() {
        return Vec::new();
    }
    let lines = support::idle(plan).into_iter().chain(support::missing(plan));
    lines.chain(support::unkept_by_xapi(plan, own_words)).collect()
}
