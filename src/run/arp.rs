//! ARP frames. (pure)

use std::net::Ipv4Addr;

use crate::mac::Mac;

/// EtherType.
pub(super) const ARP: u16 = 0x0806;

/// An ARP announcement (RFC 5227 §3): a request for our own address, to everybody.
pub(super) fn announcement(mac: Mac, address: Ipv4Addr) -> [u8; 28] {
    let mut frame = [0; 28];
    // Ethernet, IPv4, lengths 6 and 4, request.
    frame[..8].copy_from_slice(&[0, 1, 8, 0, 6, 4, 0, 1]);
    frame[8..14].copy_from_slice(&mac.0);
    frame[14..18].copy_from_slice(&address.octets());
    frame[24..28].copy_from_slice(&address.octets());
    frame
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sender_and_target_are_the_same_address() {
        let frame = announcement(Mac([2, 0, 0, 0, 0, 1]), Ipv4Addr::new(192, 0, 2, 10));
        let expected =
            [0, 1, 8, 0, 6, 4, 0, 1, 2, 0, 0, 0, 0, 1, 192, 0, 2, 10, 0, 0, 0, 0, 0, 0, 192, 0, 2, 10];
        assert_eq!(frame, expected);
    }
}
