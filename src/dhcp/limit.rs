//! How fast frames may leave, whatever happens.
//!
//! A switch with DHCP snooping shuts a port down at 15 DHCP frames a second (Cisco's default), and a port that is
//! shut down takes the installation with it. So there is a hard limit under everything that sends.

use crate::clock::Millis;

/// Windows, both ends counted, and what all clients of a port may send within them; what each has at least.
const WINDOWS: [Millis; 2] = [1_000, 5_000];
const MOST: [usize; 2] = [6, 10];
const LEAST: [usize; 2] = [2, 4];

/// Ports that join together are announced one after the other; one frame is enough for all of them. Milliseconds.
const TOGETHER: Millis = 20;

/// What a frame is for: the last places of a window are kept for what must not wait.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Share {
    /// Leaves a place for the REQUEST that an offer calls for, and for a last word.
    Discover,
    /// Leaves a place for a last word.
    Request,
    /// DECLINE or RELEASE: at most one follows each DISCOVER or REQUEST, so there always is a place.
    LastWord,
}

/// Times of the last frames, the newest first.
#[derive(Clone, Debug)]
pub(crate) struct Limit {
    sent: [Option<Millis>; 10],
    most: [usize; 2],
}

impl Limit {
    /// The limit of one of so many clients that send over the same ports (a VLAN each, say).
    pub(crate) fn among(clients: usize) -> Self {
        let share = |which: usize| (MOST[which] / clients.max(1)).max(LEAST[which]);
        Self { sent: [None; 10], most: [share(0), share(1)] }
    }

    /// From when on a frame may leave.
    pub(crate) fn free_at(&self, share: Share) -> Millis {
        match share {
            // Where there is no room for both a place is kept for the REQUEST: a last word may have to be left out.
            Share::Discover if self.most[0] < 4 => self.free_but(1, 1),
            Share::Request if self.most[0] < 4 => self.free_but(0, 0),
            // Of the place left for a REQUEST, both ends of a window may be without; of the one for a last word, not.
            Share::Discover => self.free_but(2, 0).max(self.free_but(1, 1)),
            Share::Request => self.free_but(1, 1),
            Share::LastWord => self.free_but(0, 1),
        }
    }

    fn free_but(&self, kept: usize, edge: Millis) -> Millis {
        let after = |(window, most): (Millis, usize)| {
            let last = self.sent.get(most - kept - 1).copied().flatten();
            last.map_or(0, |sent| sent.saturating_add(window + edge))
        };
        WINDOWS.into_iter().zip(self.most).map(after).max().unwrap_or(0)
    }

    /// A frame leaves now.
    pub(crate) fn record(&mut self, now: Millis) {
        self.sent.rotate_right(1);
        if let Some(newest) = self.sent.first_mut() {
            *newest = Some(now);
        }
    }

    /// When the last frame left.
    pub(crate) fn last(&self) -> Option<Millis> {
        self.sent.first().copied().flatten()
    }

    /// Now, or so much later if a frame has only just left.
    pub(crate) fn now_or_in(&self, now: Millis, later: Millis) -> Millis {
        let just = self.last().is_some_and(|sent| now - sent < TOGETHER);
        if just { now + later } else { now }
    }
}
