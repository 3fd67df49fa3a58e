//! How fast frames may leave, whatever happens.

use super::super::machine::{Config, Event, State};
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
        limit.record(at, Share::Discover);
    }
    assert_eq!(limit.free_at(Share::Discover), 1_000);
    assert!(limit.free_at(Share::Request) <= 4);
    limit.record(4, Share::Request);
    assert_eq!(limit.free_at(Share::Request), 1_001);
    assert!(limit.free_at(Share::LastWord) <= 5);
    limit.record(5, Share::LastWord);
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
            limit.record(at, share);
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
    for among in [1, 2, 3, 5, 8, 16] {
        for share in [Share::Discover, Share::Request, Share::LastWord] {
            let mut limits: Vec<Limit> = Vec::new();
            for _ in 0..among {
                let mut limit = Limit::among(among);
                limits.iter().for_each(|other| limit.share(other));
                limits.push(limit);
            }
            // All of them, as fast as each may: their sum is what a port sees.
            let (mut times, mut of) = (vec![], vec![0; among]);
            for now in 0..22_000 {
                for (which, limit) in limits.iter_mut().enumerate() {
                    while limit.free_at(share) <= now {
                        limit.record(now, share);
                        times.push(now);
                        of[which] += 1;
                        // Each DISCOVER leaves a place for its REQUEST.
                        if share == Share::Discover {
                            assert!(
                                among > 5 || limit.free_at(Share::Request) <= now + 1,
                                "{among} at {now}"
                            );
                        }
                    }
                }
            }
            check(&times);
            let least = if share == Share::Discover { 20 } else { 36 };
            assert!(times.len() >= least, "{among}, {share:?}: {}", times.len());
            if share == Share::Discover {
                let (most, least) = (of.iter().max().unwrap(), of.iter().min().unwrap());
                assert!(most - least <= 1, "{among}: each has its turn: {of:?}");
            }
        }
    }
}

#[test]
fn eight_clients_that_all_get_an_answer_are_done_within_six_seconds() {
    let mut clients: Vec<Client> = (0..8).map(|_| Client::new(Config { among: 8, ..config() }, 0)).collect();
    for which in 1..8 {
        let (before, rest) = clients.split_at_mut(which);
        rest[0].machine.share_with(&before[0].machine);
    }
    for now in 0..6_500 {
        for client in &mut clients {
            client.until(now);
            let event = if now == 0 { Event::Start } else { Event::Tick };
            client.event(event);
            match client.machine.state() {
                State::Selecting if client.sent.last().is_some_and(|sent| sent.at + 2 == now) => {
                    client.offer()
                }
                State::Requesting if client.last().kind() == REQUEST => client.hear(Answer::new(ACK)),
                _ => {}
            }
        }
    }
    let mut times: Vec<Millis> = clients.iter().flat_map(all).collect();
    times.sort_unstable();
    check(&times);
    assert_eq!(times.len(), 16, "{times:?}");
    assert!(clients.iter().all(|client| client.machine.state() == State::Bound));
}
