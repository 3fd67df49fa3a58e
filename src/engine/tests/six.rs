//! IPv6: routers, leases, duplicates, and both families at once.

use proptest::prelude::*;

use super::leasing::{ACK, OFFER, answer};
use super::random::{happen, mischief};
use super::world::World;
use super::world6::ip;
use crate::clock::Millis;
use crate::engine::six::types as six;
use crate::engine::state::{FoundAddress, Phase};
use crate::engine::types::{Action, Exit};
use crate::links::Kind;
use crate::trouble::Router;

const LEASED: &str = "2001:db8::77";

/// A bond that is up with its link-local address, and no partner yet.
pub(super) fn machine(words: &str, limited: bool) -> World {
    let mut world = World::new(words, limited);
    world.nic(2, "eth0").nic(3, "eth1");
    world.look();
    world.pass(250);
    let index = world.link("bond0").index;
    world.detect(index, "fe80::77/64".parse().unwrap(), true);
    world.pass(1_250);
    world
}

pub(super) fn phase(world: &World) -> Phase {
    world.engine.state(1, 1).phase
}

#[test]
fn slaac_is_online_once_its_address_can_be_used() {
    let mut world = machine("bond=eth0,eth1 ip=bond0:auto6", true);
    let setting = |action: &Action| matches!(action, Action::Six(six::Action::Setting { .. }));
    let bond = world.link("bond0").index;
    assert!(world.place(setting) < world.place(|action| *action == Action::Up(bond)), "before it is up");
    assert_eq!(world.solicited(), 0);
    world.agree(true);
    assert_eq!(world.solicited(), 1, "as soon as frames get through");
    world.pass(100);
    world.advertise(0, true);
    world.pass(900);
    assert_ne!(phase(&world), Phase::Online, "duplicate address detection takes a second");
    world.pass(500);
    assert_eq!(phase(&world), Phase::Online);
    let state = world.engine.state(1, 1);
    assert!(state.sentence.starts_with("online: 2001:db8::5/64 on bond0"), "{}", state.sentence);
    assert_eq!(state.gateway, Some(ip("fe80::1").into()));
    world.view.routers = vec![(bond, ip("fe80::1").into(), Router::Silent)];
    assert!(world.engine.routers().eq([(bond, ip("fe80::1").into())]));
    world.look();
    assert_eq!(world.engine.state(1, 1).findings[0].kind, "router-silent");
    let ipv6 = &state.ipv6["bond0"];
    assert_eq!((ipv6.addresses.as_slice(), ipv6.missing.as_str()), (&[ip("2001:db8::5")][..], ""));
    world.place(
        |action| matches!(action, Action::Resolver { servers, .. } if servers == &[ip("2001:db8::53")]),
    );
    assert!(world.message_kinds().is_empty(), "no DHCPv6: no flag asks for it");
    assert_eq!(world.solicited(), 1);
}

#[test]
fn no_router_is_a_sentence_at_the_limit() {
    let mut world = machine("bond=eth0,eth1 ip=bond0:auto6 rd.net.timeout.dhcp=20", true);
    world.agree(true);
    world.pass(2_000);
    assert!(
        world.said().contains(&"waiting for a router advertisement on bond0, at most 20 s"),
        "{:?}",
        world.said()
    );
    world.pass(20_000);
    let outcome = world.outcome.clone().unwrap();
    assert_eq!(outcome.exit, Exit::NoAddress);
    let expected = "no IPv6 address on bond0 within 20 s: LACP works (partner 0e:00:00:00:00:01 on eth0, eth1), no router \
                    advertisement heard, ";
    assert!(outcome.sentence.starts_with(expected), "{}", outcome.sentence);
}

#[test]
fn a_lease_is_set_tried_and_announced() {
    let mut world = machine("bond=eth0,eth1 ip=bond0:dhcp6", true);
    world.agree(true);
    assert_eq!(world.message_kinds(), [1], "at once");
    world.pass(50);
    world.advertise(0x80, false);
    world.reply(LEASED, 3_600);
    let announced =
        |action: &Action| matches!(action, Action::Announce { address, .. } if *address == ip(LEASED));
    world.pass(900);
    assert_eq!(world.count(announced), 0, "nobody is told of what may be another's");
    assert_ne!(phase(&world), Phase::Online);
    world.pass(500);
    assert_eq!(phase(&world), Phase::Online);
    assert_eq!(world.count(announced), 1);
    let set = |action: &Action| matches!(action, Action::Six(six::Action::SetAddress { .. }));
    assert!(world.place(|action| matches!(action, Action::Resolver { .. })) < world.place(set));
    assert_eq!(
        world.engine.state(1, 1).dns,
        [ip("2001:db8::99"), ip("2001:db8::53")],
        "the server's, the router's"
    );
    // Somebody takes it away: it is seen at the next look, whatever event was lost.
    world.view.addresses6.retain(|found| found.address.ip() != ip(LEASED));
    world.pass(11_000);
    assert!(world.has6(LEASED));
    // It is renewed: another lifetime, and nothing else is said.
    let said = world.said().len();
    world.pass(900_000);
    world.advertise(0x80, false);
    world.pass(900_000);
    assert_eq!(*world.message_kinds().last().unwrap(), 5);
    world.reply(LEASED, 7_200);
    world.pass(1_000);
    assert_eq!((phase(&world), world.said().len()), (Phase::Online, said), "{:?}", world.said());
}

