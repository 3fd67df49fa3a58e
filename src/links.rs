//! The links that are there, as plain values. `netlink/` fills them in; everything pure reads them.

use std::collections::BTreeSet;

use crate::mac::Mac;

/// One network interface, as one read of the kernel's table showed it.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Link {
    /// Interface index: stays the same when the name changes.
    pub index: u32,
    /// Name at the moment of the read.
    pub name: String,
    /// What makes it more than a NIC.
    pub kind: Kind,
    /// `ARPHRD_ETHER`: the only link type that can be a port here.
    pub ethernet: bool,
    /// Administratively up (`IFF_UP`).
    pub up: bool,
    /// The cable is in and the other side is alive (`IFF_LOWER_UP`).
    pub carrier: bool,
    /// Frames pass: up, with carrier, and with its queues attached (`IFF_RUNNING`).
    pub running: bool,
    /// Present address.
    pub mac: Option<Mac>,
    /// The address burnt in, where the driver tells it.
    pub permanent: Option<Mac>,
    /// Index of the bond or bridge that it is a port of.
    pub controller: Option<u32>,
    /// Index of the interface that it stands on (VLANs).
    pub lower: Option<u32>,
    /// Bytes.
    pub mtu: u32,
    /// Frames sent since the driver counts.
    pub sent: u64,
    /// A NIC as `all` means it: on a bus of its own, neither USB (as those of BMCs are) nor Wi-Fi.
    pub wired: bool,
    /// It carries an address, or what stands on it does ([`Links::mark_addressed`]).
    pub addressed: bool,
    /// Of a bond's port with carrier, where the driver tells it. Mbit/s.
    pub speed: Option<u32>,
    /// Name of its driver, where it has one.
    pub driver: Option<String>,
    /// Set while it is a port of a bond.
    pub port: Option<Port>,
    /// How the kernel does IPv6 on it; none: not at all.
    pub ipv6: Option<Ipv6Conf>,
}

/// The kernel's IPv6 settings of a link (`/proc/sys/net/ipv6/conf/LINK`) that matter here.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Ipv6Conf {
    /// `disable_ipv6`.
    pub disable_ipv6: u32,
    /// `forwarding`.
    pub forwarding: u32,
    /// `accept_ra`.
    pub accept_ra: u32,
    /// `accept_ra_defrtr`.
    pub accept_ra_defrtr: u32,
    /// `accept_ra_pinfo`.
    pub accept_ra_pinfo: u32,
    /// `autoconf`.
    pub autoconf: u32,
    /// `dad_transmits`.
    pub dad_transmits: u32,
    /// `router_solicitation_delay`, milliseconds here.
    pub solicit_delay: u32,
    /// `addr_gen_mode`.
    pub addr_gen_mode: u32,
}

/// An IPv6 address of a link, the kernel's own too.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Address6 {
    /// Interface index.
    pub index: u32,
    /// With its prefix.
    pub address: ipnetwork::Ipv6Network,
    /// Duplicate address detection has not ended (`IFA_F_TENTATIVE`).
    pub tentative: bool,
    /// Another station has it (`IFA_F_DADFAILED`).
    pub duplicate: bool,
    /// It is to be used for nothing new (`IFA_F_DEPRECATED`).
    pub deprecated: bool,
    /// Somebody has set it, for ever (`IFA_F_PERMANENT`).
    pub permanent: bool,
}

impl Address6 {
    /// It may be used.
    pub fn is_usable(&self) -> bool {
        !self.tentative && !self.duplicate
    }
}

/// Kinds of links that matter here (`IFLA_INFO_KIND`).
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub enum Kind {
    /// No kind: a real NIC (or the loopback).
    #[default]
    Device,
    /// A bond.
    Bond(Box<Bond>),
    /// A VLAN with this id.
    Vlan(u16),
    /// Something else, by its name (`veth`, `bridge` …).
    Other(String),
}

