//! The address probe: when it asks, how long it listens, and whom it believes.

use super::super::probe::{Probe, Step, announcement, claim, filter, packet};
use super::util::{ADDRESS, MAC, OTHER};
use crate::mac::Mac;

const SOMEBODY: Mac = Mac([2, 0, 0, 0, 0, 9]);

/// All that happens until `end`, at its times, with the address set at `set`.
fn course(set: Option<u64>, end: u64) -> (Vec<u64>, Option<u64>) {
    let mut probe = Probe::new(ADDRESS, 0);
    let mut sent = vec![];
    for now in 0..end {
        if set == Some(now) {
            probe.set(now);
        }
        match probe.step(now) {
            Step::Send => sent.push(now),
            Step::End => return (sent, Some(now)),
            Step::Wait(at) => assert!(at.is_none_or(|at| at > now)),
        }
    }
    (sent, None)
}

#[test]
fn three_probes_from_the_offer_on_and_two_seconds_from_the_ack() {
    assert_eq!(course(Some(20), 10_000), (vec![0, 300, 1_000], Some(2_020)));
}

#[test]
fn an_ack_that_comes_late_is_listened_after_as_well() {
    assert_eq!(course(Some(5_000), 10_000), (vec![0, 300, 1_000], Some(7_000)));
}

#[test]
fn without_an_ack_it_goes_on_listening() {
    assert_eq!(course(None, 10_000), (vec![0, 300, 1_000], None));
}

#[test]
fn after_a_sleep_what_was_missed_leaves_and_then_it_ends() {
    let mut probe = Probe::new(ADDRESS, 0);
    probe.set(0);
    let steps = [(); 4].map(|()| probe.step(100_000));
    assert_eq!(steps, [Step::Send, Step::Send, Step::Send, Step::End]);
}

#[test]
fn a_probe_teaches_nobody_anything() {
    let expected = [0, 1, 8, 0, 6, 4, 0, 1, 2, 0, 0, 0, 0x5e, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 192, 0, 2, 77];
    assert_eq!(packet(MAC, ADDRESS), expected);
    assert_eq!(claim(&packet(SOMEBODY, ADDRESS), ADDRESS), None, "another's probe is no claim");
}

#[test]
fn whoever_announces_or_answers_with_the_address_claims_it() {
    let mut bytes = announcement(SOMEBODY, ADDRESS);
    assert_eq!(claim(&bytes, ADDRESS), Some(SOMEBODY));
    assert_eq!(claim(&bytes, OTHER), None);
    bytes[7] = 2;
    assert_eq!(claim(&bytes, ADDRESS), Some(SOMEBODY), "a reply");
    bytes[7] = 3;
    assert_eq!(claim(&bytes, ADDRESS), None, "RARP");
}

#[test]
fn what_is_no_arp_for_ethernet_and_ipv4_is_nothing() {
    let good = announcement(SOMEBODY, ADDRESS);
    for length in 0..28 {
        assert_eq!(claim(&good[..length], ADDRESS), None, "{length} bytes");
    }
    for at in 0..7 {
        let mut bad = good;
        bad[at] ^= 0xff;
        assert_eq!(claim(&bad, ADDRESS), None, "byte {at}");
    }
    // Ethernet fills up to 60 bytes.
    assert_eq!(claim(&[&good[..], &[0; 18]].concat(), ADDRESS), Some(SOMEBODY));
}

/// What the kernel would do with the filter.
fn passes(packet: &[u8]) -> bool {
    let program = filter(ADDRESS);
    let (mut at, mut value) = (0, 0);
    loop {
        let (code, jt, jf, k) = program[at];
        at += 1;
        match code {
            0x20 => {
                let place = k as usize;
                let Some(word) = packet.get(place..place + 4) else { return false };
                value = u32::from_be_bytes(word.try_into().unwrap());
            }
            0x15 => at += usize::from(if value == k { jt } else { jf }),
            0x06 => return k > 0,
            other => panic!("{other:#x}"),
        }
    }
}

#[test]
fn the_filter_lets_in_senders_of_the_address_only() {
    assert!(passes(&announcement(SOMEBODY, ADDRESS)));
    assert!(!passes(&announcement(SOMEBODY, OTHER)));
    assert!(!passes(&packet(SOMEBODY, ADDRESS)));
    assert!(!passes(&[0, 6]), "too short");
    let mut token_ring = announcement(SOMEBODY, ADDRESS);
    token_ring[1] = 6;
    assert!(!passes(&token_ring));
}
