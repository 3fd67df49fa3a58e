//! What is odd in a plan though legal, and what some words come to where that does not show: sentences for `plan`.
//!
//! Not here: problems. Nothing that stands here is wrong, and `up` does not say it.

use std::collections::BTreeSet;

use super::devices::unbuilt_vlan;
use super::{Bond, Interface, Method4, Method6, Mode, Plan, Vlan};
use crate::mac::Mac;
use crate::words::{address, names};

/// What a [`Plan`] does not tell of its words.
#[derive(Default, Debug)]
pub struct Said {
    /// There is an `ip=`.
    pub ip: bool,
    /// `ip=` words that name no device, as written.
    pub ip_without_device: Vec<String>,
    /// Bonds that name no mode, where `bondmode=` does.
    pub by_bondmode: Vec<String>,
    /// Words of ours that count for nothing, as written: others replace them.
    pub replaced: Vec<String>,
}

/// So many are told.
const TOLD: usize = 20;

/// Options that the driver takes in every mode, and the modes in which they do something (bonding.rst).
const ONLY_IN: [(&str, &[Mode]); 8] = [
    ("arp_all_targets", &[Mode::ActiveBackup]),
    ("primary_reselect", &[Mode::ActiveBackup, Mode::BalanceTlb, Mode::BalanceAlb]),
    ("fail_over_mac", &[Mode::ActiveBackup]),
    ("xmit_hash_policy", &[Mode::BalanceXor, Mode::Lacp, Mode::BalanceTlb]),
    ("resend_igmp", &[Mode::BalanceRr, Mode::ActiveBackup, Mode::BalanceTlb, Mode::BalanceAlb]),
    ("min_links", &[Mode::Lacp]),
    ("lp_interval", &[Mode::BalanceTlb, Mode::BalanceAlb]),
    ("ad_select", &[Mode::Lacp]),
];

/// Values that are odd in any mode that takes them.
const VALUES: [(&str, &str, &str); 3] = [
    ("lacp_rate", "slow", "a partner that is gone is noticed after 90 s, not 3 s"),
    ("lacp_active", "0", "nobody begins where the switch is passive too"),
    ("use_carrier", "0", "kernels from 6.18 on refuse it"),
];

/// The sentences, each put together from its pieces: one small call for each keeps the program small.
#[derive(Default)]
struct Notes(Vec<String>);

impl Notes {
    #[inline(never)]
    fn say(&mut self, pieces: &[&str]) {
        self.0.push(pieces.concat());
    }
}

/// One sentence for each oddity. None where the plan has errors: it is not whole then.
pub fn notes(plan: &Plan, said: &Said) -> Vec<String> {
    if !plan.active || plan.has_errors() {
        return Vec::new();
    }
    let mut notes = Notes::default();
    for word in &said.replaced {
        notes.say(&[word, " counts for nothing: another word replaces it"]);
    }
    for bond in &plan.bonds {
        // Where it is that of them all, it is plain.
        if said.by_bondmode.len() < plan.bonds.len() && said.by_bondmode.contains(&bond.name) {
            notes.say(&[&bond.name, " names no mode: it is that of bondmode="]);
        }
        of_bond(bond, &mut notes);
    }
    of_devices(plan, said, &mut notes);
    of_addresses(plan, &mut notes);
    let Notes(mut notes) = notes;
    if notes.len() > TOLD {
        notes.truncate(TOLD);
        notes.push("and more".into());
    }
    notes
}

fn of_bond(bond: &Bond, notes: &mut Notes) {
    let Bond { name, mode, ports, options, .. } = bond;
    let is_one = |port: &String| !names::is_glob(port) && !matches!(port.as_str(), "all" | "auto");
    let counted = ports.iter().all(is_one);
    if counted && ports.len() == 1 {
        notes.say(&[name, " has one port: there is no second cable that could take over"]);
    }
    if names::looks_like_nic(name) {
        notes.say(&[
            name,
            " is the bond's name: if it is a port, write bond=bond0:",
            name,
            ",",
            &ports.join(","),
        ]);
    }
    for port in ports.iter().filter(|port| port.len() == 12 && port.bytes().all(|b| b.is_ascii_hexdigit())) {
        notes.say(&[port, " is taken as a name: a MAC has dashes"]);
    }
    if matches!(mode, Mode::BalanceRr | Mode::BalanceXor | Mode::Broadcast) {
        let behind = " speaks no LACP: the switch needs a static group, an LACP group is silent";
        notes.say(&["mode ", mode.name(), behind]);
    }
    for (option, value, sentence) in VALUES {
        if options.get(option) == Some(value) {
            notes.say(&[option, "=", value, ": ", sentence]);
        }
    }
    let is_on = |option: &str| options.get(option).is_some_and(|value| value != "0");
    if !is_on("miimon") && !is_on("arp_interval") {
        notes.say(&["miimon=0: ", name, " does not notice a cable that is pulled"]);
    }
    if is_on("arp_interval") && options.get("arp_ip_target").or(options.get("ns_ip6_target")).is_none() {
        notes.say(&["arp_interval without arp_ip_target: nobody is asked, so no port is seen to be up"]);
    }
    if let (true, Some(least), Mode::Lacp) = (counted, options.get("min_links"), mode)
        && address::digits(least).is_some_and(|least| least > ports.len() as u64)
    {
        notes.say(&["min_links=", least, ": ", name, " has fewer ports and never gets a carrier"]);
    }
    for (option, modes) in ONLY_IN {
        if options.get(option).is_some() && !modes.contains(mode) {
            notes.say(&[option, " has no effect in mode ", mode.name()]);
        }
    }
}

