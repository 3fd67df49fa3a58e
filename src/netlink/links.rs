//! Reading all links.

use super::attributes::{number, of, text};
use super::{Netlink, RTM_GETLINK, bonds};
use crate::engine::types::Refusal;
use crate::links::{Bond, Ipv6Conf, Kind, LacpState, Link, Links, Port};
use crate::mac::Mac;

/// `struct ifinfomsg`.
const HEADER: usize = 16;

// if_link.h.
pub(super) const IFLA_ADDRESS: u16 = 1;
pub(super) const IFLA_IFNAME: u16 = 3;
pub(super) const IFLA_MTU: u16 = 4;
pub(super) const IFLA_LINK: u16 = 5;
pub(super) const IFLA_MASTER: u16 = 10;
pub(super) const IFLA_LINKINFO: u16 = 18;
const IFLA_STATS64: u16 = 23;
const IFLA_AF_SPEC: u16 = 26;
const IFLA_PERM_ADDRESS: u16 = 54;
const IFLA_INET6_CONF: u16 = 2;
const IFLA_INET6_ADDR_GEN_MODE: u16 = 8;
const AF_INET6: u16 = 10;
pub(super) const IFLA_INFO_KIND: u16 = 1;
pub(super) const IFLA_INFO_DATA: u16 = 2;
const IFLA_INFO_PORT_KIND: u16 = 4;
const IFLA_INFO_PORT_DATA: u16 = 5;
pub(super) const IFLA_VLAN_ID: u16 = 1;
pub(super) const IFLA_BOND_MODE: u16 = 1;
const IFLA_BOND_AD_INFO: u16 = 23;
const IFLA_BOND_AD_INFO_AGGREGATOR: u16 = 1;
const IFLA_BOND_AD_INFO_PARTNER_KEY: u16 = 4;
const IFLA_BOND_AD_INFO_PARTNER_MAC: u16 = 5;
const IFLA_BOND_PORT_MII_STATUS: u16 = 2;
const IFLA_BOND_PORT_PERM_HWADDR: u16 = 4;
const IFLA_BOND_PORT_AD_AGGREGATOR_ID: u16 = 6;
const IFLA_BOND_PORT_AD_ACTOR_OPER_PORT_STATE: u16 = 7;
const IFLA_BOND_PORT_AD_PARTNER_OPER_PORT_STATE: u16 = 8;

const ARPHRD_ETHER: u16 = 1;
const IFF_UP: u32 = 0x1;
const IFF_RUNNING: u32 = 0x40;
const IFF_LOWER_UP: u32 = 0x1_0000;
/// `BOND_LINK_UP`.
const LINK_UP: u32 = 0;

impl Netlink {
    /// One read of the kernel's table of links.
    ///
    /// # Errors
    /// What the kernel said.
    pub fn links(&self) -> Result<Links, Refusal> {
        let messages = self.requests.dump(RTM_GETLINK, &[0; HEADER])?;
        let mut links: Vec<Link> = messages.iter().filter_map(|message| link(message)).collect();
        links.sort_by_key(|link| link.index);
        Ok(Links(links))
    }
}

fn link(message: &[u8]) -> Option<Link> {
    let [_, _, t0, t1, i0, i1, i2, i3, f0, f1, f2, f3, ..] = *message.first_chunk::<HEADER>()?;
    let flags = u32::from_ne_bytes([f0, f1, f2, f3]);
    let mut link = Link {
        index: u32::from_ne_bytes([i0, i1, i2, i3]),
        ethernet: u16::from_ne_bytes([t0, t1]) == ARPHRD_ETHER,
        up: flags & IFF_UP != 0,
        carrier: flags & IFF_LOWER_UP != 0,
        running: flags & IFF_RUNNING != 0,
        ..Link::default()
    };
    for (kind, value) in of(&message[HEADER..]) {
        match kind {
            IFLA_IFNAME => link.name = text(value),
            IFLA_ADDRESS => link.mac = Mac::from_bytes(value),
            IFLA_PERM_ADDRESS => link.permanent = Mac::from_bytes(value),
            IFLA_MASTER => link.controller = number(value).filter(|index| *index != 0),
            IFLA_LINK => link.lower = number(value).filter(|index| *index != 0),
            IFLA_MTU => link.mtu = number(value).unwrap_or_default(),
            // struct rtnl_link_stats64: rx_packets, tx_packets.
            IFLA_STATS64 => {
                let sent = value.get(8..16).and_then(|bytes| bytes.try_into().ok());
                link.sent = sent.map_or(0, u64::from_ne_bytes);
            }
            IFLA_LINKINFO => fill(&mut link, value),
            IFLA_AF_SPEC => {
                link.ipv6 = of(value).find(|(family, _)| *family == AF_INET6).map(|(_, value)| ipv6(value))
            }
            _ => {}
        }
    }
    Some(link)
}

