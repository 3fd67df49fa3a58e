//! From an answer to a lease: each rule with what it accepts and what it refuses.

use std::net::Ipv4Addr;

use super::super::lease::Lease;
use super::super::machine::State;
use super::super::note::{Note, Refusal};
use super::util::*;

/// The lease of an ACK with these options, and what was told.
fn leased(options: &[(u8, Vec<u8>)]) -> (Lease, Vec<Note>) {
    let mut client = Client::bound(options);
    (client.leases.remove(0), client.notes)
}

fn one(code: u8, data: &[u8]) -> (Lease, Vec<Note>) {
    leased(&[(code, data.to_vec())])
}

fn four(a: u8, b: u8, c: u8, d: u8) -> Ipv4Addr {
    Ipv4Addr::new(a, b, c, d)
}

#[test]
fn servers() {
    for (server, good) in [
        ([192, 0, 2, 1], true),
        ([1, 0, 0, 1], true),
        ([223, 255, 255, 254], true),
        ([169, 254, 1, 1], true),
        ([0, 0, 0, 0], false),
        ([0, 1, 2, 3], false),
        ([127, 0, 0, 1], false),
        ([224, 0, 0, 1], false),
        ([240, 0, 0, 1], false),
        ([255, 255, 255, 255], false),
    ] {
        let mut client = Client::started();
        client.hear(Answer::new(OFFER).with(54, &server));
        assert_eq!(client.machine.state() == State::Requesting, good, "{server:?}");
        assert_eq!(client.refused().contains(&Refusal::NoServer), !good, "{server:?}");
    }
    for bad in [&[][..], &[192, 0, 2], &[192, 0, 2, 1, 9], &[192, 0, 2, 1, 192, 0, 2, 1]] {
        let mut client = Client::started();
        client.hear(Answer::new(OFFER).with(54, bad));
        assert_eq!(client.refused(), [Refusal::NoServer], "{bad:?}");
        client.hear(Answer::new(ACK).with(54, bad).with(80, &[]));
        assert_eq!(client.machine.state(), State::Selecting, "an ACK needs it too");
    }
}

#[test]
fn addresses() {
    let mask = |len: u32| u32::MAX.checked_shl(32 - len).unwrap_or(0).to_be_bytes();
    for (address, len, good) in [
        (four(192, 0, 2, 77), 24, true),
        (four(10, 0, 0, 1), 8, true),
        (four(10, 255, 255, 254), 8, true),
        (four(10, 0, 0, 255), 8, true),
        (four(10, 0, 0, 0), 31, true),
        (four(10, 0, 0, 1), 31, true),
        (four(10, 0, 0, 0), 32, true),
        (four(64, 0, 0, 1), 1, true),
        (four(223, 255, 255, 1), 24, true),
        (four(0, 0, 0, 0), 24, false),
        (four(0, 1, 2, 3), 24, false),
        (four(127, 0, 0, 1), 8, false),
        (four(127, 200, 0, 1), 32, false),
        (four(169, 254, 7, 7), 16, false),
        (four(169, 254, 7, 7), 24, false),
        (four(224, 0, 0, 5), 24, false),
        (four(239, 1, 1, 1), 32, false),
        (four(240, 0, 0, 1), 24, false),
        (four(255, 255, 255, 255), 32, false),
        (four(192, 0, 2, 0), 24, false),
        (four(192, 0, 2, 255), 24, false),
        (four(192, 0, 2, 64), 26, false),
        (four(192, 0, 2, 127), 26, false),
        (four(192, 0, 2, 4), 30, false),
    ] {
        let mut client = Client::started();
        client.hear(Answer::new(OFFER).yiaddr(address).with(1, &mask(len)));
        assert_eq!(client.machine.state() == State::Requesting, good, "OFFER of {address}/{len}");
        assert_eq!(client.refused().contains(&Refusal::Address(address)), !good, "{address}/{len}");
        let mut client = Client::started();
        client.hear(Answer::new(ACK).yiaddr(address).with(1, &mask(len)).with(80, &[]));
        assert_eq!(client.machine.state() == State::Bound, good, "ACK of {address}/{len}");
        if good {
            assert_eq!((client.leases[0].address, u32::from(client.leases[0].prefix_len)), (address, len));
        }
    }
}

