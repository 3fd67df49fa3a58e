//! How each format spells the bonding driver's options.

/// A kernel option, and its key in systemd.netdev(5) and in netplan(5), if it has one there. Those of which a port is
/// the value stand where the ports are. One text: a table of texts is twice as large in a program that is relocated.
const KEYS: &str = "\
    miimon MIIMonitorSec mii-monitor-interval\n\
    updelay UpDelaySec up-delay\n\
    downdelay DownDelaySec down-delay\n\
    arp_interval ARPIntervalSec arp-interval\n\
    arp_ip_target ARPIPTargets arp-ip-targets\n\
    arp_validate ARPValidate arp-validate\n\
    arp_all_targets ARPAllTargets arp-all-targets\n\
    primary_reselect PrimaryReselectPolicy primary-reselect-policy\n\
    fail_over_mac FailOverMACPolicy fail-over-mac-policy\n\
    xmit_hash_policy TransmitHashPolicy transmit-hash-policy\n\
    resend_igmp ResendIGMP resend-igmp\n\
    num_grat_arp GratuitousARP gratuitous-arp\n\
    all_slaves_active AllSlavesActive all-slaves-active\n\
    min_links MinLinks min-links\n\
    lp_interval LearnPacketIntervalSec learn-packet-interval\n\
    packets_per_slave PacketsPerSlave packets-per-slave\n\
    tlb_dynamic_lb DynamicTransmitLoadBalancing\n\
    lacp_rate LACPTransmitRate lacp-rate\n\
    ad_select AdSelect ad-select\n\
    ad_actor_sys_prio AdActorSystemPriority\n\
    ad_user_port_key AdUserPortKey\n\
    ad_actor_system AdActorSystem\n\
    ";

fn keys(name: &str, value: &str) -> Option<(&'static str, &'static str)> {
    // Of systemd 252, which is also what netplan writes for; an unknown value would be ignored there.
    let too_new = value.starts_with("filter") || matches!(value, "vlan+srcmac" | "actor_port_prio");
    let line = KEYS.lines().find(|line| line.split(' ').next() == Some(name) && !too_new)?;
    let mut words = line.split(' ').skip(1);
    Some((words.next()?, words.next().unwrap_or("")))
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
    const UNKNOWN: &str =
        "lacp_active arp_missed_max ns_ip6_target coupled_control broadcast_neighbor lacp_strict";
    let unknown = UNKNOWN.split(' ').any(|option| option == name);
    (!unknown && value != "actor_port_prio").then(|| format!("{name}={value}"))
}

/// An option of a stanza: those that the script of ifenslave 2.13 writes to sysfs.
pub(super) fn ifupdown(name: &str, value: &str) -> Option<String> {
    const KNOWN: &str = "active_slave ad_select arp_interval arp_ip_target arp_validate downdelay fail_over_mac lacp_rate \
        miimon num_grat_arp packets_per_slave primary primary_reselect tlb_dynamic_lb updelay use_carrier \
        xmit_hash_policy";
    let known = KNOWN.split(' ').any(|option| option == name);
    known.then(|| format!("bond-{} {}", name.replace('_', "-"), value.replace(',', " ")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::words::options::ALL;

    #[test]
    fn every_key_is_an_options() {
        assert_eq!(KEYS.lines().count(), 22);
        for line in KEYS.lines() {
            let name = line.split(' ').next();
            assert!(ALL.iter().any(|option| Some(option.name) == name), "{line}");
        }
    }
}
