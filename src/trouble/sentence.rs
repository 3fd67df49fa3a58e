//! A sentence for each trouble, and what to do about it. (pure)

use super::address::{Mismatch, mismatch, untagged};
use super::{Bond, Finding, Interface, Kind, Lag, Port};

/// So many ports, or groups of them, are named.
const MOST_NAMED: usize = 8;
/// They take no more room than this. Characters.
const LONGEST_LIST: usize = 240;

impl Kind {
    /// Its name in `state.json`: it stays the same.
    pub fn name(self) -> &'static str {
        match self {
            Self::NoCarrier => "no-carrier",
            Self::SpeedsDiffer => "speeds-differ",
            Self::NoneSent => "none-sent",
            Self::Looped => "looped",
            Self::KeysDiffer => "keys-differ",
            Self::SystemsDiffer => "systems-differ",
            Self::Unanswered => "unanswered",
            Self::NotCollecting => "not-collecting",
            Self::Churned => "churned",
            Self::BothPassive => "both-passive",
            Self::PlainPorts => "plain-ports",
            Self::NoLag => "no-lag",
            Self::NothingHeard => "nothing-heard",
            Self::Fallback => "fallback",
            Self::OtherVlan => "other-vlan",
            Self::DhcpSilent => "dhcp-silent",
            Self::DhcpRefused => "dhcp-refused",
            Self::NoRouter => "no-router",
            Self::DuplicateAddress => "duplicate-address",
            Self::RouterSilent => "router-silent",
        }
    }

    /// What to do about it.
    fn advice(self) -> &'static str {
        match self {
            Self::NoCarrier => "check the cable, the transceiver, and that the switch port is enabled",
            Self::SpeedsDiffer => "use ports of one speed, or name those of one speed in bond=",
            Self::NoneSent => {
                "look at the NIC's driver and firmware; it has to tell a speed and full duplex (ethtool)"
            }
            Self::Looped => "a cable leads from port to port of this machine, or the switch is in loopback",
            Self::KeysDiffer => "put these switch ports into one LAG",
            Self::SystemsDiffer => {
                "cable them to one switch, or make the switches one LACP system (MLAG, stack)"
            }
            Self::Unanswered => {
                "check both fibres of the cable, and that nothing on the way drops 01:80:c2:00:00:02"
            }
            Self::NotCollecting => {
                "look at the switch port: is it blocked (spanning tree), suspended, or short of links in its LAG?"
            }
            Self::Churned => "look at the switch for why it does not take these ports into the LAG",
            Self::BothPassive => "leave lacp_active=off out, or set the switch ports to active",
            Self::PlainPorts => {
                "make them one LACP group in active mode, or boot with bondmode=active-backup"
            }
            Self::NoLag => {
                "make them one LACP group in active mode, or boot with bondmode=balance-xor (static LAG) or \
                 bondmode=active-backup (no LAG)"
            }
            Self::NothingHeard => {
                "set these switch ports to one LACP (802.3ad) group in active mode, or boot with \
                 bondmode=active-backup"
            }
            Self::Fallback => "one port carries everything: look at the switch for why there is no agreement",
            Self::OtherVlan => "correct vlan= in the boot line, or the VLANs of the switch port",
            Self::DhcpSilent => "check that a DHCP server or relay is in this VLAN, or give a static address",
            Self::DhcpRefused => "look at that DHCP server",
            Self::NoRouter => {
                "set option 3 on the DHCP server; installers that look for a default route will not see this network"
            }
            Self::DuplicateAddress => {
                "find that station, or use another address; one of a DHCP server belongs out of its pool"
            }
            Self::RouterSilent => "check the router's address, and that it is in this VLAN",
        }
    }
}

