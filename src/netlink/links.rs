//! Reading all links.

use futures_util::TryStreamExt;
use rtnetlink::packet_route::link::{
    BondAdInfo, InfoBond, InfoBondPort, InfoData, InfoKind, InfoPortData, InfoVlan, LinkAttribute, LinkFlags,
    LinkInfo, LinkLayerType, LinkMessage, MiiStatus,
};

use super::{Netlink, bonds};
use crate::engine::types::Refusal;
use crate::links::{Bond, Kind, LacpState, Link, Links, Port};
use crate::mac::Mac;

impl Netlink {
    /// One read of the kernel's table of links.
    ///
    /// # Errors
    /// What the kernel said.
    pub async fn links(&self) -> Result<Links, Refusal> {
        let mut stream = std::pin::pin!(self.handle.link().get().execute());
        let mut links = Vec::new();
        while let Some(message) = stream.try_next().await? {
            links.push(link(message));
        }
        links.sort_by_key(|link| link.index);
        Ok(Links(links))
    }
}

fn link(message: LinkMessage) -> Link {
    let header = message.header;
    let mut link = Link {
        index: header.index,
        ethernet: header.link_layer_type == LinkLayerType::Ether,
        up: header.flags.contains(LinkFlags::Up),
        carrier: header.flags.contains(LinkFlags::LowerUp),
        ..Link::default()
    };
    for attribute in message.attributes {
        match attribute {
            LinkAttribute::IfName(name) => link.name = name,
            LinkAttribute::Address(bytes) => link.mac = Mac::from_bytes(&bytes),
            LinkAttribute::PermAddress(bytes) => link.permanent = Mac::from_bytes(&bytes),
            LinkAttribute::Controller(index) => link.controller = Some(index).filter(|index| *index != 0),
            LinkAttribute::Link(index) => link.lower = Some(index).filter(|index| *index != 0),
            LinkAttribute::Mtu(mtu) => link.mtu = mtu,
            LinkAttribute::Stats64(stats) => link.sent = stats.tx_packets,
            LinkAttribute::LinkInfo(infos) => infos.into_iter().for_each(|info| fill(&mut link, info)),
            _ => {}
        }
    }
    link
}

fn fill(link: &mut Link, info: LinkInfo) {
    match info {
        LinkInfo::Kind(InfoKind::Bond) => link.kind = Kind::Bond(Box::default()),
        LinkInfo::Kind(InfoKind::Vlan) => link.kind = Kind::Vlan(0),
        LinkInfo::Kind(other) => link.kind = Kind::Other(other.to_string()),
        LinkInfo::Data(InfoData::Bond(data)) => link.kind = Kind::Bond(Box::new(bond(&data))),
        LinkInfo::Data(InfoData::Vlan(data)) => {
            let id = data.iter().find_map(|info| if let InfoVlan::Id(id) = info { Some(*id) } else { None });
            link.kind = Kind::Vlan(id.unwrap_or_default());
        }
        LinkInfo::PortData(InfoPortData::BondPort(data)) => link.port = Some(port(&data)),
        _ => {}
    }
}

fn bond(data: &[InfoBond]) -> Bond {
    let mut bond = Bond::default();
    for info in data {
        match info {
            InfoBond::Mode(mode) => bond.mode = u8::from(*mode),
            InfoBond::AdInfo(infos) => {
                for info in infos {
                    match info {
                        BondAdInfo::Aggregator(id) => bond.aggregator = Some(*id),
                        BondAdInfo::PartnerMac(mac) => bond.partner = Some(Mac(*mac)),
                        _ => {}
                    }
                }
            }
            other => bond.options.extend(bonds::read_back(other)),
        }
    }
    bond
}

fn port(data: &[InfoBondPort]) -> Port {
    let mut port = Port::default();
    for info in data {
        match info {
            InfoBondPort::PermHwaddr(bytes) => port.permanent = Mac::from_bytes(bytes),
            InfoBondPort::MiiStatus(status) => port.link_up = *status == MiiStatus::Up,
            InfoBondPort::AdAggregatorId(id) => port.aggregator = Some(*id),
            InfoBondPort::AdActorOperPortState(state) => port.actor = LacpState(state.bits()),
            InfoBondPort::AdPartnerOperPortState(state) => port.partner = LacpState(state.bits()),
            _ => {}
        }
    }
    port
}

#[cfg(test)]
mod tests {
    use super::*;
    use rtnetlink::packet_core::Parseable;

    // rtnetlink(7), if_link.h.
    const IFLA_ADDRESS: u16 = 1;
    const IFLA_IFNAME: u16 = 3;
    const IFLA_MTU: u16 = 4;
    const IFLA_MASTER: u16 = 10;
    const IFLA_LINKINFO: u16 = 18;
    const IFLA_STATS64: u16 = 23;
    const IFLA_PERM_ADDRESS: u16 = 54;
    const KIND: u16 = 1;
    const DATA: u16 = 2;
    const PORT_KIND: u16 = 4;
    const PORT_DATA: u16 = 5;

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
        link(LinkMessage::parse(&bytes[..]).unwrap())
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
        let info = [attribute(PORT_KIND, b"bond\0"), attribute(PORT_DATA, &side.concat())];
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
        let info = [attribute(KIND, b"bond\0"), attribute(DATA, &data.concat())];
        let bond = read(9, &[attribute(IFLA_IFNAME, b"bond0\0"), attribute(IFLA_LINKINFO, &info.concat())]);
        let side = bond.bond().unwrap();
        assert_eq!((side.mode, side.aggregator, side.partner), (4, Some(1), Some(Mac([0xe, 0, 0, 0, 0, 1]))));
        let options = [("miimon", "100"), ("lacp_rate", "fast"), ("tlb_dynamic_lb", "1")];
        assert_eq!(side.options, options.map(|(name, value)| (name, value.to_owned())));
    }
}
