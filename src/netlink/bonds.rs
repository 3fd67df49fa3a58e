//! Bonds: made, taken over, and their options to attributes and back.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use nix::net::if_::if_nametoindex;

use super::attributes::put;
use super::links::IFLA_BOND_MODE;
use super::message::LinkMessage;
use super::raw::Raw;
use super::{NEW, Netlink, RTM_NEWLINK, attributes};
use crate::engine::types::Refusal;
use crate::mac::Mac;
use crate::words::options::{self, BondOption, Value};

/// Kernel option names and values.
type Options = [(&'static str, String)];

/// The kernel's name of the kind (bond_link_ops).
const BOND: &str = "bond";

/// A bond that is to be made.
#[derive(Clone, Copy, Debug)]
pub struct NewBond<'a> {
    /// Interface name.
    pub name: &'a str,
    /// The kernel's number of the mode.
    pub mode: u8,
    /// Kernel option names and values.
    pub options: &'a Options,
    /// Its address.
    pub mac: Mac,
    /// Bytes.
    pub mtu: u32,
}

impl Netlink {
    /// Makes a bond: down, without ports. The mode is the first attribute, always.
    pub fn create_bond(
        &self,
        name: &str,
        mode: u8,
        options: &Options,
        mac: Option<Mac>,
        mtu: Option<u32>,
    ) -> Result<(), Refusal> {
        let message = LinkMessage::of(0).name(name).shaped(mac, mtu).kind(BOND, &data(Some(mode), options)?);
        self.requests.one(message.request(RTM_NEWLINK, NEW))
    }

    /// The message that makes a bond with this index, down and without ports.
    ///
    /// # Errors
    /// An option that can't be sent.
    pub fn bond_to_make(index: u32, shape: &NewBond<'_>) -> Result<Raw, Refusal> {
        let NewBond { name, mode, options, mac, mtu } = *shape;
        let message = LinkMessage::of(index).name(name).shaped(Some(mac), Some(mtu));
        let body = message.kind(BOND, &data(Some(mode), options)?).body();
        Ok(Raw { kind: RTM_NEWLINK, flags: NEW, body })
    }

    /// The message that sets options of a bond that is there.
    ///
    /// # Errors
    /// An option that can't be sent.
    pub fn bond_to_change(index: u32, options: &Options) -> Result<Raw, Refusal> {
        let body = LinkMessage::of(index).kind(BOND, &data(None, options)?).body();
        Ok(Raw { kind: RTM_NEWLINK, flags: 0, body })
    }

    /// Makes an empty bond ours: down first, since the mode of one that is up can't be changed.
    pub fn take_over(
        &self,
        index: u32,
        mode: u8,
        options: &Options,
        mac: Option<Mac>,
        mtu: Option<u32>,
    ) -> Result<(), Refusal> {
        self.down(index)?;
        let message = LinkMessage::of(index).shaped(mac, mtu);
        self.change_bond(message.kind(BOND, &data(Some(mode), options)?))
    }

    /// Sets options of a bond.
    pub fn set_options(&self, index: u32, options: &Options) -> Result<(), Refusal> {
        self.change_bond(LinkMessage::of(index).kind(BOND, &data(None, options)?))
    }

    fn change_bond(&self, message: LinkMessage) -> Result<(), Refusal> {
        // RTM_SETLINK ignores the kind's own data; RTM_NEWLINK takes it, with neither NLM_F_EXCL nor NLM_F_REPLACE
        // (rtnl_newlink()).
        self.requests.one(message.request(RTM_NEWLINK, 0))
    }
}

/// The attributes of a bond: the mode first, always.
fn data(mode: Option<u8>, options: &Options) -> Result<Vec<u8>, Refusal> {
    let mut data = Vec::new();
    if let Some(mode) = mode {
        put(&mut data, IFLA_BOND_MODE, &[mode]);
    }
    for (name, value) in options {
        let Some((kind, bytes)) = attribute(name, value) else {
            let text = format!("{name}={value} is not what this version can send to the kernel");
            return Err(Refusal { errno: 0, text });
        };
        put(&mut data, kind, &bytes);
    }
    Ok(data)
}

/// One option as a netlink attribute. None: the name or the value is not known.
fn attribute(name: &str, value: &str) -> Option<(u16, Vec<u8>)> {
    let option = BondOption::named(name)?;
    let bytes = match &option.value {
        Value::Number(..) | Value::Switch => number(option.attribute, value.parse().ok()?)?,
        Value::Name(names) => {
            let place = names.iter().position(|name| *name == value)?;
            number(option.attribute, u32::try_from(place).ok()?)?
        }
        Value::Ipv4List => list::<Ipv4Addr, 4>(value, Ipv4Addr::octets)?,
        Value::Ipv6List => list::<Ipv6Addr, 16>(value, Ipv6Addr::octets)?,
        Value::Port => if_nametoindex(value).ok()?.to_ne_bytes().to_vec(),
        Value::Mac => value.parse::<Mac>().ok()?.0.to_vec(),
    };
    Some((option.attribute, bytes))
}

/// A number in as many bytes as the kernel wants (`bond_policy[]`). None: it does not fit.
fn number(attribute: u16, number: u32) -> Option<Vec<u8>> {
    Some(match attribute {
        2..=5 | 7 | 9..=11 | 15 | 18..=20 | 28 => number.to_ne_bytes().to_vec(),
        24 | 25 => u16::try_from(number).ok()?.to_ne_bytes().to_vec(),
        _ => vec![u8::try_from(number).ok()?],
    })
}

/// Addresses with `,` between them, each an attribute whose type is its place.
fn list<T: FromStr, const N: usize>(value: &str, octets: impl Fn(&T) -> [u8; N]) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    for (place, item) in value.split(',').enumerate() {
        let header = [(4 + N as u16).to_ne_bytes(), u16::try_from(place).ok()?.to_ne_bytes()];
        bytes.extend(header.concat());
        bytes.extend(octets(&item.parse().ok()?));
    }
    Some(bytes)
}

