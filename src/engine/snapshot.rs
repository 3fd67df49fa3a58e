//! All that is known, as the value behind `state.json`.

use std::collections::BTreeMap;

use ipnetwork::IpNetwork;

use super::state::{BondState, Found, PortState, State, VlanState};
use super::tell::describe;
use super::wires::{Wire, is_ready};
use super::{Engine, ending, target};
use crate::dhcp::v4::lease::Lease;
use crate::lacp::verdict::Verdict;
use crate::links::Link;
use crate::mac::Mac;

impl Engine {
    /// What is known, for `state.json`.
    pub fn state(&self, pid: u32, pid_start: u64) -> State {
        // Once everything was given back there is nothing to tell of it.
        let gone = self.ending == ending::Ending::Done && !self.not_given_back;
        let outcome = self.outcome.as_ref().filter(|_| !self.is_giving_back());
        let addressed = self.targets.first();
        State {
            version: 1,
            pid,
            pid_start,
            cmdline: None,
            phase: self.phase,
            exit: outcome.map(|outcome| outcome.exit).or(self.result).map(|exit| exit as u8),
            came_online: self.came_online,
            sentence: self.sentence.clone(),
            waiting: self.waiting.clone(),
            bonds: if gone { Vec::new() } else { self.bond_states() },
            ports: if gone { Vec::new() } else { self.port_states() },
            fallback_port: self.single_port().map(|port| port.name.clone()),
            interface: addressed.map(|target| target.name().to_owned()),
            addresses: self.addresses(),
            vlans: self.plan.vlans.iter().map(vlan_state).collect(),
            gateway: addressed.and_then(target::Target::router),
            router: addressed.map(|target| target.router_seen).unwrap_or_default(),
            findings: if gone { Vec::new() } else { self.found_now().to_vec() },
            dns: self.name_servers(),
            hostname: self.host_name(),
            lease: self.leases(),
            clients: self.clients(),
            ipv6: if gone { Default::default() } else { self.ipv6_states() },
            dhcp: self.accounts(),
            ntp: self.time_servers(),
            times: self.times,
            found: if gone { Found::default() } else { self.found.clone() },
        }
    }

    /// Those that are set, and those of an earlier engine that this one has yet to set.
    fn addresses(&self) -> Vec<IpNetwork> {
        let mut all = self.all_addresses();
        if let Some(previous) = self.config.previous.as_ref().filter(|_| all.is_empty() && self.came_online) {
            all.clone_from(&previous.addresses);
        }
        all
    }

    /// Those of all interfaces, of IPv6 also those that routers have brought.
    pub(super) fn all_addresses(&self) -> Vec<IpNetwork> {
        let each = |(which, target): (usize, &target::Target)| {
            target.addresses().chain(self.addresses6(which)).collect::<Vec<_>>()
        };
        self.targets.iter().enumerate().flat_map(each).collect()
    }

    /// By interface: those that hold, and those of before that have yet to be confirmed, since this engine may be killed
    /// before it is.
    fn leases(&self) -> BTreeMap<String, Lease> {
        let before = self.config.previous.as_ref().map(|state| state.lease.clone()).unwrap_or_default();
        let held = |target: &target::Target| {
            let lease = target.lease().or(target.previous.as_ref())?;
            Some((target.name().to_owned(), lease.clone()))
        };
        let mut all: BTreeMap<_, _> = before;
        all.extend(self.targets.iter().filter_map(held));
        all.retain(|_, lease| lease.usable(self.now));
        all
    }
}

