//! Renewing, rebinding, and the times of a lease.

use std::net::Ipv4Addr;

use super::super::machine::{Event, Loss, State};
use super::super::note::Refusal;
use super::util::*;

fn lease(secs: u32) -> (u8, Vec<u8>) {
    (51, secs.to_be_bytes().to_vec())
}

fn t1(secs: u32) -> (u8, Vec<u8>) {
    (58, secs.to_be_bytes().to_vec())
}

fn t2(secs: u32) -> (u8, Vec<u8>) {
    (59, secs.to_be_bytes().to_vec())
}

#[test]
fn a_lease_that_nobody_renews() {
    let mut client = Client::bound(&[]);
    client.until(3_599_999);
    let renewals: Vec<_> = client.sent[2..].iter().map(|sent| (sent.at, sent.unicast.is_some())).collect();
    let expected = [
        // T1 at 1800 s: half of what is left to T2, and at least 60 s.
        (1_800_000, true),
        (2_475_000, true),
        (2_812_500, true),
        (2_981_250, true),
        (3_065_625, true),
        (3_125_625, true),
        // T2 at 3150 s: the same to the end.
        (3_150_000, false),
        (3_375_000, false),
        (3_487_500, false),
        (3_547_500, false),
    ];
    assert_eq!(renewals, expected);
    assert!(client.losses.is_empty());

    client.until(3_600_000);
    assert_eq!(client.losses, [(3_600_000, Loss::Expired)]);
    assert_eq!(client.machine.state(), State::Selecting);
    assert_eq!((client.last().at, client.last().kind(), client.last().secs()), (3_600_000, DISCOVER, 0));
    assert_eq!(client.machine.heard().discovers, 1, "a new account");
}

#[test]
fn what_a_renewal_says() {
    let mut client = Client::bound(&[]);
    client.until(2_475_000);
    assert_eq!(client.machine.state(), State::Renewing);
    let [first, second] = &client.sent[2..] else { panic!("{:?}", client.times()) };
    for sent in [first, second] {
        assert_eq!((sent.kind(), sent.unicast), (REQUEST, Some((ADDRESS, SERVER))));
        assert_eq!((sent.ciaddr(), sent.flags()), (ADDRESS, 0));
        assert_eq!((sent.option(50), sent.option(54), sent.option(80)), (None, None, None));
        assert!(sent.option(55).is_some() && sent.option(61).is_some());
    }
    assert_eq!(first.xid(), second.xid());
    assert_ne!(first.xid(), client.sent[0].xid());
    assert_eq!((first.secs(), second.secs()), (0, 675), "since T1");

    client.until(3_150_000);
    assert_eq!(client.machine.state(), State::Rebinding);
    let rebind = client.last();
    assert_eq!((rebind.kind(), rebind.unicast, rebind.ciaddr()), (REQUEST, None, ADDRESS));
    assert_eq!((rebind.option(50), rebind.option(54)), (None, None));
    assert_eq!((rebind.flags(), rebind.secs()), (0, 1_350));
}

#[test]
fn a_renewed_lease_counts_from_its_request() {
    let mut client = Client::bound(&[]);
    client.until(1_800_250);
    client.hear(Answer::new(ACK).lease(7_200));
    assert_eq!(client.machine.state(), State::Bound);
    let lease = client.leases.last().unwrap();
    assert_eq!((lease.obtained_at, lease.lease_secs), (1_800_000, Some(7_200)));
    assert_eq!(client.machine.deadline(), Some(1_800_000 + 3_600_000));
    assert!(client.losses.is_empty());
}

#[test]
fn a_renewal_without_lease_time_is_as_long_as_before() {
    let mut client = Client::bound(&[lease(1_000)]);
    client.until(500_000);
    client.hear(Answer::new(ACK).without(51));
    assert_eq!(client.leases[1].lease_secs, Some(1_000));
}

