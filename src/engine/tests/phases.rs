//! Waits, limits, sentences, and ending at any point.

use super::leasing::answer;
use super::world::World;
use crate::clock::Millis;
use crate::engine::state::Phase;
use crate::engine::types::{Action, Exit};
use crate::links::{Kind, LacpState};

const DHCP: &str = "bond=eth0,eth1 bondmode=802.3ad ip=dhcp";

fn two_nics(words: &str, limited: bool) -> World {
    let mut world = World::new(words, limited);
    world.nic(2, "eth0").nic(3, "eth1");
    world
}

fn phase(world: &World) -> Phase {
    world.engine.state(1, 1).phase
}

#[test]
fn a_missing_port_is_waited_for_and_then_done_without() {
    let mut world = World::new(DHCP, true);
    world.nic(2, "eth0");
    world.look();
    world.pass(59_000);
    assert_eq!(phase(&world), Phase::Settling);
    assert!(world.said().contains(&"waiting for eth1 to appear, at most 60 s"), "{:?}", world.said());
    world.pass(2_000);
    assert_eq!(phase(&world), Phase::Lacp);
    assert!(world.said().contains(&"going on without eth1: not there after 60 s; there is only eth0"));
    // Late, but it joins.
    world.nic(9, "eth1");
    world.look();
    world.pass(1_500);
    let bond = world.view.links.named("bond0").map(|link| link.index);
    assert_eq!(world.link("eth1").controller, bond);
}

#[test]
fn no_port_at_all_is_exit_3() {
    let mut world = World::new(DHCP, true);
    world.nic(2, "enp1s0");
    world.look();
    world.pass(61_000);
    let outcome = world.outcome.clone().unwrap();
    assert_eq!(outcome.exit, Exit::NoPorts);
    assert!(outcome.sentence.contains("eth0, eth1 did not appear within 60 s; there is only enp1s0"));
}

#[test]
fn temporary_names_are_waited_for_without_limit_and_nothing_is_touched() {
    let mut world = World::new(DHCP, true);
    world.nic(2, "side-0-eth0").nic(3, "eth1");
    world.look();
    world.pass(3_600_000);
    assert_eq!(phase(&world), Phase::Settling);
    assert!(!world.done.iter().any(|(_, action)| action.touches_links()));
    let told = world.said().iter().filter(|line| line.contains("side-0-eth0")).count();
    assert_eq!(told, 1, "once, not a scroll of repeats");
    world.link("side-0-eth0").name = "eth0".into();
    world.look();
    world.pass(900);
    assert!(!world.done.iter().any(|(_, action)| action.touches_links()), "quiet for a second first");
    world.pass(300);
    assert_eq!(phase(&world), Phase::Lacp);
}

#[test]
fn no_partner_is_exit_4_and_the_machine_is_as_found() {
    let mut world = two_nics(DHCP, true);
    world.link("eth1").carrier = false;
    world.link("eth0").up = true;
    let before = world.view.clone();
    world.look();
    world.pass(36_000);
    let outcome = world.outcome.clone().unwrap();
    assert_eq!(outcome.exit, Exit::NoPartner);
    assert!(outcome.sentence.starts_with("no LACP partner on bond0 within 35 s (eth0: carrier, but "));
    assert!(outcome.sentence.contains("eth1: no carrier"), "{}", outcome.sentence);
    assert_eq!(world.view, before);
    let tried = world.place(|action| matches!(action, Action::Broadcast { .. }));
    assert!(world.done[tried].0 >= 6_000, "tried all the same, after a few seconds");
}

#[test]
fn no_carrier_has_its_own_sentence() {
    let mut world = two_nics(DHCP, true);
    world.link("eth0").carrier = false;
    world.link("eth1").carrier = false;
    world.look();
    world.pass(36_000);
    let outcome = world.outcome.clone().unwrap();
    assert_eq!(outcome.exit, Exit::NoPartner);
    assert!(
        outcome.sentence.starts_with("no carrier on any port of bond0 within 35 s"),
        "{}",
        outcome.sentence
    );
    assert_eq!(world.count(|action| matches!(action, Action::Broadcast { .. })), 0);
}

#[test]
fn no_server_is_exit_5() {
    let mut world = two_nics("bond=eth0,eth1 ip=dhcp rd.net.timeout.dhcp=20", true);
    world.look();
    world.partner(&["eth0", "eth1"]);
    world.look();
    assert_eq!(phase(&world), Phase::Dhcp);
    world.pass(21_000);
    let outcome = world.outcome.clone().unwrap();
    assert_eq!(outcome.exit, Exit::NoAddress);
    assert!(outcome.sentence.contains("no DHCP lease on bond0 within 20 s: LACP works (partner 0e:00"));
    assert!(world.view.links.named("bond0").is_none());
}

