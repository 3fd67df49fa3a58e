//! What our own ears take from the cables, and which cables they are at.
//!
//! The bonding driver says of a port's partner no more than its flags, and of a port that is in no bond nothing at all.
//! An ear for LACP sees every frame of its port, if only to drop it: where traffic passes it is taken away.

use std::collections::BTreeMap;

use super::state::Phase;
use super::types::{Answer, Frame, Heard, View};
use super::{BondWork, Engine, STIRRED};
use crate::clock::Millis;
use crate::lacp::frame::Lacpdu;
use crate::lacp::verdict::Verdict;
use crate::links::Link;
use crate::lldp::neighbour::{self, Neighbour};
use crate::plan::Mode;

/// An ear listens from the start, if it was there so soon after the carrier. Milliseconds.
const SOON: Millis = 500;

/// A partner of which nothing came in for so long has gone (Long_Timeout_Time, IEEE 802.1AX-2020 6.4.17). Where the bonding
/// driver gives it up earlier, that counts. Milliseconds.
const GONE: Millis = 90_000;

/// Copies of one broadcast are at most so far apart: they are taken in one look, or in the next. Milliseconds.
const COPIES: Millis = 300;

/// One cable.
#[derive(Debug, Default)]
pub(super) struct Wire {
    /// Since when there is an ear for LACP; none: there is none.
    lacp_since: Option<Millis>,
    pub(super) carrier_since: Option<Millis>,
    /// Since when there has been no carrier.
    pub(super) down_since: Option<Millis>,
    /// The last LACPDU that came in, and when.
    pub(super) theirs: Option<Lacpdu>,
    heard_at: Millis,
    /// When the first came in after a silence.
    pub(super) spoke_since: Option<Millis>,
    /// Since when they have named the partner that the last one names.
    pub(super) names_since: Option<Millis>,
    /// Since when the partner has said that it is in sync, and not that it collects.
    pub(super) held_since: Option<Millis>,
    /// The bonding driver has heard LACPDUs lately.
    taken: bool,
    /// When traffic passed last.
    pub(super) passed: Option<Millis>,
    /// One of ours went out.
    ours: bool,
    /// A DHCP server's answer to us came in.
    pub(super) dhcp: bool,
    /// The last that was a broadcast, and when.
    broadcast: Option<(u64, Millis)>,
    /// Another port of its bond got a copy of it: no LAG delivers two.
    pub(super) flooded: bool,
    lldp: neighbour::Ear,
}

impl Wire {
    fn look(&mut self, now: Millis, link: &Link) {
        if link.carrier {
            self.carrier_since.get_or_insert(now);
            self.down_since = None;
        } else {
            let (lacp_since, down_since) = (self.lacp_since, self.down_since);
            *self = Self { lacp_since, down_since: down_since.or(Some(now)), ..Self::default() };
        }
        let actor = link.port.unwrap_or_default().actor;
        let is_given_up = self.taken && actor.is_defaulted();
        self.taken = actor.0 != 0 && !actor.is_defaulted();
        // Without an ear nobody knows.
        let is_gone = self.lacp_since.is_some_and(|ear| now >= self.heard_at.max(ear) + GONE);
        if is_given_up || is_gone {
            self.forget_lacp();
        }
        self.lldp.age(now);
    }

    fn hear(&mut self, now: Millis, frame: &Frame) {
        match frame {
            Frame::Lacp(pdu) => {
                let held = pdu.actor.state.is_held();
                self.held_since = self.held_since.filter(|_| held).or(held.then_some(now));
                let named = self.theirs.map(|before| before.partner.system);
                if named != Some(pdu.partner.system) {
                    self.names_since = Some(now);
                }
                self.spoke_since.get_or_insert(now);
                (self.theirs, self.heard_at) = (Some(**pdu), now);
            }
            Frame::OurLacp => self.ours = true,
            Frame::Lldp(pdu) => self.lldp.hear(now, (**pdu).clone()),
            Frame::Dhcp(answer) => {
                self.dhcp = true;
                self.broadcast = answer.copy.map(|copy| (copy, now)).or(self.broadcast);
            }
        }
    }

    /// What was heard of LACP is over.
    pub(super) fn forget_lacp(&mut self) {
        (self.theirs, self.held_since, self.spoke_since, self.names_since) = (None, None, None, None);
    }

