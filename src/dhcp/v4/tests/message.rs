//! What goes out, as the whole of `dhcproto` reads it, and the fixed part of what comes in.

use dhcproto::v4::{Decodable, Decoder, DhcpOption, Message, MessageType, OptionCode};

use super::super::machine::{Config, Event, State};
use super::super::note::Refusal;
use super::super::{client_id_of_duid, client_id_of_mac};
use super::util::*;

#[test]
fn a_discover_byte_by_byte() {
    let client = Client::started();
    let sent = &client.last().bytes;
    let xid = client.last().xid();
    let mut expected = vec![1, 1, 6, 0];
    expected.extend(xid.to_be_bytes());
    expected.resize(28, 0);
    expected.extend(MAC.0);
    expected.resize(236, 0);
    expected.extend([99, 130, 83, 99, 53, 1, 1, 61, 7, 1, 2, 0, 0, 0, 0x5e, 1, 57, 2, 5, 220]);
    expected.extend([12, 5]);
    expected.extend(b"node7");
    expected.extend([60, 9]);
    expected.extend(b"bondstrap");
    expected.extend([55, 18, 1, 121, 249, 3, 6, 12, 15, 17, 26, 28, 42, 51, 54, 58, 59, 66, 67, 119]);
    expected.extend([80, 0, 255]);
    expected.resize(300, 0);
    assert_eq!(sent, &expected);
}

#[test]
fn others_can_read_it() {
    let mut client = Client::started();
    client.offer();
    let kinds = [MessageType::Discover, MessageType::Request];
    for (sent, kind) in client.sent.iter().zip(kinds) {
        let message = Message::decode(&mut Decoder::new(&sent.bytes)).unwrap();
        assert_eq!(message.opts().msg_type(), Some(kind));
        assert_eq!((message.chaddr(), message.hlen()), (&MAC.0[..], 6));
        let id = message.opts().get(OptionCode::ClientIdentifier);
        assert_eq!(id, Some(&DhcpOption::ClientIdentifier(client_id_of_mac(MAC))));
    }
}

#[test]
fn option_57_is_what_every_link_carries() {
    for (mtu, expected) in [(68, 576_u16), (576, 576), (1_280, 1_280), (1_500, 1_500), (9_000, 1_500)] {
        let mut client = Client::new(Config { mtu, ..config() }, 0);
        client.event(Event::Start);
        assert_eq!(client.last().option(57).unwrap(), expected.to_be_bytes(), "MTU {mtu}");
    }
}

#[test]
fn what_is_not_configured_is_not_sent() {
    let bare = Config { client_id: None, hostname: None, vendor_class: Some(String::new()), ..config() };
    let mut client = Client::new(bare, 0);
    client.event(Event::Start);
    for code in [61, 12, 60] {
        assert_eq!(client.last().option(code), None, "option {code}");
    }
}

#[test]
fn long_values_go_in_pieces() {
    let long = vec![0x55; 600];
    let mut client = Client::new(Config { client_id: Some(long.clone()), ..config() }, 0);
    client.event(Event::Start);
    let message = Message::decode(&mut Decoder::new(&client.last().bytes)).unwrap();
    let id = message.opts().get(OptionCode::ClientIdentifier);
    assert_eq!(id, Some(&DhcpOption::ClientIdentifier(long)));
    assert!(message.opts().contains(OptionCode::ParameterRequestList), "and the rest is still there");
}

#[test]
fn client_identifiers() {
    assert_eq!(client_id_of_mac(MAC), [1, 2, 0, 0, 0, 0x5e, 1]);
    assert_eq!(client_id_of_duid(MAC), [255, 0, 0, 0x5e, 1, 0, 3, 0, 1, 2, 0, 0, 0, 0x5e, 1]);
}

#[test]
fn every_message_has_300_bytes_at_least() {
    let mut client = Client::bound(&[]);
    client.until(3_150_000);
    client.event(Event::Conflict);
    let mut other = Client::bound(&[]);
    other.event(Event::Release);
    for sent in client.sent.iter().chain(&other.sent) {
        assert!(sent.bytes.len() >= 300, "type {}: {}", sent.kind(), sent.bytes.len());
    }
}

/// Each rule of the fixed part, broken once; the answer itself is good.
#[test]
fn the_fixed_part_of_an_answer() {
    for (why, answer, refusal) in [
        ("a request", Answer::new(OFFER).head(0, &[1]), None),
        ("op 0", Answer::new(OFFER).head(0, &[0]), None),
        ("token ring", Answer::new(OFFER).head(1, &[6]), Some(Refusal::NotEthernet)),
        ("hlen 0", Answer::new(OFFER).head(2, &[0]), Some(Refusal::NotEthernet)),
        ("hlen 7", Answer::new(OFFER).head(2, &[7]), Some(Refusal::NotEthernet)),
        ("hlen 16", Answer::new(OFFER).head(2, &[16]), Some(Refusal::NotEthernet)),
        ("hlen 17", Answer::new(OFFER).head(2, &[17]), Some(Refusal::NotEthernet)),
        ("hlen 255", Answer::new(OFFER).head(2, &[255]), Some(Refusal::NotEthernet)),
        ("chaddr", Answer::new(OFFER).head(33, &[2]), None),
        ("cookie", Answer::new(OFFER).head(239, &[98]), Some(Refusal::NoCookie)),
        ("no type", Answer::new(OFFER).without(53), Some(Refusal::NoType)),
        ("type of length 0", Answer::new(OFFER).with(53, &[]), Some(Refusal::NoType)),
        ("type of length 2", Answer::new(OFFER).with(53, &[2, 2]), Some(Refusal::NoType)),
        ("type twice", Answer::new(OFFER).and(53, &[2]), Some(Refusal::NoType)),
    ] {
        let mut client = Client::started();
        client.hear(answer);
        assert_eq!(client.machine.state(), State::Selecting, "{why}");
        assert_eq!(client.refused(), refusal.into_iter().collect::<Vec<_>>(), "{why}");
        assert_eq!(client.machine.heard().foreign, u32::from(refusal.is_none()), "{why}");
        client.offer();
        assert_eq!(client.machine.state(), State::Requesting, "a good one is still taken after: {why}");
    }
    // The rest of chaddr, hops, secs, flags, ciaddr and giaddr are the server's business.
    let mut client = Client::started();
    client.hear(Answer::new(OFFER).head(3, &[9]).head(8, &[1; 8]).head(24, &[1; 4]).head(34, &[1; 10]));
    assert_eq!(client.machine.state(), State::Requesting);
}

#[test]
fn another_transaction_is_not_ours() {
    let mut client = Client::started();
    let xid = client.last().xid();
    for bit in 0..32 {
        let payload = Answer::new(OFFER).xid(xid ^ 1 << bit).bytes();
        client.event(Event::Datagram { payload: &payload });
        assert_eq!(client.machine.state(), State::Selecting, "bit {bit}");
    }
    assert_eq!(client.machine.heard().foreign, 32);
    assert_eq!(client.notes, []);
}
