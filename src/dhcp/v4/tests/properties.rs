//! Whatever happens, in any order: no panic, no storm, no busy loop.

use std::net::Ipv4Addr;

use proptest::collection::vec;
use proptest::prelude::*;

use super::super::frame;
use super::super::machine::{Config, Event, Loss, State};
use super::super::routes;
use super::limit;
use super::util::*;
use crate::dhcp::text;

#[derive(Clone, Debug)]
enum Op {
    /// To so many milliseconds from now, with ticks at the deadlines.
    Wait(u64),
    /// The same without: somebody slept.
    Sleep(u64),
    Start,
    Kick,
    Pause,
    Conflict,
    Release,
    Tick,
    Raw(Vec<u8>),
    /// Type, whether of the usual server, options set, bytes bent.
    Answer(u8, bool, Vec<(u8, Vec<u8>)>, Vec<(usize, u8)>),
}

fn duration() -> impl Strategy<Value = u64> {
    prop_oneof![3 => 0..3_u64, 4 => 0..2_000_u64, 3 => 0..30_000_u64, 1 => 0..5_000_000_u64]
}

fn option() -> impl Strategy<Value = (u8, Vec<u8>)> {
    let code = prop_oneof![
        Just(1_u8),
        Just(3),
        Just(12),
        Just(15),
        Just(28),
        Just(51),
        Just(52),
        Just(53),
        Just(54),
        Just(58),
        Just(59),
        Just(67),
        Just(80),
        Just(119),
        Just(121),
        Just(249),
        any::<u8>(),
    ];
    let data = prop_oneof![
        vec(any::<u8>(), 0..40),
        (0..200_u32).prop_map(|secs| secs.to_be_bytes().to_vec()),
        Just(vec![255; 4]),
        Just(vec![]),
    ];
    (code, data)
}

fn answer() -> impl Strategy<Value = Op> {
    let kind = prop_oneof![3 => Just(OFFER), 3 => Just(ACK), 1 => Just(NAK), 1 => any::<u8>()];
    let bent = prop_oneof![4 => Just(vec![]), 1 => vec((0..400_usize, any::<u8>()), 1..4)];
    let options = prop_oneof![
        2 => Just(vec![]),
        1 => Just(vec![(80, vec![])]),
        1 => (10..120_u32).prop_map(|secs| vec![(51, secs.to_be_bytes().to_vec())]),
        2 => vec(option(), 1..5),
    ];
    (kind, prop::bool::weighted(0.8), options, bent).prop_map(|(k, s, o, b)| Op::Answer(k, s, o, b))
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        6 => duration().prop_map(Op::Wait),
        1 => duration().prop_map(Op::Sleep),
        2 => Just(Op::Start),
        3 => Just(Op::Kick),
        1 => Just(Op::Pause),
        1 => Just(Op::Conflict),
        1 => Just(Op::Release),
        1 => Just(Op::Tick),
        1 => vec(any::<u8>(), 0..600).prop_map(Op::Raw),
        12 => answer(),
    ]
}

/// A client under random events, and what must hold after each.
struct Run {
    client: Client,
    started: bool,
    paused: bool,
    /// An address is set: between Bound and Unbound.
    held: bool,
}

