//! Which answers count in which state (RFC 8415 §18.2.9, §18.2.10).

use std::net::Ipv6Addr;

use dhcproto::v6::MessageType;

use super::{Loss, Machine, Phase};
use crate::dhcp::v6::accept;
use crate::dhcp::v6::message::{self, NoReply, Reply};
use crate::dhcp::v6::note::{Note, Refusal, Status, status};
use crate::dhcp::v6::options::code;

impl Machine {
    /// A datagram; nothing is awaited where no message of ours is out.
    pub(super) fn hear(&mut self, from: Ipv6Addr, payload: &[u8]) {
        let waits = !matches!(
            self.phase,
            Phase::Stopped | Phase::Waiting { .. } | Phase::Bound(_) | Phase::Informed { .. }
        );
        if !waits || self.since.is_none() {
            return;
        }
        let duid = std::mem::take(&mut self.config.duid);
        match message::decode(payload, from, self.xid, &duid) {
            Ok(reply) => {
                self.config.duid = duid;
                self.heed(&reply);
            }
            Err(no) => {
                self.config.duid = duid;
                match no {
                    NoReply::NotOurs => self.heard.foreign = self.heard.foreign.saturating_add(1),
                    NoReply::Refused(why) => self.refuse(from, why),
                }
            }
        }
    }

    /// Types that the phase does not wait for are passed over in silence.
    fn heed(&mut self, reply: &Reply<'_>) {
        self.heed_limits(reply);
        match (reply.kind, &self.phase) {
            (MessageType::Advertise, Phase::Soliciting(_)) => self.heed_offer(reply),
            (MessageType::Reply, Phase::Soliciting(_)) => self.heed_rapid(reply),
            (MessageType::Reply, Phase::Informing(_)) => self.heed_facts(reply),
            (MessageType::Reply, Phase::Confirming { .. }) => self.heed_confirm(reply),
            (MessageType::Reply, Phase::Declining { .. }) => self.declined(),
            (MessageType::Reply, _) => self.heed_reply(reply),
            _ => {}
        }
    }

    /// The answer to a Request, a Renew or a Rebind.
    fn heed_reply(&mut self, reply: &Reply<'_>) {
        let asked = match &self.phase {
            Phase::Requesting(requesting) => Some(&requesting.offer.server),
            Phase::Renewing(lease) => Some(&lease.server),
            _ => None,
        };
        if asked.is_some_and(|asked| asked != reply.server) {
            return self.refuse(reply.from, Refusal::OtherServer);
        }
        let known = match &self.phase {
            Phase::Requesting(requesting) => Some(requesting.offer.address),
            _ => self.held_lease().map(|lease| lease.address),
        };
        self.take_lease(reply, known);
    }

    /// A Reply that counts, if its lease does.
    pub(super) fn take_lease(&mut self, reply: &Reply<'_>, known: Option<Ipv6Addr>) {
        let ia = match accept::ia(reply, self.config.iaid, known) {
            Ok(ia) => ia,
            Err(why) => return self.heed_no(reply, why),
        };
        if ia.valid == 0 {
            // Ours, and not to be used any more.
            let held = self.held_lease().is_some();
            if held {
                self.lose(Loss::Withdrawn, Note::Withdrawn);
                self.acquire();
            } else {
                self.refuse(reply.from, Refusal::NoAddress);
                self.pass_over();
            }
            return;
        }
        let (lease, notes) = accept::lease(reply, ia, self.sent_at);
        // We slept, and the answer lay in the queue.
        if lease.expires_at().is_some_and(|end| end <= self.now) {
            return self.refuse(reply.from, Refusal::RunOut);
        }
        notes.into_iter().for_each(|note| self.note(note));
        self.bind(Box::new(lease));
    }

    /// A Reply without an address for us.
    fn heed_no(&mut self, reply: &Reply<'_>, why: Refusal) {
        let (no_binding, not_on_link) =
            (accept::has_status(&why, Status::NO_BINDING), accept::has_status(&why, Status::NOT_ON_LINK));
        let is_status = matches!(why, Refusal::Status(..));
        self.refuse(reply.from, why);
        match &self.phase {
            // Asked in vain just now: others are waited for.
            Phase::Rebinding(_) if no_binding && self.passes_over(reply.server) => {}
            Phase::Renewing(_) | Phase::Rebinding(_) if no_binding => self.rerequest(reply),
            Phase::Renewing(_) | Phase::Rebinding(_) if not_on_link => {
                self.lose(Loss::NotOnLink, Note::NotOnLink);
                self.acquire();
            }
            Phase::Requesting(requesting) if not_on_link && requesting.held.is_some() => {
                self.lose(Loss::NotOnLink, Note::NotOnLink);
                self.acquire();
            }
            // Whatever it offered: it does not give it. What another gave holds, whatever this one has not.
            Phase::Requesting(_) if is_status => self.pass_over(),
            _ => {}
        }
    }

    /// RFC 8415 §18.2.10.1: success, said or not, or NotOnLink.
    fn heed_confirm(&mut self, reply: &Reply<'_>) {
        match status(reply.options.one(code::STATUS)) {
            None => {
                if let Phase::Confirming { lease, .. } = &self.phase {
                    let lease = lease.clone();
                    self.bind(lease);
                }
            }
            Some((Status::NOT_ON_LINK, _)) => {
                self.lose(Loss::NotOnLink, Note::NotOnLink);
                self.acquire();
            }
            Some((code, text)) => self.refuse(reply.from, Refusal::Status(code, text)),
        }
    }

    /// An answer that did not count.
    pub(super) fn refuse(&mut self, from: Ipv6Addr, why: Refusal) {
        self.heard.refuse(from, why.clone());
        self.note(Note::Refused { from, why });
    }
}
