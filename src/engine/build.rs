//! From settled ports to a bond that is up, and the VLANs on it. The same code repairs it later.

use super::state::{FoundBond, FoundPort, Phase};
use super::types::{Action, Exit, Refusal};
use super::{Engine, Try};
use crate::clock::Millis;
use crate::links::{Kind, Link};
use crate::mac::Mac;
use crate::settle::Settle;

/// A port that refuses for so long is left out, if there is another. Milliseconds.
const PORT_PATIENCE: Millis = 5_000;

/// Option names and values.
type Pairs = Vec<(&'static str, String)>;

/// Options that must come after the first port and before the bond is up: kernels before d745b5062ad2 (2022)
/// never send an LACPDU from a bond that was made with them.
fn is_late(option: &str) -> bool {
    option.starts_with("ad_actor_") || option == "ad_user_port_key"
}

/// Options that name a port: they can be set only once it is one.
fn names_a_port(option: &str) -> bool {
    matches!(option, "primary" | "active_slave")
}

impl Engine {
    /// True once links may be touched.
    pub(super) fn settle(&mut self, now: Millis, out: &mut Vec<Action>) -> bool {
        let wanted: Vec<_> = self.bonds.iter().flat_map(|work| work.ports.clone()).collect();
        let texts: Vec<_> = self.plan.bonds.iter().flat_map(|bond| bond.ports.clone()).collect();
        let verdict = self.settling.verdict(now, &self.view.links, &self.view.udev, &wanted, &texts);
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
            }
            Settle::Missing(names) => {
                let complete = self.bonds.iter().all(|work| self.ports_there(work).next().is_some());
                if !complete {
                    self.never_came(&names, limit, out);
                    return false;
                }
                let text = format!("going on without {}: not there after {} s", list(&names), limit / 1_000);
                out.push(Action::Say(log::Level::Warn, text));
            }
        }
        self.times.settled = Some(now);
        self.phase = Phase::Building;
        let ports = self.bonds.iter().flat_map(|work| self.ports_there(work));
        let ports: Vec<_> = ports
            .map(|link| link.own_mac().map_or(link.name.clone(), |mac| format!("{} ({mac})", link.name)))
            .collect();
        out.push(Action::Say(log::Level::Info, format!("ports have their final names: {}", list(&ports))));
        true
    }

    fn never_came(&mut self, names: &[String], limit: Millis, out: &mut Vec<Action>) {
        let there: Vec<String> = self
            .view
            .links
            .0
            .iter()
            .filter(|link| {
                link.can_be_port() && link.kind == Kind::Device || matches!(link.kind, Kind::Other(_))
            })
            .map(|link| link.name.clone())
            .collect();
        let seen = if there.is_empty() {
            "no network interface at all".into()
        } else {
            format!("only {}", list(&there))
        };
        let sentence = format!(
            "{} did not appear within {} s; there is {seen}; check the names in bond=, or whether the NIC's driver is in the image",
            list(names),
            limit / 1_000
        );
        if self.config.limited {
            self.fail(Exit::NoPorts, sentence, out);
        } else {
            self.tell_once("ports", sentence, out);
            self.wait(format!("{} to appear", list(names)), self.times.started, None);
        }
    }

    /// The links that are meant by a bond's ports, in the order of the words, each once.
    pub(super) fn ports_there<'a>(
        &'a self,
        work: &'a super::BondWork,
    ) -> impl Iterator<Item = &'a Link> + 'a {
        let mut seen = Vec::new();
        work.ports.iter().flat_map(|wanted| wanted.find(&self.view.links)).filter(move |link| {
            !seen.contains(&link.index) && {
                seen.push(link.index);
                true
            }
        })
    }

    /// Brings one bond as far as it can be brought by this look.
    pub(super) fn build_bond(&mut self, now: Millis, which: usize, out: &mut Vec<Action>) {
        let Some(bond) = self.own_bond(now, which, out) else { return };
        let joined = self.join_ports(now, which, &bond, out);
        let Some(waiting_for_ports) = joined else { return };
        if !bond.up && !waiting_for_ports {
            self.open_bond(now, which, &bond, out);
        }
        if bond.up {
            let work = &mut self.bonds[which];
            if work.up_since.is_none() {
                work.up_since = Some(now);
            }
            self.check_options(which, &bond, out);
        }
    }

    /// The bond, if it is there and ours; else what makes it so goes out.
    fn own_bond(&mut self, now: Millis, which: usize, out: &mut Vec<Action>) -> Option<Link> {
        let spec = self.plan.bonds[which].clone();
        let (early, _) = self.options(which);
        let mac = self.bond_mac(which);
        let Some(link) = self.view.links.named(&spec.name).cloned() else {
            let work = &mut self.bonds[which];
            work.index = None;
            work.up_since = None;
            work.late_options_sent = false;
            // Nobody to enslave: a bond without ports that is up would only wait for nothing.
            if self.ports_there(&self.bonds[which]).next().is_some()
                && self.tries.allow(now, &Try::Create(spec.name.clone()))
            {
                self.bonds[which].creating = true;
                out.push(Action::LoadModule("bonding"));
                out.push(Action::CreateBond {
                    name: spec.name,
                    mode: spec.mode as u8,
                    options: early,
                    mac,
                    mtu: spec.mtu,
                });
            }
            return None;
        };
        let Some(side) = link.bond() else {
            let sentence = format!(
                "{} exists already and is no bond; give the bond another name: bond=NAME:PORTS",
                link.name
            );
            self.fail(Exit::Words, sentence, out);
            return None;
        };
        let known = self.found.bonds.iter().any(|bond| bond.index == link.index);
        if !known {
            let foreign: Vec<_> =
                self.view.links.ports_of(link.index).map(|port| port.name.clone()).collect();
            if !foreign.is_empty() {
                let sentence = format!(
                    "{} exists already with ports that bondstrap did not put there ({}); it is left alone: \
                     give the new bond another name, or remove the old one: ip link del {}",
                    link.name,
                    list(&foreign),
                    link.name
                );
                self.fail(Exit::Words, sentence, out);
                return None;
            }
            let work = &mut self.bonds[which];
            let before = work.there_at_start.then_some(side.mode);
            self.found.bonds.push(FoundBond { index: link.index, name: link.name.clone(), before });
            work.index = Some(link.index);
            if work.creating {
                work.creating = false;
                return Some(link);
            }
            out.push(Action::Say(
                log::Level::Info,
                format!("{} was there already, empty: taking it over", link.name),
            ));
        }
        self.bonds[which].index = Some(link.index);
        // Ours, but empty and in another mode: the module made it, or somebody changed it.
        let empty = self.view.links.ports_of(link.index).next().is_none();
        if empty && side.mode != spec.mode as u8 {
            if self.tries.allow(now, &Try::TakeOver(link.index)) {
                out.push(Action::TakeOver {
                    index: link.index,
                    mode: spec.mode as u8,
                    options: early,
                    mac,
                    mtu: spec.mtu,
                });
            }
            return None;
        }
        if !known {
            out.push(Action::TakeOver {
                index: link.index,
                mode: spec.mode as u8,
                options: early,
                mac,
                mtu: spec.mtu,
            });
            return None;
        }
        Some(link)
    }

    /// Puts every port that is there into the bond. None: what was sent must be looked at first;
    /// `Some(true)`: ports are still being fought for.
    fn join_ports(&mut self, now: Millis, which: usize, bond: &Link, out: &mut Vec<Action>) -> Option<bool> {
        let ports: Vec<Link> = self.ports_there(&self.bonds[which]).cloned().collect();
        let mut joined = 0;
        let mut contested = false;
        let mut sent = false;
        for port in &ports {
            if port.controller == Some(bond.index) {
                joined += 1;
                self.refusals.remove(&Try::Enslave(port.index));
                if !port.up && bond.up && self.tries.allow(now, &Try::Up(port.index)) {
                    out.push(Action::Up(port.index));
                    sent = true;
                }
                continue;
            }
            if let Some(other) = port.controller {
                let other = self.view.links.get(other).map_or("another interface", |link| link.name.as_str());
                let sentence = format!(
                    "{} is a port of {other} already; take it out first: ip link set {} nomaster",
                    port.name, port.name
                );
                if self.phase == Phase::Building && self.config.limited {
                    self.fail(Exit::Words, sentence, out);
                    return None;
                }
                self.tell_once("controller", sentence, out);
                continue;
            }
            let first = !self.found.ports.iter().any(|found| found.index == port.index);
            if first
                && !self.settling.may_touch(now, port.index, &self.view.udev)
                && self.times.built.is_some()
            {
                let at = self.settling.quiet_at().filter(|at| *at > now);
                self.wake(at);
                continue;
            }
            let what = Try::Enslave(port.index);
            let since = self.times.settled.unwrap_or(now);
            contested |= now < since + PORT_PATIENCE;
            if self.tries.allow(now, &what) {
                if first {
                    let own = FoundPort { index: port.index, up: port.up, mac: port.mac, mtu: port.mtu };
                    self.found.ports.push(own);
                }
                if self.times.built.is_some() {
                    out.push(Action::Say(log::Level::Info, format!("{} joins {}", port.name, bond.name)));
                }
                out.push(Action::Enslave { port: port.index, bond: bond.index });
                sent = true;
            }
        }
        if sent {
            return None;
        }
        if joined == 0 && !contested && !bond.up && !ports.is_empty() {
            self.no_port_joined(&ports, bond, out);
            return None;
        }
        Some(contested || joined == 0)
    }

    fn no_port_joined(&mut self, ports: &[Link], bond: &Link, out: &mut Vec<Action>) {
        let why: Vec<_> = ports
            .iter()
            .map(|port| {
                let refusal = self.refusals.get(&Try::Enslave(port.index));
                format!("{}: {}", port.name, refusal.map_or("no answer", String::as_str))
            })
            .collect();
        let sentence = format!(
            "the kernel lets no port into {} ({}); something else holds the NICs: look with ip -d link",
            bond.name,
            list(&why)
        );
        self.refused(sentence, out);
    }

    /// Late options, then up: only now that the ports are in, or it would wait 8 s for nothing (bond_open(),
    /// agg_select_timer).
    fn open_bond(&mut self, now: Millis, which: usize, bond: &Link, out: &mut Vec<Action>) {
        let (_, late) = self.options(which);
        if !late.is_empty() && !self.bonds[which].late_options_sent {
            self.bonds[which].late_options_sent = true;
            out.push(Action::SetOptions { index: bond.index, options: late });
        }
        if self.tries.allow(now, &Try::Up(bond.index)) {
            out.push(Action::Up(bond.index));
            if self.bonds[which].up_since.is_none() {
                let names: Vec<_> =
                    self.view.links.ports_of(bond.index).map(|port| port.name.clone()).collect();
                let text = format!(
                    "{} is up in mode {} with {}",
                    bond.name,
                    self.plan.bonds[which].mode.name(),
                    list(&names)
                );
                out.push(Action::Say(log::Level::Info, text));
            }
        }
    }

    /// The bond's options: those for its making, and those that must wait for a port.
    fn options(&self, which: usize) -> (Pairs, Pairs) {
        let all = self.plan.bonds[which].options.0.iter().cloned();
        all.partition(|(name, _)| !is_late(name) && !names_a_port(name))
    }

    /// The address that the bond shall have: BOOTIF's port, else the first port in the order of the words.
    fn bond_mac(&self, which: usize) -> Option<Mac> {
        let ports: Vec<Mac> = self.ports_there(&self.bonds[which]).filter_map(Link::own_mac).collect();
        let booted = self.plan.bootif.filter(|mac| ports.contains(mac));
        booted.or(self.plan.bonds[which].mac).or(ports.first().copied())
    }

    /// What the kernel silently ignored (old kernels do) is told, once.
    fn check_options(&mut self, which: usize, bond: &Link, out: &mut Vec<Action>) {
        if self.bonds[which].checked {
            return;
        }
        self.bonds[which].checked = true;
        let Some(side) = bond.bond() else { return };
        for (name, wanted) in &self.plan.bonds[which].options.0 {
            let is = side.options.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str());
            if names_a_port(name) || is == Some(wanted.as_str()) {
                continue;
            }
            let text = format!(
                "kernel {} ignored the bond option {name}={wanted}{}",
                self.config.kernel,
                is.map_or(String::new(), |is| format!(" (it is {is})"))
            );
            out.push(Action::Say(log::Level::Warn, text));
        }
    }

    pub(super) fn build_vlans(&mut self, now: Millis, out: &mut Vec<Action>) {
        for vlan in self.plan.vlans.clone() {
            let Some(lower) = self.view.links.named(&vlan.link) else { continue };
            let (lower_index, lower_up) = (lower.index, lower.up);
            let Some(link) = self.view.links.named(&vlan.name).cloned() else {
                // The VLAN takes the address of what it stands on: not before the bond has its ports.
                if lower_up && self.tries.allow(now, &Try::Create(vlan.name.clone())) {
                    out.push(Action::LoadModule("8021q"));
                    out.push(Action::CreateVlan { name: vlan.name, lower: lower_index, id: vlan.id });
                }
                continue;
            };
            if link.kind != Kind::Vlan(vlan.id) || link.lower != Some(lower_index) {
                let sentence = format!(
                    "{} exists already and is not VLAN {} on {}; give the VLAN another name: vlan=NAME:{}",
                    vlan.name, vlan.id, vlan.link, vlan.link
                );
                self.fail(Exit::Words, sentence, out);
                return;
            }
            let created = self.tries.count(&Try::Create(vlan.name.clone())) > 0;
            if created && !self.found.vlans.contains(&link.index) {
                self.found.vlans.push(link.index);
            }
            if !link.up && lower_up && self.tries.allow(now, &Try::Up(link.index)) {
                out.push(Action::Up(link.index));
            }
        }
    }

    /// Something that was sent out could not be done.
    pub(super) fn failed(&mut self, action: &Action, refusal: &Refusal, out: &mut Vec<Action>) {
        const EEXIST: i32 = 17;
        let text = refusal.text.clone();
        match action {
            Action::LoadModule(_) => self.module_refusal = Some(text),
            Action::CreateBond { name, .. } => {
                if let Some(work) = self.plan.bonds.iter().position(|bond| bond.name == *name) {
                    self.bonds[work].creating = false;
                }
                // The module made one of this name while it was loaded: the next look finds it.
                if refusal.errno == EEXIST {
                    return;
                }
                let module =
                    self.module_refusal.take().map_or(String::new(), |words| format!("; modprobe: {words}"));
                let sentence = format!(
                    "the kernel refused to make {name}: {text}{module}; is the bonding module of this kernel in the image?"
                );
                self.refused(sentence, out);
            }
            Action::CreateVlan { name, .. } => {
                let module =
                    self.module_refusal.take().map_or(String::new(), |words| format!("; modprobe: {words}"));
                let sentence = format!(
                    "the kernel refused to make {name}: {text}{module}; is the 8021q module of this kernel in the image?"
                );
                self.refused(sentence, out);
            }
            Action::TakeOver { index, options, .. } | Action::SetOptions { index, options } => {
                let name = self.name_of(*index);
                let given: Vec<_> = options.iter().map(|(name, value)| format!("{name}={value}")).collect();
                let sentence =
                    format!("the kernel refused the options of {name} ({}): {text}", given.join(","));
                self.refused(sentence, out);
            }
            Action::Enslave { port, .. } => {
                let what = Try::Enslave(*port);
                if self.tries.count(&what) == 1 {
                    let line = format!("{} can't join yet ({text}); trying again", self.name_of(*port));
                    out.push(Action::Say(log::Level::Debug, line));
                }
                self.refusals.insert(what, text);
            }
            Action::Up(index) => {
                let sentence = format!("the kernel refused to set {} up: {text}", self.name_of(*index));
                if self.tries.count(&Try::Up(*index)) > 5 {
                    self.refused(sentence, out);
                } else {
                    out.push(Action::Say(log::Level::Warn, sentence));
                }
            }
            Action::AddAddress { index, address, .. } => {
                let sentence =
                    format!("the kernel refused the address {address} on {}: {text}", self.name_of(*index));
                self.refused(sentence, out);
            }
            Action::OpenDhcp(index) => {
                let sentence = format!("no packet socket on {}: {text}", self.name_of(*index));
                self.refused(sentence, out);
            }
            other => {
                let text = format!("{}: {text}", super::tell::name(other, &self.view.links));
                out.push(Action::Say(log::Level::Warn, text));
            }
        }
    }

    /// The kernel refused something without which it does not go on.
    fn refused(&mut self, sentence: String, out: &mut Vec<Action>) {
        if self.config.limited || self.times.built.is_none() {
            self.fail(Exit::Refused, sentence, out);
        } else {
            out.push(Action::Say(log::Level::Error, sentence));
        }
    }

    pub(super) fn name_of(&self, index: u32) -> String {
        self.view.links.get(index).map_or_else(|| format!("interface {index}"), |link| link.name.clone())
    }
}

/// `a, b and c` would cost words: `a, b, c`.
pub(super) fn list(names: &[String]) -> String {
    names.join(", ")
}
