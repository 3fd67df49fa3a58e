//! From nothing to a lease: when what is sent, and which server is taken.

use std::net::Ipv4Addr;

use super::super::machine::{Config, Event, State};
use super::super::note::{Note, Refusal};
use super::util::*;

#[test]
fn discovers_leave_at_their_times() {
    let mut client = Client::started();
    client.until(4_500);
    let expected = [0, 150, 250, 600, 1_000, 2_000, 4_000].map(|at| (at, DISCOVER));
    assert_eq!(client.times(), expected);
    assert_eq!(client.machine.state(), State::Selecting);
}

#[test]
fn later_gaps_double_to_64_s_with_jitter() {
    let mut client = Client::started();
    client.until(600_000);
    let times: Vec<u64> = client.sent.iter().map(|sent| sent.at).skip(6).collect();
    let gaps: Vec<u64> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
    for (gap, expected) in gaps.iter().zip([4_000_u64, 8_000, 16_000, 32_000, 64_000, 64_000, 64_000]) {
        assert!((expected / 2..=expected * 3 / 2).contains(gap), "{gaps:?}");
    }
    assert!(gaps.iter().any(|gap| gap % 1_000 != 0), "no jitter: {gaps:?}");
}

#[test]
fn seeds_differ() {
    let times = |seed| {
        let mut client = Client::new(Config { seed, ..config() }, 0);
        client.event(Event::Start);
        client.until(100_000);
        (client.last().xid(), client.last().at)
    };
    assert_eq!(times(1), times(1));
    assert_ne!(times(1).0, times(2).0);
    assert_ne!(times(1).1, times(2).1);
}

#[test]
fn one_transaction_and_what_changes_in_it() {
    let mut client = Client::started();
    client.until(20_000);
    let xid = client.sent[0].xid();
    for sent in &client.sent {
        assert_eq!(sent.xid(), xid);
        assert_eq!(u64::from(sent.secs()), sent.at / 1_000, "secs at {}", sent.at);
        let flag = if sent.at >= 4_000 { 0x8000 } else { 0 };
        assert_eq!(sent.flags(), flag, "broadcast flag at {}", sent.at);
        assert_eq!(sent.option(80), Some(vec![]), "Rapid Commit");
        assert_eq!(sent.option(61).unwrap(), [1, 2, 0, 0, 0, 0x5e, 1]);
        assert_eq!(sent.option(57).unwrap(), 1500_u16.to_be_bytes());
        assert!(sent.option(50).is_none() && sent.option(54).is_none());
        assert_eq!(sent.ciaddr(), Ipv4Addr::UNSPECIFIED);
        assert_eq!(sent.unicast, None);
    }
    let first = &client.sent[0];
    assert_eq!(
        first.option(55).unwrap(),
        [1, 121, 249, 3, 6, 12, 15, 17, 26, 28, 42, 51, 54, 58, 59, 66, 67, 119]
    );
}

#[test]
fn secs_end_at_their_greatest() {
    let mut client = Client::started();
    client.until(70_000_000);
    assert_eq!(client.last().secs(), u16::MAX);
}

#[test]
fn discover_to_bound() {
    let mut client = Client::started();
    client.until(170);
    client.offer();
    assert_eq!(client.machine.state(), State::Requesting);
    assert_eq!(client.machine.requested(), Some(ADDRESS));
    let request = client.last().clone();
    assert_eq!((request.at, request.kind(), request.unicast), (170, REQUEST, None));
    assert_eq!(request.address(50), Some(ADDRESS));
    assert_eq!(request.address(54), Some(SERVER));
    assert_eq!(request.xid(), client.sent[0].xid());
    assert_eq!(request.ciaddr(), Ipv4Addr::UNSPECIFIED);
    assert_eq!(request.option(80), None);

    client.now = 200;
    client.hear(Answer::new(ACK));
    assert_eq!(client.machine.state(), State::Bound);
    assert_eq!(client.machine.requested(), None);
    let lease = &client.leases[0];
    assert_eq!((lease.address, lease.prefix_len, lease.server_id), (ADDRESS, 24, SERVER));
    assert_eq!(lease.obtained_at, 170, "counts from the REQUEST");
    assert_eq!((lease.lease_secs, lease.t1, lease.t2), (Some(3_600), Some(1_800_000), Some(3_150_000)));
    assert_eq!(client.machine.lease(), Some(lease));
    assert_eq!(client.machine.deadline(), Some(170 + 1_800_000));
    client.until(100_000);
    assert_eq!(client.sent.len(), 3, "nothing is sent while bound");
}

