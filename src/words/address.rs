//! Addresses, netmasks, prefixes, MTUs and MACs as fields of words.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnetwork::{IpNetwork, Ipv4Network, Ipv6Network};

use super::problems::{Problems, quoted};
use super::split::Text;
use crate::mac::Mac;

/// True for a field that is meant as an address and not as a name or number: it begins with a bracket, or with a
/// digit and has a dot.
pub fn is_meant(text: &str) -> bool {
    text.starts_with('[') || (text.contains('.') && text.starts_with(|c: char| c.is_ascii_digit()))
}

/// IPv4, or IPv6 in brackets.
pub fn ip(text: &str) -> Option<IpAddr> {
    match text.strip_prefix('[') {
        Some(rest) => rest.strip_suffix(']')?.parse::<Ipv6Addr>().ok().map(IpAddr::V6),
        None => text.parse::<Ipv4Addr>().ok().map(IpAddr::V4),
    }
}

/// IPv4, or IPv6 with or without brackets.
pub fn ip_or_bare_v6(text: &str) -> Option<IpAddr> {
    ip(text).or_else(|| text.parse().ok())
}

/// An address that one host can have.
pub fn is_of_a_host(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => {
            let is_any = v4.is_broadcast() || v4.is_loopback() || v4.is_unspecified();
            !v4.is_multicast() && !is_any && !is_netmask(v4)
        }
        IpAddr::V6(v6) => !v6.is_multicast() && !v6.is_loopback() && !v6.is_unspecified(),
    }
}

/// Address and, if written, prefix: `192.0.2.5/24`, `[2001:db8::5]/64`, `[2001:db8::5/64]` (rd.route in
/// dracut.cmdline(7)).
pub fn split_prefix<'a>(text: Text<'a>) -> (String, Option<Text<'a>>) {
    let inner = text.text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    if let Some((address, prefix)) = inner.and_then(|inner| inner.split_once('/')) {
        let prefix = Text { text: prefix, ..text.skip(address.len() + 2) };
        return (format!("[{address}]"), Some(prefix));
    }
    match text.split_once('/') {
        Some((address, prefix)) => (address.text.to_owned(), Some(prefix)),
        None => (text.text.to_owned(), None),
    }
}

/// Prefix length of a netmask (`255.255.255.0`) or a number (`24`), for an address of this family.
pub fn prefix(text: &str, of: IpAddr) -> Option<u8> {
    let most = if of.is_ipv4() { 32 } else { 128 };
    if of.is_ipv4() && text.contains('.') {
        let mask = u32::from(text.parse::<Ipv4Addr>().ok()?);
        // Ones, then zeros, nothing else.
        return (mask.leading_ones() + mask.trailing_zeros() >= 32).then_some(mask.leading_ones() as u8);
    }
    let number: u8 = digits(text)?.try_into().ok()?;
    (number <= most).then_some(number)
}

/// True for what is a netmask (`255.255.255.0`) and nobody's address: of what is reserved (240.0.0.0/4) the kernel takes the
/// rest.
pub fn is_netmask(v4: Ipv4Addr) -> bool {
    v4.octets()[0] >= 240 && prefix(&v4.to_string(), v4.into()).is_some()
}

/// The prefix that an IPv4 address has by its class, as the kernel's `inet_abc_len()` says it; none for class D, E.
pub fn class_prefix(address: Ipv4Addr) -> Option<u8> {
    match address.octets()[0] {
        0..=127 => Some(8),
        128..=191 => Some(16),
        192..=223 => Some(24),
        _ => None,
    }
}

/// Address and prefix as one; none if the prefix does not fit (which [`prefix`] has ruled out).
pub fn network(address: IpAddr, prefix: u8) -> Option<IpNetwork> {
    match address {
        IpAddr::V4(v4) => Ipv4Network::new(v4, prefix).ok().map(IpNetwork::V4),
        IpAddr::V6(v6) => Ipv6Network::new(v6, prefix).ok().map(IpNetwork::V6),
    }
}

/// A decimal number: digits only, no sign.
pub fn digits(text: &str) -> Option<u64> {
    let plain = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    if plain { text.parse().ok() } else { None }
}

/// Smallest and largest MTU (`ETH_MIN_MTU`, `ETH_MAX_MTU`).
pub const MTU_RANGE: std::ops::RangeInclusive<u32> = 68..=65535;
/// Below this there is no IPv6 on a link (RFC 8200 section 5).
pub const MTU_LEAST_IPV6: u32 = 1280;

/// The MTU in a field; what can't be one is an error.
pub fn mtu(text: Text<'_>, word: &str, problems: &mut Problems) -> Option<u32> {
    let number = digits(text.text).and_then(|n| u32::try_from(n).ok()).filter(|n| MTU_RANGE.contains(n));
    if number.is_none() {
        let message = format!("{word}: {} is not an MTU: write a number from 68 to 65535", quoted(text.text));
        problems.error(text.place, message);
    }
    number
}

/// A MAC that an interface can have: not a group's, not zero (the kernel's `is_valid_ether_addr()`).
pub fn station_mac(text: &str) -> Option<Mac> {
    let mac: Mac = text.parse().ok()?;
    (mac.0[0] & 1 == 0 && !mac.is_zero()).then_some(mac)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::words::split::Place;

    #[test]
    fn prefixes() {
        let (v4, v6) = (IpAddr::from([192, 0, 2, 1]), IpAddr::V6(Ipv6Addr::LOCALHOST));
        for (text, of, expected) in [
            ("255.255.255.0", v4, Some(24)),
            ("255.255.255.255", v4, Some(32)),
            ("0.0.0.0", v4, Some(0)),
            ("255.0.255.0", v4, None),
            ("24", v4, Some(24)),
            ("33", v4, None),
            ("+4", v4, None),
            ("", v4, None),
            ("128", v6, Some(128)),
            ("129", v6, None),
            ("300", v6, None),
            ("255.255.255.0", v6, None),
        ] {
            assert_eq!(prefix(text, of), expected, "{text} {of}");
        }
    }

    #[test]
    fn addresses_and_prefixes() {
        let place = Place { word: 0, column: 1 };
        for (text, address, behind) in [
            ("192.0.2.1/24", "192.0.2.1", Some(("24", 11))),
            ("[2001:db8::]/32", "[2001:db8::]", Some(("32", 14))),
            ("[2001:db8::/32]", "[2001:db8::]", Some(("32", 13))),
            ("[2001:db8::1]", "[2001:db8::1]", None),
        ] {
            let (got, prefix) = split_prefix(Text { text, place });
            assert_eq!((got.as_str(), prefix.map(|p| (p.text, p.place.column))), (address, behind), "{text}");
        }
        assert_eq!(ip("[2001:db8::1]"), "2001:db8::1".parse().ok());
        for bad in ["2001:db8::1", "[192.0.2.1]", "192.0.2", "192.0.2.256", "[::1", "", "192.0.02.1x"] {
            assert_eq!(ip(bad), None, "{bad}");
        }
    }
}
