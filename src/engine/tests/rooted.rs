//! A root may come by what a flip has moved: nothing else that the words ask for takes it away.

use super::world::World;
use crate::engine::state::{Found, FoundAddress, State};
use crate::engine::types::{Action, Exit};

fn root(index: u32) -> FoundAddress {
    FoundAddress { index, address: "192.0.2.10/24".parse().unwrap(), broadcast: None, lifetime: None }
}

fn flipped(words: &str) -> World {
    let found = Found { flipped: true, addresses: vec![root(2)], ..Found::default() };
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