impl Run {
    fn step(&mut self, event: Event<'_>) {
        let client = &mut self.client;
        let (sent, leases, losses, notes) =
            (client.sent.len(), client.leases.len(), client.losses.len(), client.notes.len());
        // Asserts that nothing is due afterwards.
        client.event(event);

        assert!(client.sent.len() - sent <= 1, "a step sends one frame at most");
        assert!(client.leases.len() - leases <= 1 && client.losses.len() - losses <= 2);
        assert!(client.notes.len() - notes <= 70);
        let sends = client.sent.len() > sent;
        assert!(!(sends && self.paused), "sent into a link that is gone");
        assert!(!sends || self.started);
        if let Some(lease) = client.leases.get(leases) {
            sound(lease);
            assert_eq!(client.losses.len(), losses, "got and lost in one step");
            self.held = true;
        }
        if client.losses.len() > losses {
            assert!(self.held, "lost what was not held: {:?}", client.losses.last());
            self.held = false;
        }
        let bound = matches!(client.machine.state(), State::Bound | State::Renewing | State::Rebinding);
        let reboot = client.machine.state() == State::InitReboot;
        assert_eq!(bound, client.machine.lease().is_some());
        assert!(reboot || bound == self.held, "{:?}, held: {}", client.machine.state(), self.held);
        if let Some(end) = client.machine.lease().and_then(|lease| lease.expires_at()) {
            assert!(end > client.now, "a lease that has run out");
        }
        if self.paused && !bound && !reboot && client.machine.state() == State::Selecting {
            // Only an offer in hand may still be waiting.
            assert!(client.machine.deadline().is_none_or(|at| at <= client.now + 1_000));
        }
        let heard = client.machine.heard();
        assert!(heard.refused.len() <= 16);
    }

    fn wait(&mut self, until: u64) {
        let mut ticks = 0;
        while let Some(at) = self.client.machine.deadline().filter(|at| *at <= until) {
            self.client.now = at;
            let before = (self.client.machine.state(), self.client.sent.len());
            self.step(Event::Tick);
            let after = (self.client.machine.state(), self.client.sent.len());
            assert_ne!(before, after, "a deadline at which nothing happened");
            ticks += 1;
            assert!(ticks < 20_000, "a busy loop");
        }
        self.client.now = until;
    }

    fn apply(&mut self, op: &Op) {
        match op {
            Op::Wait(ms) => self.wait(self.client.now + ms),
            Op::Sleep(ms) => self.client.now += ms,
            Op::Start => {
                (self.started, self.paused) = (true, false);
                self.step(Event::Start);
            }
            Op::Kick => {
                self.paused = false;
                self.step(Event::Kick);
            }
            Op::Pause => {
                self.paused = true;
                self.step(Event::Pause);
            }
            Op::Conflict => self.step(Event::Conflict),
            Op::Release => self.step(Event::Release),
            Op::Tick => self.step(Event::Tick),
            Op::Raw(payload) => self.step(Event::Datagram { payload }),
            Op::Answer(kind, usual, options, bent) => {
                let mut answer = Answer::new(*kind).options(options);
                if !usual {
                    answer = answer.server(OTHER);
                }
                let xid = self.client.sent.last().map_or(0, Sent::xid);
                let mut payload = answer.xid(xid).bytes();
                for (at, byte) in bent {
                    if let Some(place) = payload.get_mut(*at) {
                        *place = *byte;
                    }
                }
                self.step(Event::Datagram { payload: &payload });
            }
        }
    }
}

