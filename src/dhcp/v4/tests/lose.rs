//! NAK, conflict and release.

use std::net::Ipv4Addr;

use super::super::machine::{Event, Loss, State};
use super::super::note::{Note, Refusal};
use super::util::*;

#[test]
fn a_nak_while_requesting_starts_again() {
    let mut client = Client::started();
    client.offer();
    client.until(400);
    client.hear(Answer::new(NAK).with(56, b"wrong network"));
    assert_eq!((client.last().at, client.last().kind()), (400, DISCOVER));
    assert_ne!(client.last().xid(), client.sent[0].xid());
    assert!(client.losses.is_empty(), "there was no address yet");
    let note = Note::Nak { server: Some(SERVER), says: "wrong network".into() };
    assert_eq!(client.notes, [note]);
    assert_eq!(client.machine.heard().naks, 1);
    client.offer();
    assert_eq!(client.machine.state(), State::Requesting, "a NAK is an answer: nobody is passed over");
}

#[test]
fn a_nak_while_renewing_takes_the_address_at_once() {
    let mut client = Client::bound(&[]);
    client.until(1_800_500);
    client.hear(Answer::new(NAK));
    assert_eq!(client.losses, [(1_800_500, Loss::Nak)]);
    assert_eq!((client.last().at, client.last().kind(), client.last().secs()), (1_800_500, DISCOVER, 0));
    assert_eq!(client.machine.lease(), None);
    assert_eq!(client.machine.heard().discovers, 1);
}

#[test]
fn a_nak_without_server_counts_only_where_any_server_does() {
    let mut client = Client::bound(&[]);
    client.until(1_800_000);
    client.hear(Answer::new(NAK).without(54));
    assert_eq!(client.machine.state(), State::Renewing);
    assert_eq!(client.refused(), [Refusal::NoServer]);
    client.until(3_150_000);
    client.hear(Answer::new(NAK).without(54));
    assert_eq!(client.machine.state(), State::Selecting);
}

#[test]
fn a_nak_while_bound_or_selecting_is_nothing() {
    let mut client = Client::started();
    client.hear(Answer::new(NAK));
    assert_eq!(client.machine.state(), State::Selecting);
    let mut client = Client::bound(&[]);
    client.hear(Answer::new(NAK));
    assert_eq!((client.machine.state(), client.losses.len()), (State::Bound, 0));
}

#[test]
fn naks_in_a_row_slow_down() {
    let mut client = Client::started();
    let mut waits = vec![];
    for _ in 0..10 {
        // From the second on others have their chance first.
        client.until(client.now + 4_000);
        client.offer();
        // The limit may hold the REQUEST back.
        client.until(client.now + 1_000);
        assert_eq!(client.last().kind(), REQUEST);
        client.hear(Answer::new(NAK));
        let from = client.now;
        while client.last().kind() != DISCOVER {
            client.until(client.machine.deadline().unwrap());
        }
        waits.push((client.now - from) / 1_000);
    }
    assert_eq!(waits, [0, 1, 2, 4, 8, 16, 32, 64, 64, 64]);
    client.until(client.now + 4_000);
    client.offer();
    client.hear(Answer::new(ACK));
    assert_eq!(client.machine.state(), State::Bound);
}

#[test]
fn what_a_nak_says_is_escaped_and_cut() {
    let mut client = Client::started();
    client.offer();
    let mut says = b"\x1b[2J\n\0$(reboot)\xff".to_vec();
    says.extend([b'a'; 200]);
    client.hear(Answer::new(NAK).with(56, &says));
    let told = client.notes[0].to_string();
    assert!(told.contains(r"\x1b[2J\n\x00$(reboot)\xff"), "{told}");
    assert!(told.bytes().all(|b| (0x20..0x7f).contains(&b)), "{told}");
    assert!(told.len() < 300);
}

#[test]
fn forcerenew_is_ignored() {
    let mut client = Client::bound(&[]);
    client.hear(Answer::new(9));
    assert_eq!((client.machine.state(), client.sent.len()), (State::Bound, 2));
    client.until(1_800_000);
    client.hear(Answer::new(9));
    assert_eq!((client.machine.state(), client.sent.len()), (State::Renewing, 3));
}

#[test]
fn a_conflict_declines_and_pauses_for_10_s() {
    let mut client = Client::bound(&[]);
    client.until(1_500);
    client.event(Event::Conflict);
    assert_eq!(client.losses, [(1_500, Loss::Conflict)]);
    assert_eq!(client.notes, [Note::Conflict(ADDRESS)]);
    assert_eq!(client.machine.state(), State::Init);
    let decline = client.last();
    assert_eq!((decline.at, decline.kind(), decline.unicast), (1_500, DECLINE, None));
    assert_eq!((decline.address(50), decline.address(54)), (Some(ADDRESS), Some(SERVER)));
    assert_eq!((decline.ciaddr(), decline.secs(), decline.flags()), (Ipv4Addr::UNSPECIFIED, 0, 0));
    // RFC 2131, table 5: these must not be there.
    for code in [55, 57, 60, 12, 80, 51] {
        assert_eq!(decline.option(code), None, "option {code}");
    }
    assert!(decline.option(61).is_some(), "the same client as in the REQUEST");

    client.until(11_499);
    client.event(Event::Kick);
    assert_eq!(client.last().kind(), DECLINE, "a kick does not shorten it");
    client.until(11_500);
    assert_eq!((client.last().at, client.last().kind(), client.last().secs()), (11_500, DISCOVER, 0));
}

