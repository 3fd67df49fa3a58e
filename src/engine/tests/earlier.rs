//! What an earlier engine has left, under the same words and under others.

use super::world::World;
use crate::engine::earlier::left_over;
use crate::engine::state::{FoundPort, Phase};
use crate::engine::types::{Action, Exit};
use crate::links::Kind;
use crate::words::plan_line;

const STATIC: &str = "bond=eth0,eth1 ip=192.0.2.10::192.0.2.1:255.255.255.0::bond0:none";

fn online(words: &str) -> World {
    let mut world = World::of_two(words, true);
    world.partner(&["eth0", "eth1"]);
    world.look();
    assert_eq!(world.engine.state(1, 1).phase, Phase::Online);
    world
}

/// Another engine on the machine of `first`, which was killed.
fn successor(first: &World, words: &str, limited: bool) -> World {
    let mut second = World::with(words, limited, Some(first.engine.state(1, 1)));
    second.view = first.view.clone();
    second.now = first.now;
    second
}

#[test]
fn other_words_do_not_tear_down_what_is_there() {
    let vlan = "bond=eth0,eth1 vlan=bond0.42:bond0 ip=192.0.2.10::192.0.2.1:255.255.255.0::bond0.42:none";
    for (before, words, left) in [
        (STATIC, "bond=bond7:eth0,eth1 ip=bond7:dhcp", "bond0"),
        (STATIC, "bond=eth0,eth1 ip=192.0.2.11::192.0.2.1:255.255.255.0::bond0:none", "192.0.2.10/24"),
        (STATIC, "bond=eth0,eth1 ip=dhcp", "192.0.2.10/24"),
        (vlan, STATIC, "bond0.42"),
        (
            STATIC,
            "bond=eth0,eth1 bondmode=active-backup ip=192.0.2.10::192.0.2.1:24::bond0:none",
            "bond0 in mode 802.3ad",
        ),
    ] {
        let first = online(before);
        let state = first.engine.state(1, 1);
        let sentence = left_over(&plan_line(words.as_bytes()), &state, &first.view, first.now).expect(words);
        let expected = format!("{left} of an earlier bondstrap up is still there");
        assert!(sentence.starts_with(&expected), "{sentence}");
        let same = plan_line(before.as_bytes());
        assert_eq!(left_over(&same, &state, &first.view, first.now), None, "{before}");
        let mut gone = first.view.clone();
        gone.links.0.retain(|link| link.name != "bond0");
        assert_eq!(
            left_over(&plan_line(words.as_bytes()), &state, &gone, first.now),
            None,
            "nothing is left"
        );
    }
}

#[test]
fn a_lease_that_nobody_asks_for_is_left_to_down() {
    let first = World::of_two("bond=eth0,eth1 ip=dhcp", true);
    let mut state = first.engine.state(1, 1);
    state.lease = [("bond0".to_owned(), super::holding::lease(3_600))].into();
    let words = plan_line(STATIC.as_bytes());
    let sentence = left_over(&words, &state, &first.view, first.now).unwrap();
    assert!(sentence.starts_with("the lease of bond0 of an earlier bondstrap up"), "{sentence}");
    assert_eq!(left_over(&words, &state, &first.view, 5_000_000), None, "it ran out long ago");
}

#[test]
fn a_network_in_use_is_not_given_back_at_a_silent_switch() {
    let mut first = online(STATIC);
    first.agree(false);
    let mut second = successor(&first, STATIC, true);
    second.look();
    assert_eq!(second.engine.state(2, 1).exit, None, "whoever waits has yet to hear");
    second.pass(36_000);
    assert!(second.outcome.is_none() && second.view.links.named("bond0").is_some());
    let state = second.engine.state(2, 1);
    assert_eq!(state.exit, Some(Exit::NoPartner as u8));
    assert!(
        state.sentence.ends_with("the bond is left as it is, and the engine stays"),
        "{}",
        state.sentence
    );
    second.place(|action| matches!(action, Action::LetGo));
    second.agree(true);
    let state = second.engine.state(2, 1);
    assert_eq!((state.phase, state.exit), (Phase::Online, Some(0)));

    first.agree(true);
    first.view.links.0.retain(|link| link.name != "bond0");
    first.view.links.0.iter_mut().for_each(|link| (link.controller, link.port) = (None, None));
    let mut third = successor(&first, STATIC, true);
    third.look();
    third.pass(36_000);
    assert_eq!(third.outcome.unwrap().exit, Exit::NoPartner, "there was nothing left of it");
}

