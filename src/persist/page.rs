//! One file while it is written.

use std::fmt::{Display, Write};

use super::{Device, Kind};
use crate::escape::ascii;

/// The first line of each file.
const MARK: &str = "# written by bondstrap\n";

/// A text of lines, and what it could not say.
#[derive(Debug)]
pub(super) struct Page {
    pub(super) text: String,
    pub(super) lost: Vec<String>,
    /// Of an INI file: begun, nothing in it yet.
    section: Option<&'static str>,
}

impl Default for Page {
    fn default() -> Self {
        Self { text: MARK.into(), lost: Vec::new(), section: None }
    }
}

impl Page {
    /// Begins a section; its head is written with the first line in it.
    pub(super) fn section(&mut self, name: &'static str) {
        self.section = Some(name);
    }

    /// A line as it stands.
    pub(super) fn line(&mut self, line: &str) {
        self.put(line, &"");
    }

    /// A line: `key` as it stands, indent and sign behind it included, and the value. A `dyn` keeps the program small.
    pub(super) fn put(&mut self, key: &str, value: &dyn Display) {
        if let Some(name) = self.section.take() {
            let _ = write!(self.text, "\n[{name}]\n");
        }
        // Writing to a String does not fail.
        let _ = writeln!(self.text, "{key}{value}");
    }

    /// As [`Self::put`], if there is a value.
    pub(super) fn put_some<T: Display>(&mut self, key: &str, value: &Option<T>) {
        if let Some(value) = value {
            self.put(key, value);
        }
    }

    /// What the format can't say: a comment, and told.
    pub(super) fn lose(&mut self, device: &Device, what: &str) {
        let what = format!("{} of {}", ascii(what), device.id);
        let _ = writeln!(self.text, "# this format can't say: {what}");
        self.lost.push(what);
    }

    /// The same for a peer, which few formats know.
    pub(super) fn lose_peers(&mut self, device: &Device) {
        for peer in [device.peer(true), device.peer(false)].into_iter().flatten() {
            self.lose(device, &format!("the peer {peer}"));
        }
    }
}

/// Its bond's options, each with what says it in a format (`spell`); without, it is told.
pub(super) fn options(
    page: &mut Page,
    device: &Device,
    key: &str,
    spell: &dyn Fn(&'static str, &str) -> Option<String>,
) {
    let Kind::Bond(_, options) = &device.kind else { return };
    for (name, value) in &options.0 {
        match spell(name, value) {
            Some(line) => page.put(key, &line),
            None => page.lose(device, &format!("{name}={value}")),
        }
    }
}
