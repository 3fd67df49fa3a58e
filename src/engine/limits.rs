//! Limits of the waits for a partner and for an address, each with its sentence.

use super::state::Phase;
use super::tell::list;
use super::types::{Action, Exit};
use super::{BondWork, Engine, target};
use crate::clock::Millis;
use crate::lacp::verdict::Verdict;
use crate::plan::Mode;
use crate::settle::{is_temporary, resolve::Wanted};
use crate::trouble::{self, Finding};

/// For the bonds to be built, once their ports are there. Milliseconds.
pub(super) const BUILDING: Millis = 30_000;

impl Engine {
    /// Interfaces that do not have yet what they are to have, but for NICs that are not there: those only where nothing
    /// else is there to be addressed.
    pub(super) fn awaited(&self) -> impl Iterator<Item = (usize, &target::Target)> {
        let links = &self.view.links;
        let nowhere = self.is_nowhere();
        self.targets.iter().enumerate().filter(move |(_, target)| {
            !target.is_done() && (target.is_expected(links) || nowhere && target.asks())
        })
    }

    /// The words ask for addresses, and nothing that they would give one is there or will be. What was online once has
    /// been somewhere.
    pub(super) fn is_nowhere(&self) -> bool {
        let links = &self.view.links;
        !self.came_online
            && self.targets.iter().any(target::Target::asks)
            && !self.targets.iter().any(|target| target.is_expected(links))
    }

    /// Ends what has lasted too long; without limits it is only told.
    pub(super) fn limits(&mut self, now: Millis, out: &mut Vec<Action>) {
        if self.awaited().next().is_none() && self.times.address.is_some() {
            return;
        }
        self.building_limit(now, out);
        if self.outcome.is_none() {
            self.partner_limit(now, out);
        }
        if self.outcome.is_none() {
            self.carrier_limit(now, out);
        }
        if self.outcome.is_none() {
            self.lease_limit(now, out);
        }
    }

    /// What stands on no bond has no partner to wait for.
    fn carrier_limit(&mut self, now: Millis, out: &mut Vec<Action>) {
        let limit = Millis::from(self.plan.timeouts.lacp) * 1_000;
        let dead = |(_, target): &(usize, &target::Target)| {
            target.bond.is_none() && !target.ready && target.plain == Verdict::NoCarrier
        };
        // One port after the other has its turn.
        if self.takes_turns() {
            return;
        }
        let Some(since) = self.single_since().or(self.times.settled) else { return };
        let Some(name) = self.awaited().find(dead).map(|(_, target)| target.name().to_owned()) else {
            return;
        };
        if !self.is_over(now, since + limit) {
            return;
        }
        if let Some(missing) = self.missing_below(&name) {
            let sentence = self.missing_sentence(&name, missing);
            self.over("missing", Exit::NoPorts, sentence, out);
            return;
        }
        let sentence = format!(
            "no carrier on {name} within {} s; check the cable, that the switch port is enabled, and that this is the \
             right NIC",
            limit / 1_000
        );
        self.over("carrier", Exit::NoPartner, sentence, out);
    }

    /// What `name` is or stands on, and no word builds, where that is not there.
    fn missing_below(&self, name: &str) -> Option<String> {
        let is_there = |name: &str| {
            self.view.links.named(name).is_some() || !self.meant(&Wanted::parse(name)).is_empty()
        };
        let mut below = target::all_below(&self.plan, name);
        below.find(|name| !self.plan.builds(name) && !is_there(name)).map(str::to_owned)
    }

    fn missing_sentence(&self, name: &str, missing: String) -> String {
        let what = match name == missing {
            true => format!("{name}, which is to get an address"),
            false => format!("{missing}, on which {name} stands"),
        };
        let advice = self.advice_on(std::slice::from_ref(&missing));
        format!("{what}, is not there; {}; {advice}", self.nics())
    }