fn fill(link: &mut Link, info: &[u8]) {
    let find = |wanted| of(info).find(|(kind, _)| *kind == wanted).map(|(_, value)| value);
    let data = find(IFLA_INFO_DATA).unwrap_or_default();
    match find(IFLA_INFO_KIND).map(text).as_deref() {
        None => {}
        Some("bond") => link.kind = Kind::Bond(Box::new(bond(data))),
        Some("vlan") => {
            let id = of(data).find(|(kind, _)| *kind == IFLA_VLAN_ID).and_then(|(_, value)| number(value));
            link.kind = Kind::Vlan(id.and_then(|id| u16::try_from(id).ok()).unwrap_or_default());
        }
        Some(other) => link.kind = Kind::Other(other.to_owned()),
    }
    if find(IFLA_INFO_PORT_KIND).map(text).as_deref() == Some("bond") {
        link.port = Some(port(find(IFLA_INFO_PORT_DATA).unwrap_or_default()));
    }
}

/// The numbers of `DEVCONF_*` (ipv6.h): `IFLA_INET6_CONF` is an array of them.
fn ipv6(value: &[u8]) -> Ipv6Conf {
    let find = |wanted| of(value).find(|(kind, _)| *kind == wanted).map(|(_, value)| value);
    let (numbers, _) = find(IFLA_INET6_CONF).unwrap_or_default().as_chunks::<4>();
    let get = |place: usize| numbers.get(place).map_or(0, |bytes| u32::from_ne_bytes(*bytes));
    Ipv6Conf {
        forwarding: get(0),
        accept_ra: get(3),
        autoconf: get(5),
        dad_transmits: get(6),
        solicit_delay: get(9),
        accept_ra_defrtr: get(17),
        accept_ra_pinfo: get(18),
        disable_ipv6: get(26),
        addr_gen_mode: find(IFLA_INET6_ADDR_GEN_MODE).and_then(number).unwrap_or_default(),
    }
}

fn short(value: &[u8]) -> Option<u16> {
    number(value).and_then(|number| u16::try_from(number).ok())
}

fn bond(data: &[u8]) -> Bond {
    let mut bond = Bond::default();
    for (kind, value) in of(data) {
        match kind {
            IFLA_BOND_MODE => bond.mode = value.first().copied().unwrap_or_default(),
            IFLA_BOND_AD_INFO => {
                for (kind, value) in of(value) {
                    match kind {
                        IFLA_BOND_AD_INFO_AGGREGATOR => bond.aggregator = short(value),
                        IFLA_BOND_AD_INFO_PARTNER_KEY => bond.partner_key = short(value),
                        IFLA_BOND_AD_INFO_PARTNER_MAC => bond.partner = Mac::from_bytes(value),
                        _ => {}
                    }
                }
            }
            other => bond.options.extend(bonds::read_back(other, value)),
        }
    }
    bond
}

