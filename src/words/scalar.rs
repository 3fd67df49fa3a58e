//! Words with one plain value: `nameserver=`, `hostname=`, `bootdev=`, switches, and `rd.route=`.

use std::net::IpAddr;

use super::problems::{Problems, quoted};
use super::spec::{Device, RouteSpec};
use super::split::{Place, Text};
use super::{address, ip};

/// `nameserver=`: IPv6 with or without brackets. A bad one is left out.
pub fn nameserver(value: Text<'_>, problems: &mut Problems) -> Option<IpAddr> {
    // IPv6 without brackets may end in colons that belong to it, so these are cut only where they must be.
    let server = address::ip_or_bare_v6(value.text)
        .or_else(|| address::ip_or_bare_v6(value.text.trim_end_matches(':')))
        .filter(|address| !address.is_multicast() && !address.is_unspecified());
    if server.is_none() {
        let message = format!(
            "nameserver=: {} is not an address and left out: write such as 192.0.2.53 or 2001:db8::53",
            quoted(value.text)
        );
        problems.warning(value.place, message);
    }
    server
}

/// A host name (RFC 1123 section 2.1, and the underscore that people use); a bad one is left out.
pub fn host(field: Text<'_>, word: &str, problems: &mut Problems) -> Option<String> {
    const LONGEST: usize = 64; // HOST_NAME_MAX
    let name = field.text;
    let label = |label: &str| {
        !label.is_empty()
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
    };
    if name.len() <= LONGEST && name.strip_suffix('.').unwrap_or(name).split('.').all(label) {
        return Some(name.to_owned());
    }
    let message = format!(
        "{word}: {} is not a host name and left out: write at most 64 letters, digits, dashes and dots",
        quoted(name)
    );
    problems.warning(field.place, message);
    None
}

/// `hostname=`.
pub fn hostname(value: Text<'_>, problems: &mut Problems) -> Option<String> {
    let text = value.text.trim_end_matches(':');
    if text.is_empty() { None } else { host(Text { text, ..value }, "hostname=", problems) }
}

/// `bootdev=`.
pub fn bootdev(value: Text<'_>, problems: &mut Problems) -> Option<(Device, Place)> {
    let text = value.text.trim_end_matches(':');
    if text.is_empty() {
        return None;
    }
    ip::device(Text { text, ..value }, "bootdev=", problems).map(|device| (device, value.place))
}

/// A switch that is on unless it is said to be off: `0`, `no`, `off`. Anything else but `1`, `yes`, `on` and nothing
/// is told and means on.
pub fn is_off(value: Option<Text<'_>>, word: &str, problems: &mut Problems) -> bool {
    let Some(value) = value else { return false };
    match value.text.trim_end_matches(':').to_ascii_lowercase().as_str() {
        "0" | "no" | "off" => true,
        "" | "1" | "yes" | "on" => false,
        _ => {
            let message =
                format!("{word}: {} is neither 0 nor 1 and left out: write {word}0", quoted(value.text));
            problems.warning(value.place, message);
            false
        }
    }
}

/// `rd.route=NET/PFX:GW[:DEV]`. Without prefix it is one host's; NET may carry a netmask; without GW it is on-link.
pub fn route(value: Text<'_>, problems: &mut Problems) -> Option<RouteSpec> {
    let fields = value.fields();
    let at = |n: usize| fields.get(n).copied().filter(|field| !field.text.is_empty());
    let place = fields.first().map_or(value.place, |field| field.place);
    let (bare, prefix) = at(0).map(address::split_prefix).unwrap_or_default();
    let Some(address) = address::ip(&bare).filter(|address| !address.is_multicast()) else {
        let message = format!(
            "rd.route=: {} is not a network: write such as 198.51.100.0/24:192.0.2.1, IPv6 in brackets",
            quoted(&bare)
        );
        problems.error(place, message);
        return None;
    };
    let length = match prefix {
        Some(text) => address::prefix(text.text, address),
        None if address.is_ipv4() => Some(32),
        None => Some(128),
    };
    let network = length.and_then(|length| address::network(address, length));
    let Some(written) = network else {
        let text = prefix.unwrap_or(value);
        let right = if address.is_ipv4() { "/24" } else { "/64" };
        let message =
            format!("rd.route=: {} is not a prefix or netmask: write such as {right}", quoted(text.text));
        problems.error(text.place, message);
        return None;
    };
    let to = address::network(written.network(), written.prefix())?;
    if to != written {
        problems
            .warning(place, format!("rd.route=: {written} has host bits, which are left out: write {to}"));
    }
    let via = match at(1) {
        Some(field) => Some(gateway(field, to.is_ipv4(), problems)?),
        None => None,
    };
    let dev = match at(2) {
        Some(field) => Some((ip::device(field, "rd.route=", problems)?, field.place)),
        None => None,
    };
    if let Some(surplus) = fields.iter().skip(3).find(|field| !field.text.is_empty()) {
        let message = format!(
            "rd.route=: {} is one field too many and left out: write rd.route=NET/PREFIX:GW:DEV",
            quoted(surplus.text)
        );
        problems.warning(surplus.place, message);
    }
    Some(RouteSpec { place, to, via, dev })
}

/// GW of a route.
fn gateway(field: Text<'_>, v4: bool, problems: &mut Problems) -> Option<IpAddr> {
    let Some(address) = address::ip(field.text).filter(|address| address::is_of_a_host(*address)) else {
        let message = format!(
            "rd.route=: {} is not the address of a gateway: write such as 192.0.2.1, IPv6 in brackets",
            quoted(field.text)
        );
        problems.error(field.place, message);
        return None;
    };
    if address.is_ipv4() != v4 {
        let message = format!("rd.route=: the gateway {address} is of another family than the network");
        problems.error(field.place, message + ": write one of the same family");
        return None;
    }
    Some(address)
}
