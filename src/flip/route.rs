//! Routes that name an interface, as messages. (pure)

use super::message::{
    AF_INET, AF_INET6, Address, Device, NLM_F_APPEND, NLM_F_CREATE, RTM_DELROUTE, RTM_NEWROUTE, RTMSG, Told,
};
use crate::netlink::attributes::{number, put};
use crate::netlink::raw::Raw;

/// A route that names an interface.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Route(pub Told);

const RTA_DST: u16 = 1;
const RTA_SRC: u16 = 2;
const RTA_OIF: u16 = 4;
const RTA_GATEWAY: u16 = 5;
const RTA_PRIORITY: u16 = 6;
const RTA_PREFSRC: u16 = 7;
const RTA_METRICS: u16 = 8;
const RTA_MULTIPATH: u16 = 9;
const RTA_FLOW: u16 = 11;
const RTA_CACHEINFO: u16 = 12;
const RTA_TABLE: u16 = 15;
const RTA_VIA: u16 = 18;
const RTA_PREF: u16 = 20;
const RTA_ENCAP_TYPE: u16 = 21;
const RTA_ENCAP: u16 = 22;
const RTA_EXPIRES: u16 = 23;
const RTA_TTL_PROPAGATE: u16 = 26;
const RTA_NH_ID: u16 = 30;
const RT_TABLE_MAIN: u32 = 254;
const RT_TABLE_LOCAL: u32 = 255;
const RTPROT_KERNEL: u8 = 2;
const RTPROT_RA: u8 = 9;
/// What an IPv6 route has where nobody asks for another one (IP6_RT_PRIO_USER).
const PRIORITY6: u32 = 1024;
const RTN_UNICAST: u8 = 1;
/// What the kernel has learnt on the way to one host: its MTU, a redirect.
const RTM_F_CLONED: u32 = 0x200;
/// `RTNH_F_PERVASIVE | RTNH_F_ONLINK`: the others say how a route is doing.
const RTNH_KEPT: u8 = 2 | 4;
/// Ticks in a second as the kernel tells times (USER_HZ).
const TICKS: u32 = 100;

impl Route {
    /// Of a message body; none: it does not name the interface, or the kernel makes it by itself (table local, the
    /// subnets of `addresses`, multicast, what it has learnt of one host and forgets again).
    pub fn of(index: u32, family: u8, body: &[u8], addresses: &[Address]) -> Option<Self> {
        let route = Self(Told { body: body.to_vec() });
        let [_, _, _, _, table, protocol, _, kind, flags @ ..] = *body.first_chunk::<RTMSG>()?;
        let value = |kind| route.0.attribute(RTMSG, kind);
        let table = value(RTA_TABLE).and_then(number).unwrap_or(table.into());
        let of_kernel = protocol == RTPROT_KERNEL && value(RTA_GATEWAY).is_none();
        let made =
            of_kernel && (kind != RTN_UNICAST || addresses.iter().any(|address| route.is_subnet(address)));
        let learnt = u32::from_ne_bytes(flags) & RTM_F_CLONED != 0;
        let ours = body[0] == family && table != RT_TABLE_LOCAL && !made && !learnt;
        (ours && route.names(index)).then_some(route)
    }

    /// It is what the kernel makes of this address.
    fn is_subnet(&self, address: &Address) -> bool {
        let length = self.0.body.get(1).copied().unwrap_or_default();
        let same = |ip: &[u8], to: &[u8]| {
            let (whole, rest) = (usize::from(length / 8), length % 8);
            let mask = !(0xff_u16 >> rest) as u8;
            let last = |bytes: &[u8]| bytes.get(whole).map_or(0, |byte| byte & mask);
            ip.len() == to.len() && ip.get(..whole) == to.get(..whole) && last(ip) == last(to)
        };
        let octets = match address.ip() {
            Some(std::net::IpAddr::V4(ip)) => ip.octets().to_vec(),
            Some(std::net::IpAddr::V6(ip)) => ip.octets().to_vec(),
            None => return false,
        };
        let to = self.0.attribute(RTMSG, RTA_DST);
        address.makes_route() && address.prefix() == length && to.is_some_and(|to| same(&octets, to))
    }

    fn names(&self, index: u32) -> bool {
        let out = self.0.attribute(RTMSG, RTA_OIF).and_then(number);
        let hops = self.0.attribute(RTMSG, RTA_MULTIPATH).unwrap_or_default();
        out == Some(index) || hops_of(hops).any(|hop| hop.get(4..8).and_then(number) == Some(index))
    }

    /// It has no gateway.
    pub(super) fn is_direct(&self) -> bool {
        let behind = |kind| self.0.attribute(RTMSG, kind).is_some();
        !behind(RTA_GATEWAY) && !behind(RTA_VIA) && !behind(RTA_MULTIPATH)
    }

    /// Its gateway, if it is a default route of the main table.
    pub fn default_gateway(&self) -> Option<std::net::IpAddr> {
        let table = self.0.attribute(RTMSG, RTA_TABLE).and_then(number);
        let table = table.or(self.0.body.get(4).copied().map(u32::from));
        let everywhere = self.0.body.get(1) == Some(&0) && table == Some(RT_TABLE_MAIN);
        let value = self.0.attribute(RTMSG, RTA_GATEWAY).filter(|_| everywhere)?;
        crate::netlink::attributes::address(value)
    }

