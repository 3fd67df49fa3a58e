//! Bridges, VLANs on anything, NICs without a bond, names, MTUs, and static IPv6.

use std::net::IpAddr;

use super::world::World;
use crate::engine::state::Phase;
use crate::engine::types::{Action, Exit};
use crate::links::{Kind, LacpState};
use crate::mac::Mac;

fn machine(words: &str, nics: u32) -> World {
    let mut world = World::new(words, true);
    for nic in 0..nics {
        world.nic(2 + nic, &format!("eth{nic}"));
    }
    // Their indexes come after those of the NICs.
    world.look();
    world
}

fn online(words: &str, nics: u32) -> World {
    let mut world = machine(words, nics);
    world.pass(1_500);
    world.agree(true);
    world.pass(3_000);
    assert_eq!(world.engine.state(1, 1).phase, Phase::Online, "{:?}", world.said());
    world
}

/// Everything is given back: `before` is what was there.
fn gives_back(mut world: World, before: &crate::engine::types::View) {
    let found = world.engine.state(1, 1).found;
    let actions = crate::engine::undo::actions(&found, &world.view.links);
    world.perform(actions);
    assert_eq!(world.view.links, before.links);
    assert_eq!(world.view.addresses, before.addresses);
}

#[test]
fn a_bridge_over_the_bond_and_a_nic_takes_the_address() {
    let words = "bond=bond0:eth0,eth1 bridge=br0:bond0,eth2 ip=192.0.2.10::192.0.2.1:24::br0:none";
    let mut world = World::new(words, true);
    world.nic(2, "eth0").nic(3, "eth1").nic(4, "eth2");
    let before = world.view.clone();
    let world = online(words, 3);
    let bridge = world.view.links.named("br0").unwrap().clone();
    assert!(bridge.up);
    let bond = world.view.links.named("bond0").unwrap();
    assert_eq!(bridge.mac, bond.mac, "that of its first port");
    for port in ["bond0", "eth2"] {
        assert_eq!(world.view.links.named(port).unwrap().controller, Some(bridge.index), "{port}");
    }
    assert_eq!(world.view.addresses.len(), 1);
    assert_eq!(world.view.addresses[0].index, bridge.index);
    gives_back(world, &before);
}

#[test]
fn a_bridge_that_somebody_made_is_left_alone() {
    let mut world = World::new("bond=bond0:eth0,eth1 bridge=br0:bond0 ip=br0:dhcp", true);
    world.nic(2, "eth0").nic(3, "eth1").nic(4, "br0");
    world.link("br0").kind = Kind::Other("bridge".into());
    let before = world.view.clone();
    world.look();
    let outcome = world.outcome.clone().unwrap();
    assert_eq!(outcome.exit, Exit::Words);
    assert!(
        outcome.sentence.starts_with("br0 exists already and is not bondstrap's"),
        "{}",
        outcome.sentence
    );
    assert_eq!(world.view, before);
}

#[test]
fn a_nic_of_its_own_has_an_address_and_is_given_back() {
    let words =
        "bond=bond0:eth0,eth1 ip=bond0:none ip=192.0.2.10::192.0.2.1:24::eth2:none:1400:02:00:00:00:00:99";
    let mut world = World::new(words, true);
    world.nic(2, "eth0").nic(3, "eth1").nic(4, "eth2");
    let before = world.view.clone();
    let mut world = online(words, 3);
    let nic = world.link("eth2").clone();
    assert!(nic.up && nic.mtu == 1400);
    assert_eq!(nic.mac.unwrap().to_string(), "02:00:00:00:00:99");
    assert_eq!(world.view.addresses.len(), 1);
    gives_back(world, &before);
}

#[test]
fn nobody_is_asked_or_told_anything_with_a_mac_that_is_about_to_change() {
    let wanted = Mac([2, 0, 0, 0, 0, 0x99]);
    let nic = |refuse: fn(&Action) -> Option<i32>| {
        let words = "bond=bond0:eth0,eth1 ip=bond0:none ip=eth2:dhcp:1500:02:00:00:00:00:99";
        let mut world = World::new(words, false);
        world.nic(2, "eth0").nic(3, "eth1").nic(4, "eth2");
        (world.link("eth2").up, world.refuse) = (true, refuse);
        world.look();
        world.pass(60_000);
        let sent = world.done.iter().filter_map(|(_, action)| match action {
            Action::Broadcast { payload, .. } => Some(Mac(payload[28..34].try_into().unwrap())),
            _ => None,
        });
        let sent: std::collections::BTreeSet<Mac> = sent.collect();
        sent.into_iter().collect::<Vec<_>>()
    };
    assert_eq!(nic(|_| None), [wanted]);
    let refuse = |action: &Action| matches!(action, Action::SetLink { .. }).then_some(95);
    assert_eq!(nic(refuse), [Mac([2, 0, 0, 0, 0, 4])], "a driver that can't: with the one that it has");
}

