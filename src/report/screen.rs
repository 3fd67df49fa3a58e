//! One line on a terminal that tells what is being waited for, and for how long. On anything else there is only
//! the log: a line for each change, never a scroll of repeats.

use std::io::{IsTerminal, Write, stderr};
use std::sync::atomic::{AtomicBool, Ordering};

use crate::clock::Millis;
use crate::engine::state::Waiting;

/// The line is on the terminal: whoever writes next must wipe it first.
static SHOWN: AtomicBool = AtomicBool::new(false);

/// Shorter waits need no line. Milliseconds.
const WORTH_SHOWING: Millis = 2_000;

/// Narrowest terminal there is, less the column that would wrap.
const WIDTH: usize = 79;

/// The terminal, if there is one that can rewrite a line.
#[derive(Debug)]
pub struct Screen {
    usable: bool,
    /// What was drawn last.
    drawn: String,
}

impl Screen {
    /// Looks whether stderr is such a terminal.
    pub fn new() -> Self {
        let able = std::env::var("TERM").is_ok_and(|term| !term.is_empty() && term != "dumb");
        Self { usable: able && stderr().is_terminal(), drawn: String::new() }
    }

    /// Whether the line is to be drawn again in a second.
    pub fn wants_tick(&self, waiting: Option<&Waiting>) -> bool {
        self.usable && waiting.is_some() && super::log::has_terminal()
    }

    /// Draws the line, unless it stands there already: a serial console is slow, and may be captured.
    pub fn show(&mut self, now: Millis, waiting: &Waiting) {
        if !self.wants_tick(Some(waiting)) || now < waiting.since_ms + WORTH_SHOWING {
            return;
        }
        let line = line(now, waiting);
        if SHOWN.swap(true, Ordering::Relaxed) && line == self.drawn {
            return;
        }
        let _ = write!(stderr(), "\r\x1b[K{line}");
        self.drawn = line;
    }
}

impl Default for Screen {
    fn default() -> Self {
        Self::new()
    }
}

/// Wipes the line, if it is there.
pub fn wipe() {
    if SHOWN.swap(false, Ordering::Relaxed) {
        let _ = write!(stderr(), "\r\x1b[K");
    }
}

/// `  12 s of 35 s: waiting for …`, cut to the terminal's width.
fn line(now: Millis, waiting: &Waiting) -> String {
    let passed = now.saturating_sub(waiting.since_ms) / 1_000;
    let limit = waiting.limit_ms.map_or(String::new(), |limit| format!(" of {} s", limit / 1_000));
    let line = format!("  {passed} s{limit}: waiting for {}", waiting.told());
    if line.chars().count() <= WIDTH { line } else { line.chars().take(WIDTH - 1).chain(['…']).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_tells_time_and_limit_and_never_wraps() {
        let mut waiting = Waiting {
            what: "an LACP partner".into(),
            since_ms: 1_000,
            limit_ms: Some(35_000),
            ..Waiting::default()
        };
        assert_eq!(line(13_400, &waiting), "  12 s of 35 s: waiting for an LACP partner");
        waiting.limit_ms = None;
        assert_eq!(line(3_000, &waiting), "  2 s: waiting for an LACP partner");
        waiting.what = "x".repeat(200);
        assert_eq!(line(3_000, &waiting).chars().count(), WIDTH);
    }
}
