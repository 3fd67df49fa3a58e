//! What somebody else undoes once it is online, and what is told of it.

use std::net::Ipv4Addr;

use super::world::World;
use crate::dhcp::v4::lease::Lease;
use crate::engine::state::{FoundAddress, FoundDefault, Phase, State};
use crate::engine::types::Action;
use crate::links::LacpState;

const STATIC: &str = "bond=eth0,eth1 ip=192.0.2.10::192.0.2.1:255.255.255.0::bond0:none";
const DHCP: &str = "bond=eth0,eth1 ip=dhcp";

fn online(words: &str, previous: Option<State>) -> World {
    let mut world = World::with(words, false, previous);
    world.nic(2, "eth0").nic(3, "eth1");
    world.look();
    world.partner(&["eth0", "eth1"]);
    world.look();
    // Until nobody has confirmed a lease of before.
    world.pass(15_000);
    assert_eq!(phase(&world), Phase::Online);
    world
}

/// A lease of `secs` seconds.
pub(super) fn lease(secs: u32) -> Lease {
    let server = Ipv4Addr::new(192, 0, 2, 1);
    Lease {
        routers: vec![server],
        dns: vec![server],
        lease_secs: Some(secs),
        t1: Some(u64::from(secs) * 500),
        t2: Some(u64::from(secs) * 875),
        ..Lease::bare(Ipv4Addr::new(192, 0, 2, 77), 24, server)
    }
}

/// With a lease of `secs` seconds that an earlier engine had got.
fn leased(secs: u32) -> World {
    let lease = [("bond0".to_owned(), lease(secs))].into();
    online(DHCP, Some(State { lease, ..State::default() }))
}

fn phase(world: &World) -> Phase {
    world.engine.state(1, 1).phase
}

fn said(world: &World, text: &str) -> usize {
    world.said().iter().filter(|line| line.contains(text)).count()
}

fn cables(world: &mut World, plugged: bool) {
    for name in ["eth0", "eth1"] {
        let link = world.link(name);
        link.carrier = plugged;
        let side = link.port.as_mut().unwrap();
        (side.link_up, side.actor, side.partner) = (plugged, LacpState(0x47), LacpState(0));
    }
    world.look();
}

#[test]
fn addresses_and_the_default_route_are_put_back_and_told_once() {
    for mut world in [online(STATIC, None), leased(3_600)] {
        let (addresses, defaults) = (world.view.addresses.clone(), world.view.defaults.clone());
        assert_eq!((addresses.len(), defaults.len()), (1, 1));
        world.view.addresses.clear();
        world.view.defaults.clear();
        world.look();
        world.look();
        assert_eq!(world.view.defaults, defaults);
        assert_eq!(world.view.addresses[0].address, addresses[0].address);
        assert_eq!(said(&world, "was removed from bond0 by something else"), 1, "{:?}", world.said());

        world.view.defaults.clear();
        world.look();
        world.look();
        assert_eq!(world.view.defaults, defaults);
        assert_eq!(said(&world, "the default route via 192.0.2.1 on bond0 was removed"), 1);
    }
}

#[test]
fn a_default_route_in_place_of_ours_stays() {
    let mut world = online(STATIC, None);
    let other = FoundDefault { index: 9, via: None, source: None, metric: 0, onlink: false, protocol: 3 };
    world.view.defaults = vec![other.clone()];
    world.pass(60_000);
    assert_eq!(world.view.defaults, [other]);
}

#[test]
fn a_lease_at_its_end_is_nobodys_doing() {
    let mut world = leased(60);
    world.pass(58_500 - world.now);
    // The kernel's timer is a little early.
    world.view.addresses.clear();
    world.view.defaults.clear();
    world.pass(3_000);
    assert_eq!(said(&world, "by something else"), 0, "{:?}", world.said());
    assert_eq!(said(&world, "the address is gone: the lease ran out"), 1);
    let names = |action: &Action| matches!(action, Action::Resolver { servers, .. } if servers.is_empty());
    world.place(names);
    assert_eq!(phase(&world), Phase::Dhcp);
}

#[test]
fn who_insists_is_told_of_once_and_meets_no_storm() {
    let mut world = online(STATIC, None);
    let before = world.done.len();
    for _ in 0..100 {
        world.link("bond0").up = false;
        world.look();
        world.pass(200);
    }
    let done = &world.done[before..];
    let tries = done.iter().filter(|(_, action)| *action == Action::Up(4)).count();
    assert!((5..=15).contains(&tries), "{tries}");
    assert_eq!(said(&world, "this happens again and again"), 1, "{:?}", world.said());
    assert_eq!(said(&world, "bond0 was set down by something else"), 4);
    world.pass(30_000);
    assert!(world.link("bond0").up);
    // After a quiet time it is news again.
    world.pass(90_000);
    world.link("bond0").up = false;
    world.look();
    assert_eq!(said(&world, "bond0 was set down by something else"), 5);
    assert!(world.link("bond0").up, "and put right at once");
}

