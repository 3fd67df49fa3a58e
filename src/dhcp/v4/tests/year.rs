//! Long times: a year of renewals, servers that are gone for days, machines that sleep.

use super::super::machine::{Event, Loss, State};
use super::util::*;
use crate::clock::Millis;

const HOUR: Millis = 3_600_000;
const DAY: Millis = 24 * HOUR;

/// Until `end`: each REQUEST that `serves` lets through is answered after 2 ms with a lease of an hour.
fn live(client: &mut Client, end: Millis, serves: impl Fn(Millis) -> bool) {
    while let Some(at) = client.machine.deadline().filter(|at| *at <= end) {
        let sent = client.sent.len();
        client.until(at);
        if client.sent.len() > sent && serves(at) {
            client.now += 2;
            let kind = if client.last().kind() == DISCOVER { OFFER } else { ACK };
            client.hear(Answer::new(kind));
            if kind == OFFER {
                client.now += 2;
                client.hear(Answer::new(ACK));
            }
        }
    }
    client.until(end);
}

#[test]
fn a_year_of_renewals() {
    let mut client = Client::bound(&[]);
    live(&mut client, 365 * DAY, |_| true);
    assert_eq!(client.losses, [], "the address was there all the time");
    // Each counts from its REQUEST, so T1 is half an hour after the REQUEST before.
    let renewals = (365 * DAY / (HOUR / 2)) as usize;
    assert_eq!(client.leases.len(), 1 + renewals);
    assert_eq!(client.sent.len(), 2 + renewals, "a frame each, and nothing else");
    assert!(client.sent[2..].iter().all(|sent| sent.unicast == Some((ADDRESS, SERVER))));
    let xids: std::collections::BTreeSet<u32> = client.sent[2..].iter().map(Sent::xid).collect();
    assert!(xids.len() > renewals - 5, "a transaction each");
    let heard = client.machine.heard();
    assert!(heard.refused.is_empty() && client.notes.is_empty(), "{:?}", client.notes);
}

#[test]
fn a_server_that_is_gone_for_three_days_and_back() {
    let gone = 10 * DAY..13 * DAY;
    let mut client = Client::bound(&[]);
    live(&mut client, 20 * DAY, |at| !gone.contains(&at));
    // Half a lease at least is left when it goes; then the address is gone, until there is a server again.
    let [(lost, Loss::Expired)] = client.losses[..] else { panic!("{:?}", client.losses) };
    assert!((gone.start + HOUR / 2..=gone.start + HOUR).contains(&lost), "{lost}");
    let again = client.leases.iter().find(|lease| lease.obtained_at > lost).unwrap().obtained_at;
    assert!(again < gone.end + 96_000, "back with the next DISCOVER: {} ms", again - gone.end);
    // A DISCOVER a minute while there is nobody.
    let asked = client.sent.iter().filter(|sent| gone.contains(&sent.at)).count();
    assert!(asked < 3 * 24 * 60 + 60, "{asked} frames in three days");
    assert_eq!(client.machine.state(), State::Bound);
}

#[test]
fn another_server_with_another_address_takes_over_at_the_rebinding() {
    let mut client = Client::bound(&[]);
    client.until(3_150_000);
    assert_eq!(client.machine.state(), State::Rebinding);
    client.hear(Answer::new(NAK).server(OTHER));
    assert_eq!(client.losses, [(3_150_000, Loss::Nak)]);
    client.hear(Answer::new(OFFER).server(OTHER).yiaddr([192, 0, 2, 99].into()));
    client.hear(Answer::new(ACK).server(OTHER).yiaddr([192, 0, 2, 99].into()));
    assert_eq!(client.machine.lease().unwrap().server_id, OTHER);
    assert_eq!(client.machine.lease().unwrap().address.octets()[3], 99);
}

/// The clock of the machine (CLOCK_BOOTTIME) goes on while it sleeps: at the first event after it, all that time has
/// passed. A jump of the wall clock is no time at all, since nobody asks that clock.
#[test]
fn a_machine_that_slept_does_what_is_due_then_and_only_once() {
    for (slept, expected) in [
        (HOUR / 4, State::Bound),
        (HOUR / 2 + 1_000, State::Renewing),
        (HOUR / 8 * 7 + 1_000, State::Rebinding),
        (HOUR + 1_000, State::Selecting),
        (30 * DAY, State::Selecting),
    ] {
        let mut client = Client::bound(&[]);
        let sent = client.sent.len();
        client.now += slept;
        client.event(Event::Tick);
        assert_eq!(client.machine.state(), expected, "after {slept} ms");
        let expired = expected == State::Selecting;
        assert_eq!(client.losses.len(), usize::from(expired));
        assert_eq!(
            client.sent.len() - sent,
            usize::from(expected != State::Bound),
            "one frame, not a backlog"
        );
        // And it goes on from there.
        client.hear(Answer::new(if expired { OFFER } else { ACK }));
        if expired {
            client.hear(Answer::new(ACK));
        }
        assert_eq!(client.machine.state(), State::Bound);
        assert_eq!(
            client.machine.lease().and_then(|lease| lease.t1_at()),
            Some(slept + HOUR / 2).filter(|_| expected != State::Bound).or(Some(HOUR / 2))
        );
    }
}

#[test]
fn many_naps_within_a_lease_change_nothing() {
    let mut client = Client::bound(&[]);
    for nap in 1..1_000 {
        client.now = nap * 1_799;
        client.event(Event::Tick);
        // Time never goes back for it, whatever a clock says.
        client.machine.step(0, Event::Tick);
    }
    assert_eq!(client.sent.len(), 2);
    assert_eq!(client.machine.state(), State::Bound);
}