/// Which device is meant where no word says it, and devices that no word builds.
fn of_devices(plan: &Plan, said: &Said, notes: &mut Notes) {
    let [mut built, mut beneath, mut addressed] = [const { BTreeSet::<&str>::new() }; 3];
    for bond in &plan.bonds {
        built.insert(&bond.name);
    }
    for vlan in &plan.vlans {
        built.insert(&vlan.name);
        beneath.insert(&vlan.link);
    }
    for bridge in &plan.bridges {
        built.insert(&bridge.name);
        for port in &bridge.ports {
            beneath.insert(port);
        }
    }
    for interface in &plan.interfaces {
        addressed.insert(&interface.name);
    }
    if let (false, [only]) = (said.ip, plan.interfaces.as_slice()) {
        notes.say(&["there is no ip=: ", &only.name, " gets DHCPv4"]);
    }
    let top = || addressed.iter().copied().find(|name| built.contains(name) && !beneath.contains(name));
    // Where bootdev= names a port, a warning says what is meant.
    let meant = match plan.bootdev.as_deref() {
        Some(name) => addressed.get(name).copied(),
        None => top(),
    };
    if let (Some(meant), true) = (meant, built.len() > 1 || plan.bootdev.is_some()) {
        for word in &said.ip_without_device {
            notes.say(&[word, " names no device: ", meant, " is meant"]);
        }
    }
    for name in addressed.iter().copied().filter(|name| !built.contains(name)) {
        if name.starts_with("bond") && unbuilt_vlan(name, |name| plan.builds(name)).is_none() {
            notes.say(&["no bond= builds ", name, ": it would have to be there already"]);
        }
    }
    for Vlan { name, link, .. } in &plan.vlans {
        if !built.contains(link.as_str()) && !names::looks_like_nic(link) && !names::is_bond_by_number(link) {
            let behind = " stands: it would have to be there already";
            notes.say(&["no word builds ", link, ", on which ", name, behind]);
        }
    }
    for Bond { name, ports, .. } in &plan.bonds {
        if !addressed.contains(name.as_str()) && !beneath.contains(name.as_str()) {
            let is_known = |port: &String| {
                port.parse::<Mac>().is_ok() || plan.renames.iter().any(|rename| rename.name == *port)
            };
            let by_mac = plan.interfaces.iter().find(|interface| interface.match_mac.is_some());
            let by_mac = by_mac.filter(|_| !ports.iter().all(is_known));
            let (unless, mac) =
                by_mac.map_or(("", ""), |interface| (", unless one of its ports is ", &interface.name));
            notes.say(&["no ip= is for ", name, ": it is built and gets no address", unless, mac]);
        }
    }
    for rename in &plan.renames {
        if rename.name.strip_prefix("eth").and_then(address::digits).is_some() {
            let behind = ": the kernel gives such names too, another NIC may have it";
            notes.say(&["ifname=", &rename.name, behind]);
        }
    }
}

fn of_addresses(plan: &Plan, notes: &mut Notes) {
    let (mut has_static, mut has_lease, mut has_gateway) = (false, false, false);
    let mut has_dns = !plan.dns.is_empty();
    for interface in &plan.interfaces {
        let Interface { name, ipv4, ipv6, mtu, dns, .. } = interface;
        has_static |= ipv4.method == Method4::Static || ipv6.method == Method6::Static;
        has_lease |= ipv4.method == Method4::Dhcp
            || matches!(ipv6.method, Method6::Auto | Method6::Dhcp | Method6::Either);
        has_gateway |= ipv4.gateway.is_some() || ipv6.gateway.is_some();
        has_dns |= !dns.is_empty();
        for network in &ipv4.addresses {
            let address = network.ip();
            if network.prefix() < 31 && (address == network.network() || address == network.broadcast()) {
                let behind = " is the first or last address of its network: no host should have it";
                notes.say(&[&network.to_string(), behind]);
            }
        }
        let link = plan.vlans.iter().find(|vlan| vlan.name == *name).map(|vlan| &vlan.link);
        let bond = plan.bonds.iter().find(|bond| Some(&bond.name) == link);
        if let Some(Bond { name: link, mtu: Some(least), .. }) = bond
            && mtu.is_some_and(|mtu| mtu > *least)
        {
            notes.say(&[name, " has a larger MTU than ", link, ", which gets it too, as its ports do"]);
        }
    }
    if has_static && !has_lease && !has_gateway && plan.routes.is_empty() {
        notes.say(&["there is no GW: only the machine's own network is reached"]);
    }
    if !has_dns && (has_static && !has_lease || has_lease && !plan.peerdns) {
        notes.say(&["there is no name server: write nameserver="]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::words::options::BondOption;

    #[test]
    fn options_in_the_table_are_options() {
        for (name, modes) in ONLY_IN {
            let option = BondOption::named(name).expect("the driver has it");
            assert!(Mode::ALL.into_iter().all(|mode| option.allowed_in(mode)), "{name}");
            assert!(!modes.is_empty() && modes.len() < Mode::ALL.len(), "{name}");
        }
    }
}
