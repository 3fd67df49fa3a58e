//! How fast frames may leave, whatever happens.

use super::super::limit::Limit;
use super::super::machine::{Event, State};
use super::util::*;
use crate::clock::Millis;

/// Not more than 6 in any second, 10 in any 5 s; both ends of a window count.
pub(super) fn check(times: &[Millis]) {
    for (window, most) in [(1_000, 6), (5_000, 10)] {
        for (first, start) in times.iter().enumerate() {
            let within = times[first..].iter().take_while(|at| **at - start <= window).count();
            assert!(within <= most, "{within} frames within {window} ms of {start}: {times:?}");
        }
    }
}

fn all(client: &Client) -> Vec<Millis> {
    client.sent.iter().map(|sent| sent.at).collect()
}

#[test]
fn kicks_without_end() {
    for every in [1, 7, 50, 130, 333, 999, 1_001] {
        let mut client = Client::started();
        for at in (0..20_000).step_by(every) {
            client.until(at);
            client.event(Event::Kick);
        }
        check(&all(&client));
        // And what the limit allows is used: 9 of the 10 places, one is for a DECLINE.
        assert!(client.sent.len() >= 28, "every {every} ms: {}", client.sent.len());
    }
}

#[test]
fn a_server_that_refuses_all_it_offers() {
    let mut client = Client::started();
    for at in (0..60_000).step_by(10) {
        client.until(at);
        let kind = if client.machine.state() == State::Requesting { NAK } else { OFFER };
        client.hear(Answer::new(kind));
    }
    check(&all(&client));
}

#[test]
fn conflict_after_conflict_and_release_after_release() {
    let mut client = Client::started();
    let mut declines = 0;
    for round in 1..2_000 {
        client.offer();
        client.until(client.now + 1);
        let release = round % 30 != 0;
        if client.last().kind() == REQUEST {
            client.hear(Answer::new(ACK));
            let before = client.sent.len();
            client.event(if release { Event::Release } else { Event::Conflict });
            assert_eq!(client.sent.len(), before + 1, "there is always a place for a last word");
            declines += 1;
        }
        client.event(Event::Start);
        client.until(client.now + 40);
    }
    assert!(declines > 20, "{declines}");
    check(&all(&client));
}

#[test]
fn one_place_is_kept_for_a_last_word() {
    let mut limit = Limit::default();
    for at in [0, 1, 2, 3, 4] {
        assert!(limit.free_at() <= at);
        limit.record(at);
    }
    assert_eq!(limit.free_at(), 1_001);
    assert!(limit.parting(5));
    assert!(!limit.parting(6), "and that was it");
    assert_eq!(limit.free_at(), 1_002, "five of the six left");
}

#[test]
fn ten_in_five_seconds() {
    let mut limit = Limit::default();
    let mut at = 0;
    let mut times = vec![];
    while at < 20_000 {
        at = at.max(limit.free_at());
        limit.record(at);
        times.push(at);
        at += 1;
    }
    check(&times);
    assert_eq!(times[..9], [0, 1, 2, 3, 4, 1_001, 1_002, 1_003, 1_004]);
    assert_eq!(times[9], 5_001);
}
