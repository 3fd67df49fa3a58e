//! The timer that wakes the loop.
//!
//! Of `CLOCK_BOOTTIME`, as all times here: it goes on while the machine is suspended. And it wakes up once for each
//! deadline, where the runtime's own timer does so up to three times on the way to one that is seconds off.

use std::future::pending;
use std::io;
use std::os::fd::{AsFd, OwnedFd};

use nix::sys::time::{TimeSpec, TimeValLike};
use nix::sys::timerfd::{ClockId, Expiration, TimerFd, TimerFlags, TimerSetTimeFlags};
use tokio::io::unix::AsyncFd;

use crate::clock::Millis;
use crate::sys;

/// One deadline at a time.
#[derive(Debug)]
pub(super) struct Timer {
    timer: TimerFd,
    fd: AsyncFd<OwnedFd>,
}

impl Timer {
    /// Not set.
    ///
    /// # Errors
    /// Where the kernel gives no timer.
    pub(super) fn new() -> io::Result<Self> {
        let timer =
            TimerFd::new(ClockId::CLOCK_BOOTTIME, TimerFlags::TFD_NONBLOCK | TimerFlags::TFD_CLOEXEC)?;
        let fd = sys::register(timer.as_fd().try_clone_to_owned()?)?;
        Ok(Self { timer, fd })
    }

    /// Returns at `at`, or at once where that has passed; none: never. May be dropped at any point.
    ///
    /// # Errors
    /// The kernel's.
    pub(super) async fn wait(&mut self, at: Option<Millis>) -> io::Result<()> {
        let Some(at) = at else { return pending().await };
        // Zero would disarm it.
        let at = TimeSpec::milliseconds(i64::try_from(at.max(1)).unwrap_or(i64::MAX));
        self.timer.set(Expiration::OneShot(at), TimerSetTimeFlags::TFD_TIMER_ABSTIME)?;
        loop {
            let mut ready = self.fd.readable().await?;
            match self.timer.wait() {
                Ok(()) => return Ok(()),
                // It had expired for an earlier deadline.
                Err(nix::Error::EAGAIN) => ready.clear_ready(),
                Err(error) => return Err(error.into()),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::boottime;
    use futures_util::FutureExt;

    #[test]
    fn each_deadline_once_and_none_early() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build().unwrap();
        runtime.block_on(async {
            let mut timer = Timer::new().unwrap();
            let begun = boottime();
            timer.wait(Some(0)).await.unwrap();
            timer.wait(Some(begun + 30)).await.unwrap();
            assert!(boottime() >= begun + 30);
            // Set, given up and expired: the next deadline is not that one.
            assert!(timer.wait(Some(boottime() + 5)).now_or_never().is_none());
            std::thread::sleep(std::time::Duration::from_millis(10));
            let later = boottime() + 30;
            timer.wait(Some(later)).await.unwrap();
            assert!(boottime() >= later);
            assert!(timer.wait(None).now_or_never().is_none());
        });
    }
}
