//! How fast frames may leave, whatever happens.
//!
//! A switch with DHCP snooping shuts a port down at 15 DHCP frames a second (Cisco's default), and a port that is
//! shut down takes the installation with it. So there is a hard limit under everything that sends.

use std::cell::Cell;
use std::rc::Rc;

use crate::clock::Millis;

/// Windows, both ends counted, and what all clients of a port may send within them.
const WINDOWS: [Millis; 2] = [1_000, 5_000];
const MOST: [usize; 2] = [6, 10];
/// So many clients of a port or more keep one account. With fewer each has its part of the places.
const CROWD: usize = 3;
/// Of a crowd's places DISCOVERs get one half, and the REQUESTs that follow them the other.
const ASKING: [usize; 2] = [MOST[0] / 2, MOST[1] / 2];
/// A client of a crowd has its turn again after so long for each of them: by then all others have had theirs.
const TURN: Millis = WINDOWS[1] / ASKING[1] as Millis;

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

/// Times of the last frames, the newest first: of all, and of DISCOVERs.
#[derive(Clone, Copy, Debug, Default)]
struct Account {
    sent: [Option<Millis>; MOST[1]],
    asked: [Option<Millis>; ASKING[1]],
}

/// The limit of one client.
#[derive(Clone, Debug)]
pub(crate) struct Limit {
    account: Rc<Cell<Account>>,
    most: [usize; 2],
    /// Of a crowd: how long its round takes.
    round: Option<Millis>,
    /// The last DISCOVER of this client.
    asked: Option<Millis>,
}

/// In how long each of so many clients has had its turn; 0: they need none.
pub(crate) fn round(clients: usize) -> Millis {
    if clients < CROWD { 0 } else { Millis::try_from(clients).unwrap_or(Millis::MAX).saturating_mul(TURN) }
}

impl Limit {
    /// The limit of one of so many clients that send over the same ports (a VLAN each, say).
    pub(crate) fn among(clients: usize) -> Self {
        let crowd = clients >= CROWD;
        let part = if crowd { 1 } else { clients.max(1) };
        Self {
            account: Rc::default(),
            most: MOST.map(|most| most / part),
            round: crowd.then(|| round(clients)),
            asked: None,
        }
    }

    /// In a crowd: one account with this one.
    pub(crate) fn share(&mut self, other: &Self) {
        if self.round.and(other.round).is_some() {
            self.account = Rc::clone(&other.account);
        }
    }

    /// From when on a frame may leave.
    pub(crate) fn free_at(&self, share: Share) -> Millis {
        match share {
            Share::Discover if self.round.is_some() => self.turn().max(self.free_but(2, 1)),
            // Where there is no room for both a place is kept for the REQUEST: a last word may have to be left out.
            Share::Discover if self.most[0] < 4 => self.free_but(1, 1),
            Share::Request if self.most[0] < 4 => self.free_but(0, 1),
            // Of the place left for a REQUEST, both ends of a window may be without; of the one for a last word, not.
            Share::Discover => self.free_but(2, 0).max(self.free_but(1, 1)),
            Share::Request => self.free_but(1, 1),
            Share::LastWord => self.free_but(0, 1),
        }
    }

    /// When one of a crowd may ask.
    fn turn(&self) -> Millis {
        let own = self.asked.zip(self.round).map_or(0, |(asked, round)| asked.saturating_add(round));
        own.max(free(&self.account.get().asked, ASKING, 1))
    }

    fn free_but(&self, kept: usize, edge: Millis) -> Millis {
        free(&self.account.get().sent, self.most.map(|most| most - kept), edge)
    }

    /// A frame leaves now.
    pub(crate) fn record(&mut self, now: Millis, share: Share) {
        let mut account = self.account.get();
        push(&mut account.sent, now);
        if share == Share::Discover {
            push(&mut account.asked, now);
            self.asked = Some(now);
        }
        self.account.set(account);
    }

    /// When the last frame left.
    pub(crate) fn last(&self) -> Option<Millis> {
        self.account.get().sent.first().copied().flatten()
    }

    /// Now, or so much later if a frame has only just left.
    pub(crate) fn now_or_in(&self, now: Millis, later: Millis) -> Millis {
        let just = self.last().is_some_and(|sent| now.saturating_sub(sent) < TOGETHER);
        if just { now + later } else { now }
    }
}

/// When each window has fewer than `most`.
fn free(sent: &[Option<Millis>], most: [usize; 2], edge: Millis) -> Millis {
    let after = |(window, most): (Millis, usize)| {
        let last = sent.get(most - 1).copied().flatten();
        last.map_or(0, |sent| sent.saturating_add(window + edge))
    };
    WINDOWS.into_iter().zip(most).map(after).max().unwrap_or(0)
}

fn push(sent: &mut [Option<Millis>], now: Millis) {
    sent.rotate_right(1);
    if let Some(newest) = sent.first_mut() {
        *newest = Some(now);
    }
}
