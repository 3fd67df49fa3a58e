//! An address of the words that another station has, too.

use std::net::Ipv4Addr;

use super::leasing::{arp, asking, is_probe, state};
use super::world::World;
use crate::dhcp::v4::probe::announcement;
use crate::engine::state::Phase;
use crate::engine::types::Action;
use crate::mac::Mac;

const WORDS: &str = "bond=eth0,eth1 ip=192.0.2.10::192.0.2.1:255.255.255.0::bond0:none";
const ADDRESS: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 10);
const SOMEBODY: Mac = Mac([2, 0, 0, 0, 0, 0x99]);

fn probes(world: &World) -> usize {
    world.count(is_probe)
}

fn found(world: &World) -> Vec<String> {
    state(world).findings.into_iter().map(|found| found.sentence).collect()
}

#[test]
fn a_written_address_is_probed_for_beside_being_set() {
    let mut world = asking(WORDS);
    assert_eq!(state(&world).phase, Phase::Online, "at once");
    assert_eq!(probes(&world), 1);
    world.pass(2_100);
    let ends = |action: &Action| matches!(action, Action::CloseArp(_));
    assert_eq!((probes(&world), world.count(ends)), (3, 1));
    world.pass(600_000);
    assert_eq!((probes(&world), world.count(ends)), (3, 1), "nobody listens any more");
    assert!(found(&world).is_empty());
}

#[test]
fn it_stays_and_is_told_until_the_other_is_gone() {
    let mut world = asking(WORDS);
    for _ in 0..3 {
        arp(&mut world, &announcement(SOMEBODY, ADDRESS));
    }
    assert_eq!(found(&world), ["bond0: duplicate address: another station has 192.0.2.10"]);
    let line = "bond0: 192.0.2.10 is in use by 02:00:00:00:00:99, too";
    assert_eq!(world.said().iter().filter(|said| **said == line).count(), 1);
    assert_eq!(state(&world).phase, Phase::Online);
    assert_eq!(world.view.addresses.len(), 1, "what is written is meant");

    // Asked again, and there is still an answer.
    world.pass(32_500);
    assert_eq!(probes(&world), 5);
    arp(&mut world, &announcement(SOMEBODY, ADDRESS));
    world.pass(10_000);
    assert_eq!(found(&world).len(), 1);
    // And none.
    world.pass(40_000);
    assert!(found(&world).is_empty());
    let asked = probes(&world);
    assert!(world.said().contains(&"bond0: nobody else has 192.0.2.10 any more"));
    world.pass(600_000);
    assert_eq!(probes(&world), asked);
}

#[test]
fn nobody_who_is_cut_off_knows_that_the_other_is_gone() {
    let mut world = asking(WORDS);
    arp(&mut world, &announcement(SOMEBODY, ADDRESS));
    world.link("eth0").carrier = false;
    world.link("eth1").carrier = false;
    world.agree(false);
    world.pass(120_000);
    assert_eq!(found(&world).iter().filter(|line| line.contains("duplicate address")).count(), 1);
    world.link("eth0").carrier = true;
    world.link("eth1").carrier = true;
    world.agree(true);
    world.pass(40_000);
    assert!(found(&world).is_empty(), "{:?}", found(&world));
}

#[test]
fn an_address_of_our_own_is_asked_for_before_it_is_set() {
    let mut world = asking("bond=eth0,eth1 ip=bond0:link-local");
    let first = probed(&world);
    assert_eq!((first.octets()[..2].to_vec(), world.view.addresses.len()), (vec![169, 254], 0));
    world.pass(1_000);
    arp(&mut world, &announcement(SOMEBODY, first));
    world.tick();
    let second = probed(&world);
    assert_ne!(second, first);
    world.pass(1_900);
    assert!(world.view.addresses.is_empty(), "not yet");
    world.pass(200);
    assert_eq!(world.view.addresses[0].address.to_string(), format!("{second}/16"));
    assert!(
        world.said().iter().any(|line| line.contains("in use by 02:00:00:00:00:99")),
        "{:?}",
        world.said()
    );

    // It is the MAC's: who comes again asks for the first one first.
    assert_eq!(probed(&asking("bond=eth0,eth1 ip=bond0:link-local")), first);
}

#[test]
fn whoever_has_them_all_is_told_of_at_last() {
    let mut world = asking("bond=eth0,eth1 ip=bond0:link-local");
    for _ in 0..12 {
        let address = probed(&world);
        arp(&mut world, &announcement(SOMEBODY, address));
        world.tick();
    }
    world.pass(2_100);
    assert_eq!(world.view.addresses.len(), 1);
    assert_eq!(found(&world).len(), 1, "{:?}", found(&world));
}

/// What was asked for last.
fn probed(world: &World) -> Ipv4Addr {
    let asked = world.done.iter().rev().find_map(|(_, action)| match action {
        Action::Probe { address, .. } => Some(*address),
        _ => None,
    });
    asked.expect("a probe")
}
