//! What is odd in a plan though legal, and what some words come to where that does not show: sentences for `plan`.
//!
//! Not here: problems. Nothing that stands here is wrong, and `up` does not say it.

use std::collections::{BTreeMap, BTreeSet};

use super::{Bond, Interface, Level, Method4, Method6, Mode, Plan, Vlan};
use crate::words::names;

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

/// One sentence for each oddity. None where the plan has errors: it is not whole then.
pub fn notes(plan: &Plan, said: &Said) -> Vec<String> {
    if !plan.active || plan.problems.iter().any(|problem| problem.level == Level::Error) {
        return Vec::new();
    }
    let mut notes: Vec<String> = Vec::new();
    for word in &said.replaced {
        notes.push(format!("{word} counts for nothing: another word replaces it"));
    }
    for bond in &plan.bonds {
        // Where it is that of them all, it is plain.
        if said.by_bondmode.len() < plan.bonds.len() && said.by_bondmode.contains(&bond.name) {
            notes.push(format!("{} names no mode: it is that of bondmode=", bond.name));
        }
        of_bond(bond, &mut notes);
    }
    of_devices(plan, said, &mut notes);
    of_addresses(plan, &mut notes);
    if notes.len() > TOLD {
        let more = notes.len() - TOLD;
        notes.truncate(TOLD);
        notes.push(format!("and {more} more"));
    }
    notes
}

fn of_bond(bond: &Bond, notes: &mut Vec<String>) {
    let Bond { name, mode, ports, options, .. } = bond;
    let is_off = |option: &str| options.get(option) == Some("0");
    let is_on = |option: &str| options.get(option).is_some_and(|value| value != "0");
    let is_one = |port: &String| !names::is_glob(port) && !matches!(port.as_str(), "all" | "auto");
    let counted = ports.iter().all(is_one).then_some(ports.len());
    if counted == Some(1) {
        notes.push(format!("{name} has one port: there is no second cable that could take over"));
    }
    if matches!(mode, Mode::BalanceRr | Mode::BalanceXor | Mode::Broadcast) {
        let mode = mode.name();
        notes.push(format!(
            "mode {mode} speaks no LACP: the switch needs a static group, an LACP group is silent"
        ));
    }
    if options.get("lacp_rate") == Some("slow") {
        notes.push("lacp_rate=slow: a partner that is gone is noticed after 90 s, not 3 s".into());
    }
    if is_off("lacp_active") {
        notes.push("lacp_active=0: nobody begins where the switch is passive too".into());
    }
    if !is_on("miimon") && !is_on("arp_interval") {
        notes.push(format!("miimon=0: {name} does not notice a cable that is pulled"));
    }
    if is_off("use_carrier") {
        notes.push("use_carrier=0: kernels from 6.18 on refuse it".into());
    }
    if is_on("arp_interval") && options.get("arp_ip_target").or(options.get("ns_ip6_target")).is_none() {
        notes.push("arp_interval without arp_ip_target: nobody is asked, so no port is seen to be up".into());
    }
    let least = options.get("min_links").and_then(|least| least.parse::<usize>().ok());
    if let (Some(ports), Some(least), Mode::Lacp) = (counted, least, mode)
        && least > ports
    {
        notes.push(format!("min_links={least}: {name} has {ports} ports and never gets a carrier"));
    }
    for (option, modes) in ONLY_IN {
        if options.get(option).is_some() && !modes.contains(mode) {
            notes.push(format!("{option} has no effect in mode {}", mode.name()));
        }
    }
}

