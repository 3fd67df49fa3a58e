//! Any LLDPDUs at any times on one cable: what is told of the neighbour is short, printable, and not too old.
//!
//! An input is frames one after the other: two bytes of length, one of seconds that pass before it, the payload.

#![no_main]
// What the program uses of these files beyond this is not used here.
#![allow(dead_code, unused_imports, missing_docs)]

#[path = "../../src/clock.rs"]
pub mod clock;
#[path = "../../src/escape.rs"]
pub mod escape;
#[path = "../../src/lldp/mod.rs"]
pub mod lldp;
#[path = "../../src/mac.rs"]
pub mod mac;

use lldp::frame::{MOST_VLANS, parse};
use lldp::neighbour::Ear;

/// Text is cut after forty letters, and says so.
const LONGEST: usize = 41;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let (mut rest, mut now, mut ear) = (bytes, 0, Ear::default());
    while let [high, low, seconds, payload @ ..] = rest {
        let length = usize::from(u16::from_be_bytes([*high, *low])).min(payload.len());
        let (payload, next) = payload.split_at(length);
        rest = next;
        now += u64::from(*seconds) * 1_000;
        if let Some(pdu) = parse(payload) {
            let texts = [Some(&pdu.chassis), Some(&pdu.port), pdu.description.as_ref(), pdu.system.as_ref()];
            for text in texts.into_iter().flatten() {
                assert!(!text.is_empty() && text.chars().count() <= LONGEST, "{text:?}");
                assert!(text.chars().all(escape::is_printable), "{text:?}");
            }
            assert!(pdu.vlans.len() <= MOST_VLANS && pdu.vlans.iter().all(|id| (1..=4094).contains(id)));
            assert!(pdu.vlan.is_none_or(|id| id <= 4094));
            ear.hear(now, pdu);
        }
        ear.age(now);
        if let Some(neighbour) = ear.neighbour() {
            assert!(neighbour.until_ms > now && neighbour.until_ms <= now + 65_535_000);
            assert!(neighbour.place().chars().count() <= 2 * LONGEST + 1);
        }
    }
});
