//! Any datagrams and events at any times for a DHCPv4 client: what must hold of every client holds.
//!
//! An input is a script: a byte says what happens next, the bytes behind it say how. Two of these steps are datagrams:
//! raw ones, made good in what every answer needs if so said, and answers of a server with any options behind the usual
//! ones. What the client sends is checked as a switch with DHCP snooping and a server would; what it tells, as a terminal.

#![no_main]
// What the program uses of these files beyond the client is not used here.
#![allow(dead_code, unused_imports, missing_docs)]

#[path = "../../src/clock.rs"]
pub mod clock;
#[path = "../../src/mac.rs"]
pub mod mac;
#[path = "../../src/dhcp"]
pub mod dhcp {
    pub mod limit;
    pub mod rng;
    pub mod text;
    pub mod v4;
}
#[path = "script/mod.rs"]
mod script;

use std::net::Ipv4Addr;

use dhcp::v4::{Action, Config, Event, Lease, Machine, State, frame};
use mac::Mac;
use script::Script;

const MAC: Mac = Mac([2, 0, 0, 0, 0x5e, 1]);
const ADDRESS: [u8; 4] = [192, 0, 2, 77];
/// Most of one input: a client is not asked more in its first hours.
const MOST_STEPS: usize = 400;

/// A client under a script, and what is known of it from outside.
struct Run {
    machine: Machine,
    now: u64,
    xid: [u8; 4],
    paused: bool,
    /// The address on the interface, between Bound and Unbound.
    held: Option<Ipv4Addr>,
    /// When frames left.
    sent: Vec<u64>,
}

impl Run {
    fn step(&mut self, event: Event<'_>) {
        let actions = self.machine.step(self.now, event);
        assert!(self.machine.deadline().is_none_or(|at| at > self.now), "still due after a step");
        assert!(actions.len() < 80, "a storm of {} actions", actions.len());
        let (mut frames, mut bound) = (0, 0);
        for action in actions {
            match action {
                Action::Broadcast(payload) => {
                    frames += 1;
                    self.frame(Ipv4Addr::UNSPECIFIED, Ipv4Addr::BROADCAST, &payload);
                }
                Action::Unicast { from, to, payload } => {
                    frames += 1;
                    assert!(matches!(kind(&payload), 3 | 7), "only REQUEST and RELEASE go to one server");
                    self.frame(from, to, &payload);
                }
                Action::Bound(lease) => {
                    bound += 1;
                    sound(&lease);
                    self.held = Some(lease.address);
                }
                Action::Unbound(loss) => {
                    assert!(self.held.take().is_some(), "lost what was not held: {loss:?}");
                    assert_eq!(bound, 0, "got and lost in one step");
                }
                Action::Note(note) => {
                    let text = note.to_string();
                    assert!(text.len() < 1_000, "a note of {} bytes", text.len());
                    assert!(
                        text.chars().all(|c| !c.is_control()),
                        "a note that a terminal would obey: {text:?}"
                    );
                }
            }
        }
        assert!(frames <= 1 && bound <= 1, "{frames} frames and {bound} leases in one step");
        let leased = self.machine.lease().map(|lease| lease.address);
        if self.machine.state() != State::InitReboot {
            assert_eq!(leased, self.held, "the client's address is not the interface's");
        }
        if let Some(end) = self.machine.lease().and_then(Lease::expires_at) {
            assert!(end > self.now, "a lease that has run out");
        }
        assert!(self.machine.heard().refused.len() <= 16, "an account that grows");
    }

    fn frame(&mut self, from: Ipv4Addr, to: Ipv4Addr, payload: &[u8]) {
        assert!(!self.paused, "sent into a link that is gone");
        assert!((300..=1_472).contains(&payload.len()), "{} bytes", payload.len());
        assert!(frame::encode(from, to, payload).is_some());
        self.xid.copy_from_slice(&payload[4..8]);
        self.sent.push(self.now);
        let within = |window: u64| self.sent.iter().rev().take_while(|at| **at + window >= self.now).count();
        assert!(within(1_000) <= 6 && within(5_000) <= 10, "too many frames: {:?}", self.sent);
    }

    /// Time goes on, with a tick at every deadline.
    fn wait(&mut self, until: u64) {
        let mut ticks = 0;
        while let Some(at) = self.machine.deadline().filter(|at| *at <= until) {
            self.now = at;
            self.step(Event::Tick);
            ticks += 1;
            // The closest thing that goes on for ever: a DISCOVER each minute, or a lease of 10 s that nobody renews.
            assert!(ticks < 20_000, "a busy loop");
        }
        self.now = until;
    }

    fn hear(&mut self, payload: &[u8]) {
        self.step(Event::Datagram { payload });
    }

    /// The fixed part of an answer that is meant for us.
    fn head(&self) -> Vec<u8> {
        let mut head = vec![0; 240];
        head[..3].copy_from_slice(&[2, 1, 6]);
        head[4..8].copy_from_slice(&self.xid);
        head[16..20].copy_from_slice(&ADDRESS);
        head[28..34].copy_from_slice(&MAC.0);
        head[236..].copy_from_slice(&[99, 130, 83, 99]);
        head
    }

