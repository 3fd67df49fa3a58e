//! From an OFFER to an address and what becomes of it: the probe, the MTU, the reasons. And a client to play with.

use std::net::Ipv4Addr;

use super::world::World;
use crate::dhcp::v4::probe::announcement;
use crate::engine::state::{Phase, State};
use crate::engine::types::{Action, Event, Exit};
use crate::mac::Mac;

pub(super) const DHCP: &str = "bond=eth0,eth1 ip=dhcp";
pub(super) const OFFER: u8 = 2;
pub(super) const ACK: u8 = 5;
pub(super) const NAK: u8 = 6;
const DECLINE: u8 = 4;
const ADDRESS: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 77);
const SOMEBODY: Mac = Mac([2, 0, 0, 0, 0, 0x99]);

/// A bond whose switch agrees: the first DISCOVER is out.
pub(super) fn asking(words: &str) -> World {
    let mut world = World::of_two(words, false);
    world.partner(&["eth0", "eth1"]);
    world.look();
    world
}

pub(super) fn leased(words: &str, options: &[(u8, &[u8])]) -> World {
    let mut world = asking(words);
    answer(&mut world, OFFER, &[]);
    answer(&mut world, ACK, options);
    assert_eq!(state(&world).phase, Phase::Online, "{:?}", world.said());
    world
}

pub(super) fn state(world: &World) -> State {
    world.engine.state(1, 1)
}

fn bond(world: &World) -> u32 {
    world.view.links.named("bond0").expect("the bond").index
}

/// What was broadcast last.
pub(super) fn last_sent(world: &World) -> &[u8] {
    let sent = world.done.iter().rev().find_map(|(_, action)| match action {
        Action::Broadcast { payload, .. } => Some(payload),
        _ => None,
    });
    sent.expect("something was sent")
}

pub(super) fn option(message: &[u8], code: u8) -> Option<&[u8]> {
    let mut rest = message.get(240..)?;
    while let [found, length, more @ ..] = rest {
        let (data, more) = more.split_at(usize::from(*length));
        if *found == code {
            return Some(data);
        }
        rest = more;
    }
    None
}

/// A server's answer to what was sent last, with further options: an hour, of 192.0.2.1.
pub(super) fn answer(world: &mut World, kind: u8, options: &[(u8, &[u8])]) {
    answer_for(world, kind, ADDRESS, options);
}

/// The same with another address.
pub(super) fn answer_for(world: &mut World, kind: u8, address: Ipv4Addr, options: &[(u8, &[u8])]) {
    let mut reply = vec![0; 240];
    reply[..3].copy_from_slice(&[2, 1, 6]);
    reply[4..8].copy_from_slice(&last_sent(world)[4..8]);
    reply[16..20].copy_from_slice(&address.octets());
    reply[20..24].copy_from_slice(&[192, 0, 2, 5]);
    reply[28..34].copy_from_slice(&last_sent(world)[28..34]);
    reply[236..].copy_from_slice(&[99, 130, 83, 99]);
    reply.extend([53, 1, kind, 54, 4, 192, 0, 2, 1]);
    if kind != NAK {
        reply.extend([51, 4, 0, 0, 14, 16, 1, 4, 255, 255, 255, 0, 3, 4, 192, 0, 2, 1]);
    }
    for (code, data) in options {
        reply.extend([*code, data.len() as u8]);
        reply.extend(*data);
    }
    let index = last_index(world);
    world.hear(index, &reply);
}

fn last_index(world: &World) -> u32 {
    let sent = world.done.iter().rev().find_map(|(_, action)| match action {
        Action::Broadcast { index, .. } => Some(*index),
        _ => None,
    });
    sent.expect("something was sent")
}

pub(super) fn arp(world: &mut World, packet: &[u8]) {
    let index = bond(world);
    let actions = world.engine.step(world.now, Event::Arp { index, packet });
    if world.perform(actions) {
        world.look();
    }
}

