//! Troubles that have passed, or that one of many has: nobody is given them as the answer.

use super::fallback::{ports, searching};
use super::hearing::pdu;
use super::world::World;
use crate::engine::state::{Phase, State};
use crate::engine::types::{Action, Exit};
use crate::links::LacpState;
use crate::mac::Mac;

fn state(world: &World) -> State {
    world.engine.state(1, 1)
}

/// How often a line that begins so was said.
fn told(world: &World, what: &str) -> usize {
    world.said().iter().filter(|line| line.starts_with(what)).count()
}

#[test]
fn ports_that_come_late_are_no_trouble_any_more() {
    let mut world = World::new("bond=eth0,eth1 ip=dhcp", false);
    world.nic(9, "enp1s0");
    world.look();
    world.pass(61_000);
    assert_eq!((state(&world).phase, state(&world).exit), (Phase::Settling, Some(Exit::NoPorts as u8)));
    assert!(state(&world).sentence.starts_with("eth0, eth1 did not appear within 60 s"));
    world.nic(2, "eth0").nic(3, "eth1");
    world.look();
    world.pass(2_000);
    assert_eq!((state(&world).phase, state(&world).exit), (Phase::Lacp, None), "whoever asks now waits");
    assert_eq!(state(&world).sentence, "");
}

#[test]
fn a_search_that_ends_late_is_no_trouble_any_more() {
    let mut world = searching("bond=auto ip=bond0:dhcp", false);
    world.pass(40_000);
    assert_eq!(state(&world).exit, Some(Exit::NoPartner as u8));
    world.on_wire(&[(4, pdu(8, Mac::ZERO)), (5, pdu(8, Mac::ZERO))]);
    world.pass(35_000);
    assert_eq!(ports(&world), ["eth2", "eth3"]);
    assert_eq!((state(&world).sentence.as_str(), state(&world).exit), ("", None));
}

#[test]
fn without_a_partner_nobody_speaks_of_the_server_any_more() {
    let mut world = World::of_two("bond=eth0,eth1 ip=dhcp", false);
    world.agree(true);
    world.pass(91_000);
    assert!(state(&world).sentence.starts_with("no DHCP lease on bond0 within 90 s: LACP works"));
    assert_eq!(state(&world).exit, Some(Exit::NoAddress as u8));
    world.agree(false);
    world.pass(1_000);
    assert_eq!((state(&world).phase, state(&world).sentence.as_str()), (Phase::Lacp, ""));
    world.pass(36_000);
    assert!(state(&world).sentence.starts_with("no LACP partner on bond0 within 35 s"), "{:?}", world.said());
    assert_eq!(state(&world).exit, Some(Exit::NoPartner as u8));
    world.agree(true);
    world.pass(60_000);
    assert_eq!(state(&world).sentence, "", "the server has its time again");
    world.pass(31_000);
    assert!(state(&world).sentence.starts_with("no DHCP lease on bond0"));
    // A partner that comes and goes is not a line each time.
    for _ in 0..20 {
        world.agree(false);
        world.pass(2_000);
        world.agree(true);
        world.pass(3_000);
    }
    assert!(told(&world, "no DHCP lease on bond0") <= 3, "{:?}", world.said());
}

#[test]
fn a_partner_that_never_collects_is_not_the_servers_fault() {
    for words in ["bond=eth0,eth1 ip=192.0.2.10::192.0.2.1:24::bond0:none", "bond=eth0,eth1 ip=dhcp"] {
        let mut world = World::of_two(&format!("{words} bondstrap.lacp_timeout=150"), true);
        world.partner(&["eth0", "eth1"]);
        for link in &mut world.view.links.0 {
            link.port.iter_mut().for_each(|side| side.partner = LacpState(0x0f));
        }
        world.look();
        world.pass(155_000);
        let outcome = world.outcome.clone().unwrap();
        assert_eq!(outcome.exit, Exit::NoPartner, "{outcome:?}");
        assert!(
            outcome.sentence.starts_with("LACP partner 0e:00:00:00:00:01 is heard on bond0, but no port")
        );
    }
}

