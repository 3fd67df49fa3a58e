//! Bonds: several words for one joined, modes and defaults settled, options that the mode refuses left out.

use std::collections::{BTreeMap, BTreeSet};

use super::{Bond, Mode, Options};
use crate::mac::Mac;
use crate::words::names;
use crate::words::options::BondOption;
use crate::words::problems::Problems;
use crate::words::spec::{BondSpec, OptionSpec};

/// One spec for each bond: ports join, later options win.
pub fn join(specs: Vec<BondSpec>, problems: &mut Problems) -> Vec<BondSpec> {
    let mut joined: Vec<BondSpec> = Vec::new();
    let mut ports: Vec<BTreeSet<String>> = Vec::new();
    let mut by_name: BTreeMap<String, usize> = BTreeMap::new();
    for spec in specs {
        let BondSpec { name, place, ports: more_ports, mode, options, mtu } = spec;
        let Some(&at) = by_name.get(&name) else {
            by_name.insert(name.clone(), joined.len());
            ports.push(more_ports.iter().map(|port| port.text.clone()).collect());
            joined.push(BondSpec { name, place, ports: more_ports, mode, options, mtu });
            continue;
        };
        let message = format!(
            "bond=: {name} is named twice, so the ports are joined and later options win: write one bond={name}:..."
        );
        problems.warning(place, message);
        if let (Some(first), Some(known)) = (joined.get_mut(at), ports.get_mut(at)) {
            first.ports.extend(more_ports.into_iter().filter(|port| known.insert(port.text.clone())));
            first.mode = mode.or(first.mode);
            first.options.extend(options);
            first.mtu = mtu.or(first.mtu);
        }
    }
    joined
}

/// The bond that a spec comes to. `bondmode` is for those that name no mode.
pub fn settle(spec: &BondSpec, bondmode: Option<Mode>, problems: &mut Problems) -> Bond {
    let mode = spec.mode.or(bondmode).unwrap_or_default();
    let mut chosen: BTreeMap<u16, OptionSpec> = BTreeMap::new();
    for option in &spec.options {
        chosen.insert(option.option.attribute, option.clone());
    }
    chosen.retain(|_, spec| {
        let allowed = spec.option.allowed_in(mode);
        if !allowed {
            let message = format!(
                "bond=: mode {} does not take {}, it is left out: remove it or choose another mode",
                mode.name(),
                spec.option.name
            );
            problems.warning(spec.place, message);
        }
        allowed
    });
    check_ports(spec, &chosen, problems);
    let mut options = Options(chosen.values().map(|spec| (spec.option.name, spec.value.clone())).collect());
    monitoring(&chosen, &mut options, problems);
    if mode == Mode::Lacp && options.get("lacp_rate").is_none() {
        // A partner that goes away shows after 3 s and not after 90 s.
        set(&mut options, "lacp_rate", "fast");
    }
    let ports = spec.ports.iter().map(|port| port.text.clone()).collect();
    Bond { name: spec.name.clone(), mode, ports, options, mtu: spec.mtu, mac: None }
}

/// Link monitoring is either by carrier (miimon) or by ARP; the driver does not start with both
/// (`bond_changelink()`, which wants no miimon beside arp_validate either), and the delays need the former
/// (`_bond_option_delay_set()`).
fn monitoring(chosen: &BTreeMap<u16, OptionSpec>, options: &mut Options, problems: &mut Problems) {
    let of = |name: &str| BondOption::named(name).and_then(|option| chosen.get(&option.attribute));
    let is_on = |spec: Option<&OptionSpec>| spec.filter(|spec| spec.value != "0").is_some();
    let (miimon, arp) = (of("miimon"), of("arp_interval"));
    if let (true, Some(arp), Some(miimon)) = (is_on(miimon) && is_on(arp), arp, miimon) {
        let message = "bond=: miimon and arp_interval exclude each other: write one of them";
        problems.error(arp.place.max(miimon.place), message);
    }
    if miimon.is_none() && !is_on(arp) {
        set(options, "miimon", "100");
    }
    let has_miimon = options.get("miimon").is_some_and(|miimon| miimon != "0");
    let mut needs = |names: &[&str], needed: &str, right: &str| {
        for name in names {
            if let Some(spec) = of(name).filter(|_| options.get(name).is_some_and(|value| value != "none")) {
                options.0.retain(|(option, _)| option != name);
                let message =
                    format!("bond=: {name} needs {needed} and is left out: remove it or write {right}");
                problems.warning(spec.place, message);
            }
        }
    };
    if !is_on(arp) {
        needs(&["arp_validate"], "arp_interval", "arp_interval=100 in place of miimon");
    }
    if !has_miimon {
        needs(&["updelay", "downdelay", "peer_notif_delay"], "miimon", "miimon=100");
    }
}

/// `primary` and `active_slave` must be ports, as far as the words tell.
fn check_ports(spec: &BondSpec, chosen: &BTreeMap<u16, OptionSpec>, problems: &mut Problems) {
    let vague = |port: &str| names::is_glob(port) || matches!(port, "all" | "auto");
    let is_mac = |port: &str| port.parse::<Mac>().is_ok();
    for name in ["active_slave", "primary"] {
        let option = BondOption::named(name).and_then(|option| chosen.get(&option.attribute));
        let Some(OptionSpec { value, place, .. }) = option else { continue };
        let may_be = spec.ports.iter().any(|port| {
            let port = port.text.as_str();
            port == value || vague(port) || is_mac(port) != is_mac(value)
        });
        if !may_be {
            let message = format!(
                "bond=: {name} can't be {value}, which is not a port of {}: write one of its ports",
                spec.name
            );
            problems.error(*place, message);
        }
    }
}

/// Puts an option in the place that its attribute number gives it.
fn set(options: &mut Options, name: &str, value: &str) {
    let Some(option) = BondOption::named(name) else { return };
    let number = |name: &str| BondOption::named(name).map_or(0, |option| option.attribute);
    let at = options.0.iter().take_while(|(other, _)| number(other) < option.attribute).count();
    options.0.insert(at, (option.name, value.to_owned()));
}
