//! What is done without a partner, where the words ask for it (`bondstrap.fallback=`).
//!
//! It is undone when a partner turns up before an address is in use. What is in use stays: a network that is there is worth
//! more than one that would be better.

use std::cmp::Ordering;

use super::state::Phase;
use super::target::{Target, bond_below};
use super::types::{Action, Exit};
use super::{BondWork, Engine, Try, undo};
use crate::clock::Millis;
use crate::lacp::auto::TRAINING;
use crate::lacp::verdict::Verdict;
use crate::links::Link;
use crate::plan::{Fallback, Mode, Plan};
use crate::settle::resolve::Wanted;
use crate::words::options::BondOption;

/// So long DHCP is tried on one port that has carrier before the next has its turn. Milliseconds.
const TURN: Millis = 8_000;
/// And so long when nothing came of any: a switch port with spanning tree opens 30 s after its link has come up, which it
/// does anew in each turn.
const LONG_TURN: Millis = 38_000;

/// DHCP on one port, without a bond.
#[derive(Debug)]
pub(super) struct Single {
    /// What the words ask for.
    plan: Plan,
    /// The ports of the bond, also those without carrier.
    all: Vec<Wanted>,
    /// The ports in their order, and whose turn it is.
    ports: Vec<String>,
    turn: usize,
    /// Turns that are over.
    turns: usize,
    since: Millis,
    turn_since: Millis,
    /// Since when the port of this turn has carrier.
    carrier_since: Option<Millis>,
}

impl Engine {
    /// There is a fallback for this bond, and it has not been tried.
    pub(super) fn may_fall_back(&self, which: usize) -> bool {
        self.plan.bondstrap.fallback != Fallback::None && !self.bonds[which].fell_back && !self.came_online
    }

    /// At the limit for the partner of a bond: true, if there is another way to go on.
    pub(super) fn fall_back(&mut self, now: Millis, which: usize, out: &mut Vec<Action>) -> bool {
        let bond = &self.plan.bonds[which];
        let lonely = self.bonds[which].verdict == Verdict::NoPartner && bond.mode == Mode::Lacp;
        if !self.may_fall_back(which) || !lonely {
            return false;
        }
        let seconds = self.plan.timeouts.lacp;
        let why =
            format!("no LACP partner on {} within {seconds} s ({})", bond.name, self.hearing(now, which));
        let ports: Vec<u32> = self.ports_there(&self.bonds[which]).map(|port| port.index).collect();
        for (_, wire) in self.wires.iter_mut().filter(|(index, _)| ports.contains(index)) {
            // A partner that has gone is none that turns up.
            wire.forget_lacp();
        }
        let single = self.plan.bondstrap.fallback == Fallback::Single && self.bonds.len() == 1;
        if single {
            self.fall_to_single(now, which, why, out);
        } else {
            let line = format!("{why}: fallback: the same ports in mode active-backup");
            out.push(Action::Say(log::Level::Warn, line));
            self.fall_to_mode(now, which);
        }
        true
    }

    /// Where a partner turns up before an address is in use, the words are followed after all.
    pub(super) fn rise_again(&mut self, now: Millis, out: &mut Vec<Action>) -> bool {
        if self.came_online {
            return false;
        }
        let used = self.targets.iter().filter(|target| target.addresses().next().is_some());
        let used: Vec<Option<usize>> = used.map(Target::bond).collect();
        let partner = |port: &Link| Some((port.name.clone(), self.wire(port.index)?.theirs?.actor.system));
        // A partner of another bond says nothing about this one.
        let mut fallen =
            (0..self.bonds.len()).filter(|which| self.is_fallen(*which) && !used.contains(&Some(*which)));
        let of_bond = fallen.find_map(|which| {
            let ports = &mut self.ports_there(&self.bonds[which]);
            Some((which, ports.find_map(partner)?))
        });
        let single = || self.single_ports().filter(|_| used.is_empty()).find_map(partner);
        let found = of_bond.or_else(|| Some((0, single()?)));
        let Some((which, (port, system))) = found else { return false };
        let line = format!("LACP partner {system} has turned up on {port}: back to what the words ask for");
        out.push(Action::Say(log::Level::Warn, line));
        if self.single_port().is_some() {
            self.leave_port(out);
        }
        if let Some(single) = self.single.take() {
            let Single { plan, all, .. } = *single;
            self.follow(plan, now);
            self.bonds = vec![BondWork { fell_back: true, ..BondWork::new(all, now) }];
        } else if let Some(words) = self.bonds[which].words.take() {
            self.plan.bonds[which] = words;
            self.remake(now, which);
        }
        true
    }

