//! An address that a flip has moved: a root may stand on it, so it outlives its lease.

use super::leasing::{ACK, NAK, OFFER, answer, leased, state};
use super::world::World;
use crate::engine::state::{FoundAddress, Phase};
use crate::engine::types::Action;

const DHCP: &str = "bond=eth0,eth1 ip=dhcp";
const MOVED: &str = "192.0.2.77/24";

/// An engine that goes on with what a flip has left: a lease of an hour, and a NIC that had its address.
fn flipped() -> World {
    flipped_with(&[])
}

fn flipped_with(options: &[(u8, &[u8])]) -> World {
    let mut world = leased(DHCP, options);
    let mut left = state(&world);
    left.found.flipped = true;
    let address = MOVED.parse().expect("an address");
    left.found.addresses.push(FoundAddress { index: 2, address, broadcast: None, lifetime: None });
    world.goes_on(left);
    world
}

fn is_there(world: &World, address: &str) -> bool {
    world.view.addresses.iter().any(|found| found.address.to_string() == address)
}

fn routers(world: &World) -> Vec<String> {
    world.view.defaults.iter().filter_map(|route| route.via).map(|via| via.to_string()).collect()
}

fn removed(world: &World) -> usize {
    world.count(|action| matches!(action, Action::DelAddress { .. }))
}

fn said(world: &World, text: &str) -> bool {
    world.said().iter().any(|line| line.contains(text))
}

#[test]
fn the_kernel_is_never_told_to_take_it_away() {
    let mut world = flipped();
    answer(&mut world, ACK, &[]);
    let set = world.done.iter().rev().find_map(|(_, action)| match action {
        Action::AddAddress { address, lifetime, .. } if address.to_string() == MOVED => Some(*lifetime),
        _ => None,
    });
    assert_eq!(set, Some(None), "without the lifetime of its lease");
    assert_eq!(state(&world).phase, Phase::Online);
}

#[test]
fn it_stays_when_the_server_refuses_it_or_the_lease_runs_out() {
    for refused in [true, false] {
        let mut world = flipped();
        match refused {
            true => answer(&mut world, NAK, &[]),
            false => world.pass(3_600_500),
        }
        let why = if refused { "the server refuses it" } else { "the lease ran out" };
        let line = format!("192.0.2.77 is kept without a lease, since the root may come by it: {why}");
        assert!(said(&world, &line), "{:?}", world.said());
        assert_eq!((removed(&world), is_there(&world, MOVED)), (0, true));
        assert_eq!(routers(&world), ["192.0.2.1"]);
    }
}

#[test]
fn another_address_comes_beside_it() {
    let mut world = flipped();
    answer(&mut world, NAK, &[]);
    answer_as(&mut world, OFFER);
    answer_as(&mut world, ACK);
    assert_eq!(state(&world).phase, Phase::Online, "{:?}", world.said());
    assert!(is_there(&world, MOVED) && is_there(&world, "192.0.2.78/24"), "{:?}", world.view.addresses);
    assert_eq!((removed(&world), routers(&world).len()), (0, 1));
    // And when that one goes it is as before.
    world.view.addresses.clear();
    world.view.defaults.clear();
    world.look();
    assert!(is_there(&world, MOVED) && is_there(&world, "192.0.2.78/24"), "{:?}", world.view.addresses);
    assert_eq!(routers(&world), ["192.0.2.1"]);
}

/// An answer with the address beside the usual one.
fn answer_as(world: &mut World, kind: u8) {
    super::leasing::answer_for(world, kind, [192, 0, 2, 78].into(), &[]);
}

#[test]
fn it_is_held_without_a_lease_too() {
    let mut world = flipped();
    answer(&mut world, NAK, &[]);
    // A link that was down has lost its routes.
    world.link("bond0").up = false;
    world.view.defaults.clear();
    world.look();
    world.pass(1_000);
    assert!(world.link("bond0").up);
    assert_eq!(routers(&world), ["192.0.2.1"], "{:?}", world.said());
    world.view.addresses.clear();
    world.view.defaults.clear();
    world.pass(11_000);
    assert!(is_there(&world, MOVED), "{:?}", world.said());
    assert_eq!(routers(&world), ["192.0.2.1"]);
    assert!(said(&world, "192.0.2.77/24 was removed from bond0 by something else: setting it again"));
}

#[test]
fn no_file_is_written_while_nobody_can_be_reached() {
    let dns: &[(u8, &[u8])] = &[(6, &[192, 0, 2, 53])];
    let mut world = flipped_with(dns);
    answer(&mut world, ACK, dns);
    world.agree(false);
    let from = world.done.len();
    let written = |world: &World| {
        let later = world.done[from..].iter();
        later.filter(|(_, action)| matches!(action, Action::Resolver { .. })).count()
    };
    world.pass(3_600_500);
    assert!(said(&world, "the lease ran out"), "{:?}", world.said());
    assert_eq!(written(&world), 0, "the root may hang");
    world.agree(true);
    assert_eq!(written(&world), 1, "its name servers go with it");
}
