//! Asking, and remembering for as long as it holds.

use std::net::Ipv6Addr;

use proptest::prelude::*;

use super::{ROUTER, dnssl, message, packet, prefix, rdnss};
use crate::clock::Millis;
use crate::ra::machine::{Action, Event, Machine, Note};

const OTHER: Ipv6Addr = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 2);

struct Host {
    machine: Machine,
    now: Millis,
    solicited: Vec<Millis>,
    notes: Vec<String>,
}

impl Host {
    fn new() -> Self {
        Self { machine: Machine::new(3, 1_000), now: 1_000, solicited: Vec::new(), notes: Vec::new() }
    }

    fn step(&mut self, event: Event<'_>) {
        for action in self.machine.step(self.now, event) {
            match action {
                Action::Solicit => self.solicited.push(self.now),
                Action::Note(note) => self.notes.push(note.to_string()),
            }
        }
    }

    fn pass(&mut self, millis: Millis) {
        let end = self.now + millis;
        while let Some(at) = self.machine.deadline().filter(|at| *at <= end) {
            assert!(at > self.now || at == self.now && self.machine.deadline() == Some(at));
            self.now = at.max(self.now);
            self.step(Event::Tick);
            assert!(self.machine.deadline().is_none_or(|next| next > self.now), "woken at once, for nothing");
        }
        self.now = end;
    }

    fn hear(&mut self, from: Ipv6Addr, message: Vec<u8>) {
        self.step(Event::Packet { packet: &packet(from, message), checksum_missing: false });
    }

    fn servers(&self) -> Vec<String> {
        self.machine.servers().map(|server| server.to_string()).collect()
    }
}

#[test]
fn it_asks_at_once_thrice_and_then_ever_more_seldom() {
    let mut host = Host::new();
    host.pass(5_000);
    assert!(host.solicited.is_empty(), "nothing can be sent yet");
    host.step(Event::Kick);
    host.pass(3_600_000 * 24);
    let at = |n: usize| host.solicited[n] - host.solicited[0];
    assert_eq!([at(1), at(2)], [150, 1_000]);
    let gaps: Vec<Millis> = host.solicited.windows(2).skip(2).map(|pair| pair[1] - pair[0]).collect();
    for (gap, doubled) in gaps.iter().zip([4_000, 8_000, 16_000, 32_000, 64_000]) {
        assert!(gap.abs_diff(doubled) <= doubled / 10, "{gap}");
    }
    assert!(gaps.iter().all(|gap| *gap <= 3_960_000));
    assert!(host.solicited.len() < 45, "{}", host.solicited.len());
}

#[test]
fn kicks_do_not_make_a_flood() {
    let mut host = Host::new();
    for _ in 0..100 {
        host.step(Event::Kick);
        host.pass(50);
    }
    let most = host.solicited.windows(5).map(|five| five[4] - five[0]).min().unwrap();
    assert!(most >= 3_000, "four within three seconds at most: {most}");
}

#[test]
fn an_answer_ends_the_asking_until_the_link_was_gone() {
    let mut host = Host::new();
    host.step(Event::Kick);
    host.pass(200);
    host.hear(ROUTER, message(0, 0, &[prefix("2001:db8::", 64, 0xc0, 9_000, 900)]));
    host.pass(100);
    assert_eq!(host.solicited.len(), 2, "that one is no default router (RFC 7559 §2.1)");
    host.hear(ROUTER, message(0, 1_800, &[prefix("2001:db8::", 64, 0xc0, 9_000, 900)]));
    host.step(Event::Kick);
    host.pass(20_000);
    assert_eq!(host.solicited.len(), 2);
    host.step(Event::Pause);
    host.step(Event::Kick);
    host.pass(100);
    assert_eq!(host.solicited.len(), 3);
    assert_eq!(host.machine.solicited(), 1);
}

