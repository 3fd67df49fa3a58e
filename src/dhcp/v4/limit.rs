//! How fast frames may leave, whatever happens.
//!
//! A switch with DHCP snooping shuts a port down at 15 DHCP frames a second (Cisco's default), and a port that is
//! shut down takes the installation with it. So there is a hard limit under everything that sends.

use crate::clock::Millis;

/// `(window, most frames in it)`, both ends of the window counted.
const WINDOWS: [(Millis, usize); 2] = [(1_000, 6), (5_000, 10)];

/// Times of the last frames, the newest first.
#[derive(Clone, Debug, Default)]
pub(super) struct Limit {
    sent: [Option<Millis>; 10],
}

impl Limit {
    /// From when on an ordinary frame may leave. One place in each window is kept for [`Self::parting`].
    pub(super) fn free_at(&self) -> Millis {
        self.free_but(1)
    }

    /// Takes a place for a DECLINE or RELEASE, of which at most one follows each REQUEST or DISCOVER:
    /// because those leave a place free, there always is one.
    pub(super) fn parting(&mut self, now: Millis) -> bool {
        let free = self.free_but(0) <= now;
        if free {
            self.record(now);
        }
        free
    }

    /// A frame leaves now.
    pub(super) fn record(&mut self, now: Millis) {
        self.sent.rotate_right(1);
        if let Some(newest) = self.sent.first_mut() {
            *newest = Some(now);
        }
    }

    fn free_but(&self, kept: usize) -> Millis {
        let after = |&(window, most): &(Millis, usize)| {
            let last = self.sent.get(most - kept - 1).copied().flatten();
            last.map_or(0, |sent| sent.saturating_add(window + 1))
        };
        WINDOWS.iter().map(after).max().unwrap_or(0)
    }
}