#[test]
fn masks() {
    for (mask, prefix) in [
        ([128, 0, 0, 0], Some(1)),
        ([255, 255, 255, 0], Some(24)),
        ([255, 255, 254, 0], Some(23)),
        ([255, 255, 255, 255], Some(32)),
        ([0, 0, 0, 0], None),
        ([255, 0, 255, 0], None),
        ([0, 255, 255, 255], None),
        ([255, 255, 255, 1], None),
        ([1, 0, 0, 0], None),
    ] {
        let mut client = Client::started();
        client.hear(Answer::new(ACK).with(1, &mask).with(80, &[]));
        assert_eq!(client.leases.first().map(|lease| lease.prefix_len), prefix, "{mask:?}");
        let refused: &[Refusal] = if prefix.is_some() { &[] } else { &[Refusal::Mask(mask.into())] };
        assert_eq!(client.refused(), refused);
    }
}

#[test]
fn without_mask_the_class_counts() {
    for (address, prefix) in [
        (four(10, 1, 2, 3), 8),
        (four(126, 1, 2, 3), 8),
        (four(172, 16, 5, 5), 16),
        (four(198, 51, 100, 7), 24),
    ] {
        let mut client = Client::started();
        client.hear(Answer::new(ACK).yiaddr(address).without(1).with(80, &[]));
        assert_eq!(client.leases[0].prefix_len, prefix, "{address}");
        assert_eq!(client.notes, [Note::ClassMask(prefix)]);
    }
    let mut client = Client::started();
    client.hear(Answer::new(OFFER).yiaddr(four(198, 51, 100, 255)).without(1));
    assert_eq!(
        client.refused(),
        [Refusal::Address(four(198, 51, 100, 255))],
        "its class's broadcast address"
    );
}

#[test]
fn a_mask_of_another_length_is_none() {
    let (lease, notes) = one(1, &[255, 255, 255]);
    assert_eq!(lease.prefix_len, 24, "the class's");
    assert_eq!(notes, [Note::OptionIgnored(1), Note::ClassMask(24)]);
}

#[test]
fn lists_of_addresses() {
    let list = |lease: &Lease, code: u8| match code {
        3 => lease.routers.clone(),
        6 => lease.dns.clone(),
        _ => lease.ntp.clone(),
    };
    for code in [3, 6, 42] {
        let (lease, notes) = one(code, &[192, 0, 2, 1, 198, 51, 100, 1]);
        // A router outside the subnet stays: the engine makes its route.
        assert_eq!(list(&lease, code), [four(192, 0, 2, 1), four(198, 51, 100, 1)]);
        assert_eq!(notes, []);
        for bad in [&[][..], &[1], &[1, 2, 3], &[1, 2, 3, 4, 5]] {
            let (lease, notes) = one(code, bad);
            assert!(list(&lease, code).is_empty(), "option {code} {bad:?}");
            assert_eq!(notes, [Note::OptionIgnored(code)]);
        }
        // What is no host's address is left out, the rest stays.
        let (lease, notes) =
            one(code, &[0, 0, 0, 0, 192, 0, 2, 1, 127, 0, 0, 1, 224, 0, 0, 1, 255, 255, 255, 255]);
        assert_eq!(list(&lease, code), [four(192, 0, 2, 1)]);
        assert_eq!(notes, [Note::OptionIgnored(code)]);
        let (lease, notes) = one(code, &[9; 252]);
        assert_eq!(list(&lease, code).len(), 16);
        assert_eq!(notes, [Note::Excess(code)]);
    }
}

