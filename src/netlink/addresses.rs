//! Addresses and routes.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnetwork::{IpNetwork, Ipv6Network};
use rtnetlink::packet_core::{NLM_F_CREATE, NLM_F_REPLACE};
use rtnetlink::packet_route::address::{AddressAttribute, AddressMessage, CacheInfo};
use rtnetlink::packet_route::route::{RouteAttribute, RouteProtocol, RouteScope};
use rtnetlink::{AddressMessageBuilder, RouteMessageBuilder};

use super::attributes::{self, number, of};
use super::socket::Request;
use super::{Netlink, RTM_DELADDR, RTM_DELROUTE, RTM_GETADDR, RTM_GETROUTE, RTM_NEWADDR, RTM_NEWROUTE};
use crate::engine::state::{FoundAddress, FoundDefault};
use crate::engine::types::Refusal;
use crate::links::Address6;

/// Made where it is not there, else made anew.
const REPLACE: u16 = NLM_F_CREATE | NLM_F_REPLACE;

/// `struct ifaddrmsg`, `struct rtmsg`.
const IFADDRMSG: usize = 8;
const RTMSG: usize = 12;
const AF_INET: u8 = 2;
const AF_INET6: u8 = 10;

impl Netlink {
    /// Sets an address, or gives it a new lifetime (seconds; none: for ever).
    pub fn add_address(
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
        self.requests.one(Request::new(RTM_NEWADDR, REPLACE, &message))
    }

    /// The addresses that somebody gave to links, but for what the kernel makes by itself (link-local, SLAAC).
    pub fn addresses(&self) -> Result<Vec<FoundAddress>, Refusal> {
        let messages = self.requests.dump(RTM_GETADDR, &[0; IFADDRMSG])?;
        Ok(messages.iter().filter_map(|message| found_address(message)).collect())
    }

    /// All IPv6 addresses, those too that the kernel makes by itself.
    pub fn addresses6(&self) -> Result<Vec<Address6>, Refusal> {
        let mut query = [0; IFADDRMSG];
        query[0] = AF_INET6;
        let messages = self.requests.dump(RTM_GETADDR, &query)?;
        Ok(messages.iter().filter_map(|message| address6(message)).collect())
    }

    /// The interfaces with an IPv6 default route in the main table.
    pub fn defaults6(&self) -> Result<Vec<u32>, Refusal> {
        let mut query = [0; RTMSG];
        query[0] = AF_INET6;
        let messages = self.requests.dump(RTM_GETROUTE, &query)?;
        Ok(messages.iter().filter_map(|message| found_default(message)).map(|route| route.index).collect())
    }

    /// Sets an IPv6 address of a lease, or gives it new lifetimes (seconds; none: for ever).
    pub fn set_address6(
        &self,
        index: u32,
        address: Ipv6Addr,
        preferred: Option<u32>,
        valid: Option<u32>,
    ) -> Result<(), Refusal> {
        let mut message = AddressMessageBuilder::<Ipv6Addr>::new().index(index).address(address, 128).build();
        let mut info = CacheInfo::default();
        info.ifa_valid = valid.unwrap_or(u32::MAX);
        info.ifa_preferred = preferred.unwrap_or(u32::MAX);
        message.attributes.push(AddressAttribute::CacheInfo(info));
        self.requests.one(Request::new(RTM_NEWADDR, REPLACE, &message))
    }

    /// The IPv4 default routes of the main table.
    pub fn defaults(&self) -> Result<Vec<FoundDefault>, Refusal> {
        let mut query = [0; RTMSG];
        query[0] = AF_INET;
        let messages = self.requests.dump(RTM_GETROUTE, &query)?;
        Ok(messages.iter().filter_map(|message| found_default(message)).collect())
    }

    /// Puts an address back.
    pub fn restore_address(&self, found: &FoundAddress) -> Result<(), Refusal> {
        let mut message = address_message(found.index, found.address);
        message.attributes.retain(|attribute| !matches!(attribute, AddressAttribute::Broadcast(_)));
        message.attributes.extend(found.broadcast.map(AddressAttribute::Broadcast));
        message.attributes.extend(cache_info(found.lifetime));
        self.requests.one(Request::new(RTM_NEWADDR, REPLACE, &message))
    }

    /// Puts a default route back.
    pub fn restore_default(&self, found: &FoundDefault) -> Result<(), Refusal> {
        let route = RouteMessageBuilder::<Ipv4Addr>::new().output_interface(found.index);
        let route = found.source.map_or_else(|| route.clone(), |source| route.clone().pref_source(source));
        let route = match found.via {
            Some(via) if found.onlink => route.gateway(via).onlink(),
            Some(via) => route.gateway(via),
            None => route.scope(RouteScope::Link),
        };
        let route = if found.metric == 0 { route } else { route.priority(found.metric) };
        let route = route.protocol(RouteProtocol::from(found.protocol));
        self.requests.one(Request::new(RTM_NEWROUTE, REPLACE, &route.build()))
    }

    /// Removes an address.
    pub fn del_address(&self, index: u32, address: IpNetwork) -> Result<(), Refusal> {
        self.requests.one(Request::new(RTM_DELADDR, 0, &address_message(index, address)))
    }

    /// Sets a route, or replaces the one to the same destination. `onlink`: the gateway is in no subnet of ours.
    pub fn add_route(
        &self,
        index: u32,
        to: IpNetwork,
        via: Option<IpAddr>,
        onlink: bool,
        source: Option<IpAddr>,
    ) -> Result<(), Refusal> {
        let mut route = route_message(index, to, via)?;
        if let Some(source) = source {
            route = route.pref_source(source).map_err(unlike)?;
        }
        let route = if onlink { route.onlink() } else { route };
        self.requests.one(Request::new(RTM_NEWROUTE, REPLACE, &route.build()))
    }