    /// The mode in which a bond is, where that is not what the words ask for.
    pub(super) fn is_fallen(&self, which: usize) -> bool {
        self.bonds[which].words.is_some()
    }

    /// The port that stands in for the bond.
    pub(super) fn single_port(&self) -> Option<&Link> {
        let single = self.single.as_ref()?;
        self.view.links.named(single.ports.get(single.turn)?)
    }

    /// All ports that may stand in for the bond.
    pub(super) fn single_ports(&self) -> impl Iterator<Item = &Link> {
        let ports = self.single.iter().flat_map(|single| &single.ports);
        ports.filter_map(|port| self.view.links.named(port))
    }

    /// Since when a port stands in for the bond.
    pub(super) fn single_since(&self) -> Option<Millis> {
        Some(self.single.as_ref()?.since)
    }

    /// An earlier engine was online by a fallback: that network is kept.
    pub(super) fn stay_fallen(&mut self, now: Millis) {
        let Some(previous) = self.config.previous.as_ref().filter(|_| self.came_online) else { return };
        let single = previous.fallback_port.clone();
        let fallen: Vec<String> =
            previous.bonds.iter().filter(|bond| bond.fallback).map(|bond| bond.name.clone()).collect();
        if let (Some(port), [_]) = (single, self.plan.bonds.as_slice()) {
            // What stood on it before does again, whatever MAC the words name it by.
            if let Some(first) =
                self.targets.first_mut().filter(|_| previous.interface.as_ref() == Some(&port))
            {
                (first.bond, first.spec.name) = (Some(0), self.plan.bonds[0].name.clone());
            }
            self.stand_on(now, vec![port]);
            return;
        }
        for which in 0..self.bonds.len() {
            if fallen.contains(&self.plan.bonds[which].name) {
                self.fall_to_mode(now, which);
            }
        }
    }

    fn fall_to_mode(&mut self, now: Millis, which: usize) {
        let mode = Mode::ActiveBackup;
        let bond = &mut self.plan.bonds[which];
        let work = &mut self.bonds[which];
        (work.words, work.fell_back) = (Some(bond.clone()), true);
        let allowed = |name: &str| BondOption::named(name).is_some_and(|option| option.allowed_in(mode));
        bond.options.0.retain(|(name, _)| allowed(name));
        bond.mode = mode;
        self.remake(now, which);
    }

    /// The bond is to be made again in another mode: its ports leave it first.
    fn remake(&mut self, now: Millis, which: usize) {
        let index = self.bonds[which].index;
        self.forget_bond(now, which);
        let work = &mut self.bonds[which];
        work.index = index;
        work.checked = false;
        work.was_ready = false;
        work.cut_since = None;
        work.told = None;
        self.tries.forget();
        self.building_since = Some(now);
        self.phase = Phase::Building;
        self.told.remove("partner");
        for target in self.targets.iter_mut().filter(|target| target.bond() == Some(which)) {
            target.begun = None;
        }
    }