#[test]
fn a_lease_that_nobody_confirms_at_a_silent_switch_is_held_and_is_no_network() {
    let first = World::of_two("bond=eth0,eth1 ip=dhcp", true);
    let lease = super::holding::lease(3_600);
    let mut state = first.engine.state(1, 1);
    state.came_online = true;
    state.lease = [("bond0".to_owned(), lease.clone())].into();
    let mut second = World::with("bond=eth0,eth1 ip=dhcp", true, Some(state));
    second.view = first.view.clone();
    // The kernel has yet to notice that the partner is gone.
    second.partner(&["eth0", "eth1"]);
    second.look();
    second.pass(200);
    second.agree(false);
    second.pass(60_000);
    let state = second.engine.state(2, 1);
    assert_eq!(state.addresses, [ipnetwork::IpNetwork::V4(lease.network().unwrap())]);
    assert_eq!(state.exit, Some(Exit::NoPartner as u8), "{:?}", second.said());
    assert_eq!(state.phase, Phase::Lacp);
    second.agree(true);
    second.pass(60_000);
    let state = second.engine.state(2, 1);
    assert_eq!((state.phase, state.exit), (Phase::Online, Some(0)), "no server, but a network");
}

#[test]
fn a_foreign_bond_in_place_of_ours_is_left_alone() {
    let mut world = online(STATIC);
    let addresses = |world: &World| world.count(|action| matches!(action, Action::AddAddress { .. }));
    let before = addresses(&world);
    let ours = world.link("bond0").index;
    world.link("bond0").index = 77;
    for link in &mut world.view.links.0 {
        link.controller = link.controller.filter(|index| *index != ours);
    }
    world.nic(9, "eth9");
    world.link("eth9").controller = Some(77);
    let touched = world.count(Action::touches_links);
    world.look();
    world.pass(60_000);
    assert_eq!(addresses(&world), before, "{:?}", world.said());
    assert_eq!(world.count(Action::touches_links), touched);
    let told = world.said().iter().filter(|line| line.contains("did not put there (eth9)")).count();
    assert_eq!(told, 1);

    let mut empty = online(STATIC);
    empty.link("bond0").index = 78;
    for name in ["eth0", "eth1"] {
        let link = empty.link(name);
        (link.controller, link.port) = (None, None);
    }
    let Kind::Bond(side) = &mut empty.link("bond0").kind else { panic!("no bond") };
    side.partner = None;
    empty.look();
    empty.pass(2_000);
    empty.partner(&["eth0", "eth1"]);
    empty.look();
    assert_eq!(empty.engine.state(1, 1).phase, Phase::Online, "an empty one is as good as ours");
}

#[test]
fn a_network_in_use_is_remembered_through_two_kills() {
    let mut first = online(STATIC);
    first.agree(false);
    let second = successor(&first, STATIC, true);
    let state = second.engine.state(2, 1);
    assert!(state.came_online, "before its first look");
    assert_eq!(state.addresses, first.engine.state(1, 1).addresses);
    let mut third = World::with(STATIC, true, Some(state));
    third.view = first.view.clone();
    third.now = first.now;
    third.look();
    third.pass(60_000);
    assert!(third.outcome.is_none() && third.view.links.named("bond0").is_some());
    let stopped = third.stop();
    assert_eq!(stopped.exit, Exit::Unexpected);
    assert!(
        stopped.sentence.starts_with("stopped by SIGTERM while waiting for an LACP partner"),
        "{}",
        stopped.sentence
    );
    assert!(third.view.links.named("bond0").is_some());
}

#[test]
fn a_port_that_went_elsewhere_does_not_keep_the_others_from_being_kept() {
    let first = online(STATIC);
    let mut second = successor(&first, STATIC, true);
    second.nic(9, "br7");
    second.link("br7").kind = Kind::Other("bridge".into());
    let port = second.link("eth1");
    (port.controller, port.port) = (Some(9), None);
    second.look();
    second.pass(1_000);
    assert_eq!(second.engine.state(2, 1).phase, Phase::Online, "{:?}", second.said());
    second.link("bond0").up = false;
    second.look();
    second.pass(1_000);
    assert!(second.link("bond0").up, "it is kept");
}

#[test]
fn what_an_earlier_engine_found_went_with_its_bond() {
    let first = online(STATIC);
    let mut state = first.engine.state(1, 1);
    state.found.ports = vec![FoundPort { index: 2, up: false }];
    let mut second = World::with(STATIC, true, Some(state));
    second.nic(2, "eth0").nic(3, "eth1");
    second.link("eth0").up = true;
    second.look();
    let ports = second.engine.state(2, 1).found.ports;
    assert_eq!(ports, [FoundPort { index: 2, up: true }, FoundPort { index: 3, up: false }]);
}
