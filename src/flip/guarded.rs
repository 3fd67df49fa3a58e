//! Steps that this process does, with another one behind it that goes the way back where this one is killed.

use std::fs::File;
use std::io::{self, Write};

use super::check::Target;
use super::live::{Limits, Live};
use super::memory::{lock_memory, unlock_memory};
use super::runner::{Failure, run as run_steps};
use super::signals::Signals;
use super::steps::Step;
use super::watchdog::{DONE, Told, Watchdog};

/// What became of it.
#[derive(Debug)]
pub struct Ran {
    /// As [`run_steps`] gave it.
    pub ended: Result<(), Failure>,
    /// How long each step took that was followed by another, in milliseconds.
    pub took: Vec<u128>,
    /// A signal that came when it was too late to go back.
    pub late: Option<&'static str>,
}

/// Does all steps. From the moment that `ready` is called the other process would go the way back, and then say so by
/// `told`. `on`: index of the interface by which a neighbour among the `targets` is reached.
///
/// # Errors
/// Where it could not begin, or `ready` failed; nothing was touched.
pub fn run(
    steps: &[Step],
    limits: Limits,
    targets: Vec<Target>,
    on: u32,
    told: &Told<'_>,
    ready: impl FnOnce() -> io::Result<()>,
) -> io::Result<Ran> {
    let signals = Signals::hold()?;
    let ran = lock_memory().and_then(|()| {
        let (watchdog, tell) = Watchdog::start(steps, limits, on, told)?;
        let live = Live::worker(limits, targets, on, tell, signals);
        let ran = live.and_then(|mut live| {
            let ended = ready().map(|()| run_steps(steps, &mut live));
            live.tell(DONE);
            Ok(Ran { ended: ended?, took: live.took(), late: live.signalled() })
        });
        // Without a word before it the pipe's end is taken for this process's death; nothing has begun then.
        watchdog.end();
        ran
    });
    unlock_memory();
    ran
}

/// The kernel's log, for whoever is left to say something there.
pub fn kernel_log() -> Option<File> {
    std::fs::OpenOptions::new().write(true).open("/dev/kmsg").ok()
}

/// Says there that `what` was killed, and what is left of it.
pub fn tell_killed(log: Option<&File>, what: &str, left: &[String]) {
    let Some(mut log) = log else { return };
    let line = match left {
        [] => format!("bondstrap {what} was killed: everything was put back\n"),
        _ => format!("bondstrap {what} was killed; what could not be put back: {}\n", left.join("; ")),
    };
    let _ = log.write_all(line.as_bytes());
}