#[test]
fn a_request_repeats_the_secs_of_its_discover() {
    let mut client = Client::started();
    client.until(2_500);
    client.offer();
    client.until(6_000);
    let requests: Vec<_> = client.sent.iter().filter(|sent| sent.kind() == REQUEST).collect();
    assert_eq!(requests.len(), 3);
    // The DISCOVER left at 2 s; the flag goes by the clock.
    for (request, flag) in requests.iter().zip([0, 0, 0x8000]) {
        assert_eq!((request.secs(), request.flags()), (2, flag), "at {}", request.at);
    }
}

#[test]
fn rapid_commit_only_with_option_80() {
    let mut client = Client::started();
    client.hear(Answer::new(ACK));
    assert_eq!(client.machine.state(), State::Selecting);
    assert_eq!(client.refused(), [Refusal::NotRapid]);
    client.hear(Answer::new(ACK).with(80, &[1]));
    assert_eq!(client.machine.state(), State::Selecting, "80 has no length 1");
    client.until(170);
    client.hear(Answer::new(ACK).with(80, &[]));
    assert_eq!(client.machine.state(), State::Bound);
    assert_eq!(client.leases[0].obtained_at, 150, "counts from the DISCOVER");
    assert_eq!(client.sent.len(), 2, "no REQUEST");
}

#[test]
fn option_80_in_an_offer_is_ignored() {
    let mut client = Client::started();
    client.hear(Answer::new(OFFER).with(80, &[]));
    assert_eq!(client.machine.state(), State::Requesting);
    assert!(client.leases.is_empty());
}

#[test]
fn a_silent_server_is_passed_over_for_15_s() {
    let mut client = Client::started();
    client.offer();
    client.until(10_999);
    assert_eq!(client.times()[1..], [0, 1_000, 3_000, 7_000].map(|at| (at, REQUEST)));
    assert_eq!(client.machine.state(), State::Requesting);

    client.until(11_000);
    assert_eq!(client.machine.state(), State::Selecting);
    assert_eq!((client.last().at, client.last().kind()), (11_000, DISCOVER));
    assert_ne!(client.last().xid(), client.sent[0].xid());
    assert_eq!(client.notes, [Note::Silent(SERVER)]);

    client.until(25_999);
    client.offer();
    assert_eq!(client.machine.state(), State::Selecting);
    assert_eq!(client.refused(), [Refusal::PassedOver]);
    client.until(26_000);
    assert_eq!(
        (client.last().at, client.last().kind()),
        (26_000, DISCOVER),
        "asked again as soon as it counts"
    );
    client.offer();
    assert_eq!(client.machine.state(), State::Requesting);
}

#[test]
fn a_silent_server_counts_again_once_another_offered() {
    let mut client = Client::started();
    client.offer();
    client.until(11_000);
    client.hear(Answer::new(OFFER).server(OTHER));
    assert_eq!(client.last().address(54), Some(OTHER));
    client.until(22_000);
    assert_eq!(client.machine.state(), State::Selecting);
    client.hear(Answer::new(OFFER).server(OTHER));
    assert_eq!(client.machine.state(), State::Selecting, "now the other one is passed over");
    client.offer();
    assert_eq!(client.last().address(54), Some(SERVER));
}

#[test]
fn an_offer_without_lease_time_waits_for_a_better_one() {
    let mut client = Client::started();
    client.hear(Answer::new(OFFER).without(51));
    assert_eq!(client.machine.state(), State::Selecting);
    client.until(900);
    client.hear(Answer::new(OFFER).server(OTHER));
    assert_eq!((client.last().kind(), client.last().address(54)), (REQUEST, Some(OTHER)));
}

#[test]
fn an_offer_without_lease_time_is_taken_if_it_is_the_only_one() {
    let mut client = Client::started();
    client.hear(Answer::new(OFFER).without(51));
    client.until(999);
    assert_eq!(client.machine.state(), State::Selecting);
    client.until(1_000);
    assert_eq!(client.machine.state(), State::Requesting);
    client.hear(Answer::new(ACK).without(51));
    assert_eq!(client.leases[0].lease_secs, Some(3_600));
    assert!(client.notes.contains(&Note::LeaseAssumed(3_600)));
}

#[test]
fn the_offers_lease_time_holds_if_the_ack_has_none() {
    let mut client = Client::started();
    client.hear(Answer::new(OFFER).lease(777));
    client.hear(Answer::new(ACK).without(51));
    assert_eq!(client.leases[0].lease_secs, Some(777));
}