#[test]
fn mtus() {
    for (mtu, good) in [
        (0, false),
        (68, false),
        (575, false),
        (576, true),
        (1_500, true),
        (9_216, true),
        (9_217, false),
        (65_535, false),
    ] {
        let (lease, notes) = one(26, &u16::to_be_bytes(mtu));
        assert_eq!(lease.mtu, good.then_some(mtu), "{mtu}");
        assert_eq!(notes.contains(&Note::OptionIgnored(26)), !good);
    }
    for bad in [&[][..], &[5], &[0, 5, 220], &[0, 0, 5, 220]] {
        assert_eq!(one(26, bad).0.mtu, None, "{bad:?}");
    }
}

#[test]
fn broadcast_addresses() {
    for (address, good) in [
        ([192, 0, 2, 255], true),
        ([192, 0, 2, 0], true),
        ([255, 255, 255, 255], true),
        ([192, 0, 2, 9], false),
        ([10, 0, 0, 255], false),
        ([0, 0, 0, 0], false),
    ] {
        let (lease, notes) = one(28, &address);
        assert_eq!(lease.broadcast, good.then_some(address.into()), "{address:?}");
        assert_eq!(notes.contains(&Note::OptionIgnored(28)), !good);
    }
}

#[test]
fn texts() {
    let text = |lease: &Lease, code: u8| match code {
        12 => lease.hostname.clone(),
        15 => lease.domain.clone(),
        17 => lease.root_path.clone(),
        66 => lease.tftp_server.clone(),
        _ => lease.bootfile.clone(),
    };
    for (code, good, bad) in [
        (12, "node-7.example.com", "node_7"),
        (15, "_lab.example.com", "example.com lab.example.com"),
        (17, "192.0.2.1:/srv/root,v3,tcp", "/srv/$(reboot)"),
        (66, "tftp.example.com", "a;b"),
        (67, "http://192.0.2.1/boot/x86_64.efi", "../../etc/shadow"),
    ] {
        let (lease, notes) = one(code, good.as_bytes());
        assert_eq!(text(&lease, code).as_deref(), Some(good));
        assert_eq!(notes, []);
        // Some servers end a text with NUL.
        let (lease, _) = one(code, format!("{good}\0\0").as_bytes());
        assert_eq!(text(&lease, code).as_deref(), Some(good));
        for bad in [bad, "", "\0", " ", "a\nb", "a\0b", "a\x1b[2J", "`id`", "ä"] {
            let (lease, notes) = one(code, bad.as_bytes());
            assert_eq!(text(&lease, code), None, "option {code}: {bad:?}");
            assert_eq!(notes, [Note::OptionIgnored(code)], "option {code}: {bad:?}");
        }
    }
}

#[test]
fn the_next_boot_stage() {
    let ack = |answer: Answer| {
        let mut client = Client::started();
        client.hear(answer.with(80, &[]));
        (client.leases.remove(0), client.notes)
    };
    let (lease, _) = ack(Answer::new(ACK).head(20, &[192, 0, 2, 9]).head(108, b"pxelinux.0"));
    assert_eq!(lease.next_server, Some(four(192, 0, 2, 9)));
    assert_eq!(lease.bootfile.as_deref(), Some("pxelinux.0"));
    let (lease, _) = ack(Answer::new(ACK).head(108, b"pxelinux.0").with(67, b"grub/x64.efi"));
    assert_eq!(lease.bootfile.as_deref(), Some("grub/x64.efi"), "67 before the field");
    let (lease, notes) = ack(Answer::new(ACK).head(20, &[255; 4]).head(108, b"a|b"));
    assert_eq!((lease.next_server, lease.bootfile), (None, None));
    assert_eq!(notes, [Note::OptionIgnored(67)]);
    // The field holds options then, not a name.
    let (lease, notes) =
        ack(Answer::new(ACK).with(52, &[1]).head(108, &[12, 5, b'n', b'o', b'd', b'e', b'9', 255]));
    assert_eq!((lease.bootfile, lease.hostname.as_deref()), (None, Some("node9")));
    assert_eq!(notes, []);
}

