//! IPv4 and UDP around a message, and the kernel's filter.

use std::net::Ipv4Addr;

use super::super::frame::{Dropped, FILTER, decode, encode};
use super::util::*;

const FROM: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);

/// RFC 1071, written down once more in another way.
fn sum(bytes: &[u8]) -> u16 {
    let mut sum = 0_u64;
    for (at, byte) in bytes.iter().enumerate() {
        sum += u64::from(*byte) << (8 * ((at + 1) % 2));
    }
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    sum as u16
}

/// A packet of a server: header options of `options` bytes, `frag`, ports, payload, and good checksums.
fn packet(options: usize, frag: u16, ports: (u16, u16), payload: &[u8]) -> Vec<u8> {
    let header_len = 20 + options;
    let udp_len = (8 + payload.len()) as u16;
    let mut packet = vec![0x40 + (header_len / 4) as u8, 0];
    packet.extend((header_len as u16 + udp_len).to_be_bytes());
    packet.extend([0xab, 0xcd]);
    packet.extend(frag.to_be_bytes());
    packet.extend([64, 17, 0, 0]);
    packet.extend(FROM.octets());
    packet.extend([255; 4]);
    packet.resize(header_len, 1); // NOP
    let header_sum = !sum(&packet);
    packet[10..12].copy_from_slice(&header_sum.to_be_bytes());

    let mut udp = Vec::new();
    udp.extend(ports.0.to_be_bytes());
    udp.extend(ports.1.to_be_bytes());
    udp.extend(udp_len.to_be_bytes());
    udp.extend([0, 0]);
    udp.extend(payload);
    let mut pseudo = [FROM.octets(), [255; 4]].concat();
    pseudo.extend([0, 17]);
    pseudo.extend(udp_len.to_be_bytes());
    pseudo.extend(&udp);
    let udp_sum = match !sum(&pseudo) {
        0 => 0xffff,
        other => other,
    };
    udp[6..8].copy_from_slice(&udp_sum.to_be_bytes());
    packet.extend(udp);
    packet
}

#[test]
fn what_we_send() {
    for payload in [&b""[..], b"x", b"xy", &[0xff; 301]] {
        let packet = encode(Ipv4Addr::UNSPECIFIED, Ipv4Addr::BROADCAST, payload).unwrap();
        assert_eq!(packet.len(), 28 + payload.len());
        assert_eq!(packet[0], 0x45);
        assert_eq!(u16::from_be_bytes([packet[2], packet[3]]) as usize, packet.len());
        assert_eq!((packet[8], packet[9]), (64, 17));
        assert_eq!(packet[12..20], [0, 0, 0, 0, 255, 255, 255, 255]);
        assert_eq!(sum(&packet[..20]), 0xffff, "header checksum");
        assert_eq!(packet[20..24], [0, 68, 0, 67]);
        let mut pseudo = packet[12..20].to_vec();
        pseudo.extend([0, 17]);
        pseudo.extend(((packet.len() - 20) as u16).to_be_bytes());
        pseudo.extend(&packet[20..]);
        assert_eq!(sum(&pseudo), 0xffff, "UDP checksum");
        assert_eq!(&packet[28..], payload);
    }
}

#[test]
fn a_checksum_of_zero_is_sent_as_all_ones() {
    // One word of the payload runs through all values, so one of them makes the sum 0.
    let mut ones = 0;
    for word in 0..=u16::MAX {
        let packet = encode(FROM, Ipv4Addr::BROADCAST, &word.to_be_bytes()).unwrap();
        assert_ne!(packet[26..28], [0, 0], "no checksum at {word}");
        ones += usize::from(packet[26..28] == [0xff, 0xff]);
    }
    assert_eq!(ones, 1);
}

#[test]
fn what_ipv4_cannot_carry() {
    assert_eq!(encode(FROM, FROM, &vec![0xff; 65_507]).map(|packet| packet.len()), Some(65_535));
    assert_eq!(encode(FROM, FROM, &vec![0; 65_508]), None);
    assert_eq!(encode(FROM, FROM, &vec![0; 70_000]), None);
}

#[test]
fn what_comes_in() {
    for (options, payload) in [(0, &b"hello"[..]), (0, b""), (40, b"odd"), (4, &[0xff; 600])] {
        let good = packet(options, 0, (67, 68), payload);
        let got = decode(&good, false).unwrap();
        assert_eq!((got.source, got.destination, got.payload), (FROM, Ipv4Addr::BROADCAST, payload));
        // Ethernet fills up to 60 bytes.
        let padded = [&good[..], &[0xaa; 18]].concat();
        assert_eq!(decode(&padded, false), Ok(got));
    }
    // Don't-fragment is no fragment.
    assert!(decode(&packet(0, 0x4000, (67, 68), b"x"), false).is_ok());
}