#[test]
fn without_limits_it_tells_once_and_goes_on() {
    let words = "bond=eth0,eth1 ip=192.0.2.10::192.0.2.1:255.255.255.0::bond0:none";
    let mut world = two_nics(words, false);
    world.look();
    world.pass(600_000);
    assert!(world.outcome.is_none());
    let told = world.said().iter().filter(|line| line.starts_with("no LACP partner")).count();
    assert_eq!(told, 1);
    world.partner(&["eth1"]);
    world.look();
    assert_eq!(phase(&world), Phase::Online);
}

#[test]
fn stopping_gives_back_unless_online() {
    let words = "bond=eth0,eth1 ip=192.0.2.10::192.0.2.1:255.255.255.0::bond0:none";
    for limited in [true, false] {
        let code = if limited { Exit::Unexpected } else { Exit::Online };
        let mut settling = World::new(words, limited);
        settling.look();
        assert_eq!(settling.stop().exit, code);

        let mut waiting = two_nics(words, limited);
        let before = waiting.view.clone();
        waiting.look();
        assert_ne!(waiting.view, before);
        assert_eq!(waiting.stop().exit, code);
        assert_eq!(waiting.view, before);

        let mut online = two_nics(words, limited);
        online.look();
        online.partner(&["eth0"]);
        online.look();
        let state = online.view.clone();
        assert_eq!(online.stop().exit, Exit::Online);
        assert_eq!(online.view, state, "the network stays");
        assert_eq!(online.engine.state(1, 1).found.bonds.len(), 1, "for a later `down`");
    }
}

#[test]
fn a_new_engine_takes_up_what_a_dead_one_left() {
    let words = "bond=eth0,eth1 ip=192.0.2.10::192.0.2.1:255.255.255.0::bond0:none";
    let mut first = two_nics(words, true);
    first.look();
    first.partner(&["eth0"]);
    first.look();
    let mut second = World::with(words, true, Some(first.engine.state(1, 1)));
    second.view = first.view.clone();
    second.look();
    assert_eq!(phase(&second), Phase::Online);
    assert!(!second.done.iter().any(|(_, action)| action.touches_links()), "nothing to build");
    assert_eq!(second.engine.state(2, 1).found, first.engine.state(1, 1).found);
}

#[test]
fn a_bond_that_falters_for_one_look_goes_on_asking() {
    let mut world = two_nics(DHCP, true);
    world.look();
    world.partner(&["eth0"]);
    world.look();
    world.pass(120);
    let Kind::Bond(bond) = &mut world.link("bond0").kind else { panic!("no bond") };
    bond.partner = None;
    world.look();
    world.partner(&["eth0"]);
    world.look();
    let before = world.count(|action| matches!(action, Action::Broadcast { .. }));
    world.pass(5_000);
    let after = world.count(|action| matches!(action, Action::Broadcast { .. }));
    assert!(after >= before + 3, "{before} DISCOVERs, then {after}");
}

#[test]
fn the_first_discovers_are_those_of_the_schedule_and_no_more() {
    let mut world = two_nics(DHCP, true);
    world.look();
    world.pass(2_000);
    world.partner(&["eth0"]);
    world.look();
    let start = world.now;
    world.pass(900);
    let sent = |(_, action): &&(Millis, Action)| matches!(action, Action::Broadcast { .. });
    let times: Vec<_> = world.done.iter().filter(sent).map(|(at, _)| at - start).collect();
    assert_eq!(times, [0, 150, 250, 600]);
}

#[test]
fn what_a_strict_switch_would_lose_is_not_sent() {
    let mut world = two_nics(DHCP, true);
    world.look();
    world.partner(&["eth0"]);
    world.link("eth0").port.as_mut().unwrap().partner = LacpState(0x0f);
    world.look();
    let start = world.now;
    world.pass(180);
    world.partner(&["eth0"]);
    world.look();
    world.pass(600);
    let sent = |(_, action): &&(Millis, Action)| matches!(action, Action::Broadcast { .. });
    let times: Vec<_> = world.done.iter().filter(sent).map(|(at, _)| at - start).collect();
    assert_eq!(times, [0, 180, 330, 430]);
}

