//! Any packets at any times for what hears routers: bounded, never a flood, and nothing that a file must not hold.
//!
//! An input is a script: a byte says what happens next, the bytes behind it say how. Packets come raw, or as the options
//! of an advertisement that is good otherwise.

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

use ra::machine::{Action, Event, Machine};

struct Run {
    machine: Machine,
    now: u64,
    sent: Vec<u64>,
    notes: usize,
}

impl Run {
    fn step(&mut self, event: Event<'_>) {
        let actions = self.machine.step(self.now, event);
        assert!(actions.len() < 40, "a storm of {} actions", actions.len());
        for action in actions {
            match action {
                Action::Solicit => self.sent.push(self.now),
                Action::Note(note) => {
                    let text = note.to_string();
                    self.notes += 1;
                    assert!(text.len() < 4_000 && text.chars().all(|c| !c.is_control()), "{text:?}");
                }
            }
        }
        assert!(self.machine.deadline().is_none_or(|at| at > self.now), "still due after a step");
        let recent = self.sent.iter().rev().take_while(|at| **at + 3_000 > self.now).count();
        assert!(recent <= 4 && self.notes <= 64, "{recent} solicitations, {} notes", self.notes);
        assert!(self.machine.servers().count() <= 8 && self.machine.search().count() <= 8);
        for name in self.machine.search() {
            let good = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
            assert!(!name.is_empty() && name.len() <= 253 && name.chars().all(good), "{name:?}");
        }
        for server in self.machine.servers() {
            assert!(!server.is_multicast() && !server.is_loopback() && !server.is_unicast_link_local());
        }
    }

    fn pass(&mut self, millis: u64) {
        let end = self.now + millis;
        for _ in 0..2_000 {
            let Some(at) = self.machine.deadline().filter(|at| *at <= end) else { break };
            self.now = at.max(self.now);
            self.step(Event::Tick);
        }
        self.now = end;
    }
}

fn take<'a>(bytes: &mut &'a [u8], most: usize) -> &'a [u8] {
    let (taken, rest) = bytes.split_at(most.min(bytes.len()));
    *bytes = rest;
    taken
}

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let mut script = bytes;
    let mut run = Run { machine: Machine::new(7, 1_000), now: 1_000, sent: Vec::new(), notes: 0 };
    while let [what, how, rest @ ..] = script {
        script = rest;
        let how = *how;
        match what % 6 {
            0 => run.pass(u64::from(how) * 500),
            1 => run.step(Event::Kick),
            2 => run.step(Event::Pause),
            3 => {
                let packet = take(&mut script, how.into());
                run.step(Event::Packet { packet, checksum_missing: true });
            }
            _ => {
                let head = take(&mut script, 4);
                let options = take(&mut script, how.into());
                let mut message = vec![134, 0, 0, 0, 64, 0, 0, 0];
                message[5..5 + head.len().min(3)].copy_from_slice(&head[..head.len().min(3)]);
                message.extend([0; 8]);
                message.extend(options);
                let mut packet = vec![0x60, 0, 0, 0];
                packet.extend((message.len() as u16).to_be_bytes());
                packet.extend([58, 255, 0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
                packet.push(head.last().copied().unwrap_or_default());
                packet.extend([0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
                packet.extend(&message);
                run.step(Event::Packet { packet: &packet, checksum_missing: true });
            }
        }
    }
});
