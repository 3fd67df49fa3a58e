//! Which links the words mean: ports by MAC, globs and `all`, and whatever names a port where its bond is meant.

use super::world::World;
use crate::engine::state::Phase;
use crate::engine::types::Action;
use crate::links::{Kind, Link};

const PXE: &str = "bond=bond0:eth0,eth1 ip=BOOTIF:dhcp BOOTIF=01-02-00-00-00-00-03";

#[test]
fn the_nic_that_pxe_used_is_a_port_before_the_bond_has_it() {
    for refused in [0, 5] {
        let mut world = World::new(PXE, true);
        world.nic(2, "eth0").nic(3, "eth1");
        world.refuse_enslave = refused;
        let before = world.view.clone();
        world.look();
        world.pass(1_500);
        let plain = |action: &Action| matches!(action, Action::Up(2 | 3) | Action::OpenDhcp(2 | 3));
        assert_eq!(world.count(plain), 0, "a port is no NIC of its own");
        world.agree(true);
        world.pass(100);
        world.place(|action| *action == Action::OpenDhcp(4));
        let found = world.engine.state(1, 1).found;
        assert!(found.nics.is_empty() && found.ports.iter().all(|port| !port.up), "{found:?}");
        world.stop();
        assert_eq!(world.view, before);
    }
}

#[test]
fn what_is_named_by_a_port_s_mac_stays_the_bond_s() {
    let words = "bond=bond0:eth* ip=192.0.2.10::192.0.2.1:24::BOOTIF:none:9000 BOOTIF=01-02-00-00-00-00-02";
    let mut world = World::of_two(words, true);
    world.agree(true);
    world.pass(1_500);
    assert_eq!(world.engine.state(1, 1).phase, Phase::Online, "{:?}", world.said());
    assert_eq!(world.link("bond0").mtu, 9_000);
    // The NIC is pulled, and the engine is killed: the bond has the address all the same.
    world.view.links.0.retain(|link| link.name != "eth0");
    world.look();
    world.pass(1_000);
    world.restart();
    world.pass(1_000);
    assert_eq!(world.engine.state(1, 1).phase, Phase::Online, "{:?}", world.said());
    assert_eq!(world.view.addresses.len(), 1);
    let plan = crate::words::plan_line(PXE.as_bytes());
    let leased = World::of_two(PXE, true);
    let state = leased.engine.state(1, 1);
    assert_eq!(crate::engine::earlier::left_over(&plan, &state, &leased.view, leased.now), None);
}

#[test]
fn without_a_partner_each_port_has_its_turn_whatever_mac_is_named() {
    let mut world = World::of_two(&format!("{PXE} bondstrap.fallback=single bondstrap.lacp_timeout=5"), true);
    world.pass(30_000);
    let first = world.place(|action| *action == Action::OpenDhcp(3));
    assert!(first < world.place(|action| *action == Action::OpenDhcp(2)), "{:?}", world.said());
    // An engine that comes after one that was online on the other port stays there.
    let mut previous = world.engine.state(1, 1);
    (previous.came_online, previous.fallback_port) = (true, Some("eth0".into()));
    previous.interface.clone_from(&previous.fallback_port);
    let begin = world.done.len();
    world.goes_on(previous);
    world.pass(1_000);
    let opened: Vec<&Action> = world.done[begin..].iter().map(|(_, action)| action).collect();
    assert!(
        opened.contains(&&Action::OpenDhcp(2)) && !opened.contains(&&Action::OpenDhcp(3)),
        "{:?}",
        world.said()
    );
}

#[test]
fn a_nic_by_its_mac_has_the_mtu_and_the_address_of_its_words() {
    let words = "bond=bond0:eth0,eth1 ip=bond0:none ip=02-00-00-00-00-04:auto6:1400:02:00:00:00:00:99";
    let mut world = World::new(words, true);
    world.nic(2, "eth0").nic(3, "eth1").nic(4, "eth2");
    world.look();
    world.pass(100);
    let shaped =
        world.place(|action| matches!(action, Action::SetLink { index: 4, mac: Some(_), mtu: Some(1_400) }));
    assert!(shaped < world.place(|action| *action == Action::Up(4)));
    assert!(!world.said().iter().any(|line| line.contains("set down")), "{:?}", world.said());
}

#[test]
fn a_pattern_takes_nics_only() {
    for ports in ["*", "*0,*1", "02-00-00-00-00-02,02-00-00-00-00-03"] {
        let words = format!("bond=bond0:{ports} bridge=br0:bond0 ip=br0:none");
        let mut world = World::new(&words, true);
        world.nic(2, "eth0").nic(3, "eth1");
        let foreign = Link { name: "virbr0".into(), kind: Kind::Other("bridge".into()), ..Link::default() };
        world.view.links.0.push(Link { index: 9, ethernet: true, ..foreign });
        world.look();
        world.pass(3_000);
        world.agree(true);
        let bond = world.link("bond0").index;
        let ports: Vec<&str> = world.view.links.ports_of(bond).map(|port| port.name.as_str()).collect();
        assert_eq!(ports, ["eth0", "eth1"]);
        let bridge = world.link("br0").index;
        assert_eq!(world.link("bond0").controller, Some(bridge));
    }
}

#[test]
fn all_leaves_somebodys_ports_alone() {
    let mut world = World::new("bond=all ip=bond0:none", true);
    world.nic(2, "eth0").nic(3, "eth1").nic(9, "br7");
    world.link("br7").kind = Kind::Other("bridge".into());
    for name in ["eth0", "eth1"] {
        world.link(name).wired = true;
    }
    world.link("eth1").controller = Some(9);
    world.look();
    world.pass(500);
    assert!(world.outcome.is_none(), "{:?}", world.said());
    assert_eq!(world.link("eth1").controller, Some(9));
    assert!(world.link("eth0").controller.is_some());
    // What is a port of ours stays one.
    world.restart();
    world.pass(500);
    assert!(world.link("eth0").controller.is_some());
}

#[test]
fn the_kernel_is_told_a_port_s_name() {
    let words =
        "bond=bond0:02-00-00-00-00-02,02-00-00-00-00-03:mode=1,primary=02-00-00-00-00-03 ip=bond0:none";
    let world = World::of_two(words, true);
    let named = |action: &Action| matches!(action, Action::SetOptions { options, .. } if options[..] == [("primary", "eth1".to_owned())]);
    assert_eq!(world.count(named), 1);
}