/// Which device is meant where no word says it, and devices that no word builds.
fn of_devices(plan: &Plan, said: &Said, notes: &mut Vec<String>) {
    let built: BTreeSet<&str> = (plan.bonds.iter().map(|bond| bond.name.as_str()))
        .chain(plan.bridges.iter().map(|bridge| bridge.name.as_str()))
        .chain(plan.vlans.iter().map(|vlan| vlan.name.as_str()))
        .collect();
    let beneath: BTreeSet<&str> = (plan.vlans.iter().map(|vlan| vlan.link.as_str()))
        .chain(plan.bridges.iter().flat_map(|bridge| bridge.ports.iter().map(String::as_str)))
        .collect();
    let addressed: BTreeSet<&str> = plan.interfaces.iter().map(|interface| interface.name.as_str()).collect();
    if let (false, [only]) = (said.ip, plan.interfaces.as_slice()) {
        notes.push(format!("there is no ip=: {} gets DHCPv4", only.name));
    }
    let top = || addressed.iter().copied().find(|name| built.contains(name) && !beneath.contains(name));
    if let (Some(meant), true) =
        (plan.bootdev.as_deref().or_else(top), built.len() > 1 || plan.bootdev.is_some())
    {
        for word in &said.ip_without_device {
            notes.push(format!("{word} names no device: {meant} is meant"));
        }
    }
    for Interface { name, .. } in
        plan.interfaces.iter().filter(|interface| !built.contains(interface.name.as_str()))
    {
        let base = name.rsplit_once('.').map(|(base, _)| base).filter(|base| built.contains(base));
        if let Some(base) = base {
            notes.push(format!("no vlan= builds {name}: write vlan={name}:{base}"));
        } else if name.starts_with("bond") {
            notes.push(format!("no bond= builds {name}: it would have to be there already"));
        }
    }
    for Vlan { name, link, .. } in plan.vlans.iter().filter(|vlan| !built.contains(vlan.link.as_str())) {
        if !names::looks_like_nic(link) {
            notes.push(format!(
                "no word builds {link}, on which {name} stands: it would have to be there already"
            ));
        }
    }
    let idle =
        |bond: &&Bond| !addressed.contains(bond.name.as_str()) && !beneath.contains(bond.name.as_str());
    for Bond { name, .. } in plan.bonds.iter().filter(idle) {
        notes.push(format!("no ip= is for {name}: it is built and gets no address"));
    }
    for rename in plan.renames.iter().filter(|rename| is_kernels(&rename.name)) {
        notes.push(format!(
            "ifname={}: the kernel gives such names too, another NIC may have it",
            rename.name
        ));
    }
}

/// `eth` and a number.
fn is_kernels(name: &str) -> bool {
    name.strip_prefix("eth").is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|b| b.is_ascii_digit()))
}

fn of_addresses(plan: &Plan, notes: &mut Vec<String>) {
    let leased = |interface: &Interface| {
        interface.ipv4.method == Method4::Dhcp
            || matches!(interface.ipv6.method, Method6::Auto | Method6::Dhcp | Method6::Either)
    };
    let any = |what: fn(&Interface) -> bool| plan.interfaces.iter().any(what);
    for network in plan.interfaces.iter().flat_map(|interface| &interface.ipv4.addresses) {
        let address = network.ip();
        if network.prefix() < 31 && (address == network.network() || address == network.broadcast()) {
            notes.push(format!(
                "{network} is the first or last address of its network: no host should have it"
            ));
        }
    }
    let has_static =
        any(|interface| interface.ipv4.method == Method4::Static || interface.ipv6.method == Method6::Static);
    let has_lease = plan.interfaces.iter().any(leased);
    if has_static && !has_lease {
        let routed =
            |interface: &Interface| interface.ipv4.gateway.is_some() || interface.ipv6.gateway.is_some();
        if !any(routed) && plan.routes.is_empty() {
            notes.push("there is no GW: only the machine's own network is reached".into());
        }
        if plan.dns.is_empty() && !any(|interface| !interface.dns.is_empty()) {
            notes.push("there is no name server: write nameserver=".into());
        }
    } else if has_lease && !plan.peerdns && plan.dns.is_empty() && !any(|interface| !interface.dns.is_empty())
    {
        notes.push("rd.peerdns=0 and no nameserver=: there is no name server".into());
    }
    let mtus: BTreeMap<&str, u32> = plan
        .interfaces
        .iter()
        .filter_map(|interface| Some((interface.name.as_str(), interface.mtu?)))
        .collect();
    let of_bonds: BTreeMap<&str, u32> =
        plan.bonds.iter().filter_map(|bond| Some((bond.name.as_str(), bond.mtu?))).collect();
    for Vlan { name, link, .. } in &plan.vlans {
        if let (Some(own), Some(least)) = (mtus.get(name.as_str()), of_bonds.get(link.as_str()))
            && own > least
        {
            notes.push(format!(
                "{name} has MTU {own}, and {link} beneath it {least}: the kernel refuses that"
            ));
        }
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