/// A bond's own side.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Bond {
    /// The kernel's number of the mode.
    pub mode: u8,
    /// Option values as the kernel reads them back, by kernel name.
    pub options: Vec<(&'static str, String)>,
    /// Number of the active aggregator (802.3ad).
    pub aggregator: Option<u16>,
    /// System id of the LACP partner; zero: none.
    pub partner: Option<Mac>,
    /// The partner's operational key.
    pub partner_key: Option<u16>,
}

/// A bond port's side (`IFLA_BOND_SLAVE_*`).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Port {
    /// Its own address from before it became a port.
    pub permanent: Option<Mac>,
    /// The bond sees its link as up.
    pub link_up: bool,
    /// Aggregator it belongs to.
    pub aggregator: Option<u16>,
    /// Actor's operational state, bits of IEEE 802.1AX 6.4.2.3.
    pub actor: LacpState,
    /// The partner's.
    pub partner: LacpState,
}

/// The state octet of an LACPDU (IEEE 802.1AX-2020 6.4.2.3).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct LacpState(pub u8);

impl LacpState {
    const ACTIVE: u8 = 0x01;
    /// Aggregatable with others in its group.
    const SYNC: u8 = 0x08;
    const COLLECTING: u8 = 0x10;
    const DISTRIBUTING: u8 = 0x20;
    const DEFAULTED: u8 = 0x40;
    const EXPIRED: u8 = 0x80;

    /// In sync, collecting and distributing, and by real information, neither defaulted nor expired.
    pub fn passes_traffic(self) -> bool {
        let wanted = Self::SYNC | Self::COLLECTING | Self::DISTRIBUTING;
        self.0 & wanted == wanted && !self.is_defaulted() && self.0 & Self::EXPIRED == 0
    }

    /// It speaks first (LACP_Activity).
    pub fn is_active(self) -> bool {
        self.0 & Self::ACTIVE != 0
    }

    /// It is in sync with its partner, and does not collect.
    pub fn is_held(self) -> bool {
        self.0 & (Self::SYNC | Self::COLLECTING) == Self::SYNC
    }

    /// What it knows of the other side is a default, not something heard.
    pub fn is_defaulted(self) -> bool {
        self.0 & Self::DEFAULTED != 0
    }

    /// What it knows of the other side has timed out.
    pub fn is_expired(self) -> bool {
        self.0 & Self::EXPIRED != 0
    }

    /// The flags that are set, in the standard's words; `none` where nothing is.
    pub fn words(self) -> String {
        const NAMES: [&str; 8] = [
            "active",
            "short-timeout",
            "aggregatable",
            "in-sync",
            "collecting",
            "distributing",
            "defaulted",
            "expired",
        ];
        let set: Vec<_> = NAMES.iter().enumerate().filter(|(bit, _)| self.0 >> bit & 1 == 1).collect();
        if set.is_empty() {
            return "none".into();
        }
        set.into_iter().map(|(_, name)| *name).collect::<Vec<_>>().join(" ")
    }
}

/// All links of one read, in the kernel's order (by index).
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Links(pub Vec<Link>);

impl Links {
    /// Marks the links that have an address, and those by which one is reached that stands upon them: on a VLAN, say, or on
    /// the bridge of which that is a port.
    pub fn mark_addressed(&mut self, has_address: impl Fn(u32) -> bool) {
        let mut used: BTreeSet<u32> =
            self.0.iter().map(|link| link.index).filter(|index| has_address(*index)).collect();
        loop {
            let is_used = |link: &&Link| {
                used.contains(&link.index) || link.controller.is_some_and(|above| used.contains(&above))
            };
            let stands = self.0.iter().filter(is_used).filter(|link| link.stands_on_another());
            let below: Vec<u32> =
                stands.filter_map(|link| link.lower).filter(|below| !used.contains(below)).collect();
            if below.is_empty() {
                break;
            }
            used.extend(below);
        }
        self.0.iter_mut().for_each(|link| link.addressed = used.contains(&link.index));
    }

    /// The link with this index.
    pub fn get(&self, index: u32) -> Option<&Link> {
        self.0.iter().find(|link| link.index == index)
    }