/// The finding on ports of a bond, by their places in it.
pub fn finding(kind: Kind, bond: &Bond<'_>, places: &[usize]) -> Finding {
    let ports: Vec<&Port<'_>> = places.iter().filter_map(|place| bond.ports.get(*place)).collect();
    let names = list(ports.iter().map(|port| place(port)));
    let sentence = match kind {
        Kind::NoCarrier => format!("{names}: no carrier"),
        Kind::SpeedsDiffer => {
            let each = bond.ports.iter().filter_map(|port| Some((port, port.speed?)));
            let each = list(each.map(|(port, speed)| format!("{}: {speed} Mbit/s", port.name)));
            format!("a LAG takes ports of one speed only, and {} has ports of several ({each})", bond.name)
        }
        Kind::NoneSent => format!("{names}: carrier, but none of our LACPDUs leaves"),
        Kind::Looped => format!("{names}: our own LACPDUs come back"),
        Kind::KeysDiffer => {
            let each = groups(bond, |lag| format!("key {}", lag.1));
            format!("the ports of {} are in different LAGs of one switch ({each})", bond.name)
        }
        Kind::SystemsDiffer => {
            let each = groups(bond, |lag| lag.0.to_string());
            format!("the ports of {} are on different switches that are no MLAG ({each})", bond.name)
        }
        Kind::Unanswered => format!("{names}: LACPDUs are heard, and the other side hears none of ours"),
        Kind::NotCollecting => format!("{names}: the partner is in sync, and does not collect"),
        Kind::Churned => format!("{names}: both sides speak, and have not agreed for a minute (churned)"),
        Kind::BothPassive => {
            format!("{names}: both sides are passive: we do not speak first, and nothing is heard")
        }
        Kind::PlainPorts => format!(
            "{names}: no LACPDU is heard, and each of them gets its own copy of a broadcast: these switch ports are in no \
             LAG"
        ),
        Kind::NoLag => {
            let answered: Vec<&Port<'_>> = bond.ports.iter().filter(|port| port.dhcp).collect();
            let on = list(answered.iter().map(|port| place(port)));
            let only = if answered.len() == 1 && bond.ports.len() > 1 { " only" } else { "" };
            format!(
                "{names}: no LACPDU is heard, yet DHCP answers on {on}{only}: these switch ports are a static LAG, in no \
                 LAG, or let in who speaks no LACP (LACP fallback)"
            )
        }
        Kind::NothingHeard => format!("{names}: carrier, but no LACPDU is heard"),
        Kind::Fallback => format!(
            "no LACP partner on {}, the switch forwards all the same on {names} (LACP fallback at work)",
            bond.name
        ),
        _ => String::new(),
    };
    let ports = ports.iter().map(|port| port.name.to_owned()).collect();
    Finding { kind: kind.name().to_owned(), ports, sentence, advice: kind.advice().to_owned() }
}

impl Interface<'_> {
    /// The finding on this interface.
    pub fn finding(&self, kind: Kind) -> Finding {
        let name = self.name;
        let sentence = match kind {
            Kind::OtherVlan => self.vlan_sentence(),
            Kind::DhcpSilent => {
                let goes = |id| format!("; untagged frames go to VLAN {id} (LLDP)");
                let vlan = untagged(self).map_or(String::new(), goes);
                format!("{name}: DHCP is silent: {} DISCOVERs, no answer{vlan}", self.discovers)
            }
            Kind::DhcpRefused if self.refused.is_empty() => {
                format!("{name}: DHCP refuses: there are offers, and no lease comes of them")
            }
            Kind::DhcpRefused => {
                format!("{name}: DHCP answers, and not as it could be used: {}", self.refused.join(", "))
            }
            Kind::NoRouter => {
                format!("{name}: the lease has no router: nothing beyond its subnet can be reached")
            }
            Kind::DuplicateAddress => {
                let address = self.duplicate.map_or(String::new(), |address| format!(" {address}"));
                format!("{name}: duplicate address: another station has{address}")
            }
            Kind::RouterSilent => {
                let router = self.router.map_or(String::new(), |(address, _)| format!(" {address}"));
                format!("{name}: the router{router} does not answer")
            }
            _ => String::new(),
        };
        Finding {
            kind: kind.name().to_owned(),
            ports: vec![name.to_owned()],
            sentence,
            advice: kind.advice().to_owned(),
        }
    }

    fn vlan_sentence(&self) -> String {
        let silent = format!("{}: no DHCP offer, and the switch port is in another VLAN (LLDP)", self.name);
        match mismatch(self) {
            Some(Mismatch::Untagged(id)) => {
                format!("{silent}: VLAN {id} is its untagged one, and we tag for it")
            }
            Some(Mismatch::NotNamed(id, named)) => {
                format!("{silent}: it names {}, and we tag for {id}", list(named.iter().map(u16::to_string)))
            }
            None => silent,
        }
    }
}

