//! What other DHCP clients fell over, and what nobody should send.
//!
//! Beside the tests here: hardware lengths 0 to 255, cookies and types in `message`; servers, addresses, masks and overload
//! in `accept`; widths, short options and default routes of 121 in `routes`; letters and pointer loops in `text`; lease
//! times and T1 of 0 in `keep`; another server's NAK in `acquire` and `lose`; a server that offers and keeps silent in
//! `acquire`. On the wire: the lab's cases hostile-lease and hostile-flood. With any bytes: tests/fuzz/dhcp4.rs.

use super::super::machine::{Event, State};
use super::super::note::{Note, Refusal};
use super::util::*;

/// Feeds one payload to a client in every state that listens; whatever comes of it is sound.
fn everywhere(payload: &[u8]) {
    let answer = |kind: u8| Answer::new(kind);
    let states: [fn() -> Client; 6] = [
        Client::started,
        || {
            let mut client = Client::started();
            client.offer();
            client
        },
        || Client::bound(&[]),
        || {
            let mut client = Client::bound(&[]);
            client.until(1_800_000);
            client
        },
        || {
            let mut client = Client::bound(&[]);
            client.until(3_150_000);
            client
        },
        || Client::new(config(), 0),
    ];
    for state in states {
        let mut client = state();
        let before = (client.sent.len(), client.leases.len(), client.notes.len());
        // As it is, and with the transaction id that the client waits for.
        client.event(Event::Datagram { payload });
        let mut ours = payload.to_vec();
        if let Some((field, sent)) = ours.get_mut(4..8).zip(client.sent.last()) {
            field.copy_from_slice(&sent.xid().to_be_bytes());
        }
        client.event(Event::Datagram { payload: &ours });
        client.leases.iter().for_each(sound);
        for note in &client.notes {
            assert!(note.to_string().bytes().all(|b| (0x20..0x7f).contains(&b)), "{note}");
        }
        assert!(client.sent.len() - before.0 <= 2 && client.leases.len() - before.1 <= 2);
        assert!(client.notes.len() - before.2 <= 70);
        // And it still works.
        if client.machine.state() == State::Selecting {
            client.until(client.now + 6_000);
            client.hear(answer(OFFER));
            client.until(client.now + 6_000);
            client.hear(answer(ACK));
            assert_eq!(client.machine.state(), State::Bound);
        }
    }
}

#[test]
fn words_that_shells_and_terminals_would_obey() {
    // CVE-2011-0997, -2011-2716, -2014-6271, -2018-1111 and what resembles them.
    for evil in [
        &b"$(reboot)"[..],
        b"`reboot`",
        b"x;reboot",
        b"x|reboot",
        b"x&reboot",
        b"x\nreboot",
        b"x\rreboot",
        b"x reboot",
        b"x\treboot",
        b"x'reboot'",
        b"x\"reboot\"",
        b"x' & echo 'uid=0' >> /etc/passwd #",
        b"() { :; }; reboot",
        b"x\\reboot",
        b"x>y",
        b"x<y",
        b"x*",
        b"x?",
        b"x~",
        b"{a,b}",
        b"x!",
        b"#x",
        b"x\0y",
        b"\x1b[2Jx",
        b"\x9b2Jx",
        b"x\x7f",
        b"../../etc/passwd",
        b"/../etc/passwd",
        b"\xe2\x80\xaex",
    ] {
        for code in [12, 15, 17, 66, 67] {
            let client = Client::bound(&[(code, evil.to_vec())]);
            let lease = &client.leases[0];
            let texts =
                [&lease.hostname, &lease.domain, &lease.root_path, &lease.tftp_server, &lease.bootfile];
            assert!(texts.iter().all(|text| text.is_none()), "option {code}: {evil:?}: {lease:?}");
        }
        let label = [&[evil.len() as u8], evil, &[0]].concat();
        let client = Client::bound(&[(119, label)]);
        assert!(client.leases[0].search.is_empty(), "{evil:?}");

        let mut client = Client::started();
        client.offer();
        client.hear(Answer::new(NAK).with(56, evil));
        let told = client.notes[0].to_string();
        assert!(told.bytes().all(|b| (0x20..0x7f).contains(&b)), "{told}");
    }
}

#[test]
fn every_option_at_every_length() {
    // CVE-2018-5732, -2018-20679, -2016-1503.
    for code in 1..=254 {
        for kind in [OFFER, ACK, NAK] {
            for len in [0, 1, 2, 3, 4, 5, 7, 8, 9, 254, 255] {
                for fill in [0, 0xff, 0xc0, b'a'] {
                    let answer = Answer::new(kind).with(80, &[]).with(code, &vec![fill; len]);
                    let mut client = Client::started();
                    client.hear(answer.clone());
                    client.leases.iter().for_each(sound);
                    let mut client = Client::started();
                    client.offer();
                    client.hear(answer);
                    client.leases.iter().for_each(sound);
                }
            }
        }
    }
}

#[test]
fn options_past_the_end() {
    for code in 1..=254 {
        for len in [1, 2, 200, 255] {
            let answer = Answer::new(ACK).tail(&[code, len]);
            still_binds(&answer);
            still_binds(&Answer::new(ACK).tail(&[code]));
            still_binds(
                &Answer::new(ACK).tail(&[[code, len].as_slice(), &vec![1; len as usize - 1]].concat()),
            );
        }
    }
}

