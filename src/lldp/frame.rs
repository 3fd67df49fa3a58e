//! LLDPDUs, as they come from the wire (IEEE 802.1AB-2016 clause 8). (pure)
//!
//! Chassis, port and lifetime are needed, and stand first; of the rest port description, system name and the VLANs of
//! 802.1 are read. A TLV whose length can't be is passed over; what is cut short, or lacks its end, counts as far as it
//! goes. Whatever text comes in goes out printable and short.

use std::net::IpAddr;

use crate::escape;
use crate::mac::Mac;

/// EtherType of LLDP.
pub const LLDP: u16 = 0x88cc;

/// More TLVs than this no frame of a switch has.
const MOST_TLVS: usize = 128;
/// VLANs that are told of a port; a trunk may have thousands.
pub const MOST_VLANS: usize = 16;
/// Text is cut after so many letters: a line of a console has eighty.
const LONGEST_TEXT: usize = 40;

/// What one LLDPDU says.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Lldpdu {
    /// Chassis id: a MAC or IP address, or text.
    pub chassis: String,
    /// Port id, the same.
    pub port: String,
    /// The port id is a name of the switch's own (`Ethernet1/7`), and no address or number.
    pub port_is_name: bool,
    /// Seconds for which this holds; 0: it holds no more.
    pub ttl: u16,
    /// Port description.
    pub description: Option<String>,
    /// System name.
    pub system: Option<String>,
    /// Port VLAN id of 802.1: where untagged frames go.
    pub vlan: Option<u16>,
    /// VLANs of which the port tells names, in the order of the frame.
    pub vlans: Vec<u16>,
}

/// Reads the payload of a frame of EtherType [`LLDP`]. None: chassis, port and lifetime do not stand first.
pub fn parse(payload: &[u8]) -> Option<Lldpdu> {
    let mut tlvs = Tlvs(payload);
    let mut mandatory = |kind| tlvs.next().filter(|(found, value)| *found == kind && !value.is_empty());
    let (_, chassis) = mandatory(1)?;
    let (_, port) = mandatory(2)?;
    let (_, ttl) = mandatory(3)?;
    let ttl = u16::from_be_bytes(*ttl.first_chunk()?);
    let (kind, id) = port.split_first()?;
    let mut pdu = Lldpdu {
        chassis: chassis_id(chassis)?,
        port: port_id(*kind, id)?,
        // Interface alias, interface name, locally assigned; some number their ports in the last.
        port_is_name: matches!(kind, 1 | 5 | 7) && id.iter().any(|byte| !byte.is_ascii_digit()),
        ttl,
        ..Lldpdu::default()
    };
    for (kind, value) in tlvs.take(MOST_TLVS) {
        match kind {
            4 => pdu.description = text(value),
            5 => pdu.system = text(value),
            127 => organisation(value, &mut pdu),
            _ => {}
        }
    }
    Some(pdu)
}

/// What organisations add: of IEEE 802.1's the port VLAN id (subtype 1) and VLAN names (3).
fn organisation(value: &[u8], pdu: &mut Lldpdu) {
    const IEEE_802_1: [u8; 3] = [0x00, 0x80, 0xc2];
    let Some(([a, b, c, subtype], rest)) = value.split_first_chunk() else { return };
    let Some(id) = rest.first_chunk().map(|id| u16::from_be_bytes(*id)) else { return };
    if [*a, *b, *c] != IEEE_802_1 || id > 4094 {
        return;
    }
    match subtype {
        // 0: not known, or not supported.
        1 if rest.len() == 2 => pdu.vlan = Some(id).filter(|id| *id != 0),
        3 if id != 0 && pdu.vlans.len() < MOST_VLANS && !pdu.vlans.contains(&id) => pdu.vlans.push(id),
        _ => {}
    }
}

