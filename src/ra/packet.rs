//! IPv6 and ICMPv6 around router solicitations and advertisements. (pure)
//!
//! The packet socket hands over and takes whole IPv6 packets (`SOCK_DGRAM`: no Ethernet header). Nothing below has looked
//! at what comes in, so all that RFC 4861 §6.1.2 wants is checked here. A packet with extension headers is not looked at:
//! no router sends them, those who want to pass a switch's guard do (RFC 7113).

use std::net::Ipv6Addr;

use crate::mac::Mac;

/// EtherType of IPv6.
pub const IPV6: u16 = 0x86dd;
const HEADER: usize = 40;
const ICMPV6: u8 = 58;
const SOLICITATION: u8 = 133;
const ADVERTISEMENT: u8 = 134;
/// ff02::2.
const ALL_ROUTERS: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 2);
/// Its Ethernet address (RFC 2464 §7).
pub const ALL_ROUTERS_MAC: Mac = Mac([0x33, 0x33, 0, 0, 0, 2]);

/// Classic BPF `(code, jt, jf, k)` for a packet socket whose packets start at the IPv6 header: a router advertisement
/// that no router has forwarded. The kernel drops all else before it is queued.
pub const FILTER: &[(u16, u8, u8, u32)] = &[
    (0x30, 0, 0, 6),                    // ldb [6]: next header
    (0x15, 0, 5, ICMPV6 as u32),        // jeq ICMPv6, else drop
    (0x30, 0, 0, 7),                    // ldb [7]: hop limit
    (0x15, 0, 3, 255),                  // jeq 255, else drop
    (0x30, 0, 0, HEADER as u32),        // ldb [40]: type
    (0x15, 0, 1, ADVERTISEMENT as u32), // jeq an advertisement, else drop
    (0x06, 0, 0, 0x0004_0000),          // ret: the whole packet
    (0x06, 0, 0, 0),                    // ret 0: drop
];

/// The router that sent an advertisement, and its ICMPv6 message. None: it does not count (RFC 4861 §6.1.2).
///
/// `checksum_missing`: a frame that a local kernel sent and whose checksum is still to be filled in by the NIC.
pub fn advertisement(packet: &[u8], checksum_missing: bool) -> Option<(Ipv6Addr, &[u8])> {
    let (header, rest) = packet.split_at_checked(HEADER)?;
    let [first, _, _, _, l0, l1, next, hops, addresses @ ..] = header else { return None };
    // Behind the length stands what Ethernet needs to fill 60 bytes.
    let message = rest.get(..usize::from(u16::from_be_bytes([*l0, *l1])))?;
    if first >> 4 != 6 || *next != ICMPV6 || *hops != 255 {
        return None;
    }
    let source = Ipv6Addr::from(*addresses.first_chunk::<16>()?);
    let good = message.len() >= 16
        && message.starts_with(&[ADVERTISEMENT, 0])
        && source.is_unicast_link_local()
        && (checksum_missing || sum(addresses, message) == 0xffff);
    good.then_some((source, message))
}

/// A router solicitation to all routers (RFC 4861 §4.1). `from`: our link-local address, if it may be used already.
pub fn solicitation(mac: Mac, from: Option<Ipv6Addr>) -> Vec<u8> {
    let mut message = vec![SOLICITATION, 0, 0, 0, 0, 0, 0, 0];
    if from.is_some() {
        // Source link-layer address, 8 bytes; not from the unspecified address.
        message.extend([1, 1]);
        message.extend(mac.0);
    }
    let addresses = [from.unwrap_or(Ipv6Addr::UNSPECIFIED).octets(), ALL_ROUTERS.octets()].concat();
    let checksum = !sum(&addresses, &message);
    message[2..4].copy_from_slice(&checksum.to_be_bytes());
    let mut packet = vec![0x60, 0, 0, 0, 0, message.len() as u8, ICMPV6, 255];
    packet.extend(addresses);
    packet.extend(message);
    packet
}

/// The sum of RFC 8200 §8.1: both addresses, the length, the next header, and the message. Over one that has its
/// checksum in it: all ones. 64 KiB of words fit in 32 bits.
fn sum(addresses: &[u8], message: &[u8]) -> u16 {
    let words = |bytes: &[u8]| -> u32 {
        let (pairs, rest) = bytes.as_chunks::<2>();
        let whole: u32 = pairs.iter().map(|pair| u32::from(u16::from_be_bytes(*pair))).sum();
        whole + rest.first().map_or(0, |last| u32::from(*last) << 8)
    };
    let sum = words(addresses) + words(message) + message.len() as u32 + u32::from(ICMPV6);
    let once = (sum & 0xffff) + (sum >> 16);
    ((once & 0xffff) + (once >> 16)) as u16
}
