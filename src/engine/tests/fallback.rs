//! Ports that are to be found, and what is done without a partner.

use super::hearing::pdu;
use super::world::World;
use crate::engine::types::{Action, Exit};
use crate::links::Kind;
use crate::mac::Mac;

fn mode(world: &World) -> Option<u8> {
    let bond = world.view.links.named("bond0")?.bond()?;
    Some(bond.mode)
}

pub(super) fn ports(world: &World) -> Vec<&str> {
    let bond = world.view.links.named("bond0").map(|link| link.index);
    bond.into_iter().flat_map(|bond| world.view.links.ports_of(bond)).map(|port| port.name.as_str()).collect()
}

pub(super) fn searching(words: &str, limited: bool) -> World {
    let mut world = World::new(words, limited);
    world.nic(2, "eth0").nic(3, "eth1").nic(4, "eth2").nic(5, "eth3").nic(6, "usb0");
    for name in ["eth0", "eth1", "eth2", "eth3"] {
        world.link(name).wired = true;
    }
    world.link("eth1").up = true;
    world.look();
    world
}

#[test]
fn auto_bonds_the_largest_group_and_gives_the_rest_back() {
    let mut world = searching("bond=auto ip=bond0:none", true);
    let raised = |world: &World| {
        let up = world.view.links.0.iter().filter(|link| link.up).map(|link| link.name.clone());
        up.collect::<Vec<_>>()
    };
    assert_eq!(raised(&world), ["eth0", "eth1", "eth2", "eth3"], "usb0 is not asked");
    assert_eq!(world.engine.ears(world.now), [(2, true), (3, true), (4, true), (5, true)]);
    world.pass(1_000);
    world.on_wire(&[(2, pdu(7, Mac::ZERO)), (4, pdu(8, Mac::ZERO)), (5, pdu(8, Mac::ZERO))]);
    world.pass(10_000);
    assert!(ports(&world).is_empty(), "eth1 has carrier: a slow switch may yet speak");
    world.pass(25_000);
    assert_eq!(ports(&world), ["eth2", "eth3"]);
    assert_eq!(raised(&world), ["eth1", "eth2", "eth3", "bond0"], "eth0 is down as before, eth1 up");
    let line = "auto: bond0 is made of eth2, eth3, the largest group that announces one LACP system (0e:00:00:00:00:01) \
                and key (8); left out: eth0: LACP system 0e:00:00:00:00:01 key 7, eth1: no LACPDU heard";
    assert!(world.said().contains(&line), "{:?}", world.said());
    assert_eq!(world.engine.ears(world.now), [(4, true), (5, true)]);
    world.stop();
    let up: Vec<&str> =
        world.view.links.0.iter().filter(|link| link.up).map(|link| link.name.as_str()).collect();
    assert_eq!(up, ["eth1"], "as they were found");
}

#[test]
fn auto_that_hears_nothing_has_a_limit_and_gives_everything_back() {
    let mut world = searching("bond=auto ip=bond0:none", true);
    world.pass(40_000);
    let outcome = world.outcome.clone().unwrap();
    assert_eq!(outcome.exit, Exit::NoPartner);
    assert!(
        outcome
            .sentence
            .starts_with("no port for bond0 (auto): no LACPDU heard within 35 s (eth0: no LACPDU heard"),
        "{outcome:?}"
    );
    let up: Vec<&str> =
        world.view.links.0.iter().filter(|link| link.up).map(|link| link.name.as_str()).collect();
    assert_eq!(up, ["eth1"]);
    let mut stays = searching("bond=auto ip=bond0:none", false);
    stays.pass(100_000);
    stays.on_wire(&[(2, pdu(7, Mac::ZERO))]);
    stays.pass(2_000);
    assert!(ports(&stays).is_empty(), "others may follow");
    stays.on_wire(&[(3, pdu(7, Mac::ZERO))]);
    stays.pass(32_000);
    assert_eq!(ports(&stays), ["eth0", "eth1"], "a switch that wakes up late");
    stays.restart();
    stays.pass(1_000);
    assert_eq!(ports(&stays), ["eth0", "eth1"], "found once is enough");
}

