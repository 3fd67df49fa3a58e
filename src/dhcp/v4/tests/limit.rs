//! How fast frames may leave, whatever happens.

use super::super::machine::{Event, State};
use super::util::*;
use crate::clock::Millis;
use crate::dhcp::limit::{Limit, Share};

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
        // And what the limit allows is used: 8 of the 10 places, one is for a REQUEST and one for a DECLINE.
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
fn places_are_kept_for_what_must_not_wait() {
    let mut limit = Limit::among(1);
    for at in [0, 1, 2, 3] {
        assert!(limit.free_at(Share::Discover) <= at);
        limit.record(at);
    }
    assert_eq!(limit.free_at(Share::Discover), 1_000);
    assert!(limit.free_at(Share::Request) <= 4);
    limit.record(4);
    assert_eq!(limit.free_at(Share::Request), 1_001);
    assert!(limit.free_at(Share::LastWord) <= 5);
    limit.record(5);
    assert_eq!(limit.free_at(Share::LastWord), 1_001);
    assert_eq!(limit.free_at(Share::Request), 1_002);
    assert_eq!(limit.free_at(Share::Discover), 1_002);
    assert_eq!(limit.last(), Some(5));
}

#[test]
fn as_fast_as_the_limit_allows() {
    for share in [Share::Discover, Share::Request, Share::LastWord] {
        let (mut limit, mut at, mut times) = (Limit::among(1), 0, vec![]);
        while at < 60_000 {
            at = at.max(limit.free_at(share));
            limit.record(at);
            times.push(at);
        }
        check(&times);
        // 8, 9 or 10 in each 5 s; the edges of the windows cost a few.
        let least = [90, 100, 110][share as usize];
        assert!(times.len() >= least, "{share:?}: {}", times.len());
    }
}

#[test]
fn an_offer_amid_kicks_is_requested_at_once() {
    for ports in 1..20 {
        let mut client = Client::started();
        for port in 0..ports {
            client.until(port * 60);
            client.event(Event::Kick);
        }
        client.until(client.now + 5);
        client.offer();
        assert_eq!((client.last().at, client.last().kind()), (client.now, REQUEST), "{ports} ports");
    }
}

#[test]
fn ports_that_join_together_are_one_kick() {
    let mut client = Client::started();
    client.until(30_000);
    let before = client.sent.len();
    // Nothing else within the windows of the limit.
    let kicked = client.last().at + 5_100;
    for after in [0, 1, 1, 9] {
        client.until(kicked + after);
        client.event(Event::Kick);
    }
    client.until(kicked + 1_500);
    let times: Vec<Millis> = client.sent[before..].iter().map(|sent| sent.at - kicked).collect();
    assert_eq!(times, [0, 159, 259, 609, 1_009]);
}

#[test]
fn a_conflict_before_the_request_left_declines_nothing() {
    let mut client = Client::started();
    // Five frames in the second that ends here: the REQUEST waits a millisecond.
    client.until(1_000);
    client.offer();
    assert_eq!((client.machine.state(), client.last().kind()), (State::Requesting, DISCOVER));
    let sent = client.sent.len();
    client.event(Event::Conflict);
    assert_eq!((client.sent.len(), client.machine.state()), (sent, State::Init));
    assert_eq!(client.machine.deadline(), Some(client.now + 10_000));
}

#[test]
fn clients_that_share_the_ports_share_what_the_limit_allows() {
    // How many of them, and what one may send within a second and within five.
    for (among, second, five) in [(1, 6, 10), (2, 3, 5), (3, 2, 4), (7, 2, 4), (usize::MAX, 2, 4)] {
        let (mut limit, mut at, mut times) = (Limit::among(among), 0, vec![]);
        while at < 60_000 {
            at = at.max(limit.free_at(Share::LastWord));
            limit.record(at);
            times.push(at);
        }
        let most = |window| {
            (0..60_000)
                .map(|from| times.iter().filter(|at| (from..=from + window).contains(*at)).count())
                .max()
        };
        assert_eq!((most(1_000), most(5_000)), (Some(second), Some(five)), "{among}");
        // A DISCOVER leaves a place for the REQUEST.
        let mut limit = Limit::among(among);
        while limit.free_at(Share::Discover) == 0 {
            limit.record(0);
        }
        assert_eq!(limit.free_at(Share::Request), 0, "{among}");
    }
}