fn run(config: Config, held: bool, ops: &[Op]) -> Run {
    let now = 1_000_000;
    let mut run = Run { client: Client::new(config, now), started: false, paused: false, held };
    ops.iter().for_each(|op| run.apply(op));
    for sent in &run.client.sent {
        assert!((300..=600).contains(&sent.bytes.len()));
        let unicast = sent.unicast.is_some();
        assert!(!unicast || matches!(sent.kind(), REQUEST | RELEASE), "unicast of type {}", sent.kind());
    }
    let times: Vec<u64> = run.client.sent.iter().map(|sent| sent.at).collect();
    limit::check(&times);
    run
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_events_in_any_order(seed: u64, ops in vec(op(), 1..120)) {
        run(Config { seed, ..config() }, false, &[&[Op::Start], &ops[..]].concat());
    }

    #[test]
    fn any_events_after_a_reboot(seed: u64, age in 0..3_700_000_u64, ops in vec(op(), 1..60)) {
        let mut lease = Client::bound(&[]).leases.remove(0);
        lease.obtained_at = 1_000_000_u64.saturating_sub(age);
        // 1000 s after boot; an older lease would be of another boot.
        let alive = lease.expires_at().is_some_and(|end| end > 1_000_000);
        prop_assume!(alive);
        run(Config { seed, previous: Some(lease), ..config() }, true, &[&[Op::Start], &ops[..]].concat());
    }

    #[test]
    fn kicks_and_refusals_at_any_distance(waits in vec((0..1_500_u64, 0..4_u8), 1..200)) {
        let ops: Vec<Op> = waits
            .iter()
            .flat_map(|(wait, what)| {
                let event = match what {
                    0 => Op::Answer(OFFER, true, vec![], vec![]),
                    1 => Op::Answer(NAK, true, vec![], vec![]),
                    2 => Op::Pause,
                    _ => Op::Kick,
                };
                [Op::Wait(*wait), event, Op::Kick]
            })
            .collect();
        run(config(), false, &[&[Op::Start], &ops[..]].concat());
    }

    #[test]
    fn a_quiet_day_is_quiet(seed: u64, secs in 10..200_000_u32) {
        let mut client = Client::new(Config { seed, ..config() }, 0);
        client.event(Event::Start);
        client.offer();
        client.hear(Answer::new(ACK).lease(secs));
        // Nobody answers any more: renewals, then DISCOVERs that grow rare.
        client.until(86_400_000);
        prop_assert!(client.sent.len() < 86_400 / 60 + 100, "{} frames", client.sent.len());
        prop_assert!(client.losses.iter().all(|(_, loss)| *loss == Loss::Expired));
    }

    #[test]
    fn any_payload_in_any_state(payload in vec(any::<u8>(), 0..1_600), wait in 0..4_000_000_u64) {
        let mut run = run(config(), false, &[
            Op::Start,
            Op::Answer(OFFER, true, vec![], vec![]),
            Op::Answer(ACK, true, vec![], vec![]),
            Op::Wait(wait),
        ]);
        // The fixed part made good, so that the options are reached.
        let mut good = run.client.sent.last().map_or(0, Sent::xid).to_be_bytes().to_vec();
        let mut whole = Answer::new(ACK).bytes();
        whole.truncate(240);
        whole.splice(4..8, good.drain(..));
        whole.extend(&payload);
        run.step(Event::Datagram { payload: &payload });
        run.step(Event::Datagram { payload: &whole });
        whole.splice(240..240, [53, 1, 5, 54, 4, 192, 0, 2, 1, 51, 4, 0, 0, 14, 16]);
        run.step(Event::Datagram { payload: &whole });
    }

    #[test]
    fn any_packet(bytes in vec(any::<u8>(), 0..200), missing: bool) {
        if let Ok(got) = frame::decode(&bytes, missing) {
            prop_assert!(got.payload.len() + 28 <= bytes.len());
        }
    }

    #[test]
    fn a_packet_there_and_back(from: u32, to: u32, payload in vec(any::<u8>(), 0..2_000), bit in 0..160_usize) {
        let (from, to) = (Ipv4Addr::from(from), Ipv4Addr::from(to));
        let mut packet = frame::encode(from, to, &payload).unwrap();
        packet.swap(21, 23);
        let got = frame::decode(&packet, false).unwrap();
        prop_assert_eq!((got.source, got.destination, got.payload), (from, to, &payload[..]));
        packet[bit / 8] ^= 1 << (bit % 8);
        prop_assert!(frame::decode(&packet, false).is_err(), "bit {bit} of the header is not missed");
    }

    #[test]
    fn any_words(bytes in vec(any::<u8>(), 0..400)) {
        for word in [text::host_name(&bytes), text::domain(&bytes), text::path(&bytes)].into_iter().flatten() {
            prop_assert!(!word.is_empty() && word.len() <= 255);
            prop_assert!(bytes.starts_with(word.as_bytes()), "nothing is repaired");
        }
        if let Some((names, _)) = text::search(&bytes) {
            prop_assert!(names.len() <= 16 && names.iter().all(|name| text::domain(name.as_bytes()).is_some()));
        }
        if let Some(routes) = routes::decode(&bytes) {
            prop_assert!(!routes.is_empty() && routes.len() * 5 <= bytes.len());
            prop_assert!(routes.iter().all(|route| route.to.ip() == route.to.network()));
        }
        prop_assert!(text::shown(&bytes).bytes().all(|b| (0x20..0x7f).contains(&b)));
    }
}