#[test]
fn auto_has_time_from_the_carrier_on() {
    let mut world = searching("bond=auto ip=bond0:none", true);
    let all = ["eth0", "eth1", "eth2", "eth3"];
    for name in all {
        world.link(name).carrier = false;
    }
    world.look();
    world.pass(6_000);
    for name in all {
        world.link(name).carrier = true;
    }
    world.look();
    world.pass(2_000);
    world.on_wire(&[(2, pdu(7, Mac::ZERO))]);
    world.pass(28_000);
    world.on_wire(&[(3, pdu(7, Mac::ZERO))]);
    world.pass(4_000);
    assert_eq!(ports(&world), ["eth0", "eth1"], "{:?}", world.said());
}

fn lonely(words: &str) -> World {
    let mut world = World::of_two(words, true);
    world.pass(36_000);
    world
}

#[test]
fn active_backup_and_back() {
    let mut world = lonely("bond=eth0,eth1 ip=bond0:dhcp bondstrap.fallback=active-backup");
    assert_eq!((mode(&world), ports(&world)), (Some(1), vec!["eth0", "eth1"]));
    let told = world
        .said()
        .into_iter()
        .filter(|line| line.ends_with("fallback: the same ports in mode active-backup"));
    assert_eq!(told.count(), 1, "{:?}", world.said());
    assert!(world.engine.state(1, 1).bonds[0].fallback);
    world.pass(2_000);
    world.on_wire(&[(3, pdu(7, Mac::ZERO))]);
    world.pass(1_000);
    assert_eq!((mode(&world), ports(&world)), (Some(4), vec!["eth0", "eth1"]), "{:?}", world.said());
    assert!(!world.engine.state(1, 1).bonds[0].fallback);
    world.pass(40_000);
    assert_eq!(world.outcome.unwrap().exit, Exit::NoPartner, "no second time");
}

#[test]
fn a_partner_of_another_bond_is_none_of_this_one() {
    let words =
        "bond=bond0:eth0 bond=bond1:eth1 ip=bond0:none ip=bond1:dhcp bondstrap.fallback=active-backup";
    let mut world = World::of_two(words, true);
    world.partner(&["eth0"]);
    world.pass(36_000);
    let mode = |world: &World| world.view.links.named("bond1")?.bond().map(|bond| bond.mode);
    assert_eq!(mode(&world), Some(1), "{:?}", world.said());
    world.on_wire(&[(2, pdu(7, Mac::ZERO))]);
    world.pass(1_000);
    assert_eq!(mode(&world), Some(1), "heard on eth0, of bond0");
    world.on_wire(&[(3, pdu(7, Mac::ZERO))]);
    world.pass(1_000);
    assert_eq!(mode(&world), Some(4), "{:?}", world.said());
}

#[test]
fn a_network_that_is_in_use_stays() {
    let words = "bond=eth0,eth1 ip=192.0.2.7::192.0.2.1:24::bond0:none bondstrap.fallback=active-backup";
    let mut world = lonely(words);
    world.pass(1_000);
    assert!(world.engine.keeps(), "{:?}", world.said());
    assert!(world.said().last().unwrap().contains("fallback: active-backup"), "{:?}", world.said());
    world.on_wire(&[(3, pdu(7, Mac::ZERO))]);
    world.pass(1_000);
    assert_eq!(mode(&world), Some(1));
    world.restart();
    world.pass(1_000);
    assert_eq!((mode(&world), ports(&world)), (Some(1), vec!["eth0", "eth1"]), "also by the next engine");
    world.stop();
}