#[test]
fn where_the_mac_follows_the_active_port_the_present_one_is_announced() {
    let words = "bond=bond0:eth0,eth1:mode=active-backup,fail_over_mac=active \
                 ip=192.0.2.10::192.0.2.1:255.255.255.0::bond0:none";
    let mut world = World::of_two(words, false);
    world.pass(5_000);
    let announced = |world: &World| {
        world.done.iter().rev().find_map(|(_, action)| match action {
            Action::Announce { mac, .. } => Some(*mac),
            _ => None,
        })
    };
    let mac = world.link("bond0").mac;
    assert_eq!(announced(&world), mac, "{:?}", world.said());
    // Both ports lose their cables, and the other comes back.
    for (eth0, eth1) in [(false, false), (false, true)] {
        for (name, carrier) in [("eth0", eth0), ("eth1", eth1)] {
            let link = world.link(name);
            link.carrier = carrier;
            link.port.iter_mut().for_each(|side| side.link_up = carrier);
        }
        world.link("bond0").mac = Some(Mac([2, 0, 0, 0, 0, 3]));
        world.look();
        world.pass(5_000);
    }
    assert_eq!(announced(&world), Some(Mac([2, 0, 0, 0, 0, 3])));
}

#[test]
fn a_nic_that_is_not_there_holds_nobody_up_and_one_without_a_cable_does() {
    let words = "bond=bond0:eth0,eth1 ip=bond0:none ip=192.0.2.10:::24::eth2:none rd.net.timeout.iflink=5";
    let mut world = machine(words, 2);
    world.pass(5_500);
    world.agree(true);
    assert_eq!(world.engine.state(1, 1).phase, Phase::Online, "{:?}", world.said());
    assert!(world.said().contains(&"going on without eth2: not there after 5 s; there are only eth0, eth1"));
    world.nic(7, "eth2");
    world.look();
    world.pass(1_000);
    assert_eq!(world.view.addresses.len(), 1, "it is addressed when it comes");

    let mut dead = World::new(words, true);
    dead.nic(2, "eth0").nic(3, "eth1").nic(4, "eth2");
    dead.link("eth2").carrier = false;
    dead.look();
    dead.agree(true);
    assert!(dead.engine.waiting().unwrap().what.starts_with("carrier on eth2"));
    dead.pass(36_000);
    let outcome = dead.outcome.clone().unwrap();
    assert_eq!(outcome.exit, Exit::NoPartner);
    assert!(outcome.sentence.starts_with("no carrier on eth2 within 35 s"), "{}", outcome.sentence);
}

#[test]
fn without_anything_to_address_it_is_not_online() {
    let bond = "bond=bond0:eth0,eth1 rd.net.timeout.iflink=5 bondstrap.lacp_timeout=9";
    let names = "check the names in the boot line, or whether the NIC's driver is in the image";
    let vlan = "no vlan= builds bond0.42: write vlan=bond0.42:bond0";
    let nics = "there are only eth0, eth1";
    let late = |name: &str, advice: &str| format!("{name} did not appear within 5 s; {nics}; {advice}");
    let gone = |what: &str, advice: &str| format!("{what}, is not there; {nics}; {advice}");
    let addressed = |name: &str, advice: &str| gone(&format!("{name}, which is to get an address"), advice);
    let beneath = gone("bond7, on which bond7.42 stands", names);
    for (words, ended, told) in [
        ("ip=bond0.42:dhcp", late("bond0.42", vlan), addressed("bond0.42", vlan)),
        ("ip=192.0.2.10:::24::eth2:none", late("eth2", names), addressed("eth2", names)),
        (
            "ip=BOOTIF:dhcp BOOTIF=01-02-00-00-00-00-99",
            late("02:00:00:00:00:99", names),
            addressed("02:00:00:00:00:99", names),
        ),
        ("vlan=bond7.42:bond7 ip=bond7.42:dhcp", beneath.clone(), beneath),
    ] {
        for limited in [true, false] {
            let mut world = World::of_two(&format!("{bond} {words}"), limited);
            world.pass(6_000);
            if world.outcome.is_none() {
                world.agree(true);
            }
            world.pass(20_000);
            let state = world.engine.state(1, 1);
            assert!(!state.came_online, "{words}");
            let (exit, expected) = if limited {
                (world.outcome.map(|outcome| outcome.exit as u8), &ended)
            } else {
                (state.exit, &told)
            };
            assert_eq!((exit, &state.sentence), (Some(Exit::NoPorts as u8), expected), "{words}");
        }
    }
    // Whoever makes it later has what was asked for.
    let mut world = World::of_two(&format!("{bond} ip=192.0.2.10:::24::eth2:none"), false);
    world.pass(30_000);
    world.agree(true);
    assert!(world.engine.waiting().expect("it waits").what.starts_with("eth2 to appear"));
    world.nic(7, "eth2");
    world.look();
    world.pass(3_000);
    assert_eq!(world.engine.state(1, 1).phase, Phase::Online);
}

