//! From the Plan's ports to links that may be touched: final names, and what is said while they are awaited.

use super::state::Phase;
use super::tell::list;
use super::types::{Action, Exit};
use super::{BondWork, Engine};
use crate::clock::Millis;
use crate::links::Link;
use crate::plan::devices::unbuilt_vlan;
use crate::settle::Settle;
use crate::settle::resolve::Wanted;

impl Engine {
    /// True once links may be touched.
    pub(super) fn settle(&mut self, now: Millis, out: &mut Vec<Action>) -> bool {
        let mut texts: Vec<_> = self.plan.bonds.iter().flat_map(|bond| bond.ports.clone()).collect();
        texts.extend(self.other_nics());
        let found: Vec<_> = texts.iter().map(|text| self.meant(&Wanted::parse(text))).collect();
        let verdict = self.settling.verdict(now, &self.view.links, &self.view.udev, &found, &texts);
        let since = self.settling.clear_since().unwrap_or(now).max(self.times.started);
        let limit = Millis::from(self.plan.timeouts.iflink) * 1_000;
        match verdict {
            Settle::Settled => {}
            Settle::Temporary(names) => {
                self.wait(
                    format!("final names: {} will be renamed by the installer", list(&names)),
                    now,
                    None,
                );
                return false;
            }
            Settle::Down(names) => {
                let what =
                    format!("the keymap screen to be left: only then the installer sets {} up", list(&names));
                self.wait(what, now, None);
                return false;
            }
            Settle::Quiet(at) => {
                self.wait("final names: something was renamed a moment ago".into(), now, None);
                self.wake(at);
                return false;
            }
            Settle::Udev(names) if now < since + limit => {
                self.wait(format!("udev to finish with {}", list(&names)), since, Some(limit));
                self.wake(since + limit);
                return false;
            }
            Settle::Missing(names) if self.came_online && self.has_ports() => {
                let text = format!("going on without {}: it joins when it comes", list(&names));
                out.push(Action::Say(log::Level::Info, text));
            }
            Settle::Missing(names) if now < since + limit => {
                self.wait(format!("{} to appear", list(&names)), since, Some(limit));
                self.wake(since + limit);
                return false;
            }
            Settle::Udev(names) => {
                let text = format!(
                    "udev has not finished with {} after {} s; going on",
                    list(&names),
                    limit / 1_000
                );
                out.push(Action::Say(log::Level::Warn, text));
                self.settling.go_on();
            }
            Settle::Missing(names) => {
                if !self.has_ports() || self.config.limited && self.is_nowhere() {
                    self.never_came(&names, limit, out);
                    return false;
                }
                let (names, limit) = (list(&names), limit / 1_000);
                let text = format!("going on without {names}: not there after {limit} s; {}", self.nics());
                out.push(Action::Say(log::Level::Warn, text));
            }
        }
        self.times.settled = Some(now);
        self.is_over_with(&["ports"]);
        self.phase = Phase::Building;
        let ports = self.bonds.iter().flat_map(|work| self.ports_there(work));
        let ports: Vec<_> = ports
            .map(|link| link.own_mac().map_or(link.name.clone(), |mac| format!("{} ({mac})", link.name)))
            .collect();
        out.push(Action::Say(
            log::Level::Info,
            format!("ports have their final names: {}", ports.join(", ")),
        ));
        true
    }

    /// Each bond has a port that is there.
    fn has_ports(&self) -> bool {
        self.bonds.iter().all(|work| self.ports_there(work).next().is_some())
    }

    /// NICs of the words that are in no bond: they carry an address, a VLAN or a bridge themselves.
    fn other_nics(&self) -> Vec<String> {
        let plan = &self.plan;
        let names = plan.interfaces.iter().map(|interface| &interface.name);
        let names = names.chain(plan.vlans.iter().map(|vlan| &vlan.link));
        let names = names.chain(plan.bridges.iter().flat_map(|bridge| &bridge.ports));
        let mut nics: Vec<String> = names.filter(|name| !plan.builds(name)).cloned().collect();
        nics.sort();
        nics.dedup();
        nics
    }

    /// The NICs that are there, for a sentence.
    pub(super) fn nics(&self) -> String {
        let nics = self.view.links.0.iter().filter(|link| link.is_nic());
        let there: Vec<String> = nics.map(|link| link.name.clone()).collect();
        match there.as_slice() {
            [] => "there is no NIC at all".into(),
            [one] => format!("there is only {one}"),
            _ => format!("there are only {}", list(&there)),
        }
    }

    fn never_came(&mut self, names: &[String], limit: Millis, out: &mut Vec<Action>) {
        let sentence = format!(
            "{} did not appear within {} s; {}; {}",
            list(names),
            limit / 1_000,
            self.nics(),
            self.advice_on(names)
        );
        self.over("ports", Exit::NoPorts, sentence, out);
        if self.outcome.is_none() {
            self.wait(format!("{} to appear", list(names)), self.times.started, None);
        }
    }

    /// What to do about devices that are not there.
    pub(super) fn advice_on(&self, names: &[String]) -> String {
        let builds = |name: &str| self.plan.builds(name);
        let vlan = names.iter().find_map(|name| Some((name, unbuilt_vlan(name, builds)?)));
        vlan.map_or_else(
            || "check the names in the boot line, or whether the NIC's driver is in the image".into(),
            |(name, link)| format!("no vlan= builds {name}: write vlan={name}:{link}"),
        )
    }

    /// The links that are meant by a bond's ports, in the order of the words, each once.
    pub(super) fn ports_there<'a>(&'a self, work: &'a BondWork) -> impl Iterator<Item = &'a Link> + 'a {
        let mut seen = Vec::new();
        work.ports.iter().flat_map(|wanted| self.meant(wanted)).filter(move |link| {
            !seen.contains(&link.index) && {
                seen.push(link.index);
                true
            }
        })
    }

    /// The links that a port of the words means.
    pub(super) fn meant(&self, wanted: &Wanted) -> Vec<&Link> {
        wanted.find(&self.view.links, &|name| self.plan.builds(name))
    }

    /// The bond of which a link is a port, or is to be one.
    pub(super) fn bond_of(&self, link: &Link) -> Option<usize> {
        let has = |work: &BondWork| work.index.is_some() && work.index == link.controller;
        let may_have = |which: &usize| {
            let mut ports = self.ports_there(&self.bonds[*which]);
            // One that is looked for is not every port that could be it.
            ports.any(|port| port.index == link.index)
                && (!self.searches(*which) || self.is_free(*which, link))
        };
        self.bonds.iter().position(has).or_else(|| (0..self.bonds.len()).find(may_have))
    }

    /// An `ip=` that names a port by its MAC (`BOOTIF`) means the bond, also where only the machine tells that it is one.
    pub(super) fn point_targets(&mut self) {
        for which in 0..self.targets.len() {
            let Some(nic) = self.targets[which].nic(&self.view.links) else { continue };
            let bond = self.bond_of(nic);
            let name = bond.map_or(&nic.name, |bond| &self.plan.bonds[bond].name).clone();
            let target = &mut self.targets[which];
            (target.bond, target.spec.name) = (bond, name);
        }
    }
}
