//! What stands in a router advertisement (RFC 4861 §4.2, §4.6; RFC 8106). Lists are bounded. (pure)

use std::net::Ipv6Addr;

use ipnetwork::Ipv6Network;

use crate::dhcp::names;

/// Most prefixes, name servers and search names of one advertisement that are looked at: of each.
pub const MOST: usize = 16;
/// The least MTU that IPv6 can do with (RFC 8200 §5).
const LEAST_MTU: u32 = 1_280;

const PREFIX: u8 = 3;
const MTU: u8 = 5;
const RDNSS: u8 = 25;
const DNSSL: u8 = 31;

/// A router advertisement, read. Lifetimes in seconds, `u32::MAX` for ever.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Advertisement {
    /// There is a DHCPv6 server that gives addresses (flag M).
    pub managed: bool,
    /// There is a DHCPv6 server that tells other things, such as name servers (flag O).
    pub other: bool,
    /// Default router preference (RFC 4191): 1 high, 0 medium, −1 low.
    pub preference: i8,
    /// For how long it is a default router; 0: it is none.
    pub lifetime: u16,
    /// Bytes.
    pub mtu: Option<u32>,
    /// Prefixes of the link.
    pub prefixes: Vec<Prefix>,
    /// Name servers, each with its lifetime; 0: not to be used any more.
    pub servers: Vec<(Ipv6Addr, u32)>,
    /// Search list, likewise.
    pub search: Vec<(String, u32)>,
    /// Something was left out: too many of it, or not what it can be.
    pub left_out: bool,
}

/// A prefix of the link (RFC 4861 §4.6.2).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Prefix {
    /// Host bits masked.
    pub network: Ipv6Network,
    /// Flag A, and of a length that an interface identifier fits behind: hosts make addresses of it (SLAAC).
    pub autonomous: bool,
    /// Seconds.
    pub valid: u32,
}

impl Advertisement {
    /// Reads an ICMPv6 message of type 134. None where it must not count at all: an option of length 0, or one past the
    /// end (RFC 4861 §6.1.2).
    pub fn read(message: &[u8]) -> Option<Self> {
        let (header, mut rest) = message.split_at_checked(16)?;
        let [_, _, _, _, _, flags, l0, l1, ..] = *header else { return None };
        let mut advert = Self {
            managed: flags & 0x80 != 0,
            other: flags & 0x40 != 0,
            // 10 is reserved and counts as medium (RFC 4191 §2.2).
            preference: [0, 1, 0, -1][usize::from(flags >> 3 & 3)],
            lifetime: u16::from_be_bytes([l0, l1]),
            ..Self::default()
        };
        while let [kind, length, ..] = *rest {
            let (option, more) = rest.split_at_checked(usize::from(length) * 8)?;
            // Of length 0 it would go on for ever.
            let body = option.get(2..)?;
            match kind {
                PREFIX => advert.prefix(body),
                MTU => advert.mtu = number(body, 2).filter(|mtu| *mtu >= LEAST_MTU),
                RDNSS => advert.name_servers(body),
                DNSSL => advert.search_list(body),
                _ => {}
            }
            rest = more;
        }
        rest.is_empty().then_some(advert)
    }

    fn prefix(&mut self, body: &[u8]) {
        let read = || {
            let [length, flags, ..] = *body else { return None };
            let (valid, preferred) = (number(body, 2)?, number(body, 6)?);
            let address = Ipv6Addr::from(*body.get(14..)?.first_chunk::<16>()?);
            let network = Ipv6Network::new(address, length).ok()?;
            let network = Ipv6Network::new(network.network(), length).ok()?;
            // RFC 4862 §5.5.3.
            let good = !address.is_unicast_link_local() && !address.is_multicast() && preferred <= valid;
            let autonomous = flags & 0x40 != 0 && length == 64 && valid > 0;
            good.then_some(Prefix { network, autonomous, valid })
        };
        match read() {
            Some(prefix) if self.prefixes.contains(&prefix) => {}
            Some(prefix) if self.prefixes.len() < MOST => self.prefixes.push(prefix),
            _ => self.left_out = true,
        }
    }

    fn name_servers(&mut self, body: &[u8]) {
        let (addresses, rest) = body.get(6..).unwrap_or_default().as_chunks::<16>();
        // Two for the header and two for each: an even number of units is none (RFC 8106 §5.3.1).
        let (Some(lifetime), false, true) = (number(body, 2), addresses.is_empty(), rest.is_empty()) else {
            self.left_out = true;
            return;
        };
        for address in addresses {
            let address = Ipv6Addr::from(*address);
            if self.servers.len() < MOST && is_server(address) {
                self.servers.push((address, lifetime));
            } else {
                self.left_out = true;
            }
        }
    }

    fn search_list(&mut self, body: &[u8]) {
        let read = number(body, 2).and_then(|lifetime| Some((lifetime, names::list(body.get(6..)?, true)?)));
        let Some((lifetime, (names, left_out))) = read else {
            self.left_out = true;
            return;
        };
        self.left_out |= left_out || self.search.len() + names.len() > MOST;
        let room = MOST - self.search.len();
        self.search.extend(names.into_iter().take(room).map(|name| (name, lifetime)));
    }
}

/// An address that a name server can have.
pub fn is_server(address: Ipv6Addr) -> bool {
    !(address.is_unspecified()
        || address.is_loopback()
        || address.is_multicast()
        || address.to_ipv4_mapped().is_some())
}

fn number(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_be_bytes(*bytes.get(at..)?.first_chunk()?))
}
