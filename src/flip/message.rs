//! What a NIC has, as messages: read from the kernel, and made again for another interface. (pure)
//!
//! Every attribute that the kernel tells is kept as it is, so that what nobody thought of here (metrics, encapsulations,
//! protocols, priorities) comes along. Changed is only which interface is meant, and what the kernel tells but does not take.

use crate::netlink::attributes::{number, of, put};
use crate::netlink::message::LinkMessage;
use crate::netlink::raw::Raw;

// rtnetlink.h, netlink.h.
pub(super) const RTM_NEWLINK: u16 = 16;
pub(super) const RTM_DELLINK: u16 = 17;
pub(super) const RTM_SETLINK: u16 = 19;
pub(super) const RTM_NEWADDR: u16 = 20;
pub(super) const RTM_DELADDR: u16 = 21;
pub(super) const RTM_GETADDR: u16 = 22;
pub(super) const RTM_NEWROUTE: u16 = 24;
pub(super) const RTM_DELROUTE: u16 = 25;
pub(super) const RTM_GETROUTE: u16 = 26;
pub(super) const RTM_NEWNEIGH: u16 = 28;
pub(super) const RTM_GETNEIGH: u16 = 30;
pub(super) const RTM_NEWRULE: u16 = 32;
pub(super) const RTM_DELRULE: u16 = 33;
pub(super) const RTM_GETRULE: u16 = 34;
pub(super) const NLM_F_REPLACE: u16 = 0x100;
pub(super) const NLM_F_EXCL: u16 = 0x200;
pub(super) const NLM_F_CREATE: u16 = 0x400;
pub(super) const NLM_F_APPEND: u16 = 0x800;
pub(super) const AF_INET: u8 = 2;
pub(super) const AF_INET6: u8 = 10;

/// `struct ifaddrmsg`, `rtmsg`, `ndmsg`, `fib_rule_hdr`.
pub(super) const IFADDRMSG: usize = 8;
pub(super) const RTMSG: usize = 12;
pub(super) const NDMSG: usize = 12;
pub(super) const RULE: usize = 12;

/// An interface as messages name it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Device {
    /// Interface index.
    pub index: u32,
    /// Interface name.
    pub name: String,
}

/// One thing that the kernel told, as it told it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Told {
    /// The body of the message.
    pub body: Vec<u8>,
}

impl Told {
    /// Address family: the first byte of every header.
    pub fn family(&self) -> u8 {
        self.body.first().copied().unwrap_or_default()
    }

    pub(super) fn attribute(&self, header: usize, wanted: u16) -> Option<&[u8]> {
        of(self.body.get(header..)?).find(|(kind, _)| *kind == wanted).map(|(_, value)| value)
    }

    /// The header, then those attributes that `change` gives a value for.
    pub(super) fn again(&self, header: usize, change: impl Fn(u16, &[u8]) -> Option<Vec<u8>>) -> Vec<u8> {
        let mut body = self.body.get(..header).unwrap_or_default().to_vec();
        for (kind, value) in of(self.body.get(header..).unwrap_or_default()) {
            if let Some(value) = change(kind, value) {
                put(&mut body, kind, &value);
            }
        }
        body
    }
}

/// An address of an interface.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Address(pub Told);

const IFA_ADDRESS: u16 = 1;
const IFA_LOCAL: u16 = 2;
const IFA_LABEL: u16 = 3;
const IFA_CACHEINFO: u16 = 6;
const IFA_FLAGS: u16 = 8;
/// IPv6; of IPv4 it says that the address is not its subnet's first.
const IFA_F_TEMPORARY: u32 = 0x01;
const IFA_F_NODAD: u32 = 0x02;
const IFA_F_DADFAILED: u32 = 0x08;
const IFA_F_HOMEADDRESS: u32 = 0x10;
const IFA_F_TENTATIVE: u32 = 0x40;
const IFA_F_PERMANENT: u32 = 0x80;
const IFA_F_MANAGETEMPADDR: u32 = 0x100;
const IFA_F_NOPREFIXROUTE: u32 = 0x200;
const IFA_F_MCAUTOJOIN: u32 = 0x400;