    fn play(&mut self, script: &mut Script<'_>) {
        match script.byte() % 12 {
            0 => self.wait(self.now + u64::from(script.byte()) * 20),
            1 => self.wait(self.now + script.word() * 100),
            // Nobody looked at the clock.
            2 => self.now += script.word() * 100,
            3 => {
                self.paused = false;
                self.step(Event::Start);
            }
            4 => {
                self.paused = false;
                self.step(Event::Kick);
            }
            5 => {
                self.paused = true;
                self.step(Event::Pause);
            }
            6 => self.step(Event::Conflict),
            7 => self.step(Event::Release),
            8 => {
                let length = script.word() as usize % 1_500;
                let mut payload = script.bytes(length).to_vec();
                if script.byte().is_multiple_of(2) {
                    // Only what tells others' answers from ours.
                    for (at, bytes) in
                        [(0, &[2, 1, 6][..]), (4, &self.xid), (28, &MAC.0), (236, &[99, 130, 83, 99])]
                    {
                        if let Some(place) = payload.get_mut(at..at + bytes.len()) {
                            place.copy_from_slice(bytes);
                        }
                    }
                }
                self.hear(&payload);
            }
            // An answer: type, server, bent byte of the head, options.
            _ => {
                let (kind, server, at, bent) = (script.byte(), script.byte(), script.byte(), script.byte());
                let mut payload = self.head();
                if let Some(place) = payload.get_mut(usize::from(at)).filter(|_| bent > 0) {
                    *place = bent;
                }
                payload.extend([
                    53,
                    1,
                    [2, 5, 6, kind][usize::from(kind % 4)],
                    54,
                    4,
                    192,
                    0,
                    2,
                    server % 3 + 1,
                ]);
                if kind & 0x10 == 0 {
                    payload.extend([51, 4, 0, 0, 14, 16, 1, 4, 255, 255, 255, 0]);
                }
                let length = usize::from(script.byte());
                payload.extend(script.bytes(length));
                self.hear(&payload);
            }
        }
    }
}

/// Option 53, which comes first.
fn kind(payload: &[u8]) -> u8 {
    payload.get(242).copied().unwrap_or_default()
}

/// What must hold for every lease, whatever was sent to us.
fn sound(lease: &Lease) {
    let [first, second, ..] = lease.address.octets();
    assert!(first > 0 && first != 127 && first < 224 && (first, second) != (169, 254), "{lease:?}");
    assert!(lease.network().is_some() && lease.prefix_len > 0, "{lease:?}");
    if let Some(secs) = lease.lease_secs {
        let (t1, t2) = (lease.t1.unwrap_or(0), lease.t2.unwrap_or(0));
        assert!(secs >= 10 && 0 < t1 && t1 < t2 && t2 < u64::from(secs) * 1_000, "{lease:?}");
    }
    assert!(lease.routes.len() <= 32 && lease.search.len() <= 16, "{lease:?}");
    for list in [&lease.routers, &lease.dns, &lease.ntp] {
        assert!(list.len() <= 16, "{lease:?}");
        assert!(list.iter().all(|each| !each.is_unspecified() && !each.is_multicast()), "{lease:?}");
    }
    assert!(lease.mtu.is_none_or(|mtu| (576..=9_216).contains(&mtu)), "{lease:?}");
    let Lease { domain, hostname, root_path, tftp_server, bootfile, search, .. } = lease;
    for text in [domain, hostname, root_path, tftp_server, bootfile].into_iter().flatten().chain(search) {
        let good = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/._-:,=+@%".contains(&byte));
        assert!(good && (1..=255).contains(&text.len()) && !text.contains("/../"), "{text:?}");
    }
}

/// A lease of an earlier keeper, as state.json would have it: of 192.0.2.77 for an hour, ten minutes old.
fn previous(now: u64) -> Option<Lease> {
    let json = r#"{"address":"192.0.2.77","prefix_len":24,"server_id":"192.0.2.1","routers":[],"routes":[],"dns":[],
        "domain":null,"search":[],"hostname":null,"ntp":[],"mtu":null,"broadcast":null,"root_path":null,
        "next_server":null,"tftp_server":null,"bootfile":null,"lease_secs":3600,"t1":1800000,"t2":3150000,
        "obtained_at":0}"#;
    let lease: Lease = serde_json::from_str(json).ok()?;
    Some(Lease { obtained_at: now - 600_000, ..lease })
}

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let mut script = Script(bytes);
    let now = 1_000_000;
    let first = script.byte();
    let previous = if first & 1 == 1 { previous(now) } else { None };
    let config = Config {
        mac: MAC,
        seed: u64::from(first),
        client_id: (first & 2 == 0).then(|| dhcp::v4::client_id_of_mac(MAC)),
        hostname: None,
        vendor_class: None,
        among: 1,
        mtu: 1_500,
        previous: previous.clone(),
    };
    let held = previous.map(|lease| lease.address);
    let machine = Machine::new(config, now);
    let mut run = Run { machine, now, xid: [0; 4], paused: false, held, sent: Vec::new() };
    // Until then nothing is sent and nothing held: a client that was never started is not interesting.
    run.step(Event::Start);
    for _ in 0..MOST_STEPS {
        if script.0.is_empty() {
            break;
        }
        run.play(&mut script);
    }
    run.wait(run.now + 10_000);
});
