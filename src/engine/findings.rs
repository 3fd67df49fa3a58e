//! What is wrong, from all that is known: for `status`, and said once for each change.

use super::types::Action;
use super::wires::{Wire, is_ready};
use super::{BondWork, Engine, lease, target};
use crate::clock::Millis;
use crate::lacp::verdict::Verdict;
use crate::links::Link;
use crate::mac::Mac;
use crate::plan::{Bond, Mode};
use crate::trouble::{self, Finding, Kind, Router};

/// What was gone for so long is told again when it comes back. Milliseconds.
const FORGET: Millis = 60_000;
/// The ports of a bond get into the same trouble one after the other: told when it has not grown for so long.
/// Milliseconds.
const GROWS: Millis = 1_000;
/// And so long where it has grown already. Milliseconds.
const GROWN: Millis = 4_000;
/// Switches say who they are every 30 s: told again when the last of them should have. Milliseconds.
const NEIGHBOURS: Millis = 31_000;
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
    told: Vec<Told>,
    /// New ones that may yet grow, and since when they are as they are.
    held: Vec<(Key, Millis)>,
    /// When the first of those is to be told.
    held_until: Option<Millis>,
}

/// What makes a finding another one: its kind, its ports, and, once they are known, where their cables end.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Key {
    kind: String,
    ports: Vec<String>,
    places: Vec<Option<String>>,
}

#[derive(Debug)]
struct Told {
    key: Key,
    /// When it was last found.
    last: Millis,
}

impl Key {
    fn is_part_of(&self, other: &Self) -> bool {
        self.kind == other.kind && self.ports.iter().all(|port| other.ports.contains(port))
    }

    /// The end of each cable is known, or of none: there is nothing to wait for.
    fn is_whole(&self) -> bool {
        let known = self.places.iter().flatten().count();
        known == 0 || known == self.places.len()
    }
}

impl Findings {
    /// When this is to be told; none: it was. The ports of a bond get there one after the other, and their neighbours speak
    /// twice a minute.
    fn due_at(&mut self, now: Millis, key: &Key) -> Option<Millis> {
        let mut known = false;
        for told in
            self.told.iter_mut().filter(|told| told.key.kind == key.kind && told.key.ports == key.ports)
        {
            told.last = now;
            if told.key == *key || key.places.iter().all(Option::is_none) {
                return None;
            }
            known = true;
        }
        // A partner that is another each time can say no more than that.
        if self.told.len() >= MOST_TOLD {
            return None;
        }
        let since = match self.held.iter().find(|(held, _)| held == key) {
            Some((_, since)) => *since,
            None => {
                self.held.push((key.clone(), now));
                now
            }
        };
        Some(match () {
            () if key.places.is_empty() => now,
            () if known && !key.is_whole() => since + NEIGHBOURS,
            () if self.told.iter().any(|told| told.key.is_part_of(key)) => since + GROWN,
            () => since + GROWS,
        })
    }
}

impl Engine {
    /// Works out what is wrong, and says what is new of it.
    pub(super) fn find(&mut self, now: Millis, out: &mut Vec<Action>) {
        // Once for each look: in between only time has passed.
        if !std::mem::take(&mut self.findings.due) && !self.is_held_till(now) {
            return;
        }
        self.findings.held_until = None;
        let mut found: Vec<(Finding, Option<Key>)> = Vec::new();
        for which in 0..self.bonds.len() {
            let of_bond = self.bond_findings(now, which).into_iter();
            found.extend(of_bond.map(|(finding, key)| (finding, Some(key))));
        }
        for (which, target) in self.targets.iter().enumerate() {
            let facts = self.interface_facts(which, target);
            for kind in trouble::of_interface(now, &facts) {
                let finding = facts.finding(kind);
                let told_there = kind == Kind::DuplicateAddress && target.duplicate.is_none();
                let Finding { kind, ports, .. } = finding.clone();
                let key = Key { kind, ports, places: Vec::new() };
                // Of IPv6 each address is told when it is found out.
                found.push((finding, (!told_there).then_some(key)));
            }
        }
        self.findings.held.retain(|(held, _)| found.iter().any(|(_, key)| key.as_ref() == Some(held)));
        for (finding, key) in &found {
            let Some(key) = key else { continue };
            let Some(at) = self.findings.due_at(now, key) else { continue };
            if now < at {
                let until = &mut self.findings.held_until;
                *until = Some(until.map_or(at, |until| at.min(until)));
                self.wake(at);
                continue;
            }
            self.findings.held.retain(|(held, _)| held != key);
            self.findings.told.push(Told { key: key.clone(), last: now });
            out.push(Action::Say(log::Level::Warn, finding.line()));
        }
        self.findings.told.retain(|told| now < told.last + FORGET);
        let found: Vec<Finding> = found.into_iter().map(|(finding, _)| finding).collect();
        let kinds = |all: &[Finding]| -> Vec<(String, Vec<String>)> {
            all.iter().map(|finding| (finding.kind.clone(), finding.ports.clone())).collect()
        };
        let changed = kinds(&found) != kinds(&self.findings.now);
        self.findings.now = found;
        if changed {
            self.tell_partner_again(now);
        }
    }

