//! A lease as a value: what the ACK said, checked. What becomes of it is the engine's business.

use std::fmt;
use std::net::Ipv4Addr;

use ipnetwork::Ipv4Network;
use serde::{Deserialize, Serialize};

use crate::clock::Millis;

/// Shortest lease that is taken, in seconds: below it there is no time to renew.
pub const SHORTEST: u32 = 10;

/// An IPv4 lease. Texts have only letters that are allowed in them; lists are bounded.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Lease {
    /// Our address.
    pub address: Ipv4Addr,
    /// Length of the subnet's prefix, 1–32.
    pub prefix_len: u8,
    /// Option 54: whom to renew with.
    pub server_id: Ipv4Addr,
    /// Option 3. Empty where `routes` stand in its place (RFC 3442). May lie outside the subnet.
    pub routers: Vec<Ipv4Addr>,
    /// Options 121 or 249, a default route first.
    pub routes: Vec<Route>,
    /// Option 6.
    pub dns: Vec<Ipv4Addr>,
    /// Option 15.
    pub domain: Option<String>,
    /// Option 119.
    pub search: Vec<String>,
    /// Option 12.
    pub hostname: Option<String>,
    /// Option 42.
    pub ntp: Vec<Ipv4Addr>,
    /// Option 26, 576–9216.
    pub mtu: Option<u16>,
    /// Option 28, if the subnet can have it.
    pub broadcast: Option<Ipv4Addr>,
    /// Option 17.
    pub root_path: Option<String>,
    /// `siaddr`: the server of the next boot stage.
    pub next_server: Option<Ipv4Addr>,
    /// Option 66: the same by name.
    pub tftp_server: Option<String>,
    /// Option 67, else the `file` field.
    pub bootfile: Option<String>,
    /// Lease time; none: for ever.
    pub lease_secs: Option<u32>,
    /// Renewal starts so many milliseconds after `obtained_at`; none: for ever.
    pub t1: Option<Millis>,
    /// Rebinding starts so many milliseconds after `obtained_at`; none: for ever.
    pub t2: Option<Millis>,
    /// When the REQUEST (or DISCOVER) was sent that got it: the lease counts from there (RFC 2131 §4.4.1).
    pub obtained_at: Millis,
}

/// A classless static route (RFC 3442).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Route {
    /// Destination, host bits masked.
    pub to: Ipv4Network,
    /// Router; none: on-link.
    pub via: Option<Ipv4Addr>,
}

impl fmt::Display for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.via {
            Some(via) => write!(f, "{} via {via}", self.to),
            None => write!(f, "{} on-link", self.to),
        }
    }
}

impl Lease {
    /// A lease of an address and nothing else, for ever, from the start of this boot.
    pub fn bare(address: Ipv4Addr, prefix_len: u8, server_id: Ipv4Addr) -> Self {
        Self {
            address,
            prefix_len,
            server_id,
            routers: Vec::new(),
            routes: Vec::new(),
            dns: Vec::new(),
            domain: None,
            search: Vec::new(),
            hostname: None,
            ntp: Vec::new(),
            mtu: None,
            broadcast: None,
            root_path: None,
            next_server: None,
            tftp_server: None,
            bootfile: None,
            lease_secs: None,
            t1: None,
            t2: None,
            obtained_at: 0,
        }
    }

    /// Address and prefix length, host bits kept. None only for a value that was not made here.
    pub fn network(&self) -> Option<Ipv4Network> {
        Ipv4Network::new(self.address, self.prefix_len).ok()
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
        self.lease_secs.map(|secs| self.obtained_at.saturating_add(Millis::from(secs) * 1_000))
    }

    /// Whole seconds of lifetime left at `now`; none: for ever.
    pub fn left_secs(&self, now: Millis) -> Option<u32> {
        // At most what `lease_secs` was, so it fits.
        self.expires_at().map(|end| (end.saturating_sub(now) / 1_000) as u32)
    }

    /// Sets lease time, T1 and T2. Where the order T1 < T2 < lease does not hold, or one is 0, both are the
    /// defaults (RFC 2131 §4.4.5).
    pub(super) fn set_times(&mut self, term: Term, t1: Option<u32>, t2: Option<u32>) {
        let Term::Secs(secs) = term else {
            (self.lease_secs, self.t1, self.t2) = (None, None, None);
            return;
        };
        let whole = Millis::from(secs) * 1_000;
        let (half, most) = (whole / 2, whole / 8 * 7);
        let first = t1.map_or(half, |secs| Millis::from(secs) * 1_000);
        let second = t2.map_or(most, |secs| Millis::from(secs) * 1_000);
        let good = 0 < first && first < second && second < whole;
        let (first, second) = if good { (first, second) } else { (half, most) };
        (self.lease_secs, self.t1, self.t2) = (Some(secs), Some(first), Some(second));
    }

    /// True if the value, which may come from a file, can be taken up at `now`: an address that a host can have,
    /// times in their order, not from before this boot, not run out.
    pub fn usable(&self, now: Millis) -> bool {
        let times = match (self.lease_secs, self.t1, self.t2) {
            (None, None, None) => true,
            (Some(secs), Some(t1), Some(t2)) => {
                secs >= SHORTEST && 0 < t1 && t1 < t2 && t2 < Millis::from(secs) * 1_000
            }
            _ => false,
        };
        times
            && host_address(self.address, self.prefix_len)
            && unicast(self.server_id)
            && self.obtained_at <= now
            && self.expires_at().is_none_or(|end| end > now)
    }
}

/// How long a lease is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Term {
    Secs(u32),
    ForEver,
}

impl From<u32> for Term {
    fn from(secs: u32) -> Self {
        if secs == u32::MAX { Self::ForEver } else { Self::Secs(secs) }
    }
}

/// An address that a packet can be sent to as one host's, other than our own.
pub(super) fn unicast(address: Ipv4Addr) -> bool {
    let [first, ..] = address.octets();
    (1..224).contains(&first) && first != 127
}

/// An address that a DHCP client can have in a subnet of that prefix length.
pub(super) fn host_address(address: Ipv4Addr, prefix_len: u8) -> bool {
    let Ok(subnet) = Ipv4Network::new(address, prefix_len) else { return false };
    // RFC 3021: two addresses without network and broadcast; /32 is the address alone.
    let edge = prefix_len < 31 && (subnet.network() == address || subnet.broadcast() == address);
    prefix_len > 0 && unicast(address) && !address.is_link_local() && !edge
}

/// Prefix length of the class that an address is of: what there was before netmasks.
pub(super) fn class_prefix(address: Ipv4Addr) -> u8 {
    match address.octets() {
        [..128, _, _, _] => 8,
        [..192, _, _, _] => 16,
        _ => 24,
    }
}
