//! Address conflict detection (RFC 5227) beside DHCP: it asks for the address from the OFFER on and costs no time.
//!
//! RFC 2131 §4.4.1 has a client probe after the ACK and before it uses the address: two to six seconds. Here the probes
//! leave beside the REQUEST, the address is set with the ACK, and whoever claims it until [`LISTEN`] after that gets it:
//! it is removed and declined.
//!
//! Not heeded: a probe of another station for the same address (§2.1.1, a sender of 0.0.0.0). Switches that track devices
//! send such ones themselves, to see whether a host is still there. Two clients that were given one address hear each
//! other's announcements.

use std::net::Ipv4Addr;

use crate::clock::Millis;
use crate::mac::Mac;

/// EtherType of ARP.
pub const ARP: u16 = 0x0806;
/// When the probes leave, after the first: three (§1.1), but closer together, since the first may be lost while a switch
/// opens. Milliseconds.
const AT: [Millis; 3] = [0, 300, 1_000];
/// How long a claim is listened for, from the first probe or from when the address was set. Milliseconds.
pub const LISTEN: Millis = 2_000;
/// Ethernet, IPv4, lengths 6 and 4 (RFC 826).
const KIND: [u8; 6] = [0, 1, 8, 0, 6, 4];

/// The probing of one address.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Probe {
    /// What is probed for.
    pub address: Ipv4Addr,
    began: Millis,
    sent: usize,
    /// The address is on the interface, since then.
    set_at: Option<Millis>,
}

/// What is to be done now.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Step {
    /// A probe leaves.
    Send,
    /// Nobody is listened to any more.
    End,
    /// Nothing before this; none: before the address is set.
    Wait(Option<Millis>),
}

impl Probe {
    /// From the OFFER on; where there was none (Rapid Commit, another address at a renewal), from the ACK.
    pub fn new(address: Ipv4Addr, now: Millis) -> Self {
        Self { address, began: now, sent: 0, set_at: None }
    }

    /// The address was set.
    pub fn set(&mut self, now: Millis) {
        self.set_at.get_or_insert(now);
    }

    /// What is due at `now`; asked until it says something else than [`Step::Send`].
    pub fn step(&mut self, now: Millis) -> Step {
        let next = AT.get(self.sent).map(|after| self.began + after);
        if next.is_some_and(|at| at <= now) {
            self.sent += 1;
            return Step::Send;
        }
        let end = self.set_at.map(|set| set.max(self.began) + LISTEN);
        if end.is_some_and(|end| end <= now) {
            return Step::End;
        }
        Step::Wait([next, end].into_iter().flatten().min())
    }
}

/// An ARP probe (§2.1.1): from 0.0.0.0, so that nobody learns anything from it.
pub fn packet(mac: Mac, address: Ipv4Addr) -> [u8; 28] {
    request(mac, Ipv4Addr::UNSPECIFIED, address)
}

/// An ARP announcement (§3): a request for our own address.
pub fn announcement(mac: Mac, address: Ipv4Addr) -> [u8; 28] {
    request(mac, address, address)
}

fn request(mac: Mac, sender: Ipv4Addr, target: Ipv4Addr) -> [u8; 28] {
    let mut packet = [0; 28];
    packet[..6].copy_from_slice(&KIND);
    packet[7] = 1;
    packet[8..14].copy_from_slice(&mac.0);
    packet[14..18].copy_from_slice(&sender.octets());
    packet[24..28].copy_from_slice(&target.octets());
    packet
}

/// Who claims to be `address`: the sender of an ARP request or reply that has it (§2.1.1, §2.4).
pub fn claim(packet: &[u8], address: Ipv4Addr) -> Option<Mac> {
    let mac: [u8; 6] = packet.get(8..14)?.try_into().ok()?;
    let claims = packet.starts_with(&KIND)
        && matches!(packet.get(6..8), Some([0, 1 | 2]))
        && packet.get(14..18) == Some(&address.octets())
        // Behind it stands the target: a packet without is none.
        && packet.len() >= 28;
    claims.then_some(Mac(mac))
}

/// Classic BPF `(code, jt, jf, k)` for a packet socket whose packets start at the ARP header: a sender of this address.
/// Others' ARP wakes nobody.
pub fn filter(address: Ipv4Addr) -> [(u16, u8, u8, u32); 6] {
    [
        (0x20, 0, 0, 0),                 // ld [0]: hardware and protocol
        (0x15, 0, 3, 0x0001_0800),       // jeq Ethernet and IPv4, else drop
        (0x20, 0, 0, 14),                // ld [14]: the sender
        (0x15, 0, 1, address.to_bits()), // jeq the address, else drop
        (0x06, 0, 0, 0x0004_0000),       // ret: the whole packet
        (0x06, 0, 0, 0),                 // ret 0: drop
    ]
}
