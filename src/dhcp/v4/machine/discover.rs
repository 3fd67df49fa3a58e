//! INIT and SELECTING: DISCOVERs, and the choice among offers (RFC 2131 §4.4.1).

use dhcproto::v4::MessageType;

use super::request::Offer;
use super::{Action, Machine, Phase};
use crate::clock::Millis;
use crate::dhcp::v4::accept;
use crate::dhcp::v4::message::Reply;
use crate::dhcp::v4::note::{Heard, Refusal};
use crate::dhcp::v4::options::code;

/// After the first DISCOVER. RFC 2131 §4.1 would wait 4 s for the second; but the first ones are often lost while the
/// switch port starts to forward: our LACPDU that says so leaves 0.1 to 0.3 s after we do (the bonding driver's
/// next ticks), and the switch takes its time. Within a second only four may leave ([`crate::dhcp::limit`]), so
/// three stand a little after a tick, and one is for a switch that takes its time.
const FIRST: [Millis; 6] = [150, 250, 600, 1_000, 2_000, 4_000];
/// Then gaps that double, as in RFC 2131 §4.1.
const FIRST_GAP: Millis = 4_000;
const LONGEST_GAP: Millis = 64_000;
/// Jitter, either way: half of the gap. RFC 2131 has 1 s for each: then thousands that booted together (after a power cut)
/// come in waves of two seconds, of which a server answers a part, and sleeps until the next. With half of the gap all of
/// ten thousand have their address in a third of the time (`tests::crowd`).
const JITTER: Millis = 2;
/// How long an offer without a lease time waits for a better one.
const OFFER_WAIT: Millis = 1_000;

/// Since when, how far, and the offer that is taken if no better one comes.
#[derive(Clone, Debug)]
pub(super) struct Selecting {
    /// Start of the back-off.
    base: Millis,
    /// The next gap after those of [`FIRST`].
    gap: Millis,
    held: Option<(Offer, Millis)>,
}

impl Selecting {
    fn from(base: Millis) -> Self {
        Self { base, gap: FIRST_GAP, held: None }
    }

    pub(super) fn settle_at(&self) -> Option<Millis> {
        self.held.map(|(_, at)| at)
    }
}

impl Machine {
    /// A new acquisition.
    pub(super) fn acquire(&mut self) {
        self.forget();
        self.discover();
    }

    /// A new account, for a new acquisition.
    pub(super) fn forget(&mut self) {
        self.heard = Heard::default();
        self.said.clear();
        self.since = None;
    }

    /// A new transaction of the same acquisition: the first DISCOVER is due at once.
    pub(super) fn discover(&mut self) {
        self.xid = self.rng.xid();
        self.phase = Phase::Selecting(Selecting::from(self.now));
        self.send_at = Some(self.now);
    }

    /// The back-off starts anew; same transaction, an offer in hand stays.
    pub(super) fn restart_discover(&mut self) {
        if let Phase::Selecting(selecting) = &mut self.phase {
            let held = selecting.held;
            *selecting = Selecting { held, ..Selecting::from(self.now) };
            self.send_at = Some(self.limit.now_or_in(self.now, FIRST[0]));
        }
    }

    pub(super) fn send_discover(&mut self) {
        let mut message = self.outgoing(MessageType::Discover);
        message.broadcast = self.broadcast_flag();
        self.secs = message.secs;
        let payload = self.emit(&message);
        self.actions.push(Action::Broadcast(payload));
        self.send_at = self.next_discover();
    }

    fn next_discover(&mut self) -> Option<Millis> {
        let now = self.now;
        let Phase::Selecting(selecting) = &mut self.phase else { return None };
        let elapsed = now - selecting.base;
        let next = match FIRST.iter().find(|after| **after > elapsed) {
            Some(after) => selecting.base + after,
            None => {
                let gap = selecting.gap;
                selecting.gap = (gap * 2).min(LONGEST_GAP);
                let jitter = gap / JITTER;
                // At most 64 s: it fits.
                now + gap - jitter + Millis::from(self.rng.up_to(2 * jitter as u32))
            }
        };
        // The only server may be the one that is passed over: ask again as soon as it counts.
        let counts_again = self.passed_over.map(|(_, until)| until).filter(|until| *until > now);
        Some(counts_again.map_or(next, |until| next.min(until)))
    }

    /// The first offer with a lease time is taken; one without is taken if no other comes.
    pub(super) fn heed_offer(&mut self, reply: &Reply) {
        let vetted = match accept::vet(reply) {
            Ok(vetted) => vetted,
            Err(why) => return self.refuse(accept::server(reply), why),
        };
        match self.passed_over {
            Some((server, until)) if server == vetted.server && self.now < until => {
                return self.refuse(Some(server), Refusal::PassedOver);
            }
            Some((server, _)) if server == vetted.server => {}
            // Another offers: the silent one has its chance again, should this one fail too.
            _ => self.passed_over = None,
        }
        self.heard.offers = self.heard.offers.saturating_add(1);
        let offer = Offer { address: vetted.address, server: vetted.server, term: vetted.term };
        if offer.term.is_some() {
            self.request(offer);
        } else if let Phase::Selecting(selecting) = &mut self.phase {
            selecting.held.get_or_insert((offer, self.now + OFFER_WAIT));
        }
    }

    /// No better offer came.
    pub(super) fn settle(&mut self) {
        if let Phase::Selecting(Selecting { held: Some((offer, _)), .. }) = self.phase {
            self.request(offer);
        }
    }

    /// An ACK to a DISCOVER counts only with option 80 (RFC 4039 §3.1).
    pub(super) fn heed_rapid(&mut self, reply: &Reply) {
        if reply.options.flag(code::RAPID_COMMIT) {
            self.take_lease(reply, None);
        } else {
            self.refuse(accept::server(reply), Refusal::NotRapid);
        }
    }
}
