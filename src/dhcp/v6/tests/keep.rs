//! What keeps a lease, and what ends it.

use super::super::machine::{Config, Event, Loss, Mode, State};
use super::util::*;

#[test]
fn renewed_at_t1_by_its_server_and_rebound_at_t2_by_any() {
    let mut client = Client::bound();
    client.pass(999_000);
    assert_eq!(client.sent.len(), 1);
    client.pass(1_000);
    let renew = client.last();
    assert_eq!(
        (renew.kind(), renew.option(2).unwrap().as_slice(), renew.address()),
        (RENEW, SERVER, Some(ADDRESS))
    );
    assert_eq!(renew.option(8).unwrap(), [0, 0]);
    client.pass(590_000);
    let gaps: Vec<u64> = client.times(RENEW).windows(2).map(|pair| pair[1] - pair[0]).collect();
    for (gap, doubled) in gaps.iter().zip([10_000, 20_000, 40_000, 80_000, 160_000]) {
        assert!(gap.abs_diff(doubled) <= doubled / 10, "{gaps:?}");
    }
    client.pass(20_000);
    let rebind = client.last();
    assert_eq!((rebind.kind(), rebind.option(2)), (REBIND, None));
    client.hear(REPLY, OTHER, &[ia(1_000, 1_600, &[ia_address(ADDRESS, 2_000, 3_000)])]);
    assert_eq!((client.machine.state(), client.leases[1].server.as_slice()), (State::Bound, OTHER));
    assert!(client.losses.is_empty());
}

#[test]
fn without_an_answer_it_ends_and_is_asked_for_anew() {
    let mut client = Client::bound();
    client.pass(2_999_000);
    assert!(client.losses.is_empty());
    client.pass(2_000);
    assert_eq!(client.losses, [Loss::Expired]);
    assert_eq!(client.machine.state(), State::Soliciting);
}

#[test]
fn the_server_leaves_the_times_to_us() {
    // T1, T2, preferred, valid; T1 and T2 in seconds.
    let for_ever = u32::MAX;
    for (t1, t2, preferred, valid, expected) in [
        (0, 0, 2_000, 3_000, (Some(1_000), Some(1_600))),
        (0, 0, 3_000, 3_000, (Some(1_500), Some(2_400))),
        (0, 0, 0, 3_000, (Some(1_500), Some(2_400))),
        (0, 0, for_ever, for_ever, (None, None)),
        (100, 200, for_ever, for_ever, (Some(100), Some(200))),
        (0, 0, 2_000, for_ever, (Some(1_000), Some(1_600))),
        (0, 0, 0, for_ever, (None, None)),
        (for_ever, for_ever, 2_000, 3_000, (Some(1_000), Some(1_600))),
        (5_000, 6_000, 2_000, 3_000, (Some(1_000), Some(1_600))),
        (500, 0, 2_000, 3_000, (Some(500), Some(1_600))),
        (2_000, 0, 2_000, 3_000, (Some(1_000), Some(1_600))),
    ] {
        let mut client = Client::started(Mode::Stateful);
        client.hear(REPLY, SERVER, &[ia(t1, t2, &[ia_address(ADDRESS, preferred, valid)]), option(14, &[])]);
        let lease = &client.leases[0];
        let seconds = |times: Option<u64>| times.map(|time| time / 1_000);
        assert_eq!((seconds(lease.t1), seconds(lease.t2)), expected, "{t1} {t2} {preferred} {valid}");
    }
}

#[test]
fn a_binding_that_the_server_has_lost_is_requested_anew_while_the_address_stays() {
    let mut client = Client::bound();
    client.pass(1_000_000);
    client.hear(REPLY, SERVER, &[ia(0, 0, &[status(3, b"who?")])]);
    client.pass(1_000);
    assert_eq!((client.last().kind(), client.last().address()), (REQUEST, Some(ADDRESS)));
    assert!(client.losses.is_empty());
    client.hear(REPLY, SERVER, &[usual()]);
    assert_eq!(client.machine.state(), State::Bound);
    // And where nobody answers that, any server may keep it alive.
    let mut client = Client::bound();
    client.pass(1_000_000);
    client.hear(REPLY, SERVER, &[ia(0, 0, &[status(3, b"")])]);
    client.pass(13_000);
    assert_eq!((client.last().kind(), client.losses.len()), (REBIND, 0));
}

#[test]
fn lifetimes_of_zero_take_it_back() {
    let mut client = Client::bound();
    client.pass(1_000_000);
    client.hear(REPLY, SERVER, &[ia(0, 0, &[ia_address(ADDRESS, 0, 0)])]);
    assert_eq!(client.losses, [Loss::Withdrawn]);
    assert_eq!(client.machine.state(), State::Soliciting);
    let mut client = Client::bound();
    client.pass(1_000_000);
    let other = "2001:db8::99".parse().unwrap();
    client.hear(REPLY, SERVER, &[ia(0, 0, &[ia_address(ADDRESS, 0, 0), ia_address(other, 10, 20)])]);
    assert_eq!(client.losses, [Loss::Withdrawn], "ours is what counts");
    client.pass(3_000);
    client.hear(REPLY, SERVER, &[ia(0, 0, &[ia_address(other, 10, 20)]), option(14, &[])]);
    assert_eq!(client.leases.last().unwrap().address, other);
}

