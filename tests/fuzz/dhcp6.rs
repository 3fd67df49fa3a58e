//! Any datagrams and events at any times for a DHCPv6 client: what must hold of every client holds.
//!
//! An input is a script: a byte says what happens next, the bytes behind it say how. Two of these steps are datagrams: raw
//! ones, and answers of a server with any options behind what every answer needs.

#![no_main]
// What the program uses of these files beyond the client is not used here.
#![allow(dead_code, unused_imports, missing_docs)]

#[path = "../../src/clock.rs"]
pub mod clock;
#[path = "../../src/dhcp/mod.rs"]
pub mod dhcp;
#[path = "../../src/mac.rs"]
pub mod mac;
#[path = "../../src/ra/mod.rs"]
pub mod ra;
#[path = "script/mod.rs"]
mod script;

use std::net::Ipv6Addr;

use dhcp::v6::{Action, Config, Event, Facts, Lease, Machine, Mode, duid_of_mac, iaid_of_mac};
use mac::Mac;
use script::Script;

const MAC: Mac = Mac([2, 0, 0, 0, 0x5e, 1]);
const FROM: Ipv6Addr = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 1);
/// Most of one input: a client is not asked more in its first hours.
const MOST_STEPS: usize = 400;

/// A client under a script, and what is known of it from outside.
struct Run {
    machine: Machine,
    now: u64,
    xid: [u8; 3],
    paused: bool,
    /// The lease whose address is on the interface, between Bound and Unbound.
    held: Option<Lease>,
    /// When frames left.
    sent: Vec<u64>,
}

impl Run {
    fn step(&mut self, event: Event<'_>) {
        let actions = self.machine.step(self.now, event);
        assert!(self.machine.deadline().is_none_or(|at| at > self.now), "still due after a step");
        assert!(actions.len() < 80, "a storm of {} actions", actions.len());
        let mut frames = 0;
        for action in actions {
            match action {
                Action::Send(payload) => {
                    frames += 1;
                    assert!(!self.paused, "sent into a link that is gone");
                    assert!((10..=400).contains(&payload.len()), "{} bytes", payload.len());
                    self.xid.copy_from_slice(&payload[1..4]);
                    self.sent.push(self.now);
                    let within = |window: u64| {
                        self.sent.iter().rev().take_while(|at| **at + window >= self.now).count()
                    };
                    assert!(within(1_000) <= 6 && within(5_000) <= 10, "too many frames: {:?}", self.sent);
                }
                Action::Bound(lease) => {
                    assert!(lease.usable(self.now), "{lease:?} at {}", self.now);
                    sound(&lease.facts);
                    self.held = Some(*lease);
                }
                Action::Informed(facts) => {
                    assert_eq!(self.machine.mode(), Mode::Stateless);
                    sound(&facts);
                }
                Action::Unbound(loss) => {
                    assert!(self.held.take().is_some(), "lost what was not held: {loss:?}");
                }
                Action::Note(note) => {
                    let text = note.to_string();
                    assert!(text.len() < 1_000, "a note of {} bytes", text.len());
                    assert!(text.chars().all(|c| !c.is_control()), "a terminal would obey: {text:?}");
                }
            }
        }
        assert!(frames <= 2, "{frames} frames in one step");
        let end = self.held.as_ref().and_then(Lease::expires_at);
        assert!(end.is_none_or(|end| end > self.now), "an address that has run out");
        assert!(self.machine.heard().refused.len() <= 16, "an account that grows");
        for refused in &self.machine.heard().refused {
            let text = refused.why.to_string();
            assert!(text.chars().all(|c| !c.is_control()), "a terminal would obey: {text:?}");
        }
    }

    /// Time goes on, with a tick at every deadline.
    fn pass(&mut self, millis: u64) {
        let end = self.now + millis;
        for _ in 0..2_000 {
            let Some(at) = self.machine.deadline().filter(|at| *at <= end) else { break };
            self.now = at;
            self.step(Event::Tick);
        }
        self.now = end;
    }

    /// A server's answer to what was sent last: Advertise or Reply, of one of two servers, with these options.
    fn answer(&mut self, kind: u8, options: &[u8]) {
        let mut payload = vec![if kind & 1 == 0 { 2 } else { 7 }];
        payload.extend(self.xid);
        let duid = duid_of_mac(MAC);
        payload.extend([0, 1, 0, duid.len() as u8]);
        payload.extend(&duid);
        payload.extend([0, 2, 0, 4, 0, 3, 0, kind >> 1 & 1]);
        if kind & 4 != 0 {
            payload.extend([0, 14, 0, 0]);
        }
        if kind & 8 != 0 {
            // A good IA_NA in front of whatever comes.
            let iaid = iaid_of_mac(MAC).to_be_bytes();
            payload.extend([0, 3, 0, 40]);
            payload.extend(iaid);
            payload.extend([0, 0, 0, 200, 0, 0, 1, 64, 0, 5, 0, 24]);
            payload.extend(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0x77).octets());
            payload.extend([0, 0, 2, 0, 0, 0, 3, 0]);
        }
        payload.extend(options);
        self.step(Event::Datagram { from: FROM, payload: &payload });
    }
}

/// What a lease brings besides its address may stand in a file that shells and resolvers read.
fn sound(facts: &Facts) {
    assert!(facts.dns.len() <= 16 && facts.search.len() <= 16);
    assert!(facts.dns.iter().all(|server| !server.is_multicast() && !server.is_loopback()));
    for name in &facts.search {
        let good = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        assert!(!name.is_empty() && name.len() <= 253 && name.chars().all(good), "{name:?}");
    }
}

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let mut script = Script(bytes);
    let mode = if script.byte() & 1 == 0 { Mode::Stateful } else { Mode::Stateless };
    let config = Config {
        mode,
        seed: script.word(),
        duid: duid_of_mac(MAC),
        iaid: iaid_of_mac(MAC),
        among: 1,
        previous: None,
    };
    let machine = Machine::new(config, 1_000);
    let mut run = Run { machine, now: 1_000, xid: [0; 3], paused: false, held: None, sent: Vec::new() };
    run.step(Event::Start);
    for _ in 0..MOST_STEPS {
        if script.0.is_empty() {
            break;
        }
        match script.byte() % 8 {
            0 => {
                let millis = script.word() * 20;
                run.pass(millis);
            }
            1 => {
                // Nobody looks at the clock meanwhile.
                run.now += script.word() * 200;
                run.step(Event::Tick);
            }
            2 => {
                run.paused = false;
                run.step(Event::Kick);
            }
            3 => {
                run.paused = true;
                run.step(Event::Pause);
            }
            4 => run.step(Event::Conflict),
            5 if script.byte() == 0 => run.step(Event::Release),
            6 => {
                let length = script.byte();
                let payload = script.bytes(length.into());
                run.step(Event::Datagram { from: FROM, payload });
            }
            _ => {
                let (kind, length) = (script.byte(), script.byte());
                let options = script.bytes(length.into());
                run.answer(kind, options);
            }
        }
    }
});
