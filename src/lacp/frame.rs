//! LACPDUs, as they come from the wire. (pure)
//!
//! Only what names the two sides is read: actor and partner information. What version 2 adds stands behind that, and what
//! is reserved is not looked at (IEEE 802.1AX-2020 6.4.2.3: receivers ignore both). Marker PDUs are another subtype.

use crate::links::LacpState;
use crate::mac::Mac;

/// EtherType of the slow protocols (IEEE 802.3 annex 57A).
pub const SLOW: u16 = 0x8809;

/// Subtype of LACP among the slow protocols.
const SUBTYPE: u8 = 1;
/// The information TLVs of actor and partner, header and all. Bytes.
const INFORMATION: u8 = 20;

/// One side, as an LACPDU tells of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Side {
    /// System id; zero: nobody is known.
    pub system: Mac,
    /// Priority of the system.
    pub system_priority: u16,
    /// Operational key: ports of one LAG have one.
    pub key: u16,
    /// Number of the port.
    pub port: u16,
    /// Priority of the port.
    pub port_priority: u16,
    /// Its state octet.
    pub state: LacpState,
}

impl Side {
    /// What makes a LAG: the same system, with the same key.
    pub fn group(&self) -> (u16, Mac, u16) {
        (self.system_priority, self.system, self.key)
    }
}

/// An LACPDU: who sent it, and what that one knows of the other side.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Lacpdu {
    /// The sender.
    pub actor: Side,
    /// Whom it has heard.
    pub partner: Side,
}

/// Reads the payload of a frame of EtherType [`SLOW`]. None: it is not LACP, or it is cut short.
pub fn parse(payload: &[u8]) -> Option<Lacpdu> {
    let [subtype, version, rest @ ..] = payload else { return None };
    if *subtype != SUBTYPE || *version == 0 {
        return None;
    }
    let (actor, rest) = side(1, rest)?;
    let (partner, _) = side(2, rest)?;
    // A multicast address or none at all is no system: nobody could be told by it.
    (!actor.system.is_zero() && actor.system.0[0] & 1 == 0).then_some(Lacpdu { actor, partner })
}

/// The information TLV of this type, which must come next, and what follows it.
fn side(kind: u8, bytes: &[u8]) -> Option<(Side, &[u8])> {
    let (tlv, rest) = bytes.split_first_chunk::<{ INFORMATION as usize }>()?;
    let [t, l, p0, p1, m0, m1, m2, m3, m4, m5, k0, k1, q0, q1, n0, n1, state, _, _, _] = *tlv;
    if t != kind || l != INFORMATION {
        return None;
    }
    let side = Side {
        system: Mac([m0, m1, m2, m3, m4, m5]),
        system_priority: u16::from_be_bytes([p0, p1]),
        key: u16::from_be_bytes([k0, k1]),
        port: u16::from_be_bytes([n0, n1]),
        port_priority: u16::from_be_bytes([q0, q1]),
        state: LacpState(state),
    };
    Some((side, rest))
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// The payload of an LACPDU as a switch sends it: 110 bytes.
    pub(crate) fn payload(pdu: &Lacpdu) -> Vec<u8> {
        let mut bytes = vec![SUBTYPE, 1];
        for (kind, side) in [(1, pdu.actor), (2, pdu.partner)] {
            bytes.extend([kind, INFORMATION]);
            bytes.extend(side.system_priority.to_be_bytes());
            bytes.extend(side.system.0);
            bytes.extend(side.key.to_be_bytes());
            bytes.extend(side.port_priority.to_be_bytes());
            bytes.extend(side.port.to_be_bytes());
            bytes.extend([side.state.0, 0, 0, 0]);
        }
        // Collector information, terminator, reserved.
        bytes.extend([3, 16]);
        bytes.resize(110, 0);
        bytes
    }

    fn sample() -> Lacpdu {
        let side = |last, key, state| Side {
            system: Mac([2, 0, 0, 0, 0, last]),
            system_priority: 0x8000,
            key,
            port: 7,
            port_priority: 255,
            state: LacpState(state),
        };
        Lacpdu { actor: side(1, 42, 0x3d), partner: side(2, 9, 0x0f) }
    }

    #[test]
    fn both_sides_are_read() {
        assert_eq!(parse(&payload(&sample())), Some(sample()));
        let mut second = payload(&sample());
        second[1] = 2;
        second.extend([4, 4, 0, 0]);
        assert_eq!(parse(&second), Some(sample()), "version 2 has more behind it");
        assert_eq!(parse(&payload(&sample())[..42]), Some(sample()), "all that is needed");
        assert_eq!(sample().actor.group(), (0x8000, Mac([2, 0, 0, 0, 0, 1]), 42));
    }

    #[test]
    fn what_is_none_is_dropped() {
        let good = payload(&sample());
        for length in 0..42 {
            assert_eq!(parse(&good[..length]), None, "{length} bytes");
        }
        // Subtype (a marker), version, type and length of either TLV, a multicast system.
        for (place, value) in [(0, 2), (1, 0), (2, 2), (3, 19), (22, 1), (23, 255), (6, 3)] {
            let mut bad = good.clone();
            bad[place] = value;
            assert_eq!(parse(&bad), None, "byte {place} is {value}");
        }
        let nobody = Lacpdu { actor: Side::default(), partner: Side::default() };
        assert_eq!(parse(&payload(&nobody)), None);
    }
}