    /// False: frames of ours may have left, and no LACPDU among them. With an ear that came late nobody knows: by then
    /// they go out twice a minute.
    pub(super) fn may_have_sent(&self) -> bool {
        let from_the_start = match (self.lacp_since, self.carrier_since) {
            (Some(ear), Some(carrier)) => ear <= carrier + SOON,
            _ => false,
        };
        self.ours || !from_the_start
    }

    /// Who is at the other end.
    pub(super) fn neighbour(&self) -> Option<&Neighbour> {
        self.lldp.neighbour()
    }
}

impl Engine {
    /// The ports to listen on, and whether for LACP too: that is of no use where the bonding driver knows all.
    pub fn ears(&self, now: Millis) -> Vec<(u32, bool)> {
        if self.times.settled.is_none() || self.outcome.is_some() {
            return Vec::new();
        }
        let settled = self.phase == Phase::Online && now >= self.stirred_at + STIRRED;
        let mut all = BTreeMap::new();
        for (which, work) in self.bonds.iter().enumerate() {
            let lacp =
                self.plan.bonds[which].mode == Mode::Lacp || self.is_fallen(which) && !self.came_online;
            let wants_lacp = lacp && !settled;
            for port in self.ports_there(work).filter(|port| port.up) {
                let passes = self.phase == Phase::Online && is_ready(work, &port.name);
                *all.entry(port.index).or_default() |= wants_lacp && !passes;
            }
        }
        if let Some(port) = self.single_port() {
            all.insert(port.index, !self.came_online);
        }
        all.into_iter().collect()
    }

    /// Takes in what was heard since the last look.
    pub(super) fn listen(&mut self, now: Millis, view: &View) {
        self.wires.retain(|index, _| view.links.get(*index).is_some());
        for (index, lacp) in self.ears(now) {
            let wire = self.wires.entry(index).or_default();
            wire.lacp_since = wire.lacp_since.filter(|_| lacp).or(lacp.then_some(now));
        }
        let mut passing = Vec::new();
        for (index, wire) in &mut self.wires {
            if let Some(link) = view.links.get(*index) {
                wire.look(now, link);
            }
        }
        for (work, port) in
            self.bonds.iter().flat_map(|work| self.ports_there(work).map(move |port| (work, port.index)))
        {
            // What DHCP answers while traffic passes says nothing of later.
            let ready = view.links.get(port).is_some_and(|link| is_ready(work, &link.name));
            passing.extend(ready.then_some(port));
        }
        for index in passing {
            let wire = self.wires.entry(index).or_default();
            (wire.dhcp, wire.flooded, wire.passed) = (false, false, Some(now));
        }
        for Heard { index, frame } in &view.heard {
            // What was still queued when the cable went out is of nobody any more.
            let Some(link) = view.links.get(*index).filter(|link| link.carrier) else { continue };
            if let Frame::Dhcp(answer) = frame {
                // What others are answered says nothing of what becomes of our frames.
                if !view.links.0.iter().any(|link| link.mac == Some(answer.to)) {
                    continue;
                }
                self.find_copies(now, link, answer);
            }
            self.wires.entry(*index).or_default().hear(now, frame);
        }
    }

    /// Whether another port of the same bond got the same.
    fn find_copies(&mut self, now: Millis, port: &Link, answer: &Answer) {
        let is_same = |(copy, at): (u64, Millis)| Some(copy) == answer.copy && now < at + COPIES;
        let links = &self.view.links;
        let beside = |index: u32| links.get(index).is_some_and(|other| other.controller == port.controller);
        let mut is_flooded = false;
        for (index, wire) in &mut self.wires {
            if *index != port.index
                && port.controller.is_some()
                && beside(*index)
                && wire.broadcast.is_some_and(is_same)
            {
                (wire.flooded, is_flooded) = (true, true);
            }
        }
        self.wires.entry(port.index).or_default().flooded |= is_flooded;
    }

    /// Our own ears hear LACPDUs there.
    pub(super) fn hears(&self, index: u32) -> bool {
        self.wire(index).is_some_and(|wire| wire.theirs.is_some())
    }

    /// What is known of a port's cable.
    pub(super) fn wire(&self, index: u32) -> Option<&Wire> {
        self.wires.get(&index)
    }
}

/// The port passes traffic both ways.
pub(super) fn is_ready(work: &BondWork, name: &str) -> bool {
    matches!(&work.verdict, Verdict::Ready { ports, .. } if ports.iter().any(|port| port == name))
}