    fn building_limit(&mut self, now: Millis, out: &mut Vec<Action>) {
        // An installer that renames has no limit, whenever it does.
        let renaming = self.view.links.0.iter().any(|link| is_temporary(&link.name));
        let building = self.phase == Phase::Building && !renaming;
        let since = self.building_since.or(self.times.settled);
        let Some(since) = since.filter(|_| building) else { return };
        if !self.is_over(now, since + BUILDING) {
            return;
        }
        let there = self.bonds.iter().any(|work| self.ports_there(work).next().is_some());
        let seconds = BUILDING / 1_000;
        if there {
            let sentence = format!(
                "{} s were not enough for {}; something else holds the name or the NICs: look with ip -d link",
                seconds,
                self.building()
            );
            self.over("building", Exit::Refused, sentence, out);
        } else {
            let sentence = format!(
                "the ports were there and have gone again, for {seconds} s by now; {}; check what renames or \
                 removes NICs",
                self.nics()
            );
            self.over("building", Exit::NoPorts, sentence, out);
        }
    }

    fn partner_limit(&mut self, now: Millis, out: &mut Vec<Action>) {
        let limit = Millis::from(self.plan.timeouts.lacp) * 1_000;
        // What a killed engine has left may look ready for a moment, and not be.
        let since = |work: &BondWork| match work.was_ready {
            false => work.partner_since(),
            true => work.cut_since.filter(|_| self.result.is_none()),
        };
        let waits = self.bonds.iter().enumerate().filter_map(|(which, work)| Some((since(work)?, which)));
        let mut late: Vec<(Millis, usize)> = waits.collect();
        late.retain(|(since, _)| self.is_over(now, since + limit));
        if late.iter().any(|(_, which)| self.fall_back(now, *which, out)) {
            return;
        }
        let Some((_, which)) = late.into_iter().min() else { return };
        let sentence = self.partner_sentence(now, which);
        self.over("partner", Exit::NoPartner, sentence, out);
    }

    fn lease_limit(&mut self, now: Millis, out: &mut Vec<Action>) {
        if self.is_turning() {
            self.take_turns(now, out);
            return;
        }
        let limit = self.lease_limit_millis();
        // Over a bond that takes no traffic, or never took any, no address can come: that is the partner's wait.
        let takes = |work: &BondWork| work.was_ready && work.verdict.can_send();
        let opened = |target: &target::Target| target.bond.is_none_or(|bond| takes(&self.bonds[bond]));
        let asked = self.awaited().filter(|(_, target)| opened(target));
        let Some((since, which)) = asked.filter_map(|(which, target)| Some((target.begun()?, which))).min()
        else {
            return;
        };
        if !self.is_over(now, since + limit) {
            return;
        }
        if self.targets[which].has_some() && !self.targets[which].is_done() {
            // The other family has an address: an installer has its network.
            self.do_without(which, out);
            return;
        }
        let sentence = self.lease_sentence(which, limit);
        self.over("lease", Exit::NoAddress, sentence, out);
    }

    /// For all attempts at a lease. Milliseconds.
    pub(super) fn lease_limit_millis(&self) -> Millis {
        Millis::from(self.plan.timeouts.dhcp) * 1_000 * Millis::from(self.plan.dhcp.retry.max(1))
    }

    /// Whether a limit is reached; if not, the engine is woken then.
    fn is_over(&mut self, now: Millis, at: Millis) -> bool {
        if now < at {
            self.wake(at);
        }
        now >= at
    }

    pub(super) fn over(&mut self, what: &'static str, exit: Exit, sentence: String, out: &mut Vec<Action>) {
        if self.config.limited && !self.came_online {
            self.fail(exit, sentence, out);
        } else {
            self.go_on(what, exit, sentence, out);
        }
    }

