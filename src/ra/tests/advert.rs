//! What is read of advertisements, and of what only looks like one.

use proptest::prelude::*;

use super::{ROUTER, dnssl, message, mtu, packet, prefix, rdnss};
use crate::mac::Mac;
use crate::ra::advert::{Advertisement, MOST};
use crate::ra::packet::{FILTER, advertisement, solicitation};

fn read(options: &[Vec<u8>]) -> Option<Advertisement> {
    Advertisement::read(&message(0, 1800, options))
}

fn servers(options: &[Vec<u8>]) -> Vec<String> {
    read(options).unwrap().servers.iter().map(|(server, secs)| format!("{server} {secs}")).collect()
}

#[test]
fn all_of_a_usual_one() {
    let advert = Advertisement::read(&message(
        0xc8,
        1_800,
        &[
            prefix("2001:db8::5", 64, 0xc0, 86_400, 14_400),
            mtu(1_400),
            rdnss(600, &["2001:db8::53", "2001:db8::54"]),
            dnssl(600, b"\x03lab\x07example\x00"),
            vec![1, 1, 2, 0, 0, 0, 0, 1],
            vec![99, 1, 0, 0, 0, 0, 0, 0],
        ],
    ))
    .unwrap();
    assert!(advert.managed && advert.other && advert.preference == 1 && !advert.left_out);
    assert_eq!((advert.lifetime, advert.mtu), (1_800, Some(1_400)));
    let [prefix] = advert.prefixes[..] else { panic!("{advert:?}") };
    assert_eq!((prefix.network.to_string().as_str(), prefix.autonomous), ("2001:db8::/64", true));
    let servers: Vec<_> = advert.servers.iter().map(|(server, _)| server.to_string()).collect();
    assert_eq!(servers, ["2001:db8::53", "2001:db8::54"]);
    assert_eq!(advert.search, [("lab.example".to_owned(), 600)]);
}

#[test]
fn flags() {
    for (flags, managed, other, preference) in [
        (0, false, false, 0),
        (0x80, true, false, 0),
        (0x40, false, true, 0),
        (0x18, false, false, -1),
        (0x10, false, false, 0),
    ] {
        let advert = Advertisement::read(&message(flags, 0, &[])).unwrap();
        assert_eq!(
            (advert.managed, advert.other, advert.preference),
            (managed, other, preference),
            "{flags:x}"
        );
    }
}

#[test]
fn an_option_of_length_0_or_past_the_end_spoils_the_whole() {
    for option in [
        vec![99, 0, 0, 0, 0, 0, 0, 0],
        vec![5, 2, 0, 0, 0, 0, 5, 220],
        vec![3, 255, 64, 0xc0],
        vec![7],
        vec![25, 0],
    ] {
        assert_eq!(read(&[mtu(1_500), option.clone()]), None, "{option:?}");
    }
    assert_eq!(Advertisement::read(&message(0, 0, &[])[..15]), None);
    assert_eq!(Advertisement::read(&[]), None);
}

#[test]
fn what_an_option_cannot_be_is_left_out() {
    // An even number of units, none at all, an odd one that is too short for an address.
    let mut even = rdnss(600, &["2001:db8::53"]);
    even[1] = 4;
    even.extend([0; 8]);
    for option in
        [even, vec![25, 1, 0, 0, 0, 0, 0, 9], vec![31, 1, 0, 0, 0, 0, 0, 9], vec![3, 1, 64, 0xc0, 0, 0, 0, 9]]
    {
        let advert = read(&[option.clone(), rdnss(60, &["2001:db8::1"])]).unwrap();
        assert_eq!(advert.servers.len(), 1, "{option:?}");
    }
    let odd = ["::", "::1", "ff02::1", "fe80::1", "::ffff:192.0.2.1", "2001:db8::53"];
    assert_eq!(servers(&[rdnss(600, &odd)]), ["fe80::1 600", "2001:db8::53 600"]);
    for names in [
        &b"\xc0\x00"[..],
        b"\x3fabc",
        b"\x02\xc0\x01\x00\x01\x41\xc0\x01",
        b"\x06a;b$(c\x00",
        b"\x04\x1b[2J\x00",
    ] {
        let advert = read(&[dnssl(600, names)]).unwrap();
        assert!(advert.search.is_empty() && advert.left_out, "{names:?}");
    }
    for bad in [
        prefix("2001:db8::", 129, 0xc0, 9, 9),
        prefix("fe80::", 64, 0xc0, 9, 9),
        prefix("ff00::", 8, 0xc0, 9, 9),
        prefix("2001:db8::", 64, 0xc0, 5, 6),
    ] {
        assert!(read(&[bad]).unwrap().prefixes.is_empty());
    }
    let autonomous = |option| read(&[option]).unwrap().prefixes[0].autonomous;
    assert!(autonomous(prefix("2001:db8::", 64, 0x40, 9, 9)));
    assert!(!autonomous(prefix("2001:db8::", 48, 0x40, 9, 9)), "the kernel takes no other length");
    assert!(!autonomous(prefix("2001:db8::", 64, 0x80, 9, 9)));
    assert!(!autonomous(prefix("2001:db8::", 64, 0xc0, 0, 0)));
    assert_eq!(read(&[mtu(1_279)]).unwrap().mtu, None);
}

