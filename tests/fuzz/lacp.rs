//! Any LACPDUs at any times on four ports: every port has one trouble at most, and each has a sentence that is printable.
//!
//! An input is frames one after the other: a byte for port, carrier and state, one of seconds, one of length, the payload.

#![no_main]
// What the program uses of these files beyond this is not used here.
#![allow(dead_code, unused_imports, missing_docs)]

#[path = "../../src/clock.rs"]
pub mod clock;
#[path = "../../src/escape.rs"]
pub mod escape;
#[path = "../../src/links.rs"]
pub mod links;
#[path = "../../src/lldp/mod.rs"]
pub mod lldp;
#[path = "../../src/mac.rs"]
pub mod mac;
#[path = "../../src/trouble/mod.rs"]
pub mod trouble;
#[path = "../../src/lacp"]
pub mod lacp {
    pub mod auto;
    pub mod frame;
}

use lacp::auto::{Candidate, Decision, decide, why_not};
use lacp::frame::{Lacpdu, parse};
use links::LacpState;
use mac::Mac;
use trouble::{Bond, Kind, Port};

const NAMES: [&str; 4] = ["eth0", "eth1", "eth2", "eth3"];

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let (mut rest, mut now) = (bytes, 0);
    let mut heard: [Option<Lacpdu>; 4] = [None; 4];
    let mut flags = [0_u8; 4];
    while let [head, seconds, length, payload @ ..] = rest {
        let (payload, next) = payload.split_at(usize::from(*length).min(payload.len()));
        rest = next;
        now += u64::from(*seconds) * 1_000;
        let place = usize::from(*head & 3);
        flags[place] = *head >> 2;
        if let Some(pdu) = parse(payload) {
            assert!(payload.len() >= 42 && !pdu.actor.system.is_zero());
            heard[place] = Some(pdu);
        }
        let port = |place: usize| {
            let is = |bit: u8| flags[place] >> bit & 1 == 1;
            let theirs = heard[place].as_ref();
            Port {
                name: NAMES[place],
                carrier_since: is(0).then_some(0),
                passes: is(1),
                speed: is(2).then_some(1_000 << u32::from(is(3))),
                sent: is(4),
                heard_since: theirs.map(|_| 0),
                ever_heard: is(1) || theirs.is_some(),
                names_since: theirs.map(|_| 0),
                flooded: is(4) && is(3),
                theirs,
                lag: theirs.map(|pdu| (pdu.actor.system, pdu.actor.key)),
                actor: LacpState(u8::from(is(5))),
                held_since: theirs.filter(|pdu| pdu.actor.state.is_held()).map(|_| 0),
                dhcp: is(5) && is(3),
                neighbour: None,
            }
        };
        let bond = Bond {
            name: "bond0",
            lacp: true,
            up_since: Some(0),
            system: Some(Mac([2, 0, 0, 0, 0, 9])),
            ports: (0..4).map(port).collect(),
            forwards_alone: *head == 0xff,
        };
        let mut blamed = [0; 4];
        for (kind, places) in trouble::of_bond(now, &bond) {
            assert!(!places.is_empty(), "{kind:?} of nobody");
            let line = trouble::finding(kind, &bond, &places).line();
            assert!(line.len() > 20 && line.chars().all(escape::is_printable), "{line:?}");
            for place in places.into_iter().filter(|_| kind != Kind::Fallback) {
                blamed[place] += 1;
                assert!(!bond.ports[place].passes || kind == Kind::NoCarrier, "{kind:?} of a good port");
            }
        }
        assert!(blamed.iter().all(|count| *count <= 1), "{blamed:?}");
        choose(now, &heard);
    }
});

/// Those that are chosen are of one group, and none of that is left out.
fn choose(now: u64, heard: &[Option<Lacpdu>; 4]) {
    let candidate = |place: usize| Candidate {
        name: NAMES[place].into(),
        carrier_since: Some(0),
        theirs: heard[place].map(|pdu| pdu.actor),
        ..Candidate::default()
    };
    let all: Vec<Candidate> = (0..4).map(candidate).collect();
    match decide(now, &all, now + 60_000, 5_000) {
        Decision::Wait(until) => assert!(until.is_none_or(|until| until > now)),
        Decision::Chosen(places) => {
            let group = |place: usize| heard[place].map(|pdu| pdu.actor.group());
            let first = group(places[0]);
            assert!(first.is_some());
            for place in 0..4 {
                assert_eq!(places.contains(&place), group(place) == first);
            }
        }
    }
    assert!(all.iter().all(|candidate| why_not(candidate).chars().all(escape::is_printable)));
}
