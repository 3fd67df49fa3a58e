//! From ports to a bond that is up, and giving it back.

use super::world::World;
use crate::engine::types::{Action, Exit};
use crate::links::{Bond, Kind, Link};

const STATIC: &str =
    "bond=eth0,eth1 ip=192.0.2.10::192.0.2.1:255.255.255.0:host1:bond0:none nameserver=192.0.2.53";

fn two_nics(words: &str, limited: bool) -> World {
    let mut world = World::new(words, limited);
    world.nic(2, "eth0").nic(3, "eth1");
    world
}

fn module_bond(ports: &[&str]) -> World {
    let mut world = two_nics(STATIC, true);
    let kind = Kind::Bond(Box::new(Bond { mode: 0, ..Bond::default() }));
    world.view.links.0.push(Link { index: 7, name: "bond0".into(), kind, ..Link::default() });
    for port in ports {
        world.link(port).controller = Some(7);
    }
    world
}

#[test]
fn ports_first_then_up() {
    let mut world = two_nics(STATIC, true);
    world.look();
    let create = world.place(|action| matches!(action, Action::CreateBond { mode: 4, .. }));
    let last_port = world.place(|action| *action == Action::Enslave { port: 3, bond: 4 });
    let up = world.place(|action| *action == Action::Up(4));
    assert!(create < last_port && last_port < up);
    assert_eq!(world.link("bond0").mac, Some("02:00:00:00:00:02".parse().unwrap()), "the first port's");
}

#[test]
fn names_before_addresses_before_routes() {
    let mut world = two_nics(STATIC, true);
    world.look();
    assert_eq!(world.count(|action| matches!(action, Action::AddAddress { .. })), 0, "not without a partner");
    world.partner(&["eth0"]);
    world.look();
    let order = [
        world.place(|action| matches!(action, Action::Resolver { servers, .. } if servers.len() == 1)),
        world.place(
            |action| matches!(action, Action::HostName { name, only_if_unset: false } if name == "host1"),
        ),
        world.place(|action| matches!(action, Action::AddAddress { lifetime: None, .. })),
        world.place(|action| matches!(action, Action::AddRoute { via: Some(_), onlink: false, .. })),
        world.place(|action| matches!(action, Action::Announce { .. })),
        world.place(|action| *action == Action::Online),
    ];
    assert!(order.is_sorted(), "{order:?}");
}

#[test]
fn the_module_s_own_bond_is_taken_over_and_given_back() {
    let mut world = module_bond(&[]);
    world.look();
    assert_eq!(world.count(|action| matches!(action, Action::CreateBond { .. })), 0);
    world.place(|action| matches!(action, Action::TakeOver { index: 7, mode: 4, .. }));
    world.place(|action| *action == Action::Up(7));
    world.stop();
    world.place(|action| matches!(action, Action::CreateBond { mode: 0, options, .. } if options.is_empty()));
}

#[test]
fn a_bond_made_while_the_module_loads_is_ours() {
    let mut world = two_nics(STATIC, true);
    world.look();
    let kind = Kind::Bond(Box::default());
    let mut again = two_nics(STATIC, true);
    // The first look saw none; the create then finds one of that name.
    let view = again.view.clone();
    let actions = again.engine.step(again.now, crate::engine::types::Event::View(&view));
    assert!(actions.iter().any(|action| matches!(action, Action::CreateBond { .. })));
    again.view.links.0.push(Link { index: 7, name: "bond0".into(), kind, ..Link::default() });
    let create = actions.iter().find(|action| matches!(action, Action::CreateBond { .. })).unwrap();
    let refusal = crate::engine::types::Refusal { errno: 17, text: "File exists".into() };
    again.engine.step(again.now, crate::engine::types::Event::Failed { action: create, refusal: &refusal });
    again.look();
    again.place(|action| matches!(action, Action::TakeOver { index: 7, mode: 4, .. }));
    again.stop();
    assert!(again.view.links.named("bond0").is_none(), "it was not there before");
}

#[test]
fn a_foreign_bond_is_left_alone() {
    let mut world = module_bond(&["eth1"]);
    let before = world.view.clone();
    world.look();
    let outcome = world.outcome.clone().unwrap();
    assert_eq!(outcome.exit, Exit::Words);
    assert!(
        outcome.sentence.contains("bond0 exists already with ports") && outcome.sentence.contains("eth1")
    );
    assert_eq!(world.view, before);
    assert!(!world.done.iter().any(|(_, action)| action.touches_links()));
}

