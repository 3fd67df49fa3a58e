//! What is behind the switch: DHCP servers; and what the kernel does with the addresses that come of them.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};

use ipnetwork::IpNetwork;
use proptest::prelude::*;
use proptest::test_runner::TestCaseError;

use super::world::World;
use crate::clock::Millis;
use crate::engine::types::{Action, Event};
use crate::lacp::verdict::Verdict;

const DISCOVER: u8 = 1;
const OFFER: u8 = 2;
const REQUEST: u8 = 3;
const ACK: u8 = 5;
const NAK: u8 = 6;
/// From a frame to the answer. Milliseconds.
const ROUND_TRIP: Millis = 4;

/// A server that gives each client the same address of its range, and refuses every other.
#[derive(Clone, Debug)]
pub(super) struct Server {
    number: u8,
    pub(super) serves: bool,
    pub(super) range: u8,
    /// Seconds.
    pub(super) term: u32,
}

impl Server {
    pub(super) fn new(number: u8) -> Self {
        Self { number, serves: true, range: 1, term: 3_600 }
    }

    fn address(&self) -> Ipv4Addr {
        Ipv4Addr::new(192, 0, 2, 250 + self.number)
    }

    fn gives(&self) -> Ipv4Addr {
        Ipv4Addr::new(192, 0, 2, 10 * self.range)
    }

    /// Its answer to a message that reaches it; `to`: it was not broadcast.
    fn answer(&self, message: &[u8], to: Option<Ipv4Addr>) -> Option<Vec<u8>> {
        if !self.serves || to.is_some_and(|to| to != self.address()) {
            return None;
        }
        let kind = option(message, 53)?[0];
        let server = option(message, 54).map(address);
        let ciaddr = address(&message[12..16]);
        let asked = option(message, 50).map_or(ciaddr, address);
        let kind = match (kind, server) {
            (DISCOVER, _) => OFFER,
            (REQUEST, Some(other)) if other != self.address() => return None,
            (REQUEST, _) if asked == self.gives() => ACK,
            (REQUEST, _) => NAK,
            _ => return None,
        };
        let mut reply = vec![0; 240];
        reply[..4].copy_from_slice(&[2, 1, 6, 0]);
        reply[4..8].copy_from_slice(&message[4..8]);
        reply[28..34].copy_from_slice(&message[28..34]);
        reply[236..].copy_from_slice(&[99, 130, 83, 99]);
        reply.extend([53, 1, kind, 54, 4]);
        reply.extend(self.address().octets());
        if kind != NAK {
            reply[16..20].copy_from_slice(&self.gives().octets());
            reply.extend([51, 4]);
            reply.extend(self.term.to_be_bytes());
            reply.extend([1, 4, 255, 255, 255, 0, 3, 4]);
            reply.extend(self.address().octets());
        }
        reply.push(255);
        Some(reply)
    }
}

fn option(message: &[u8], code: u8) -> Option<&[u8]> {
    let mut rest = message.get(240..)?;
    while let [found, length, more @ ..] = rest {
        let (data, more) = more.split_at_checked(usize::from(*length))?;
        if *found == code {
            return Some(data);
        }
        rest = more;
    }
    None
}

fn address(bytes: &[u8]) -> Ipv4Addr {
    <[u8; 4]>::try_from(bytes).map(Ipv4Addr::from).expect("four bytes")
}

/// The network behind the switch, and the addresses on the interfaces.
pub(super) struct Lan {
    pub(super) servers: Vec<Server>,
    /// Percent of the frames.
    pub(super) loss: u8,
    seed: u64,
    /// Answers on their way: when, to which interface.
    answers: Vec<(Millis, u32, Vec<u8>)>,
    /// Per interface: its addresses, and until when the kernel keeps them.
    addresses: BTreeMap<u32, BTreeMap<IpNetwork, Option<Millis>>>,
    /// Until when a server has granted each address.
    granted: BTreeMap<IpAddr, Millis>,
    /// So much of what was done has been dealt with.
    seen: usize,
    last_look: Millis,
}

impl Lan {
    /// Two servers, of which the second begins without work.
    pub(super) fn new(seed: u64) -> Self {
        let mut servers = vec![Server::new(0), Server::new(1)];
        servers[1].serves = false;
        Self {
            servers,
            loss: 0,
            seed,
            answers: Vec::new(),
            addresses: BTreeMap::new(),
            granted: BTreeMap::new(),
            seen: 0,
            last_look: 0,
        }
    }

    pub(super) fn addresses(&self) -> BTreeMap<u32, Vec<IpAddr>> {
        self.addresses
            .iter()
            .map(|(index, there)| (*index, there.keys().map(|net| net.ip()).collect()))
            .collect()
    }

