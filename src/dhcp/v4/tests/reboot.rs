//! A keeper that takes up the lease of the one before it (INIT-REBOOT).

use std::net::Ipv4Addr;

use super::super::lease::Lease;
use super::super::machine::{Config, Event, Loss, State};
use super::super::note::Note;
use super::util::*;
use crate::clock::Millis;

/// A lease of an hour from 0 on, as the file gives it back.
fn lease() -> Lease {
    let lease = Client::bound(&[]).leases.remove(0);
    let text = serde_json::to_string(&lease).unwrap();
    let read: Lease = serde_json::from_str(&text).unwrap();
    assert_eq!(read, lease);
    read
}

fn started(previous: Lease, now: Millis) -> Client {
    let mut client = Client::new(Config { previous: Some(previous), ..config() }, now);
    client.event(Event::Start);
    client
}

#[test]
fn it_asks_for_the_address_and_no_server() {
    let mut client = started(lease(), 100_000);
    assert_eq!(client.machine.state(), State::InitReboot);
    assert_eq!(client.machine.requested(), Some(ADDRESS));
    let request = client.last();
    assert_eq!((request.kind(), request.unicast, request.ciaddr()), (REQUEST, None, Ipv4Addr::UNSPECIFIED));
    assert_eq!((request.address(50), request.option(54)), (Some(ADDRESS), None));
    client.until(110_999);
    let times: Vec<_> = client.sent.iter().map(|sent| sent.at - 100_000).collect();
    assert_eq!(times, [0, 1_000, 3_000, 7_000]);
    let flags: Vec<_> = client.sent.iter().map(|sent| sent.flags()).collect();
    assert_eq!(flags, [0, 0, 0, 0x8000]);
}

#[test]
fn any_server_may_confirm() {
    let mut client = started(lease(), 100_000);
    client.hear(Answer::new(ACK).server(OTHER).lease(100));
    assert_eq!(client.machine.state(), State::Bound);
    let lease = &client.leases[0];
    assert_eq!((lease.server_id, lease.obtained_at, lease.lease_secs), (OTHER, 100_000, Some(100)));
}

#[test]
fn any_server_may_refuse() {
    let mut client = started(lease(), 100_000);
    client.until(100_200);
    client.hear(Answer::new(NAK).server(OTHER));
    assert_eq!(client.losses, [(100_200, Loss::Nak)]);
    assert_eq!((client.last().at, client.last().kind()), (100_200, DISCOVER));
}

#[test]
fn without_answer_the_lease_goes_on() {
    let mut client = started(lease(), 100_000);
    client.until(111_000);
    assert_eq!(client.machine.state(), State::Bound);
    assert_eq!(client.leases, [lease()], "unchanged: it runs out when it did");
    assert_eq!(client.notes, [Note::Unconfirmed(ADDRESS)]);
    client.until(1_800_000);
    assert_eq!(client.machine.state(), State::Renewing);
}

#[test]
fn without_answer_past_t2_it_rebinds() {
    let mut client = started(lease(), 3_200_000);
    client.until(3_211_000);
    assert_eq!(client.machine.state(), State::Rebinding);
    assert_eq!(client.last().ciaddr(), ADDRESS);
}

#[test]
fn it_may_run_out_meanwhile() {
    let mut client = started(lease(), 3_595_000);
    client.until(3_600_000);
    assert_eq!(client.losses, [(3_600_000, Loss::Expired)]);
    assert_eq!((client.machine.state(), client.last().kind()), (State::Selecting, DISCOVER));
}

#[test]
fn what_cannot_be_taken_up_is_left() {
    let good = lease();
    let (now, none) = (100_000, Ipv4Addr::UNSPECIFIED);
    for (why, previous, now) in [
        ("run out", good.clone(), 3_600_000),
        ("of another boot", Lease { obtained_at: now + 1, ..good.clone() }, now),
        ("no address", Lease { address: none, ..good.clone() }, now),
        ("no server", Lease { server_id: none, ..good.clone() }, now),
        ("no prefix", Lease { prefix_len: 0, ..good.clone() }, now),
        ("no such prefix", Lease { prefix_len: 33, ..good.clone() }, now),
        ("too short", Lease { lease_secs: Some(9), ..good.clone() }, now),
        ("T1 behind T2", Lease { t1: good.t2, t2: good.t1, ..good.clone() }, now),
        ("T2 at the end", Lease { t2: Some(3_600_000), ..good.clone() }, now),
        ("T1 missing", Lease { t1: None, ..good.clone() }, now),
        ("T1 of 0", Lease { t1: Some(0), ..good.clone() }, now),
        ("for ever with T1", Lease { lease_secs: None, ..good.clone() }, now),
    ] {
        let client = started(previous, now);
        assert_eq!((client.machine.state(), client.last().kind()), (State::Selecting, DISCOVER), "{why}");
    }
    let for_ever = Lease { lease_secs: None, t1: None, t2: None, ..good };
    assert_eq!(started(for_ever, now).machine.state(), State::InitReboot);
}

#[test]
fn a_conflict_or_release_meanwhile_takes_the_address() {
    for (event, kind, loss) in
        [(Event::Conflict, DECLINE, Loss::Conflict), (Event::Release, RELEASE, Loss::Released)]
    {
        let mut client = started(lease(), 100_000);
        client.event(event);
        assert_eq!(client.last().kind(), kind);
        assert_eq!(client.losses, [(100_000, loss)]);
        assert_eq!(client.machine.state(), State::Init);
    }
}

#[test]
fn a_link_that_returns_asks_again() {
    let mut client = started(lease(), 100_000);
    client.until(108_000);
    client.event(Event::Pause);
    client.until(200_000);
    assert_eq!((client.machine.state(), client.sent.len()), (State::InitReboot, 4));
    client.event(Event::Kick);
    client.until(210_999);
    let times: Vec<_> = client.sent[4..].iter().map(|sent| sent.at - 200_000).collect();
    assert_eq!(times, [0, 1_000, 3_000, 7_000]);
}

#[test]
fn after_the_first_lease_the_old_one_is_forgotten() {
    let mut client = started(lease(), 100_000);
    client.hear(Answer::new(ACK));
    client.event(Event::Release);
    client.event(Event::Start);
    assert_eq!(client.machine.state(), State::Selecting);
}

#[test]
fn a_release_before_the_start_forgets_it() {
    let mut client = Client::new(Config { previous: Some(lease()), ..config() }, 100_000);
    client.event(Event::Release);
    client.event(Event::Start);
    assert_eq!(client.machine.state(), State::Selecting);
}
