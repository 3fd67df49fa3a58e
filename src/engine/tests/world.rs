//! A small world: it does what the engine asks for, as the kernel would.

use super::world6::IPV6;
use crate::clock::Millis;
use crate::engine::state::{FoundAddress, FoundBond, FoundDefault, State};
use crate::engine::types::{Action, Event, Outcome, Refusal, View};
use crate::engine::{Config, Engine};
use crate::links::{Bond, Kind, LacpState, Link, Port};
use crate::mac::Mac;
use crate::words::plan_line;

pub(super) const PARTNER: Mac = Mac([0x0e, 0, 0, 0, 0, 1]);
/// Both sides in sync, collecting, distributing.
pub(super) const AGREED: u8 = 0x3f;

pub(super) struct World {
    pub(super) engine: Engine,
    pub(super) view: View,
    pub(super) now: Millis,
    last_look: Millis,
    /// Everything that was asked for, with its time.
    pub(super) done: Vec<(Millis, Action)>,
    /// What the kernel refuses, with which error.
    pub(super) refuse: fn(&Action) -> Option<i32>,
    /// Enslaving fails so often with EPERM.
    pub(super) refuse_enslave: u32,
    pub(super) outcome: Option<Outcome>,
    /// The kernel does not use an index again.
    next_index: u32,
    words: String,
    /// So often the engine was killed.
    pub(super) restarts: u32,
    /// Addresses that other stations have: the kernel finds out a second after one was set.
    pub(super) taken: Vec<std::net::Ipv6Addr>,
    /// Until when the kernel tries an address.
    pub(super) trying: Vec<(Millis, u32, std::net::Ipv6Addr)>,
}

impl World {
    pub(super) fn new(words: &str, limited: bool) -> Self {
        Self::with(words, limited, None)
    }

    pub(super) fn with(words: &str, limited: bool, previous: Option<State>) -> Self {
        let plan = plan_line(words.as_bytes());
        assert!(plan.active && !plan.has_errors(), "{:?}", plan.problems);
        let config = Config { limited, seed: 1, kernel: "6.1".into(), installer_names: false, previous };
        Self {
            engine: Engine::new(plan, config, 1_000),
            view: View::default(),
            now: 1_000,
            last_look: 1_000,
            done: Vec::new(),
            refuse: |_| None,
            refuse_enslave: 0,
            outcome: None,
            next_index: 4,
            words: words.into(),
            restarts: 0,
            taken: Vec::new(),
            trying: Vec::new(),
        }
    }

    /// With two NICs, eth0 and eth1, that the engine has seen.
    pub(super) fn of_two(words: &str, limited: bool) -> Self {
        let mut world = Self::new(words, limited);
        world.nic(2, "eth0").nic(3, "eth1");
        world.look();
        world
    }

    /// Plugs in a NIC with a cable.
    pub(super) fn nic(&mut self, index: u32, name: &str) -> &mut Self {
        let mac = Some(Mac([2, 0, 0, 0, 0, index as u8]));
        let link = Link {
            index,
            name: name.into(),
            ethernet: true,
            carrier: true,
            mac,
            permanent: mac,
            mtu: 1500,
            ipv6: Some(IPV6),
            ..Link::default()
        };
        self.view.links.0.push(link);
        self
    }

    pub(super) fn link(&mut self, name: &str) -> &mut Link {
        self.view.links.0.iter_mut().find(|link| link.name == name).expect(name)
    }

    /// The switch agrees on these ports: as the kernel would show it.
    pub(super) fn partner(&mut self, ports: &[&str]) {
        for name in ports {
            let side = self.link(name).port.as_mut().expect("a port of a bond");
            side.actor = LacpState(AGREED);
            side.partner = LacpState(AGREED);
        }
        let Kind::Bond(bond) = &mut self.link("bond0").kind else { panic!("no bond") };
        bond.partner = Some(PARTNER);
    }