    fn fall_to_single(&mut self, now: Millis, which: usize, why: String, out: &mut Vec<Action>) {
        let mut ports: Vec<&Link> =
            self.ports_there(&self.bonds[which]).filter(|port| port.carrier).collect();
        // PXE came by it: DHCP works there, or did.
        ports.sort_by_key(|port| self.plan.bootif.is_none() || port.own_mac() != self.plan.bootif);
        let ports: Vec<String> = ports.iter().map(|port| port.name.clone()).collect();
        let line = format!("{why}: fallback: DHCP on one port, without a bond: {}", ports.join(", then "));
        out.push(Action::Say(log::Level::Warn, line));
        self.close_dhcp(out);
        // Only what the bond is: what else was found is given back in the end.
        let index = self.bonds[which].index;
        let vlans = self.drop_vlans(index);
        let bonds = std::mem::take(&mut self.found.bonds);
        let bond = super::state::Found { bonds, vlans, ..Default::default() };
        out.extend(undo::actions(&bond, &self.view.links));
        self.stand_on(now, ports);
    }

    /// The plan becomes one of the first of these ports, without a bond.
    fn stand_on(&mut self, now: Millis, ports: Vec<String>) {
        let mut plan = self.plan.clone();
        for (interface, target) in plan.interfaces.iter_mut().zip(&self.targets) {
            // Named by a port's MAC: it is the bond's, and so its whose turn it is.
            if interface.match_mac.is_some() && target.bond.is_some() {
                (interface.name, interface.match_mac) = (target.spec.name.clone(), None);
            }
        }
        let single = Single {
            plan,
            all: self.bonds.drain(..).flat_map(|work| work.ports).collect(),
            ports,
            turn: 0,
            turns: 0,
            since: now,
            turn_since: now,
            carrier_since: None,
        };
        self.follow(single.plan_now(), now);
        self.single = Some(Box::new(single));
    }

    /// From here on this is what is wanted.
    fn follow(&mut self, plan: Plan, now: Millis) {
        self.targets = Target::of(&plan);
        self.plan = plan;
        self.in_place.clear();
        self.tries.forget();
        self.building_since = Some(now);
        self.phase = Phase::Building;
        self.told.remove("partner");
    }

    /// One port after the other has its turn: what the network gives shows which one works.
    pub(super) fn takes_turns(&self) -> bool {
        self.single_port().is_some() && self.targets.iter().any(Target::asks_network)
    }

    /// They do, and none has given anything yet.
    pub(super) fn is_turning(&self) -> bool {
        let has = |target: &Target| target.is_done() || target.lease().is_some() || target.six.has_some();
        self.takes_turns() && !self.came_online && !self.targets.iter().any(has)
    }

    /// The same wait for all of them: whose turn it is makes no new one.
    pub(super) fn wait_for_turns(&mut self) {
        let Some(single) = &self.single else { return };
        let (article, given) = self.given();
        let what = format!("{article} {given} on one of {}, without a bond", single.ports.join(", "));
        let (since, limit) = (single.since, self.lease_limit_millis());
        self.wait(what, since, Some(limit));
    }

    /// What the network is asked for, behind its article.
    fn given(&self) -> (&'static str, &'static str) {
        match self.targets.iter().any(Target::wants_lease) {
            true => ("a", "DHCP lease"),
            false => ("an", "IPv6 address"),
        }
    }

    /// Whose turn is over has had no lease: the next port's turn, until the limit for a lease.
    pub(super) fn take_turns(&mut self, now: Millis, out: &mut Vec<Action>) {
        let carrier = self.single_port().is_some_and(|port| port.up && port.carrier);
        let (_, given) = self.given();
        // Somebody has offered: that is worth more than a turn.
        let offered = self.targets.iter().any(|target| target.machine.is_some() && !target.is_selecting());
        let limit = self.lease_limit_millis();
        let Some(single) = &mut self.single else { return };
        single.carrier_since = single.carrier_since.or(Some(now)).filter(|_| carrier);
        if now >= single.since + limit {
            let sentence = format!(
                "no {} on any of {} within {} s, each tried without a bond as there is no LACP partner; check \
                 that a DHCP server is in this VLAN, or set the switch ports to one LACP (802.3ad) group in active mode",
                given,
                single.ports.join(", "),
                limit / 1_000
            );
            self.over("lease", Exit::NoAddress, sentence, out);
        }
        let Some(single) = self.single.as_mut().filter(|_| self.outcome.is_none()) else {
            return;
        };
        // Each turn sets a link up, which takes its time.
        let latest = single.turn_since + TRAINING;
        let turn = if single.turns < single.ports.len() { TURN } else { LONG_TURN };
        let over = single.carrier_since.map_or(latest, |at| (at + turn).min(latest + turn));
        if now < over || single.ports.len() < 2 || offered {
            let next = [over, single.since + limit].into_iter().filter(|at| *at > now).min();
            self.wake(next);
            return;
        }
        self.leave_port(out);
        let Some(single) = &mut self.single else { return };
        single.turn = (single.turn + 1) % single.ports.len();
        single.turns += 1;
        (single.turn_since, single.carrier_since) = (now, None);
        let line = match single.turns.cmp(&single.ports.len()) {
            Ordering::Less => Some(format!("fallback: now DHCP on {}", single.ports[single.turn])),
            Ordering::Equal => {
                Some(format!("fallback: nothing on {}: each of them again", single.ports.join(", ")))
            }
            Ordering::Greater => None,
        };
        out.extend(line.map(|line| Action::Say(log::Level::Info, line)));
        let plan = single.plan_now();
        self.follow(plan, now);
    }