    /// Removes a route that [`Self::add_route`] has set.
    pub fn del_route(&self, index: u32, to: IpNetwork, via: Option<IpAddr>) -> Result<(), Refusal> {
        self.requests.one(Request::new(RTM_DELROUTE, 0, &route_message(index, to, via)?.build()))
    }
}

fn unlike<T>(_: T) -> Refusal {
    Refusal { errno: 0, text: "the addresses are of two families".into() }
}

fn route_message(
    index: u32,
    to: IpNetwork,
    via: Option<IpAddr>,
) -> Result<RouteMessageBuilder<IpAddr>, Refusal> {
    let mut route = RouteMessageBuilder::<IpAddr>::new().output_interface(index);
    route = route.destination_prefix(to.network(), to.prefix()).map_err(unlike)?;
    if to.prefix() == 0 {
        // The default route has no destination attribute.
        let attributes = &mut route.get_mut().attributes;
        attributes.retain(|attribute| !matches!(attribute, RouteAttribute::Destination(_)));
    }
    route = match via {
        Some(via) => route.gateway(via).map_err(unlike)?,
        None => route.scope(RouteScope::Link),
    };
    Ok(route.protocol(RouteProtocol::Dhcp))
}

fn found_address(message: &[u8]) -> Option<FoundAddress> {
    const IFA_F_PERMANENT: u8 = 0x80;
    const RT_SCOPE_UNIVERSE: u8 = 0;
    let [family, prefix, flags, scope, i0, i1, i2, i3] = *message.first_chunk::<IFADDRMSG>()?;
    if scope != RT_SCOPE_UNIVERSE || family == AF_INET6 && flags & IFA_F_PERMANENT == 0 {
        return None;
    }
    let (mut local, mut remote, mut lifetime, mut broadcast) = (None, None, None, None);
    for (kind, value) in of(&message[IFADDRMSG..]) {
        match kind {
            // IFA_ADDRESS, IFA_LOCAL, IFA_BROADCAST.
            1 => remote = attributes::address(value),
            2 => local = attributes::address(value),
            4 => broadcast = attributes::address(value).and_then(v4),
            // IFA_CACHEINFO: preferred, valid.
            6 => lifetime = value.get(4..8).and_then(number).filter(|seconds| *seconds != u32::MAX),
            _ => {}
        }
    }
    let address = IpNetwork::new(local.or(remote)?, prefix).ok()?;
    Some(FoundAddress { index: u32::from_ne_bytes([i0, i1, i2, i3]), address, broadcast, lifetime })
}

/// Flags of `struct ifaddrmsg` (if_addr.h).
fn address6(message: &[u8]) -> Option<Address6> {
    const DUPLICATE: u8 = 0x08;
    const DEPRECATED: u8 = 0x20;
    const TENTATIVE: u8 = 0x40;
    const OPTIMISTIC: u8 = 0x04;
    const PERMANENT: u8 = 0x80;
    let [family, prefix, flags, _, i0, i1, i2, i3] = *message.first_chunk::<IFADDRMSG>()?;
    let mut addresses = [None; 2];
    for (kind, value) in of(&message[IFADDRMSG..]) {
        // IFA_ADDRESS, IFA_LOCAL: the latter where there is a peer.
        if let Some(place) = usize::from(kind).checked_sub(1).and_then(|place| addresses.get_mut(place)) {
            *place = attributes::address(value);
        }
    }
    let [remote, local] = addresses;
    let IpAddr::V6(address) = local.or(remote).filter(|_| family == AF_INET6)? else { return None };
    Some(Address6 {
        index: u32::from_ne_bytes([i0, i1, i2, i3]),
        address: Ipv6Network::new(address, prefix).ok()?,
        tentative: flags & TENTATIVE != 0 && flags & OPTIMISTIC == 0,
        duplicate: flags & DUPLICATE != 0,
        deprecated: flags & DEPRECATED != 0,
        permanent: flags & PERMANENT != 0,
    })
}

fn found_default(message: &[u8]) -> Option<FoundDefault> {
    const RT_TABLE_MAIN: u8 = 254;
    const RTN_UNICAST: u8 = 1;
    const RTNH_F_ONLINK: u8 = 4;
    let [_, prefix, _, _, table, protocol, _, kind, ..] = *message.first_chunk::<RTMSG>()?;
    if table != RT_TABLE_MAIN || prefix != 0 || kind != RTN_UNICAST {
        return None;
    }
    let flags = u32::from_ne_bytes(*message[8..].first_chunk()?);
    let mut route = FoundDefault {
        index: 0,
        via: None,
        source: None,
        metric: 0,
        onlink: flags & u32::from(RTNH_F_ONLINK) != 0,
        protocol,
    };
    for (kind, value) in of(&message[RTMSG..]) {
        match kind {
            // RTA_OIF, RTA_GATEWAY, RTA_PRIORITY, RTA_PREFSRC.
            4 => route.index = number(value).unwrap_or_default(),
            5 => route.via = attributes::address(value).and_then(v4),
            6 => route.metric = number(value).unwrap_or_default(),
            7 => route.source = attributes::address(value).and_then(v4),
            _ => {}
        }
    }
    Some(route)
}

fn v4(address: IpAddr) -> Option<Ipv4Addr> {
    if let IpAddr::V4(address) = address { Some(address) } else { None }
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