#[test]
fn one_port_after_the_other() {
    let mut world = lonely("bond=eth0,eth1 vlan=bond0.42:bond0 ip=bond0.42:dhcp bondstrap.fallback=single");
    world.pass(500);
    assert!(world.view.links.named("bond0").is_none(), "{:?}", world.said());
    let lower = |world: &World| {
        let vlan = world.view.links.named("bond0.42").expect("the VLAN");
        assert_eq!(vlan.kind, Kind::Vlan(42));
        world.view.links.get(vlan.lower.unwrap()).unwrap().name.clone()
    };
    assert_eq!(lower(&world), "eth0");
    let hearing = |world: &World| -> Vec<(String, String)> {
        let ports = world.engine.state(1, 1).ports.into_iter();
        ports.map(|port| (port.name, port.hearing)).collect()
    };
    let is = |name: &str, hearing: &str| (name.to_owned(), hearing.to_owned());
    assert_eq!(hearing(&world), [is("eth0", "DHCP is tried here"), is("eth1", "not set up")]);
    world.pass(8_500);
    assert_eq!(lower(&world), "eth1");
    assert!(!world.link("eth0").up, "as it was");
    world.pass(8_000);
    assert_eq!(lower(&world), "eth0");
    let index = world.link("eth0").index;
    assert_eq!(world.engine.ears(world.now), [(index, true)]);
    world.on_wire(&[(index, pdu(7, Mac::ZERO))]);
    world.pass(1_000);
    assert_eq!((mode(&world), ports(&world)), (Some(4), vec!["eth0", "eth1"]), "{:?}", world.said());
    assert_eq!(lower(&world), "bond0");
    world.stop();
    assert_eq!(world.view.links.0.iter().filter(|link| link.up).count(), 0);
}

#[test]
fn a_single_port_has_what_the_words_give_the_bond() {
    for (words, of, name, mtu) in [
        ("ip=bond0:dhcp", "bond0", "eth0", 9_000),
        ("ip=bond0:dhcp:4000", "bond0", "eth0", 4_000),
        ("vlan=bond0.42:bond0 ip=bond0.42:dhcp ip=eth2:dhcp", "bond0.42", "bond0.42", 9_000),
    ] {
        let words = format!(
            "bond=bond0:eth0,eth1::9000 {words} rd.net.dhcp.client-id={of}:@node7 bondstrap.fallback=single"
        );
        let mut world = World::new(&words, true);
        world.nic(2, "eth0").nic(3, "eth1").nic(4, "eth2");
        world.look();
        world.pass(36_500);
        // A VLAN of this world has none by itself.
        world.link(name).carrier = true;
        world.look();
        let clients = world.engine.state(1, 1).clients;
        assert_eq!(clients[name].client_id.as_deref(), Some(&b"\0node7"[..]), "{words}");
        let mtus = ["eth0", name, "eth2"].map(|name| world.link(name).mtu);
        assert_eq!(mtus, [mtu, mtu, 1_500], "{words}: {:?}", world.said());
    }
}

fn stands_in(world: &World) -> Option<String> {
    world.engine.state(1, 1).fallback_port
}

#[test]
fn a_turn_begins_with_the_carrier() {
    let mut world = lonely("bond=eth0,eth1 ip=bond0:dhcp bondstrap.fallback=single");
    world.pass(8_500);
    assert_eq!(stands_in(&world).as_deref(), Some("eth1"));
    world.link("eth1").carrier = false;
    world.look();
    world.pass(8_000);
    assert_eq!(stands_in(&world).as_deref(), Some("eth1"), "its link takes long to come up");
    world.link("eth1").carrier = true;
    world.look();
    world.pass(7_500);
    assert_eq!(stands_in(&world).as_deref(), Some("eth1"));
    world.pass(1_000);
    assert_eq!(stands_in(&world).as_deref(), Some("eth0"));
    world.link("eth0").carrier = false;
    world.look();
    world.pass(9_000);
    assert_eq!(stands_in(&world).as_deref(), Some("eth0"));
    world.pass(1_500);
    assert_eq!(stands_in(&world).as_deref(), Some("eth1"), "no carrier at all");
}