impl Address {
    /// Of a message body; none: it is of another interface, or another station has it (duplicate).
    pub fn of(index: u32, body: &[u8]) -> Option<Self> {
        let told = Told { body: body.to_vec() };
        let of = u32::from_ne_bytes(*body.get(4..)?.first_chunk()?);
        let address = Self(told);
        (of == index && address.flags() & IFA_F_DADFAILED == 0).then_some(address)
    }

    fn flags(&self) -> u32 {
        let short = self.0.body.get(2).copied().map(u32::from);
        self.0.attribute(IFADDRMSG, IFA_FLAGS).and_then(number).or(short).unwrap_or_default()
    }

    /// The address itself.
    pub fn ip(&self) -> Option<std::net::IpAddr> {
        let value = |kind| self.0.attribute(IFADDRMSG, kind);
        crate::netlink::attributes::address(value(IFA_LOCAL).or_else(|| value(IFA_ADDRESS))?)
    }

    /// Length of the subnet's prefix.
    pub fn prefix(&self) -> u8 {
        self.0.body.get(1).copied().unwrap_or_default()
    }

    /// As it is written: address and prefix.
    pub fn text(&self) -> Option<String> {
        Some(format!("{}/{}", self.ip()?, self.prefix()))
    }

    /// Seconds for which it is valid; none: for ever.
    pub fn lifetime(&self) -> Option<u32> {
        let info = self.0.attribute(IFADDRMSG, IFA_CACHEINFO)?;
        number(info.get(4..8)?).filter(|seconds| *seconds != u32::MAX)
    }

    /// A root may stand on it: whatever becomes of the lease, no kernel is to take it away. Of a temporary one there will be
    /// another.
    pub(super) fn outlasts(&self) -> bool {
        let temporary = self.0.family() == AF_INET6 && self.flags() & IFA_F_TEMPORARY != 0;
        !self.is_link_local() && !temporary
    }

    /// The kernel makes it of a router's prefix, and has it from there how long it lasts.
    pub(super) fn is_of_router(&self) -> bool {
        self.0.family() == AF_INET6 && self.flags() & IFA_F_MANAGETEMPADDR != 0
    }

    /// Somebody gave it; one that the kernel makes of a router's prefix has an end.
    pub(super) fn is_given(&self) -> bool {
        self.0.family() == AF_INET || self.flags() & IFA_F_PERMANENT != 0
    }

    /// The kernel makes the subnet's route by itself.
    pub(super) fn makes_route(&self) -> bool {
        self.flags() & IFA_F_NOPREFIXROUTE == 0
    }

    /// The message that sets it on `to`. `at_once`: without duplicate address detection, since it is in use here already. On
    /// another link it has no end any more.
    pub(super) fn set(&self, from: &Device, to: &Device, at_once: bool) -> Raw {
        let is6 = self.0.family() == AF_INET6;
        let kept = if is6 {
            IFA_F_HOMEADDRESS | IFA_F_MANAGETEMPADDR | IFA_F_NOPREFIXROUTE | IFA_F_MCAUTOJOIN
        } else {
            IFA_F_NOPREFIXROUTE | IFA_F_MCAUTOJOIN
        };
        let tried = self.flags() & IFA_F_TENTATIVE == 0;
        let flags = self.flags() & kept | if is6 && at_once && tried { IFA_F_NODAD } else { 0 };
        let mut body = self.0.again(IFADDRMSG, |kind, value| match kind {
            IFA_LABEL => Some(label(value, from, to)),
            IFA_FLAGS => None,
            // struct ifa_cacheinfo: preferred, valid.
            IFA_CACHEINFO if from.index != to.index && self.outlasts() => {
                let (preferred, rest) = value.split_at_checked(4)?;
                Some([preferred, &[0xff; 4], rest.get(4..)?].concat())
            }
            _ => Some(value.to_vec()),
        });
        put(&mut body, IFA_FLAGS, &flags.to_ne_bytes());
        body[2] = 0;
        body[4..8].copy_from_slice(&to.index.to_ne_bytes());
        Raw { kind: RTM_NEWADDR, flags: NLM_F_CREATE | NLM_F_REPLACE, body }
    }

