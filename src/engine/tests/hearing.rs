//! What is heard on the cables, and what is said of it.

use super::world::{PARTNER, World};
use crate::engine::types::{Action, Answer, Frame, Heard};
use crate::lacp::frame::{Lacpdu, Side};
use crate::links::{Kind, LacpState};
use crate::lldp::frame::Lldpdu;
use crate::mac::Mac;

const OURS: Mac = Mac([2, 0, 0, 0, 0, 2]);

/// A switch's LACPDU, and whom it takes for its partner.
pub(super) fn pdu(key: u16, knows: Mac) -> Frame {
    let actor = Side { system: PARTNER, key, state: LacpState(0x0d), ..Side::default() };
    Frame::Lacp(Box::new(Lacpdu { actor, partner: Side { system: knows, ..Side::default() } }))
}

pub(super) fn switch_port(port: &str) -> Frame {
    let system = Some("sw-rack3".to_owned());
    let pdu = Lldpdu {
        chassis: "c".into(),
        port: port.into(),
        port_is_name: true,
        ttl: 120,
        system,
        ..Lldpdu::default()
    };
    Frame::Lldp(Box::new(pdu))
}

impl World {
    /// These frames come in, once.
    pub(super) fn on_wire(&mut self, frames: &[(u32, Frame)]) {
        let heard = frames.iter().map(|(index, frame)| Heard { index: *index, frame: frame.clone() });
        self.view.heard = heard.collect();
        self.look();
        self.view.heard.clear();
    }

    fn kinds(&self) -> Vec<String> {
        self.engine.state(1, 1).findings.iter().map(|finding| finding.kind.clone()).collect()
    }
}

fn built() -> World {
    let mut world = World::new("bond=eth0,eth1 ip=bond0:none", true);
    world.nic(2, "eth0").nic(3, "eth1");
    assert!(world.engine.ears(world.now).is_empty(), "no link is touched before names are final");
    world.look();
    world
}

#[test]
fn ports_in_different_lags_are_told_once_and_where_they_are() {
    let mut world = built();
    assert_eq!(world.engine.ears(world.now), [(2, true), (3, true)]);
    for _ in 0..30 {
        for name in ["eth0", "eth1"] {
            world.link(name).sent += 1;
        }
        world.on_wire(&[
            (2, pdu(7, OURS)),
            (3, pdu(8, OURS)),
            (3, switch_port("Ethernet1/7")),
            (2, Frame::OurLacp),
            (3, Frame::OurLacp),
        ]);
        world.pass(1_000);
    }
    let line = "the ports of bond0 are in different LAGs of one switch (key 7 on eth0; key 8 on eth1 (sw-rack3 \
                Ethernet1/7)); put these switch ports into one LAG";
    assert_eq!(world.said().iter().filter(|said| **said == line).count(), 1, "{:?}", world.said());
    assert!(world.kinds().contains(&"keys-differ".to_owned()), "{:?}", world.kinds());
    world.pass(10_000);
    assert!(world.outcome.unwrap().sentence.ends_with(line), "the sentence has it");
}

#[test]
fn ears_are_open_where_nothing_passes() {
    let mut world = built();
    world.partner(&["eth0"]);
    world.look();
    assert_eq!(world.engine.ears(world.now), [(2, false), (3, true)]);
    world.on_wire(&[(2, switch_port("Ethernet1/7"))]);
    let neighbour = |world: &World| world.engine.state(1, 1).ports[0].neighbour.clone();
    assert_eq!(neighbour(&world).unwrap().place(), "sw-rack3 Ethernet1/7");
    world.link("eth0").carrier = false;
    world.look();
    assert_eq!(neighbour(&world), None, "the cable is out");
    world.pass(120_000);
    assert_eq!(world.engine.ears(world.now), [(2, false), (3, false)], "nothing has happened for long");
    world.stop();
    assert!(world.engine.ears(world.now).is_empty());
}

#[test]
fn none_of_our_lacpdus_leaves() {
    let mut world = built();
    world.link("eth0").sent += 1;
    world.on_wire(&[(2, Frame::OurLacp)]);
    // DHCP, say.
    world.link("eth1").sent += 1;
    world.pass(6_000);
    assert_eq!(world.kinds(), ["none-sent", "nothing-heard"]);
    assert_eq!(
        world.count(
            |action| matches!(action, Action::Say(_, line) if line.contains("eth1: carrier, but none of our"))
        ),
        1
    );
}

/// The bonding driver's state of a port that hears somebody, and has not agreed.
const HEARS: LacpState = LacpState(0x0f);

impl World {
    /// For so many seconds the switch says this on both ports, and the bonding driver takes it in.
    fn speaks(&mut self, seconds: u32, knows: Mac) {
        for _ in 0..seconds {
            for name in ["eth0", "eth1"] {
                let side = self.link(name).port.as_mut().expect("a port of a bond");
                side.actor = HEARS;
            }
            let mut frame = pdu(7, knows);
            if let Frame::Lacp(pdu) = &mut frame {
                pdu.actor.state = LacpState(0x05);
            }
            self.on_wire(&[(2, frame.clone()), (3, frame)]);
            self.pass(1_000);
        }
    }

    fn sends(&mut self) {
        for (index, name) in [(2, "eth0"), (3, "eth1")] {
            self.link(name).sent += 1;
            self.on_wire(&[(index, Frame::OurLacp)]);
        }
    }
}

fn waiting() -> World {
    let mut world = World::of_two("bond=eth0,eth1 ip=bond0:none", false);
    world.sends();
    world
}