/// A chassis id by its subtype (8.5.2.2).
fn chassis_id(value: &[u8]) -> Option<String> {
    let (subtype, id) = value.split_first()?;
    match subtype {
        4 => address(id, Mac::from_bytes),
        5 => network(id),
        _ => text(id),
    }
}

/// A port id by its subtype (8.5.3.2).
fn port_id(subtype: u8, id: &[u8]) -> Option<String> {
    match subtype {
        3 => address(id, Mac::from_bytes),
        4 => network(id),
        _ => text(id),
    }
}

/// As a MAC; what has another length is shown as the text that it may be.
fn address(id: &[u8], read: fn(&[u8]) -> Option<Mac>) -> Option<String> {
    read(id).map_or_else(|| text(id), |mac| Some(mac.to_string()))
}

/// A family of IANA's (1: IPv4, 2: IPv6) and an address of it.
fn network(id: &[u8]) -> Option<String> {
    let (family, rest) = id.split_first()?;
    let address = match family {
        1 => <[u8; 4]>::try_from(rest).ok().map(IpAddr::from),
        2 => <[u8; 16]>::try_from(rest).ok().map(IpAddr::from),
        _ => None,
    };
    address.map_or_else(|| text(id), |address| Some(address.to_string()))
}

/// Printable, short, without blanks and NULs around it; none: there is nothing to show.
fn text(value: &[u8]) -> Option<String> {
    // What is cut off later need not be escaped before.
    let head = &value[..value.len().min(LONGEST_TEXT * 4)];
    let is_filler = |byte: &u8| byte.is_ascii_whitespace() || *byte == 0;
    let start = head.iter().position(|byte| !is_filler(byte))?;
    let end = head.iter().rposition(|byte| !is_filler(byte))?;
    let shown = escape::bytes(&head[start..=end]);
    let short: String = shown.chars().take(LONGEST_TEXT).collect();
    Some(if short.len() < shown.len() { short + "…" } else { short })
}

/// Type and value, one after the other: seven bits of type, nine of length.
struct Tlvs<'a>(&'a [u8]);