pub(super) fn is_probe(action: &Action) -> bool {
    matches!(action, Action::Probe { .. })
}

pub(super) fn adds(action: &Action) -> bool {
    matches!(action, Action::AddAddress { .. })
}

#[test]
fn the_probe_runs_beside_request_and_ack_and_costs_no_time() {
    let mut world = asking(DHCP);
    let (begun, seen) = (world.now, world.done.len());
    answer(&mut world, OFFER, &[]);
    let at_offer: Vec<_> = world.done[seen..].iter().map(|(_, action)| action).collect();
    let index = bond(&world);
    assert!(
        matches!(
            at_offer[..3],
            [
                Action::Broadcast { .. },
                Action::OpenArp { address: ADDRESS, .. },
                Action::Probe { address: ADDRESS, .. }
            ]
        ),
        "the REQUEST first: {at_offer:?}"
    );
    assert_eq!(state(&world).dhcp["bond0"].heard, ["an offer came, and no answer to the REQUEST for it yet"]);
    answer(&mut world, ACK, &[]);
    assert!(state(&world).dhcp["bond0"].heard.is_empty());
    assert_eq!(world.done[world.place(adds)].0, begun, "set with the ACK");
    assert_eq!(state(&world).phase, Phase::Online);
    world.pass(1_990);
    let times: Vec<_> =
        world.done.iter().filter(|(_, action)| is_probe(action)).map(|(at, _)| at - begun).collect();
    assert_eq!(times, [0, 300, 1_000]);
    assert_eq!(world.count(|action| *action == Action::CloseArp(index)), 0);
    world.pass(20);
    assert_eq!(world.count(|action| *action == Action::CloseArp(index)), 1);
    // Announced with the address, and once more.
    let announced = |action: &Action| matches!(action, Action::Announce { .. });
    assert_eq!(world.count(announced), 2);
    // A settled keeper does nothing of it again.
    world.pass(600_000);
    assert_eq!(world.count(is_probe), 3);
    assert_eq!(world.count(|action| matches!(action, Action::OpenArp { .. })), 1);
}

#[test]
fn a_conflict_takes_the_address_declines_it_and_pauses_for_10_s() {
    let mut world = leased(DHCP, &[]);
    world.pass(1_500);
    arp(&mut world, &announcement(SOMEBODY, ADDRESS));
    assert_eq!(option(last_sent(&world), 53), Some(&[DECLINE][..]));
    assert_eq!(option(last_sent(&world), 50), Some(&ADDRESS.octets()[..]));
    let gone =
        |action: &Action| matches!(action, Action::DelAddress { address, .. } if address.ip() == ADDRESS);
    assert_eq!(world.count(gone), 1);
    assert!(world.view.addresses.is_empty());
    assert_eq!(world.count(|action| matches!(action, Action::CloseArp(_))), 1);
    let line = "bond0: 192.0.2.77 is in use by 02:00:00:00:00:99: declined, and another asked for in 10 s; look what has \
                it, or whether the DHCP server gives out addresses that are taken";
    assert!(world.said().contains(&line), "{:?}", world.said());
    assert_eq!(state(&world).dhcp["bond0"].heard, ["192.0.2.77 is in use by 02:00:00:00:00:99"]);

    let (at, sent) = (world.now, world.count(|action| matches!(action, Action::Broadcast { .. })));
    world.pass(9_990);
    assert_eq!(world.count(|action| matches!(action, Action::Broadcast { .. })), sent, "nothing for 10 s");
    world.pass(20);
    assert_eq!(option(last_sent(&world), 53), Some(&[1][..]), "at {}", world.now - at);
    answer(&mut world, OFFER, &[]);
    answer(&mut world, ACK, &[]);
    assert_eq!(state(&world).phase, Phase::Online);
    assert!(state(&world).dhcp["bond0"].heard.is_empty(), "that was before");
}