/// A cut-off last option takes nothing with it but repeats of itself right before it.
fn still_binds(answer: &Answer) {
    let mut client = Client::started();
    client.offer();
    client.hear(answer.clone());
    client.leases.iter().for_each(sound);
    let last_whole = answer.bytes().len();
    assert!(last_whole > 240);
    // Option 1 is the last whole one.
    assert_eq!(client.machine.state(), State::Bound, "{answer:?}");
}

#[test]
fn messages_of_every_size() {
    let full = Answer::new(ACK).with(80, &[]).bytes();
    for len in [0, 1, 27, 28, 44, 108, 235, 236, 239, 240, 241, 300, 1_500, 9_000, 65_507] {
        for fill in [0, 1, 52, 53, 119, 121, 255] {
            everywhere(&vec![fill; len]);
            let mut padded = full.clone();
            padded.pop();
            padded.resize(len.max(full.len()), fill);
            everywhere(&padded);
        }
    }
    for cut in 0..full.len() {
        everywhere(&full[..cut]);
    }
}

#[test]
fn without_end_it_is_read_to_the_end() {
    let mut client = Client::started();
    client.hear(Answer::new(OFFER).tail(&[]));
    assert_eq!(client.machine.state(), State::Requesting);
    client.hear(Answer::new(ACK).tail(&[0; 500]));
    assert_eq!(client.machine.state(), State::Bound);
}

#[test]
fn nothing_behind_end_counts() {
    let mut client = Client::started();
    let server = [&[255, 54, 4][..], &OTHER.octets()].concat();
    client.hear(Answer::new(OFFER).tail(&server));
    assert_eq!(client.last().address(54), Some(SERVER));
}

#[test]
fn only_pads() {
    let mut bytes = Answer::new(OFFER).bytes();
    bytes[240..].fill(0);
    bytes.resize(9_000, 0);
    let mut client = Client::started();
    let xid = client.last().xid().to_be_bytes();
    bytes[4..8].copy_from_slice(&xid);
    client.event(Event::Datagram { payload: &bytes });
    assert_eq!(client.refused(), [Refusal::NoType]);
}

#[test]
fn twice_is_joined_and_then_too_long() {
    let twice = |code: u8, data: &[u8]| Answer::new(ACK).with(80, &[]).and(code, data);
    let mut client = Client::started();
    client.hear(twice(53, &[5]));
    client.hear(twice(54, &SERVER.octets()));
    assert_eq!(client.refused(), [Refusal::NoType, Refusal::NoServer]);
    assert_eq!(client.machine.state(), State::Selecting);
    // 51 can be done without: the offer's is used.
    let mut client = Client::started();
    client.hear(Answer::new(OFFER).lease(500));
    client.hear(twice(51, &[0xff; 4]));
    assert_eq!(client.leases[0].lease_secs, Some(500));
}

#[test]
fn names_that_point_to_themselves() {
    // CVE-2020-7461.
    for evil in [&b"\x02\xc0\x01\x00\x01A\xc0\x01"[..], b"\xc0\x00", b"\x01a\xc0\x00", b"\x3f", b"\xc0"] {
        let client = Client::bound(&[(119, evil.to_vec())]);
        assert!(client.leases[0].search.is_empty(), "{evil:?}");
        assert_eq!(client.notes.len(), 1);
    }
}

#[test]
fn an_option_full_of_routes() {
    let mut client = Client::started();
    client.offer();
    let mut answer = Answer::new(ACK).tail(&[]);
    for _ in 0..250 {
        answer = answer.and(121, &[0; 250]);
    }
    client.hear(answer);
    assert_eq!(client.leases[0].routes.len(), 1, "the same 12500 times");
    assert!(client.notes.len() <= 70);
}

#[test]
fn a_flood_of_offers() {
    let mut client = Client::started();
    for round in 0..5_000_u32 {
        let server = std::net::Ipv4Addr::from(0x0a00_0001 + round);
        client.hear(Answer::new(OFFER).server(server).lease(round % 10));
        client.hear(Answer::new(OFFER).server(server).with(1, &round.to_be_bytes()).yiaddr([0; 4].into()));
    }
    let heard = client.machine.heard();
    assert_eq!(heard.refused.len(), 16);
    assert_eq!(heard.refused_more, 10_000 - 16);
    assert_eq!(client.notes.len(), 128, "the rest is not told");
    assert_eq!(client.sent.len(), 1);
    // What happens to us is told all the same.
    client.offer();
    client.until(20_000);
    assert_eq!(client.notes.len(), 129);
    assert_eq!(client.notes.last(), Some(&Note::Silent(SERVER)));

    let mut client = Client::started();
    for _ in 0..5_000 {
        client.offer();
    }
    assert_eq!(client.sent.len(), 2, "one REQUEST");
    assert_eq!(client.machine.heard().offers, 1);
}

#[test]
fn an_option_full_of_routes_that_cannot_be() {
    let mut client = Client::started();
    client.offer();
    let mut answer = Answer::new(ACK).tail(&[]);
    for second in 0..100 {
        let routes: Vec<u8> = (0..28).flat_map(|fourth| [32, 10, second, 0, fourth, 127, 0, 0, 1]).collect();
        answer = answer.and(121, &routes);
    }
    client.hear(answer);
    assert_eq!((client.leases[0].routes.len(), client.notes.len()), (0, 64));
}