impl<'a> Iterator for Tlvs<'a> {
    type Item = (u8, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let (header, rest) = self.0.split_first_chunk::<2>()?;
        let [high, low] = *header;
        let (kind, length) = (high >> 1, usize::from(high & 1) << 8 | usize::from(low));
        // The end; or more than there is.
        let value = rest.get(..length).filter(|_| kind != 0)?;
        self.0 = &rest[length..];
        Some((kind, value))
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn tlv(kind: u8, value: &[u8]) -> Vec<u8> {
        let length = u16::try_from(value.len()).unwrap();
        let mut bytes = (u16::from(kind) << 9 | length).to_be_bytes().to_vec();
        bytes.extend(value);
        bytes
    }

    /// A frame of a switch: its name, port and seconds, and what is put between these and the end.
    pub(crate) fn payload(system: &str, port: &str, ttl: u16, more: &[Vec<u8>]) -> Vec<u8> {
        let chassis = tlv(1, &[4, 2, 0, 0, 0, 0, 9]);
        let port = tlv(2, &[&[5], port.as_bytes()].concat());
        let name = tlv(5, system.as_bytes());
        [chassis, port, tlv(3, &ttl.to_be_bytes()), name, more.concat(), vec![0, 0]].concat()
    }

    #[test]
    fn a_switch_tells_who_it_is() {
        let more = [
            tlv(4, b"rack 3, server 12"),
            tlv(127, &[0, 0x80, 0xc2, 1, 0, 42]),
            tlv(127, &[0, 0x80, 0xc2, 3, 0, 43, 4, b'v', b'm', b'4', b'3']),
            tlv(127, &[0, 0x80, 0xc2, 3, 0, 43, 0]),
            tlv(127, &[0, 0x12, 0x0f, 1, 3]),
            tlv(8, &[5, 1, 192, 0, 2, 1, 2, 0, 0, 0, 0, 0]),
        ];
        let expected = Lldpdu {
            chassis: "02:00:00:00:00:09".into(),
            port: "Ethernet1/7".into(),
            port_is_name: true,
            ttl: 120,
            description: Some("rack 3, server 12".into()),
            system: Some("sw-rack3".into()),
            vlan: Some(42),
            vlans: vec![43],
        };
        let bytes = payload("sw-rack3", "Ethernet1/7", 120, &more);
        assert_eq!(parse(&bytes), Some(expected.clone()));
        assert_eq!(parse(&bytes[..bytes.len() - 2]), Some(expected), "an end that is missing");
    }

    #[test]
    fn ids_by_their_subtype() {
        let id = |chassis: &[u8], port: &[u8]| {
            let bytes = [tlv(1, chassis), tlv(2, port), tlv(3, &[0, 120])].concat();
            parse(&bytes).map(|pdu| (pdu.chassis, pdu.port, pdu.port_is_name))
        };
        let name = |chassis: &str, port: &str, is_name| Some((chassis.into(), port.into(), is_name));
        assert_eq!(
            id(&[4, 2, 0, 0, 0, 0, 9], &[3, 2, 0, 0, 0, 0, 8]),
            name("02:00:00:00:00:09", "02:00:00:00:00:08", false)
        );
        assert_eq!(id(&[5, 1, 192, 0, 2, 1], b"\x07ge-0/0/1"), name("192.0.2.1", "ge-0/0/1", true));
        assert_eq!(id(b"\x07rack", b"\x0712"), name("rack", "12", false), "a number is no name");
        assert_eq!(id(&[5, 9, 7], &[4, 1, 2]), name("\\x07", "\\x01\\x02", false), "of the wrong length");
        assert_eq!(id(&[4], b"\x05e"), None);
        assert_eq!(id(&[], b"\x05e"), None);
    }

    #[test]
    fn what_the_lengths_say_is_not_believed() {
        let good = payload("sw", "e1", 120, &[tlv(127, &[0, 0x80, 0xc2, 1, 0, 42])]);
        for length in 0..good.len() {
            // Chassis, port, TTL: 9 + 5 + 4 bytes.
            assert_eq!(parse(&good[..length]).is_some(), length >= 18, "{length} bytes");
        }
        let vlan = |value: &[u8]| parse(&payload("sw", "e1", 120, &[tlv(127, value)])).unwrap();
        for bad in [
            &[][..],
            &[0],
            &[0, 0x80, 0xc2, 1],
            &[0, 0x80, 0xc2, 1, 0],
            &[0, 0x80, 0xc2, 1, 0xff, 1],
            &[0, 0x80, 0xc2, 1, 0, 0],
        ] {
            assert_eq!((vlan(bad).vlan, vlan(bad).vlans), (None, vec![]), "{bad:?}");
        }
        let many: Vec<_> = (1..4000_u16)
            .map(|id| tlv(127, &[&[0, 0x80, 0xc2, 3][..], &id.to_be_bytes(), &[0]].concat()))
            .collect();
        assert_eq!(parse(&payload("sw", "e1", 120, &many)).unwrap().vlans.len(), MOST_VLANS);
        let order = [tlv(2, b"\x05e1"), tlv(1, b"\x07c"), tlv(3, &[0, 1])].concat();
        assert_eq!(parse(&order), None, "out of order");
        let long = tlv(5, &[b'x'; 511]);
        assert_eq!(parse(&payload("", "e1", 1, &[long])).unwrap().system, Some("x".repeat(40) + "…"));
    }

    #[test]
    fn nothing_acts_on_a_terminal() {
        let pdu = parse(&payload("\u{1b}[2Jsw\n\0\0", " e1\u{202e}", 1, &[])).unwrap();
        assert_eq!(pdu.system.as_deref(), Some("\\x1b[2Jsw"));
        assert_eq!(pdu.port, "e1\\u{202e}");
        assert_eq!(parse(&payload("\0 \0", "e1", 1, &[])).unwrap().system, None);
    }
}