impl Engine {
    fn bond_states(&self) -> Vec<BondState> {
        let state = |(work, bond): (&super::BondWork, &crate::plan::Bond)| {
            let link = self.view.links.get(work.index?)?;
            let side = link.bond()?;
            let found = self.found.bonds.iter().find(|found| found.index == link.index);
            Some(BondState {
                name: link.name.clone(),
                index: link.index,
                mode: bond.mode.name().to_owned(),
                mac: link.mac,
                partner: side.partner.filter(|mac| !mac.is_zero()),
                aggregator: side.aggregator,
                created: found.is_some_and(|found| found.before.is_none()),
                verdict: describe(&work.verdict),
                fallback: self.is_fallen(self.bonds.iter().position(|other| std::ptr::eq(other, work))?),
                // A switch with LACP fallback forwards without a partner.
                cut_off: !(work.verdict.can_send() || self.came_online && work.verdict == Verdict::NoPartner),
            })
        };
        self.bonds.iter().zip(&self.plan.bonds).filter_map(state).collect()
    }

    /// Who the partner of a port is: by what was heard on its cable, else, of the active aggregator, by the bond's word.
    pub(super) fn partner_of(&self, work: &super::BondWork, port: &Link) -> (Option<Mac>, Option<u16>) {
        if let Some(pdu) = self.wire(port.index).and_then(|wire| wire.theirs) {
            return (Some(pdu.actor.system), Some(pdu.actor.key));
        }
        let bond = work.index.and_then(|index| self.view.links.get(index)).and_then(Link::bond);
        let bond = bond.filter(|_| is_ready(work, &port.name));
        (bond.and_then(|bond| bond.partner), bond.and_then(|bond| bond.partner_key))
    }

    fn port_states(&self) -> Vec<PortState> {
        let mut out = Vec::new();
        for (which, (work, bond)) in self.bonds.iter().zip(&self.plan.bonds).enumerate() {
            for port in self.ports_there(work) {
                let (partner_system, partner_key) = self.partner_of(work, port);
                let hearing = match work.hearing.get(&port.index) {
                    _ if self.searches(which) => self.wire_clause(port),
                    Some(hearing) => hearing.clause(self.now, self.hears(port.index)),
                    None => "not in the bond",
                };
                let in_bond = port.controller.is_some() && port.controller == work.index;
                let ready = is_ready(work, &port.name);
                let alone = self.port_state(&bond.name, port, hearing);
                out.push(PortState { partner_system, partner_key, in_bond, ready, ..alone });
            }
        }
        let turn = self.single_port();
        for port in self.single_ports() {
            let has_turn = turn.is_some_and(|turn| turn.index == port.index);
            let tried = has_turn && port.carrier && !self.came_online;
            let hearing = if tried { "DHCP is tried here" } else { self.wire_clause(port) };
            let ready = has_turn && port.carrier && self.came_online;
            out.push(PortState { ready, ..self.port_state("", port, hearing) });
        }
        out
    }

    fn port_state(&self, bond: &str, port: &Link, hearing: &str) -> PortState {
        let side = port.port.unwrap_or_default();
        let wire = self.wire(port.index);
        let theirs = wire.and_then(|wire| wire.theirs).map(|pdu| pdu.actor);
        PortState {
            name: port.name.clone(),
            index: port.index,
            mac: port.own_mac(),
            driver: port.driver.clone(),
            speed: port.speed,
            partner_system: theirs.map(|side| side.system),
            partner_key: theirs.map(|side| side.key),
            neighbour: wire.and_then(Wire::neighbour).cloned(),
            bond: bond.to_owned(),
            in_bond: false,
            carrier: port.carrier,
            ready: false,
            actor: side.actor.words(),
            partner: side.partner.words(),
            hearing: hearing.to_owned(),
        }
    }

    /// What a NIC hears that is in no bond.
    fn wire_clause(&self, port: &Link) -> &'static str {
        match self.wire(port.index) {
            _ if !port.up => "not set up",
            _ if !port.carrier => "no carrier",
            Some(wire) if wire.theirs.is_some() => "LACPDUs heard",
            _ => "carrier, but no LACPDU heard",
        }
    }
}

fn vlan_state(vlan: &crate::plan::Vlan) -> VlanState {
    VlanState { name: vlan.name.clone(), id: vlan.id, link: vlan.link.clone() }
}
