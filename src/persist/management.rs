//! XCP-ng's `/etc/firstboot.d/data/management.conf`: the two lines from which xapi makes the bond on its first boot.
//!
//! The file has two readers that disagree: networkd's takes the first of equal keys and trims only `'`, network-init is
//! bash and takes the last. So: two lines, in single quotes, nothing else on them.

use super::{Device, File, Kept, Kind, Rendered};
use crate::plan::{Bond, Mode, Options};
use crate::settle::is_temporary;
use crate::words::names::is_glob;

/// What xapi takes as a bond.
const FEWEST: usize = 2;
const MOST: usize = 4;

/// What xapi lacks for such a bond; none: it can do it.
fn why_not(name: &str, mode: Mode, ports: usize) -> Option<String> {
    let reason = if xapi_mode(mode).is_none() {
        format!("mode {} is none of lacp, active-backup, balance-slb: choose another mode", mode.name())
    } else if !(FEWEST..=MOST).contains(&ports) {
        format!("the number of its ports is {ports}, and xapi wants {FEWEST} to {MOST}")
    } else {
        return None;
    };
    Some(format!("xapi can't make {name}: {reason}"))
}

/// The same from the words alone: ports whose number they leave open are not counted.
pub fn why_not_of_words(bond: &Bond) -> Option<String> {
    let open = bond.ports.iter().any(|port| is_glob(port) || matches!(port.as_str(), "all" | "auto"));
    why_not(&bond.name, bond.mode, if open { FEWEST } else { bond.ports.len() })
}

/// xapi's name of a mode. Its third, balance-slb, is Open vSwitch's own; the kernel has none like it.
fn xapi_mode(mode: Mode) -> Option<&'static str> {
    match mode {
        Mode::Lacp => Some("lacp"),
        Mode::ActiveBackup => Some("active-backup"),
        _ => None,
    }
}

/// The two lines. `label`: the NIC in the file's LABEL, which must be the first member.
pub(super) fn render(kept: &Kept, label: Option<&str>) -> Result<Rendered, String> {
    let mut bonds = kept.devices.iter().filter_map(|device| match &device.kind {
        Kind::Bond(mode, options) => Some((device.id.as_str(), *mode, lost(options, device.mtu))),
        _ => None,
    });
    // xapi, and the unit of 8.2, would wait for a port that is not there, and make no bond at all. So with a name that
    // the installer has not changed: the installed system gives it another one.
    let there = |port: &&Device| !kept.absent.contains(&port.id) && !is_temporary(&port.id);
    let has =
        |bond: &str, label: &str| kept.ports(bond).filter(there).any(|port| port.named && port.id == label);
    let chosen = match label {
        None => bonds.next(),
        Some(label) => bonds.find(|(bond, ..)| has(bond, label)),
    };
    let Some((bond, mode, lost)) = chosen else {
        let label = crate::escape::printable(label.unwrap_or("LABEL"));
        return Err(format!(
            "{label} is no port of the bond: the installed system's management is elsewhere"
        ));
    };
    let mut members = Vec::new();
    for port in kept.ports(bond).filter(there) {
        if !port.named {
            return Err(format!("{bond}: xapi wants names, and the port {} has none here", port.id));
        }
        // LABEL's NIC first, the rest in order.
        let at = if label == Some(port.id.as_str()) { 0 } else { members.len() };
        members.insert(at, port.id.as_str());
    }
    let absent = kept.ports(bond).filter(|port| !there(port));
    let why = |port: &Device| match is_temporary(&port.id) {
        true => "has no final name, as the installer does not know it",
        false => "is not there",
    };
    let left_out = |port: &Device| format!("{} {}: left out of {bond}", port.id, why(port));
    let notes: Vec<String> = absent.map(left_out).collect();
    let name = match (why_not(bond, mode, members.len()), xapi_mode(mode)) {
        (None, Some(name)) => name,
        (why, _) => return Err(why.into_iter().chain(notes).collect::<Vec<_>>().join("; ")),
    };
    let text = format!("BOND_MODE='{name}'\nBOND_MEMBERS='{}'\n", members.join(","));
    let file = File { path: "etc/firstboot.d/data/management.conf".into(), mode: 0o644, text, aside: false };
    Ok(Rendered { files: vec![file], lost, notes })
}

/// Options that somebody wrote: Open vSwitch makes the bond, with its own. The MTU is one of xapi's network.
fn lost(options: &Options, mtu: Option<u32>) -> Vec<String> {
    let by_default = [("miimon", "100"), ("lacp_rate", "fast")];
    let written = options.0.iter().filter(|(name, value)| !by_default.contains(&(name, value.as_str())));
    let written = written.map(|(name, value)| format!("{name}={value}"));
    written.chain(mtu.map(|mtu| format!("the MTU of {mtu}"))).collect()
}