/// The reverse: what the kernel says an option is, in the same names and spellings.
pub(super) fn read_back(kind: u16, value: &[u8]) -> Option<(&'static str, String)> {
    let option = options::ALL.iter().find(|option| option.attribute == kind)?;
    let text = match &option.value {
        Value::Number(..) | Value::Switch => attributes::number(value)?.to_string(),
        Value::Name(names) => (*names.get(attributes::number(value)? as usize)?).to_owned(),
        Value::Ipv4List | Value::Ipv6List => {
            let items = attributes::of(value).filter_map(|(_, item)| attributes::address(item));
            items.map(|item| item.to_string()).collect::<Vec<_>>().join(",")
        }
        Value::Mac => Mac::from_bytes(value)?.to_string(),
        // Ports are told by index, and are none of what is compared.
        Value::Port => return None,
    };
    Some((option.name, text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_option_is_read_back_as_it_was_written() {
        for (name, value) in [
            ("miimon", "100"),
            ("use_carrier", "1"),
            ("arp_ip_target", "192.0.2.1,192.0.2.2"),
            ("arp_validate", "active"),
            ("arp_all_targets", "all"),
            ("primary_reselect", "better"),
            ("fail_over_mac", "follow"),
            ("xmit_hash_policy", "layer3+4"),
            ("num_grat_arp", "3"),
            ("all_slaves_active", "1"),
            ("packets_per_slave", "0"),
            ("lacp_rate", "fast"),
            ("ad_select", "bandwidth"),
            ("ad_actor_sys_prio", "1000"),
            ("ad_actor_system", "02:00:00:00:00:01"),
            ("tlb_dynamic_lb", "0"),
            ("lacp_active", "1"),
            ("arp_missed_max", "2"),
            ("ns_ip6_target", "2001:db8::1"),
            ("coupled_control", "1"),
        ] {
            let (kind, sent) = attribute(name, value).unwrap_or_else(|| panic!("{name}={value}"));
            assert_eq!(read_back(kind, &sent), Some((name, value.to_owned())));
        }
        let bytes = |name, value| {
            let (kind, value) = attribute(name, value).unwrap();
            let mut bytes = Vec::new();
            put(&mut bytes, kind, &value);
            bytes
        };
        assert_eq!(bytes("lacp_rate", "fast")[..5], [5, 0, 21, 0, 1]);
        assert_eq!(bytes("ad_actor_sys_prio", "258")[..6], [6, 0, 24, 0, 2, 1]);
        assert_eq!(bytes("miimon", "100")[..8], [8, 0, 3, 0, 100, 0, 0, 0]);
        assert_eq!(attribute("ad_actor_sys_prio", "65536"), None);
        assert_eq!(attribute("lacp_rate", "quick"), None);
        assert_eq!(attribute("nonsense", "1"), None);
    }
}