#[test]
fn a_conflict_before_the_ack_declines_too() {
    let mut world = asking(DHCP);
    answer(&mut world, OFFER, &[]);
    arp(&mut world, &announcement(SOMEBODY, ADDRESS));
    assert_eq!(option(last_sent(&world), 53), Some(&[DECLINE][..]));
    answer(&mut world, ACK, &[]);
    assert_eq!(world.count(adds), 0, "its ACK comes too late");
}

#[test]
fn what_is_no_claim_of_somebody_else_is_nothing() {
    let mut world = leased(DHCP, &[]);
    let sent = world.count(|action| matches!(action, Action::Broadcast { .. }));
    let ours = world.link("eth1").mac.unwrap();
    let bonds = world.link("bond0").mac.unwrap();
    // Ours, sent back by a switch; another address; a switch that looks who is still there; rubbish.
    for packet in [
        announcement(ours, ADDRESS),
        announcement(bonds, ADDRESS),
        announcement(SOMEBODY, [192, 0, 2, 78].into()),
        crate::dhcp::v4::probe::packet(SOMEBODY, ADDRESS),
        [0; 28],
    ] {
        arp(&mut world, &packet);
    }
    // Too late: then it is the neighbours' business, who of us keeps it.
    world.pass(2_500);
    arp(&mut world, &announcement(SOMEBODY, ADDRESS));
    assert_eq!(world.count(|action| matches!(action, Action::Broadcast { .. })), sent);
    assert_eq!(state(&world).phase, Phase::Online);
}

#[test]
fn rapid_commit_is_probed_from_the_ack_on() {
    let mut world = asking(DHCP);
    answer(&mut world, ACK, &[(80, &[])]);
    assert_eq!(state(&world).phase, Phase::Online);
    assert_eq!(world.count(is_probe), 1);
    arp(&mut world, &announcement(SOMEBODY, ADDRESS));
    assert!(world.view.addresses.is_empty());
}

#[test]
fn a_probe_that_cannot_be_costs_only_a_line() {
    let mut world = asking(DHCP);
    world.refuse = |action| matches!(action, Action::OpenArp { .. } | Action::Probe { .. }).then_some(1);
    answer(&mut world, OFFER, &[]);
    answer(&mut world, ACK, &[]);
    assert_eq!(state(&world).phase, Phase::Online);
    let line = "whether 192.0.2.77 is in use can't be found out on bond0: no";
    assert_eq!(world.said().iter().filter(|said| **said == line).count(), 1);
}

#[test]
fn the_mtu_of_a_lease_comes_before_its_address_and_goes_with_it() {
    let mut world = leased(DHCP, &[(26, &9_000_u16.to_be_bytes())]);
    let index = bond(&world);
    let sets =
        |mtu: u32| move |action: &Action| *action == Action::SetLink { index, mac: None, mtu: Some(mtu) };
    assert!(world.place(sets(9_000)) < world.place(adds));
    assert_eq!(world.link("bond0").mtu, 9_000);
    // Whoever changes it by hand meanwhile is not fought; the next lease has none.
    world.link("bond0").mtu = 8_000;
    world.pass(1_800_100);
    answer_renewal(&mut world, &[(26, &9_000_u16.to_be_bytes())]);
    assert_eq!((world.count(sets(9_000)), world.link("bond0").mtu), (1, 8_000));
    world.pass(1_800_100);
    answer_renewal(&mut world, &[]);
    assert_eq!(world.link("bond0").mtu, 1_500);
}

/// The ACK to the unicast REQUEST of a renewal.
fn answer_renewal(world: &mut World, options: &[(u8, &[u8])]) {
    answer_renewal_as(world, ACK, options);
}

fn answer_renewal_as(world: &mut World, kind: u8, options: &[(u8, &[u8])]) {
    let renewal = world.done.iter().rev().find_map(|(_, action)| match action {
        Action::Unicast { payload, index, .. } => Some((*index, payload.clone())),
        _ => None,
    });
    let (index, payload) = renewal.expect("a renewal");
    world.done.push((world.now, Action::Broadcast { index, payload }));
    answer(world, kind, options);
}