#[test]
fn overload() {
    let options = |text: &[u8]| [&[12, text.len() as u8], text, &[255]].concat();
    for (value, expected) in
        [(1, Some("file")), (2, Some("sname")), (3, Some("filesname")), (0, None), (4, None), (255, None)]
    {
        let mut client = Client::started();
        let answer = Answer::new(ACK).with(80, &[]).with(52, &[value]);
        client.hear(answer.head(108, &options(b"file")).head(44, &options(b"sname")));
        // The field after the cookie, then file, then sname; joined in that order.
        assert_eq!(client.leases[0].hostname.as_deref(), expected, "overload {value}");
    }
    for length in [&[][..], &[1, 1], &[3, 0]] {
        let mut client = Client::started();
        client.hear(Answer::new(ACK).with(80, &[]).with(52, length).head(108, &options(b"file")));
        assert_eq!(client.leases[0].hostname, None, "overload {length:?}");
    }
    // An overload within an overload means nothing.
    let mut client = Client::started();
    let file = [&[52, 1, 2][..], &options(b"file")].concat();
    client.hear(Answer::new(ACK).with(80, &[]).with(52, &[1]).head(108, &file).head(44, &options(b"sname")));
    assert_eq!(client.leases[0].hostname.as_deref(), Some("file"));
}

#[test]
fn pieces_are_joined_wherever_they_stand() {
    let mut client = Client::started();
    let answer = Answer::new(ACK).with(80, &[]).with(15, b"exam").with(6, &[192, 0]).and(15, b"ple.com");
    client.hear(answer.and(6, &[2, 53]).and(12, b"no").and(12, b"de"));
    let lease = &client.leases[0];
    assert_eq!(lease.domain.as_deref(), Some("example.com"));
    assert_eq!(lease.dns, [four(192, 0, 2, 53)]);
    assert_eq!(lease.hostname.as_deref(), Some("node"));
}

#[test]
fn a_bad_option_takes_no_good_one_with_it() {
    // Latin-1 in 12 before the lease time.
    let mut client = Client::started();
    client.hear(Answer::new(ACK).without(51).with(12, b"b\xfcro").with(80, &[]).lease(500));
    let lease = &client.leases[0];
    assert_eq!((lease.hostname.as_deref(), lease.lease_secs), (None, Some(500)));
    assert_eq!(client.notes, [Note::OptionIgnored(12)]);
}

#[test]
fn the_same_is_not_told_at_each_renewal() {
    let mut client = Client::bound(&[(12, b"$".to_vec())]);
    for _ in 0..5 {
        let at = client.machine.deadline().unwrap();
        client.until(at);
        client.hear(Answer::new(ACK).with(12, b"$"));
    }
    assert_eq!((client.leases.len(), client.notes.len()), (6, 1));
    let at = client.machine.deadline().unwrap();
    client.until(at);
    client.hear(Answer::new(ACK).with(15, b"$"));
    assert_eq!(client.notes.len(), 2, "something new is");
}

#[test]
fn a_lease_without_extras_is_plain() {
    let (lease, notes) = leased(&[]);
    assert_eq!(notes, []);
    let expected = Lease {
        address: ADDRESS,
        prefix_len: 24,
        server_id: SERVER,
        routers: vec![],
        routes: vec![],
        dns: vec![],
        domain: None,
        search: vec![],
        hostname: None,
        ntp: vec![],
        mtu: None,
        broadcast: None,
        root_path: None,
        next_server: None,
        tftp_server: None,
        bootfile: None,
        lease_secs: Some(3_600),
        t1: Some(1_800_000),
        t2: Some(3_150_000),
        obtained_at: 0,
    };
    assert_eq!(lease, expected);
    assert_eq!(lease.network().unwrap().to_string(), "192.0.2.77/24");
}
