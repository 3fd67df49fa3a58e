//! Addresses and routes.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use futures_util::TryStreamExt;
use ipnetwork::IpNetwork;
use rtnetlink::packet_route::AddressFamily;
use rtnetlink::packet_route::address::{
    AddressAttribute, AddressHeaderFlags, AddressMessage, AddressScope, CacheInfo,
};
use rtnetlink::packet_route::route::{
    RouteAddress, RouteAttribute, RouteFlags, RouteHeader, RouteProtocol, RouteScope, RouteType,
};
use rtnetlink::{AddressMessageBuilder, RouteMessageBuilder};

use super::Netlink;
use crate::engine::state::{FoundAddress, FoundDefault};
use crate::engine::types::Refusal;

impl Netlink {
    /// Sets an address, or gives it a new lifetime (seconds; none: for ever).
    pub async fn add_address(
        &self,
        index: u32,
        address: IpNetwork,
        peer: Option<IpAddr>,
        lifetime: Option<u32>,
    ) -> Result<(), Refusal> {
        let mut message = address_message(index, address);
        if let Some(peer) = peer {
            for attribute in &mut message.attributes {
                if let AddressAttribute::Address(remote) = attribute {
                    *remote = peer;
                }
            }
        }
        message.attributes.extend(cache_info(lifetime));
        let mut request = self.handle.address().add(index, address.ip(), address.prefix()).replace();
        *request.message_mut() = message;
        Ok(request.execute().await?)
    }

    /// The addresses that somebody gave to links, but for what the kernel makes by itself (link-local, SLAAC).
    pub async fn addresses(&self) -> Result<Vec<FoundAddress>, Refusal> {
        let mut stream = std::pin::pin!(self.handle.address().get().execute());
        let mut found = Vec::new();
        while let Some(message) = stream.try_next().await? {
            let v6 = message.header.family == AddressFamily::Inet6;
            let permanent = message.header.flags.contains(AddressHeaderFlags::Permanent);
            if message.header.scope != AddressScope::Universe || v6 && !permanent {
                continue;
            }
            let (mut local, mut remote, mut lifetime, mut broadcast) = (None, None, None, None);
            for attribute in message.attributes {
                match attribute {
                    AddressAttribute::Local(address) => local = Some(address),
                    AddressAttribute::Address(address) => remote = Some(address),
                    AddressAttribute::Broadcast(address) => broadcast = Some(address),
                    AddressAttribute::CacheInfo(info) => {
                        lifetime = Some(info.ifa_valid).filter(|s| *s != u32::MAX)
                    }
                    _ => {}
                }
            }
            let address = local.or(remote).and_then(|ip| IpNetwork::new(ip, message.header.prefix_len).ok());
            found.extend(address.map(|address| FoundAddress {
                index: message.header.index,
                address,
                broadcast,
                lifetime,
            }));
        }
        Ok(found)
    }

    /// The IPv4 default routes of the main table.
    pub async fn defaults(&self) -> Result<Vec<FoundDefault>, Refusal> {
        let query = RouteMessageBuilder::<Ipv4Addr>::new().build();
        let mut stream = std::pin::pin!(self.handle.route().get(query).execute());
        let mut found = Vec::new();
        while let Some(message) = stream.try_next().await? {
            let header = message.header;
            let main = header.table == RouteHeader::RT_TABLE_MAIN;
            if !main || header.destination_prefix_length != 0 || header.kind != RouteType::Unicast {
                continue;
            }
            let mut route = FoundDefault {
                index: 0,
                via: None,
                source: None,
                metric: 0,
                onlink: header.flags.contains(RouteFlags::Onlink),
                protocol: header.protocol.into(),
            };
            for attribute in message.attributes {
                match attribute {
                    RouteAttribute::Oif(index) => route.index = index,
                    RouteAttribute::Gateway(RouteAddress::Inet(via)) => route.via = Some(via),
                    RouteAttribute::PrefSource(RouteAddress::Inet(source)) => route.source = Some(source),
                    RouteAttribute::Priority(metric) => route.metric = metric,
                    _ => {}
                }
            }
            found.push(route);
        }
        Ok(found)
    }