#[test]
fn names_of_the_words_come_first_also_round_in_a_circle() {
    let words =
        "bond=bond0:lan0,lan1 ifname=lan0:02:00:00:00:00:02 ifname=lan1:02:00:00:00:00:03 ip=bond0:none";
    let mut world = World::new(words, true);
    world.nic(2, "eth0").nic(3, "eth1");
    world.link("eth1").up = true;
    let before = world.view.clone();
    world.look();
    world.pass(100);
    assert!(world.view.links.named("lan0").is_some() && world.view.links.named("lan1").is_some());
    assert!(
        world.place(|action| matches!(action, Action::Rename { .. })) < world.place(Action::touches_bonds)
    );
    assert_eq!(world.stop().exit, Exit::Unexpected);
    assert_eq!(world.view, before);

    let swap =
        "bond=bond0:eth0,eth1 ifname=eth1:02:00:00:00:00:02 ifname=eth0:02:00:00:00:00:03 ip=bond0:none";
    let mut world = World::new(swap, true);
    world.nic(2, "eth0").nic(3, "eth1");
    let before = world.view.clone();
    world.look();
    world.pass(500);
    let name = |index| world.view.links.get(index).unwrap().name.clone();
    assert_eq!((name(2), name(3)), ("eth1".into(), "eth0".into()));
    world.stop();
    assert_eq!(world.view, before);
}

#[test]
fn a_large_mtu_goes_up_from_the_bottom() {
    let words = "bond=bond0:eth0,eth1 vlan=bond0.42:bond0 ip=192.0.2.10:::24::bond0.42:none:9000";
    let mut world = online(words, 2);
    assert_eq!((world.link("bond0").mtu, world.link("bond0.42").mtu), (9000, 9000));
}

#[test]
fn ipv6_is_set_with_its_router_and_announced() {
    let words = "bond=eth0,eth1 ip=[2001:db8::10]::[2001:db8::1]:64::bond0:none ip=192.0.2.10::192.0.2.1:24::bond0:none \
                 rd.route=[2001:db8:1::]/48:[2001:db8::2] rd.route=198.51.100.0/24:192.0.2.2";
    let mut world = online(words, 2);
    let routes: Vec<String> = world
        .done
        .iter()
        .filter_map(|(_, action)| match action {
            Action::AddRoute { to, via, onlink: false, .. } => Some(format!("{to} {}", via.unwrap())),
            _ => None,
        })
        .collect();
    assert_eq!(
        routes,
        [
            "0.0.0.0/0 192.0.2.1",
            "198.51.100.0/24 192.0.2.2",
            "::/0 2001:db8::1",
            "2001:db8:1::/48 2001:db8::2",
        ]
    );
    let announced = |action: &Action| matches!(action, Action::Announce { address: IpAddr::V6(_), .. });
    world.place(announced);
    let state = world.engine.state(1, 1);
    assert_eq!(state.addresses.len(), 2);
    world.view.addresses.retain(|found| found.address.is_ipv4());
    world.look();
    assert_eq!(world.view.addresses.len(), 2, "what is taken away comes back");
}