#[test]
fn without_a_router_a_lease_is_held_back_for_a_moment_only() {
    let mut world = machine("bond=eth0,eth1 ip=bond0:dhcp6", true);
    world.agree(true);
    world.reply(LEASED, 3_600);
    world.pass(2_000);
    assert_ne!(phase(&world), Phase::Online);
    world.pass(2_500);
    assert_eq!(phase(&world), Phase::Online);
    assert!(world.said().iter().any(|line| line.contains("no router advertises itself")));
}

#[test]
fn a_leased_address_of_another_station_is_declined() {
    let mut world = machine("bond=eth0,eth1 ip=bond0:dhcp6", true);
    world.taken.push(ip(LEASED));
    world.agree(true);
    world.advertise(0x80, false);
    world.reply(LEASED, 3_600);
    world.pass(2_000);
    assert_eq!(*world.message_kinds().last().unwrap(), 9, "Decline: {:?}", world.said());
    assert!(world.said().contains(&"bond0: DHCPv6: 2001:db8::77 is in use by another station: declined"));
    world.pass(25_000);
    world.reply("2001:db8::78", 3_600);
    world.pass(1_500);
    assert_eq!(phase(&world), Phase::Online);
    assert_eq!(world.count(|action| matches!(action, Action::Announce { .. })), 1);
}

#[test]
fn both_families_are_waited_for_and_one_is_enough_at_the_limit() {
    let words = "bond=eth0,eth1 ip=bond0:dhcp,dhcp6 rd.net.timeout.dhcp=20";
    let mut world = machine(words, true);
    world.agree(true);
    world.advertise(0x80, false);
    world.reply(LEASED, 3_600);
    world.pass(15_000);
    assert_ne!(phase(&world), Phase::Online, "IPv4 has no lease yet");
    world.pass(6_000);
    assert_eq!(phase(&world), Phase::Online);
    let expected = "bond0: going on with IPv6 alone: no DHCPv4 lease yet; still trying";
    assert!(world.said().contains(&expected), "{:?}", world.said());
    assert!(world.outcome.is_none());
}

#[test]
fn either6_turns_to_dhcp_where_no_prefix_is_or_no_router() {
    let mut world = machine("bond=eth0,eth1 ip=bond0:either6", true);
    world.agree(true);
    world.pass(3_000);
    assert!(world.message_kinds().is_empty());
    world.pass(1_500);
    assert_eq!(world.message_kinds()[0], 1, "nobody answers");
    let mut world = machine("bond=eth0,eth1 ip=bond0:either6", true);
    world.agree(true);
    world.advertise(0, false);
    world.pass(50);
    assert_eq!(world.message_kinds(), [1], "no prefix");
    let mut world = machine("bond=eth0,eth1 ip=bond0:either6", true);
    world.agree(true);
    world.advertise(0x40, true);
    world.pass(50);
    assert_eq!(world.message_kinds(), [11], "only what else there is");
    world.pass(4_500);
    assert_eq!(phase(&world), Phase::Online, "the name servers were worth a moment");
}

#[test]
fn routers_that_advertise_all_the_time_hold_nobody_back() {
    for words in ["bond=eth0,eth1 ip=bond0:auto6", "bond=eth0,eth1 ip=bond0:auto"] {
        let prefix = words.contains("auto6");
        let mut world = machine(words, true);
        world.agree(true);
        if !prefix {
            answer(&mut world, OFFER, &[]);
            answer(&mut world, ACK, &[]);
        }
        for _ in 0..10 {
            world.advertise(0x40, prefix);
            world.pass(500);
        }
        assert_eq!(phase(&world), Phase::Online, "{words}: {:?}", world.said());
    }
}

#[test]
fn a_link_local_name_server_is_written_with_its_interface() {
    let mut world = machine("bond=eth0,eth1 ip=bond0:auto6", true);
    world.agree(true);
    world.advertise_server(0, true, "fe80::53");
    let scoped = [(ip("fe80::53"), "bond0".to_owned())];
    world.place(|action| {
        matches!(action, Action::Resolver { servers, scoped: with, .. } if servers.is_empty() && with[..] == scoped)
    });
    assert!(world.engine.state(1, 1).dns.is_empty(), "nothing that is handed over");
}

