//! A client under test with its own clock, and a writer of answers that can be as wrong as wanted.

use std::net::Ipv6Addr;

use dhcproto::Decodable;
use dhcproto::v6::Message;

use super::super::lease::Lease;
use super::super::machine::{Action, Config, Event, Loss, Machine, Mode};
use super::super::{Facts, duid_of_mac, iaid_of_mac};
use crate::clock::Millis;
use crate::mac::Mac;

pub(super) const MAC: Mac = Mac([2, 0, 0, 0, 0x5e, 1]);
pub(super) const FROM: Ipv6Addr = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 1);
pub(super) const SERVER: &[u8] = &[0, 3, 0, 1, 2, 0, 0, 0, 0, 9];
pub(super) const OTHER: &[u8] = &[0, 3, 0, 1, 2, 0, 0, 0, 0, 8];
pub(super) const ADDRESS: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0x77);

pub(super) const SOLICIT: u8 = 1;
pub(super) const ADVERTISE: u8 = 2;
pub(super) const REQUEST: u8 = 3;
pub(super) const CONFIRM: u8 = 4;
pub(super) const RENEW: u8 = 5;
pub(super) const REBIND: u8 = 6;
pub(super) const REPLY: u8 = 7;
pub(super) const RELEASE: u8 = 8;
pub(super) const DECLINE: u8 = 9;
pub(super) const INFORMATION_REQUEST: u8 = 11;

pub(super) fn config(mode: Mode) -> Config {
    Config { mode, seed: 7, duid: duid_of_mac(MAC), iaid: iaid_of_mac(MAC), among: 1, previous: None }
}

/// One option.
pub(super) fn option(code: u16, data: &[u8]) -> Vec<u8> {
    [&code.to_be_bytes()[..], &(data.len() as u16).to_be_bytes(), data].concat()
}

pub(super) fn ia_address(address: Ipv6Addr, preferred: u32, valid: u32) -> Vec<u8> {
    option(5, &[&address.octets()[..], &preferred.to_be_bytes(), &valid.to_be_bytes()].concat())
}

/// An IA_NA of ours with options in it.
pub(super) fn ia(t1: u32, t2: u32, options: &[Vec<u8>]) -> Vec<u8> {
    let head = [iaid_of_mac(MAC), t1, t2].map(u32::to_be_bytes).concat();
    option(3, &[head, options.concat()].concat())
}

pub(super) fn usual() -> Vec<u8> {
    ia(1_000, 1_600, &[ia_address(ADDRESS, 2_000, 3_000)])
}

pub(super) fn status(code: u16, text: &[u8]) -> Vec<u8> {
    option(13, &[&code.to_be_bytes()[..], text].concat())
}

/// A message that went out.
#[derive(Clone, Debug)]
pub(super) struct Sent {
    pub(super) at: Millis,
    pub(super) bytes: Vec<u8>,
}

impl Sent {
    pub(super) fn kind(&self) -> u8 {
        self.bytes[0]
    }

    pub(super) fn option(&self, code: u16) -> Option<Vec<u8>> {
        let mut rest = &self.bytes[4..];
        while let [c0, c1, l0, l1, more @ ..] = rest {
            let (data, more) = more.split_at(u16::from_be_bytes([*l0, *l1]).into());
            if u16::from_be_bytes([*c0, *c1]) == code {
                return Some(data.to_vec());
            }
            rest = more;
        }
        None
    }

    /// The address in its IA_NA.
    pub(super) fn address(&self) -> Option<Ipv6Addr> {
        let ia = self.option(3)?;
        Some(<[u8; 16]>::try_from(ia.get(16..32)?).unwrap().into())
    }
}

pub(super) struct Client {
    pub(super) machine: Machine,
    pub(super) now: Millis,
    pub(super) sent: Vec<Sent>,
    pub(super) leases: Vec<Lease>,
    pub(super) losses: Vec<Loss>,
    pub(super) facts: Vec<Facts>,
    pub(super) notes: Vec<String>,
}

impl Client {
    pub(super) fn with(config: Config, now: Millis) -> Self {
        let machine = Machine::new(config, now);
        let (sent, leases, losses, facts, notes) = Default::default();
        Self { machine, now, sent, leases, losses, facts, notes }
    }

    pub(super) fn started(mode: Mode) -> Self {
        let mut client = Self::with(config(mode), 10_000);
        client.step(Event::Start);
        client
    }

    /// With the usual lease.
    pub(super) fn bound() -> Self {
        let mut client = Self::started(Mode::Stateful);
        client.hear(REPLY, SERVER, &[usual(), option(14, &[])]);
        assert_eq!(client.leases.len(), 1, "{:?}", client.notes);
        client
    }

    pub(super) fn step(&mut self, event: Event<'_>) {
        for action in self.machine.step(self.now, event) {
            match action {
                Action::Send(bytes) => {
                    // A second opinion: another reader understands it whole.
                    let read = Message::from_bytes(&bytes).unwrap();
                    assert_eq!(u8::from(read.msg_type()), bytes[0]);
                    self.sent.push(Sent { at: self.now, bytes });
                }
                Action::Bound(lease) => {
                    assert!(lease.usable(self.now), "{lease:?}");
                    self.leases.push(*lease);
                }
                Action::Unbound(loss) => self.losses.push(loss),
                Action::Informed(facts) => self.facts.push(facts),
                Action::Note(note) => self.notes.push(note.to_string()),
            }
        }
        assert!(self.machine.deadline().is_none_or(|at| at > self.now), "woken at once");
    }

    pub(super) fn pass(&mut self, millis: Millis) {
        let end = self.now + millis;
        while let Some(at) = self.machine.deadline().filter(|at| *at <= end) {
            self.now = at;
            self.step(Event::Tick);
        }
        self.now = end;
    }

    pub(super) fn last(&self) -> &Sent {
        self.sent.last().expect("something was sent")
    }

    /// An answer to what was sent last.
    pub(super) fn answer(&self, kind: u8, server: &[u8], options: &[Vec<u8>]) -> Vec<u8> {
        let mut bytes = vec![kind];
        bytes.extend(&self.last().bytes[1..4]);
        bytes.extend(option(1, &duid_of_mac(MAC)));
        bytes.extend(option(2, server));
        bytes.extend(options.concat());
        bytes
    }

    pub(super) fn hear(&mut self, kind: u8, server: &[u8], options: &[Vec<u8>]) {
        let answer = self.answer(kind, server, options);
        self.hear_bytes(&answer);
    }

    pub(super) fn hear_bytes(&mut self, payload: &[u8]) {
        self.step(Event::Datagram { from: FROM, payload });
    }

    /// When each message of a kind left, after the first.
    pub(super) fn times(&self, kind: u8) -> Vec<Millis> {
        let all = self.sent.iter().filter(|sent| sent.kind() == kind).map(|sent| sent.at);
        let first = all.clone().next().unwrap_or_default();
        all.map(|at| at - first).collect()
    }

    pub(super) fn refused(&self) -> Vec<String> {
        self.machine.heard().refused.iter().map(|kind| kind.why.to_string()).collect()
    }
}
