//! Anything may happen, in any order: no storm of actions, no wake-up for nothing, and it recovers.

use proptest::prelude::*;

use super::world::World;
use crate::engine::state::Phase;

const STATIC: &str = "bond=eth0,eth1 ip=192.0.2.10::192.0.2.1:255.255.255.0::bond0:none";
const DHCP: &str = "bond=eth0,eth1 ip=dhcp";

/// Most actions on links in any minute, with two ports that somebody fights over.
const MOST_A_MINUTE: usize = 120;

#[derive(Clone, Copy, Debug)]
pub(super) enum Mischief {
    Cable { port: usize, plugged: bool },
    Partner(bool),
    TakenOut(usize),
    PortDown(usize),
    BondDown,
    BondDeleted,
    Renamed(usize),
    Unplugged(usize),
    Time(u64),
}

pub(super) fn mischief() -> impl Strategy<Value = Mischief> {
    use Mischief::*;
    prop_oneof![
        (0..2_usize, any::<bool>()).prop_map(|(port, plugged)| Cable { port, plugged }),
        any::<bool>().prop_map(Partner),
        (0..2_usize).prop_map(TakenOut),
        (0..2_usize).prop_map(PortDown),
        Just(BondDown),
        Just(BondDeleted),
        (0..2_usize).prop_map(Renamed),
        (0..2_usize).prop_map(Unplugged),
        (1..8_000_u64).prop_map(Time),
    ]
}

/// Does it, if it can be done to the world as it is.
pub(super) fn happen(world: &mut World, what: Mischief) {
    let index_of = |port: usize| port as u32 + 2;
    let bond = world.view.links.named("bond0").map(|link| link.index);
    let links = &mut world.view.links.0;
    match what {
        Mischief::Cable { port, plugged } => {
            for link in links.iter_mut().filter(|link| link.index == index_of(port)) {
                link.carrier = plugged;
                if let Some(side) = &mut link.port {
                    side.link_up = plugged;
                }
            }
        }
        Mischief::Partner(there) => world.agree(there),
        Mischief::TakenOut(port) => {
            for link in links.iter_mut().filter(|link| link.index == index_of(port)) {
                (link.controller, link.port) = (None, None);
            }
        }
        Mischief::PortDown(port) => {
            links.iter_mut().filter(|link| link.index == index_of(port)).for_each(|link| link.up = false);
        }
        Mischief::BondDown => {
            links.iter_mut().filter(|l| Some(l.index) == bond).for_each(|link| link.up = false)
        }
        Mischief::BondDeleted => {
            links.retain(|link| Some(link.index) != bond);
            for link in links.iter_mut().filter(|link| bond.is_some() && link.controller == bond) {
                (link.controller, link.port) = (None, None);
            }
        }
        Mischief::Renamed(port) => {
            for link in links.iter_mut().filter(|link| link.index == index_of(port)) {
                link.name = if link.name.starts_with("side") {
                    format!("eth{port}")
                } else {
                    format!("side-{port}-x")
                };
            }
        }
        Mischief::Unplugged(port) => {
            let before = links.len();
            links.retain(|link| link.index != index_of(port));
            if links.len() == before {
                world.nic(index_of(port), &format!("eth{port}"));
            }
        }
        Mischief::Time(millis) => world.pass(millis),
    }
    world.look();
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(64) })]

    #[test]
    fn whatever_happens(leased in any::<bool>(), events in prop::collection::vec(mischief(), 1..60)) {
        let mut world = World::of_two(if leased { DHCP } else { STATIC }, false);
        for event in events {
            happen(&mut world, event);
            prop_assert!(world.outcome.is_none(), "without limits nothing ends it: {:?}", world.outcome);
        }
        let times: Vec<u64> =
            world.done.iter().filter(|(_, action)| action.touches_links()).map(|(at, _)| *at).collect();
        for (first, at) in times.iter().enumerate() {
            let within = times[first..].iter().take_while(|other| **other < at + 60_000).count();
            prop_assert!(within <= MOST_A_MINUTE, "{within} actions on links in a minute");
        }
        // Everything is put right again: it comes online, or goes on asking for a lease.
        world.mend();
        // A port that comes late to a bond that is online is seen at the next look, ten seconds later at most.
        world.pass(11_000);
        let state = world.engine.state(1, 1);
        prop_assert!(state.ports.iter().all(|port| port.ready), "{state:?}");
        prop_assert_eq!(state.phase, if leased { Phase::Dhcp } else { Phase::Online });
    }
}
