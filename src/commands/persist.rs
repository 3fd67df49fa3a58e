//! `persist`: the configuration with which the installed system keeps the bond.

use std::io;
use std::path::Path;
use std::process::ExitCode;

use super::{complain, finish, print, read_plan};
use crate::engine::types::{Exit, Outcome};
use crate::handover::root::Root;
use crate::handover::store::{RUN, Store};
use crate::persist::{Format, Rendered, keep::keep, render};
use crate::plan::table;
use crate::run::unexpected;

/// Prints it, or writes it below `root`. `label`: of management.conf, the NIC in its LABEL.
pub fn run(cmdline: Option<&str>, format: Format, root: Option<&str>, label: Option<&str>) -> ExitCode {
    let refused = |sentence: String| finish(&Outcome { exit: Exit::Words, sentence });
    match (format, root, label) {
        (Format::Management, Some(_), _) => {
            return refused(
                "--root: management.conf is the installer's own file; print the two lines and append them"
                    .into(),
            );
        }
        (Format::Management, None, _) | (_, _, None) => {}
        _ => return refused("--label is for management.conf only; leave it out".into()),
    }
    let state = Store::new(Path::new(RUN)).load();
    // An engine that was given its words by hand is asked about those.
    let words = cmdline.or(state.as_ref().and_then(|state| state.cmdline.as_deref()));
    let plan = match read_plan(words) {
        Ok(plan) => plan,
        Err(error) => return finish(&unexpected(&error)),
    };
    if plan.has_errors() {
        plan.problems.iter().for_each(|problem| complain(table::render_problem(problem).trim_end()));
        return refused("nothing can be kept; correct the words first".into());
    }
    if !plan.active {
        complain("the words ask for no bond (bond=...): there is nothing to keep");
        return ExitCode::SUCCESS;
    }
    let kept = match keep(&plan, state.as_ref()) {
        Ok(kept) => kept,
        Err(sentence) => return refused(sentence),
    };
    let rendered = match render(format, &kept, label) {
        Ok(rendered) => rendered,
        Err(sentence) => return refused(sentence),
    };
    // xapi goes by names, and has its own address.
    if format != Format::Management {
        kept.notes.iter().for_each(|note| complain(note));
    }
    rendered.notes.iter().for_each(|note| complain(note));
    rendered.lost.iter().for_each(|lost| complain(&format!("the format can't say {lost}")));
    match root {
        None if format == Format::Management => rendered.files.iter().for_each(|file| print(&file.text)),
        None => print(&rendered.print()),
        Some(root) => {
            if let Err(error) = write(Path::new(root), &rendered) {
                return finish(&unexpected(&error));
            }
        }
    }
    ExitCode::SUCCESS
}

fn write(root: &Path, rendered: &Rendered) -> io::Result<()> {
    let place = Root::open(root)
        .map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", root.display())))?;
    for file in &rendered.files {
        place.write(&file.path, file.mode, &file.text)?;
        print(&format!("{}\n", root.join(&file.path).display()));
    }
    Ok(())
}