#[test]
fn only_the_leases_server_renews() {
    for kind in [ACK, NAK] {
        let mut client = Client::bound(&[]);
        client.until(1_800_000);
        client.hear(Answer::new(kind).server(OTHER));
        assert_eq!(client.machine.state(), State::Renewing, "type {kind}");
        assert_eq!(client.refused().last(), Some(&Refusal::OtherServer));
        assert!(client.losses.is_empty());
    }
}

#[test]
fn any_server_rebinds() {
    let mut client = Client::bound(&[]);
    client.until(3_150_000);
    client.hear(Answer::new(ACK).server(OTHER));
    assert_eq!(client.machine.state(), State::Bound);
    assert_eq!(client.leases[1].server_id, OTHER);
    client.until(3_150_000 + 1_800_000);
    assert_eq!(client.last().unicast, Some((ADDRESS, OTHER)));

    let mut client = Client::bound(&[]);
    client.until(3_150_000);
    client.hear(Answer::new(NAK).server(OTHER));
    assert_eq!(client.losses, [(3_150_000, Loss::Nak)]);
}

#[test]
fn a_renewal_may_bring_another_address() {
    let mut client = Client::bound(&[]);
    client.until(1_800_000);
    let other = Ipv4Addr::new(192, 0, 2, 78);
    client.hear(Answer::new(ACK).yiaddr(other));
    assert_eq!(client.leases[1].address, other);
}

#[test]
fn times_of_a_lease() {
    for (options, expected) in [
        (vec![lease(1_000)], (500_000, 875_000)),
        (vec![lease(10)], (5_000, 8_750)),
        (vec![lease(1_000), t1(200), t2(300)], (200_000, 300_000)),
        (vec![lease(1_000), t1(200)], (200_000, 875_000)),
        (vec![lease(1_000), t2(600)], (500_000, 600_000)),
        // Either is 0, or the order does not hold: both are the defaults.
        (vec![lease(1_000), t1(0), t2(300)], (500_000, 875_000)),
        (vec![lease(1_000), t1(200), t2(0)], (500_000, 875_000)),
        (vec![lease(1_000), t1(300), t2(300)], (500_000, 875_000)),
        (vec![lease(1_000), t1(400), t2(300)], (500_000, 875_000)),
        (vec![lease(1_000), t1(200), t2(1_000)], (500_000, 875_000)),
        (vec![lease(1_000), t1(u32::MAX), t2(u32::MAX)], (500_000, 875_000)),
        (vec![lease(1_000), t1(900)], (500_000, 875_000)),
        // A length that T1 can't have: as if it were not there.
        (vec![lease(1_000), (58, vec![0, 1])], (500_000, 875_000)),
        (vec![lease(u32::MAX - 1)], (2_147_483_647_000, 3_758_096_382_250)),
    ] {
        let client = Client::bound(&options);
        let lease = &client.leases[0];
        assert_eq!((lease.t1.unwrap(), lease.t2.unwrap()), expected, "{options:?}");
        assert_eq!(client.machine.deadline(), lease.t1);
    }
}

#[test]
fn a_lease_for_ever() {
    let mut client = Client::bound(&[lease(u32::MAX), t1(100), t2(200)]);
    let got = &client.leases[0];
    assert_eq!((got.lease_secs, got.t1, got.t2, got.left_secs(1)), (None, None, None, None));
    assert_eq!(client.machine.deadline(), None);
    client.until(1 << 50);
    assert_eq!((client.machine.state(), client.sent.len()), (State::Bound, 2));
}

#[test]
fn leases_too_short_to_renew_are_refused() {
    for secs in [0, 1, 9] {
        let mut client = Client::started();
        client.hear(Answer::new(OFFER).lease(secs));
        assert_eq!(client.machine.state(), State::Selecting);
        client.hear(Answer::new(ACK).lease(secs).with(80, &[]));
        assert_eq!(client.machine.state(), State::Selecting);
        assert_eq!(client.refused(), [Refusal::ShortLease(secs)]);
        let told = client.notes[0].to_string();
        assert!(told.contains(&format!("a lease of {secs} s is too short")), "{told}");

        let mut client = Client::started();
        client.offer();
        client.hear(Answer::new(ACK).lease(secs));
        assert_eq!(client.machine.state(), State::Requesting);
    }
    assert_eq!(Client::bound(&[lease(10)]).leases[0].lease_secs, Some(10));
}