    /// The messages that set it on `to` at once. A link-local address may have come by itself, and be in doubt still or
    /// taken for a duplicate of the one that is to go: setting it would not change that.
    pub(super) fn afresh(&self, from: &Device, to: &Device) -> Vec<Raw> {
        let first = self.is_link_local().then(|| self.remove(to));
        first.into_iter().chain([self.set(from, to, true)]).collect()
    }

    /// fe80::/10.
    pub fn is_link_local(&self) -> bool {
        matches!(self.ip(), Some(std::net::IpAddr::V6(ip)) if ip.is_unicast_link_local())
    }

    /// The message that takes it off.
    pub(super) fn remove(&self, from: &Device) -> Raw {
        let mut body = self
            .0
            .again(IFADDRMSG, |kind, value| matches!(kind, IFA_ADDRESS | IFA_LOCAL).then(|| value.to_vec()));
        body[2] = 0;
        body[4..8].copy_from_slice(&from.index.to_ne_bytes());
        Raw { kind: RTM_DELADDR, flags: 0, body }
    }
}

/// `eth0` and `eth0:1` become `bond0` and `bond0:1`; other labels stay.
fn label(value: &[u8], from: &Device, to: &Device) -> Vec<u8> {
    /// IFNAMSIZ, with the zero at its end.
    const LONGEST: usize = 15;
    let Some(rest) = value.strip_prefix(from.name.as_bytes()) else { return value.to_vec() };
    if !matches!(rest.first(), None | Some(0 | b':')) {
        return value.to_vec();
    }
    let mut label = to.name.as_bytes().to_vec();
    label.extend(rest.iter().take_while(|byte| **byte != 0));
    label.truncate(LONGEST);
    label.push(0);
    label
}

/// A rule that names an interface.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Rule(pub Told);

const FRA_IIFNAME: u16 = 3;
const FRA_OIFNAME: u16 = 17;
/// `FIB_RULE_INVERT`.
const RULE_KEPT: u32 = 2;

impl Rule {
    /// Of a message body; none: it does not name the interface.
    pub fn of(name: &str, family: u8, body: &[u8]) -> Option<Self> {
        let rule = Self(Told { body: body.to_vec() });
        let is = |kind| {
            rule.0.attribute(RULE, kind).map(crate::netlink::attributes::text).as_deref() == Some(name)
        };
        (rule.0.family() == family && body.len() >= RULE && (is(FRA_IIFNAME) || is(FRA_OIFNAME)))
            .then_some(rule)
    }

    fn with(&self, kind: u16, flags: u16, from: &Device, to: &Device) -> Raw {
        let mut body = self.0.again(RULE, |kind, value| {
            let is_name = matches!(kind, FRA_IIFNAME | FRA_OIFNAME);
            if is_name && crate::netlink::attributes::text(value) == from.name {
                let mut name = to.name.as_bytes().to_vec();
                name.push(0);
                return Some(name);
            }
            Some(value.to_vec())
        });
        let kept = u32::from_ne_bytes([body[8], body[9], body[10], body[11]]) & RULE_KEPT;
        body[8..12].copy_from_slice(&kept.to_ne_bytes());
        Raw { kind, flags, body }
    }

    /// The message that makes it, with `to` in place of `from`.
    pub(super) fn set(&self, from: &Device, to: &Device) -> Raw {
        self.with(RTM_NEWRULE, NLM_F_CREATE | NLM_F_EXCL, from, to)
    }

