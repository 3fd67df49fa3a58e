//! What is said of what is wrong: the right thing, once, and again where more is known of it.

use super::hearing::{pdu, switch_port};
use super::world::{PARTNER, World};
use crate::dhcp::v4::lease::{Lease, Route};
use crate::engine::state::{Phase, State};
use crate::engine::target::tag_below;
use crate::engine::types::Frame;
use crate::lldp::frame::Lldpdu;
use crate::mac::Mac;
use crate::words::plan_line;

/// So many NICs in one bond, on a silent switch; their links come up one after the other, two seconds apart.
fn silent(count: u32, words: &str, limited: bool) -> World {
    let mut world = World::new(words, limited);
    for port in 0..count {
        world.nic(port + 2, &format!("eth{port}"));
        world.link(&format!("eth{port}")).carrier = false;
    }
    world.look();
    for port in 0..count {
        world.link(&format!("eth{port}")).carrier = true;
        world.look();
        speak(&mut world, 2);
    }
    world
}

/// Our LACPDUs leave, twice a second.
fn speak(world: &mut World, seconds: u32) {
    for _ in 0..seconds * 2 {
        let mut ours = Vec::new();
        for link in world.view.links.0.iter_mut().filter(|link| link.name.starts_with("eth") && link.carrier)
        {
            link.sent += 1;
            ours.push((link.index, Frame::OurLacp));
        }
        world.on_wire(&ours);
        world.pass(500);
    }
}

fn told(world: &World, text: &str) -> Vec<String> {
    world.said().iter().filter(|line| line.contains(text)).map(ToString::to_string).collect()
}

fn kinds(world: &World) -> Vec<String> {
    world.engine.state(1, 1).findings.into_iter().map(|finding| finding.kind).collect()
}

#[test]
fn ports_that_come_one_after_the_other_are_no_scroll() {
    let mut world = silent(4, "bond=eth0,eth1,eth2,eth3 ip=bond0:none", false);
    speak(&mut world, 15);
    let told = |world: &World| -> Vec<String> {
        let lines = told(world, "carrier, but no LACPDU is heard");
        lines.into_iter().filter(|line| !line.starts_with("no LACP partner")).collect()
    };
    let lines = told(&world);
    assert!(lines.len() == 2 && lines[0].starts_with("eth0: "), "{lines:?}");
    assert!(lines[1].starts_with("eth0, eth1, eth2, eth3: "), "{lines:?}");
    for port in 0..3 {
        world.on_wire(&[(port + 2, switch_port(&format!("Ethernet1/{port}")))]);
        speak(&mut world, 3);
    }
    let lines = told(&world);
    assert_eq!(lines.len(), 2, "the last may speak yet: {lines:?}");
    world.on_wire(&[(5, switch_port("Ethernet1/3"))]);
    speak(&mut world, 40);
    let lines = told(&world);
    assert!(lines.len() == 3 && lines[2].contains("eth3 (sw-rack3 Ethernet1/3)"), "{lines:?}");
}

#[test]
fn a_cable_that_comes_and_goes_is_no_scroll() {
    let mut world = silent(2, "bond=eth0,eth1 ip=bond0:none", false);
    for _ in 0..40 {
        for carrier in [false, true] {
            world.link("eth0").carrier = carrier;
            world.link("eth1").carrier = carrier;
            world.look();
            world.pass(2_000);
        }
    }
    let lines = told(&world, "waiting for ");
    assert!(lines.len() < 6, "{lines:?}");
}

#[test]
fn the_sentence_follows_what_is_seen() {
    let mut world = silent(2, "bond=eth0,eth1 ip=bond0:none", false);
    speak(&mut world, 40);
    let sentence = |world: &World| world.engine.state(1, 1).sentence;
    assert!(sentence(&world).contains("no LACPDU is heard"), "{}", sentence(&world));
    for _ in 0..8 {
        world.on_wire(&[
            (2, pdu(7, Mac::ZERO)),
            (3, pdu(7, Mac::ZERO)),
            (2, Frame::OurLacp),
            (3, Frame::OurLacp),
        ]);
        speak(&mut world, 1);
    }
    assert!(sentence(&world).contains("the other side hears none of ours"), "{}", sentence(&world));
}

#[test]
fn of_several_troubles_that_of_most_ports_is_the_reason() {
    let mut world = silent(2, "bond=eth0,eth1 ip=bond0:none", true);
    world.link("eth0").speed = Some(1_000);
    world.link("eth1").speed = Some(10_000);
    speak(&mut world, 40);
    let sentence = world.outcome.expect("it gives up").sentence;
    assert!(sentence.contains("eth0, eth1: carrier, but no LACPDU is heard; set these"), "{sentence}");
    assert!(!sentence.contains("speed"), "{sentence}");
}

