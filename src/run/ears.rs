//! Ears on the cables: one socket for LLDP and one for LACP on each port that the engine names.
//!
//! They wake nobody: what has come in is taken when the links are read, a few frames of each port, and what a flood leaves
//! over is dropped by the kernel. LACPDUs of a bond's port end in the bonding driver, so only a socket for everything
//! (`ETH_P_ALL`) sees them, which its filter cuts down to LACPDUs and the answers of DHCP servers; it sees our own as well.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io;
use std::net::Ipv4Addr;

use crate::dhcp::v4::frame::decode;
use crate::engine::types::{Answer, Frame, Heard};
use crate::lacp::frame::{self as lacp, SLOW};
use crate::lldp::frame::{self as lldp, LLDP};
use crate::mac::Mac;
use crate::sys::{Ear, Received};

/// `ETH_P_ALL`.
const EVERYTHING: u16 = 0x0003;
/// What the kernel keeps for one ear, bytes: it counts some hundred to two thousand for a small frame. Of LLDP, whose texts
/// are kept until they are looked at, that is little: a switch sends twice a minute.
const LACP_ROOM: i32 = 16_384;
const LLDP_ROOM: i32 = 4_096;
/// Frames taken from one ear at a time.
const MOST_LACP: usize = 16;
const MOST_LLDP: usize = 3;
/// Ears that are taken away at a time: the kernel waits a moment with each (synchronize_net()).
const MOST_CLOSED: usize = 8;
/// An LLDPDU fills a frame at most; of anything else the head is enough.
const LARGEST: usize = 1_600;

/// Nearest bridge, nearest bridge that is no TPMR, nearest customer bridge (IEEE 802.1AB-2016 table 7-1).
const LLDP_GROUPS: [Mac; 3] = [group(0x0e), group(0x03), group(0x00)];
/// Slow protocols (IEEE 802.3 57A.3). A bond lets it in by itself.
const SLOW_GROUPS: [Mac; 1] = [group(0x02)];

const fn group(last: u8) -> Mac {
    Mac([0x01, 0x80, 0xc2, 0x00, 0x00, last])
}

/// Whole, if it is LACP, or UDP over IPv4 to port 68, not a later fragment.
const FILTER: &[(u16, u8, u8, u32)] = &[
    // The EtherType, from beside the packet (SKF_AD_OFF + SKF_AD_PROTOCOL).
    (0x28, 0, 0, 0xffff_f000),
    (0x15, 0, 2, SLOW as u32),
    // Subtype.
    (0x30, 0, 0, 0),
    (0x15, 8, 9, 1),
    (0x15, 0, 8, 0x0800),
    // Protocol, fragment offset, destination port behind a header of any length.
    (0x30, 0, 0, 9),
    (0x15, 0, 6, 17),
    (0x28, 0, 0, 6),
    (0x45, 4, 0, 0x1fff),
    (0xb1, 0, 0, 0),
    (0x48, 0, 0, 2),
    (0x15, 0, 1, 68),
    (0x06, 0, 0, 0xffff),
    (0x06, 0, 0, 0),
];

/// Those that listen now, by the index of the port.
#[derive(Debug, Default)]
pub(super) struct Ears {
    ports: BTreeMap<u32, Port>,
    /// One that could not be had has been told.
    told: bool,
}

#[derive(Debug, Default)]
struct Port {
    lldp: Option<Ear>,
    lacp: Option<Ear>,
}

impl Ears {
    /// Listens on these ports: index, and whether for LACP too.
    pub(super) fn turn(&mut self, wanted: &[(u32, bool)]) {
        let wants = |index: u32| wanted.iter().find(|(port, _)| *port == index);
        let mut closed = 0;
        for (index, port) in &mut self.ports {
            let lacp = wants(*index).is_some_and(|(_, lacp)| *lacp);
            if port.lacp.is_some() && !lacp && closed < MOST_CLOSED {
                port.lacp = None;
                closed += 1;
            }
            if port.lldp.is_some() && wants(*index).is_none() && closed < MOST_CLOSED {
                port.lldp = None;
                closed += 1;
            }
        }
        self.ports.retain(|_, port| port.lldp.is_some() || port.lacp.is_some());
        for (index, lacp) in wanted {
            let port = self.ports.entry(*index).or_default();
            let opened = port.open(*index, *lacp);
            if let Err(error) = opened
                && !std::mem::replace(&mut self.told, true)
            {
                log::warn!("interface {index} can't be listened on: {error}; less will be told");
            }
        }
    }

    /// What has come in, a few frames of each port.
    pub(super) fn take(&self) -> Vec<Heard> {
        let mut buffer = [0; LARGEST];
        let mut heard = Vec::new();
        for (index, port) in &self.ports {
            for (ear, most) in [(&port.lldp, MOST_LLDP), (&port.lacp, MOST_LACP)] {
                let Some(ear) = ear else { continue };
                for _ in 0..most {
                    match ear.take(&mut buffer) {
                        Ok(got) => {
                            let payload = &buffer[..got.length.min(LARGEST)];
                            let frame = if got.tagged || got.other_host { None } else { read(&got, payload) };
                            heard.extend(frame.map(|frame| Heard { index: *index, frame }));
                        }
                        Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                        // The interface went down: told once by the kernel, and seen in the links.
                        Err(error) => log::debug!("listening on interface {index}: {error}"),
                    }
                }
            }
        }
        heard
    }
}

