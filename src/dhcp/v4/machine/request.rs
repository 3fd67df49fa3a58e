//! REQUESTING, and INIT-REBOOT, which asks the same way (RFC 2131 §3.1, §3.2, §4.3.2).

use std::net::Ipv4Addr;

use dhcproto::v4::MessageType;

use super::{Action, Machine, Phase};
use crate::clock::Millis;
use crate::dhcp::v4::lease::{Lease, Term};
use crate::dhcp::v4::note::Note;

/// After each of the four REQUESTs: the wait for an answer, before the next or before giving up.
const WAITS: [Millis; 4] = [1_000, 2_000, 4_000, 4_000];
/// A server that kept silent is passed over for so long.
const PASS_OVER: Millis = 15_000;
/// The REQUESTs may start over for so long; later a server may have forgotten what it offered.
const FRESH: Millis = 15_000;

/// An offer that was taken.
#[derive(Clone, Copy, Debug)]
pub(super) struct Offer {
    pub(super) address: Ipv4Addr,
    pub(super) server: Ipv4Addr,
    pub(super) term: Option<Term>,
}

/// How many REQUESTs are out.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tries {
    /// When this phase began.
    began: Millis,
    /// At least one left since then, whatever was restarted since.
    any: bool,
    sent: usize,
    /// After the last.
    pub(super) give_up_at: Option<Millis>,
}

impl Tries {
    fn from(began: Millis) -> Self {
        Self { began, any: false, sent: 0, give_up_at: None }
    }

    /// One more left at `now`; returns when the next is due.
    fn count(&mut self, now: Millis) -> Option<Millis> {
        let wait = WAITS.get(self.sent).map_or(now, |wait| now + wait);
        self.any = true;
        self.sent += 1;
        if self.sent < WAITS.len() {
            return Some(wait);
        }
        self.give_up_at = Some(wait);
        None
    }

    /// True if a server may have heard of us.
    pub(super) fn begun(&self) -> bool {
        self.any
    }

    /// From the first again.
    fn restart(&mut self) {
        self.sent = 0;
        self.give_up_at = None;
    }
}

/// The offer, and how often it was asked for.
#[derive(Clone, Debug)]
pub(super) struct Requesting {
    pub(super) offer: Offer,
    pub(super) tries: Tries,
}

impl Machine {
    /// Takes an offer.
    pub(super) fn request(&mut self, offer: Offer) {
        self.phase = Phase::Requesting(Requesting { offer, tries: Tries::from(self.now) });
        self.send_at = Some(self.now);
    }

    pub(super) fn send_request(&mut self) {
        let Phase::Requesting(Requesting { offer, .. }) = self.phase else { return };
        let mut message = self.outgoing(MessageType::Request);
        // RFC 2131 §3.1 (3): the same `secs` as the DISCOVER, so that relays take the same way.
        message.secs = self.secs;
        message.broadcast = self.broadcast_flag();
        message.requested = Some(offer.address);
        message.server = Some(offer.server);
        let payload = self.emit(&message);
        self.actions.push(Action::Broadcast(payload));
        if let Phase::Requesting(requesting) = &mut self.phase {
            self.send_at = requesting.tries.count(self.now);
        }
    }

    /// The server did not answer: DISCOVER again, without it for a while.
    pub(super) fn pass_over(&mut self) {
        let Phase::Requesting(Requesting { offer, .. }) = self.phase else { return };
        self.tell(Note::Silent(offer.server));
        self.heard.silent = Some(offer.server);
        self.passed_over = Some((offer.server, self.now + PASS_OVER));
        self.discover();
    }

    /// The link has got better, or came back.
    pub(super) fn restart_request(&mut self, was_paused: bool) {
        let now = self.now;
        let (Phase::Requesting(Requesting { tries, .. }) | Phase::Rebooting { tries, .. }) = &mut self.phase
        else {
            return;
        };
        if now - tries.began <= FRESH {
            let waits = tries.begun() || matches!(self.phase, Phase::Rebooting { .. });
            if let Phase::Requesting(Requesting { tries, .. }) | Phase::Rebooting { tries, .. } =
                &mut self.phase
            {
                tries.restart();
            }
            // What an offer calls for leaves at once, however close behind the DISCOVER.
            self.send_at = Some(if waits { self.limit.now_or_in(now, WAITS[0]) } else { now });
        } else if was_paused {
            // Nobody's fault but the link's: no server is passed over, and the lease of an earlier keeper is asked
            // for like the first time.
            match &mut self.phase {
                Phase::Rebooting { tries, .. } => {
                    *tries = Tries::from(now);
                    self.send_at = Some(now);
                }
                _ => self.discover(),
            }
        }
        // Otherwise the tries go on: kick after kick must not keep us with a server that is dead.
    }

    /// INIT-REBOOT with the lease of an earlier keeper.
    pub(super) fn reboot(&mut self, lease: Box<Lease>) {
        self.forget();
        self.xid = self.rng.xid();
        self.phase = Phase::Rebooting { lease, tries: Tries::from(self.now) };
        self.send_at = Some(self.now);
    }

    /// After a time without link: does the lease still hold here (RFC 2131 §3.7)? The same question as after a reboot;
    /// until it is answered the address stays.
    pub(super) fn check(&mut self) {
        if let Phase::Bound(lease) | Phase::Renewing(lease) | Phase::Rebinding(lease) = &self.phase {
            let (lease, at) = (lease.clone(), self.not_too_soon());
            self.reboot(lease);
            self.send_at = Some(at);
        }
    }

    /// Option 50 and no 54, `ciaddr` 0 (RFC 2131 §4.3.2).
    pub(super) fn send_reboot(&mut self) {
        let Phase::Rebooting { lease, .. } = &self.phase else { return };
        let address = lease.address;
        let mut message = self.outgoing(MessageType::Request);
        message.broadcast = self.broadcast_flag();
        message.requested = Some(address);
        let payload = self.emit(&message);
        self.actions.push(Action::Broadcast(payload));
        if let Phase::Rebooting { tries, .. } = &mut self.phase {
            self.send_at = tries.count(self.now);
        }
    }

    /// No server answers. The lease still holds (RFC 2131 §3.2 (3)), and the system may be standing on it: go on with
    /// it, as the keeper before us would have.
    pub(super) fn give_up_reboot(&mut self) {
        if let Phase::Rebooting { lease, .. } = &self.phase {
            let lease = lease.clone();
            self.tell(Note::Unconfirmed(lease.address));
            self.bind(lease);
        }
    }
}