    /// The link with this name.
    pub fn named(&self, name: &str) -> Option<&Link> {
        self.0.iter().find(|link| link.name == name)
    }

    /// The ports of a bond or bridge.
    pub fn ports_of(&self, controller: u32) -> impl Iterator<Item = &Link> {
        self.0.iter().filter(move |link| link.controller == Some(controller))
    }
}

impl Link {
    /// The bond's side, if it is a bond.
    pub fn bond(&self) -> Option<&Bond> {
        match &self.kind {
            Kind::Bond(bond) => Some(bond),
            _ => None,
        }
    }

    /// The address by which the NIC is known outside: burnt in, else the one from before it was a port,
    /// else (veth and the like, while free) its present one.
    pub fn own_mac(&self) -> Option<Mac> {
        let burnt_in = self.permanent.filter(|mac| !mac.is_zero());
        let before = self.port.and_then(|port| port.permanent).filter(|mac| !mac.is_zero());
        burnt_in.or(before).or(if self.controller.is_none() { self.mac } else { None })
    }

    /// True for what can be made a port: an Ethernet link that is not built upon others.
    pub fn can_be_port(&self) -> bool {
        self.ethernet && !matches!(self.kind, Kind::Bond(_) | Kind::Vlan(_))
    }

    /// Its frames leave by `lower`. (A veth has its peer there, which may be in another namespace.)
    fn stands_on_another(&self) -> bool {
        match &self.kind {
            Kind::Vlan(_) => true,
            Kind::Other(kind) => matches!(kind.as_str(), "macvlan" | "macvtap" | "ipvlan" | "ipvtap"),
            _ => false,
        }
    }

    /// True for a NIC, also one that is the end of a veth pair or a port of a switch chip: no bridge, tunnel or the like.
    pub fn is_nic(&self) -> bool {
        self.ethernet
            && match &self.kind {
                Kind::Device => true,
                Kind::Other(kind) => kind == "veth" || kind == "dsa",
                _ => false,
            }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn traffic_needs_all_three_and_real_information() {
        for (state, expected) in [
            (0x3f, true),
            (0x3d, true),
            (0x38, true),
            (0x1f, false),
            (0x2f, false),
            (0x7f, false),
            (0xbf, false),
        ] {
            assert_eq!(LacpState(state).passes_traffic(), expected, "{state:#x}");
        }
    }

    #[test]
    fn what_stands_on_a_nic_uses_it() {
        let nic = |index| Link { index, ethernet: true, ..Link::default() };
        let on = |index, kind, lower| Link { kind, lower: Some(lower), ..nic(index) };
        let other = |kind: &str| Kind::Other(kind.into());
        let mut links = Links(vec![
            nic(2),
            nic(3),
            nic(4),
            nic(5),
            on(6, Kind::Vlan(100), 2),
            on(7, other("macvlan"), 6),
            Link { controller: Some(9), ..on(8, Kind::Vlan(7), 3) },
            on(9, other("bridge"), 5),
            on(10, other("veth"), 4),
        ]);
        links.mark_addressed(|index| [7, 9, 10].contains(&index));
        let used: Vec<u32> = links.0.iter().filter(|link| link.addressed).map(|link| link.index).collect();
        assert_eq!(used, [2, 3, 6, 7, 9, 10], "neither the peer of a veth nor what a bridge has nothing of");
    }

    #[test]
    fn own_address_prefers_what_cannot_change() {
        let mac = |last| Some(Mac([2, 0, 0, 0, 0, last]));
        let port = Port { permanent: mac(2), ..Port::default() };
        let free = Link { mac: mac(9), ..Link::default() };
        assert_eq!(free.own_mac(), mac(9));
        let in_bond = Link { controller: Some(5), port: Some(port), ..free.clone() };
        assert_eq!(in_bond.own_mac(), mac(2));
        assert_eq!(Link { permanent: mac(1), ..in_bond }.own_mac(), mac(1));
        assert_eq!(Link { controller: Some(5), ..free }.own_mac(), None, "a bridge port may wear another's");
    }
}