#[test]
fn a_flood_of_what_is_refused_does_not_change_the_state_each_time() {
    let mut world = machine("bond=eth0,eth1 ip=bond0:dhcp6", true);
    world.agree(true);
    let (_, asked) = world.messages().pop().expect("a Solicit");
    let mut states = vec![world.engine.state(1, 1)];
    for _ in 0..10_000 {
        // A Reply without a server, and an advertisement with an option of length 0.
        let reply = [&[7][..], &asked[1..18]].concat();
        world.incoming(six::Incoming::Datagram { from: ip("fe80::9"), payload: &reply });
        let mut packet = vec![0x60, 0, 0, 0, 0, 24, 58, 255];
        packet.extend([ip("fe80::1").octets(), ip("ff02::1").octets()].concat());
        packet.extend([134, 0, 0, 0, 64, 0, 7, 8, 0, 0, 0, 0, 0, 0, 0, 0, 25, 0, 0, 0, 0, 0, 0, 0]);
        world.incoming(six::Incoming::Advertisement { packet: &packet, checksum_missing: true });
        let now = world.engine.state(1, 1);
        if states.last() != Some(&now) {
            states.push(now);
        }
    }
    let missing = &states.last().unwrap().ipv6["bond0"].missing;
    assert!(missing.starts_with("10000 router advertisements heard and refused"), "{missing}");
    assert!(missing.contains("fe80::9") && missing.contains("(10000 times or more)"), "{missing}");
    assert!(states.len() < 120, "{} different states", states.len());
}

#[test]
fn an_engine_that_takes_over_confirms_the_lease() {
    let mut world = machine("bond=eth0,eth1 ip=bond0:dhcp6", true);
    world.agree(true);
    world.advertise(0x80, false);
    world.reply(LEASED, 3_600);
    world.pass(2_000);
    assert_eq!(phase(&world), Phase::Online);
    world.restart();
    world.restart();
    world.pass(100);
    assert_eq!(*world.message_kinds().last().unwrap(), 4, "Confirm");
    assert!(world.has6(LEASED));
    world.pass(15_000);
    assert_eq!(phase(&world), Phase::Online, "nobody says no: {:?}", world.said());
    assert_eq!(world.count(|action| matches!(action, Action::DelAddress { .. })), 0);
}

#[test]
fn the_kernel_never_takes_an_address_away_that_a_flip_has_moved() {
    let mut world = machine("bond=eth0,eth1 ip=bond0:dhcp6", true);
    world.agree(true);
    world.advertise(0x80, false);
    world.reply(LEASED, 3_600);
    world.pass(2_000);
    let lifetimes = |world: &World| {
        let set = world.done.iter().rev().find_map(|(_, action)| match action {
            Action::Six(six::Action::SetAddress { preferred, valid, .. }) => Some((*preferred, *valid)),
            _ => None,
        });
        set.expect("it was set")
    };
    assert_eq!(lifetimes(&world), (Some(3_600), Some(3_600)));
    let mut left = world.engine.state(1, 1);
    left.found.flipped = true;
    // Whoever had it before made it one of a subnet.
    let address = format!("{LEASED}/64").parse().unwrap();
    left.found.addresses.push(FoundAddress { index: 2, address, broadcast: None, lifetime: Some(3_600) });
    world.goes_on(left);
    world.pass(15_000);
    let (preferred, valid) = lifetimes(&world);
    assert!(preferred.is_some() && valid.is_none(), "{preferred:?}, {valid:?}");
    world.pass(3_700_000);
    assert_eq!(world.count(|action| matches!(action, Action::DelAddress { .. })), 0);
}

#[test]
fn what_a_router_gave_before_a_flip_is_slaac() {
    let mut world = machine("bond=eth0,eth1 ip=bond0:auto6", false);
    world.agree(true);
    let index = world.link("bond0").index;
    let mut left = world.engine.state(1, 1);
    left.found.flipped = true;
    let address = "2001:db8::5/64".parse().unwrap();
    left.found.addresses.push(FoundAddress { index: 2, address, broadcast: None, lifetime: Some(600) });
    world.detect(index, "2001:db8::5/64".parse().unwrap(), true);
    world.goes_on(left);
    world.pass(2_000);
    world.advertise(0, false);
    world.pass(2_000);
    assert_eq!(phase(&world), Phase::Online, "{:?}", world.said());
}

