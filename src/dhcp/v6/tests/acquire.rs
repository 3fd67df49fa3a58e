//! From nothing to a lease, or to facts.

use super::super::machine::{Event, Loss, Mode, State};
use super::util::*;

#[test]
fn solicits_leave_at_once_densely_and_then_ever_more_seldom() {
    let mut client = Client::started(Mode::Stateful);
    client.pass(3_600_000);
    let times = client.times(SOLICIT);
    assert_eq!(times[..7], [0, 150, 400, 700, 1_000, 2_000, 4_000]);
    let gaps: Vec<u64> = times.windows(2).skip(6).map(|pair| pair[1] - pair[0]).collect();
    for (gap, doubled) in gaps.iter().zip([8_000, 16_000, 32_000, 64_000, 120_000, 120_000, 120_000]) {
        assert!(gap.abs_diff(doubled) <= doubled / 10, "{gaps:?}");
    }
    let solicit = client.last();
    assert_eq!(solicit.option(1).unwrap(), [0, 3, 0, 1, 2, 0, 0, 0, 0x5e, 1], "DUID-LL");
    assert_eq!(solicit.option(3).unwrap()[..4], [0, 0, 0x5e, 1], "the IAID");
    assert_eq!(solicit.option(6).unwrap(), [0, 23, 0, 24, 0, 82]);
    assert_eq!(solicit.option(14).unwrap(), [0; 0]);
    assert_eq!(solicit.option(8).unwrap(), [0xff, 0xff], "hundredths of a second, as far as they go");
    assert_eq!(client.sent[1].option(8).unwrap(), [0, 15]);
    assert!(client.sent.iter().all(|sent| sent.bytes[1..4] == solicit.bytes[1..4]), "one transaction");
}

#[test]
fn rapid_commit_is_a_lease_at_once() {
    let client = Client::bound();
    let lease = &client.leases[0];
    assert_eq!((lease.address, lease.server.as_slice(), lease.from), (ADDRESS, SERVER, FROM));
    assert_eq!((lease.t1, lease.t2), (Some(1_000_000), Some(1_600_000)));
    assert_eq!((lease.preferred_secs, lease.valid_secs), (Some(2_000), Some(3_000)));
    let mut client = Client::started(Mode::Stateful);
    client.hear(REPLY, SERVER, &[usual()]);
    assert!(client.leases.is_empty());
    assert_eq!(client.refused(), ["it replies to what nobody asked for"]);
}

#[test]
fn the_better_of_two_offers_is_requested() {
    let mut client = Client::started(Mode::Stateful);
    client.hear(ADVERTISE, SERVER, &[usual()]);
    client.hear(ADVERTISE, OTHER, &[usual(), option(7, &[9])]);
    client.pass(100);
    let request = client.last();
    assert_eq!((request.kind(), request.option(2).unwrap().as_slice()), (REQUEST, OTHER));
    assert_eq!(request.address(), Some(ADDRESS));
    client.hear(REPLY, SERVER, &[usual()]);
    assert_eq!(client.refused(), ["another server was asked"]);
    client.hear(REPLY, OTHER, &[usual()]);
    assert_eq!(client.machine.state(), State::Bound);
    // The highest preference waits for nobody.
    let mut client = Client::started(Mode::Stateful);
    client.hear(ADVERTISE, SERVER, &[usual(), option(7, &[255])]);
    assert_eq!(client.last().kind(), REQUEST);
}

#[test]
fn a_server_that_offers_and_keeps_silent_is_passed_over() {
    let mut client = Client::started(Mode::Stateful);
    client.hear(ADVERTISE, SERVER, &[usual()]);
    client.pass(11_200);
    assert_eq!(client.times(REQUEST), [0, 1_000, 3_000, 7_000]);
    assert_eq!(client.last().kind(), SOLICIT);
    client.hear(ADVERTISE, SERVER, &[usual()]);
    client.pass(200);
    assert_eq!(client.last().kind(), SOLICIT);
    client.hear(ADVERTISE, OTHER, &[usual()]);
    client.pass(200);
    assert_eq!(client.last().kind(), REQUEST);
    assert!(client.notes.iter().any(|note| note.contains("offered an address and then kept silent")));
}