#[test]
fn what_is_dropped() {
    let good = packet(0, 0, (67, 68), b"payload");
    let bent = |at: usize, byte: u8| {
        let mut bad = good.clone();
        bad[at] = byte;
        // Header checksum made good again.
        bad[10..12].copy_from_slice(&[0, 0]);
        let header_sum = !sum(&bad[..20]);
        bad[10..12].copy_from_slice(&header_sum.to_be_bytes());
        bad
    };
    for (why, bad, expected) in [
        ("IPv6", bent(0, 0x65), Dropped::Malformed),
        ("header of 16 bytes", bent(0, 0x44), Dropped::Malformed),
        ("header longer than the packet", bent(0, 0x4f), Dropped::Malformed),
        ("total length past the end", bent(3, 36), Dropped::Malformed),
        ("total length within the header", bent(3, 19), Dropped::Malformed),
        ("total length within the UDP header", bent(3, 27), Dropped::Malformed),
        ("UDP length past the end", bent(25, 16), Dropped::Malformed),
        ("UDP length within its header", bent(25, 7), Dropped::Malformed),
        ("TCP", bent(9, 6), Dropped::NotOurs),
        ("first fragment", packet(0, 0x2000, (67, 68), b"x"), Dropped::Fragment),
        ("later fragment", packet(0, 0x0001, (67, 68), b"x"), Dropped::Fragment),
        ("far fragment", packet(0, 0x1000, (67, 68), b"x"), Dropped::Fragment),
        ("to a server", packet(0, 0, (68, 67), b"x"), Dropped::NotOurs),
        ("to 67 plus 256", packet(0, 0, (67, 68 + 256), b"x"), Dropped::NotOurs),
        ("payload bent", bent(30, 0xee), Dropped::Checksum),
        ("source bent", bent(15, 9), Dropped::Checksum),
        ("nothing", vec![], Dropped::Malformed),
    ] {
        assert_eq!(decode(&bad, false), Err(expected), "{why}");
    }
    let mut header = good.clone();
    header[8] = 63;
    assert_eq!(decode(&header, false), Err(Dropped::Checksum), "header checksum");
    assert_eq!(decode(&header, true), Err(Dropped::Checksum), "that one is never missing");
}

#[test]
fn a_missing_checksum_is_not_a_wrong_one() {
    let mut bent = packet(0, 0, (67, 68), b"payload");
    bent[26] ^= 0x55;
    assert_eq!(decode(&bent, false), Err(Dropped::Checksum));
    assert_eq!(decode(&bent, true).map(|got| got.payload), Ok(&b"payload"[..]), "TP_STATUS_CSUMNOTREADY");
    bent[26..28].copy_from_slice(&[0, 0]);
    assert!(decode(&bent, false).is_ok(), "RFC 768: the sender made none");
}

#[test]
fn every_cut_is_survived() {
    let good = packet(8, 0, (67, 68), &[7; 50]);
    for len in 0..good.len() {
        assert_eq!(decode(&good[..len], false), Err(Dropped::Malformed), "cut at {len}");
    }
}

#[test]
fn a_discover_goes_through() {
    let client = Client::started();
    let sent = &client.last().bytes;
    let mut packet = encode(Ipv4Addr::UNSPECIFIED, Ipv4Addr::BROADCAST, sent).unwrap();
    // Turned round, so that the ports are an answer's; the sum of the ports stays.
    packet.swap(21, 23);
    assert_eq!(decode(&packet, false).unwrap().payload, sent);
}

/// What a classic BPF program says about a packet: how much of it to keep.
fn run(program: &[(u16, u8, u8, u32)], packet: &[u8]) -> u32 {
    let (mut a, mut x, mut pc) = (0_u32, 0_usize, 0);
    for _ in 0..=program.len() {
        let (code, jt, jf, k) = program[pc];
        let load = |at: usize, len: usize| {
            let bytes = packet.get(at..at + len)?;
            Some(bytes.iter().fold(0, |value, byte| value << 8 | u32::from(*byte)))
        };
        let jump = |taken: bool| usize::from(if taken { jt } else { jf });
        pc += 1;
        let loaded = match code {
            0x30 => load(k as usize, 1),
            0x28 => load(k as usize, 2),
            0x48 => load(x + k as usize, 2),
            0xb1 => {
                let Some(first) = load(k as usize, 1) else { return 0 };
                x = 4 * (first as usize & 0xf);
                continue;
            }
            0x15 => {
                pc += jump(a == k);
                continue;
            }
            0x45 => {
                pc += jump(a & k != 0);
                continue;
            }
            0x06 => return k,
            other => panic!("instruction {other:#x}"),
        };
        // A load past the end drops the packet.
        let Some(value) = loaded else { return 0 };
        a = value;
    }
    panic!("no return");
}

#[test]
fn the_filter_keeps_what_is_ours() {
    for (why, packet, kept) in [
        ("an answer", packet(0, 0, (67, 68), b"payload"), true),
        ("header options", packet(40, 0, (67, 68), b"payload"), true),
        ("don't fragment", packet(0, 0x4000, (67, 68), b"payload"), true),
        ("from any port", packet(0, 0, (4_711, 68), b"payload"), true),
        ("to a server", packet(0, 0, (68, 67), b"payload"), false),
        ("68 only in the options", packet(4, 0, (68, 53), b"payload"), false),
        ("first fragment", packet(0, 0x2000, (67, 68), b"payload"), false),
        ("later fragment", packet(0, 0x0001, (67, 68), b"payload"), false),
        ("last offset bit", packet(0, 0x1000, (67, 68), b"payload"), false),
        ("empty", vec![], false),
        ("cut before the port", packet(0, 0, (67, 68), b"")[..22].to_vec(), false),
    ] {
        assert_eq!(run(FILTER, &packet) >= 65_535, kept, "{why}");
        assert!(kept || run(FILTER, &packet) == 0, "{why}");
    }
    let mut tcp = packet(0, 0, (67, 68), b"payload");
    tcp[9] = 6;
    assert_eq!(run(FILTER, &tcp), 0);
}

#[test]
fn the_filters_jumps_stay_inside() {
    for (at, (code, jt, jf, _)) in FILTER.iter().enumerate() {
        if code & 7 == 5 {
            assert!(at + 1 + usize::from(*jt.max(jf)) < FILTER.len(), "at {at}");
        }
    }
    assert_eq!(FILTER.last().unwrap().0, 0x06);
}
