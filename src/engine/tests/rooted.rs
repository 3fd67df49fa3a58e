//! A root may come by what a flip has moved: nothing else that the words ask for takes it away.

use super::world::World;
use crate::engine::state::{Found, FoundAddress, FoundDefault, FoundPort, State};
use crate::engine::types::{Action, Exit};

fn root(index: u32) -> FoundAddress {
    FoundAddress { index, address: "192.0.2.10/24".parse().unwrap(), broadcast: None, lifetime: None }
}

fn flipped(words: &str) -> World {
    flipped_with(words, vec![root(2)])
}

fn flipped_with(words: &str, addresses: Vec<FoundAddress>) -> World {
    let ports = vec![FoundPort { index: 2, up: true }];
    let found = Found { flipped: true, ports, addresses, ..Found::default() };
    World::with(words, false, Some(State { found, ..State::default() }))
}

#[test]
fn what_becomes_a_port_keeps_it() {
    let mut world = flipped("bond=bond0:eth0,eth1 ip=bond0:none");
    world.nic(2, "eth0").nic(3, "eth1");
    world.view.addresses.push(root(2));
    world.look();
    world.pass(1_500);
    let removed = |action: &Action| matches!(action, Action::DelAddress { .. });
    assert!(!world.done.iter().any(|(_, action)| removed(action)), "{:?}", world.done);
}

#[test]
fn what_another_port_had_is_no_root() {
    let other = FoundAddress { address: "198.51.100.7/24".parse().unwrap(), ..root(3) };
    let mut world = flipped_with("bond=bond0:eth0,eth1 ip=bond0:none", vec![root(2), other.clone()]);
    world.nic(2, "eth0").nic(3, "eth1");
    world.view.addresses.push(other.clone());
    world.look();
    world.pass(1_500);
    let removed = Action::DelAddress { index: 3, address: other.address };
    assert!(world.done.iter().any(|(_, action)| *action == removed), "{:?}", world.done);
}

#[test]
fn down_gives_back_what_was_not_moved() {
    let default = |index, metric| FoundDefault {
        index,
        via: Some([192, 0, 2, 1].into()),
        source: None,
        metric,
        onlink: false,
        protocol: 3,
    };
    let of = |own: Option<u32>| {
        let mut defaults = vec![default(4, 0), default(5, 7)];
        defaults.extend(own.map(|metric| default(2, metric)));
        let ports = vec![FoundPort { index: 2, up: true }, FoundPort { index: 3, up: false }];
        let mut found =
            Found { flipped: true, ports, addresses: vec![root(2), root(3)], defaults, ..Found::default() };
        found.moved_back();
        assert_eq!((found.flipped, found.addresses), (false, vec![root(3)]));
        found.defaults
    };
    assert_eq!(of(None), [default(4, 0), default(5, 7)]);
    assert_eq!(of(Some(100)), [default(4, 0), default(5, 7)]);
    assert_eq!(
        of(Some(0)),
        [default(5, 7)],
        "the root may come by the NIC's own, which has come back already"
    );
}

#[test]
fn a_bridge_does_not_get_it() {
    let mut world = flipped("bond=bond0:eth0,eth1 bridge=br0:eth2,bond0 ip=br0:dhcp");
    world.nic(2, "eth0").nic(3, "eth1").nic(4, "eth2");
    world.link("eth2").up = true;
    world.view.addresses.push(root(4));
    world.look();
    world.pass(1_500);
    let outcome = world.outcome.clone().unwrap();
    assert_eq!(outcome.exit, Exit::Words);
    assert!(outcome.sentence.contains("once it is a port of br0"), "{}", outcome.sentence);
    assert_eq!(world.view.addresses, [root(4)]);
}

#[test]
fn files_are_written_when_it_is_there() {
    let words = "bond=bond0:eth0,eth1 nameserver=192.0.2.1 ip=192.0.2.10::192.0.2.1:24:host:bond0:none";
    for (mut world, after) in [(flipped(words), true), (World::new(words, false), false)] {
        world.nic(2, "eth0").nic(3, "eth1");
        world.look();
        world.partner(&["eth0", "eth1"]);
        world.look();
        world.pass(1_500);
        let place = |is: fn(&Action) -> bool| world.done.iter().position(|(_, action)| is(action)).unwrap();
        let file = place(|action| matches!(action, Action::Resolver { .. }));
        let route = place(|action| matches!(action, Action::AddRoute { .. }));
        assert_eq!(route < file, after, "{:?}", world.done);
    }
}