fn port(data: &[u8]) -> Port {
    let mut port = Port::default();
    // The actor's state has one byte, the partner's two.
    let state = |value: &[u8]| LacpState(number(value).unwrap_or_default() as u8);
    for (kind, value) in of(data) {
        match kind {
            IFLA_BOND_PORT_PERM_HWADDR => port.permanent = Mac::from_bytes(value),
            IFLA_BOND_PORT_MII_STATUS => port.link_up = number(value) == Some(LINK_UP),
            IFLA_BOND_PORT_AD_AGGREGATOR_ID => port.aggregator = short(value),
            IFLA_BOND_PORT_AD_ACTOR_OPER_PORT_STATE => port.actor = state(value),
            IFLA_BOND_PORT_AD_PARTNER_OPER_PORT_STATE => port.partner = state(value),
            _ => {}
        }
    }
    port
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attribute(kind: u16, value: &[u8]) -> Vec<u8> {
        let length = u16::try_from(value.len() + 4).unwrap();
        let mut bytes = [length.to_ne_bytes(), kind.to_ne_bytes()].concat();
        bytes.extend(value);
        bytes.resize(bytes.len().div_ceil(4) * 4, 0);
        bytes
    }

    /// `struct ifinfomsg` of an Ethernet link that is up, with its cable in, and its attributes.
    fn read(index: u32, attributes: &[Vec<u8>]) -> Link {
        let flags: u32 = 0x1 | 0x1_0000;
        let mut bytes = vec![0, 0, 1, 0];
        bytes.extend([index.to_ne_bytes(), flags.to_ne_bytes(), [0; 4]].concat());
        bytes.extend(attributes.concat());
        link(&bytes).unwrap()
    }

    /// A port of a bond as Linux 4.19 tells of it, which knows no IFLA_PERM_ADDRESS.
    fn port_of_4_19() -> Vec<Vec<u8>> {
        let side = [
            attribute(1, &[0]),
            attribute(2, &[0]),
            attribute(3, &2_u32.to_ne_bytes()),
            attribute(4, &[2, 0, 0, 0, 0, 7]),
            attribute(5, &0_u16.to_ne_bytes()),
            attribute(6, &3_u16.to_ne_bytes()),
            attribute(7, &[0x3f]),
            attribute(8, &0x3d_u16.to_ne_bytes()),
        ];
        let info =
            [attribute(IFLA_INFO_PORT_KIND, b"bond\0"), attribute(IFLA_INFO_PORT_DATA, &side.concat())];
        let mut stats = [0; 24 * 8];
        stats[8..16].copy_from_slice(&5_u64.to_ne_bytes());
        vec![
            attribute(IFLA_IFNAME, b"eth1\0"),
            attribute(IFLA_MTU, &1500_u32.to_ne_bytes()),
            attribute(IFLA_MASTER, &9_u32.to_ne_bytes()),
            attribute(IFLA_ADDRESS, &[2, 0, 0, 0, 0, 6]),
            attribute(IFLA_STATS64, &stats),
            attribute(IFLA_LINKINFO, &info.concat()),
        ]
    }

    #[test]
    fn a_port_of_a_kernel_that_tells_no_permanent_address() {
        let mut attributes = port_of_4_19();
        let port = read(3, &attributes);
        let mac = |last| Some(Mac([2, 0, 0, 0, 0, last]));
        assert_eq!((port.name.as_str(), port.index, port.controller, port.sent), ("eth1", 3, Some(9), 5));
        assert!(port.up && port.carrier && port.ethernet);
        assert_eq!((port.mac, port.permanent, port.own_mac()), (mac(6), None, mac(7)));
        let side = port.port.unwrap();
        assert_eq!((side.aggregator, side.link_up), (Some(3), true));
        assert!(side.actor.passes_traffic() && side.partner.passes_traffic());
        attributes.push(attribute(IFLA_PERM_ADDRESS, &[2, 0, 0, 0, 0, 8]));
        assert_eq!(read(3, &attributes).own_mac(), mac(8), "what newer ones tell comes first");
    }

    #[test]
    fn a_bond_of_a_kernel_whose_options_end_early() {
        let ad = [attribute(1, &1_u16.to_ne_bytes()), attribute(5, &[0xe, 0, 0, 0, 0, 1])];
        let data = [
            attribute(1, &[4]),
            attribute(3, &100_u32.to_ne_bytes()),
            attribute(21, &[1]),
            attribute(23, &ad.concat()),
            attribute(27, &[1]),
        ];
        let info = [attribute(IFLA_INFO_KIND, b"bond\0"), attribute(IFLA_INFO_DATA, &data.concat())];
        let bond = read(9, &[attribute(IFLA_IFNAME, b"bond0\0"), attribute(IFLA_LINKINFO, &info.concat())]);
        let side = bond.bond().unwrap();
        assert_eq!((side.mode, side.aggregator, side.partner), (4, Some(1), Some(Mac([0xe, 0, 0, 0, 0, 1]))));
        let options = [("miimon", "100"), ("lacp_rate", "fast"), ("tlb_dynamic_lb", "1")];
        assert_eq!(side.options, options.map(|(name, value)| (name, value.to_owned())));
    }
}
