//! The one place where messages are made and counted.

use std::net::Ipv4Addr;

use dhcproto::v4::MessageType;

use super::{Config, Machine, Phase};
use crate::clock::Millis;
use crate::dhcp::limit::Share;
use crate::dhcp::v4::message::{self, Client, Outgoing};

/// The broadcast flag is set so long after the first DISCOVER: answers to an address that we do not have yet may be
/// lost on the way (RFC 2131 §4.1).
const BROADCAST_AFTER: Millis = 4_000;
impl Machine {
    /// When the next frame leaves: when it is due, the link is there, and the limit allows it.
    pub(super) fn next_frame(&self) -> Option<Millis> {
        let due = self.send_at.filter(|_| !self.paused);
        due.map(|at| at.max(self.limit.free_at(self.share())))
    }

    fn share(&self) -> Share {
        match self.phase {
            Phase::Selecting(_) => Share::Discover,
            _ => Share::Request,
        }
    }

    pub(super) fn send(&mut self) {
        match self.phase {
            Phase::Selecting(_) => self.send_discover(),
            Phase::Requesting(_) => self.send_request(),
            Phase::Rebooting { .. } => self.send_reboot(),
            Phase::Renewing(_) => self.send_renew(),
            Phase::Rebinding(_) => self.send_rebind(),
            Phase::Stopped | Phase::Waiting { .. } | Phase::Bound(_) => self.send_at = None,
        }
    }

    /// Seconds since the acquisition or renewal began (RFC 2131 §2); relays and backup servers wait for it to grow.
    fn elapsed(&mut self) -> Millis {
        self.now - *self.since.get_or_insert(self.now)
    }

    /// A message with this phase's transaction id and nothing else set.
    pub(super) fn outgoing(&mut self, kind: MessageType) -> Outgoing {
        let elapsed = self.elapsed();
        Outgoing {
            kind,
            xid: self.xid,
            secs: u16::try_from(elapsed / 1_000).unwrap_or(u16::MAX),
            broadcast: false,
            ciaddr: Ipv4Addr::UNSPECIFIED,
            requested: None,
            server: None,
        }
    }

    pub(super) fn broadcast_flag(&mut self) -> bool {
        self.elapsed() >= BROADCAST_AFTER
    }

    /// The bytes of a message that leaves now.
    pub(super) fn emit(&mut self, message: &Outgoing) -> Vec<u8> {
        self.limit.record(self.now, self.share());
        self.sent_at = self.now;
        self.heard.sent(message.kind, self.now);
        self.encode(message)
    }

    /// The bytes of a DECLINE or RELEASE, if there is a link to say it on.
    pub(super) fn last_word(&mut self, message: &Outgoing) -> Option<Vec<u8>> {
        if self.paused || self.limit.free_at(Share::LastWord) > self.now {
            return None;
        }
        self.limit.record(self.now, Share::LastWord);
        Some(self.encode(message))
    }

    fn encode(&self, message: &Outgoing) -> Vec<u8> {
        let Config { mac, seed: _, client_id, hostname, vendor_class, among: _, mtu, previous: _ } =
            &self.config;
        let client = Client {
            mac: *mac,
            client_id: client_id.as_deref(),
            hostname: hostname.as_deref(),
            vendor_class: vendor_class.as_deref(),
            mtu: *mtu,
        };
        message::encode(&client, message)
    }
}
