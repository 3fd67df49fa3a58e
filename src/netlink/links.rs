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