#[test]
fn turns_without_end_are_told_once() {
    for words in ["ip=bond0:dhcp", "ip=bond0:dhcp6", "ip=bond0:auto6"] {
        let mut world = World::of_two(&format!("bond=eth0,eth1 {words} bondstrap.fallback=single"), false);
        world.pass(37_000);
        let (mut turns, before) = (0, world.said().len());
        let mut last = stands_in(&world);
        for _ in 0..600 {
            world.pass(1_000);
            let next = stands_in(&world);
            turns += usize::from(std::mem::replace(&mut last, next.clone()) != next);
        }
        assert!(turns > 12, "{words}: {turns}");
        let said = &world.said()[before..];
        assert!(said.len() <= 6, "{words}: {said:?}");
        assert!(said.contains(&"fallback: nothing on eth0, eth1: each of them again"), "{words}: {said:?}");
    }
}

#[test]
fn a_single_port_without_dhcp_has_a_limit() {
    let mut world = lonely("bond=eth0,eth1 ip=bond0:dhcp bondstrap.fallback=single rd.net.timeout.dhcp=20");
    assert_eq!(world.engine.state(1, 1).fallback_port.as_deref(), Some("eth0"));
    world.pass(25_000);
    let outcome = world.outcome.clone().unwrap();
    assert_eq!(outcome.exit, Exit::NoAddress);
    assert!(outcome.sentence.starts_with("no DHCP lease on any of eth0, eth1 within 20 s"), "{outcome:?}");
    assert_eq!(world.view.links.0.iter().filter(|link| link.up).count(), 0, "as they were found");
    assert_eq!(world.count(|action| matches!(action, Action::CreateBond { .. })), 1);
}

#[test]
fn a_single_port_that_is_in_use_stays_with_the_next_engine() {
    let mut world = lonely("bond=eth0,eth1 ip=192.0.2.7::192.0.2.1:24::bond0:none bondstrap.fallback=single");
    world.pass(1_000);
    assert!(world.engine.keeps(), "{:?}", world.said());
    world.restart();
    world.pass(60_000);
    assert!(world.view.links.named("bond0").is_none() && world.link("eth0").up);
    assert_eq!(world.view.addresses.iter().map(|found| found.index).collect::<Vec<_>>(), [2]);
}

#[test]
fn a_switch_that_is_off_has_its_time_from_the_carrier_on() {
    for (limited, dark) in [(false, 300_000), (true, 30_000)] {
        let words = "bond=eth0,eth1 ip=bond0:dhcp bondstrap.fallback=active-backup";
        let mut world = World::new(words, limited);
        world.nic(2, "eth0").nic(3, "eth1");
        for name in ["eth0", "eth1"] {
            world.link(name).carrier = false;
        }
        world.look();
        world.pass(dark);
        for name in ["eth0", "eth1"] {
            world.link(name).carrier = true;
            world.link(name).port.as_mut().unwrap().link_up = true;
        }
        world.look();
        world.pass(34_000);
        assert_eq!(mode(&world), Some(4), "{:?}", world.said());
        world.pass(2_000);
        assert_eq!(mode(&world), Some(1), "{:?}", world.said());
    }
}

#[test]
fn an_address_on_another_bond_keeps_nobody_in_its_fallback() {
    let words = "bond=bond0:eth0 bond=bond1:eth1 ip=192.0.2.5:::24::bond0:none ip=bond1:dhcp \
                 bondstrap.fallback=active-backup";
    let mut world = World::of_two(words, true);
    world.partner(&["eth0"]);
    world.pass(37_000);
    let mode = |world: &World| world.view.links.named("bond1")?.bond().map(|bond| bond.mode);
    assert_eq!((mode(&world), world.view.addresses.len()), (Some(1), 1), "{:?}", world.said());
    world.on_wire(&[(3, pdu(7, Mac::ZERO))]);
    world.pass(1_000);
    assert_eq!(mode(&world), Some(4), "{:?}", world.said());
}

