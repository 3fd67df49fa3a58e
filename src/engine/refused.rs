//! What could not be done: when it is tried again, when it ends the work, and with which sentence.

use super::six::types as six;
use super::state::Phase;
use super::tell::list;
use super::types::{Action, Exit, Refusal};
use super::{Engine, Try};
use crate::links::Link;

impl Engine {
    /// Something that was sent out could not be done. What is tried for ever is told once, until it is another trouble or
    /// has been over for a while.
    pub(super) fn failed(&mut self, action: &Action, refusal: &Refusal, out: &mut Vec<Action>) {
        let before = out.len();
        self.tell_failed(action, refusal, out);
        let what = match action {
            Action::CreateBond { name, .. }
            | Action::CreateBridge { name, .. }
            | Action::CreateVlan { name, .. } => Try::Create(name.clone()),
            Action::Up(index) => Try::Up(*index),
            Action::Join { port, .. } => Try::Enslave(*port),
            Action::SetLink { index, .. } => Try::Shape(*index),
            _ => return,
        };
        let [Action::Say(level, line)] = &out[before..] else { return };
        if *level == log::Level::Error && self.phase != Phase::Online {
            self.sentence.clone_from(line);
        }
        let again = self.tries.count(&what) > 1;
        if self.refused.insert(what, line.clone()).as_ref() == Some(line) && again {
            out.truncate(before);
        }
    }

    fn tell_failed(&mut self, action: &Action, refusal: &Refusal, out: &mut Vec<Action>) {
        const EEXIST: i32 = 17;
        const EADDRNOTAVAIL: i32 = 99;
        const ESRCH: i32 = 3;
        let text = refusal.text.clone();
        match action {
            Action::LoadModule(_) => self.module_refusal = Some(text),
            Action::CreateBond { name, .. } => {
                self.found.bonds.retain(|bond| bond.index != 0 || bond.name != *name);
                if let Some(work) = self.plan.bonds.iter().position(|bond| bond.name == *name) {
                    self.bonds[work].creating = false;
                }
                // The module made one of this name while it was loaded: the next look finds it, or Building ends.
                if refusal.errno == EEXIST {
                    self.refusals.insert(Try::Create(name.clone()), text);
                    return;
                }
                let sentence = format!(
                    "the kernel refused to make {name}: {text}{}; is the bonding module of this kernel in the image?",
                    self.module_words()
                );
                self.refused(sentence, out);
            }
            Action::CreateBridge { name, .. } => {
                let sentence = format!(
                    "the kernel refused to make {name}: {text}{}; is the bridge module of this kernel in the image?",
                    self.module_words()
                );
                self.refused(sentence, out);
            }
            Action::CreateVlan { name, .. } => {
                let sentence = format!(
                    "the kernel refused to make {name}: {text}{}; is the 8021q module of this kernel in the image?",
                    self.module_words()
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
            // It was so before, or there is no IPv6 at all: nothing to undo.
            Action::Quiet { index, quiet: true } => {
                for nic in self.found.nics.iter_mut().filter(|nic| nic.index == *index) {
                    nic.quiet = false;
                }
            }
            Action::Quiet { .. } => {}
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
                if self.searching().is_some() {
                    // One of many that are only listened to (`auto`): the others may do.
                    out.push(Action::Say(
                        log::Level::Warn,
                        format!("{sentence}; it hears nothing meanwhile"),
                    ));
                } else if self.tries.count(&Try::Up(*index)) > 5 {
                    self.refused(sentence, out);
                } else {
                    out.push(Action::Say(log::Level::Warn, sentence));
                }
            }
            Action::AddAddress { index, address, .. } => {
                // Nobody has taken away what never was there.
                for target in self.targets.iter_mut().filter(|target| target.index == Some(*index)) {
                    target.addresses.retain(|set| set != address);
                }
                let sentence =
                    format!("the kernel refused the address {address} on {}: {text}", self.name_of(*index));
                self.refused(sentence, out);
            }
            Action::OpenDhcp(index) => {
                let sentence = format!("no packet socket on {}: {text}", self.name_of(*index));
                self.refused(sentence, out);
            }
            Action::Six(
                six @ (six::Action::OpenRouters(_)
                | six::Action::OpenDhcp(_)
                | six::Action::SetAddress { .. }),
            ) => {
                let what = super::tell::name(action, &self.view.links);
                // An address that the kernel does not take: without it there is no lease, and the limit tells.
                let sentence = format!("the kernel refused {what}: {text}");
                match six {
                    six::Action::SetAddress { .. } => out.push(Action::Say(log::Level::Error, sentence)),
                    _ => self.refused(sentence, out),
                }
            }
            // /proc/sys may be read-only, and stays so.
            Action::Six(six::Action::Setting { index, .. })
                if self.tries.count(&Try::Setting(*index)) > 3 => {}
            // It went with its lifetime, or with somebody else.
            Action::DelAddress { .. } if refusal.errno == EADDRNOTAVAIL => {}
            Action::DelRoute { .. } if refusal.errno == ESRCH => {}
            Action::AddRoute { index, to, .. } if to.prefix() == 0 => {
                let sentence = format!(
                    "the kernel refused the default route on {}: {text}; nothing beyond the subnet can be reached",
                    self.name_of(*index)
                );
                if let Some(target) = self.targets.iter_mut().find(|target| target.index == Some(*index)) {
                    target.gateways.retain(|gateway| gateway.is_ipv4() != to.is_ipv4());
                }
                out.push(Action::Say(log::Level::Error, sentence));
            }
            Action::SetLink { index, mac: None, mtu: Some(mtu) }
                if let Some(line) = self.refused_mtu(*index, *mtu, &text) =>
            {
                out.push(Action::Say(log::Level::Warn, line));
            }
            Action::OpenArp { index, address } => {
                let line = format!(
                    "whether {address} is in use can't be found out on {}: {text}",
                    self.name_of(*index)
                );
                out.push(Action::Say(log::Level::Warn, line));
            }
            // One of three.
            Action::Probe { .. } => {}
            other => {
                let text = format!("{}: {text}", super::tell::name(other, &self.view.links));
                out.push(Action::Say(log::Level::Warn, text));
            }
        }
    }

    /// What modprobe said, as the end of a sentence.
    fn module_words(&mut self) -> String {
        self.module_refusal.take().map_or(String::new(), |words| format!("; {words}"))
    }

    /// The kernel refused something without which it does not go on.
    pub(super) fn refused(&mut self, sentence: String, out: &mut Vec<Action>) {
        if self.ends_by_refusal() {
            self.fail(Exit::Refused, sentence, out);
        } else {
            out.push(Action::Say(log::Level::Error, sentence));
        }
    }

    fn ends_by_refusal(&self) -> bool {
        self.config.limited && !self.came_online || self.times.built.is_none()
    }

    pub(super) fn name_of(&self, index: u32) -> String {
        self.view.links.get(index).map_or_else(|| format!("interface {index}"), |link| link.name.clone())
    }

    pub(super) fn no_port_joined(&mut self, ports: &[Link], bond: &Link, out: &mut Vec<Action>) {
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
        if self.ends_by_refusal() {
            self.refused(sentence, out);
        } else {
            self.tell_once("joined", sentence, out);
        }
    }
}