#[test]
fn link6_needs_nobody() {
    let mut world = machine("bond=eth0,eth1 ip=bond0:link6", true);
    world.agree(true);
    world.pass(300);
    assert_eq!(phase(&world), Phase::Online);
    assert!(world.engine.state(1, 1).sentence.starts_with("online: fe80::77/64 on bond0"));
    assert_eq!((world.solicited(), world.link("bond0").ipv6.unwrap().accept_ra), (0, 0));
}

#[test]
fn a_nic_of_its_own_gets_its_settings_back() {
    let mut world = World::new("bond=eth0,eth1 ip=bond0:dhcp ip=eth2:dhcp6", true);
    world.nic(2, "eth0").nic(3, "eth1").nic(4, "eth2");
    world.look();
    world.pass(1_000);
    assert_eq!(world.link("eth2").ipv6.unwrap().autoconf, 0);
    let found = world.engine.state(1, 1).found;
    let actions = crate::engine::undo::actions(&found, &world.view.links);
    world.perform(actions);
    assert_eq!(world.link("eth2").ipv6.unwrap().autoconf, 1);
}

#[test]
fn a_bond_of_somebody_else_keeps_its_settings() {
    let mut world = World::new("bond=eth0,eth1 ip=bond0:dhcp6", true);
    world.nic(2, "eth0").nic(3, "eth1").nic(4, "eth7").nic(9, "bond0");
    world.link("bond0").kind = Kind::Bond(Box::default());
    world.link("eth7").controller = Some(9);
    world.look();
    world.pass(2_000);
    assert_eq!(world.outcome.clone().unwrap().exit, Exit::Words);
    assert_eq!(world.count(|action| matches!(action, Action::Six(six::Action::Setting { .. }))), 0);
}

#[test]
fn a_router_without_a_prefix_keeps_nobody_waiting_who_has_ipv4() {
    let mut world =
        machine("bond=eth0,eth1 ip=192.0.2.10:::24::bond0:none ip=bond0:auto6 rd.net.timeout.dhcp=20", true);
    world.agree(true);
    world.advertise(0, false);
    world.pass(21_000);
    assert_eq!(phase(&world), Phase::Online);
    let told =
        world.said().into_iter().find(|line| line.contains("going on without IPv6")).expect("it is told");
    assert!(told.contains("the router advertises no prefix to make an address of"), "{told}");
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(48) })]

    #[test]
    fn whatever_happens(
        method in prop_oneof![Just("auto6"), Just("dhcp6"), Just("either6"), Just("auto"), Just("dhcp,dhcp6"), Just("link6")],
        events in prop::collection::vec((mischief(), 0..8_u8, any::<u8>()), 1..50),
    ) {
        let mut world = World::of_two(&format!("bond=eth0,eth1 ip=bond0:{method}"), false);
        for (event, packet, flags) in events {
            happen(&mut world, event);
            let Some(index) = world.view.links.named("bond0").map(|link| link.index) else { continue };
            let asked = world.messages().last().is_some_and(|(_, message)| message.len() > 60);
            match packet {
                0 => world.advertise(flags, flags & 1 == 0),
                1 if asked => world.reply(if flags & 1 == 0 { LEASED } else { "2001:db8::78" }, 60 + u32::from(flags)),
                2 => world.detect(index, "fe80::77/64".parse().unwrap(), true),
                3 => world.view.addresses6.clear(),
                4 => world.taken = vec![ip(LEASED); usize::from(flags & 1)],
                5 => world.incoming(six::Incoming::Datagram { from: ip("fe80::9"), payload: &[flags; 40] }),
                6 => world.restart(),
                _ => {}
            }
            world.look();
            prop_assert!(world.outcome.is_none(), "without limits nothing ends it: {:?}", world.outcome);
        }
        let times: Vec<Millis> = world.done.iter().map(|(at, _)| *at).collect();
        for (first, at) in times.iter().enumerate() {
            let within = times[first..].iter().take_while(|other| **other < at + 60_000).count();
            prop_assert!(within <= 400, "{within} actions in a minute");
        }
        // All is well again.
        world.taken.clear();
        world.mend();
        world.pass(2_000);
        let index = world.link("bond0").index;
        world.view.addresses6.retain(|found| found.index != index || !found.tentative);
        world.detect(index, "fe80::77/64".parse().unwrap(), true);
        world.pass(2_000);
        world.advertise(0, true);
        world.pass(30_000);
        let state = world.engine.state(1, 1);
        prop_assert!(state.ports.iter().all(|port| port.ready), "{state:?}");
        if method == "auto6" || method == "link6" {
            prop_assert_eq!(state.phase, Phase::Online, "{:?}", world.said().iter().rev().take(9).collect::<Vec<_>>());
        }
    }
}
