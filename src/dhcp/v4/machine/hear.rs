//! Which answers count in which state (RFC 2131 §3.1, §3.2, §4.4).

use std::net::Ipv4Addr;

use dhcproto::v4::MessageType;

use super::{Machine, Phase};
use crate::dhcp::v4::accept;
use crate::dhcp::v4::lease::Term;
use crate::dhcp::v4::message::{self, NoReply, Reply};
use crate::dhcp::v4::note::{Note, Refusal};

impl Machine {
    /// A datagram; nothing is awaited where no message of ours is out.
    pub(super) fn hear(&mut self, payload: &[u8]) {
        let waits = !matches!(self.phase, Phase::Stopped | Phase::Waiting { .. } | Phase::Bound(_));
        if !waits {
            return;
        }
        match message::decode(payload, self.xid, self.config.mac) {
            Ok(reply) => self.heed(&reply),
            Err(NoReply::NotOurs) => self.heard.foreign = self.heard.foreign.saturating_add(1),
            Err(NoReply::Refused(why)) => self.refuse(None, why),
        }
    }

    /// Types that the phase does not wait for are passed over in silence: a second server's OFFER is nothing odd, and
    /// FORCERENEW (RFC 3203) without authentication is anybody's.
    fn heed(&mut self, reply: &Reply) {
        match (reply.kind, &self.phase) {
            (MessageType::Offer, Phase::Selecting(_)) => self.heed_offer(reply),
            (MessageType::Ack, Phase::Selecting(_)) => self.heed_rapid(reply),
            (MessageType::Ack, _) => self.heed_ack(reply),
            (MessageType::Nak, Phase::Requesting(_) | Phase::Rebooting { .. })
            | (MessageType::Nak, Phase::Renewing(_) | Phase::Rebinding(_)) => self.heed_nak(reply),
            _ => {}
        }
    }

    /// The server whose answers count; none: any server's do (RFC 2131 §3.2, §4.4.5).
    fn server_in_use(&self) -> Option<Ipv4Addr> {
        match &self.phase {
            Phase::Requesting(requesting) => Some(requesting.offer.server),
            Phase::Renewing(lease) => Some(lease.server_id),
            _ => None,
        }
    }

    fn heed_ack(&mut self, reply: &Reply) {
        let server = accept::server(reply);
        let known = match &self.phase {
            Phase::Requesting(requesting) => requesting.offer.term,
            Phase::Rebooting { lease, .. } | Phase::Renewing(lease) | Phase::Rebinding(lease) => {
                Some(lease.lease_secs.map_or(Term::ForEver, Term::Secs))
            }
            _ => None,
        };
        match self.server_in_use() {
            Some(asked) if server.is_some_and(|server| server != asked) => {
                self.refuse(server, Refusal::OtherServer);
            }
            _ => self.take_lease(reply, known),
        }
    }

    fn heed_nak(&mut self, reply: &Reply) {
        let server = accept::server(reply);
        match self.server_in_use() {
            Some(_) if server.is_none() => self.refuse(None, Refusal::NoServer),
            Some(asked) if server != Some(asked) => self.refuse(server, Refusal::OtherServer),
            _ => self.nak(reply, server),
        }
    }

    /// An ACK that counts, if its lease does. `known` is how long it is if the ACK does not tell.
    pub(super) fn take_lease(&mut self, reply: &Reply, known: Option<Term>) {
        match accept::lease(reply, self.sent_at, known) {
            // We slept, and the answer lay in the queue.
            Ok((lease, _)) if lease.expires_at().is_some_and(|end| end <= self.now) => {
                self.refuse(Some(lease.server_id), Refusal::RunOut);
            }
            Ok((lease, notes)) => {
                notes.into_iter().for_each(|note| self.note(note));
                self.bind(Box::new(lease));
            }
            Err(why) => self.refuse(accept::server(reply), why),
        }
    }

    /// An answer that did not count.
    pub(super) fn refuse(&mut self, server: Option<Ipv4Addr>, why: Refusal) {
        self.heard.refuse(server, why);
        self.note(Note::Refused { server, why });
    }
}
