//! Requests (RFC 8415 §18.2.2), Confirms (§18.2.3) and Declines (§18.2.8): a few tries each.

use std::net::Ipv6Addr;

use super::{Machine, Phase};
use crate::clock::Millis;
use crate::dhcp::v6::lease::Lease;
use crate::dhcp::v6::note::Note;

/// After each of the four: the wait for an answer, before the next or before giving up. RFC 8415 §7.6 has ten Requests of
/// up to 30 s each: a server that is silent for so long is passed over sooner, as with DHCPv4. For a Confirm it comes to
/// CNF_MAX_RD, for a Decline to about DEC_MAX_RC.
const WAITS: [Millis; 4] = [1_000, 2_000, 4_000, 4_000];
/// A server that kept silent, or had nothing after all, is passed over for so long.
const PASS_OVER: Millis = 15_000;
/// The tries may start over for so long; later a server may have forgotten what it offered.
const FRESH: Millis = 15_000;

/// An offer that was taken.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Offer {
    pub(super) address: Ipv6Addr,
    pub(super) server: Vec<u8>,
    pub(super) from: Ipv6Addr,
    pub(super) preference: u8,
}

/// How many are out.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tries {
    began: Millis,
    sent: usize,
    /// After the last.
    pub(super) give_up_at: Option<Millis>,
}

impl Tries {
    pub(super) fn from(began: Millis) -> Self {
        Self { began, sent: 0, give_up_at: None }
    }

    /// One more left at `now`; returns when the next is due.
    pub(super) fn count(&mut self, now: Millis) -> Option<Millis> {
        let wait = WAITS.get(self.sent).map_or(now, |wait| now + wait);
        self.sent += 1;
        if self.sent < WAITS.len() {
            return Some(wait);
        }
        self.give_up_at = Some(wait);
        None
    }
}

/// The offer, how often it was asked for, and the lease whose binding a server has lost.
#[derive(Clone, Debug)]
pub(super) struct Requesting {
    pub(super) offer: Offer,
    pub(super) tries: Tries,
    pub(super) held: Option<Box<Lease>>,
}

impl Machine {
    /// Takes an offer. `held`: the address that we have meanwhile.
    pub(super) fn request(&mut self, offer: Offer, held: Option<Box<Lease>>) {
        let tries = Tries::from(self.now);
        // What an offer calls for leaves at once; a server that loses each binding is asked once a second.
        let at = if held.is_some() { self.not_too_soon() } else { self.now };
        self.exchange(Phase::Requesting(Requesting { offer, tries, held }));
        self.send_at = Some(at);
    }

    /// The server did not answer: Solicit again, without it for a while.
    pub(super) fn pass_over(&mut self) {
        let Phase::Requesting(Requesting { offer, held, .. }) = &self.phase else { return };
        let (offer, had_address) = (offer.clone(), held.is_some());
        if self.expire() {
            return;
        }
        self.tell(Note::Silent(offer.from));
        self.passed_over = Some((offer.server, self.now + PASS_OVER));
        match (had_address, &self.phase) {
            // The address lasts as long as it lasts: any server may keep it alive.
            (true, Phase::Requesting(Requesting { held: Some(lease), .. })) => self.rebind(lease.clone()),
            _ => self.solicit(),
        }
    }

    /// Whether a server is passed over now.
    pub(super) fn passes_over(&self, server: &[u8]) -> bool {
        self.passed_over.as_ref().is_some_and(|(other, until)| other == server && self.now < *until)
    }

    /// The link has got better, or came back.
    pub(super) fn restart_request(&mut self, was_paused: bool) {
        let now = self.now;
        let (Phase::Requesting(Requesting { tries, .. }) | Phase::Confirming { tries, .. }) = &mut self.phase
        else {
            return;
        };
        if now - tries.began <= FRESH {
            (tries.sent, tries.give_up_at) = (0, None);
            self.send_at = Some(self.limit.now_or_in(self.now, WAITS[0]));
        } else if was_paused {
            match &self.phase {
                Phase::Confirming { lease, .. } => self.confirm(lease.clone()),
                Phase::Requesting(Requesting { held: Some(lease), .. }) => self.confirm(lease.clone()),
                _ => self.solicit(),
            }
        }
        // Otherwise the tries go on: kick after kick must not keep us with a server that is dead.
    }

    /// Is the address of this link? Asked by a keeper that takes over, and where the link may lead elsewhere now; until it
    /// is answered the address stays.
    pub(super) fn confirm(&mut self, lease: Box<Lease>) {
        self.forget();
        self.exchange(Phase::Confirming { lease, tries: Tries::from(self.now) });
        self.send_at = Some(self.not_too_soon());
    }

    /// No server answers: it may be used further (RFC 8415 §18.2.3), and the system may be standing on it.
    pub(super) fn give_up_confirm(&mut self) {
        if self.expire() {
            return;
        }
        if let Phase::Confirming { lease, .. } = &self.phase {
            let lease = lease.clone();
            self.tell(Note::Unconfirmed(lease.address));
            self.bind(lease);
        }
    }
}