    /// The port that was tried is as it was.
    fn leave_port(&mut self, out: &mut Vec<Action>) {
        self.close_dhcp(out);
        let Some(single) = &self.single else { return };
        let port =
            single.ports.get(single.turn).and_then(|name| self.view.links.named(name)).map(|port| port.index);
        out.extend(self.drop_vlans(port).into_iter().map(Action::Delete));
        let (nics, kept) =
            std::mem::take(&mut self.found.nics).into_iter().partition(|nic| Some(nic.index) == port);
        self.found.nics = kept;
        let left = super::state::Found { nics, ..Default::default() };
        out.extend(undo::actions(&left, &self.view.links));
        out.extend(port.map(Action::Down));
    }

    /// The VLANs of ours on an interface are not ours any more.
    fn drop_vlans(&mut self, lower: Option<u32>) -> Vec<u32> {
        let links = &self.view.links;
        let is_on_it =
            |index: &u32| lower.is_some() && links.get(*index).is_some_and(|link| link.lower == lower);
        let (gone, kept) = std::mem::take(&mut self.found.vlans).into_iter().partition(is_on_it);
        self.found.vlans = kept;
        gone
    }

    /// Closes the sockets of all that is addressed.
    pub(super) fn close_dhcp(&self, out: &mut Vec<Action>) {
        let close6 = |index| Action::Six(super::six::types::Action::Close(index));
        let closes = |index| [Action::CloseDhcp(index), close6(index)];
        out.extend(self.targets.iter().filter_map(Target::index).flat_map(closes));
    }
}

impl Single {
    /// The same without the bond: the port whose turn it is stands in its place.
    fn plan_now(&self) -> Plan {
        let mut plan = self.plan.clone();
        let (Some(bond), Some(port)) = (plan.bonds.pop(), self.ports.get(self.turn)) else { return plan };
        let stand_in = |name: &mut String| {
            if *name == bond.name {
                name.clone_from(port);
            }
        };
        for interface in &mut plan.interfaces {
            // A VLAN without one takes that of its link.
            if bond_below(&self.plan, &interface.name).is_some() {
                interface.mtu = interface.mtu.or(bond.mtu);
            }
            stand_in(&mut interface.name);
        }
        plan.vlans.iter_mut().for_each(|vlan| stand_in(&mut vlan.link));
        plan.bridges.iter_mut().flat_map(|bridge| &mut bridge.ports).for_each(stand_in);
        plan.routes.iter_mut().filter_map(|route| route.dev.as_mut()).for_each(stand_in);
        if let Some(id) = plan.dhcp.client_ids.remove(&bond.name) {
            plan.dhcp.client_ids.insert(port.clone(), id);
        }
        plan
    }
}

impl super::backoff::Backoffs<Try> {
    /// Begins anew: what was tried of the old does not hold up the new.
    pub(super) fn forget(&mut self) {
        *self = Self::default();
    }
}