#[test]
fn names_live_as_long_as_they_are_told_to() {
    let mut host = Host::new();
    let options = [
        rdnss(60, &["2001:db8::1", "2001:db8::2"]),
        rdnss(u32::MAX, &["2001:db8::3"]),
        dnssl(30, b"\x01x\x00"),
    ];
    host.hear(ROUTER, message(0, 1_800, &options));
    assert_eq!(host.servers(), ["2001:db8::1", "2001:db8::2", "2001:db8::3"]);
    assert_eq!(host.machine.search().collect::<Vec<_>>(), ["x"]);
    host.pass(30_000);
    assert_eq!(host.machine.search().count(), 0);
    host.hear(ROUTER, message(0, 1_800, &[rdnss(0, &["2001:db8::1"]), rdnss(100, &["2001:db8::2"])]));
    assert_eq!(host.servers(), ["2001:db8::2", "2001:db8::3"]);
    host.pass(99_000);
    assert_eq!(host.servers().len(), 2);
    host.pass(2_000);
    assert_eq!(host.servers(), ["2001:db8::3"]);
    let many: Vec<String> = (0..99).map(|n| format!("2001:db8::{n:x}:1")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    host.hear(ROUTER, message(0, 1_800, &[rdnss(9, &many)]));
    assert!(host.servers().len() <= 8, "{:?}", host.servers());
}

#[test]
fn the_preferred_router_and_one_that_leaves() {
    let mut host = Host::new();
    host.hear(ROUTER, message(0, 1_800, &[]));
    host.hear(OTHER, message(0x08, 100, &[]));
    assert_eq!(host.machine.router().unwrap().address, OTHER);
    host.hear(OTHER, message(0x08, 0, &[]));
    assert_eq!(host.machine.router().unwrap().address, ROUTER);
    host.hear(ROUTER, message(0xc0, 10, &[]));
    assert!(host.machine.managed() && host.machine.other());
    host.pass(10_000);
    assert!(host.machine.router().is_none() && !host.machine.managed());
    let gone = |router| Note::Gone(router).to_string();
    assert!(host.notes.contains(&gone(OTHER)) && host.notes.contains(&gone(ROUTER)), "{:?}", host.notes);
}

#[test]
fn a_thousand_routers_are_bounded() {
    let mut host = Host::new();
    for n in 0..1_000_u16 {
        let from = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 1, n);
        host.hear(from, message(0, 1_800, &[prefix("2001:db8::", 64, 0xc0, 9, 9)]));
        host.pass(10);
    }
    assert_eq!((host.machine.heard(), host.machine.refused()), (80, 920), "eight a second");
    assert!(host.notes.len() <= 64, "{}", host.notes.len());
    for n in 0..99 {
        host.hear(ROUTER, message(0, 1_800 + n, &[]));
        host.pass(1_000);
    }
    let of_router = host.notes.iter().filter(|note| note.contains("fe80::1 ")).count();
    assert!(of_router <= 6, "{of_router}");
    host.step(Event::Packet { packet: &[0x60; 90], checksum_missing: false });
    assert_eq!(host.machine.refused(), 921);
}

proptest! {
    #[test]
    fn anything_in_any_order(
        turns in prop::collection::vec((0..5_u8, 0..200_000_u64, any::<u8>(), any::<u16>()), 0..60),
    ) {
        let mut host = Host::new();
        for (turn, pause, flags, lifetime) in turns {
            match turn {
                0 => host.step(Event::Kick),
                1 => host.step(Event::Pause),
                2 => host.hear(ROUTER, message(flags, lifetime, &[rdnss(lifetime.into(), &["2001:db8::1"])])),
                3 => host.step(Event::Packet { packet: &[flags; 80], checksum_missing: true }),
                _ => host.step(Event::Tick),
            }
            host.pass(pause);
        }
        prop_assert!(host.solicited.windows(5).all(|five| five[4] - five[0] >= 3_000));
    }
}
