//! The process that stays behind: where whoever flips is killed, it goes the way back.
//!
//! It is told each step by a pipe before that begins. The pipe's end without a word before it is the other one's death,
//! and by then the kernel has done what was asked last: requests are done within the call that sends. The two share no
//! session, no process group, no name and no netlink socket, so that what hits one of them does not hit both.

use std::io::{self, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::time::{Duration, Instant};

use nix::fcntl::OFlag;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, getppid, pipe2, read, write};

use super::live::{Limits, Live};
use super::memory::lock_memory;
use super::runner::back;
use super::steps::Step;
use crate::sys::fork;

/// It is done, or was put back: nothing is left to do.
pub const DONE: u8 = 0xff;
/// No flip has more steps.
pub const LAST: u8 = 0xf0;

/// Beside the limits of the waits a flip takes so long at most; then it hangs, and is ended.
const SLACK: Duration = Duration::from_secs(15);
/// One that was killed is gone within this time, unless the kernel holds it.
const DYING: Duration = Duration::from_secs(5);

/// A watchdog at work.
#[derive(Debug)]
pub struct Watchdog {
    pid: Pid,
}

/// What it does once it has gone the way back: tells what could not be put back.
pub type Told<'a> = dyn Fn(&[String]) + 'a;

impl Watchdog {
    /// Starts it, and waits until it watches. Gives the pipe's end for [`Live::worker`].
    ///
    /// # Errors
    /// Where it can't be started, or can't lock its memory.
    pub fn start(steps: &[Step], limits: Limits, on: u32, told: &Told<'_>) -> io::Result<(Self, OwnedFd)> {
        let (progress, tell) = pipe2(OFlag::O_CLOEXEC)?;
        let (is_ready, ready) = pipe2(OFlag::O_CLOEXEC)?;
        let quiet = std::fs::OpenOptions::new().read(true).write(true).open("/dev/null")?;
        let mut ends = Some((tell, is_ready));
        let pid = fork(|| {
            drop(ends.take());
            match watch(steps, limits, on, &progress, &ready, &quiet) {
                Ok(Some(left)) => {
                    told(&left);
                    0
                }
                Ok(None) => 0,
                Err(_) => 1,
            }
        })?;
        let Some((tell, is_ready)) = ends else { return Err(io::ErrorKind::Other.into()) };
        drop(ready);
        if read(is_ready.as_fd(), &mut [0])? == 0 {
            return Err(io::Error::other("the watchdog can't lock its memory (mlockall)"));
        }
        Ok((Self { pid }, tell))
    }

    /// Waits for its end, once it was told that it is done.
    pub fn end(self) {
        let _ = nix::sys::wait::waitpid(self.pid, None);
    }
}

/// Watches; gives what could not be put back, if it went the way back.
fn watch(
    steps: &[Step],
    limits: Limits,
    on: u32,
    progress: &OwnedFd,
    ready: &OwnedFd,
    quiet: &std::fs::File,
) -> io::Result<Option<Vec<String>>> {
    let parent = getppid();
    nix::unistd::setsid()?;
    let _ = nix::sys::prctl::set_name(c"flip-watchdog");
    nix::unistd::dup2_stdin(quiet)?;
    nix::unistd::dup2_stdout(quiet)?;
    nix::unistd::dup2_stderr(quiet)?;
    // Out of memory, the other one may go; this one not. Nor when whatever has started the two is stopped with all of its
    // processes.
    let _ = std::fs::write("/proc/self/oom_score_adj", "-1000");
    for group in ["/sys/fs/cgroup/cgroup.procs", "/sys/fs/cgroup/systemd/cgroup.procs"] {
        let _ = std::fs::OpenOptions::new().write(true).open(group).and_then(|mut file| file.write_all(b"0"));
    }
    lock_memory()?;
    let mut live = Live::back_only(limits, on)?;
    write(ready.as_fd(), &[1])?;
    let mut end = Instant::now() + SLACK + limits.partner + limits.carrier * 4;
    let (mut begun, mut killed) = (None, false);
    loop {
        let left = end.saturating_duration_since(Instant::now());
        let patience = PollTimeout::try_from(left).unwrap_or(PollTimeout::MAX);
        let mut byte = [0];
        match poll(&mut [PollFd::new(progress.as_fd(), PollFlags::POLLIN)], patience) {
            Ok(0) if killed => break,
            Ok(0) => {
                let _ = kill(parent, Signal::SIGKILL);
                // What it has asked the kernel for last has to be done before the way back begins: the pipe's end says so.
                (killed, end) = (true, Instant::now() + DYING);
            }
            Err(nix::Error::EINTR) => continue,
            Err(error) => return Err(error.into()),
            Ok(_) => match read(progress.as_fd(), &mut byte) {
                Ok(0) => break,
                Ok(_) if byte[0] == DONE => return Ok(None),
                Ok(_) => begun = Some(usize::from(byte[0])),
                Err(nix::Error::EINTR) => {}
                Err(error) => return Err(error.into()),
            },
        }
    }
    let begun = begun.and_then(|step| steps.get(..=step)).unwrap_or_default();
    Ok(Some(back(begun, &mut live)))
}