    /// Something is held back until now. If not yet: the engine is woken then.
    fn is_held_till(&mut self, now: Millis) -> bool {
        let at = self.findings.held_until;
        if at.is_some_and(|at| now < at) {
            self.wake(at);
        }
        at.is_some_and(|at| at <= now)
    }

    /// What is wrong now.
    pub(super) fn found_now(&self) -> &[Finding] {
        &self.findings.now
    }

    /// What is wrong with most ports of a bond, for the sentence of a failure. What is wrong with a port's speed is only
    /// told where nothing else is.
    pub(super) fn main_finding(&self, which: usize) -> Option<&Finding> {
        let ports: Vec<&str> = self.ports_there(&self.bonds[which]).map(|port| port.name.as_str()).collect();
        let covers =
            |found: &Finding| found.ports.iter().filter(|port| ports.contains(&port.as_str())).count();
        let all = self.findings.now.iter().filter(|found| covers(found) > 0 && found.kind != "no-carrier");
        // Of those that cover as many the first.
        all.rev().max_by_key(|found| (found.kind != "speeds-differ", covers(found)))
    }

    fn bond_findings(&self, now: Millis, which: usize) -> Vec<(Finding, Key)> {
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
        let told = |(kind, places): (Kind, Vec<usize>)| {
            let finding = trouble::finding(kind, &facts, &places);
            let at = |place: &usize| facts.ports.get(*place)?.neighbour.map(|neighbour| neighbour.place());
            let places = places.iter().map(at).collect();
            let key = Key { kind: finding.kind.clone(), ports: finding.ports.clone(), places };
            (finding, key)
        };
        troubles.into_iter().map(told).collect()
    }

    fn port_facts<'a>(&'a self, now: Millis, work: &'a BondWork, port: &'a Link) -> trouble::Port<'a> {
        let (hearing, wire) = (work.hearing.get(&port.index), self.wire(port.index));
        let (system, key) = self.partner_of(work, port);
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
            sent: hearing.is_some_and(|hearing| {
                hearing.is_early(now) || hearing.sent && wire.is_none_or(Wire::may_have_sent)
            }),
            heard_since: hearing
                .and_then(|hearing| hearing.heard_since)
                .map(|since| wire.and_then(|wire| wire.passed).map_or(since, |passed| since.max(passed))),
            ever_heard: hearing.is_some_and(|hearing| hearing.ever_heard),
            theirs: wire.and_then(|wire| wire.theirs.as_ref()),
            lag: system.zip(key),
            names_since: wire.and_then(|wire| wire.names_since),
            actor: port.port.unwrap_or_default().actor,
            held_since: wire.and_then(|wire| wire.held_since),
            dhcp: wire.is_some_and(|wire| wire.dhcp),
            flooded: wire.is_some_and(|wire| wire.flooded),
            neighbour: wire.and_then(Wire::neighbour),
        }
    }

    fn interface_facts<'a>(&'a self, which: usize, target: &'a target::Target) -> trouble::Interface<'a> {
        let heard = target.machine.as_ref().map(|machine| machine.heard());
        let work = target.bond().map(|bond| &self.bonds[bond]);
        let index = work.and_then(|work| work.index);
        let ports = index.into_iter().flat_map(|index| self.view.links.ports_of(index));
        let ports = ports.filter(|port| work.is_some_and(|work| is_ready(work, &port.name)));
        trouble::Interface {
            name: target.name(),
            vlan: target::tag_below(&self.plan, target.name()),
            since: target
                .begun()
                .max(work.and_then(|work| work.sends_since))
                .filter(|_| self.verdict_below(which).can_send()),
            wants_lease: target.wants_lease() && target.lease().is_none(),
            discovers: target.discovers(),
            answered: heard.is_some_and(|heard| heard.naks > 0 || heard.requests > REQUESTS),
            refused: target.refusals(),
            foreign_only: target.hears_foreign_only(),
            no_router: target.lease().is_some_and(|lease| lease::routes(lease).is_empty())
                && target.spec.ipv4.gateway.is_none(),
            duplicate: target.duplicate.or(target.six.duplicate().map(Into::into)),
            router: target.router().map(|router| (router, target.router_seen)),
            neighbours: ports.filter_map(|port| self.wire(port.index)?.neighbour()).collect(),
        }
    }

    /// The routers to be looked up among the kernel's neighbours.
    pub fn routers(&self) -> impl Iterator<Item = (u32, std::net::IpAddr)> + '_ {
        self.targets.iter().filter_map(|target| Some((target.index?, target.router()?)))
    }

    /// What the kernel says of them. Nobody asks them for our sake.
    pub(super) fn look_at_routers(&mut self) {
        for target in &mut self.targets {
            let key = target.index.zip(target.router());
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
