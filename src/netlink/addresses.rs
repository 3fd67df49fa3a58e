//! Addresses and routes.

use std::net::Ipv4Addr;

use ipnetwork::Ipv4Network;
use rtnetlink::packet_route::address::{AddressAttribute, AddressMessage, CacheInfo};
use rtnetlink::packet_route::route::{RouteProtocol, RouteScope};
use rtnetlink::{AddressMessageBuilder, RouteMessageBuilder};

use super::Netlink;
use crate::engine::types::Refusal;

impl Netlink {
    /// Sets an address, or gives it a new lifetime (seconds; none: for ever).
    pub async fn add_address(
        &self,
        index: u32,
        address: Ipv4Network,
        peer: Option<Ipv4Addr>,
        lifetime: Option<u32>,
    ) -> Result<(), Refusal> {
        let mut message = address_message(index, address);
        if let Some(peer) = peer {
            for attribute in &mut message.attributes {
                if let AddressAttribute::Address(remote) = attribute {
                    *remote = peer.into();
                }
            }
        }
        if let Some(seconds) = lifetime {
            let mut info = CacheInfo::default();
            info.ifa_valid = seconds;
            info.ifa_preferred = seconds;
            message.attributes.push(AddressAttribute::CacheInfo(info));
        }
        let mut request = self.handle.address().add(index, address.ip().into(), address.prefix()).replace();
        *request.message_mut() = message;
        Ok(request.execute().await?)
    }

    /// Removes an address.
    pub async fn del_address(&self, index: u32, address: Ipv4Network) -> Result<(), Refusal> {
        Ok(self.handle.address().del(address_message(index, address)).execute().await?)
    }

    /// Sets a route, or replaces the one to the same destination. `onlink`: the gateway is in no subnet of ours.
    pub async fn add_route(
        &self,
        index: u32,
        to: Ipv4Network,
        via: Option<Ipv4Addr>,
        onlink: bool,
        source: Ipv4Addr,
    ) -> Result<(), Refusal> {
        let route = RouteMessageBuilder::<Ipv4Addr>::new().output_interface(index).pref_source(source);
        // The default route has no destination attribute.
        let route =
            if to.prefix() == 0 { route } else { route.destination_prefix(to.network(), to.prefix()) };
        let route = match via {
            Some(via) if onlink => route.gateway(via).onlink(),
            Some(via) => route.gateway(via),
            None => route.scope(RouteScope::Link),
        };
        let route = route.protocol(RouteProtocol::Dhcp).build();
        Ok(self.handle.route().add(route).replace().execute().await?)
    }
}

fn address_message(index: u32, address: Ipv4Network) -> AddressMessage {
    AddressMessageBuilder::<Ipv4Addr>::new().index(index).address(address.ip(), address.prefix()).build()
}
