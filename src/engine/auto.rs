//! Ports that are to be found (`auto`): listen on every NIC that could be one, bond those of one LAG, give the rest back.

use super::state::FoundNic;
use super::tell::list;
use super::types::{Action, Exit};
use super::{BondWork, Engine, Try};
use crate::clock::Millis;
use crate::lacp::auto::{Candidate, Decision, FEW, SLOW, TRAINING, decide, why_not};
use crate::links::Link;
use crate::settle::resolve::Wanted;

impl Engine {
    /// The ports of this bond are still to be found.
    pub(super) fn searches(&self, which: usize) -> bool {
        self.bonds[which].ports.contains(&Wanted::Auto)
    }

    /// Listens, and chooses once it is clear. True: nothing can be built yet.
    pub(super) fn search(&mut self, now: Millis, which: usize, out: &mut Vec<Action>) -> bool {
        if !self.searches(which) {
            return false;
        }
        let since = *self.bonds[which].searched_since.get_or_insert(now);
        // Names are not final, or were not a moment ago: an installer may take its time.
        let quiet_at = self.settling.quiet_at().filter(|at| *at > now);
        let Some(clear_since) = self.settling.clear_since().filter(|_| quiet_at.is_none()) else {
            self.wake(quiet_at);
            return true;
        };
        let since = since.max(clear_since);
        let may_touch = |nic: &&Link| self.settling.may_touch(now, nic.index, &self.view.udev);
        let nics = self.ports_there(&self.bonds[which]).filter(|nic| self.is_free(which, nic));
        let nics: Vec<Link> = nics.filter(may_touch).cloned().collect();
        for nic in &nics {
            self.open_ears(now, nic, out);
        }
        let heard: Vec<Candidate> = nics.iter().map(|nic| self.candidate(since, nic)).collect();
        let limit = self.lacp_limit();
        // Where links take long to come up, a switch has its time from then on.
        let carrier = heard.iter().filter_map(|nic| nic.carrier_since).min().unwrap_or(since);
        let end = carrier.clamp(since, since + TRAINING) + limit;
        let patience = if self.config.limited && !self.came_online { FEW } else { SLOW };
        match decide(now, &heard, end, patience) {
            Decision::Chosen(places) => {
                self.choose(which, &nics, &heard, &places, out);
                return true;
            }
            Decision::Wait(Some(until)) => {
                self.wake(until);
                return true;
            }
            Decision::Wait(None) => {}
        }
        if now < end {
            self.wake(end);
            return true;
        }
        let each: Vec<_> = heard.iter().map(|nic| format!("{}: {}", nic.name, why_not(nic))).collect();
        let name = self.plan.bonds[which].name.clone();
        let sentence = format!(
            "no port for {name} (auto): no LACPDU heard within {} s ({}); set the switch ports to LACP in active mode, or \
             name the ports: bond={name}:eth0,eth1",
            limit / 1_000,
            if each.is_empty() { "there is no NIC that is free".to_owned() } else { list(&each) }
        );
        let with_carrier: Vec<usize> =
            (0..heard.len()).filter(|place| heard[*place].carrier_since.is_some()).collect();
        if self.may_fall_back(which) && !with_carrier.is_empty() {
            out.push(Action::Say(
                log::Level::Warn,
                format!("{sentence}; going on with those that have carrier"),
            ));
            self.choose(which, &nics, &heard, &with_carrier, out);
            return true;
        }
        self.over("search", Exit::NoPartner, sentence, out);
        true
    }

    /// In use by nobody, and not meant by other words.
    pub(super) fn is_free(&self, which: usize, nic: &Link) -> bool {
        let takes = |port: &Wanted| {
            *port != Wanted::Auto && self.meant(port).iter().any(|link| link.index == nic.index)
        };
        let mut others = self.bonds.iter().enumerate().filter(|(other, _)| *other != which);
        let addressed = self.targets.iter().any(|target| target.spec.name == nic.name);
        nic.controller.is_none() && !addressed && !others.any(|(_, work)| work.ports.iter().any(takes))
    }