#[test]
fn what_somebody_undoes_is_put_back_with_a_sentence() {
    let words = "bond=bond0:eth0,eth1 bridge=br0:bond0,eth2 vlan=br0.5:br0 ip=192.0.2.10:::24::br0.5:none \
                 ip=192.0.2.20:::24::eth3:none";
    let mut world = online(words, 4);
    let index = |world: &mut World, name: &str| world.link(name).index;
    for (name, line) in [
        ("br0.5", "br0.5 was set down by something else: setting it up again"),
        ("br0", "br0 was set down by something else: setting it up again"),
        ("eth3", "eth3 was set down by something else: setting it up again"),
        ("-br0.5", "br0.5 was deleted by something else: making it again"),
        ("-br0", "br0 was deleted by something else: making it again"),
        ("/eth2", "eth2 was taken out of br0 by something else: putting it back"),
    ] {
        // Long enough for it to be forgotten.
        world.pass(70_000);
        let begin = world.said().len();
        if let Some(name) = name.strip_prefix('-') {
            let index = index(&mut world, name);
            world.perform(vec![Action::Delete(index)]);
        } else if let Some(name) = name.strip_prefix('/') {
            world.link(name).controller = None;
        } else {
            world.link(name).up = false;
        }
        world.look();
        world.pass(2_000);
        let told = world.said()[begin..].iter().filter(|told| **told == line).count();
        assert_eq!(told, 1, "{line}: {:?}", &world.said()[begin..]);
        assert!(world.link("br0").up && world.link("br0.5").up && world.link("eth3").up);
    }
}

#[test]
fn what_the_kernel_refuses_for_ever_is_told_once() {
    let words = "bond=bond0:eth0,eth1 vlan=bond0.5:bond0 ip=192.0.2.10:::24::bond0.5:none ip=eth2:none:9000";
    let mut world = World::new(words, false);
    world.nic(2, "eth0").nic(3, "eth1").nic(4, "eth2");
    world.look();
    world.refuse = |action| {
        let refused = matches!(action, Action::CreateVlan { .. } | Action::SetLink { mtu: Some(9_000), .. });
        refused.then_some(95)
    };
    world.link("bond0").up = true;
    world.agree(true);
    let vlan = world.link("bond0.5").index;
    world.link("eth2").mtu = 1_500;
    world.perform(vec![Action::Delete(vlan)]);
    world.look();
    world.pass(600_000);
    for what in ["refused to make bond0.5", "giving eth2 MTU 9000"] {
        let told = world.said().iter().filter(|line| line.contains(what)).count();
        assert_eq!(told, 1, "{what}: {:?}", world.said());
    }
    let state = world.engine.state(1, 1);
    assert!(state.sentence.starts_with("the kernel refused to make bond0.5"), "{}", state.sentence);
}

#[test]
fn two_bonds_and_one_default_route() {
    let words = "bond=bond0:eth0,eth1 bond=bond1:eth2,eth3 ip=192.0.2.10::192.0.2.1:24::bond0:none \
                 ip=198.51.100.10::198.51.100.1:24::bond1:none";
    let world = online(words, 4);
    let first = world.view.links.named("bond0").unwrap().index;
    assert_eq!(world.view.addresses.len(), 2);
    let defaults: Vec<u32> = world.view.defaults.iter().map(|route| route.index).collect();
    assert_eq!(defaults, [first], "that of the first");
    assert!(world.said().contains(&"the default route stays with bond0, so the router of bond1 is left out"));
}

#[test]
fn all_means_wired_nics_that_nobody_uses() {
    let mut world = World::new("bond=all ip=bond0:none", true);
    world.nic(2, "eth0").nic(3, "eth1").nic(4, "usb0").nic(5, "eth2");
    for name in ["eth0", "eth1", "eth2"] {
        world.link(name).wired = true;
    }
    world.link("eth2").addressed = true;
    world.look();
    world.pass(500);
    let bond = world.link("bond0").index;
    let ports: Vec<&str> = world.view.links.ports_of(bond).map(|port| port.name.as_str()).collect();
    assert_eq!(ports, ["eth0", "eth1"]);
}

#[test]
fn ports_of_different_speeds_are_told_once() {
    let mut world = World::of_two("bond=eth0,eth1 ip=bond0:none", true);
    world.link("eth0").speed = Some(1_000);
    world.link("eth1").speed = Some(10_000);
    for there in [true, false, true] {
        world.agree(there);
        // Of two speeds one is in the LAG.
        world.link("eth1").port.as_mut().expect("it is a port").actor = LacpState(0x47);
        world.look();
        world.pass(2_000);
    }
    let told: Vec<&str> = world.said().into_iter().filter(|line| line.contains("one speed")).collect();
    let expected = "a LAG takes ports of one speed only, and bond0 has ports of several (eth0: 1000 Mbit/s, eth1: 10000 Mbit/s); use ports of one speed, or name those of one speed in bond=";
    assert_eq!(told, [expected]);
}

impl Action {
    fn touches_bonds(&self) -> bool {
        matches!(self, Self::CreateBond { .. } | Self::Enslave { .. })
    }
}