    /// The links have changed: the engine looks, and all that it asks for is done.
    pub(super) fn look(&mut self) {
        self.last_look = self.now;
        loop {
            self.detected();
            let view = self.view.clone();
            let actions = self.engine.step(self.now, Event::View(&view));
            if !self.perform(actions) {
                return;
            }
        }
    }

    /// Time passes; the engine is woken when it asked for that, and looks as often as it asks for: besides, whenever the
    /// kernel has something to tell.
    pub(super) fn pass(&mut self, millis: Millis) {
        let end = self.now + millis;
        while self.now < end && self.outcome.is_none() {
            let woken = self.engine.deadline().unwrap_or(end).max(self.now + 1);
            let told = self.trying.iter().map(|(at, ..)| *at).min();
            let polled = self.engine.poll(self.now).map(|gap| self.last_look + gap);
            let polled = told.into_iter().chain(polled).min().unwrap_or(end).max(self.now + 1);
            self.now = end.min(woken).min(polled);
            if self.now == polled {
                self.look();
            } else {
                let actions = self.engine.step(self.now, Event::Tick);
                let idle = actions.is_empty();
                if self.perform(actions) {
                    self.look();
                }
                let again = self.engine.deadline().is_some_and(|at| at <= self.now);
                assert!(!(idle && again), "it would be woken at once, for nothing");
            }
        }
    }

    /// SIGKILL: the engine leaves everything as it is, and another one finds it.
    pub(super) fn restart(&mut self) {
        let previous = self.engine.state(1, 1);
        // Its limits are told only, where a network is in use.
        let limited = self.restarts % 2 == 1 && in_use(&previous, &self.view);
        self.restarts += 1;
        self.go_on(previous, limited);
    }

    /// Another engine begins with what this state says.
    pub(super) fn goes_on(&mut self, previous: State) {
        self.go_on(previous, false);
    }

    fn go_on(&mut self, previous: State, limited: bool) {
        let config = Config {
            limited,
            seed: self.now,
            kernel: "6.1".into(),
            installer_names: false,
            previous: Some(previous),
        };
        self.engine = Engine::new(plan_line(self.words.as_bytes()), config, self.now);
        self.look();
    }

    /// The switch agrees on every port of the bond, or on none.
    pub(super) fn agree(&mut self, there: bool) {
        for link in &mut self.view.links.0 {
            if let Some(side) = &mut link.port {
                side.actor = LacpState(if there { AGREED } else { 0x47 });
                side.partner = LacpState(if there { AGREED } else { 0 });
            }
            if let Kind::Bond(bond) = &mut link.kind {
                bond.partner = Some(if there { PARTNER } else { Mac::ZERO });
            }
        }
        self.look();
    }

    /// Two NICs with cables and their names, a bond, a switch that agrees.
    pub(super) fn mend(&mut self) {
        for port in 0..2 {
            if self.view.links.get(port + 2).is_none() {
                self.nic(port + 2, &format!("eth{port}"));
            }
            let link = self.by_index(port + 2);
            link.name = format!("eth{port}");
            link.carrier = true;
        }
        self.look();
        self.pass(120_000);
        for link in &mut self.view.links.0 {
            link.port.iter_mut().for_each(|side| side.link_up = true);
        }
        self.agree(true);
    }

    pub(super) fn stop(&mut self) -> Outcome {
        let actions = self.engine.step(self.now, Event::Stop("SIGTERM"));
        if self.perform(actions) {
            self.look();
        }
        self.outcome.clone().expect("it ends")
    }

