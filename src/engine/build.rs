//! From settled ports to a bond that is up. The same code repairs it later.

use super::state::{FoundAddress, FoundBond, FoundPort, Phase};
use super::tell::list;
use super::types::{Action, Exit};
use super::{Engine, Try};
use crate::clock::Millis;
use crate::lacp::verdict::Verdict;
use crate::links::Link;
use crate::mac::Mac;
use crate::settle::resolve::Wanted;

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
    /// Brings one bond as far as it can be brought by this look.
    pub(super) fn build_bond(&mut self, now: Millis, which: usize, out: &mut Vec<Action>) {
        let Some(bond) = self.own_bond(now, which, out) else { return };
        let joined = self.join_ports(now, which, &bond, out);
        let Some(waiting_for_ports) = joined else { return };
        if !waiting_for_ports {
            self.send_late_options(which, &bond, out);
        }
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
            // Whoever removed it has removed what there was to give back.
            self.found.bonds.retain(|bond| bond.name != spec.name);
            if self.bonds[which].index.is_some() {
                let line = format!("{} was deleted by something else: making it again", spec.name);
                self.tell_undone(now, &Try::Create(spec.name.clone()), line, out);
                self.forget_bond(now, which);
            }
            // Nobody to enslave: a bond without ports that is up would only wait for nothing.
            if self.ports_there(&self.bonds[which]).next().is_some()
                && self.tries.allow(now, &Try::Create(spec.name.clone()))
            {
                self.bonds[which].creating = true;
                // Noted before it is there: whoever kills us in between must not leave a bond of nobody's.
                self.found.bonds.push(FoundBond { index: 0, name: spec.name.clone(), before: None });
                out.push(Action::LoadModule("bonding"));
                let name = spec.name;
                out.push(Action::CreateBond {
                    name: name.clone(),
                    mode: spec.mode as u8,
                    options: early,
                    mac,
                    mtu: self.mtu_of(&name),
                });
            }
            return None;
        };
        if self.bonds[which].index.is_some_and(|index| index != link.index) {
            let line = format!("{} was replaced by something else", spec.name);
            self.tell_undone(now, &Try::Create(spec.name.clone()), line, out);
            self.forget_bond(now, which);
        }
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
            self.found.bonds.retain(|bond| bond.name != link.name);
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
        let other_mode = side.mode != spec.mode as u8;
        let ports: Vec<u32> = self.view.links.ports_of(link.index).map(|port| port.index).collect();
        if other_mode && !ports.is_empty() {
            // An earlier engine had other words; the mode of a bond with ports can't be changed.
            if self.tries.allow(now, &Try::Empty(link.index)) {
                out.extend(ports.into_iter().map(Action::Release));
            }
            return None;
        }
        if other_mode || !known {
            if self.tries.allow(now, &Try::TakeOver(link.index)) {
                out.push(Action::TakeOver {
                    index: link.index,
                    mode: spec.mode as u8,
                    options: early,
                    mac,
                    mtu: self.mtu_of(&spec.name),
                });
            }
            return None;
        }
        Some(link)
    }

    /// The bond that was there is no more: what was known of it is not true of another, whatever that is called.
    pub(super) fn forget_bond(&mut self, now: Millis, which: usize) {
        let work = &mut self.bonds[which];
        work.index = None;
        (work.let_in_since, work.up_since, work.carrier_since) = (None, None, None);
        if work.verdict != Verdict::NoPorts {
            (work.verdict, work.verdict_since) = (Verdict::NoPorts, now);
        }
        work.late_options_sent.clear();
        work.joined.clear();
        // What stood on it has gone with it.
        self.in_place.clear();
    }

    /// Puts every port that is there into the bond. None: what was sent must be looked at first;
    /// `Some(true)`: ports are still being fought for.
    fn join_ports(&mut self, now: Millis, which: usize, bond: &Link, out: &mut Vec<Action>) -> Option<bool> {
        self.miss_ports(which, bond, out);
        let ports: Vec<Link> = self.ports_there(&self.bonds[which]).cloned().collect();
        let let_in_since = *self.bonds[which].let_in_since.get_or_insert(now);
        let mut joined = 0;
        let mut contested = false;
        let mut sent = false;
        for port in &ports {
            if port.controller == Some(bond.index) {
                joined += 1;
                self.refusals.remove(&Try::Enslave(port.index));
                let new = self.bonds[which].joined.insert(port.index, port.name.clone()).is_none();
                if new && self.times.built.is_some() && !self.insists(now) {
                    out.push(Action::Say(
                        log::Level::Info,
                        format!("{} has joined {}", port.name, bond.name),
                    ));
                }
                if !port.up && bond.up && self.tries.allow(now, &Try::Up(port.index)) {
                    let line = format!("{} was set down by something else: setting it up again", port.name);
                    self.tell_undone(now, &Try::Up(port.index), line, out);
                    out.push(Action::Up(port.index));
                    sent = true;
                }
                continue;
            }
            let was_in = self.bonds[which].joined.remove(&port.index).is_some();
            if was_in && port.controller.is_none() {
                let line = format!(
                    "{} was taken out of {} by something else: putting it back",
                    port.name, bond.name
                );
                self.tell_undone(now, &Try::Enslave(port.index), line, out);
            }
            if let Some(other) = port.controller {
                let other = self.view.links.get(other).map_or("another interface", |link| link.name.as_str());
                let sentence = format!(
                    "{} is a port of {other} already; take it out first: ip link set {} nomaster",
                    port.name, port.name
                );
                if self.phase == Phase::Building && self.config.limited && !self.came_online {
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
            if first && self.view.udev.running && !self.view.udev.handled.contains(&port.index) {
                let line = format!("udev has not finished with {}; going on", port.name);
                out.push(Action::Say(log::Level::Warn, line));
            }
            let what = Try::Enslave(port.index);
            if now < let_in_since + PORT_PATIENCE {
                contested = true;
            } else if let Some(why) = self.refusals.get(&what)
                && self.bonds[which].left_out.insert(port.index)
            {
                let line = format!("{} does not get into {}: {why}; still trying", port.name, bond.name);
                out.push(Action::Say(log::Level::Warn, line));
            }
            if self.tries.allow(now, &what) {
                if first {
                    self.note_port(port, out);
                }
                out.push(Action::Enslave { port: port.index, bond: bond.index });
                sent = true;
            }
        }
        if sent {
            return None;
        }
        // Another time it is told again.
        if joined > 0 {
            self.told.remove("joined");
        }
        if joined == ports.len() {
            self.told.remove("controller");
        }
        if joined == 0 && !contested && !bond.up && !ports.is_empty() {
            self.no_port_joined(&ports, bond, out);
            return None;
        }
        Some(contested || joined == 0)
    }

    /// NICs that were ports and are no more.
    fn miss_ports(&mut self, which: usize, bond: &Link, out: &mut Vec<Action>) {
        let links = &self.view.links;
        self.bonds[which].joined.retain(|index, name| {
            let there = links.get(*index).is_some();
            if !there {
                let line = format!(
                    "{name} is gone, the NIC itself: {} goes on without it; it joins again should it come back",
                    bond.name
                );
                out.push(Action::Say(log::Level::Warn, line));
            }
            there
        });
    }

    fn note_port(&mut self, port: &Link, out: &mut Vec<Action>) {
        self.found.ports.push(FoundPort { index: port.index, up: port.up });
        self.put_aside(port, out);
    }

    /// Keeps what a port has, to be given back, and takes its addresses off: on a port they would only mislead.
    pub(super) fn put_aside(&mut self, port: &Link, out: &mut Vec<Action>) {
        let addresses: Vec<FoundAddress> =
            self.view.addresses.iter().filter(|address| address.index == port.index).cloned().collect();
        let defaults = self.view.defaults.iter().filter(|route| route.index == port.index);
        self.found.defaults.extend(defaults.cloned());
        if addresses.is_empty() {
            return;
        }
        let texts: Vec<_> = addresses.iter().map(|address| address.address.to_string()).collect();
        let line = format!(
            "{} has {}: that is put aside while it is a port, and given back with it",
            port.name,
            list(&texts)
        );
        out.push(Action::Say(log::Level::Warn, line));
        for address in &addresses {
            // IPv6 addresses go by themselves when the port is set down.
            if address.address.is_ipv4() && !self.carries_root(address.address) {
                out.push(Action::DelAddress { index: port.index, address: address.address });
            }
        }
        self.found.addresses.extend(addresses);
    }

    /// Up: only now that the ports are in, or it would wait 8 s for nothing (bond_open(),
    /// agg_select_timer).
    fn open_bond(&mut self, now: Millis, which: usize, bond: &Link, out: &mut Vec<Action>) {
        if self.tries.allow(now, &Try::Up(bond.index)) {
            out.push(Action::Up(bond.index));
            if self.bonds[which].up_since.is_some() {
                let line = format!("{} was set down by something else: setting it up again", bond.name);
                self.tell_undone(now, &Try::Up(bond.index), line, out);
            } else {
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

    /// Options that need ports: each once, and one that names a port when that is there.
    fn send_late_options(&mut self, which: usize, bond: &Link, out: &mut Vec<Action>) {
        let (_, mut late) = self.options(which);
        let work = &self.bonds[which];
        late.retain_mut(|(name, value)| {
            if work.late_options_sent.contains(name) {
                return false;
            }
            if !names_a_port(name) {
                return !bond.up;
            }
            // The kernel knows ports by name only.
            let wanted = Wanted::parse(value);
            let port = self.meant(&wanted).into_iter().find(|port| port.controller == Some(bond.index));
            port.map(|port| value.clone_from(&port.name)).is_some()
        });
        if !late.is_empty() {
            self.bonds[which].late_options_sent.extend(late.iter().map(|(name, _)| *name));
            out.push(Action::SetOptions { index: bond.index, options: late });
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
        let written = self.mac_of(&self.plan.bonds[which].name);
        written.or(booted).or(self.plan.bonds[which].mac).or(ports.first().copied())
    }

    /// What the kernel silently ignored (old kernels do) is told, once.
    fn check_options(&mut self, which: usize, bond: &Link, out: &mut Vec<Action>) {
        if self.bonds[which].checked {
            return;
        }
        self.bonds[which].checked = true;
        let Some(side) = bond.bond() else { return };
        let taken_up = self.tries.count(&Try::Create(bond.name.clone())) == 0
            && self.tries.count(&Try::TakeOver(bond.index)) == 0;
        for (name, wanted) in &self.plan.bonds[which].options.0 {
            let is = side.options.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str());
            if names_a_port(name) || is == Some(wanted.as_str()) {
                continue;
            }
            let is = is.map_or(String::new(), |is| format!(" (it is {is})"));
            let text = if taken_up {
                format!(
                    "{} is of an earlier bondstrap up, which made it without {name}={wanted}{is}; it stays so until \
                     bondstrap down",
                    bond.name
                )
            } else {
                format!("kernel {} ignored the bond option {name}={wanted}{is}", self.config.kernel)
            };
            out.push(Action::Say(log::Level::Warn, text));
        }
    }
}
