//! Solicits and the choice among offers (RFC 8415 §18.2.1, §18.2.9), and Information-requests (§18.2.6).

use super::request::Offer;
use super::{Action, Machine, Mode, Phase};
use crate::clock::Millis;
use crate::dhcp::v6::accept;
use crate::dhcp::v6::message::Reply;
use crate::dhcp::v6::note::{Heard, Refusal};
use crate::dhcp::v6::options::code;

/// After the first one. RFC 8415 §18.2.1 delays the first by up to a second, so that hosts that power comes back to do not
/// all ask at once, and waits another one for the second. Here LACP has scattered them already, and the first frames are
/// often lost while the switch port starts to forward: they leave as those of DHCPv4 do.
const FIRST: [Millis; 6] = [150, 400, 700, 1_000, 2_000, 4_000];
/// Then gaps that double.
const FIRST_GAP: Millis = 4_000;
/// How long the first offer waits for a better one. RFC 8415 §18.2.1 has a second and more; who is the preferred of two
/// servers is seldom worth that, and one that is absolutely preferred (255) ends it.
const OFFER_WAIT: Millis = 100;
/// The highest preference: no other offer can be better.
const ABSOLUTE: u8 = 255;

/// Since when, and the best offer until now.
#[derive(Clone, Debug)]
pub(super) struct Soliciting {
    /// Start of the back-off.
    base: Millis,
    held: Option<(Offer, Millis)>,
}

impl Soliciting {
    fn from(base: Millis) -> Self {
        Self { base, held: None }
    }

    pub(super) fn settle_at(&self) -> Option<Millis> {
        self.held.as_ref().map(|(_, at)| *at)
    }
}

impl Machine {
    /// A new acquisition.
    pub(super) fn acquire(&mut self) {
        self.forget();
        self.solicit();
    }

    /// A new account, for a new acquisition.
    pub(super) fn forget(&mut self) {
        self.heard = Heard::default();
        self.said.clear();
    }

    /// A new exchange of the same acquisition: the first Solicit is due at once.
    pub(super) fn solicit(&mut self) {
        self.exchange(Phase::Soliciting(Soliciting::from(self.now)));
        self.gap = FIRST_GAP;
    }

    /// Asks for facts alone.
    pub(super) fn inform(&mut self) {
        self.forget();
        self.exchange(Phase::Informing(Soliciting::from(self.now)));
        self.gap = FIRST_GAP;
    }

    /// The back-off starts anew; same transaction, an offer in hand stays.
    pub(super) fn restart_solicit(&mut self) {
        let now = self.now;
        if let Phase::Soliciting(soliciting) | Phase::Informing(soliciting) = &mut self.phase {
            soliciting.base = now;
            self.gap = FIRST_GAP;
            self.send_at = Some(self.limit.now_or_in(self.now, FIRST[0]));
        }
    }

    pub(super) fn next_solicit(&mut self) -> Option<Millis> {
        let (Phase::Soliciting(soliciting) | Phase::Informing(soliciting)) = &self.phase else { return None };
        let elapsed = self.now - soliciting.base;
        let next = match FIRST.iter().find(|after| **after > elapsed) {
            Some(after) => soliciting.base + after,
            None => {
                self.gap = (self.gap * 2).min(self.longest_gap);
                self.now + self.jittered(self.gap)
            }
        };
        // The only server may be the one that is passed over: ask again as soon as it counts.
        let counts_again =
            self.passed_over.as_ref().map(|(_, until)| *until).filter(|until| *until > self.now);
        Some(counts_again.map_or(next, |until| next.min(until)))
    }

    /// An Advertise: the best one is taken.
    pub(super) fn heed_offer(&mut self, reply: &Reply<'_>) {
        let ia = match accept::ia(reply, self.config.iaid, None) {
            Ok(ia) => ia,
            Err(why) => return self.refuse(reply.from, why),
        };
        match &self.passed_over {
            Some((server, until)) if *server == reply.server && self.now < *until => {
                return self.refuse(reply.from, Refusal::PassedOver);
            }
            Some((server, _)) if *server == reply.server => {}
            // Another offers: the silent one has its chance again, should this one fail too.
            _ => self.passed_over = None,
        }
        self.heard.offers = self.heard.offers.saturating_add(1);
        let preference = match reply.options.one(code::PREFERENCE) {
            Some([preference]) => *preference,
            _ => 0,
        };
        let offer =
            Offer { address: ia.address, server: reply.server.to_vec(), from: reply.from, preference };
        let at = self.now + OFFER_WAIT;
        let Phase::Soliciting(soliciting) = &mut self.phase else { return };
        match &mut soliciting.held {
            _ if preference == ABSOLUTE => self.request(offer, None),
            Some((best, _)) if best.preference >= preference => {}
            Some((best, _)) => *best = offer,
            None => soliciting.held = Some((offer, at)),
        }
    }

    /// No better offer came.
    pub(super) fn settle(&mut self) {
        if let Phase::Soliciting(Soliciting { held: Some((offer, _)), .. }) = &self.phase {
            self.request(offer.clone(), None);
        }
    }

    /// A Reply to a Solicit counts only with Rapid Commit (RFC 8415 §18.2.10).
    pub(super) fn heed_rapid(&mut self, reply: &Reply<'_>) {
        if reply.options.one(code::RAPID_COMMIT).is_some() {
            self.take_lease(reply, None);
        } else {
            self.refuse(reply.from, Refusal::NotRapid);
        }
    }

    /// The answer to an Information-request (RFC 8415 §18.2.10.4).
    pub(super) fn heed_facts(&mut self, reply: &Reply<'_>) {
        /// IRT_DEFAULT and IRT_MINIMUM (RFC 8415 §7.6), seconds.
        const DEFAULT: u32 = 86_400;
        const LEAST: u32 = 600;
        let (facts, notes) = accept::facts(reply);
        notes.into_iter().for_each(|note| self.note(note));
        self.actions.push(Action::Informed(facts));
        let refresh = reply.options.u32(code::REFRESH).unwrap_or(DEFAULT).max(LEAST);
        let refresh_at = (refresh != u32::MAX).then(|| self.now + Millis::from(refresh) * 1_000);
        self.phase = Phase::Informed { refresh_at };
        self.send_at = None;
    }

    /// What servers may set whatever else they say (RFC 8415 §21.24, §21.25).
    pub(super) fn heed_limits(&mut self, reply: &Reply<'_>) {
        let code = match self.config.mode {
            Mode::Stateful => code::SOL_MAX_RT,
            Mode::Stateless => code::INF_MAX_RT,
        };
        if let Some(secs) = reply.options.u32(code).filter(|secs| (60..=86_400).contains(secs)) {
            self.longest_gap = Millis::from(secs) * 1_000;
        }
    }
}