#[test]
fn answers_of_other_servers_do_not_count_while_requesting() {
    for kind in [ACK, NAK] {
        let mut client = Client::started();
        client.offer();
        client.hear(Answer::new(kind).server(OTHER));
        assert_eq!(client.machine.state(), State::Requesting, "type {kind}");
        assert_eq!(client.refused(), [Refusal::OtherServer]);
        client.hear(Answer::new(kind).without(54));
        assert_eq!(client.machine.state(), State::Requesting, "type {kind}");
        client.hear(Answer::new(ACK));
        assert_eq!(client.machine.state(), State::Bound);
    }
}

#[test]
fn a_kick_starts_the_back_off_anew_in_the_same_transaction() {
    let mut client = Client::started();
    client.until(30_000);
    let (before, xid) = (client.sent.len(), client.last().xid());
    // Nothing else within the windows of the limit.
    let kicked = client.last().at + 5_100;
    client.until(kicked);
    client.event(Event::Kick);
    client.until(kicked + 4_000);
    let times: Vec<u64> = client.sent[before..].iter().map(|sent| sent.at - kicked).collect();
    assert_eq!(times, [0, 150, 250, 600, 1_000, 2_000, 4_000]);
    assert!(client.sent.iter().all(|sent| sent.xid() == xid));
    assert_eq!(u64::from(client.last().secs()), (kicked + 4_000) / 1_000, "secs go on");
    client.until(kicked + 40_000);
    let gap = client.sent[before + 7].at - client.sent[before + 6].at;
    assert!(gap.abs_diff(4_000) <= 2_000, "gaps begin anew too: {gap}");
}

#[test]
fn a_kick_while_requesting_sends_at_once() {
    let mut client = Client::started();
    client.offer();
    client.until(2_500);
    client.event(Event::Kick);
    client.until(13_499);
    let times: Vec<u64> = client.sent[1..].iter().map(|sent| sent.at).collect();
    assert_eq!(times, [0, 1_000, 2_500, 3_500, 5_500, 9_500]);
    client.until(13_500);
    assert_eq!(client.last().kind(), DISCOVER);
}

#[test]
fn kicks_do_not_keep_us_with_a_dead_server() {
    let mut client = Client::started();
    client.offer();
    let mut at = 0;
    while client.machine.state() == State::Requesting {
        at += 900;
        assert!(at < 60_000, "still requesting");
        client.until(at);
        client.event(Event::Kick);
    }
}

#[test]
fn nothing_is_sent_while_the_link_is_gone() {
    let mut client = Client::started();
    client.until(600);
    client.event(Event::Pause);
    assert_eq!(client.machine.deadline(), None);
    client.until(100_000);
    assert_eq!(client.sent.len(), 4);
    client.event(Event::Kick);
    assert_eq!((client.last().at, client.last().kind()), (100_000, DISCOVER));
    assert_eq!(client.last().xid(), client.sent[0].xid());
    client.until(100_150);
    assert_eq!(client.sent.len(), 6);
}

#[test]
fn a_server_is_not_blamed_for_the_link() {
    let mut client = Client::started();
    client.offer();
    client.until(7_500);
    client.event(Event::Pause);
    client.until(60_000);
    assert_eq!(client.machine.state(), State::Requesting);
    client.event(Event::Start);
    assert_eq!((client.last().at, client.last().kind()), (60_000, DISCOVER));
    client.offer();
    assert_eq!(client.machine.state(), State::Requesting);
    assert_eq!(client.refused(), []);
}

#[test]
fn a_second_start_changes_nothing() {
    let mut client = Client::started();
    client.until(50);
    client.event(Event::Start);
    client.until(600);
    assert_eq!(client.times(), [0, 150, 250, 600].map(|at| (at, DISCOVER)));
}

#[test]
fn nothing_happens_before_start() {
    let mut client = Client::new(config(), 5);
    for event in
        [Event::Tick, Event::Kick, Event::Conflict, Event::Release, Event::Datagram { payload: &[0; 300] }]
    {
        client.event(event);
    }
    assert_eq!(client.machine.deadline(), None);
    assert!(client.sent.is_empty() && client.notes.is_empty() && client.losses.is_empty());
    client.event(Event::Start);
    assert_eq!(client.sent.len(), 1);
}

