//! Three hours behind DHCP servers that come and go, with cables, switches and engines that do too.

use std::collections::BTreeMap;
use std::net::IpAddr;

use proptest::prelude::*;

use super::lan::{Lan, Server};
use super::random::{Mischief, happen, mischief};
use super::world::World;
use crate::clock::Millis;
use crate::dhcp::v4::probe::announcement;
use crate::engine::state::Phase;
use crate::engine::types::{Action, Event};
use crate::mac::Mac;

const HOURS: Millis = 3 * 3_600_000;
/// Most DHCP frames within so many milliseconds: a switch that guards against storms shuts the port.
const FRAMES: [(Millis, usize); 2] = [(1_000, 6), (5_000, 10)];
/// Most actions of any kind, lines of the log included, in any minute with one misfortune in it.
const MOST_A_MINUTE: usize = 150;

#[derive(Clone, Copy, Debug)]
enum Turn {
    Mischief(Mischief),
    /// A server stops, or starts.
    Serves(usize, bool),
    /// A server gives addresses of another range, and knows nothing of the old one.
    Moves(usize, u8),
    /// Leases of so many seconds from now on.
    Term(usize, u32),
    /// So many of a hundred frames are lost.
    Loss(u8),
    /// The engine is killed, and another takes its place.
    Killed,
    /// Another machine claims whatever address there is.
    Claimed,
}

fn turn() -> impl Strategy<Value = Turn> {
    prop_oneof![
        4 => mischief().prop_map(Turn::Mischief),
        2 => (0..2_usize, any::<bool>()).prop_map(|(server, on)| Turn::Serves(server, on)),
        1 => (0..2_usize, 1..3_u8).prop_map(|(server, range)| Turn::Moves(server, range)),
        1 => (0..2_usize, prop_oneof![Just(30), 60..600_u32, 600..20_000_u32]).prop_map(|(server, term)| Turn::Term(server, term)),
        1 => prop_oneof![Just(0), 0..60_u8].prop_map(Turn::Loss),
        1 => Just(Turn::Killed),
        1 => Just(Turn::Claimed),
    ]
}

fn take(world: &mut World, lan: &mut Lan, turn: Turn) {
    match turn {
        Turn::Mischief(Mischief::Time(_)) => {}
        Turn::Mischief(what) => happen(world, what),
        Turn::Serves(server, on) => lan.servers[server].serves = on,
        Turn::Moves(server, range) => lan.servers[server].range = range,
        Turn::Term(server, term) => lan.servers[server].term = term,
        Turn::Loss(percent) => lan.loss = percent,
        Turn::Killed => world.restart(),
        Turn::Claimed => claim(world, lan),
    }
    lan.follow(world);
}

fn claim(world: &mut World, lan: &Lan) {
    for (index, addresses) in lan.addresses() {
        for address in addresses {
            let IpAddr::V4(address) = address else { continue };
            let packet = announcement(Mac([2, 0, 0, 0, 0, 0x99]), address);
            let actions = world.engine.step(world.now, Event::Arp { index, packet: &packet });
            if world.perform(actions) {
                world.look();
            }
        }
    }
}

/// Most of `times` within any `span`.
fn densest(times: &[Millis], span: Millis) -> usize {
    let mut first = 0;
    let mut most = 0;
    for (last, at) in times.iter().enumerate() {
        while times[first] + span <= *at {
            first += 1;
        }
        most = most.max(last + 1 - first);
    }
    most
}

fn times(world: &World, like: impl Fn(&Action) -> bool) -> Vec<Millis> {
    world.done.iter().filter(|(_, action)| like(action)).map(|(at, _)| *at).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(24) })]

    #[test]
    fn three_hours(turns in prop::collection::vec((turn(), 1_000..900_000_u64), 1..40), seed in any::<u64>()) {
        let mut world = World::of_two("bond=eth0,eth1 ip=dhcp", false);
        world.agree(true);
        let mut lan = Lan::new(seed);
        let begun = world.now;
        let mut turns = turns.into_iter().cycle();
        while world.now < begun + HOURS {
            if let Some((turn, pause)) = turns.next() {
                take(&mut world, &mut lan, turn);
                lan.pass(&mut world, pause)?;
            }
            prop_assert!(world.outcome.is_none(), "without limits nothing ends it: {:?}", world.outcome);
        }

        let frames = times(&world, |action| matches!(action, Action::Broadcast { .. } | Action::Unicast { .. }));
        for (span, most) in FRAMES {
            // A new engine knows nothing of what the old one sent in its last second.
            let most = if world.restarts > 0 { 2 * most } else { most };
            prop_assert!(densest(&frames, span) <= most, "{} frames within {span} ms", densest(&frames, span));
        }
        let busiest = densest(&times(&world, |_| true), 60_000);
        prop_assert!(busiest <= MOST_A_MINUTE, "{busiest} actions in a minute");

        // All is well again: within a while it is online, with an address of a server that is there.
        world.mend();
        lan.loss = 0;
        lan.servers = vec![Server::new(0)];
        lan.follow(&world);
        lan.pass(&mut world, 400_000)?;
        let state = world.engine.state(1, 1);
        prop_assert_eq!(state.phase, Phase::Online, "{:?}", world.said().iter().rev().take(9).collect::<Vec<_>>());
        let there: BTreeMap<u32, Vec<IpAddr>> = lan.addresses();
        prop_assert_eq!(there.values().flatten().count(), 1, "{:?}", there);
    }
}