    /// Puts an address back.
    pub async fn restore_address(&self, found: &FoundAddress) -> Result<(), Refusal> {
        let (ip, prefix) = (found.address.ip(), found.address.prefix());
        let mut request = self.handle.address().add(found.index, ip, prefix).replace();
        let attributes = &mut request.message_mut().attributes;
        attributes.retain(|attribute| !matches!(attribute, AddressAttribute::Broadcast(_)));
        attributes.extend(found.broadcast.map(AddressAttribute::Broadcast));
        attributes.extend(cache_info(found.lifetime));
        Ok(request.execute().await?)
    }

    /// Puts a default route back.
    pub async fn restore_default(&self, found: &FoundDefault) -> Result<(), Refusal> {
        let route = RouteMessageBuilder::<Ipv4Addr>::new().output_interface(found.index);
        let route = found.source.map_or_else(|| route.clone(), |source| route.clone().pref_source(source));
        let route = match found.via {
            Some(via) if found.onlink => route.gateway(via).onlink(),
            Some(via) => route.gateway(via),
            None => route.scope(RouteScope::Link),
        };
        let route = if found.metric == 0 { route } else { route.priority(found.metric) };
        let route = route.protocol(RouteProtocol::from(found.protocol));
        Ok(self.handle.route().add(route.build()).replace().execute().await?)
    }

    /// Removes an address.
    pub async fn del_address(&self, index: u32, address: IpNetwork) -> Result<(), Refusal> {
        Ok(self.handle.address().del(address_message(index, address)).execute().await?)
    }

    /// Sets a route, or replaces the one to the same destination. `onlink`: the gateway is in no subnet of ours.
    pub async fn add_route(
        &self,
        index: u32,
        to: IpNetwork,
        via: Option<IpAddr>,
        onlink: bool,
        source: Option<IpAddr>,
    ) -> Result<(), Refusal> {
        let unlike = |_| Refusal { errno: 0, text: "the addresses are of two families".into() };
        let mut route = RouteMessageBuilder::<IpAddr>::new().output_interface(index);
        route = route.destination_prefix(to.network(), to.prefix()).map_err(unlike)?;
        if to.prefix() == 0 {
            // The default route has no destination attribute.
            let attributes = &mut route.get_mut().attributes;
            attributes.retain(|attribute| !matches!(attribute, RouteAttribute::Destination(_)));
        }
        if let Some(source) = source {
            route = route.pref_source(source).map_err(unlike)?;
        }
        route = match via {
            Some(via) => route.gateway(via).map_err(unlike)?,
            None => route.scope(RouteScope::Link),
        };
        let route = if onlink { route.onlink() } else { route };
        let route = route.protocol(RouteProtocol::Dhcp).build();
        Ok(self.handle.route().add(route).replace().execute().await?)
    }
}

/// A lifetime in seconds; none: for ever.
fn cache_info(lifetime: Option<u32>) -> Option<AddressAttribute> {
    let seconds = lifetime?;
    let mut info = CacheInfo::default();
    info.ifa_valid = seconds;
    info.ifa_preferred = seconds;
    Some(AddressAttribute::CacheInfo(info))
}

fn address_message(index: u32, address: IpNetwork) -> AddressMessage {
    match address {
        IpNetwork::V4(address) => {
            let message = AddressMessageBuilder::<Ipv4Addr>::new().index(index);
            message.address(address.ip(), address.prefix()).build()
        }
        IpNetwork::V6(address) => {
            let message = AddressMessageBuilder::<Ipv6Addr>::new().index(index);
            message.address(address.ip(), address.prefix()).build()
        }
    }
}