    /// What is being waited for meanwhile.
    pub(super) fn searching(&self) -> Option<(String, Millis)> {
        let which = (0..self.bonds.len()).find(|which| self.searches(*which))?;
        let since = self.bonds[which].searched_since?;
        let names: Vec<_> = self.ports_there(&self.bonds[which]).map(|nic| nic.name.clone()).collect();
        let bond = &self.plan.bonds[which].name;
        Some((format!("LACPDUs on {}, to find the ports of {bond} (auto)", list(&names)), since))
    }

    /// Limit for the LACP partner, milliseconds.
    pub(super) fn lacp_limit(&self) -> Millis {
        Millis::from(self.plan.timeouts.lacp) * 1_000
    }

    /// A NIC that is down hears nothing: it is set up, and says nothing by itself.
    fn open_ears(&mut self, now: Millis, nic: &Link, out: &mut Vec<Action>) {
        if nic.up {
            return;
        }
        if !self.found.nics.iter().any(|found| found.index == nic.index) {
            let quiet = true;
            self.found.nics.push(FoundNic { index: nic.index, up: false, mac: nic.mac, mtu: nic.mtu, quiet });
            out.push(Action::Quiet { index: nic.index, quiet });
        }
        if self.tries.allow(now, &Try::Up(nic.index)) {
            out.push(Action::Up(nic.index));
        }
    }

    fn candidate(&self, since: Millis, nic: &Link) -> Candidate {
        let wire = self.wire(nic.index);
        Candidate {
            name: nic.name.clone(),
            since,
            carrier_since: nic.carrier.then(|| wire.and_then(|wire| wire.carrier_since).unwrap_or(since)),
            theirs: wire.and_then(|wire| wire.theirs).map(|pdu| pdu.actor),
            spoke_since: wire.and_then(|wire| wire.spoke_since),
            booted: self.plan.bootif.is_some() && nic.own_mac() == self.plan.bootif,
        }
    }

    fn choose(
        &mut self,
        which: usize,
        nics: &[Link],
        heard: &[Candidate],
        places: &[usize],
        out: &mut Vec<Action>,
    ) {
        let chosen: Vec<String> = places.iter().map(|place| heard[*place].name.clone()).collect();
        let left_out = (0..heard.len()).filter(|place| !places.contains(place));
        let left_out: Vec<_> =
            left_out.map(|place| format!("{}: {}", heard[place].name, why_not(&heard[place]))).collect();
        let why = places.first().and_then(|place| heard[*place].theirs);
        let why = why.map_or(String::new(), |side| {
            let booted = places.iter().any(|place| heard[*place].booted);
            let booted = if booted { ", that of BOOTIF among them" } else { "" };
            format!(
                ", the largest group that announces one LACP system ({}) and key ({}){booted}",
                side.system, side.key
            )
        });
        let left_out =
            if left_out.is_empty() { String::new() } else { format!("; left out: {}", list(&left_out)) };
        let name = &self.plan.bonds[which].name;
        let line = format!("auto: {name} is made of {}{why}{left_out}", chosen.join(", "));
        out.push(Action::Say(log::Level::Info, line));
        // Whoever was down before is down again: a bond sets its ports up itself.
        for nic in nics {
            let Some(place) = self.found.nics.iter().position(|found| found.index == nic.index) else {
                continue;
            };
            let found = self.found.nics.remove(place);
            out.push(Action::Down(nic.index));
            out.extend(found.quiet.then_some(Action::Quiet { index: nic.index, quiet: false }));
        }
        self.found_ports(which, &chosen);
    }

    /// These are the ports.
    pub(super) fn found_ports(&mut self, which: usize, names: &[String]) {
        let work: &mut BondWork = &mut self.bonds[which];
        work.ports.retain(|port| *port != Wanted::Auto);
        work.ports.extend(names.iter().cloned().map(Wanted::Name));
    }
}