#[test]
fn routes_that_a_renewal_does_not_bring_go() {
    let beyond = [8, 10, 192, 0, 2, 9];
    let both = [&beyond[..], &[0, 192, 0, 2, 1]].concat();
    let mut world = leased(DHCP, &[(121, &both)]);
    let index = bond(&world);
    let dropped = |world: &World| {
        let dropped = world.done.iter().filter_map(|(_, action)| match action {
            Action::DelRoute { index: of, to, via } if *of == index => {
                Some(format!("{to} {:?}", via.unwrap()))
            }
            _ => None,
        });
        dropped.collect::<Vec<_>>()
    };
    world.pass(1_800_100);
    answer_renewal(&mut world, &[]);
    assert_eq!(dropped(&world), ["10.0.0.0/8 192.0.2.9"]);
    assert_eq!((world.view.defaults.len(), state(&world).gateway), (1, Some([192, 0, 2, 1].into())));
    world.pass(1_800_100);
    answer_renewal(&mut world, &[(121, &beyond)]);
    assert_eq!(dropped(&world)[1..], ["0.0.0.0/0 192.0.2.1"]);
    world.pass(60_000);
    assert_eq!((world.view.defaults.len(), state(&world).gateway), (0, None), "and it is not held");
}

#[test]
fn the_mtu_of_the_words_wins_over_the_leases() {
    let jumbo = 9_000_u16.to_be_bytes();
    for words in ["bond=bond0:eth0,eth1::1600 ip=dhcp", "bond=eth0,eth1 ip=bond0:dhcp:1600"] {
        let mut world = leased(words, &[(26, &jumbo)]);
        assert_eq!(world.link("bond0").mtu, 1_600, "{words}");
    }
}

#[test]
fn an_mtu_that_cannot_be_is_said_and_the_lease_is_used() {
    let jumbo = 9_000_u16.to_be_bytes();
    let mut world = asking(DHCP);
    world.refuse = |action| matches!(action, Action::SetLink { .. }).then_some(22);
    answer(&mut world, OFFER, &[]);
    answer(&mut world, ACK, &[(26, &jumbo)]);
    assert_eq!(state(&world).phase, Phase::Online);
    let line = "bond0 can't have the lease's MTU of 9000: no; it stays as it is: check option 26 of the DHCP server, and \
                what the NICs can do (ip -d link: maxmtu)";
    assert!(world.said().contains(&line), "{:?}", world.said());

    let mut world = leased("bond=eth0,eth1 vlan=bond0.42:bond0 ip=bond0.42:dhcp", &[(26, &jumbo)]);
    let line = "bond0.42: the lease's MTU of 9000 is left out: bond0 below it has 1500; give that the MTU in the words";
    assert!(world.said().contains(&line), "{:?}", world.said());
    assert_eq!(world.link("bond0.42").mtu, 1_500);
}

/// dracut's words: so many seconds for each try, and so many tries.
#[test]
fn the_time_for_dhcp_is_timeout_times_retry() {
    for (words, seconds) in [
        ("rd.net.timeout.dhcp=5", 5),
        ("rd.net.timeout.dhcp=5 rd.net.dhcp.retry=3", 15),
        ("rd.net.dhcp.retry=2", 180),
    ] {
        let mut world = World::of_two(&format!("{DHCP} {words}"), true);
        world.partner(&["eth0", "eth1"]);
        world.look();
        world.pass(seconds * 1_000 - 300);
        assert_eq!(world.outcome, None, "{words}");
        world.pass(600);
        assert_eq!(world.outcome.clone().map(|outcome| outcome.exit), Some(Exit::NoAddress), "{words}");
    }
}

