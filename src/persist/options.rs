//! How each format spells the bonding driver's options.

/// A kernel option, and its key in systemd.netdev(5) and in netplan(5); empty: it has none. Those of which a port is
/// the value stand where the ports are.
static KEYS: [(&str, &str, &str); 22] = [
    ("miimon", "MIIMonitorSec", "mii-monitor-interval"),
    ("updelay", "UpDelaySec", "up-delay"),
    ("downdelay", "DownDelaySec", "down-delay"),
    ("arp_interval", "ARPIntervalSec", "arp-interval"),
    ("arp_ip_target", "ARPIPTargets", "arp-ip-targets"),
    ("arp_validate", "ARPValidate", "arp-validate"),
    ("arp_all_targets", "ARPAllTargets", "arp-all-targets"),
    ("primary_reselect", "PrimaryReselectPolicy", "primary-reselect-policy"),
    ("fail_over_mac", "FailOverMACPolicy", "fail-over-mac-policy"),
    ("xmit_hash_policy", "TransmitHashPolicy", "transmit-hash-policy"),
    ("resend_igmp", "ResendIGMP", "resend-igmp"),
    ("num_grat_arp", "GratuitousARP", "gratuitous-arp"),
    ("all_slaves_active", "AllSlavesActive", "all-slaves-active"),
    ("min_links", "MinLinks", "min-links"),
    ("lp_interval", "LearnPacketIntervalSec", "learn-packet-interval"),
    ("packets_per_slave", "PacketsPerSlave", "packets-per-slave"),
    ("tlb_dynamic_lb", "DynamicTransmitLoadBalancing", ""),
    ("lacp_rate", "LACPTransmitRate", "lacp-rate"),
    ("ad_select", "AdSelect", "ad-select"),
    ("ad_actor_sys_prio", "AdActorSystemPriority", ""),
    ("ad_user_port_key", "AdUserPortKey", ""),
    ("ad_actor_system", "AdActorSystem", ""),
];

fn keys(name: &str, value: &str) -> Option<(&'static str, &'static str)> {
    // Of systemd 252, which is also what netplan writes for; an unknown value would be ignored there.
    let too_new = value.starts_with("filter") || matches!(value, "vlan+srcmac" | "actor_port_prio");
    let found = KEYS.iter().find(|(option, ..)| *option == name && !too_new)?;
    Some((found.1, found.2))
}

/// A line of the section `[Bond]`.
pub(super) fn networkd(name: &str, value: &str) -> Option<String> {
    let (key, _) = keys(name, value)?;
    let unit = if matches!(name, "miimon" | "updelay" | "downdelay" | "arp_interval") { "ms" } else { "" };
    Some(format!("{key}={}{unit}", value.replace(',', " ")))
}

/// A line of `parameters:`.
pub(super) fn netplan(name: &str, value: &str) -> Option<String> {
    let (_, key) = keys(name, value).filter(|(_, key)| !key.is_empty())?;
    let value = match name {
        "arp_ip_target" => format!("[\"{}\"]", value.replace(',', "\", \"")),
        "all_slaves_active" => (value == "1").to_string(),
        _ if value.bytes().all(|b| b.is_ascii_digit()) => value.to_owned(),
        _ => format!("\"{value}\""),
    };
    Some(format!("{key}: {value}"))
}

/// A line of `[bond]` in a keyfile; what libnm 1.42 does not know it drops.
pub(super) fn nmconnection(name: &str, value: &str) -> Option<String> {
    let unknown = matches!(
        name,
        "lacp_active"
            | "arp_missed_max"
            | "ns_ip6_target"
            | "coupled_control"
            | "broadcast_neighbor"
            | "lacp_strict"
    );
    (!unknown && value != "actor_port_prio").then(|| format!("{name}={value}"))
}

/// An option of a stanza: those that the script of ifenslave 2.13 writes to sysfs.
pub(super) fn ifupdown(name: &str, value: &str) -> Option<String> {
    let known = matches!(
        name,
        "active_slave"
            | "ad_select"
            | "arp_interval"
            | "arp_ip_target"
            | "arp_validate"
            | "downdelay"
            | "fail_over_mac"
            | "lacp_rate"
            | "miimon"
            | "num_grat_arp"
            | "packets_per_slave"
            | "primary"
            | "primary_reselect"
            | "tlb_dynamic_lb"
            | "updelay"
            | "use_carrier"
            | "xmit_hash_policy"
    );
    known.then(|| format!("bond-{} {}", name.replace('_', "-"), value.replace(',', " ")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::words::options::ALL;

    #[test]
    fn every_key_is_an_options() {
        for (name, ..) in KEYS {
            assert!(ALL.iter().any(|option| option.name == name), "{name}");
        }
    }
}