#[test]
fn a_port_of_something_else_is_an_error() {
    let mut world = two_nics(STATIC, true);
    world.link("eth1").controller = Some(99);
    world.look();
    let outcome = world.outcome.clone().unwrap();
    assert_eq!(outcome.exit, Exit::Words);
    assert!(outcome.sentence.starts_with("eth1 is a port of"), "{}", outcome.sentence);
    assert!(world.view.links.named("bond0").is_none(), "nothing stays");
}

#[test]
fn the_up_storm_is_won_by_trying() {
    let mut world = two_nics(STATIC, true);
    world.refuse_enslave = 7;
    world.look();
    world.pass(3_000);
    assert!(world.link("bond0").up);
    assert_eq!(world.link("eth0").controller, Some(4));
    let tries = world.count(|action| matches!(action, Action::Enslave { .. }));
    assert_eq!(tries, 9);
}

#[test]
fn ports_that_never_join_are_the_kernel_s_refusal() {
    let mut world = two_nics(STATIC, true);
    world.refuse_enslave = u32::MAX;
    world.link("eth0").up = true;
    world.look();
    world.pass(20_000);
    let outcome = world.outcome.clone().unwrap();
    assert_eq!(outcome.exit, Exit::Refused);
    assert!(outcome.sentence.contains("eth0: no, eth1: no"), "{}", outcome.sentence);
    assert!(world.view.links.named("bond0").is_none());
    assert!(world.link("eth0").up, "as it was found");
    assert!(world.count(|action| matches!(action, Action::Enslave { .. })) < 40, "no storm of ours");
}

#[test]
fn options_that_old_kernels_choke_on_come_after_the_ports() {
    let mut world = two_nics("bond=bond0:eth0,eth1:mode=802.3ad,ad_actor_sys_prio=1000,miimon=50", true);
    world.look();
    world.place(|action| {
        matches!(action, Action::CreateBond { options, .. } if options.iter().all(|(name, _)| *name != "ad_actor_sys_prio"))
    });
    let late =
        world.place(|action| matches!(action, Action::SetOptions { options, .. } if options.len() == 1));
    let port = world.place(|action| matches!(action, Action::Enslave { .. }));
    let up = world.place(|action| *action == Action::Up(4));
    assert!(port < late && late < up);
    assert!(!world.said().iter().any(|line| line.contains("ignored")));
}

#[test]
fn a_silently_ignored_option_is_told() {
    let mut world = two_nics("bond=bond0:eth0,eth1:lacp_active=0", true);
    world.look();
    let mut again = two_nics("bond=bond0:eth0,eth1:lacp_active=0", true);
    again.refuse_enslave = 1;
    again.look();
    let Kind::Bond(bond) = &mut again.link("bond0").kind else { panic!() };
    bond.options.retain(|(name, _)| *name != "lacp_active");
    again.pass(1_000);
    assert!(!world.said().iter().any(|line| line.contains("ignored")));
    assert!(again.said().contains(&"kernel 6.1 ignored the bond option lacp_active=0"), "{:?}", again.said());
}

#[test]
fn vlans_stand_on_a_bond_that_is_up_and_go_first() {
    let mut world = two_nics("bond=eth0,eth1 vlan=bond0.42:bond0 ip=bond0.42:dhcp", true);
    world.look();
    let up = world.place(|action| *action == Action::Up(4));
    let vlan = world.place(|action| matches!(action, Action::CreateVlan { lower: 4, id: 42, .. }));
    assert!(up < vlan);
    world.partner(&["eth0", "eth1"]);
    world.look();
    world.place(|action| *action == Action::OpenDhcp(5));
    world.stop();
    let gone = world.place(|action| *action == Action::Delete(5));
    assert!(gone < world.place(|action| *action == Action::Delete(4)));
}

#[test]
fn repairs_what_others_undo_without_a_storm() {
    let mut world = two_nics(STATIC, true);
    world.look();
    world.partner(&["eth0", "eth1"]);
    world.look();
    let before = world.done.len();
    // Somebody takes a port out, every tenth of a second, for a minute.
    for _ in 0..600 {
        let port = world.link("eth1");
        (port.controller, port.port) = (None, None);
        world.look();
        world.pass(100);
    }
    let tries =
        world.done[before..].iter().filter(|(_, action)| matches!(action, Action::Enslave { .. })).count();
    assert!((5..120).contains(&tries), "{tries}");
    world.pass(60_000);
    assert_eq!(world.link("eth1").controller, Some(4), "and wins in the end");
}