#[test]
fn the_shortest_lease_keeps_its_distances() {
    let mut client = Client::bound(&[lease(10)]);
    client.until(9_999);
    let times: Vec<_> = client.sent[2..].iter().map(|sent| (sent.at, sent.unicast.is_some())).collect();
    assert_eq!(times, [(5_000, true), (8_750, false)]);
    assert_eq!(client.losses, []);
    client.until(10_000);
    assert_eq!(client.losses, [(10_000, Loss::Expired)]);
}

#[test]
fn never_more_than_one_renewal_a_second() {
    let mut client = Client::bound(&[lease(10), t1(5), t2(6)]);
    client.until(5_000);
    for at in 5_000..9_999 {
        client.until(at);
        client.event(Event::Kick);
    }
    let times: Vec<_> = client.sent[2..].iter().map(|sent| sent.at).collect();
    assert!(times.len() >= 4, "{times:?}");
    assert!(times.windows(2).all(|pair| pair[1] - pair[0] >= 1_000), "{times:?}");
}

#[test]
fn a_server_with_a_t1_of_one_second_gets_no_storm() {
    let mut client = Client::bound(&[lease(60), t1(1), t2(50)]);
    for _ in 0..20 {
        let next = client.machine.deadline().unwrap();
        client.until(next);
        client.hear(Answer::new(ACK).options(&[lease(60), t1(1), t2(50)]));
    }
    let times: Vec<_> = client.sent[2..].iter().map(|sent| sent.at).collect();
    assert_eq!(times.len(), 20);
    assert!(times.windows(2).all(|pair| pair[1] - pair[0] >= 1_000), "{times:?}");
}

#[test]
fn after_a_long_sleep_the_clock_decides() {
    // Past T1, past T2, past the end: straight to where the clock says.
    for (at, state, unicast) in [
        (2_000_000, State::Renewing, true),
        (3_200_000, State::Rebinding, false),
        (3_600_000, State::Selecting, false),
    ] {
        let mut client = Client::bound(&[]);
        client.now = at;
        client.event(Event::Tick);
        assert_eq!(client.machine.state(), state, "at {at}");
        assert_eq!(client.sent.len(), 3, "one frame at {at}");
        assert_eq!(client.last().unicast.is_some(), unicast);
    }
}

#[test]
fn an_ack_after_the_end_is_too_late() {
    let mut client = Client::bound(&[]);
    client.until(3_599_999);
    let xid = client.last().xid();
    client.now = 3_600_000;
    client.event(Event::Datagram { payload: &Answer::new(ACK).xid(xid).bytes() });
    assert_eq!(client.losses, [(3_600_000, Loss::Expired)]);
    assert_eq!(client.machine.state(), State::Selecting);
    assert_eq!(client.leases.len(), 1);
}

#[test]
fn a_lease_runs_out_while_the_link_is_gone() {
    let mut client = Client::bound(&[]);
    client.event(Event::Pause);
    client.until(3_599_999);
    assert_eq!(client.machine.state(), State::Rebinding);
    assert_eq!(client.sent.len(), 2, "nothing is sent");
    client.until(3_700_000);
    assert_eq!(client.losses, [(3_600_000, Loss::Expired)]);
    assert_eq!((client.sent.len(), client.machine.deadline()), (2, None));
    client.event(Event::Kick);
    assert_eq!((client.last().at, client.last().kind()), (3_700_000, DISCOVER));
}