/// `eth0`, and the switch port that its cable goes to.
fn place(port: &Port<'_>) -> String {
    match port.neighbour {
        Some(neighbour) => format!("{} ({})", port.name, neighbour.place()),
        None => port.name.to_owned(),
    }
}

/// `key 7 on eth0, eth2, key 8 on eth1`.
fn groups(bond: &Bond<'_>, text: impl Fn(Lag) -> String) -> String {
    let mut all: Vec<(String, Vec<String>)> = Vec::new();
    for port in &bond.ports {
        let Some(text) = bond.lag_of(port).map(&text) else { continue };
        match all.iter_mut().find(|(known, _)| *known == text) {
            Some((_, ports)) => ports.push(place(port)),
            None => all.push((text, vec![place(port)])),
        }
    }
    let groups = all.into_iter().map(|(text, ports)| format!("{text} on {}", list(ports.into_iter())));
    shortened(groups, "; ")
}

/// `eth0, eth1`; of many the first, and how many more there are.
pub fn list(names: impl Iterator<Item = String>) -> String {
    shortened(names, ", ")
}

/// A sentence about sixty ports names the first; fewer of them where the names are long.
fn shortened(parts: impl Iterator<Item = String>, between: &str) -> String {
    let (mut shown, mut more, mut length) = (Vec::new(), 0, 0);
    for part in parts {
        length += part.chars().count() + between.len();
        if shown.len() < MOST_NAMED && (length <= LONGEST_LIST || shown.is_empty()) {
            shown.push(part);
        } else {
            more += 1;
        }
    }
    if more > 0 {
        shown.push(format!("{more} more"));
    }
    shown.join(between)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lldp::neighbour::Neighbour;
    use crate::mac::Mac;

    #[test]
    fn a_place_on_the_switch_is_told() {
        let neighbour =
            Neighbour { system: "sw-rack3".into(), port: "Ethernet1/7".into(), ..Neighbour::default() };
        let port = |name, key| Port { name, lag: Some((Mac([4, 0, 0, 0, 0, 1]), key)), ..Port::default() };
        let ports =
            vec![port("eth0", 7), Port { neighbour: Some(&neighbour), ..port("eth1", 8) }, port("eth2", 7)];
        let bond = Bond { name: "bond0", ports, ..Bond::default() };
        let found = finding(Kind::KeysDiffer, &bond, &[1]);
        assert_eq!(
            found.line(),
            "the ports of bond0 are in different LAGs of one switch (key 7 on eth0, eth2; key 8 on eth1 (sw-rack3 \
             Ethernet1/7)); put these switch ports into one LAG"
        );
        assert_eq!((found.kind.as_str(), found.ports), ("keys-differ", vec!["eth1".to_owned()]));
        assert_eq!(
            finding(Kind::NoCarrier, &bond, &[0, 1]).sentence,
            "eth0, eth1 (sw-rack3 Ethernet1/7): no carrier"
        );
    }

    #[test]
    fn of_many_ports_the_first_are_named() {
        let names: Vec<String> = (0..64).map(|number| format!("eth{number}")).collect();
        let ports = names.iter().map(|name| Port { name, ..Port::default() }).collect();
        let bond = Bond { name: "bond0", ports, ..Bond::default() };
        let places: Vec<usize> = (0..64).collect();
        assert_eq!(
            finding(Kind::NoCarrier, &bond, &places).sentence,
            "eth0, eth1, eth2, eth3, eth4, eth5, eth6, eth7, 56 more: no carrier"
        );
    }

    #[test]
    fn vlans() {
        let neighbour = Neighbour { vlan: Some(20), vlans: vec![30, 31], ..Neighbour::default() };
        let interface =
            Interface { name: "bond0", vlan: Some(42), neighbours: vec![&neighbour], ..Interface::default() };
        assert_eq!(
            interface.finding(Kind::OtherVlan).sentence,
            "bond0: no DHCP offer, and the switch port is in another VLAN (LLDP): it names 30, 31, and we tag for 42"
        );
        let access = Interface { vlan: None, discovers: 7, ..interface };
        assert_eq!(
            access.finding(Kind::DhcpSilent).sentence,
            "bond0: DHCP is silent: 7 DISCOVERs, no answer; untagged frames go to VLAN 20 (LLDP)"
        );
    }
}
