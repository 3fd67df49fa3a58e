//! What a DHCPv6 server told, checked, as values. (pure)

use std::net::Ipv6Addr;

use ipnetwork::Ipv6Network;
use serde::{Deserialize, Serialize};

use crate::clock::Millis;

/// Shortest valid lifetime that is taken, in seconds: below it there is no time to renew.
pub const SHORTEST: u32 = 10;

/// What is not an address: from a Reply of any kind. Texts have only letters that are allowed in them; lists are bounded.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Facts {
    /// Option 23.
    pub dns: Vec<Ipv6Addr>,
    /// Option 24.
    pub search: Vec<String>,
}

/// An address of a DHCPv6 server (IA_NA with one address).
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Lease {
    /// Our address.
    pub address: Ipv6Addr,
    /// The server's DUID: whom to renew with.
    pub server: Vec<u8>,
    /// From where its Reply came: the server, or a relay. To be shown.
    pub from: Ipv6Addr,
    /// Name servers and search list.
    pub facts: Facts,
    /// Preferred lifetime, seconds; none: for ever.
    pub preferred_secs: Option<u32>,
    /// Valid lifetime, seconds; none: for ever.
    pub valid_secs: Option<u32>,
    /// Renewing starts so many milliseconds after `obtained_at`; none: never.
    pub t1: Option<Millis>,
    /// Rebinding starts so many milliseconds after `obtained_at`; none: never.
    pub t2: Option<Millis>,
    /// When the message was sent that got it. The server counts from its Reply; so ours is never the later end.
    pub obtained_at: Millis,
}

impl Lease {
    /// The address alone: DHCPv6 says nothing of subnets, the routers do (RFC 5942).
    pub fn network(&self) -> Option<Ipv6Network> {
        Ipv6Network::new(self.address, 128).ok()
    }

    /// When renewing starts.
    pub fn t1_at(&self) -> Option<Millis> {
        self.t1.map(|after| self.obtained_at.saturating_add(after))
    }

    /// When rebinding starts.
    pub fn t2_at(&self) -> Option<Millis> {
        self.t2.map(|after| self.obtained_at.saturating_add(after))
    }

    /// When the address must be gone.
    pub fn expires_at(&self) -> Option<Millis> {
        self.valid_secs.map(|secs| self.obtained_at.saturating_add(Millis::from(secs) * 1_000))
    }

    /// Whole seconds of valid lifetime left at `now`; none: for ever.
    pub fn left_secs(&self, now: Millis) -> Option<u32> {
        left(self.valid_secs, self.obtained_at, now)
    }

    /// The same of the preferred lifetime.
    pub fn preferred_left(&self, now: Millis) -> Option<u32> {
        left(self.preferred_secs, self.obtained_at, now)
    }

    /// Sets T1 and T2 of what the server sent, 0 where it leaves them to us: then 0.5 and 0.8 of the preferred lifetime
    /// (RFC 8415 §21.4). Both lie before the end of the address, whatever the server says.
    pub(super) fn set_times(&mut self, t1: u32, t2: u32) {
        let Some(valid) = self.valid_secs.map(|secs| Millis::from(secs) * 1_000) else {
            // For ever: renewed only where the server says when, or where it would be deprecated otherwise.
            let preferred =
                self.preferred_secs.filter(|secs| *secs > 0).map(|secs| Millis::from(secs) * 1_000);
            let said = |secs: u32, default| match secs {
                0 | u32::MAX => default,
                secs => Some(Millis::from(secs) * 1_000),
            };
            let (half, most) = (preferred.map(|secs| secs / 2), preferred.map(|secs| secs / 5 * 4));
            (self.t1, self.t2) = (said(t1, half), said(t2, most));
            if self.t1.is_none() || self.t2.is_none_or(|t2| self.t1 > Some(t2)) {
                self.t2 = None;
            }
            return;
        };
        let preferred = self.preferred_secs.map_or(valid, |secs| Millis::from(secs) * 1_000);
        // Deprecated from the start: to be renewed all the same.
        let base = if preferred == 0 { valid } else { preferred };
        let (half, most) = (base / 2, base / 5 * 4);
        let said = |secs: u32, default| match secs {
            0 => default,
            // Not before the end, as far as the server goes.
            u32::MAX => default,
            secs => Millis::from(secs) * 1_000,
        };
        let (first, second) = (said(t1, half), said(t2, most));
        let good = first <= second && second < valid;
        let (first, second) = if good { (first, second) } else { (half, most) };
        (self.t1, self.t2) = (Some(first), Some(second));
    }

    /// True if the value, which may come from a file, can be taken up at `now`.
    pub fn usable(&self, now: Millis) -> bool {
        let ordered = match (self.t1, self.t2, self.valid_secs) {
            (Some(t1), Some(t2), Some(valid)) => {
                valid >= SHORTEST && 0 < t1 && t1 <= t2 && t2 < Millis::from(valid) * 1_000
            }
            (t1, t2, None) => t2.is_none() || t1.is_some() && t1 <= t2,
            _ => false,
        };
        ordered
            && host_address(self.address)
            && is_duid(&self.server)
            && self.obtained_at <= now
            && self.expires_at().is_none_or(|end| end > now)
    }
}

fn left(secs: Option<u32>, since: Millis, now: Millis) -> Option<u32> {
    let secs = secs?;
    let passed = now.saturating_sub(since).div_ceil(1_000);
    Some(secs.saturating_sub(u32::try_from(passed).unwrap_or(u32::MAX)))
}

/// An address that a server can give to a host.
pub(super) fn host_address(address: Ipv6Addr) -> bool {
    !(address.is_unspecified()
        || address.is_loopback()
        || address.is_multicast()
        || address.is_unicast_link_local()
        || address.to_ipv4_mapped().is_some())
}

/// A DUID: a type and at most 128 bytes (RFC 8415 §11.1).
pub(super) fn is_duid(bytes: &[u8]) -> bool {
    (3..=130).contains(&bytes.len())
}
