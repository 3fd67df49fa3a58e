//! Answers of strangers.

use std::net::Ipv6Addr;

use super::super::duid_of_mac;
use super::super::machine::{Mode, State};
use super::util::*;

/// What an Advertise and a rapid Reply with these options are refused for, the same; none: taken.
fn refusal(options: &[Vec<u8>]) -> Option<String> {
    let mut client = Client::started(Mode::Stateful);
    client.hear(ADVERTISE, SERVER, &[options, &[option(7, &[255])]].concat());
    let advertise = client.refused().pop();
    let mut client = Client::started(Mode::Stateful);
    client.hear(REPLY, SERVER, &[options, &[option(14, &[])]].concat());
    let reply = client.refused().pop();
    assert_eq!(advertise, reply);
    assert_eq!(client.leases.is_empty(), reply.is_some());
    reply
}

#[test]
fn what_an_address_must_be() {
    let with =
        |address: &str, preferred, valid| ia(0, 0, &[ia_address(address.parse().unwrap(), preferred, valid)]);
    let address = |address: &str| Some(format!("no host can have the address {address}"));
    let text = |text: &str| Some(text.to_owned());
    for (options, expected) in [
        (vec![usual()], None),
        (vec![], text("it has no IA_NA of ours")),
        (vec![option(3, &[0; 11])], text("it has no IA_NA of ours")),
        (vec![option(3, &[9; 12])], text("it has no IA_NA of ours")),
        (vec![option(4, &[0; 4])], text("it has no IA_NA of ours")),
        (vec![ia(0, 0, &[])], text("it has no address")),
        (vec![ia(200, 100, &[ia_address(ADDRESS, 300, 300)])], text("its T1 is greater than its T2")),
        (vec![ia(0, 0, &[option(5, &[0x20; 23])])], text("it has no address")),
        (vec![ia(0, 0, &[vec![0, 5, 0, 99, 1]])], text("it has no IA_NA of ours")),
        (vec![with("::", 60, 60)], address("::")),
        (vec![with("::1", 60, 60)], address("::1")),
        (vec![with("fe80::7", 60, 60)], address("fe80::7")),
        (vec![with("ff02::1", 60, 60)], address("ff02::1")),
        (vec![with("::ffff:192.0.2.1", 60, 60)], address("::ffff:192.0.2.1")),
        (
            vec![with("2001:db8::7", 61, 60)],
            text("2001:db8::7 would be preferred for longer than it is valid"),
        ),
        (vec![with("2001:db8::7", 9, 9)], text("a lease of 9 s is too short (10 s at least)")),
        (vec![with("2001:db8::7", 0, 0)], text("it has no address")),
        (vec![with("2001:db8::7", u32::MAX, u32::MAX)], None),
        (vec![with("fd00::7", 0, 60)], None),
        (vec![ia(0, 0, &[ia_address("::1".parse().unwrap(), 60, 60), ia_address(ADDRESS, 60, 60)])], None),
        (vec![option(3, &[9; 12]), usual()], None),
        (vec![status(1, b"\x00\xff")], text("it says UnspecFail \"\\x00\\xff\"")),
        (vec![status(999, b""), usual()], text("it says status 999")),
        (vec![option(13, &[]), usual()], None),
    ] {
        assert_eq!(refusal(&options), expected, "{options:?}");
    }
}

#[test]
fn others_answers_and_broken_ones() {
    let mut client = Client::started(Mode::Stateful);
    let good = client.answer(ADVERTISE, SERVER, &[usual(), option(7, &[255])]);
    let mut xid = good.clone();
    xid[2] ^= 1;
    let ours = option(1, &duid_of_mac(MAC));
    let foreign = client.answer(ADVERTISE, SERVER, &[usual()]);
    let foreign =
        [&foreign[..4], &option(1, &[0, 3, 0, 1, 9, 9, 9, 9, 9, 9]), &foreign[4 + ours.len()..]].concat();
    let clientless = [&good[..4], &good[4 + ours.len()..]].concat();
    let serverless = [&good[..4], &ours, &usual()].concat();
    let huge_duid = client.answer(ADVERTISE, &[7; 131], &[usual()]);
    let cut = good[..good.len() - 1].to_vec();
    // Relay-forward, Relay-reply, Reconfigure, our own kinds, none at all.
    for kind in [0, 1, 3, 5, 10, 12, 13, 200, 255] {
        let mut other = good.clone();
        other[0] = kind;
        client.hear_bytes(&other);
    }
    for bytes in [xid, foreign, clientless, serverless, huge_duid, cut, vec![], vec![2], good[..4].to_vec()] {
        client.hear_bytes(&bytes);
        assert_eq!(client.machine.state(), State::Soliciting, "{bytes:?}");
    }
    let refused = client.refused();
    assert_eq!(
        refused,
        ["it has no client identifier", "it has no usable server identifier", "an option goes past its end"]
    );
    client.hear_bytes(&good);
    assert_eq!(client.machine.state(), State::Requesting);
}

#[test]
fn facts_that_cannot_be_are_left_out() {
    let take = |options: &[Vec<u8>]| {
        let mut client = Client::started(Mode::Stateful);
        client.hear(REPLY, SERVER, &[&[usual(), option(14, &[])], options].concat());
        let facts = client.leases.remove(0).facts;
        (facts.dns.len(), facts.search, client.notes.len())
    };
    let servers = |list: &[&str]| -> Vec<u8> {
        list.iter().flat_map(|server| server.parse::<Ipv6Addr>().unwrap().octets()).collect()
    };
    assert_eq!(take(&[option(23, &servers(&["2001:db8::1", "::1", "ff02::1", "fe80::1"]))]), (2, vec![], 1));
    assert_eq!(take(&[option(23, &[0x20; 17])]), (0, vec![], 1));
    assert_eq!(take(&[option(23, &[0x20; 16].repeat(1_000))]), (16, vec![], 1));
    assert_eq!(take(&[option(24, b"\x03$(x\x00\x01y\x00")]), (0, vec!["y".into()], 1));
    assert_eq!(take(&[option(24, b"\x01x\x00\xc0\x00")]), (0, vec![], 1));
    assert_eq!(take(&[option(24, &b"\x01x\x00".repeat(20_000))]), (0, vec!["x".into()], 1));
    assert_eq!(take(&[option(23, &[]), option(24, &[])]), (0, vec![], 0));
}

#[test]
fn a_flood_of_refusals_is_bounded() {
    let mut client = Client::started(Mode::Stateful);
    for n in 0..5_000_u16 {
        client.hear(ADVERTISE, SERVER, &[status(n % 500 + 5, format!("{n}").as_bytes())]);
    }
    assert!(client.notes.len() <= 128 && client.refused().len() <= 16);
    let deep = (0..400).fold(Vec::new(), |inner, _| ia(0, 0, &[inner]));
    client.hear(ADVERTISE, SERVER, &[deep]);
    assert_eq!(client.machine.state(), State::Soliciting);
}