impl Port {
    fn open(&mut self, index: u32, lacp: bool) -> io::Result<()> {
        if self.lldp.is_none() {
            self.lldp = Some(Ear::open(index, LLDP, &[], &LLDP_GROUPS, LLDP_ROOM)?);
        }
        if lacp && self.lacp.is_none() {
            self.lacp = Some(Ear::open(index, EVERYTHING, FILTER, &SLOW_GROUPS, LACP_ROOM)?);
        }
        Ok(())
    }
}

fn read(got: &Received, payload: &[u8]) -> Option<Frame> {
    match (got.protocol, got.outgoing) {
        (LLDP, false) => lldp::parse(payload).map(|pdu| Frame::Lldp(Box::new(pdu))),
        (SLOW, false) => lacp::parse(payload).map(|pdu| Frame::Lacp(Box::new(pdu))),
        (SLOW, true) => lacp::parse(payload).map(|_| Frame::OurLacp),
        (_, false) => answer(payload, got.checksum_missing).map(Frame::Dhcp),
        (_, true) => None,
    }
}

/// What a BOOTREPLY to an Ethernet client tells by its header (RFC 2131 section 2).
fn answer(packet: &[u8], checksum_missing: bool) -> Option<Answer> {
    const BOOTREPLY: u8 = 2;
    let datagram = decode(packet, checksum_missing).ok()?;
    let [BOOTREPLY, 1, 6, ..] = datagram.payload else { return None };
    let to = datagram.payload.get(28..34)?.try_into().ok().map(Mac)?;
    let copy = (datagram.destination == Ipv4Addr::BROADCAST).then(|| {
        let mut hasher = DefaultHasher::new();
        datagram.payload.hash(&mut hasher);
        hasher.finish()
    });
    Some(Answer { to, copy })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dhcp::v4::frame::encode;

    /// Runs the filter as the kernel would, on the few operations that it has.
    fn passes(protocol: u16, packet: &[u8]) -> bool {
        let (mut a, mut x, mut at) = (0_u32, 0_usize, 0);
        let byte = |place: usize| packet.get(place).copied().map(u32::from);
        let half = |place: usize| Some(byte(place)? << 8 | byte(place + 1)?);
        loop {
            let (code, jt, jf, k) = FILTER[at];
            at += 1;
            let loaded = match code {
                0x28 if k == 0xffff_f000 => Some(u32::from(protocol)),
                0x28 => half(k as usize),
                0x30 => byte(k as usize),
                0x48 => half(x + k as usize),
                0xb1 => byte(k as usize).inspect(|byte| x = (*byte as usize & 0xf) * 4).map(|_| a),
                0x06 => return k != 0,
                0x15 | 0x45 => {
                    let holds = if code == 0x15 { a == k } else { a & k != 0 };
                    at += usize::from(if holds { jt } else { jf });
                    Some(a)
                }
                _ => panic!("{code:#x}"),
            };
            let Some(loaded) = loaded else { return false };
            a = loaded;
        }
    }

    #[test]
    fn the_filter_lets_in_what_is_listened_for() {
        let mut dhcp = [0; 60];
        (dhcp[0], dhcp[9], dhcp[23]) = (0x45, 17, 68);
        assert!(passes(0x0800, &dhcp));
        for (place, value) in [(9, 6), (6, 1), (7, 1), (23, 67), (22, 1), (0, 0x46)] {
            let mut other = dhcp;
            other[place] = value;
            assert!(!passes(0x0800, &other), "byte {place}");
        }
        let mut options = [0; 60];
        (options[0], options[9], options[27]) = (0x46, 17, 68);
        assert!(passes(0x0800, &options));
        assert!(passes(SLOW, &[1, 1]) && !passes(SLOW, &[2, 1]) && !passes(SLOW, &[]));
        assert!(!passes(LLDP, &[1, 1]) && !passes(0x86dd, &dhcp));
    }

    #[test]
    fn what_came_in_is_told_from_what_went_out() {
        let read = |protocol, outgoing, payload: &[u8]| {
            read(&Received { protocol, outgoing, ..Received::default() }, payload)
        };
        assert_eq!(read(SLOW, false, &[1, 1]), None);
        assert_eq!(read(LLDP, true, &[]), None);
        let mut reply = vec![0; 240];
        reply[..3].copy_from_slice(&[2, 1, 6]);
        reply[28..34].copy_from_slice(&[2, 0, 0, 0, 0, 9]);
        // To port 68, not from there.
        let mut packet = |to: Ipv4Addr| {
            let mut packet = encode(Ipv4Addr::new(192, 0, 2, 1), to, &reply).expect("it is short");
            packet[20..24].copy_from_slice(&[0, 67, 0, 68]);
            packet[26..28].fill(0);
            reply[4] += 1;
            packet
        };
        let to = Mac([2, 0, 0, 0, 0, 9]);
        let (one, other) = (packet(Ipv4Addr::BROADCAST), packet(Ipv4Addr::BROADCAST));
        let copy = |packet: &[u8]| match read(0x0800, false, packet) {
            Some(Frame::Dhcp(Answer { to: client, copy })) if client == to => copy,
            other => panic!("{other:?}"),
        };
        assert!(copy(&one).is_some() && copy(&one) == copy(&one) && copy(&one) != copy(&other));
        assert_eq!(copy(&packet(Ipv4Addr::new(192, 0, 2, 7))), None);
        assert_eq!(read(0x0800, true, &one), None);
        assert_eq!(read(0x0800, false, &[]), None);
        assert_eq!(read(0x0800, false, &one[..61]), None);
        let mut request = one.clone();
        request[28] = 1;
        assert_eq!(read(0x0800, false, &request), None);
    }
}