#[test]
fn what_servers_say_no_with_is_remembered() {
    let mut client = Client::started(Mode::Stateful);
    client.hear(ADVERTISE, SERVER, &[status(2, b"no more \x1b[2Jaddresses"), option(82, &[0, 0, 0, 60])]);
    client.hear(ADVERTISE, SERVER, &[ia(0, 0, &[status(2, b"")])]);
    assert_eq!(
        client.refused(),
        ["it says NoAddrsAvail \"no more \\x1b[2Jaddresses\"", "it says NoAddrsAvail"]
    );
    client.pass(600_000);
    let gaps: Vec<u64> = client.times(SOLICIT).windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert!(gaps.iter().all(|gap| *gap <= 66_000), "SOL_MAX_RT of the server: {gaps:?}");
    // A Request that is refused.
    let mut client = Client::started(Mode::Stateful);
    client.hear(ADVERTISE, SERVER, &[usual(), option(7, &[255])]);
    client.hear(REPLY, SERVER, &[ia(0, 0, &[status(2, b"gone")])]);
    assert_eq!(client.machine.state(), State::Soliciting);
}

#[test]
fn a_kick_starts_over_and_none_makes_a_flood() {
    let mut client = Client::started(Mode::Stateful);
    client.pass(20_000);
    let before = client.sent.len();
    client.step(Event::Kick);
    assert_eq!(client.sent.len(), before + 1);
    for _ in 0..200 {
        client.step(Event::Kick);
        client.pass(30);
    }
    for (span, most) in [(1_000, 6), (5_000, 10)] {
        let times: Vec<u64> = client.sent.iter().map(|sent| sent.at).collect();
        assert!(times.windows(most + 1).all(|all| all[most] - all[0] > span), "{most} within {span} ms");
    }
    client.step(Event::Pause);
    let before = client.sent.len();
    client.pass(60_000);
    assert_eq!(client.sent.len(), before);
}

#[test]
fn facts_alone() {
    let mut client = Client::started(Mode::Stateless);
    let sent = client.last();
    assert_eq!((sent.kind(), sent.option(3)), (INFORMATION_REQUEST, None));
    assert_eq!(sent.option(6).unwrap(), [0, 23, 0, 24, 0, 32, 0, 83]);
    let dns: std::net::Ipv6Addr = "2001:db8::53".parse().unwrap();
    let search = b"\x03lab\x07example\x00".as_slice();
    client.hear(REPLY, SERVER, &[option(23, &dns.octets()), option(24, search), option(32, &[0, 0, 0, 1])]);
    assert_eq!(
        (client.facts[0].dns.as_slice(), client.facts[0].search.as_slice()),
        (&[dns][..], &["lab.example".to_owned()][..])
    );
    client.pass(599_000);
    assert_eq!(client.sent.len(), 1);
    client.pass(1_000);
    assert_eq!(client.sent.len(), 2, "IRT_MINIMUM");
    client.hear(REPLY, SERVER, &[option(32, &[255; 4])]);
    client.pass(10 * 86_400_000);
    assert_eq!(client.sent.len(), 2, "never again");
    // The link was gone: it may lead elsewhere now.
    client.step(Event::Pause);
    client.step(Event::Kick);
    assert_eq!(client.sent.len(), 3);
}

#[test]
fn a_conflict_is_declined_and_another_address_asked_for() {
    let mut client = Client::bound();
    client.step(Event::Conflict);
    assert_eq!(client.losses, [Loss::Conflict]);
    let decline = client.last();
    assert_eq!((decline.kind(), decline.address()), (DECLINE, Some(ADDRESS)));
    assert_eq!(decline.option(2).unwrap(), SERVER);
    client.hear(REPLY, SERVER, &[status(0, b"")]);
    assert_eq!(client.machine.state(), State::Init);
    client.pass(10_000);
    assert_eq!(client.last().kind(), SOLICIT);
    // A server that does not answer is told a few times.
    let mut client = Client::bound();
    client.step(Event::Conflict);
    client.pass(60_000);
    assert_eq!(client.times(DECLINE), [0, 1_000, 3_000, 7_000]);
    assert_eq!(client.last().kind(), SOLICIT);
}
