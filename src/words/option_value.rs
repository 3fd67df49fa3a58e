//! One value of a bond option, in the kernel's own spelling.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::address::{digits, station_mac};
use super::names;
use super::options::{BondOption, MOST_TARGETS, Value};

/// The value as the kernel writes it; otherwise what would be right.
///
/// Spellings as in `bond_opt_parse()`: a number stands for a name. Lists in a value are separated by `;`, since the
/// comma separates options.
pub fn canonical(option: &BondOption, text: &str) -> Result<String, String> {
    match &option.value {
        Value::Number(least, most, names) => {
            let named =
                names.iter().find(|(name, _)| name.eq_ignore_ascii_case(text)).map(|(_, number)| *number);
            match named.or_else(|| digits(text)).filter(|number| (least..=most).contains(&number)) {
                Some(number) => Ok(number.to_string()),
                None => Err(format!("a number from {least} to {most}")),
            }
        }
        Value::Switch => match text.to_ascii_lowercase().as_str() {
            "0" | "off" => Ok("0".into()),
            "1" | "on" => Ok("1".into()),
            _ => Err("0 (off) or 1 (on)".into()),
        },
        Value::Name(names) => {
            let number = digits(text).and_then(|number| usize::try_from(number).ok());
            let numbered = number.and_then(|number| names.get(number));
            let named = names.iter().find(|name| name.eq_ignore_ascii_case(text));
            match named.or(numbered) {
                Some(name) => Ok((*name).into()),
                None => Err(names.join(", ")),
            }
        }
        Value::Ipv4List => list(text, |item| {
            item.parse::<Ipv4Addr>().ok().filter(|a| !a.is_unspecified() && !a.is_broadcast())
        })
        .ok_or_else(|| format!("at most {MOST_TARGETS} IPv4 addresses with ; between them")),
        Value::Ipv6List => list(text, |item| {
            let bare = item.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(item);
            bare.parse::<Ipv6Addr>().ok().filter(|address| {
                // `bond_is_ip6_target_ok()`, and `bond_changelink()` for what is local to the link.
                let is_local =
                    address.is_unspecified() || address.is_loopback() || address.is_unicast_link_local();
                !is_local && !address.is_multicast()
            })
        })
        .ok_or_else(|| {
            format!("at most {MOST_TARGETS} IPv6 addresses, not link-local, in brackets with ; between them")
        }),
        Value::Port => match names::dashed_mac(text) {
            Some(mac) => Ok(mac.to_string()),
            None if names::why_not(text).is_none() => Ok(text.to_owned()),
            None => Err("the name of a port".into()),
        },
        Value::Mac => match station_mac(text) {
            Some(mac) => Ok(mac.to_string()),
            None => Err("a MAC address with dashes, not a group's, such as 02-00-00-00-00-01".into()),
        },
    }
}

/// The items between `;`, joined by `,`. One that comes twice counts once: the driver refuses the second.
fn list<T: ToString>(text: &str, item: impl Fn(&str) -> Option<T>) -> Option<String> {
    let mut items: Vec<String> = Vec::new();
    for part in text.split(';').filter(|part| !part.is_empty()) {
        let item = item(part)?.to_string();
        if items.len() <= MOST_TARGETS && !items.contains(&item) {
            items.push(item);
        }
    }
    (!items.is_empty() && items.len() <= MOST_TARGETS).then(|| items.join(","))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings() {
        let seventeen: String = (1..18).map(|n| format!("192.0.2.{n};")).collect();
        for (name, text, expected) in [
            ("miimon", "100", Some("100")),
            ("miimon", "0100", Some("100")),
            ("miimon", "off", Some("0")),
            ("miimon", "-1", None),
            ("miimon", "2147483648", None),
            ("miimon", "99999999999999999999999", None),
            ("miimon", "", None),
            ("lacp_rate", "1", Some("fast")),
            ("lacp_rate", "SLOW", Some("slow")),
            ("lacp_rate", "2", None),
            ("xmit_hash_policy", "1", Some("layer3+4")),
            ("xmit_hash_policy", "layer3+4", Some("layer3+4")),
            ("xmit_hash_policy", "layer4", None),
            ("use_carrier", "on", Some("1")),
            ("use_carrier", "0", Some("0")),
            ("use_carrier", "2", None),
            ("arp_ip_target", "192.0.2.1;192.0.2.2", Some("192.0.2.1,192.0.2.2")),
            ("arp_ip_target", "192.0.2.300", None),
            ("arp_ip_target", seventeen.as_str(), None),
            ("ns_ip6_target", "[2001:DB8::1];2001:db8:0::2", Some("2001:db8::1,2001:db8::2")),
            ("arp_ip_target", "192.0.2.1;192.0.2.1;;", Some("192.0.2.1")),
            ("arp_ip_target", ";", None),
            ("ns_ip6_target", "[fe80::1]", None),
            ("ns_ip6_target", "[ff02::1]", None),
            ("ns_ip6_target", "[::1]", None),
            ("ad_actor_system", "00-11-22-AA-BB-CC", Some("00:11:22:aa:bb:cc")),
            ("ad_actor_system", "01-11-22-33-44-55", None),
            ("ad_actor_system", "00-00-00-00-00-00", None),
            ("ad_user_port_key", "1024", None),
            ("num_unsol_na", "default", Some("1")),
            ("lp_interval", "0", None),
            ("ad_select", "2", Some("count")),
            ("primary", "eth0", Some("eth0")),
            ("primary", "eth/0", None),
        ] {
            let option = BondOption::named(name).unwrap_or_else(|| panic!("no option {name}"));
            assert_eq!(canonical(option, text).ok().as_deref(), expected, "{name}={text}");
        }
    }
}