    /// The kernel learnt it from a router (IPv6).
    fn is_of_router(&self) -> bool {
        self.0.family() == AF_INET6 && self.0.body.get(5) == Some(&RTPROT_RA)
    }

    fn priority(&self) -> u32 {
        self.0.attribute(RTMSG, RTA_PRIORITY).and_then(number).unwrap_or(PRIORITY6)
    }

    /// Another one that is learnt from the same router says the same, and goes first: this is the copy of such a one.
    pub(super) fn is_copy_of(&self, other: &Self) -> bool {
        let same = |kind| self.0.attribute(RTMSG, kind) == other.0.attribute(RTMSG, kind);
        self.is_of_router()
            && other.is_of_router()
            && self.priority() > other.priority()
            && self.0.body.get(1) == other.0.body.get(1)
            && [RTA_DST, RTA_GATEWAY, RTA_TABLE].into_iter().all(same)
    }

    fn with(&self, kind: u16, flags: u16, from: u32, to: u32) -> Raw {
        let adds = kind == RTM_NEWROUTE;
        // A router's next advertisement brings the kernel's own route, which fails where one like it is there already, and
        // all that the advertisement says behind it is lost with it (ndisc_router_discovery()). So what stands in until
        // then comes after it; its lifetime ends by itself.
        let copy = self.is_of_router() && (adds || from != to);
        let later = self.priority().saturating_add(1);
        // A nexthop object is of one interface: the route gets what is in it. To find it again, the object is all.
        let by_object = !adds && self.0.attribute(RTMSG, RTA_NH_ID).is_some();
        let swap = |index: &[u8]| {
            if number(index) == Some(from) { to.to_ne_bytes().to_vec() } else { index.to_vec() }
        };
        let mut body = self.0.again(RTMSG, |kind, value| match kind {
            RTA_OIF if !by_object => Some(swap(value)),
            RTA_MULTIPATH if !by_object => Some(swapped(value, from, to)),
            RTA_GATEWAY | RTA_VIA | RTA_ENCAP | RTA_ENCAP_TYPE if !by_object => Some(value.to_vec()),
            RTA_NH_ID if by_object => Some(value.to_vec()),
            RTA_PRIORITY if copy => Some(later.to_ne_bytes().to_vec()),
            RTA_DST | RTA_SRC | RTA_PRIORITY | RTA_PREFSRC | RTA_METRICS | RTA_FLOW | RTA_TABLE
            | RTA_PREF | RTA_TTL_PROPAGATE => Some(value.to_vec()),
            _ => None,
        });
        if copy && self.0.attribute(RTMSG, RTA_PRIORITY).is_none() {
            put(&mut body, RTA_PRIORITY, &later.to_ne_bytes());
        }
        let flags_kept = [body[8] & RTNH_KEPT, 0, 0, 0];
        body[8..12].copy_from_slice(&flags_kept);
        // struct rta_cacheinfo: the third is what is left of a lifetime; 0: for ever.
        let left = self.0.attribute(RTMSG, RTA_CACHEINFO).and_then(|info| number(info.get(8..12)?));
        if let Some(left) = left.filter(|left| adds && *left > 0 && *left <= i32::MAX as u32) {
            put(&mut body, RTA_EXPIRES, &(left / TICKS).max(1).to_ne_bytes());
        }
        Raw { kind, flags, body }
    }

    /// The message that sets it, with `to` in place of `from`.
    pub(super) fn set(&self, from: &Device, to: &Device) -> Raw {
        // IPv4: behind those to the same destination. IPv6 needs no flag for that, and makes one route of several gateways
        // where their priority is the same, as it was.
        let append = if self.0.family() == AF_INET { NLM_F_APPEND } else { 0 };
        self.with(RTM_NEWROUTE, NLM_F_CREATE | append, from.index, to.index)
    }

    /// The message that takes it away.
    pub(super) fn remove(&self, from: &Device, to: &Device) -> Raw {
        self.with(RTM_DELROUTE, 0, from.index, to.index)
    }

    /// IPv6 has one route of two that differ in the interface only: the old one has to go first.
    pub(super) fn goes_first(&self) -> bool {
        self.0.family() == AF_INET6
    }
}

/// `struct rtnexthop` and the attributes behind each.
fn hops_of(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        let length = usize::from(u16::from_ne_bytes(*rest.first_chunk()?));
        let hop = rest.get(..length).filter(|hop| hop.len() >= 8)?;
        rest = rest.get(length.next_multiple_of(4)..).unwrap_or_default();
        Some(hop)
    })
}

fn swapped(hops: &[u8], from: u32, to: u32) -> Vec<u8> {
    let mut all = Vec::new();
    for hop in hops_of(hops) {
        let start = all.len();
        all.extend(hop);
        all[start + 2] &= RTNH_KEPT;
        if hop.get(4..8).and_then(number) == Some(from) {
            all[start + 4..start + 8].copy_from_slice(&to.to_ne_bytes());
        }
        all.resize(all.len().next_multiple_of(4), 0);
    }
    all
}