#[test]
fn a_partner_that_never_says_so_is_not_waited_for() {
    let mut world = two_nics(DHCP, true);
    world.look();
    world.partner(&["eth0"]);
    world.link("eth0").port.as_mut().unwrap().partner = LacpState(0x0f);
    world.look();
    let start = world.now;
    world.pass(1_200);
    let sent = |(_, action): &&(Millis, Action)| matches!(action, Action::Broadcast { .. });
    let times: Vec<_> = world.done.iter().filter(sent).map(|(at, _)| at - start).collect();
    assert_eq!(times, [0, 250, 400, 500, 1_000]);
}

#[test]
fn a_lease_is_known_to_the_third_engine_if_the_second_dies_before_it_has_a_bond() {
    let mut first = two_nics(DHCP, false);
    first.look();
    let mut state = first.engine.state(1, 1);
    state.lease = [("bond0".to_owned(), super::holding::lease(3_600))].into();
    let mut second = World::with(DHCP, false, Some(state.clone()));
    second.nic(2, "side-0-eth0");
    second.look();
    assert_eq!(second.engine.state(2, 1).lease, state.lease, "before the bond is there");
    second.view = first.view.clone();
    second.look();
    second.agree(true);
    second.pass(1_000);
    assert_eq!(second.engine.state(2, 1).lease, state.lease, "while it is asked for");
}

/// Our side distributes, the partner does not say so yet; and the switch forwards all the same.
fn early_switch(words: &str) -> World {
    let mut world = two_nics(words, true);
    world.look();
    world.partner(&["eth0"]);
    world.link("eth0").port.as_mut().unwrap().partner = LacpState(0x0f);
    world.look();
    world
}

#[test]
fn a_switch_that_forwards_early_costs_no_time() {
    let sent = |(_, action): &&(Millis, Action)| matches!(action, Action::Broadcast { .. });
    let mut world = early_switch(DHCP);
    let start = world.now;
    world.pass(2);
    answer(&mut world, 2, &[]);
    answer(&mut world, 5, &[]);
    world.pass(2_000);
    let times: Vec<_> = world.done.iter().filter(sent).map(|(at, _)| at - start).collect();
    assert_eq!((times, phase(&world)), (vec![0, 2], Phase::Online));
    // And Rapid Commit: a lease so fresh is not asked for again.
    let mut world = early_switch(DHCP);
    world.pass(2);
    answer(&mut world, 5, &[(80, &[])]);
    world.pass(2_000);
    world.partner(&["eth0"]);
    world.look();
    world.pass(2_000);
    assert_eq!((world.done.iter().filter(sent).count(), phase(&world)), (1, Phase::Online));
}

#[test]
fn a_lease_without_a_partner_is_renewed_by_its_own_times() {
    let mut world = two_nics(DHCP, false);
    world.look();
    world.pass(6_000);
    assert!(
        world.count(|action| matches!(action, Action::Broadcast { .. })) > 0,
        "LACP fallback is hoped for"
    );
    answer(&mut world, 2, &[]);
    answer(&mut world, 5, &[]);
    assert_eq!(phase(&world), Phase::Online, "{:?}", world.said());
    // T1 of the hour that it lasts is over: half of what is left, then.
    world.pass(1_800_000 + 600_000);
    assert_eq!(world.count(|action| matches!(action, Action::Unicast { .. })), 1);
}

#[test]
fn the_clients_of_many_vlans_together_keep_to_the_limit_of_the_port() {
    let vlans = [1, 2, 3].map(|id| format!(" vlan=bond0.{id}:bond0 ip=bond0.{id}:dhcp"));
    let mut world = two_nics(&format!("bond=eth0,eth1{}", vlans.concat()), false);
    world.look();
    world.partner(&["eth0", "eth1"]);
    world.look();
    let start = world.now;
    let sent = |world: &World| {
        let sent = world.done.iter().filter(|(_, action)| matches!(action, Action::Broadcast { .. }));
        sent.map(|(at, _)| *at).collect::<Vec<_>>()
    };
    assert_eq!(sent(&world), [start; 3], "each at once");
    // The last of them gets an offer.
    answer(&mut world, 2, &[]);
    assert_eq!(sent(&world), [start; 4]);
    world.pass(20_000);
    let times = sent(&world);
    for (first, from) in times.iter().enumerate() {
        let within = times[first..].iter().take_while(|at| **at <= from + 1_000).count();
        assert!(within <= 6, "{within} frames within a second: {times:?}");
    }
}