#[test]
fn ports_that_are_taken_out_or_vanish_are_told() {
    let mut world = online(STATIC, None);
    let port = world.link("eth1");
    (port.controller, port.port, port.up) = (None, None, false);
    world.look();
    assert_eq!(world.link("eth1").controller, Some(4));
    assert_eq!(said(&world, "eth1 was taken out of bond0 by something else: putting it back"), 1);
    assert_eq!(said(&world, "eth1 has joined bond0"), 1);

    world.view.links.0.retain(|link| link.name != "eth0");
    world.look();
    world.look();
    assert_eq!(said(&world, "eth0 is gone"), 1);
    assert_eq!(phase(&world), Phase::Online);
    world.nic(9, "eth0");
    world.look();
    world.pass(2_000);
    assert_eq!(world.link("eth0").controller, Some(4));
    assert_eq!(said(&world, "eth0 has joined bond0"), 1);
}

#[test]
fn a_bond_that_is_deleted_is_made_again_with_its_lease() {
    let mut world = leased(3_600);
    world.pass(60_000);
    world.view.links.0.retain(|link| link.name != "bond0");
    world.view.addresses.clear();
    world.view.defaults.clear();
    for name in ["eth0", "eth1"] {
        let port = world.link(name);
        (port.controller, port.port, port.up) = (None, None, false);
    }
    world.look();
    assert_eq!(said(&world, "bond0 was deleted by something else: making it again"), 1);
    assert_eq!(said(&world, "were not enough"), 0, "{:?}", world.said());
    assert_eq!(said(&world, "traffic passes no more"), 1, "{:?}", world.said());
    world.partner(&["eth0", "eth1"]);
    world.look();
    world.pass(15_000);
    assert_eq!(phase(&world), Phase::Online);
    assert_eq!(world.view.addresses[0].address.to_string(), "192.0.2.77/24");
}

#[test]
fn after_carrier_was_lost_on_all_ports_the_lease_is_checked() {
    let mut world = leased(3_600);
    let sent = |world: &World| world.count(|action| matches!(action, Action::Broadcast { .. }));
    let before = sent(&world);
    cables(&mut world, false);
    world.pass(2_000);
    assert_eq!((sent(&world), phase(&world)), (before, Phase::Online));
    assert!(world.engine.state(1, 1).bonds[0].cut_off);
    cables(&mut world, true);
    world.pass(1_000);
    let lonely = sent(&world);
    assert!(lonely <= before + 2, "without a partner hardly any");
    world.partner(&["eth0", "eth1"]);
    world.look();
    assert_eq!(sent(&world), lonely + 1, "at once");
    world.pass(30_000);
    assert_eq!(world.count(|action| matches!(action, Action::DelAddress { .. })), 0);
    assert_eq!(said(&world, "traffic passes no more: no carrier on any port"), 1);
}

#[test]
fn looks_are_frequent_after_a_change_and_rare_otherwise() {
    let mut world = online(STATIC, None);
    world.pass(120_000);
    assert_eq!(world.engine.poll(world.now), Some(10_000));
    cables(&mut world, false);
    assert_eq!(world.engine.poll(world.now), Some(10_000), "carrier is announced");
    cables(&mut world, true);
    assert_eq!(world.engine.poll(world.now), Some(250), "that a partner agrees is not");
    world.pass(61_000);
    assert_eq!(world.engine.poll(world.now), Some(10_000), "but not for ever");
    world.partner(&["eth0"]);
    world.look();
    assert_eq!(world.engine.poll(world.now), Some(250), "eth1 is still to come");
    world.partner(&["eth0", "eth1"]);
    world.look();
    assert_eq!(world.engine.poll(world.now), Some(10_000));
}

#[test]
fn what_an_installer_sets_in_place_of_ours_stays() {
    for mut world in [online(STATIC, None), leased(3_600)] {
        let index = world.view.addresses[0].index;
        let theirs = FoundAddress {
            index,
            address: "203.0.113.5/24".parse().unwrap(),
            broadcast: None,
            lifetime: None,
        };
        world.view.addresses = vec![theirs];
        let via = Some(Ipv4Addr::new(203, 0, 113, 1));
        let route = FoundDefault { index, via, source: None, metric: 100, onlink: false, protocol: 3 };
        world.view.defaults = vec![route];
        let (addresses, defaults) = (world.view.addresses.clone(), world.view.defaults.clone());
        world.look();
        world.pass(120_000);
        assert_eq!((&world.view.addresses, &world.view.defaults), (&addresses, &defaults));
        assert_eq!(said(&world, "by something else"), 0);
    }
}

#[test]
fn a_port_that_another_controller_takes_is_told_each_time() {
    let mut world = online(STATIC, None);
    for times in 1..=2 {
        world.link("eth1").controller = Some(99);
        world.look();
        world.pass(60_000);
        assert_eq!(said(&world, "eth1 is a port of another interface already"), times);
        world.link("eth1").controller = None;
        world.look();
        world.pass(60_000);
        let controller = world.link("eth0").controller;
        assert_eq!(world.link("eth1").controller, controller);
    }
}

#[test]
fn what_is_taken_away_again_at_once_is_put_back_when_it_may_be() {
    for mut world in [online(STATIC, None), leased(3_600)] {
        world.pass(70_000);
        assert_eq!(world.engine.poll(world.now), Some(10_000));
        for _ in 0..3 {
            world.view.addresses.clear();
            world.look();
        }
        world.view.addresses.clear();
        world.look();
        assert!(world.view.addresses.is_empty(), "not so soon");
        world.pass(500);
        assert_eq!(world.view.addresses.len(), 1);
        assert_eq!(world.engine.poll(world.now), Some(10_000));
    }
}
