//! BOUND, RENEWING and REBINDING, and every way to lose a lease (RFC 2131 §4.4.4–§4.4.6).

use std::net::Ipv4Addr;

use dhcproto::v4::MessageType;

use super::request::Requesting;
use super::{Action, Loss, Machine, Phase};
use crate::clock::Millis;
use crate::dhcp::text;
use crate::dhcp::v4::lease::Lease;
use crate::dhcp::v4::message::Reply;
use crate::dhcp::v4::note::Note;
use crate::dhcp::v4::options::code;

/// RFC 2131 §4.4.5: retries at half the time that is left, but no closer than this.
const CLOSEST_RETRY: Millis = 60_000;
/// Whatever the times of a lease: renewals no closer than this.
const SECOND: Millis = 1_000;
/// RFC 2131 §3.1 (5): wait at least so long after a DECLINE.
const AFTER_DECLINE: Millis = 10_000;
/// Longest wait after a row of NAKs.
const LONGEST_NAK_WAIT: Millis = 64_000;
/// A server that refuses again what it has offered is passed over for so long after the wait: until another, which may
/// first look whether anybody has its address (3 s), has had its chance.
const PASS_OVER: Millis = 4_000;

impl Machine {
    /// A lease: new, renewed, or taken over.
    pub(super) fn bind(&mut self, lease: Box<Lease>) {
        self.got_in_pause = self.paused;
        self.actions.push(Action::Bound(lease.clone()));
        self.phase = Phase::Bound(lease);
        self.send_at = None;
        self.passed_over = None;
        self.naks = 0;
    }

    /// A lease that ran out is gone before anything else is looked at.
    pub(super) fn expire(&mut self) {
        let end = self.held_lease().and_then(Lease::expires_at);
        if end.is_some_and(|end| end <= self.now) {
            self.lose(Loss::Expired, Note::Expired);
            self.acquire();
        }
    }

    /// T1, T2 or the end has come.
    pub(super) fn age(&mut self) {
        self.expire();
        match &self.phase {
            Phase::Bound(lease) if lease.t1_at().is_some_and(|at| at <= self.now) => {
                self.phase = Phase::Renewing(lease.clone());
                self.xid = self.rng.xid();
                self.since = None;
                self.send_at = Some(self.not_too_soon());
            }
            Phase::Renewing(lease) if lease.t2_at().is_some_and(|at| at <= self.now) => {
                self.phase = Phase::Rebinding(lease.clone());
                self.send_at = Some(self.not_too_soon());
            }
            _ => {}
        }
    }

    /// Now, or a second after the last frame.
    pub(super) fn not_too_soon(&self) -> Millis {
        self.now.max(self.sent_at.saturating_add(SECOND))
    }

    /// To the server that gave the lease, from the address: no options 50 and 54 (RFC 2131 §4.3.2).
    pub(super) fn send_renew(&mut self) {
        let Phase::Renewing(lease) = &self.phase else { return };
        let (from, to, end) = (lease.address, lease.server_id, lease.t2_at());
        let mut message = self.outgoing(MessageType::Request);
        message.ciaddr = from;
        let payload = self.emit(&message);
        self.actions.push(Action::Unicast { from, to, payload });
        self.send_at = self.retry_before(end);
    }

    /// The same to any server.
    pub(super) fn send_rebind(&mut self) {
        let Phase::Rebinding(lease) = &self.phase else { return };
        let (address, end) = (lease.address, lease.expires_at());
        let mut message = self.outgoing(MessageType::Request);
        message.ciaddr = address;
        let payload = self.emit(&message);
        self.actions.push(Action::Broadcast(payload));
        self.send_at = self.retry_before(end);
    }

    /// After half of what is left, at least a minute. If less is left, the next phase begins first.
    fn retry_before(&self, end: Option<Millis>) -> Option<Millis> {
        let left = end?.saturating_sub(self.now);
        Some(self.now + (left / 2).max(CLOSEST_RETRY))
    }

    /// The address goes at once; start again. The first time without delay, then at growing distance, since two
    /// servers that disagree about us can go on like that for ever.
    pub(super) fn nak(&mut self, reply: &Reply, server: Option<Ipv4Addr>) {
        let says = text::shown(reply.options.bytes(code::MESSAGE).unwrap_or_default());
        self.tell(Note::Nak { server, says: says.clone() });
        let had_lease = self.held_lease().is_some();
        if had_lease {
            self.actions.push(Action::Unbound(Loss::Nak));
        }
        self.naks = self.naks.saturating_add(1);
        let of_its_own = matches!(self.phase, Phase::Requesting(_));
        match self.naks {
            1 if had_lease => self.acquire(),
            1 => self.discover(),
            n => {
                let until = self.now + (SECOND << (n - 2).min(6)).min(LONGEST_NAK_WAIT);
                self.wait_until(until);
                if let Some(server) = server.filter(|_| of_its_own) {
                    self.passed_over = Some((server, until + PASS_OVER));
                }
            }
        }
        // Of the acquisition that it begins, too.
        self.heard.naks = self.heard.naks.saturating_add(1);
        self.heard.nak = Some((server, says));
    }

    /// DECLINE (RFC 2131 §4.4.4), and a pause.
    pub(super) fn conflict(&mut self) {
        let (address, server, asked) = match &self.phase {
            Phase::Stopped | Phase::Waiting { .. } | Phase::Selecting(_) => return,
            Phase::Requesting(Requesting { offer, tries }) => (offer.address, offer.server, tries.begun()),
            Phase::Rebooting { lease, .. }
            | Phase::Bound(lease)
            | Phase::Renewing(lease)
            | Phase::Rebinding(lease) => (lease.address, lease.server_id, true),
        };
        // What nobody was asked for is nobody's to decline.
        if asked {
            let mut message = self.outgoing(MessageType::Decline);
            message.secs = 0;
            message.requested = Some(address);
            message.server = Some(server);
            let payload = self.last_word(&message);
            self.actions.extend(payload.map(Action::Broadcast));
        }
        if self.held_lease().is_some() {
            self.lose(Loss::Conflict, Note::Conflict);
            self.forget();
        } else {
            self.tell(Note::Conflict(address));
        }
        self.naks = 0;
        self.wait_until(self.now + AFTER_DECLINE);
    }

    /// RELEASE (RFC 2131 §4.4.6), and the end.
    pub(super) fn release(&mut self) {
        if let Some(lease) = self.held_lease() {
            let (from, to) = (lease.address, lease.server_id);
            let mut message = self.outgoing(MessageType::Release);
            message.secs = 0;
            message.ciaddr = from;
            message.server = Some(to);
            let payload = self.last_word(&message);
            self.actions.extend(payload.map(|payload| Action::Unicast { from, to, payload }));
            self.actions.push(Action::Unbound(Loss::Released));
        }
        self.config.previous = None;
        self.phase = Phase::Stopped;
        self.send_at = None;
    }

    /// The lease whose address is on the interface: ours, or the one that an earlier keeper left there.
    fn held_lease(&self) -> Option<&Lease> {
        match &self.phase {
            Phase::Rebooting { lease, .. } => Some(lease),
            _ => self.lease(),
        }
    }

    fn lose(&mut self, loss: Loss, note: fn(Ipv4Addr) -> Note) {
        if let Some(address) = self.held_lease().map(|lease| lease.address) {
            self.tell(note(address));
            self.actions.push(Action::Unbound(loss));
        }
    }

    fn wait_until(&mut self, until: Millis) {
        self.phase = Phase::Waiting { until };
        self.send_at = None;
    }
}
