//! The one place where messages are made and counted.

use dhcproto::v6::MessageType;

use super::request::Requesting;
use super::{Action, Machine, Phase};
use crate::clock::Millis;
use crate::dhcp::limit::Share;
use crate::dhcp::v6::lease::Lease;
use crate::dhcp::v6::message::{self, Outgoing};

impl Machine {
    /// A new exchange: another transaction, whose first frame is due at once.
    pub(super) fn exchange(&mut self, phase: Phase) {
        let [_, xid @ ..] = self.rng.xid().to_be_bytes();
        self.xid = xid;
        self.phase = phase;
        self.since = None;
        self.send_at = Some(self.now);
    }

    /// When the next frame leaves: when it is due, the link is there, and the limit allows it.
    pub(super) fn next_frame(&self) -> Option<Millis> {
        let due = self.send_at.filter(|_| !self.paused);
        due.map(|at| at.max(self.limit.free_at(self.share())))
    }

    fn share(&self) -> Share {
        match self.phase {
            Phase::Soliciting(_) | Phase::Informing(_) => Share::Discover,
            _ => Share::Request,
        }
    }

    /// A frame that is due.
    pub(super) fn send(&mut self) {
        use MessageType::{Confirm, Decline, InformationRequest, Rebind, Renew, Request, Solicit};
        let iaid = self.config.iaid;
        let (kind, server, address) = match &self.phase {
            Phase::Soliciting(_) => (Solicit, None, Some(None)),
            Phase::Informing(_) => (InformationRequest, None, None),
            Phase::Requesting(Requesting { offer, .. }) => {
                (Request, Some(offer.server.clone()), Some(Some(offer.address)))
            }
            Phase::Confirming { lease, .. } => (Confirm, None, Some(Some(lease.address))),
            Phase::Renewing(lease) => (Renew, Some(lease.server.clone()), Some(Some(lease.address))),
            Phase::Rebinding(lease) => (Rebind, None, Some(Some(lease.address))),
            Phase::Declining { lease, .. } => {
                (Decline, Some(lease.server.clone()), Some(Some(lease.address)))
            }
            Phase::Stopped | Phase::Waiting { .. } | Phase::Bound(_) | Phase::Informed { .. } => {
                self.send_at = None;
                return;
            }
        };
        let count = match kind {
            Solicit | InformationRequest => &mut self.heard.solicits,
            Request => &mut self.heard.requests,
            _ => &mut 0,
        };
        *count = count.saturating_add(1);
        self.limit.record(self.now, self.share());
        self.sent_at = self.now;
        let elapsed = (self.now - *self.since.get_or_insert(self.now)) / 10;
        let payload = message::encode(&Outgoing {
            kind,
            xid: self.xid,
            duid: &self.config.duid,
            elapsed: u16::try_from(elapsed).unwrap_or(u16::MAX),
            server: server.as_deref(),
            ia: address.map(|address| (iaid, address)),
        });
        self.actions.push(Action::Send(payload));
        let now = self.now;
        self.send_at = match &mut self.phase {
            Phase::Requesting(Requesting { tries, .. })
            | Phase::Confirming { tries, .. }
            | Phase::Declining { tries, .. } => tries.count(now),
            Phase::Renewing(_) | Phase::Rebinding(_) => Some(self.next_renewal()),
            _ => self.next_solicit(),
        };
    }

    /// A Release, if there is a link to say it on.
    pub(super) fn last_word(&mut self, lease: &Lease) -> Option<Vec<u8>> {
        if self.paused || self.limit.free_at(Share::LastWord) > self.now {
            return None;
        }
        self.limit.record(self.now, Share::LastWord);
        let [_, xid @ ..] = self.rng.xid().to_be_bytes();
        Some(message::encode(&Outgoing {
            kind: MessageType::Release,
            xid,
            duid: &self.config.duid,
            elapsed: 0,
            server: Some(&lease.server),
            ia: Some((self.config.iaid, Some(lease.address))),
        }))
    }

    /// A tenth either way (RFC 8415 §15).
    pub(super) fn jittered(&mut self, gap: Millis) -> Millis {
        gap * 9 / 10 + Millis::from(self.rng.up_to((gap / 5) as u32))
    }
}
