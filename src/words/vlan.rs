//! `vlan=NAME:LINK`, `bridge=NAME:PORTS` and `ifname=NAME:MAC`: devices made or named by one short word.

use super::problems::{Problems, quoted};
use super::spec::{BridgeSpec, PortSpec, VlanSpec};
use super::split::{Place, Text};
use super::{address, names, ports};
use crate::plan::Rename;

/// One `vlan=`. The id is what the digits at the end of NAME say, in decimal: all four styles of names in
/// dracut.cmdline(7) end in it (`vlan0005`, `vlan5`, `eth0.0005`, `eth0.5`).
pub fn vlan(value: Text<'_>, problems: &mut Problems) -> Option<VlanSpec> {
    let fields = value.fields();
    let (name, link) = match fields.as_slice() {
        [name, number, ..] if !name.text.is_empty() && address::digits(number.text).is_some() => {
            let base = name.text.split_once('.').map_or(name.text, |(base, _)| base);
            let id = vlan_id(number.text).unwrap_or(42);
            let shown = quoted(value.text);
            let message = format!(
                "vlan=: {shown} has an id where its link belongs: write such as vlan={base}.{id}:{base}"
            );
            problems.error(number.place, message);
            return None;
        }
        [name, link, ..] if !name.text.is_empty() && !link.text.is_empty() => (*name, *link),
        _ => {
            let base = fields.first().and_then(|name| name.text.rsplit_once('.'));
            let right =
                base.map_or("vlan=bond0.42:bond0".into(), |(base, id)| format!("vlan={base}.{id}:{base}"));
            let message =
                format!("vlan=: {} is not a VLAN and its link: write such as {right}", quoted(value.text));
            problems.error(value.place, message);
            return None;
        }
    };
    surplus(&fields, 2, "vlan=NAME:LINK", problems);
    let vlan = names::interface(name, "vlan=", problems);
    let link_name = names::interface(link, "vlan=", problems);
    let id = id(name, problems);
    Some(VlanSpec { name: vlan?, place: name.place, link: link_name?, link_place: link.place, id: id? })
}

/// 1–4094: 0 is for priority tags, 4095 is reserved (IEEE 802.1Q table 9-2).
fn vlan_id(text: &str) -> Option<u16> {
    address::digits(text).filter(|id| (1..=4094).contains(id)).and_then(|id| id.try_into().ok())
}

/// The digits at the end of a name.
fn id(name: Text<'_>, problems: &mut Problems) -> Option<u16> {
    let before = name.text.trim_end_matches(|c: char| c.is_ascii_digit()).len();
    let digits = name.skip(before);
    if digits.text.is_empty() {
        let message = format!(
            "vlan=: the name {} does not end in a VLAN id: write such as bond0.42 or vlan42",
            quoted(name.text)
        );
        problems.error(name.place, message);
        return None;
    }
    let id = vlan_id(digits.text);
    if id.is_none() {
        let message = format!("vlan=: {} is not a VLAN id: write 1 to 4094", quoted(digits.text));
        problems.error(digits.place, message);
    }
    id
}

/// One `bridge=`, or a bare `bridge`: br0 of eth0 (dracut.cmdline(7)).
pub fn bridge(value: Option<Text<'_>>, word: Place, problems: &mut Problems) -> Option<BridgeSpec> {
    let fields = value.map(|value| value.fields()).unwrap_or_default();
    let (name, members) = match (value, fields.as_slice()) {
        (_, []) | (None, _) => {
            let ports = vec![PortSpec { text: "eth0".into(), place: word }];
            return Some(BridgeSpec { name: "br0".into(), place: word, ports });
        }
        (_, [name, members, ..]) if !name.text.is_empty() && !members.text.is_empty() => (*name, *members),
        (Some(value), _) => {
            let message = format!(
                "bridge=: {} is not a bridge and its ports: write such as br0:eth0",
                quoted(value.text)
            );
            problems.error(value.place, message);
            return None;
        }
    };
    surplus(&fields, 2, "bridge=NAME:PORTS", problems);
    let bridge = names::interface(name, "bridge=", problems);
    let ports = ports::parse(members, "bridge=", problems);
    let place = name.place;
    bridge.filter(|_| !ports.is_empty()).map(|name| BridgeSpec { name, place, ports })
}

/// One `ifname=`. The MAC may have colons, as dracut writes it, or dashes.
pub fn ifname(value: Text<'_>, problems: &mut Problems) -> Option<(Rename, Place)> {
    let Some((name, mac)) = value.split_once(':') else {
        let message = format!(
            "ifname=: {} is not a name and a MAC: write such as lan0:00:11:22:33:44:55",
            quoted(value.text)
        );
        problems.error(value.place, message);
        return None;
    };
    let new_name = names::interface(name, "ifname=", problems);
    let parsed = address::station_mac(mac.text.trim_end_matches(':'));
    if parsed.is_none() {
        let message =
            format!("ifname=: {} is not a NIC's MAC: write such as 00:11:22:33:44:55", quoted(mac.text));
        problems.error(mac.place, message);
    }
    Some((Rename { mac: parsed?, name: new_name? }, name.place))
}

/// Warns of the first field that is not empty behind the `most` that the word has.
fn surplus(fields: &[Text<'_>], most: usize, form: &str, problems: &mut Problems) {
    if let Some(field) = fields.iter().skip(most).find(|field| !field.text.is_empty()) {
        let (word, _) = form.split_once('=').unwrap_or((form, ""));
        let message =
            format!("{word}=: {} is one field too many and left out: write {form}", quoted(field.text));
        problems.warning(field.place, message);
    }
}