#[test]
fn a_switch_that_wakes_up_late_is_not_blamed_for_its_sleep() {
    let mut world = waiting();
    world.pass(600_000);
    assert_eq!(world.kinds(), ["nothing-heard"]);
    world.speaks(4, Mac::ZERO);
    assert!(world.kinds().is_empty(), "it has not heard us yet: {:?}", world.kinds());
    world.speaks(55, OURS);
    assert!(world.kinds().is_empty(), "{:?}", world.kinds());
    world.speaks(4, OURS);
    assert_eq!(world.kinds(), ["churned"]);
    assert!(!world.said().iter().any(|line| line.contains("hears none of ours")), "{:?}", world.said());
    world.speaks(4, Mac::ZERO);
    assert_eq!(world.kinds(), ["churned"], "it begins anew");
    world.speaks(4, Mac::ZERO);
    assert_eq!(world.kinds(), ["unanswered"]);
}

#[test]
fn a_partner_that_begins_anew_has_time_for_it() {
    let mut world = waiting();
    world.speaks(1, OURS);
    world.partner(&["eth0", "eth1"]);
    world.look();
    world.pass(3_600_000);
    assert!(world.kinds().is_empty(), "{:?}", world.kinds());
    world.speaks(3, Mac::ZERO);
    world.speaks(50, OURS);
    assert!(world.kinds().is_empty(), "{:?}", world.kinds());
    world.speaks(10, OURS);
    assert_eq!(world.kinds(), ["churned"]);
}

#[test]
fn a_partner_that_falls_silent_is_not_heard() {
    let mut world = waiting();
    world.speaks(10, OURS);
    let heard = |world: &World| {
        let port = world.engine.state(1, 1).ports[0].clone();
        (port.hearing, port.partner_key)
    };
    assert_eq!(heard(&world), ("LACPDUs heard".to_owned(), Some(7)));
    for name in ["eth0", "eth1"] {
        world.link(name).port.as_mut().unwrap().actor = LacpState(0x47);
    }
    world.look();
    assert_eq!(world.kinds(), ["nothing-heard"]);
    assert_eq!(heard(&world), ("carrier, but no LACPDU heard".to_owned(), None));
    world.pass(120_000);
    assert_eq!(world.kinds(), ["nothing-heard"]);
    // One whose LACPDUs the bonding driver refuses: a loop.
    world.on_wire(&[(2, pdu(7, OURS))]);
    world.pass(31_000);
    world.on_wire(&[(2, pdu(7, OURS))]);
    world.pass(89_000);
    assert_eq!(heard(&world).1, Some(7));
    world.pass(2_000);
    assert_eq!(heard(&world).1, None, "three were missed");
}

#[test]
fn what_dhcp_answers_tells_what_the_ports_are() {
    let frame = |to, copy| Frame::Dhcp(Answer { to, copy });
    let one = frame(OURS, Some(1));
    let told = |frames: &[&[(u32, Frame)]]| {
        let mut world = waiting();
        world.pass(5_000);
        for frames in frames {
            world.on_wire(frames);
            world.pass(200);
        }
        world.kinds()
    };
    assert_eq!(told(&[&[(2, one.clone()), (3, one.clone())]]), ["plain-ports"]);
    assert_eq!(told(&[&[(2, one.clone())], &[(3, one.clone())]]), ["plain-ports"], "with a look in between");
    assert_eq!(told(&[&[(2, one.clone())], &[], &[(3, one.clone())]]), ["no-lag"], "sent again");
    assert_eq!(told(&[&[(2, one.clone()), (3, frame(OURS, Some(2)))]]), ["no-lag"], "of two servers");
    assert_eq!(told(&[&[(2, frame(OURS, None)), (3, frame(OURS, None))]]), ["no-lag"]);
    let theirs = frame(Mac([2, 0, 0, 0, 0, 77]), Some(1));
    assert_eq!(told(&[&[(2, theirs.clone()), (3, theirs)]]), ["nothing-heard"], "to another client");
}

#[test]
fn ports_that_an_earlier_engine_left_speak_twice_a_minute() {
    let mut world = waiting();
    world.pass(600_000);
    world.restart();
    world.pass(30_000);
    assert_eq!(world.kinds(), ["nothing-heard"], "{:?}", world.said());
    world.pass(2_000);
    assert_eq!(world.kinds(), ["none-sent"]);
    world.sends();
    assert_eq!(world.kinds(), ["nothing-heard"]);
}

#[test]
fn after_a_restart_the_odd_port_is_known_by_those_that_pass() {
    let mut world = waiting();
    world.partner(&["eth0"]);
    let Kind::Bond(bond) = &mut world.link("bond0").kind else { panic!("no bond") };
    bond.partner_key = Some(7);
    world.look();
    world.restart();
    assert_eq!(world.engine.ears(world.now), [(2, false), (3, true)]);
    for _ in 0..6 {
        world.on_wire(&[(3, pdu(8, OURS))]);
        world.pass(1_000);
    }
    assert_eq!(world.kinds(), ["keys-differ"]);
    let found = world.engine.state(1, 1).findings[0].clone();
    assert_eq!(found.ports, ["eth1"]);
    assert!(found.sentence.ends_with("(key 7 on eth0; key 8 on eth1)"), "{}", found.sentence);
}

#[test]
fn a_loop_hears_lacpdus() {
    let mut world = waiting();
    let mut own = pdu(7, Mac::ZERO);
    if let Frame::Lacp(pdu) = &mut own {
        pdu.actor.system = OURS;
    }
    world.on_wire(&[(2, own.clone()), (3, own)]);
    world.pass(6_000);
    assert_eq!(world.kinds(), ["looped"]);
    let ports = world.engine.state(1, 1).ports;
    assert_eq!([&ports[0].hearing, &ports[1].hearing], ["LACPDUs heard"; 2]);
}
