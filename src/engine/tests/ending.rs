//! What ends the work, what does not, and what is left when giving back fails.

use super::world::World;
use crate::engine::state::{FoundAddress, FoundDefault, Phase};
use crate::engine::types::{Action, Exit};
use crate::links::Kind;

const STATIC: &str = "bond=eth0,eth1 ip=192.0.2.10::192.0.2.1:255.255.255.0::bond0:none";
const ENODEV: i32 = 19;

fn two_nics(words: &str, limited: bool) -> World {
    let mut world = World::new(words, limited);
    world.nic(2, "eth0").nic(3, "eth1");
    world
}

fn online(words: &str) -> World {
    let mut world = two_nics(words, true);
    world.look();
    world.partner(&["eth0", "eth1"]);
    world.look();
    assert_eq!(world.engine.state(1, 1).phase, Phase::Online);
    world
}

#[test]
fn what_was_made_in_the_same_breath_is_given_back_too() {
    let mut world = World::new("bond=bond0:eth0 bond=bond1:eth1 ip=bond0:dhcp", true);
    world.nic(2, "eth0").nic(3, "eth1");
    world.refuse =
        |action| matches!(action, Action::CreateBond { name, .. } if name == "bond1").then_some(95);
    world.look();
    assert_eq!(world.outcome.clone().unwrap().exit, Exit::Refused);
    assert!(world.view.links.named("bond0").is_none(), "made just before");
}

#[test]
fn a_giving_back_that_fails_is_told_and_kept() {
    let mut world = two_nics(STATIC, true);
    world.look();
    world.refuse = |action| matches!(action, Action::Delete(_)).then_some(16);
    let outcome = world.stop();
    assert!(outcome.sentence.ends_with("(not given back: deleting bond0: no)"), "{}", outcome.sentence);
    let state = world.engine.state(1, 1);
    assert_eq!(state.found.bonds.len(), 1, "`down` can try again");

    let mut fine = two_nics(STATIC, true);
    fine.look();
    fine.stop();
    let state = fine.engine.state(1, 1);
    assert!(state.found == Default::default() && state.bonds.is_empty() && state.ports.is_empty());
}

#[test]
fn ports_that_go_again_end_the_building() {
    let mut world = two_nics(STATIC, true);
    world.refuse_enslave = 2;
    let view = world.view.clone();
    world.engine.step(world.now, crate::engine::types::Event::View(&view));
    world.view.links.0.clear();
    world.look();
    world.pass(31_000);
    let outcome = world.outcome.clone().unwrap();
    assert_eq!(outcome.exit, Exit::NoPorts);
    assert!(
        outcome.sentence.contains("have gone again, for 30 s by now; there is no NIC at all"),
        "{}",
        outcome.sentence
    );
}

#[test]
fn what_is_online_is_not_taken_away_for_a_vlan() {
    let mut world = two_nics(
        "bond=eth0,eth1 vlan=bond0.42:bond0 ip=192.0.2.10::192.0.2.1:255.255.255.0::bond0.42:none",
        true,
    );
    world.look();
    world.partner(&["eth0", "eth1"]);
    world.look();
    assert_eq!(world.engine.state(1, 1).phase, Phase::Online);
    world.link("bond0.42").kind = Kind::Vlan(43);
    world.look();
    assert!(world.outcome.is_none());
    let told = world
        .said()
        .iter()
        .filter(|line| line.contains("bond0.42 exists already and is not VLAN 42"))
        .count();
    world.pass(60_000);
    assert_eq!(told, 1, "{:?}", world.said());
    assert!(world.view.links.named("bond0").is_some());
}

#[test]
fn a_link_that_was_down_gets_its_routes_again() {
    let mut world = online(STATIC);
    let routes = |world: &World| world.count(|action| matches!(action, Action::AddRoute { .. }));
    let (before, names) = (routes(&world), world.count(|action| matches!(action, Action::Resolver { .. })));
    world.link("bond0").up = false;
    world.look();
    world.pass(300);
    assert!(world.link("bond0").up, "set up again");
    assert_eq!(routes(&world), before + 1);
    assert_eq!(
        world.count(|action| matches!(action, Action::Resolver { .. })),
        names,
        "names have not changed"
    );
}

#[test]
fn a_refused_default_route_is_no_router() {
    let mut world = two_nics(STATIC, true);
    world.refuse = |action| matches!(action, Action::AddRoute { .. }).then_some(ENODEV);
    world.look();
    world.partner(&["eth0"]);
    world.look();
    assert_eq!(world.engine.state(1, 1).gateway, None);
    assert!(
        world.said().iter().any(|line| line.starts_with("the kernel refused the default route on bond0"))
    );
}

#[test]
fn what_a_port_had_is_put_aside_and_given_back() {
    let mut world = two_nics(STATIC, true);
    let address = FoundAddress {
        index: 3,
        address: "203.0.113.2/24".parse().unwrap(),
        broadcast: None,
        lifetime: None,
    };
    let route =
        |index, metric| FoundDefault { index, via: None, source: None, metric, onlink: false, protocol: 3 };
    world.view.addresses = vec![address.clone(), FoundAddress { index: 9, ..address.clone() }];
    world.view.defaults = vec![route(3, 0), route(9, 0), route(9, 100)];
    world.look();
    assert!(world.said().iter().any(|line| line.starts_with("eth1 has 203.0.113.2/24")));
    world.place(|action| matches!(action, Action::DelAddress { index: 3, .. }));
    world.partner(&["eth0"]);
    world.look();
    let found = world.engine.state(1, 1).found;
    assert_eq!(found.addresses, [address]);
    assert_eq!(found.defaults, [route(3, 0), route(9, 0)], "of the port, and the one that ours replaced");
}

#[test]
fn an_option_that_names_an_absent_port_waits_for_it() {
    let words = "bond=bond0:eth0,eth1:mode=active-backup,primary=eth1 rd.net.timeout.iflink=2";
    let mut world = World::new(words, true);
    world.nic(2, "eth0");
    world.look();
    world.pass(3_000);
    assert!(world.link("bond0").up);
    assert_eq!(world.count(|action| matches!(action, Action::SetOptions { .. })), 0);
    world.nic(3, "eth1");
    world.look();
    world.pass(2_000);
    world.place(|action| matches!(action, Action::SetOptions { options, .. } if options[0].0 == "primary"));
}