#[test]
fn one_nic_that_can_not_be_set_up_does_not_end_a_search() {
    let mut world = searching("bond=auto ip=bond0:none", true);
    world.link("eth0").up = false;
    world.refuse = |action| matches!(action, Action::Up(2)).then_some(2);
    world.pass(5_000);
    world.on_wire(&[(4, pdu(8, Mac::ZERO)), (5, pdu(8, Mac::ZERO))]);
    world.pass(35_000);
    assert_eq!(ports(&world), ["eth2", "eth3"], "{:?}", world.said());
    let line = "the kernel refused to set eth0 up: no; it hears nothing meanwhile";
    assert!(told(&world, line) <= 2, "{:?}", world.said());
}

#[test]
fn ports_have_their_patience_from_the_bond_on() {
    let mut world = searching("bond=auto ip=bond0:none", false);
    world.pass(10_000);
    world.refuse_enslave = 4;
    world.on_wire(&[(4, pdu(8, Mac::ZERO)), (5, pdu(8, Mac::ZERO))]);
    world.pass(35_000);
    assert_eq!(world.outcome, None);
    assert_eq!(ports(&world), ["eth2", "eth3"], "they were fought for");
}

#[test]
fn ports_that_are_somebody_elses_are_told_once() {
    let mut world = World::of_two("bond=eth0,eth1 ip=bond0:none", false);
    world.agree(true);
    world.pass(2_000);
    world.nic(9, "br9");
    world.view.links.0.retain(|link| link.name != "bond0");
    for name in ["eth0", "eth1"] {
        let link = world.link(name);
        (link.controller, link.port) = (Some(9), None);
    }
    world.look();
    world.pass(60_000);
    assert_eq!(told(&world, "the kernel lets no port into bond0"), 1, "{:?}", world.said());
}

#[test]
fn while_it_gives_back_there_is_still_something_to_give_back() {
    let mut world = World::of_two("bond=eth0,eth1 ip=dhcp", true);
    world.pass(2_000);
    let bond = world.link("bond0").index;
    // The end is asked for, and nothing of it done.
    let actions = world.engine.step(world.now, crate::engine::types::Event::Stop("SIGTERM"));
    let more = world.engine.step(world.now, crate::engine::types::Event::View(&world.view.clone()));
    assert!(more.contains(&Action::Delete(bond)), "{actions:?} {more:?}");
    let between = state(&world);
    assert_eq!((between.phase, between.exit, between.found.bonds.len()), (Phase::Lacp, None, 1));
    world.engine.finish();
    let after = state(&world);
    assert_eq!((after.phase, after.found.bonds.len()), (Phase::Stopped, 0));
    assert_eq!(after.exit, Some(Exit::Unexpected as u8));
}

#[test]
fn an_address_of_before_is_no_network_at_a_silent_switch() {
    let words = "bond=eth0,eth1 ip=bond0:auto6";
    let mut first = super::six::machine(words, true);
    first.agree(true);
    first.advertise(0, true);
    first.pass(2_000);
    let before = state(&first);
    assert_eq!(before.phase, Phase::Online);
    let mut second = World::with(words, true, Some(before));
    second.view = first.view.clone();
    for link in &mut second.view.links.0 {
        link.port.iter_mut().for_each(|side| side.partner = LacpState(0));
    }
    second.agree(false);
    second.pass(40_000);
    assert_eq!(state(&second).exit, Some(Exit::NoPartner as u8), "{:?}", second.said());
    second.agree(true);
    second.pass(1_000);
    assert_eq!(state(&second).phase, Phase::Online);
}

#[test]
fn a_dhcpv6_lease_is_confirmed_when_the_partner_is_back() {
    let mut world = super::six::machine("bond=eth0,eth1 ip=bond0:dhcp6", false);
    world.agree(true);
    world.pass(50);
    world.advertise(0x80, false);
    world.reply("2001:db8::77", 3_600);
    world.pass(3_000);
    assert_eq!(state(&world).phase, Phase::Online);
    let before = world.messages().len();
    // Carrier stays: it is the partner alone that goes.
    world.agree(false);
    world.pass(30_000);
    world.agree(true);
    world.pass(500);
    let kinds = world.message_kinds();
    assert!(kinds[before..].contains(&4), "Confirm: {kinds:?}");
}