#[test]
fn a_link_that_returns_late_has_its_lease_checked_by_any_server() {
    for at in [2_000_000, 3_300_000] {
        let mut client = Client::bound(&[]);
        client.until(1_700_000);
        client.event(Event::Pause);
        client.until(at);
        assert_eq!(client.sent.len(), 2);
        client.event(Event::Kick);
        let asked = client.last();
        assert_eq!((asked.at, asked.unicast, asked.address(50)), (at, None, Some(ADDRESS)));
        client.hear(Answer::new(NAK).server(OTHER));
        assert_eq!(client.losses, [(at, Loss::Nak)], "it leads elsewhere now");
    }
}

#[test]
fn a_kick_or_pause_while_bound_sends_nothing() {
    let mut client = Client::bound(&[]);
    client.until(5_000);
    client.event(Event::Kick);
    client.event(Event::Start);
    client.event(Event::Pause);
    client.until(6_000);
    assert_eq!((client.sent.len(), client.machine.state()), (2, State::Bound));
}

/// Bound, and after a while without link asked for again, at 7 s.
fn returned() -> Client {
    let mut client = Client::bound(&[]);
    client.until(5_000);
    client.event(Event::Pause);
    client.until(7_000);
    client.event(Event::Kick);
    client
}

#[test]
fn a_link_that_returns_has_the_lease_checked_at_once() {
    let mut client = returned();
    let asked = client.last();
    assert_eq!((asked.at, asked.kind(), asked.unicast), (7_000, REQUEST, None));
    assert_eq!((asked.address(50), asked.option(54), asked.ciaddr()), (Some(ADDRESS), None, [0; 4].into()));
    client.until(7_100);
    client.hear(Answer::new(ACK).server(OTHER));
    assert_eq!((client.machine.state(), client.leases[1].obtained_at), (State::Bound, 7_000));
    assert_eq!(client.losses, [], "the address stayed");
}

#[test]
fn a_link_that_returns_elsewhere_ends_the_lease() {
    let mut client = returned();
    client.hear(Answer::new(NAK).server(OTHER));
    assert_eq!(client.losses, [(7_000, Loss::Nak)]);
    assert_eq!(client.last().kind(), DISCOVER);
}

#[test]
fn a_lease_that_nobody_confirms_goes_on() {
    let mut client = returned();
    client.until(60_000);
    assert_eq!(client.sent.len(), 2 + 4, "four times, then no more");
    assert_eq!((client.machine.state(), client.losses.len()), (State::Bound, 0));
    client.until(1_800_000);
    assert_eq!((client.last().at, client.last().unicast.is_some()), (1_800_000, true), "T1 is where it was");
}

#[test]
fn a_link_that_flaps_has_no_storm_of_checks() {
    let mut client = Client::bound(&[]);
    for at in 50..650 {
        client.until(at * 100);
        client.event(if at % 2 == 0 { Event::Pause } else { Event::Kick });
    }
    let sent = client.sent.len() - 2;
    assert!((10..=130).contains(&sent), "{sent} in a minute");
    assert_eq!(client.losses, []);
}

#[test]
fn left_secs_count_down() {
    let client = Client::bound(&[lease(100)]);
    let lease = &client.leases[0];
    for (now, left) in [(0, 100), (999, 99), (50_000, 50), (100_000, 0), (200_000, 0)] {
        assert_eq!(lease.left_secs(now), Some(left), "at {now}");
    }
}

#[test]
fn a_lease_that_lay_in_the_queue_until_it_ran_out() {
    let mut client = Client::started();
    client.offer();
    client.now = 3_600_000;
    client.hear(Answer::new(ACK));
    assert_eq!(client.refused(), [Refusal::RunOut]);
    assert!(client.leases.is_empty());
    // A second before, it is taken, and renewed at once.
    let mut client = Client::started();
    client.offer();
    client.now = 3_599_000;
    client.hear(Answer::new(ACK));
    assert_eq!((client.leases.len(), client.machine.state()), (1, State::Rebinding));
}