#[test]
fn a_thousand_of_each_is_bounded() {
    let many: Vec<Vec<u8>> = (0..1_000_u16)
        .flat_map(|n| {
            let address = format!("2001:db8:{n:x}::1");
            [
                prefix(&address, 64, 0xc0, 9, 9),
                rdnss(9, &[&address]),
                dnssl(9, format!("\x04n{n:03}\0").as_bytes()),
            ]
        })
        .collect();
    let advert = read(&many).unwrap();
    assert_eq!((advert.prefixes.len(), advert.servers.len(), advert.search.len()), (MOST, MOST, MOST));
    assert!(advert.left_out);
}

#[test]
fn only_a_neighbours_whole_packet_counts() {
    let good = packet(ROUTER, message(0, 1_800, &[mtu(1_500)]));
    let (from, found) = advertisement(&good, false).unwrap();
    assert_eq!((from, found.len()), (ROUTER, 24));
    let mut padded = good.clone();
    padded.extend([0; 6]);
    assert!(advertisement(&padded, false).is_some(), "Ethernet fills up");
    for (place, value) in [(0, 0x40), (6, 59), (7, 254), (40, 133), (41, 1), (63, 0xff), (5, 25)] {
        let mut bad = good.clone();
        bad[place] = value;
        assert_eq!(advertisement(&bad, false), None, "byte {place}");
    }
    let mut sum = good.clone();
    sum[42] ^= 1;
    assert_eq!(advertisement(&sum, false), None);
    assert!(advertisement(&sum, true).is_some(), "this machine's own NIC would fill it in");
    let routable = packet("2001:db8::1".parse().unwrap(), message(0, 1_800, &[]));
    assert_eq!(advertisement(&routable, false), None, "a link-local source (RFC 4861 §6.1.2)");
    assert_eq!(advertisement(&packet(ROUTER, message(0, 1, &[])[..15].to_vec()), false), None);
}

#[test]
fn a_solicitation_is_whole() {
    let mac = Mac([2, 0, 0, 0, 0, 1]);
    for (from, length) in [(None, 48), (Some(ROUTER), 56)] {
        let packet = solicitation(mac, from);
        assert_eq!((packet.len(), packet[6], packet[7], packet[40]), (length, 58, 255, 133));
        // With its checksum in it the sum over all is all ones.
        let sum: u32 = packet[8..].chunks(2).map(|pair| u32::from(pair[0]) << 8 | u32::from(pair[1])).sum();
        let sum = sum + (length as u32 - 40) + 58;
        assert_eq!((sum & 0xffff) + (sum >> 16), 0xffff);
    }
    assert_eq!(FILTER.len(), 8);
}

proptest! {
    #[test]
    fn any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..300), missing in any::<bool>()) {
        let _ = advertisement(&bytes, missing);
        if let Some(advert) = Advertisement::read(&bytes) {
            prop_assert!(advert.prefixes.len() <= MOST && advert.servers.len() <= MOST && advert.search.len() <= MOST);
        }
    }

    #[test]
    fn any_options(options in prop::collection::vec(
        (prop_oneof![Just(3_u8), Just(5), Just(25), Just(31), any::<u8>()], 0..6_u8, prop::collection::vec(any::<u8>(), 0..48)),
        0..40,
    )) {
        let options: Vec<Vec<u8>> =
            options.into_iter().map(|(kind, length, body)| [vec![kind, length], body].concat()).collect();
        if let Some(advert) = read(&options) {
            prop_assert!(advert.prefixes.len() <= MOST && advert.servers.len() <= MOST && advert.search.len() <= MOST);
            for (name, _) in advert.search {
                prop_assert!(name.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c)));
            }
        }
    }
}