    /// True if links are to be looked at again.
    pub(super) fn perform(&mut self, actions: Vec<Action>) -> bool {
        let mut touched = false;
        let mut queue: std::collections::VecDeque<Action> = actions.into();
        while let Some(action) = queue.pop_front() {
            self.done.push((self.now, action.clone()));
            touched |= action.touches_links();
            if let Err(errno) = self.act(&action) {
                let refusal = Refusal { errno, text: "no".into() };
                let event = Event::Failed { action: &action, refusal: &refusal };
                let ended_before = self.engine.is_ending();
                let more = self.engine.step(self.now, event);
                if self.engine.is_ending() && !ended_before {
                    queue.clear();
                }
                more.into_iter().rev().for_each(|action| queue.push_front(action));
            }
        }
        (touched || self.engine.is_ending()) && self.outcome.is_none()
    }

    fn new_index(&mut self) -> u32 {
        self.next_index += 1;
        while self.view.links.get(self.next_index - 1).is_some() {
            self.next_index += 1;
        }
        self.next_index - 1
    }

    pub(super) fn by_index(&mut self, index: u32) -> &mut Link {
        self.view.links.0.iter_mut().find(|link| link.index == index).expect("a link that is there")
    }

    fn act(&mut self, action: &Action) -> Result<(), i32> {
        if let Some(errno) = (self.refuse)(action) {
            return Err(errno);
        }
        match action {
            Action::CreateBond { name, mode, options, mac, mtu } => {
                if self.view.links.named(name).is_some() {
                    return Err(17);
                }
                let index = self.new_index();
                let side =
                    Bond { mode: *mode, options: options.clone(), aggregator: Some(1), ..Bond::default() };
                let kind = Kind::Bond(Box::new(side));
                self.view.links.0.push(Link {
                    index,
                    name: name.clone(),
                    kind,
                    mac: *mac,
                    mtu: mtu.unwrap_or(1500),
                    ipv6: Some(IPV6),
                    ..Link::default()
                });
            }
            Action::TakeOver { index, mode, options, mac, .. } => {
                let side =
                    Bond { mode: *mode, options: options.clone(), aggregator: Some(1), ..Bond::default() };
                let link = self.by_index(*index);
                (link.kind, link.mac, link.up) = (Kind::Bond(Box::new(side)), *mac, false);
            }
            Action::SetOptions { index, options } => {
                let Kind::Bond(side) = &mut self.by_index(*index).kind else { return Err(22) };
                side.options.extend(options.clone());
            }
            Action::Enslave { port, bond } => {
                if self.refuse_enslave > 0 {
                    self.refuse_enslave -= 1;
                    return Err(1);
                }
                let bond = *bond;
                let link = self.by_index(*port);
                let side = Port {
                    permanent: link.mac,
                    link_up: link.carrier,
                    aggregator: Some(1),
                    actor: LacpState(0x47),
                    partner: LacpState(0),
                };
                (link.controller, link.port, link.up) = (Some(bond), Some(side), true);
            }
            Action::Release(port) => {
                let link = self.by_index(*port);
                (link.controller, link.port, link.up) = (None, None, false);
            }
            Action::Up(index) => self.by_index(*index).up = true,
            Action::CreateBridge { name, mac, mtu } => {
                if self.view.links.named(name).is_some() {
                    return Err(17);
                }
                let index = self.new_index();
                let kind = Kind::Other("bridge".into());
                let (name, mac, mtu) = (name.clone(), *mac, mtu.unwrap_or(1500));
                self.view.links.0.push(Link {
                    index,
                    name,
                    kind,
                    mac,
                    mtu,
                    ethernet: true,
                    ipv6: Some(IPV6),
                    ..Link::default()
                });
            }
            Action::Join { port, bridge } => {
                let carrier = self.by_index(*port).carrier;
                self.by_index(*port).controller = Some(*bridge);
                self.by_index(*bridge).carrier |= carrier;
            }
            Action::SetLink { index, mac, mtu } => {
                let link = self.by_index(*index);
                if mac.is_some() {
                    (link.mac, link.up) = (*mac, false);
                }
                link.mtu = mtu.unwrap_or(link.mtu);
            }
            Action::Rename { index, name, up } => {
                if self.view.links.named(name).is_some() {
                    return Err(17);
                }
                let link = self.by_index(*index);
                if link.up && !up {
                    return Err(16);
                }
                link.name.clone_from(name);
            }
            Action::Down(index) => self.by_index(*index).up = false,
            Action::CreateVlan { name, lower, id, mac, mtu } => {
                let index = self.new_index();
                let below = self.by_index(*lower);
                if mtu.is_some_and(|mtu| mtu > below.mtu) {
                    return Err(34);
                }
                let (mac, below_mtu) = (mac.or(below.mac), below.mtu);
                let (kind, lower) = (Kind::Vlan(*id), Some(*lower));
                self.view.links.0.push(Link {
                    index,
                    name: name.clone(),
                    kind,
                    lower,
                    mac,
                    mtu: mtu.unwrap_or(below_mtu),
                    ipv6: Some(IPV6),
                    ..Link::default()
                });
            }
            Action::Delete(index) => {
                self.view.links.0.retain(|link| link.index != *index);
                for link in &mut self.view.links.0 {
                    link.controller = link.controller.filter(|controller| controller != index);
                }
                self.view.addresses.retain(|found| found.index != *index);
                self.view.addresses6.retain(|found| found.index != *index);
            }
            Action::AddAddress { index, address, lifetime, .. } => {
                self.act(&Action::DelAddress { index: *index, address: *address })?;
                let (index, address, lifetime) = (*index, *address, *lifetime);
                if let ipnetwork::IpNetwork::V6(address) = address {
                    self.detect(index, address, true);
                }
                self.view.addresses.push(FoundAddress { index, address, broadcast: None, lifetime });
            }
            Action::DelAddress { index, address } => {
                let address = *address;
                self.view.addresses.retain(|found| found.index != *index || found.address != address);
                self.view.addresses6.retain(|found| found.index != *index || address != found.address.into());
            }
            Action::Six(action) => self.act6(action),
            Action::AddRoute { index, to, via, source, .. } if to.prefix() == 0 && to.is_ipv4() => {
                self.view.defaults.retain(|route| route.metric != 0);
                let (index, via, source) = (*index, via.and_then(v4), source.and_then(v4));
                let route = FoundDefault { index, via, source, metric: 0, onlink: false, protocol: 16 };
                self.view.defaults.push(route);
            }
            Action::DelRoute { to, .. } if to.prefix() == 0 => {
                self.view.defaults.retain(|route| route.metric != 0)
            }
            Action::AddRoute { index, to, .. } if to.prefix() == 0 => self.view.defaults6.push(*index),
            Action::Finish => {
                self.engine.finish();
                self.outcome = self.engine.outcome().cloned();
            }
            _ => {}
        }
        Ok(())
    }

    /// Where in what was done something like this first stands.
    pub(super) fn place(&self, like: impl Fn(&Action) -> bool) -> usize {
        self.done.iter().position(|(_, action)| like(action)).expect("it was done")
    }

    pub(super) fn count(&self, like: impl Fn(&Action) -> bool) -> usize {
        self.done.iter().filter(|(_, action)| like(action)).count()
    }

    /// What was said, line by line.
    pub(super) fn said(&self) -> Vec<&str> {
        let said = |(_, action): &'_ (Millis, Action)| matches!(action, Action::Say(..));
        let texts = self.done.iter().filter(|entry| said(entry));
        texts.map(|(_, action)| if let Action::Say(_, text) = action { text.as_str() } else { "" }).collect()
    }
}

fn v4(address: std::net::IpAddr) -> Option<std::net::Ipv4Addr> {
    if let std::net::IpAddr::V4(address) = address { Some(address) } else { None }
}

/// It was online, and its bond is still there.
fn in_use(state: &State, view: &View) -> bool {
    let is_there = |bond: &FoundBond| view.links.get(bond.index).is_some_and(|link| link.name == bond.name);
    state.came_online && state.found.bonds.iter().any(is_there)
}