#[test]
fn time_that_goes_back_stands_still() {
    let mut client = Client::new(config(), 10_000);
    client.event(Event::Start);
    client.machine.step(3_000, Event::Kick);
    assert!(client.machine.deadline().unwrap() > 10_000);
}

#[test]
fn late_ticks_skip_what_was_missed() {
    let mut client = Client::started();
    client.now = 700;
    client.event(Event::Tick);
    assert_eq!(client.times(), [(0, DISCOVER), (700, DISCOVER)]);
    assert_eq!(client.machine.deadline(), Some(1_000));
}

#[test]
fn the_account_of_an_acquisition() {
    let mut client = Client::new(config(), 40);
    client.event(Event::Start);
    client.until(700);
    client.hear(Answer::new(OFFER).lease(5));
    client.hear(Answer::new(OFFER).lease(5));
    client.hear(Answer::new(OFFER).server(OTHER).with(1, &[255, 0, 255, 0]));
    client.event(Event::Datagram { payload: &Answer::new(OFFER).xid(1).bytes() });
    let heard = client.machine.heard();
    assert_eq!((heard.discovers, heard.first_discover, heard.offers, heard.foreign), (4, Some(40), 0, 1));
    let refused: Vec<_> = heard.refused.iter().map(|kind| (kind.server, kind.why, kind.count)).collect();
    let mask = Refusal::Mask(Ipv4Addr::new(255, 0, 255, 0));
    assert_eq!(refused, [(Some(SERVER), Refusal::ShortLease(5), 2), (Some(OTHER), mask, 1)]);
    assert_eq!(client.notes.len(), 2, "each is told once");
    client.offer();
    assert_eq!((client.machine.heard().offers, client.machine.heard().requests), (1, 1));
}

#[test]
fn a_silent_server_counts_again_even_if_the_other_refuses() {
    let mut client = Client::started();
    client.offer();
    client.until(11_000);
    client.hear(Answer::new(OFFER).server(OTHER));
    client.hear(Answer::new(NAK).server(OTHER));
    assert_eq!(client.machine.state(), State::Selecting);
    client.offer();
    assert_eq!(client.last().address(54), Some(SERVER));
}

#[test]
fn a_server_that_gave_a_lease_is_not_passed_over() {
    let mut client = Client::started();
    client.offer();
    client.until(11_000);
    client.hear(Answer::new(ACK).with(80, &[]));
    assert_eq!(client.machine.state(), State::Bound);
    client.event(Event::Release);
    client.event(Event::Start);
    client.offer();
    assert_eq!(client.machine.state(), State::Requesting);
}

#[test]
fn an_offer_in_hand_outlives_a_kick() {
    let mut client = Client::started();
    client.hear(Answer::new(OFFER).without(51));
    client.until(500);
    client.event(Event::Kick);
    client.until(1_000);
    assert_eq!(client.machine.state(), State::Requesting);
}

#[test]
fn a_late_kick_while_requesting_gives_four_tries_again() {
    let mut client = Client::started();
    client.offer();
    client.until(10_500);
    client.event(Event::Kick);
    client.until(21_499);
    assert_eq!(client.machine.state(), State::Requesting);
    assert_eq!(client.times()[5..], [10_500, 11_500, 13_500, 17_500].map(|at| (at, REQUEST)));
    client.until(21_500);
    assert_eq!(client.machine.state(), State::Selecting);
}

#[test]
fn an_offer_within_a_pause_is_requested_as_soon_as_that_ends() {
    let mut client = Client::started();
    client.event(Event::Pause);
    client.until(2);
    client.offer();
    assert_eq!((client.machine.state(), client.sent.len()), (State::Requesting, 1));
    client.event(Event::Kick);
    assert_eq!(client.times(), [(0, DISCOVER), (2, REQUEST)]);
    // A kick right behind the REQUEST is of ports that join together.
    client.event(Event::Kick);
    client.until(1_001);
    assert_eq!(client.sent.len(), 2);
}

#[test]
fn a_lease_got_within_a_pause_is_not_checked_when_that_ends() {
    let mut client = Client::started();
    client.event(Event::Pause);
    client.until(2);
    client.hear(Answer::new(ACK).with(80, &[]));
    client.event(Event::Pause);
    client.event(Event::Kick);
    client.until(5_000);
    assert_eq!((client.machine.state(), client.sent.len()), (State::Bound, 1));
    client.event(Event::Pause);
    client.event(Event::Kick);
    assert_eq!((client.machine.state(), client.sent.len()), (State::InitReboot, 2), "another pause");
}
