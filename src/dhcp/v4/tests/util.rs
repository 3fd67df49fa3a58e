//! A client under test with its own clock, and a writer of answers that can be as wrong as wanted.

use std::net::Ipv4Addr;

use super::super::lease::Lease;
use super::super::machine::{Action, Config, Event, Loss, Machine};
use super::super::note::{Note, Refusal};
use crate::clock::Millis;
use crate::mac::Mac;

pub(super) const MAC: Mac = Mac([0x02, 0, 0, 0, 0x5e, 0x01]);
pub(super) const SERVER: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);
pub(super) const OTHER: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 2);
pub(super) const ADDRESS: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 77);

pub(super) const DISCOVER: u8 = 1;
pub(super) const OFFER: u8 = 2;
pub(super) const REQUEST: u8 = 3;
pub(super) const DECLINE: u8 = 4;
pub(super) const ACK: u8 = 5;
pub(super) const NAK: u8 = 6;
pub(super) const RELEASE: u8 = 7;

pub(super) fn config() -> Config {
    Config {
        mac: MAC,
        seed: 7,
        client_id: Some(super::super::client_id_of_mac(MAC)),
        hostname: Some("node7".into()),
        vendor_class: Some("bondstrap".into()),
        among: 1,
        mtu: 1500,
        previous: None,
    }
}

/// A message that went out.
#[derive(Clone, Debug)]
pub(super) struct Sent {
    pub(super) at: Millis,
    /// Where to, if not broadcast.
    pub(super) unicast: Option<(Ipv4Addr, Ipv4Addr)>,
    pub(super) bytes: Vec<u8>,
}

impl Sent {
    pub(super) fn kind(&self) -> u8 {
        self.option(53).expect("a message type")[0]
    }

    pub(super) fn xid(&self) -> u32 {
        u32::from_be_bytes(self.bytes[4..8].try_into().unwrap())
    }

    pub(super) fn secs(&self) -> u16 {
        u16::from_be_bytes(self.bytes[8..10].try_into().unwrap())
    }

    pub(super) fn flags(&self) -> u16 {
        u16::from_be_bytes(self.bytes[10..12].try_into().unwrap())
    }

    pub(super) fn ciaddr(&self) -> Ipv4Addr {
        <[u8; 4]>::try_from(&self.bytes[12..16]).unwrap().into()
    }

    pub(super) fn option(&self, code: u8) -> Option<Vec<u8>> {
        let mut rest = &self.bytes[240..];
        loop {
            match rest {
                [0, more @ ..] => rest = more,
                [255, ..] | [] => return None,
                [found, len, more @ ..] => {
                    let (data, more) = more.split_at(usize::from(*len));
                    if *found == code {
                        return Some(data.to_vec());
                    }
                    rest = more;
                }
                [_] => panic!("an option is cut off"),
            }
        }
    }

    pub(super) fn address(&self, code: u8) -> Option<Ipv4Addr> {
        self.option(code).map(|data| <[u8; 4]>::try_from(data.as_slice()).unwrap().into())
    }
}

/// A client, its clock, and all that it did.
pub(super) struct Client {
    pub(super) machine: Machine,
    pub(super) now: Millis,
    pub(super) sent: Vec<Sent>,
    pub(super) leases: Vec<Lease>,
    pub(super) losses: Vec<(Millis, Loss)>,
    pub(super) notes: Vec<Note>,
}

impl Client {
    pub(super) fn new(config: Config, now: Millis) -> Self {
        let machine = Machine::new(config, now);
        Self { machine, now, sent: vec![], leases: vec![], losses: vec![], notes: vec![] }
    }

    /// Started at 0.
    pub(super) fn started() -> Self {
        let mut client = Self::new(config(), 0);
        client.event(Event::Start);
        client
    }

    /// Bound at `now` = 0 (+ no delay at all).
    pub(super) fn bound(options: &[(u8, Vec<u8>)]) -> Self {
        let mut client = Self::started();
        client.offer();
        client.hear(Answer::new(ACK).options(options));
        assert_eq!(client.leases.len(), 1, "{:?}", client.notes);
        client
    }

    /// One event now.
    pub(super) fn event(&mut self, event: Event<'_>) {
        let actions = self.machine.step(self.now, event);
        assert!(self.machine.deadline().is_none_or(|at| at > self.now), "still due after a step");
        for action in actions {
            match action {
                Action::Broadcast(bytes) => self.sent.push(Sent { at: self.now, unicast: None, bytes }),
                Action::Unicast { from, to, payload } => {
                    self.sent.push(Sent { at: self.now, unicast: Some((from, to)), bytes: payload });
                }
                Action::Bound(lease) => self.leases.push(*lease),
                Action::Unbound(loss) => self.losses.push((self.now, loss)),
                Action::Note(note) => self.notes.push(note),
            }
        }
    }

    /// Time goes on to `at`, with a tick at every deadline.
    pub(super) fn until(&mut self, at: Millis) {
        for _ in 0..100_000 {
            match self.machine.deadline().filter(|deadline| *deadline <= at) {
                Some(deadline) => {
                    self.now = deadline;
                    self.event(Event::Tick);
                }
                None => {
                    self.now = at;
                    return;
                }
            }
        }
        panic!("a busy loop");
    }

