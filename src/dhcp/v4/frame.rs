//! IPv4 and UDP around a DHCP message, for the time before there is an address.
//!
//! The packet socket hands over and takes whole IPv4 packets (`SOCK_DGRAM`: no Ethernet header). Nothing below has
//! looked at what comes in, so all that the kernel's IP and UDP layers would check is checked here.

use std::net::Ipv4Addr;

/// UDP port of servers and relays (RFC 2131 §4.1).
pub const SERVER_PORT: u16 = 67;
/// UDP port of clients.
pub const CLIENT_PORT: u16 = 68;

const IP_HEADER: usize = 20;
const UDP_HEADER: usize = 8;
const UDP: u8 = 17;
/// More-fragments bit and fragment offset.
const FRAGMENT: u16 = 0x3fff;

/// Classic BPF `(code, jt, jf, k)` for a packet socket whose packets start at the IPv4 header:
/// UDP, no fragment, destination port 68. The kernel drops all else before it is queued.
pub const FILTER: &[(u16, u8, u8, u32)] = &[
    (0x30, 0, 0, 9),                  // ldb [9]: protocol
    (0x15, 0, 6, UDP as u32),         // jeq UDP, else drop
    (0x28, 0, 0, 6),                  // ldh [6]: flags and fragment offset
    (0x45, 4, 0, FRAGMENT as u32),    // jset: a fragment, drop
    (0xb1, 0, 0, 0),                  // ldxb 4*([0]&0xf): header length
    (0x48, 0, 0, 2),                  // ldh [x+2]: destination port
    (0x15, 0, 1, CLIENT_PORT as u32), // jeq 68, else drop
    (0x06, 0, 0, 0x0004_0000),        // ret: the whole packet
    (0x06, 0, 0, 0),                  // ret 0: drop
];

/// A UDP datagram that came in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Datagram<'a> {
    /// IPv4 source: the server or the relay.
    pub source: Ipv4Addr,
    /// IPv4 destination: broadcast, or the address that the server is about to give.
    pub destination: Ipv4Addr,
    /// The DHCP message.
    pub payload: &'a [u8],
}

/// Why a packet was dropped.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Dropped {
    /// Not IPv4, or lengths that contradict each other.
    Malformed,
    /// A part of a larger packet.
    Fragment,
    /// Not UDP to port 68.
    NotOurs,
    /// The checksum of the IPv4 header or of the datagram is wrong.
    Checksum,
}

/// The IPv4 packet that carries `payload` from port 68 of `from` to port 67 of `to`.
///
/// None if `payload` is larger than IPv4 can carry. Broadcast is `encode(UNSPECIFIED, BROADCAST, …)`.
pub fn encode(from: Ipv4Addr, to: Ipv4Addr, payload: &[u8]) -> Option<Vec<u8>> {
    let udp_len = u16::try_from(UDP_HEADER + payload.len()).ok()?;
    let total = udp_len.checked_add(IP_HEADER as u16)?;

    let mut header = Vec::with_capacity(usize::from(total));
    header.extend([0x45, 0]);
    header.extend(total.to_be_bytes());
    header.extend([0, 0, 0, 0, 64, UDP]); // id, no fragment, TTL
    let addresses = [from.octets(), to.octets()].concat();
    let sum = !fold(add(add(0, &header), &addresses));
    header.extend(sum.to_be_bytes());
    header.extend(&addresses);

    let mut udp = Vec::with_capacity(UDP_HEADER);
    udp.extend(CLIENT_PORT.to_be_bytes());
    udp.extend(SERVER_PORT.to_be_bytes());
    udp.extend(udp_len.to_be_bytes());
    let sum = !fold(add(add(pseudo(from, to, udp_len), &udp), payload));
    // RFC 768: a sum of 0 is sent as all ones, since 0 says "no checksum".
    udp.extend(if sum == 0 { 0xffff_u16 } else { sum }.to_be_bytes());

    header.extend(udp);
    header.extend(payload);
    Some(header)
}

/// The datagram in an IPv4 packet.
///
/// `checksum_missing` is the packet socket's `TP_STATUS_CSUMNOTREADY`: a frame that a local kernel sent and whose UDP
/// checksum is still to be filled in by the NIC.
pub fn decode(packet: &[u8], checksum_missing: bool) -> Result<Datagram<'_>, Dropped> {
    let (&first, total) = packet.first().zip(word(packet, 2)).ok_or(Dropped::Malformed)?;
    let header_len = usize::from(first & 0xf) * 4;
    if first >> 4 != 4 || header_len < IP_HEADER {
        return Err(Dropped::Malformed);
    }
    // Behind the total length stands what Ethernet needs to fill 60 bytes.
    let packet = packet.get(..usize::from(total)).ok_or(Dropped::Malformed)?;
    let (header, body) = packet.split_at_checked(header_len).ok_or(Dropped::Malformed)?;
    if fold(add(0, header)) != 0xffff {
        return Err(Dropped::Checksum);
    }
    if word(header, 6).ok_or(Dropped::Malformed)? & FRAGMENT != 0 {
        return Err(Dropped::Fragment);
    }
    if header.get(9) != Some(&UDP) {
        return Err(Dropped::NotOurs);
    }
    let source = address(header, 12).ok_or(Dropped::Malformed)?;
    let destination = address(header, 16).ok_or(Dropped::Malformed)?;

    let udp_len = word(body, 4).ok_or(Dropped::Malformed)?;
    let udp = body.get(..usize::from(udp_len)).ok_or(Dropped::Malformed)?;
    let (udp_header, payload) = udp.split_at_checked(UDP_HEADER).ok_or(Dropped::Malformed)?;
    if word(udp_header, 2) != Some(CLIENT_PORT) {
        return Err(Dropped::NotOurs);
    }
    // RFC 768: 0 is "the sender made no checksum".
    let summed = word(udp_header, 6) != Some(0) && !checksum_missing;
    if summed && fold(add(pseudo(source, destination, udp_len), udp)) != 0xffff {
        return Err(Dropped::Checksum);
    }
    Ok(Datagram { source, destination, payload })
}

fn word(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..at + 2)?.try_into().ok().map(u16::from_be_bytes)
}

fn address(bytes: &[u8], at: usize) -> Option<Ipv4Addr> {
    let octets: [u8; 4] = bytes.get(at..at + 4)?.try_into().ok()?;
    Some(octets.into())
}

/// Sum of the pseudo header (RFC 768).
fn pseudo(from: Ipv4Addr, to: Ipv4Addr, udp_len: u16) -> u32 {
    add(add(u32::from(UDP) + u32::from(udp_len), &from.octets()), &to.octets())
}

/// Adds 16-bit words (RFC 1071); an odd last byte is the upper half of its word. 64 KiB of words fit in 32 bits.
fn add(sum: u32, bytes: &[u8]) -> u32 {
    let (words, rest) = bytes.as_chunks::<2>();
    let sum = words.iter().fold(sum, |sum, word| sum + u32::from(u16::from_be_bytes(*word)));
    sum + rest.first().map_or(0, |&last| u32::from(last) << 8)
}

/// Carries folded in.
fn fold(sum: u32) -> u16 {
    let once = (sum & 0xffff) + (sum >> 16);
    ((once & 0xffff) + (once >> 16)) as u16
}
