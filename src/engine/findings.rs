//! What is wrong, from all that is known: for `status`, and said once for each change.

use super::types::Action;
use super::wires::{Wire, is_ready};
use super::{BondWork, Engine, target};
use crate::clock::Millis;
use crate::lacp::verdict::Verdict;
use crate::links::Link;
use crate::mac::Mac;
use crate::plan::{Bond, Mode};
use crate::trouble::{self, Finding, Router};

/// What was gone for so long is told again when it comes back. Milliseconds.
const FORGET: Millis = 60_000;
/// So many of them are told in that time.
const MOST_TOLD: usize = 16;
/// Offers, and no answer to so many REQUESTs: nothing comes of them.
const REQUESTS: u32 = 2;

/// What was found last, and what was told of it.
#[derive(Debug, Default)]
pub(super) struct Findings {
    /// The machine has been looked at since.
    pub(super) due: bool,
    now: Vec<Finding>,
    /// Kind and ports, with the time at which they were last found.
    told: Vec<(String, Vec<String>, Millis)>,
}

impl Engine {
    /// Works out what is wrong, and says what is new of it.
    pub(super) fn find(&mut self, now: Millis, out: &mut Vec<Action>) {
        // Once for each look: in between only time has passed.
        if !std::mem::take(&mut self.findings.due) {
            return;
        }
        let mut found: Vec<Finding> = Vec::new();
        for which in 0..self.bonds.len() {
            found.extend(self.bond_findings(now, which));
        }
        for target in &self.targets {
            let facts = self.interface_facts(target);
            let kinds = trouble::of_interface(now, &facts);
            found.extend(kinds.into_iter().map(|kind| facts.finding(kind)));
        }
        let is_full = self.findings.told.len() >= MOST_TOLD;
        for finding in &found {
            let known = self
                .findings
                .told
                .iter_mut()
                .find(|(kind, ports, _)| *kind == finding.kind && *ports == finding.ports);
            match known {
                Some((.., last)) => *last = now,
                // A partner that is another each time can say no more than that.
                None if is_full => {}
                None => {
                    self.findings.told.push((finding.kind.clone(), finding.ports.clone(), now));
                    out.push(Action::Say(log::Level::Warn, finding.line()));
                }
            }
        }
        self.findings.told.retain(|(.., last)| now < last + FORGET);
        self.findings.now = found;
    }

    /// What is wrong now.
    pub(super) fn found_now(&self) -> &[Finding] {
        &self.findings.now
    }

    /// The first of what is wrong with the ports of a bond, in one line for the sentence of a failure.
    pub(super) fn first_finding(&self, which: usize) -> Option<&Finding> {
        let ports: Vec<&str> = self.ports_there(&self.bonds[which]).map(|port| port.name.as_str()).collect();
        self.findings.now.iter().find(|found| {
            found.ports.iter().any(|port| ports.contains(&port.as_str())) && found.kind != "no-carrier"
        })
    }

    fn bond_findings(&self, now: Millis, which: usize) -> Vec<Finding> {
        let (work, bond) = (&self.bonds[which], &self.plan.bonds[which]);
        let Some(link) = work.index.and_then(|index| self.view.links.get(index)) else { return Vec::new() };
        let mut ports = self.view.links.ports_of(link.index);
        let answered = ports.any(|port| self.wire(port.index).is_some_and(|wire| wire.dhcp));
        let facts = trouble::Bond {
            name: &bond.name,
            lacp: bond.mode == Mode::Lacp,
            up_since: work.up_since,
            system: system(bond, link),
            ports: self
                .view
                .links
                .ports_of(link.index)
                .map(|port| self.port_facts(now, work, port))
                .collect(),
            forwards_alone: self.came_online && work.verdict == Verdict::NoPartner && answered,
        };
        let troubles = trouble::of_bond(now, &facts);
        troubles.into_iter().map(|(kind, places)| trouble::finding(kind, &facts, &places)).collect()
    }

    fn port_facts<'a>(&'a self, now: Millis, work: &'a BondWork, port: &'a Link) -> trouble::Port<'a> {
        let (hearing, wire) = (work.hearing.get(&port.index), self.wire(port.index));
        let carrier_since = match port.carrier {
            true => hearing.and_then(|hearing| hearing.carrier_since).or(Some(now)),
            // Out for a moment only.
            false => wire.and_then(|wire| wire.down_since).filter(|since| now < since + trouble::PATIENCE),
        };
        trouble::Port {
            name: &port.name,
            carrier_since,
            passes: is_ready(work, &port.name),
            speed: port.speed,
            sent: hearing.is_some_and(|hearing| hearing.sent) && wire.is_none_or(Wire::may_have_sent),
            heard_since: hearing
                .and_then(|hearing| hearing.heard_since)
                .map(|since| wire.and_then(|wire| wire.passed).map_or(since, |passed| since.max(passed))),
            ever_heard: hearing.is_some_and(|hearing| hearing.ever_heard),
            theirs: wire.and_then(|wire| wire.theirs.as_ref()),
            names_since: wire.and_then(|wire| wire.names_since),
            actor: port.port.unwrap_or_default().actor,
            held_since: wire.and_then(|wire| wire.held_since),
            dhcp: wire.is_some_and(|wire| wire.dhcp),
            flooded: wire.is_some_and(|wire| wire.flooded),
            neighbour: wire.and_then(Wire::neighbour),
        }
    }

    fn interface_facts<'a>(&'a self, target: &'a target::Target) -> trouble::Interface<'a> {
        let heard = target.machine.as_ref().map(|machine| machine.heard());
        let bond = target.bond().and_then(|bond| self.bonds[bond].index);
        let ports = bond.into_iter().flat_map(|index| self.view.links.ports_of(index));
        trouble::Interface {
            name: target.name(),
            vlan: self.plan.vlans.iter().find(|vlan| vlan.name == target.name()).map(|vlan| vlan.id),
            since: target.begun(),
            wants_lease: target.wants_lease() && target.lease().is_none(),
            discovers: target.discovers(),
            answered: heard.is_some_and(|heard| heard.naks > 0 || heard.requests > REQUESTS),
            refused: target.refusals(),
            no_router: target.lease().is_some() && target.router4().is_none(),
            duplicate: target.duplicate,
            router: target.gateway().map(|router| (router, target.router_seen)),
            neighbours: ports.filter_map(|port| self.wire(port.index)?.neighbour()).collect(),
        }
    }

    /// The routers to be looked up among the kernel's neighbours.
    pub fn routers(&self) -> impl Iterator<Item = (u32, std::net::IpAddr)> + '_ {
        self.targets.iter().filter_map(|target| Some((target.index?, target.gateway()?)))
    }

    /// What the kernel says of them. Nobody asks them for our sake.
    pub(super) fn look_at_routers(&mut self) {
        for target in &mut self.targets {
            let key = target.index.zip(target.gateway());
            let entry = self.view.routers.iter().find(|(index, ip, _)| Some((*index, *ip)) == key);
            target.router_seen = match (entry, target.router_seen) {
                (Some((_, _, Router::Unknown)), before) => before,
                (Some((_, _, seen)), _) => *seen,
                (None, _) => Router::Unknown,
            };
        }
    }
}

/// As what the bond presents itself to its partner.
fn system(bond: &Bond, link: &Link) -> Option<Mac> {
    let written = bond.options.0.iter().find(|(name, _)| *name == "ad_actor_system");
    let written = written.and_then(|(_, value)| value.parse().ok()).filter(|mac: &Mac| !mac.is_zero());
    written.or(link.mac)
}
