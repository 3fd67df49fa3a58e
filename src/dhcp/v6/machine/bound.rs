//! What keeps a lease (RFC 8415 §18.2.4, §18.2.5), and every way to lose it.

use super::request::{Offer, Tries};
use super::{Action, Loss, Machine, Mode, Phase};
use crate::clock::Millis;
use crate::dhcp::v6::lease::Lease;
use crate::dhcp::v6::message::Reply;
use crate::dhcp::v6::note::Note;

/// REN_TIMEOUT, REB_TIMEOUT and their maximum (RFC 8415 §7.6).
const FIRST_RETRY: Millis = 10_000;
const LONGEST_RETRY: Millis = 600_000;
/// Whatever the times of a lease: renewals no closer than this.
const SECOND: Millis = 1_000;
/// After a Decline, before the next Solicit: as with DHCPv4 (RFC 2131 §3.1).
const AFTER_DECLINE: Millis = 10_000;

impl Machine {
    /// A lease: new, renewed, or confirmed.
    pub(super) fn bind(&mut self, lease: Box<Lease>) {
        self.actions.push(Action::Bound(lease.clone()));
        self.phase = Phase::Bound(lease);
        self.send_at = None;
        self.passed_over = None;
    }

    /// A lease that ran out is gone before anything else is looked at. True: one was.
    pub(super) fn expire(&mut self) -> bool {
        let end = self.held_lease().and_then(Lease::expires_at);
        let over = end.is_some_and(|end| end <= self.now);
        if over {
            self.lose(Loss::Expired, Note::Expired);
            self.acquire();
        }
        over
    }

    /// T1, T2 or the end has come.
    pub(super) fn age(&mut self) {
        if self.expire() {
            return;
        }
        match &self.phase {
            Phase::Bound(lease) if lease.t1_at().is_some_and(|at| at <= self.now) => {
                let phase = Phase::Renewing(lease.clone());
                self.exchange(phase);
                self.gap = FIRST_RETRY;
                self.send_at = Some(self.not_too_soon());
            }
            Phase::Renewing(lease) if lease.t2_at().is_some_and(|at| at <= self.now) => {
                self.rebind(lease.clone());
            }
            _ => {}
        }
    }

    /// Asks any server.
    pub(super) fn rebind(&mut self, lease: Box<Lease>) {
        self.exchange(Phase::Rebinding(lease));
        self.gap = FIRST_RETRY;
        self.send_at = Some(self.not_too_soon());
    }

    /// The gap that doubles; what comes after T2 or the end is another phase's.
    pub(super) fn next_renewal(&mut self) -> Millis {
        let gap = self.gap;
        self.gap = (gap * 2).min(LONGEST_RETRY);
        self.now + self.jittered(gap)
    }

    /// Now, or a second after the last frame.
    pub(super) fn not_too_soon(&self) -> Millis {
        self.now.max(self.sent_at.saturating_add(SECOND))
    }

    /// The server has lost the binding: it is asked for anew (RFC 8415 §18.2.10.1). The address lasts meanwhile.
    pub(super) fn rerequest(&mut self, reply: &Reply<'_>) {
        let Some(lease) = self.held_lease().cloned() else { return };
        self.tell(Note::NoBinding(lease.address));
        let offer =
            Offer { address: lease.address, server: reply.server.to_vec(), from: reply.from, preference: 0 };
        self.request(offer, Some(Box::new(lease)));
    }

    /// Another station has the address: the server is told, and then it goes on with another.
    pub(super) fn conflict(&mut self) {
        let Some(lease) = self.held_lease().cloned() else { return };
        self.lose(Loss::Conflict, Note::Conflict);
        self.forget();
        let lease = Box::new(lease);
        self.exchange(Phase::Declining { lease, tries: Tries::from(self.now) });
    }

    /// The server knows it, or will not.
    pub(super) fn declined(&mut self) {
        self.phase = Phase::Waiting { until: self.now + AFTER_DECLINE };
        self.send_at = None;
    }

    /// Release (RFC 8415 §18.2.7), once, and the end.
    pub(super) fn release(&mut self) {
        if let Some(lease) = self.held_lease().cloned() {
            let payload = self.last_word(&lease);
            self.actions.extend(payload.map(Action::Send));
            self.actions.push(Action::Unbound(Loss::Released));
        }
        self.config.previous = None;
        self.phase = Phase::Stopped;
        self.send_at = None;
    }

    /// The lease whose address is on the interface: ours, or the one that an earlier keeper left there.
    pub(super) fn held_lease(&self) -> Option<&Lease> {
        match &self.phase {
            Phase::Bound(lease) | Phase::Renewing(lease) | Phase::Rebinding(lease) => Some(lease),
            Phase::Confirming { lease, .. } => Some(lease),
            Phase::Requesting(requesting) => requesting.held.as_deref(),
            _ => None,
        }
    }

    /// The address must go.
    pub(super) fn lose(&mut self, loss: Loss, note: fn(std::net::Ipv6Addr) -> Note) {
        debug_assert_eq!(self.config.mode, Mode::Stateful);
        if let Some(address) = self.held_lease().map(|lease| lease.address) {
            self.tell(note(address));
            self.actions.push(Action::Unbound(loss));
        }
    }
}