    /// Whether a frame gets through: xorshift, so that a case can be run again.
    fn passes(&mut self) -> bool {
        self.seed |= 1;
        self.seed ^= self.seed << 13;
        self.seed ^= self.seed >> 7;
        self.seed ^= self.seed << 17;
        self.seed % 100 >= u64::from(self.loss)
    }

    /// Frames that left reach the servers; addresses that were set are there.
    pub(super) fn follow(&mut self, world: &World) {
        let fresh: Vec<_> = world.done[self.seen..].to_vec();
        self.seen = world.done.len();
        for (at, action) in fresh {
            match action {
                Action::Broadcast { index, payload } => self.carry(world, at, index, &payload, None),
                Action::Unicast { index, from, to, payload } => {
                    let ours = self
                        .addresses
                        .get(&index)
                        .is_some_and(|there| there.keys().any(|net| net.ip() == from));
                    if ours {
                        self.carry(world, at, index, &payload, Some(to));
                    }
                }
                Action::AddAddress { index, address, lifetime, .. } => {
                    let until = lifetime.map(|seconds| at + Millis::from(seconds) * 1_000);
                    self.addresses.entry(index).or_default().insert(address, until);
                }
                Action::DelAddress { index, address } => {
                    self.addresses.entry(index).or_default().remove(&address);
                }
                _ => {}
            }
        }
        self.addresses.retain(|index, _| world.view.links.get(*index).is_some());
    }

    fn carry(&mut self, world: &World, at: Millis, index: u32, message: &[u8], to: Option<Ipv4Addr>) {
        if !world.forwards() {
            return;
        }
        for server in self.servers.clone() {
            let answer = server.answer(message, to).filter(|_| self.passes()).filter(|_| self.passes());
            if let Some(answer) = answer {
                if option(&answer, 53) == Some(&[ACK]) {
                    // Two servers may have granted it, each in its own words.
                    let until = self.granted.entry(server.gives().into()).or_default();
                    *until = (*until).max(at + ROUND_TRIP + Millis::from(server.term) * 1_000);
                }
                self.answers.push((at + ROUND_TRIP, index, answer));
            }
        }
    }

    /// Time passes, for all of them.
    pub(super) fn pass(&mut self, world: &mut World, millis: Millis) -> Result<(), TestCaseError> {
        let end = world.now + millis;
        while world.now < end {
            let answer = self.answers.iter().map(|(at, ..)| *at).min();
            let polled = world.engine.poll(world.now).map(|gap| self.last_look + gap);
            let next = [answer, polled, world.engine.deadline(), Some(end)].into_iter().flatten().min();
            world.now = next.unwrap_or(end).max(world.now + 1);
            let now = world.now;
            for there in self.addresses.values_mut() {
                there.retain(|_, until| until.is_none_or(|until| now < until));
            }
            if let Some(place) = self.answers.iter().position(|(at, ..)| *at <= now) {
                let (_, index, payload) = self.answers.remove(place);
                if world.forwards() {
                    world.hear(index, &payload);
                }
            } else if polled.is_some_and(|at| at <= now) {
                self.last_look = now;
                world.look();
            } else {
                world.tick();
            }
            self.follow(world);
            self.check(world)?;
        }
        Ok(())
    }

    /// Never two addresses of one lease, never one that nobody has granted.
    fn check(&self, world: &World) -> Result<(), TestCaseError> {
        for there in self.addresses.values() {
            prop_assert!(there.len() <= 1, "at {}: {there:?}", world.now);
            for address in there.keys() {
                let until = self.granted.get(&address.ip()).copied().unwrap_or_default();
                prop_assert!(world.now <= until, "at {}: {address} was granted until {until}", world.now);
            }
        }
        Ok(())
    }
}

impl World {
    /// The strict switch: it forwards what comes over a port on which both sides agree.
    pub(super) fn forwards(&self) -> bool {
        let Some(bond) = self.view.links.named("bond0").filter(|bond| bond.up) else { return false };
        let verdict = crate::lacp::verdict::verdict(bond, crate::plan::Mode::Lacp, &self.view.links, &[]);
        matches!(verdict, Verdict::Ready { .. })
    }

    pub(super) fn hear(&mut self, index: u32, payload: &[u8]) {
        let actions = self.engine.step(self.now, Event::Datagram { index, payload });
        if self.perform(actions) {
            self.look();
        }
    }

    pub(super) fn tick(&mut self) {
        let actions = self.engine.step(self.now, Event::Tick);
        if self.perform(actions) {
            self.look();
        }
    }
}
