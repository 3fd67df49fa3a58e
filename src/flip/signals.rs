//! Signals wait while something is on its way, and never end this process in between.

use std::io;

use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};

/// These end what is going on, between two steps.
const ENDING: [Signal; 2] = [Signal::SIGTERM, Signal::SIGINT];
/// These would end or stop it at any moment: a terminal that goes away may hang on the very NIC that moves.
const PASSED_OVER: [Signal; 5] =
    [Signal::SIGHUP, Signal::SIGQUIT, Signal::SIGTSTP, Signal::SIGTTIN, Signal::SIGTTOU];

/// Signals that are held back, until this goes.
#[expect(missing_debug_implementations, reason = "SignalFd has none")]
pub struct Signals(SignalFd);

fn held() -> SigSet {
    ENDING.into_iter().chain(PASSED_OVER).collect()
}

impl Signals {
    /// Holds them back from here on, for processes that are forked later as well.
    ///
    /// # Errors
    /// The kernel's.
    pub fn hold() -> io::Result<Self> {
        held().thread_block()?;
        let fd = SignalFd::with_flags(&held(), SfdFlags::SFD_NONBLOCK | SfdFlags::SFD_CLOEXEC);
        fd.map(Self).map_err(|error| {
            let _ = held().thread_unblock();
            error.into()
        })
    }

    /// The next one that has come and is to end it.
    pub fn ending(&self) -> Option<&'static str> {
        loop {
            let signal = self.0.read_signal().ok().flatten()?.ssi_signo;
            if let Some(ending) = ENDING.into_iter().find(|ending| *ending as u32 == signal) {
                return Some(ending.as_str());
            }
        }
    }
}

impl Drop for Signals {
    /// What has come by now is not to hit afterwards.
    fn drop(&mut self) {
        while self.ending().is_some() {}
        let _ = held().thread_unblock();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_meanwhile_is_told_and_does_not_hit() {
        let signals = Signals::hold().unwrap();
        let send = |signal| nix::sys::signal::raise(signal).unwrap();
        assert_eq!(signals.ending(), None);
        send(Signal::SIGHUP);
        send(Signal::SIGTERM);
        send(Signal::SIGQUIT);
        assert_eq!((signals.ending(), signals.ending()), (Some("SIGTERM"), None));
        send(Signal::SIGINT);
        send(Signal::SIGHUP);
        drop(signals);
    }
}