#[test]
fn a_conflict_before_the_ack_declines_too() {
    let mut client = Client::started();
    client.offer();
    client.event(Event::Conflict);
    assert_eq!(client.last().kind(), DECLINE);
    assert!(client.losses.is_empty(), "no address was set");
    assert_eq!(client.machine.state(), State::Init);
    client.hear(Answer::new(ACK));
    assert_eq!(client.machine.state(), State::Init, "the queued ACK is too late");
}

#[test]
fn a_conflict_in_other_states_is_nobodys() {
    let mut client = Client::started();
    client.event(Event::Conflict);
    assert_eq!((client.machine.state(), client.sent.len()), (State::Selecting, 1));
}

#[test]
fn a_release_goes_to_the_server_and_ends_it() {
    let mut client = Client::bound(&[]);
    client.until(100_000);
    client.event(Event::Release);
    let release = client.last();
    assert_eq!((release.kind(), release.unicast), (RELEASE, Some((ADDRESS, SERVER))));
    assert_eq!((release.ciaddr(), release.address(54), release.option(50)), (ADDRESS, Some(SERVER), None));
    for code in [55, 57, 60, 12, 80, 51] {
        assert_eq!(release.option(code), None, "option {code}");
    }
    assert!(release.option(61).is_some());
    assert_eq!(client.losses, [(100_000, Loss::Released)]);
    assert_eq!((client.machine.state(), client.machine.deadline()), (State::Init, None));

    let sent = client.sent.len();
    client.event(Event::Release);
    assert_eq!((client.sent.len(), client.losses.len()), (sent, 1), "only once");
    client.event(Event::Start);
    assert_eq!(client.last().kind(), DISCOVER);
}

#[test]
fn a_release_without_lease_only_stops() {
    let mut client = Client::started();
    client.offer();
    client.event(Event::Release);
    assert_eq!((client.last().kind(), client.losses.len()), (REQUEST, 0));
    assert_eq!(client.machine.deadline(), None);
}

#[test]
fn without_link_nothing_is_declined_or_released_aloud() {
    for (event, loss) in [(Event::Conflict, Loss::Conflict), (Event::Release, Loss::Released)] {
        let mut client = Client::bound(&[]);
        client.event(Event::Pause);
        client.event(event);
        assert_eq!((client.sent.len(), client.losses.as_slice()), (2, [(0, loss)].as_slice()));
    }
}

#[test]
fn a_lease_ends_a_row_of_naks() {
    let mut client = Client::started();
    client.offer();
    client.hear(Answer::new(NAK));
    client.offer();
    client.hear(Answer::new(ACK));
    client.until(1_800_000);
    client.hear(Answer::new(NAK));
    assert_eq!((client.last().at, client.last().kind()), (1_800_000, DISCOVER), "at once, like the first");
}

#[test]
fn a_new_acquisition_tells_anew() {
    let mut client = Client::bound(&[(12, b"$".to_vec())]);
    client.until(3_600_000);
    client.offer();
    client.hear(Answer::new(ACK).with(12, b"$"));
    let ignored = Note::OptionIgnored(12);
    assert_eq!(client.notes, [ignored.clone(), Note::Expired(ADDRESS), ignored]);
}

/// Two NAKs to what it has offered itself: the client waits for a second.
fn refused_twice() -> Client {
    let mut client = Client::started();
    for _ in 0..2 {
        client.offer();
        client.hear(Answer::new(NAK));
    }
    assert_eq!(client.machine.state(), State::Init);
    client
}

#[test]
fn a_server_that_refuses_its_own_offers_gives_way_to_another() {
    let mut client = refused_twice();
    client.until(1_200);
    assert_eq!(client.last().kind(), DISCOVER);
    client.offer();
    assert_eq!(client.machine.state(), State::Selecting);
    assert_eq!(client.refused(), [Refusal::PassedOver]);
    client.hear(Answer::new(OFFER).server(OTHER));
    assert_eq!((client.machine.state(), client.last().address(54)), (State::Requesting, Some(OTHER)));
    // Where there is no other it has its chance again.
    let mut client = refused_twice();
    client.until(5_200);
    client.offer();
    assert_eq!(client.machine.state(), State::Requesting);
}

#[test]
fn a_link_that_returns_ends_the_wait_of_naks_but_not_that_of_a_conflict() {
    let mut client = refused_twice();
    client.until(20_000);
    client.offer();
    client.hear(Answer::new(NAK));
    client.event(Event::Kick);
    assert_eq!(client.machine.state(), State::Init);
    client.event(Event::Pause);
    client.until(20_300);
    client.event(Event::Kick);
    assert_eq!((client.last().at, client.last().kind()), (20_300, DISCOVER));
    client.until(40_000);
    client.offer();
    client.event(Event::Conflict);
    client.event(Event::Pause);
    client.event(Event::Kick);
    assert_eq!((client.machine.state(), client.last().kind()), (State::Init, DECLINE));
}
