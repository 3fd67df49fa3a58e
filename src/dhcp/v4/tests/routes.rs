//! Classless static routes: options 121 and 249 beside 3.

use std::net::Ipv4Addr;

use super::super::lease::Lease;
use super::super::note::Note;
use super::util::*;

const VIA: [u8; 4] = [192, 0, 2, 1];

/// The lease of an ACK with a router in option 3 and these options; 121 in as many pieces as it needs.
fn leased(options: &[(u8, &[u8])]) -> (Lease, Vec<Note>) {
    let mut client = Client::started();
    let mut answer = Answer::new(ACK).with(80, &[]).with(3, &[192, 0, 2, 254]);
    for (code, data) in options {
        answer = answer.without(*code);
        for piece in data.chunks(255) {
            answer = answer.and(*code, piece);
        }
        if data.is_empty() {
            answer = answer.and(*code, &[]);
        }
    }
    client.hear(answer);
    (client.leases.remove(0), client.notes)
}

fn shown(lease: &Lease) -> Vec<String> {
    lease.routes.iter().map(ToString::to_string).collect()
}

fn route(width: u8, significant: &[u8], via: [u8; 4]) -> Vec<u8> {
    [&[width], significant, &via].concat()
}

#[test]
fn widths() {
    for (option, expected) in [
        (route(0, &[], VIA), "0.0.0.0/0 via 192.0.2.1"),
        (route(1, &[128], VIA), "128.0.0.0/1 via 192.0.2.1"),
        (route(8, &[10], VIA), "10.0.0.0/8 via 192.0.2.1"),
        (route(9, &[10, 128], VIA), "10.128.0.0/9 via 192.0.2.1"),
        (route(24, &[198, 51, 100], VIA), "198.51.100.0/24 via 192.0.2.1"),
        (route(25, &[198, 51, 100, 128], VIA), "198.51.100.128/25 via 192.0.2.1"),
        (route(32, &[198, 51, 100, 7], VIA), "198.51.100.7/32 via 192.0.2.1"),
        // Host bits are masked.
        (route(9, &[10, 255], VIA), "10.128.0.0/9 via 192.0.2.1"),
        // Router 0.0.0.0: on-link.
        (route(24, &[198, 51, 100], [0; 4]), "198.51.100.0/24 on-link"),
    ] {
        let (lease, notes) = leased(&[(121, &option)]);
        assert_eq!(shown(&lease), [expected], "{option:?}");
        assert!(lease.routers.is_empty(), "3 is ignored beside 121");
        assert_eq!(notes.len(), 1, "each is told: {notes:?}");
    }
}

#[test]
fn a_malformed_121_is_ignored_whole() {
    let good = route(8, &[10], VIA);
    for bad in [
        vec![],
        vec![0],
        route(33, &[198, 51, 100, 7, 0], VIA),
        route(255, &[198, 51, 100, 7], VIA),
        [&good[..], &route(33, &[10], VIA)].concat(),
        [&good[..], &[8]].concat(),
        [&good[..], &[8, 10, 192, 0, 2]].concat(),
        good[..5].to_vec(),
    ] {
        let (lease, notes) = leased(&[(121, &bad)]);
        assert!(lease.routes.is_empty(), "{bad:?}");
        assert_eq!(lease.routers, [Ipv4Addr::new(192, 0, 2, 254)], "3 is used: {bad:?}");
        assert_eq!(notes, [Note::OptionIgnored(121)]);
    }
}

#[test]
fn option_249_is_121_where_there_is_none() {
    let (ms, own) = (route(8, &[10], VIA), route(8, &[11], VIA));
    let (lease, _) = leased(&[(249, &ms)]);
    assert_eq!(shown(&lease), ["10.0.0.0/8 via 192.0.2.1"]);
    assert!(lease.routers.is_empty());
    let (lease, _) = leased(&[(249, &ms), (121, &own)]);
    assert_eq!(shown(&lease), ["11.0.0.0/8 via 192.0.2.1"]);
    let (lease, notes) = leased(&[(249, &ms), (121, &[8])]);
    assert_eq!(shown(&lease), ["10.0.0.0/8 via 192.0.2.1"]);
    assert_eq!(notes[0], Note::OptionIgnored(121));
}

#[test]
fn a_default_route_comes_first_and_is_told() {
    let mut option = Vec::new();
    for third in 0..200_u8 {
        option.extend(route(24, &[10, 0, third], VIA));
    }
    option.extend(route(0, &[], VIA));
    let (lease, notes) = leased(&[(121, &option)]);
    assert_eq!(lease.routes.len(), 32);
    let shown = shown(&lease);
    assert_eq!(shown[..2], ["0.0.0.0/0 via 192.0.2.1", "10.0.0.0/24 via 192.0.2.1"]);
    assert_eq!(shown[31], "10.0.30.0/24 via 192.0.2.1");
    assert_eq!(notes[0], Note::DefaultRoute(lease.routes[0]));
    assert_eq!(notes.len(), 33, "and each of the others");
    assert_eq!(notes[32], Note::Excess(121));
}

#[test]
fn exactly_32_are_all_taken() {
    let option: Vec<u8> = (0..32_u8).flat_map(|third| route(24, &[10, 0, third], VIA)).collect();
    let (lease, notes) = leased(&[(121, &option)]);
    assert_eq!((lease.routes.len(), notes.len()), (32, 32));
}

#[test]
fn routes_that_cannot_be_are_left_out() {
    let good = route(8, &[10], VIA);
    for bad in [
        route(8, &[11], [127, 0, 0, 1]),
        route(8, &[11], [224, 0, 0, 1]),
        route(8, &[11], [255, 255, 255, 255]),
        route(8, &[127], VIA),
        // The same destination again.
        route(8, &[10], [192, 0, 2, 9]),
    ] {
        let (lease, notes) = leased(&[(121, &[bad.clone(), good.clone()].concat())]);
        let first_wins = bad[1] == 10;
        assert_eq!(lease.routes.len(), 1, "{bad:?}");
        assert_eq!(lease.routes[0].via == Some(VIA.into()), !first_wins, "{bad:?}");
        assert!(matches!(notes[1], Note::RouteIgnored(_)), "{notes:?}");
    }
}

#[test]
fn whatever_was_said_before_each_route_that_is_taken_is_told() {
    // First 128 refused answers, then 64 routes that can't be.
    let mut client = Client::started();
    for number in 0..128_u8 {
        client.hear(Answer::new(OFFER).server([10, 0, 0, number].into()).lease(1));
    }
    assert_eq!(client.notes.len(), 128);
    let bad: Vec<u8> = (0..64_u8).flat_map(|third| route(24, &[10, 0, third], [127, 0, 0, 1])).collect();
    let option = [bad, route(8, &[11], VIA), route(0, &[], VIA)].concat();
    let answer = |kind: u8| {
        option.chunks(255).fold(Answer::new(kind).with(80, &[]), |answer, piece| answer.and(121, piece))
    };
    client.hear(answer(ACK));
    let told = ["0.0.0.0/0 via 192.0.2.1", "11.0.0.0/8 via 192.0.2.1"];
    assert_eq!(shown(&client.leases[0]), told);
    let routes = client.leases[0].routes.clone();
    assert_eq!(client.notes[128..], [Note::DefaultRoute(routes[0]), Note::Route(routes[1])]);
    // And not again at each renewal.
    for _ in 0..3 {
        let at = client.machine.deadline().unwrap();
        client.until(at);
        client.hear(answer(ACK));
    }
    assert_eq!((client.leases.len(), client.notes.len()), (4, 130));
}
