//! Telling the neighbours of an address: ARP and neighbour advertisements. (pure)

use std::net::{IpAddr, Ipv6Addr};

use crate::dhcp::v4::probe::{self, ARP};
use crate::mac::Mac;

const IPV6: u16 = 0x86dd;
/// ff02::1.
const ALL_NODES: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1);

/// What to send: EtherType, the frame's destination, its content.
pub(crate) fn announcement(mac: Mac, address: IpAddr) -> (u16, Mac, Vec<u8>) {
    match address {
        IpAddr::V4(address) => (ARP, Mac([0xff; 6]), probe::announcement(mac, address).to_vec()),
        // RFC 2464 §7.
        IpAddr::V6(address) => (IPV6, Mac([0x33, 0x33, 0, 0, 0, 1]), advertisement(mac, address).to_vec()),
    }
}

/// An unsolicited neighbour advertisement that overrides what the neighbours know (RFC 4861 §7.2.6).
fn advertisement(mac: Mac, address: Ipv6Addr) -> [u8; 72] {
    let mut packet = [0; 72];
    // Version 6, 32 bytes of ICMPv6 (58), hop limit 255: else it counts as forwarded.
    packet[..8].copy_from_slice(&[0x60, 0, 0, 0, 0, 32, 58, 255]);
    packet[8..24].copy_from_slice(&address.octets());
    packet[24..40].copy_from_slice(&ALL_NODES.octets());
    // Type 136; flag O.
    packet[40..48].copy_from_slice(&[136, 0, 0, 0, 0x20, 0, 0, 0]);
    packet[48..64].copy_from_slice(&address.octets());
    // Target link-layer address, 8 bytes.
    packet[64..66].copy_from_slice(&[2, 1]);
    packet[66..].copy_from_slice(&mac.0);
    // RFC 8200 §8.1: both addresses, the length, the next header, and the message.
    let pairs = packet[8..].chunks_exact(2).map(|pair| u32::from(u16::from_be_bytes([pair[0], pair[1]])));
    let mut sum: u32 = pairs.sum::<u32>() + 32 + 58;
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    packet[42..44].copy_from_slice(&(!(sum as u16)).to_be_bytes());
    packet
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAC: Mac = Mac([2, 0, 0, 0, 0, 1]);

    #[test]
    fn sender_and_target_are_the_same_address() {
        let expected =
            [0, 1, 8, 0, 6, 4, 0, 1, 2, 0, 0, 0, 0, 1, 192, 0, 2, 10, 0, 0, 0, 0, 0, 0, 192, 0, 2, 10];
        let frame = announcement(MAC, [192, 0, 2, 10].into());
        assert_eq!(frame, (0x0806, Mac([0xff; 6]), expected.to_vec()));
    }

    #[test]
    fn an_advertisement_is_whole() {
        let (kind, to, packet) = announcement(MAC, "2001:db8::10".parse().unwrap());
        assert_eq!((kind, to), (0x86dd, Mac([0x33, 0x33, 0, 0, 0, 1])));
        assert_eq!(packet.len(), 72);
        // With its checksum in it the sum over all is all ones.
        let sum: u32 = packet[8..].chunks(2).map(|pair| u32::from(pair[0]) << 8 | u32::from(pair[1])).sum();
        let sum = sum + 32 + 58;
        assert_eq!((sum & 0xffff) + (sum >> 16), 0xffff);
    }
}