fn restarted(after: u64) -> Client {
    let lease = Client::bound().leases.remove(0);
    let config = Config { previous: Some(lease), ..config(Mode::Stateful) };
    let mut client = Client::with(config, 10_000 + after);
    client.step(Event::Start);
    client
}

#[test]
fn a_restarted_keeper_confirms() {
    let mut client = restarted(5_000);
    let confirm = client.last();
    assert_eq!(
        (confirm.kind(), confirm.address(), confirm.option(2), confirm.option(6)),
        (CONFIRM, Some(ADDRESS), None, None)
    );
    client.hear(REPLY, OTHER, &[status(0, b"all fine")]);
    assert_eq!((client.machine.state(), client.leases[0].server.as_slice()), (State::Bound, SERVER));

    let mut client = restarted(5_000);
    client.hear(REPLY, SERVER, &[status(4, b"")]);
    assert_eq!(client.losses, [Loss::NotOnLink]);
    assert_eq!(client.machine.state(), State::Soliciting);

    let mut client = restarted(5_000);
    client.pass(11_000);
    assert_eq!(client.times(CONFIRM), [0, 1_000, 3_000, 7_000]);
    assert_eq!((client.machine.state(), client.leases.len()), (State::Bound, 1), "{:?}", client.notes);

    // Past T1: confirmed, then renewed at once.
    let mut client = restarted(1_200_000);
    client.hear(REPLY, SERVER, &[status(0, b"")]);
    client.pass(2_000);
    assert_eq!(client.last().kind(), RENEW);

    let client = restarted(3_000_000);
    assert_eq!(client.last().kind(), SOLICIT, "that one is over");
}

#[test]
fn a_link_that_was_gone_is_asked_whether_it_is_the_same() {
    let mut client = Client::bound();
    client.pass(10_000);
    client.step(Event::Kick);
    assert_eq!(client.sent.len(), 1, "one port more is nothing to a lease");
    client.step(Event::Pause);
    client.pass(10_000);
    client.step(Event::Kick);
    assert_eq!(client.last().kind(), CONFIRM);
}

#[test]
fn a_release_is_the_last_word() {
    let mut client = Client::bound();
    client.step(Event::Release);
    let release = client.last();
    assert_eq!(
        (release.kind(), release.option(2).unwrap().as_slice(), release.address()),
        (RELEASE, SERVER, Some(ADDRESS))
    );
    assert_eq!(client.losses, [Loss::Released]);
    client.pass(86_400_000);
    assert_eq!(client.last().kind(), RELEASE);
    assert_eq!(client.machine.deadline(), None);
}

#[test]
fn a_year_of_renewals() {
    const YEAR: u64 = 365 * 86_400_000;
    let mut client = Client::started(Mode::Stateful);
    let begun = client.now;
    let mut answered = 0;
    let mut lost = 0;
    while client.now < begun + YEAR {
        let sent = client.sent.len();
        if sent > answered {
            answered = sent;
            // Every seventh answer is lost.
            if !sent.is_multiple_of(7) {
                client.hear(
                    REPLY,
                    SERVER,
                    &[ia(0, 0, &[ia_address(ADDRESS, 7_200, 14_400)]), option(14, &[])],
                );
            } else {
                lost += 1;
            }
        }
        let next = client.machine.deadline().unwrap_or(client.now + 1_000);
        client.pass(next - client.now);
    }
    assert!(client.losses.is_empty(), "{:?}", client.losses);
    let hourly = YEAR / 3_600_000;
    assert!(client.sent.len() as u64 <= hourly + 2 * lost + 2, "{} frames", client.sent.len());
    assert!(client.leases.len() as u64 >= hourly * 5 / 7);
}

#[test]
fn another_server_that_has_nothing_for_us_takes_no_valid_address() {
    for code in [1, 2] {
        let mut client = Client::bound();
        client.pass(1_600_000);
        assert_eq!(client.last().kind(), REBIND);
        client.hear(REPLY, OTHER, &[ia(0, 0, &[status(3, b"who?")])]);
        client.pass(1_000);
        assert_eq!(client.last().kind(), REQUEST);
        client.hear(REPLY, OTHER, &[ia(0, 0, &[status(code, b"none left")])]);
        client.pass(1_000);
        assert_eq!((client.last().kind(), client.losses.len()), (REBIND, 0), "status {code}");
        // It says the same again, and the one that gave it answers after all.
        client.hear(REPLY, OTHER, &[ia(0, 0, &[status(3, b"who?")])]);
        assert_eq!(client.machine.state(), State::Rebinding);
        client.hear(REPLY, SERVER, &[usual()]);
        assert_eq!((client.machine.state(), client.losses.len()), (State::Bound, 0));
    }
    let mut client = Client::bound();
    client.pass(1_600_000);
    client.hear(REPLY, OTHER, &[ia(0, 0, &[status(3, b"")])]);
    client.pass(1_000);
    client.hear(REPLY, OTHER, &[ia(0, 0, &[status(4, b"")])]);
    assert_eq!(client.losses, [Loss::NotOnLink]);
}