#[test]
fn auto_leaves_a_nic_alone_that_has_its_own_address() {
    let mut world = World::new("bond=bond0:auto ip=bond0:dhcp ip=eth5:dhcp", false);
    world.nic(2, "eth0").nic(3, "eth1").nic(7, "eth5");
    for name in ["eth0", "eth1", "eth5"] {
        world.link(name).wired = true;
    }
    world.look();
    world.pass(2_000);
    assert!(world.link("eth5").up, "{:?}", world.said());
}

#[test]
fn each_bond_has_a_fallback_of_its_own() {
    let words =
        "bond=bond0:eth0 bond=bond1:eth1 ip=bond0:none ip=bond1:dhcp bondstrap.fallback=active-backup";
    let mut world = World::of_two(words, true);
    world.pass(37_000);
    let modes = |world: &World| {
        ["bond0", "bond1"].map(|name| world.view.links.named(name)?.bond().map(|bond| bond.mode))
    };
    assert_eq!(modes(&world), [Some(1); 2], "{:?}", world.said());
    world.on_wire(&[(3, pdu(7, Mac::ZERO))]);
    world.pass(1_000);
    assert_eq!(modes(&world), [Some(1), Some(4)], "{:?}", world.said());
    world.pass(36_000);
    assert_eq!(world.outcome.unwrap().exit, Exit::NoPartner, "no second time");
}

#[test]
fn a_port_without_carrier_comes_back_with_the_bond() {
    let mut world = World::new("bond=eth0,eth1 ip=bond0:dhcp bondstrap.fallback=single", false);
    world.nic(2, "eth0").nic(3, "eth1");
    world.link("eth1").carrier = false;
    world.look();
    world.pass(36_000);
    assert_eq!(stands_in(&world).as_deref(), Some("eth0"));
    world.on_wire(&[(2, pdu(7, Mac::ZERO))]);
    world.pass(1_000);
    assert_eq!((mode(&world), ports(&world)), (Some(4), vec!["eth0", "eth1"]), "{:?}", world.said());
}

#[test]
fn a_vlan_on_a_single_port_is_none_of_the_bond_that_follows() {
    let words = "bond=eth0,eth1 vlan=bond0.42:bond0 ip=bond0.42:dhcp bondstrap.fallback=single";
    let mut world = lonely(words);
    world.pass(500);
    assert!(world.view.links.named("bond0.42").is_some(), "{:?}", world.said());
    world.restart();
    world.pass(1_000);
    let lower = world.link("bond0.42").lower;
    assert_eq!(lower, Some(world.link("bond0").index), "{:?}", world.said());
    world.stop();
    assert!(world.view.links.named("bond0.42").is_none());
}

#[test]
fn auto_sets_up_what_has_its_name_and_no_other() {
    let mut world = World::new("bond=auto ip=bond0:none", true);
    world.nic(2, "eth0").nic(3, "eth1");
    world.view.udev.running = true;
    world.view.udev.handled.extend([2, 3]);
    for name in ["eth0", "eth1"] {
        world.link(name).wired = true;
    }
    world.look();
    world.pass(2_000);
    assert!(world.link("eth0").up && world.link("eth1").up, "{:?}", world.said());
    world.nic(4, "side-2-eth7");
    world.link("side-2-eth7").wired = true;
    world.look();
    world.on_wire(&[(4, pdu(7, Mac::ZERO))]);
    world.pass(300_000);
    assert!(world.outcome.is_none() && !world.by_index(4).up, "an installer may take its time");
    world.by_index(4).name = "eth2".into();
    world.look();
    world.pass(2_000);
    assert!(world.by_index(4).up, "udev had its time with it");
    world.nic(5, "eth3");
    world.link("eth3").wired = true;
    world.look();
    world.pass(2_000);
    assert!(!world.link("eth3").up, "udev has not finished with it");
    world.by_index(2).name = "eth9".into();
    world.view.udev.handled.insert(5);
    world.look();
    assert!(!world.link("eth3").up, "something was renamed a moment ago");
    let woken = world.engine.deadline().unwrap();
    assert!(woken <= world.now + 1_000, "{woken}");
    world.pass(1_000);
    assert!(world.link("eth3").up);
}