#[test]
fn sixty_four_ports_leave_room_for_the_advice() {
    let names: Vec<String> = (0..64).map(|port| format!("eth{port}")).collect();
    let mut world = World::new(&format!("bond={} ip=bond0:none", names.join(",")), true);
    for port in 0..64 {
        world.nic(port + 2, &names[port as usize]);
    }
    world.look();
    speak(&mut world, 40);
    let longest = told(&world, "waiting for").iter().map(String::len).max();
    assert!(longest < Some(300), "{longest:?}");
    let sentence = world.outcome.expect("it gives up").sentence;
    assert!(sentence.len() < 500, "{sentence}");
}

fn lease(name: &str, last: u8, lease: Lease) -> (String, Lease) {
    let lease = Lease { address: [192, 0, 2, last].into(), ..lease };
    (name.to_owned(), lease)
}

fn online(words: &str, leases: &[(String, Lease)]) -> World {
    let state = State { lease: leases.iter().cloned().collect(), ..State::default() };
    let mut world = World::with(words, false, Some(state));
    world.nic(2, "eth0").nic(3, "eth1");
    world.look();
    world.partner(&["eth0", "eth1"]);
    world.look();
    world.pass(15_000);
    assert_eq!(world.engine.state(1, 1).phase, Phase::Online);
    world
}

#[test]
fn a_lease_without_a_router_is_told_once_and_no_other() {
    let good = super::holding::lease(3_600);
    let none = Lease { routers: Vec::new(), ..good.clone() };
    let world = online("bond=eth0,eth1 ip=dhcp", &[lease("bond0", 7, none.clone())]);
    assert_eq!(told(&world, "has no router").len(), 1, "{:?}", world.said());
    assert_eq!(kinds(&world), ["no-router"]);

    let to = "198.51.100.0/24".parse().unwrap();
    let routes = vec![Route { to, via: Some([192, 0, 2, 1].into()) }];
    let world = online("bond=eth0,eth1 ip=dhcp", &[lease("bond0", 7, Lease { routes, ..none })]);
    assert_eq!((told(&world, "has no router").len(), kinds(&world).len()), (0, 0), "{:?}", world.said());

    let words = "bond=eth0,eth1 vlan=bond0.1:bond0 vlan=bond0.2:bond0 ip=bond0.1:dhcp ip=bond0.2:dhcp bootdev=bond0.1";
    let two = [lease("bond0.1", 7, good.clone()), lease("bond0.2", 8, good)];
    let world = online(words, &two);
    assert_eq!((told(&world, "no router").len(), kinds(&world).len()), (0, 0), "{:?}", world.said());
}

#[test]
fn only_switch_ports_that_carry_traffic_tell_of_vlans() {
    let mut world = World::of_two("bond=eth0,eth1 vlan=bond0.42:bond0 ip=bond0.42:dhcp", false);
    world.partner(&["eth0"]);
    world.look();
    let pdu = |port: &str, vlans: &[u16]| {
        let (chassis, port) = ("c".into(), port.into());
        Frame::Lldp(Box::new(Lldpdu { chassis, port, ttl: 120, vlans: vlans.to_vec(), ..Lldpdu::default() }))
    };
    world.on_wire(&[(2, pdu("a", &[42])), (3, pdu("b", &[7]))]);
    world.pass(20_000);
    let has = |world: &World, kind: &str| kinds(world).iter().any(|found| found == kind);
    assert!(has(&world, "dhcp-silent") && !has(&world, "other-vlan"), "{:?}", world.said());
    world.on_wire(&[(2, pdu("a", &[7]))]);
    world.pass(1_000);
    assert!(has(&world, "other-vlan"), "{:?} of {PARTNER}", world.said());
}

#[test]
fn the_tag_is_that_of_the_lowest_vlan() {
    let plan =
        plan_line(b"bond=eth0,eth1 vlan=bond0.42:bond0 vlan=vlan7:bond0.42 bridge=br0:vlan7 ip=br0:dhcp");
    for (name, expected) in [("br0", Some(42)), ("vlan7", Some(42)), ("bond0.42", Some(42)), ("bond0", None)]
    {
        assert_eq!(tag_below(&plan, name), expected, "{name}");
    }
}

#[test]
fn dhcp_is_not_silent_while_nothing_can_be_sent() {
    let mut world = World::of_two("bond=eth0,eth1 ip=bond0:dhcp", false);
    world.agree(true);
    world.pass(3_000);
    world.agree(false);
    let is_silent = |world: &World| kinds(world).iter().any(|found| found == "dhcp-silent");
    for _ in 0..60 {
        world.pass(1_000);
        assert!(!is_silent(&world), "{:?}", world.said());
    }
    world.agree(true);
    world.pass(4_500);
    assert!(!is_silent(&world), "{:?}", world.said());
    world.pass(1_000);
    assert!(is_silent(&world), "{:?}", kinds(&world));
}