    /// The message that takes it away.
    pub(super) fn remove(&self, from: &Device, to: &Device) -> Raw {
        self.with(RTM_DELRULE, 0, from, to)
    }
}

/// A neighbour whose Ethernet address is known.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Neighbour(pub Told);

const NDA_DST: u16 = 1;
const NDA_LLADDR: u16 = 2;
const NUD_REACHABLE: u16 = 0x02;
const NUD_STALE: u16 = 0x04;
const NUD_PROBE: u16 = 0x10;
const NUD_PERMANENT: u16 = 0x80;
/// REACHABLE, STALE, DELAY, PROBE, PERMANENT.
const NUD_VALID: u16 = 0x02 | 0x04 | 0x08 | 0x10 | NUD_PERMANENT;
/// `NTF_EXT_LEARNED | NTF_ROUTER`.
const NTF_KEPT: u8 = 0x10 | 0x80;

impl Neighbour {
    /// Of a message body; none: it is of another interface, or not known.
    pub fn of(index: u32, body: &[u8]) -> Option<Self> {
        let neighbour = Self(Told { body: body.to_vec() });
        let of = u32::from_ne_bytes(*body.get(4..)?.first_chunk()?);
        let known = neighbour.state() & NUD_VALID != 0 && neighbour.0.attribute(NDMSG, NDA_LLADDR).is_some();
        (of == index && known).then_some(neighbour)
    }

    fn state(&self) -> u16 {
        self.0.body.get(8..10).and_then(number).unwrap_or_default() as u16
    }

    /// Its IP address.
    pub fn ip(&self) -> Option<std::net::IpAddr> {
        crate::netlink::attributes::address(self.0.attribute(NDMSG, NDA_DST)?)
    }

    /// It has answered lately.
    pub fn is_reachable(&self) -> bool {
        self.state() & NUD_REACHABLE != 0
    }

    /// Somebody has set it, and the kernel asks for it no more.
    pub fn is_permanent(&self) -> bool {
        self.state() & NUD_PERMANENT != 0
    }

    /// The message that makes it known on `to`; `ask`: whether it is still there is asked at once.
    pub(super) fn set(&self, to: &Device, ask: bool) -> Raw {
        let mut body =
            self.0.again(NDMSG, |kind, value| matches!(kind, NDA_DST | NDA_LLADDR).then(|| value.to_vec()));
        let state = match () {
            () if self.is_permanent() => NUD_PERMANENT,
            () if ask => NUD_PROBE,
            () => NUD_STALE,
        };
        body[4..8].copy_from_slice(&to.index.to_ne_bytes());
        body[8..10].copy_from_slice(&state.to_ne_bytes());
        body[10] &= NTF_KEPT;
        Raw { kind: RTM_NEWNEIGH, flags: NLM_F_CREATE | NLM_F_REPLACE, body }
    }
}

fn link(kind: u16, message: LinkMessage) -> Raw {
    Raw { kind, flags: 0, body: message.body() }
}

/// Sets a link up.
pub(super) fn up(index: u32) -> Raw {
    link(RTM_SETLINK, LinkMessage::of(index).up(true))
}

/// Sets a link down.
pub(super) fn down(index: u32) -> Raw {
    link(RTM_SETLINK, LinkMessage::of(index).up(false))
}

/// Makes a link a port of `controller`; 0: of none.
pub(super) fn join(index: u32, controller: u32) -> Raw {
    link(RTM_SETLINK, LinkMessage::of(index).controller(controller))
}

/// Deletes a link.
pub(super) fn delete(index: u32) -> Raw {
    link(RTM_DELLINK, LinkMessage::of(index))
}

/// A link's address as it is already: refused where the driver can't change it at all (dev_set_mac_address()).
pub fn same_mac(index: u32, mac: crate::mac::Mac) -> Raw {
    link(RTM_SETLINK, LinkMessage::of(index).shaped(Some(mac), None))
}