    pub(super) fn partner_sentence(&self, now: Millis, which: usize) -> String {
        let work = &self.bonds[which];
        let bond = &self.plan.bonds[which];
        let seconds = self.plan.timeouts.lacp;
        let ports = self.hearing(now, which);
        match &work.verdict {
            Verdict::NoCarrier | Verdict::NoPorts => format!(
                "no carrier on any port of {} within {seconds} s ({ports}); check the cables, that the switch ports are \
                 enabled, and that these are the right NICs",
                bond.name
            ),
            Verdict::NoPartner if bond.mode == Mode::Lacp => format!(
                "no LACP partner on {} within {seconds} s ({ports}){}; {}",
                bond.name,
                self.tried_anyway(),
                self.why(
                    which,
                    "set these switch ports to one LACP (802.3ad) group in active mode, or boot with \
                     bondmode=active-backup"
                )
            ),
            Verdict::Negotiating { partner } | Verdict::Distributing { partner } => format!(
                "LACP partner {partner} is heard on {}, but no port passed traffic within {seconds} s ({ports}); {}",
                bond.name,
                self.why(
                    which,
                    "check that these switch ports are in one group, with the same speed and VLANs"
                )
            ),
            Verdict::Down => format!(
                "{} was not up within {seconds} s: something else sets it down; look what else configures the network",
                bond.name
            ),
            Verdict::Ready { .. } | Verdict::NoPartner => {
                format!(
                    "{} was not ready within {seconds} s ({ports}); look with bondstrap status",
                    bond.name
                )
            }
        }
    }

    /// What is wrong with the ports of a bond, and what to do about it; or what is to be done in any case.
    fn why(&self, which: usize, otherwise: &str) -> String {
        self.main_finding(which).map_or_else(|| otherwise.to_owned(), Finding::line)
    }

    fn tried_anyway(&self) -> String {
        let sent: u32 = self.targets.iter().map(target::Target::discovers).sum();
        if sent == 0 {
            String::new()
        } else {
            format!("; DHCP tried all the same, {sent} DISCOVERs, no lease")
        }
    }

    fn lease_sentence(&self, which: usize, limit: Millis) -> String {
        let target = &self.targets[which];
        let lacp = target.bond().map_or(String::new(), |bond| self.partner_clause(bond));
        if !target.wants_lease() || target.done {
            return self.six_sentence(which, limit, &lacp);
        }
        let six = match target.six.is_done() {
            true => String::new(),
            false => format!("; IPv6: {}", self.six_clause(which)),
        };
        let heard = target.heard();
        format!(
            "no DHCP lease on {} within {} s: {lacp}{} DISCOVERs sent, {heard}{six}; {}check that a DHCP server is in this \
             VLAN, or give a static address: ip=ADDRESS::GATEWAY:NETMASK::{}:none",
            target.name(),
            limit / 1_000,
            target.discovers(),
            self.vlan_finding(target.name()),
            target.name()
        )
    }

    /// That the switch port is in another VLAN says more than that nobody answers.
    fn vlan_finding(&self, interface: &str) -> String {
        let is_it =
            |found: &&Finding| found.kind == "other-vlan" && found.ports.iter().any(|name| name == interface);
        self.found_now().iter().find(is_it).map_or(String::new(), |found| found.line() + "; ")
    }

    fn partner_clause(&self, bond: usize) -> String {
        match &self.bonds[bond].verdict {
            Verdict::Ready { ports, partner: Some(partner) } => {
                format!("LACP works (partner {partner} on {}), ", list(ports))
            }
            Verdict::Ready { ports, partner: None } => format!("carrier on {}, ", list(ports)),
            _ => String::new(),
        }
    }

    /// What the ports of a bond hear, for a sentence.
    pub(super) fn hearing(&self, now: Millis, which: usize) -> String {
        let work = &self.bonds[which];
        let mut clauses: Vec<(&str, Vec<String>)> = Vec::new();
        for port in self.ports_there(work) {
            let clause = match work.hearing.get(&port.index) {
                _ if port.controller != work.index => "not in the bond",
                Some(hearing) if self.plan.bonds[which].mode == Mode::Lacp => {
                    hearing.clause(now, self.hears(port.index))
                }
                _ if port.carrier => "carrier",
                _ => "no carrier",
            };
            match clauses.iter_mut().find(|(known, _)| *known == clause) {
                Some((_, ports)) => ports.push(port.name.clone()),
                None => clauses.push((clause, vec![port.name.clone()])),
            }
        }
        let each = clauses.into_iter();
        let each = each.map(|(clause, ports)| format!("{}: {clause}", trouble::list(ports.into_iter())));
        each.collect::<Vec<_>>().join("; ")
    }
}

impl BondWork {
    /// Since when it waits for a partner: one that is switched off is not late.
    pub(super) fn partner_since(&self) -> Option<Millis> {
        self.up_since.max(self.carrier_since)
    }
}
