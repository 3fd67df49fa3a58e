//! IPv6 addresses that stand in the words: set once the switch port is open, and what becomes of those that another station
//! has.

use super::six::{machine, phase};
use super::world::World;
use super::world6::ip;
use crate::engine::state::Phase;
use crate::engine::types::{Action, Exit};
use crate::links::LacpState;

#[test]
fn a_static_address_waits_for_the_partner_to_collect() {
    for (says_at, set_by) in [(0, 500), (1_500, 1_750), (10_000, 3_000)] {
        let mut world = machine("bond=eth0,eth1 ip=[2001:db8::10]/64:::::bond0:none", false);
        world.agree(true);
        let collects = |world: &mut World, it_does: bool| {
            for link in &mut world.view.links.0 {
                link.port
                    .iter_mut()
                    .for_each(|side| side.partner = LacpState(if it_does { 0x3d } else { 0x0d }));
            }
            world.look();
        };
        let mut passed = 0;
        collects(&mut world, says_at == 0);
        while world.count(|action| matches!(action, Action::AddAddress { .. })) == 0 {
            assert!(passed <= set_by + 250, "{says_at}: not even after {passed} ms");
            world.pass(50);
            passed += 50;
            if passed == says_at {
                collects(&mut world, true);
            }
        }
        assert!(passed >= set_by.min(says_at.max(500)), "{says_at}: after {passed} ms");
    }
}

#[test]
fn a_written_address_of_another_station_is_said_and_not_claimed() {
    let words = "bond=eth0,eth1 ip=[2001:db8::10]/64:::::bond0:none rd.net.timeout.dhcp=10";
    let mut world = machine(words, true);
    world.taken.push(ip("2001:db8::10"));
    world.agree(true);
    world.pass(11_000);
    let outcome = world.outcome.clone().unwrap();
    assert_eq!(outcome.exit, Exit::NoAddress);
    assert!(outcome.sentence.contains("another station has 2001:db8::10"), "{}", outcome.sentence);
    assert_eq!(world.count(|action| matches!(action, Action::Announce { .. })), 0);
    // Where the other family has an address that is enough; but it is said.
    let mut world = machine(&format!("{words} ip=192.0.2.10:::24::bond0:none"), true);
    world.taken.push(ip("2001:db8::10"));
    world.agree(true);
    world.pass(11_000);
    assert_eq!(phase(&world), Phase::Online);
    let told = |world: &World, what: &str| world.said().iter().filter(|line| line.contains(what)).count();
    assert_eq!(told(&world, "2001:db8::10 is in use by another station (duplicate address detection)"), 1);
    assert_eq!(told(&world, "going on without IPv6"), 1);
    let found = world.engine.state(1, 1).findings;
    let sentence = "bond0: duplicate address: another station has 2001:db8::10";
    assert_eq!(found.iter().filter(|finding| finding.sentence == sentence).count(), 1, "{found:?}");
    assert_eq!(told(&world, sentence), 0, "it was told when it was found out");
}

#[test]
fn a_written_address_of_another_station_is_tried_until_that_is_gone() {
    let mut world = machine("bond=eth0,eth1 ip=[2001:db8::10]/64:::::bond0:none", false);
    world.taken.push(ip("2001:db8::10"));
    world.agree(true);
    world.pass(95_000);
    assert_ne!(phase(&world), Phase::Online);
    let set = |world: &World| world.count(|action| matches!(action, Action::AddAddress { .. }));
    assert_eq!(set(&world), 4, "at first, and every 30 s");
    assert_eq!(world.said().iter().filter(|line| line.contains("is in use by another station")).count(), 1);
    world.taken.clear();
    world.pass(35_000);
    assert_eq!(phase(&world), Phase::Online, "{:?}", world.said());
    assert!(world.engine.state(1, 1).findings.is_empty());
    assert_eq!(world.said().iter().filter(|line| line.ends_with("2001:db8::10 can be used")).count(), 1);
    world.pass(300_000);
    assert_eq!(set(&world), 5, "and then no more");
}

#[test]
fn what_is_written_stands_beside_what_the_network_gives() {
    for method in ["auto6", "dhcp6", "either6"] {
        for router in [true, false] {
            let words = format!("bond=eth0,eth1 ip=[2001:db8::10]::[2001:db8::1]:64::bond0:{method}");
            let mut world = machine(&words, false);
            world.agree(true);
            world.pass(100);
            if router {
                world.advertise(0, true);
            }
            world.pass(6_000);
            assert!(world.has6("2001:db8::10"), "{method}: {:?}", world.said());
            let gateway = Some(ip("2001:db8::1").into());
            let is_default =
                |action: &Action| matches!(action, Action::AddRoute { via, .. } if *via == gateway);
            assert_eq!(world.count(is_default), usize::from(!router), "{method}");
            // The kernel takes IPv6 off a link that is down.
            let bond = world.link("bond0").index;
            for up in [false, true] {
                world.link("bond0").up = up;
                world.view.addresses.retain(|found| found.index != bond);
                world.view.addresses6.retain(|found| found.index != bond);
                world.look();
            }
            world.agree(true);
            world.pass(5_000);
            assert!(world.has6("2001:db8::10"), "{method}: {:?}", world.said());
        }
    }
}

#[test]
fn a_route_that_names_no_device_goes_by_one_of_its_family() {
    let words = "bond=eth0,eth1 vlan=bond0.42:bond0 ip=192.0.2.10:::24::bond0:none \
                 ip=[2001:db8::10]/64:::::bond0.42:none rd.route=[2001:db8:3::]/48:[fe80::1]";
    let mut world = machine(words, false);
    world.agree(true);
    world.pass(2_000);
    let vlan = world.link("bond0.42").index;
    let by = world.done.iter().filter_map(|(_, action)| match action {
        Action::AddRoute { index, to, .. } if to.prefix() == 48 => Some(*index),
        _ => None,
    });
    assert_eq!(by.collect::<Vec<_>>(), [vlan]);
}