    /// An answer with the transaction id of what was sent last.
    pub(super) fn hear(&mut self, answer: Answer) {
        let payload = answer.xid(self.last().xid()).bytes();
        self.event(Event::Datagram { payload: &payload });
    }

    /// A plain offer of [`SERVER`].
    pub(super) fn offer(&mut self) {
        self.hear(Answer::new(OFFER));
    }

    pub(super) fn last(&self) -> &Sent {
        self.sent.last().expect("something was sent")
    }

    /// `(time, message type)` of all that was sent.
    pub(super) fn times(&self) -> Vec<(Millis, u8)> {
        self.sent.iter().map(|sent| (sent.at, sent.kind())).collect()
    }

    pub(super) fn refused(&self) -> Vec<Refusal> {
        self.machine.heard().refused.into_iter().map(|kind| kind.why).collect()
    }
}

/// An answer of a server, good unless made bad.
#[derive(Clone, Debug)]
pub(super) struct Answer {
    pub(super) head: Vec<u8>,
    options: Vec<(u8, Vec<u8>)>,
    tail: Vec<u8>,
}

impl Answer {
    /// To [`MAC`], of [`SERVER`], [`ADDRESS`]/24 for an hour.
    pub(super) fn new(kind: u8) -> Self {
        let mut head = vec![0; 240];
        head[..3].copy_from_slice(&[2, 1, 6]);
        head[28..34].copy_from_slice(&MAC.0);
        head[236..].copy_from_slice(&[99, 130, 83, 99]);
        let answer =
            Self { head, options: vec![], tail: vec![255] }.with(53, &[kind]).with(54, &SERVER.octets());
        if kind == NAK {
            return answer;
        }
        answer.yiaddr(ADDRESS).with(51, &3_600_u32.to_be_bytes()).with(1, &[255, 255, 255, 0])
    }

    /// Sets an option in place of what was there.
    pub(super) fn with(mut self, code: u8, data: &[u8]) -> Self {
        self.options.retain(|(known, _)| *known != code);
        self.options.push((code, data.to_vec()));
        self
    }

    /// Adds an option beside what was there.
    pub(super) fn and(mut self, code: u8, data: &[u8]) -> Self {
        self.options.push((code, data.to_vec()));
        self
    }

    pub(super) fn without(mut self, code: u8) -> Self {
        self.options.retain(|(known, _)| *known != code);
        self
    }

    pub(super) fn options(self, options: &[(u8, Vec<u8>)]) -> Self {
        options.iter().fold(self, |answer, (code, data)| answer.with(*code, data))
    }

    pub(super) fn lease(self, secs: u32) -> Self {
        self.with(51, &secs.to_be_bytes())
    }

    pub(super) fn server(self, server: Ipv4Addr) -> Self {
        self.with(54, &server.octets())
    }

    pub(super) fn yiaddr(self, address: Ipv4Addr) -> Self {
        self.head(16, &address.octets())
    }

    pub(super) fn xid(self, xid: u32) -> Self {
        self.head(4, &xid.to_be_bytes())
    }

    /// Bytes of the fixed part.
    pub(super) fn head(mut self, at: usize, bytes: &[u8]) -> Self {
        self.head[at..at + bytes.len()].copy_from_slice(bytes);
        self
    }

    /// What stands behind the options, instead of END.
    pub(super) fn tail(mut self, tail: &[u8]) -> Self {
        self.tail = tail.to_vec();
        self
    }

    pub(super) fn bytes(&self) -> Vec<u8> {
        let mut bytes = self.head.clone();
        for (code, data) in &self.options {
            bytes.extend([*code, data.len() as u8]);
            bytes.extend(data);
        }
        bytes.extend(&self.tail);
        bytes
    }
}

/// What must hold for every lease, whatever was sent to us.
pub(super) fn sound(lease: &Lease) {
    let [first, second, ..] = lease.address.octets();
    assert!(first > 0 && first != 127 && first < 224 && (first, second) != (169, 254), "{lease:?}");
    assert!((1..=32).contains(&lease.prefix_len), "{lease:?}");
    assert!(!lease.server_id.is_unspecified() && !lease.server_id.is_multicast(), "{lease:?}");
    match (lease.lease_secs, lease.t1, lease.t2) {
        (None, None, None) => {}
        (Some(secs), Some(t1), Some(t2)) => {
            assert!(secs >= 10 && 0 < t1 && t1 < t2 && t2 < u64::from(secs) * 1_000, "{lease:?}");
        }
        _ => panic!("{lease:?}"),
    }
    assert!(lease.routes.len() <= 32 && lease.search.len() <= 16, "{lease:?}");
    for list in [&lease.routers, &lease.dns, &lease.ntp] {
        assert!(
            list.len() <= 16 && list.iter().all(|a| !a.is_unspecified() && !a.is_multicast()),
            "{lease:?}"
        );
    }
    assert!(lease.mtu.is_none_or(|mtu| (576..=9_216).contains(&mtu)), "{lease:?}");
    let Lease { domain, hostname, root_path, tftp_server, bootfile, search, .. } = lease;
    let texts = [domain, hostname, root_path, tftp_server, bootfile].into_iter().flatten().chain(search);
    for text in texts {
        let good = text.bytes().all(|b| b.is_ascii_alphanumeric() || b"/._-:,=+@%".contains(&b));
        assert!(good && (1..=255).contains(&text.len()) && !text.contains("/../"), "{text:?}");
    }
}