#[test]
fn the_sentence_of_a_failure_has_all_reasons() {
    let mut world = World::of_two(&format!("{DHCP} rd.net.timeout.dhcp=10"), true);
    world.partner(&["eth0", "eth1"]);
    world.look();
    // Two server identifiers are none (RFC 3396).
    answer(&mut world, OFFER, &[(54, &[192, 0, 2, 2])]);
    answer(&mut world, OFFER, &[(54, &[192, 0, 2, 3])]);
    answer(&mut world, OFFER, &[]);
    answer(&mut world, NAK, &[(56, b"wrong \x1b[2Jroom")]);
    world.pass(11_000);
    let sentence = world.outcome.clone().expect("it gave up").sentence;
    let reasons = "DISCOVERs sent, 192.0.2.1 refused the address (\"wrong \\x1b[2Jroom\"); answer of a server refused: it \
                   has no usable server identifier (2 times); check that a DHCP server is in this VLAN";
    assert!(sentence.contains(reasons), "{sentence}");
    // What is left of it tells the same.
    let account = &state(&world).dhcp["bond0"];
    assert_eq!((account.naks, account.heard.len()), (1, 2), "{account:?}");
}

#[test]
fn what_makes_the_network_another_is_a_warning() {
    // A default route in option 121.
    let mut world = leased(DHCP, &[(121, &[0, 192, 0, 2, 1])]);
    world.pass(1_800_100);
    answer_renewal_as(&mut world, NAK, &[]);
    let warned = |text: &str| {
        let like =
            |action: &Action| matches!(action, Action::Say(log::Level::Warn, line) if line.contains(text));
        world.count(like)
    };
    assert_eq!(warned("default route of the lease, as a classless route"), 1, "{:?}", world.said());
    assert_eq!(warned("DHCP: 192.0.2.1 refuses the address"), 1);
}

#[test]
fn a_flood_of_bad_answers_does_not_change_the_state_each_time() {
    let mut world = asking(DHCP);
    let mut states = vec![state(&world)];
    for _ in 0..10_000 {
        answer(&mut world, OFFER, &[(54, &[192, 0, 2, 2])]);
        world.done.retain(|(_, action)| matches!(action, Action::Broadcast { .. }));
        let now = state(&world);
        if states.last() != Some(&now) {
            states.push(now);
        }
    }
    assert!(states.len() < 60, "{} different states", states.len());
}

#[test]
fn a_machine_that_slept_past_its_lease_has_no_address_when_it_wakes() {
    let mut world = leased(DHCP, &[]);
    // CLOCK_BOOTTIME goes on meanwhile; the timer fires at once.
    world.now += 86_400_000;
    world.tick();
    assert!(world.view.addresses.is_empty());
    assert!(world.said().contains(&"bond0: the address is gone: the lease ran out"), "{:?}", world.said());
    assert_eq!(state(&world).dhcp["bond0"].heard, ["192.0.2.77 is gone: the lease ran out"]);
    assert_eq!(option(last_sent(&world), 53), Some(&[1][..]), "and another is asked for");
    answer(&mut world, OFFER, &[]);
    answer(&mut world, ACK, &[]);
    assert_eq!(state(&world).phase, Phase::Online);
}

#[test]
fn another_address_without_a_router_leaves_nothing_of_the_old_one() {
    let mut world = leased(DHCP, &[]);
    assert_eq!(world.view.defaults.len(), 1);
    // Rebinding: another server knows of another address.
    world.pass(3_200_000);
    let other = Ipv4Addr::new(192, 0, 2, 78);
    answer_for(&mut world, ACK, other, &[(121, &[8, 10, 192, 0, 2, 1])]);
    assert_eq!(state(&world).lease["bond0"].address, other, "{:?}", world.said());
    // The kernel takes the routes with the address that was their source.
    world.view.defaults.clear();
    world.pass(60_000);
    assert!(
        !world.said().iter().any(|line| line.contains("removed by something else")),
        "{:?}",
        world.said()
    );
    assert!(world.view.defaults.is_empty());
}
