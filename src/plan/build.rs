//! Specs → [`Plan`]: all that one word alone can't tell.

use std::collections::BTreeMap;

use ipnetwork::IpNetwork;

use super::addressing::{self, Target, Targets, unclear};
use super::devices::Devices;
use super::{Bond, Dhcp, Interface, Ipv4, Ipv6, Method4, Mode, Plan, Rename, Route, Timeouts, Vlan, bonds};
use crate::mac::Mac;
use crate::words::names;
use crate::words::problems::Problems;
use crate::words::spec::{Device, RouteSpec, Specs, VlanSpec};
use crate::words::split::Place;

/// The plan where nothing is asked for: the machine is left alone. What the log should be like holds all the same.
pub fn idle(specs: Specs) -> Plan {
    Plan {
        version: 1,
        active: false,
        bonds: Vec::new(),
        vlans: Vec::new(),
        bridges: Vec::new(),
        interfaces: Vec::new(),
        routes: Vec::new(),
        dns: Vec::new(),
        renames: Vec::new(),
        bootdev: None,
        bootif: None,
        hostname: None,
        peerdns: true,
        timeouts: Timeouts::default(),
        dhcp: Dhcp::default(),
        bondstrap: specs.own,
        problems: Vec::new(),
    }
}

/// The plan that the words come to, and into `problems` what is wrong with them together.
pub fn build(specs: Specs, problems: &mut Problems) -> Plan {
    let Specs {
        asked: _,
        off: _,
        bonds: bond_specs,
        bondmode,
        vlans: vlan_specs,
        bridges: bridge_specs,
        ips,
        routes,
        dns,
        renames,
        bootdev,
        bootif,
        bootif_ignored,
        hostname,
        peerdns_off,
        timeouts,
        mut dhcp,
        client_ids,
        own,
    } = specs;
    // A root that moves has one NIC that works: the others are its backup.
    let bondmode = bondmode.or(own.flip.then_some(Mode::ActiveBackup));
    let bootif = bootif.filter(|_| !bootif_ignored);
    let bootif_mac = bootif.map(|(mac, _)| mac);
    let renames = distinct_renames(renames, problems);

    let mut devices = Devices::default();
    let bond_specs = bonds::join(bond_specs, problems);
    devices.bonds(&bond_specs, problems);
    let (bridges, bridge_specs) = devices.bridges(bridge_specs, problems);
    let vlan_specs = devices.vlans(vlan_specs, problems);
    devices.renames(&renames, problems);
    for spec in &bond_specs {
        devices.ports("bond", &spec.name, &spec.ports, problems);
    }
    for spec in &bridge_specs {
        devices.ports("bridge", &spec.name, &spec.ports, problems);
    }
    devices.check(&bond_specs, &bridge_specs, &vlan_specs, problems);

    let mut bonds: Vec<Bond> =
        bond_specs.iter().map(|spec| bonds::settle(spec, bondmode, problems)).collect();
    let vlans = vlans(vlan_specs, &devices, problems);
    if let Some((mac, place)) = bootif {
        choose_mac(&mut bonds, &devices, mac, place, problems);
    }

    let tops = devices.tops(&vlans);
    let mut targets = Targets {
        devices: &devices,
        bootif: bootif_mac,
        boot_device: Err(tops.iter().map(|(name, _)| (*name).to_owned()).collect()),
        mtus: addressing::mtus(&bonds, &vlans),
    };
    if let Some((device, place)) = &bootdev {
        if let Some(target) = targets.told("bootdev=", device, *place, problems) {
            targets.boot_device = Ok(target);
        }
    } else if let [(name, _)] = tops.as_slice() {
        targets.boot_device = Ok(Target { name: (*name).to_owned(), match_mac: None, port: None });
    }

    let ips = addressing::counted(ips, &targets, problems);
    let mut interfaces = Vec::new();
    let mut hostname_of_ip = None;
    if !ips.is_empty() {
        (interfaces, hostname_of_ip) = addressing::interfaces(ips, &targets, problems);
    } else if let Ok(target) = &targets.boot_device {
        interfaces.push(by_default(target));
    } else if let (Err(names), Some((_, place))) = (&targets.boot_device, tops.get(1)) {
        problems.error(*place, format!("there is no ip=: {}", unclear(names)));
    }
    let routes = distinct(
        routes
            .into_iter()
            .filter_map(|route| settle_route(route, &targets, &interfaces, own.flip, problems))
            .collect(),
    );
    dhcp.client_ids = settle_client_ids(client_ids, &targets, problems);
    let bootdev = bootdev.map(|(device, _)| match device {
        Device::Name(name) => name,
        Device::Mac(mac) => mac.to_string(),
        Device::Bootif => "BOOTIF".into(),
    });
    Plan {
        version: 1,
        active: true,
        bonds,
        vlans,
        bridges,
        interfaces,
        routes,
        dns: distinct(dns),
        renames: renames.into_iter().map(|(rename, _)| rename).collect(),
        bootdev,
        bootif: bootif_mac,
        hostname: hostname.or(hostname_of_ip),
        peerdns: !peerdns_off,
        timeouts,
        dhcp,
        bondstrap: own,
        problems: Vec::new(),
    }
}

/// Each item once, where it came first.
fn distinct<T: PartialEq>(items: Vec<T>) -> Vec<T> {
    let mut kept = Vec::new();
    for item in items {
        if !kept.contains(&item) {
            kept.push(item);
        }
    }
    kept
}

/// Without any `ip=` the boot device gets DHCPv4.
fn by_default(target: &Target) -> Interface {
    Interface {
        name: target.name.clone(),
        match_mac: target.match_mac,
        ipv4: Ipv4 { method: Method4::Dhcp, ..Ipv4::default() },
        ipv6: Ipv6::default(),
        server: None,
        mtu: None,
        set_mac: None,
        hostname: None,
        dns: Vec::new(),
        ntp: Vec::new(),
    }
}

/// A VLAN on a port means the port's bond or bridge.
fn vlans(specs: Vec<VlanSpec>, devices: &Devices, problems: &mut Problems) -> Vec<Vlan> {
    let mut taken: BTreeMap<(String, u16), String> = BTreeMap::new();
    let mut vlans = Vec::new();
    for VlanSpec { name, place, link, link_place, id } in specs {
        let link = match devices.controller_above(&link).filter(|above| *above != name) {
            Some(above) => {
                let message = format!(
                    "vlan=: {link} is a port of {above}, which is meant instead: write vlan={name}:{above}"
                );
                problems.warning(link_place, message);
                above.to_owned()
            }
            None => link,
        };
        if names::is_bond_by_number(&link) && !devices.builds(&link) {
            let message = format!(
                "vlan=: no word builds {link}, on which {name} would stand: write the name of a bond that is built, or \
                 bond={link}:PORTS"
            );
            problems.warning(link_place, message);
        }
        if let Some(other) = taken.insert((link.clone(), id), name.clone()) {
            let message = format!("vlan=: {other} is VLAN {id} of {link} already: write another id or link");
            problems.error(place, message);
        }
        vlans.push(Vlan { name, link, id });
    }
    vlans
}

/// The renames, none of which contradicts another.
fn distinct_renames(renames: Vec<(Rename, Place)>, problems: &mut Problems) -> Vec<(Rename, Place)> {
    let mut by_name: BTreeMap<String, Mac> = BTreeMap::new();
    let mut by_mac: BTreeMap<Mac, String> = BTreeMap::new();
    let mut kept = Vec::new();
    for (rename, place) in renames {
        let Rename { mac, name } = &rename;
        if by_name.get(name) == Some(mac) {
            continue;
        }
        if let Some(other) = by_name.get(name) {
            problems
                .error(place, format!("ifname=: {name} is the name of {other} already: write another name"));
        } else if let Some(other) = by_mac.get(mac) {
            problems.error(place, format!("ifname=: {mac} is named {other} already: write one name"));
        } else {
            by_name.insert(name.clone(), *mac);
            by_mac.insert(*mac, name.clone());
            kept.push((rename, place));
        }
    }
    kept
}

/// `BOOTIF` gives its MAC to the bond of which it is a port. Where ports are named otherwise than by MAC, that shows
/// only on the machine.
fn choose_mac(bonds: &mut [Bond], devices: &Devices, mac: Mac, place: Place, problems: &mut Problems) {
    let text = mac.to_string();
    let (name, _) = devices.by_mac(mac);
    let is_port = |port: &String| *port == text || Some(port.as_str()) == name;
    let all_are_known = devices.all_ports_have_macs(bonds);
    match bonds.iter_mut().find(|bond| bond.ports.iter().any(is_port)) {
        Some(bond) => bond.mac = Some(mac),
        None if all_are_known => {
            let message = format!(
                "BOOTIF=: {mac} is no port of a bond, so the first port gives the bond its MAC: add it to the ports, \
                 or write rd.bootif=0"
            );
            problems.warning(place, message);
        }
        None => {}
    }
}

fn settle_route(
    spec: RouteSpec,
    targets: &Targets<'_>,
    interfaces: &[Interface],
    flips: bool,
    problems: &mut Problems,
) -> Option<Route> {
    let RouteSpec { place, to, via, dev } = spec;
    let (target, place) = match dev {
        Some((device, place)) => (Some(targets.told("rd.route=", &device, place, problems)?), place),
        None => (None, place),
    };
    let dev = target.as_ref().map(|target| target.name.as_str());
    if target.as_ref().is_some_and(|target| target.match_mac.is_some()) {
        problems.error(place, "rd.route=: a route needs its device's name, not its MAC: write the name");
    } else if !flips {
        // A flip brings addresses along.
        check_sender(&to, dev, place, interfaces, problems);
    }
    Some(Route { to, via, dev: target.map(|target| target.name) })
}

/// A route over what gets no address, and one of a family of which there is none, which is never set.
fn check_sender(
    to: &IpNetwork,
    dev: Option<&str>,
    place: Place,
    interfaces: &[Interface],
    problems: &mut Problems,
) {
    // Whose NIC an ip= names by MAC shows only on the machine.
    let sends = |v4: bool| {
        let asks = |interface: &Interface| {
            let is_it = dev.is_none_or(|dev| interface.name == dev);
            interface.match_mac.is_some() || is_it && interface.asks_for(v4)
        };
        interfaces.iter().any(asks)
    };
    let v4 = to.is_ipv4();
    let (family, method) = if v4 { ("IPv4", "dhcp") } else { ("IPv6", "auto6") };
    // Without any interface there is an error already.
    let Some(name) = dev.or(interfaces.first().map(|first| first.name.as_str())).filter(|_| !sends(v4))
    else {
        return;
    };
    if dev.is_some() && !sends(!v4) {
        let message =
            format!("rd.route=: no ip= gives {name} an address to send from: write such as ip={name}:dhcp");
        problems.error(place, message);
    } else {
        let message = format!(
            "rd.route=: no ip= gives an {family} address to reach {to} from, so the route is not set: write such as \
             ip={name}:{method}"
        );
        problems.warning(place, message);
    }
}

fn settle_client_ids(
    ids: BTreeMap<String, (String, Place)>,
    targets: &Targets<'_>,
    problems: &mut Problems,
) -> BTreeMap<String, String> {
    let mut settled = BTreeMap::new();
    for (device, (id, place)) in ids {
        let device = Device::Name(device);
        if let Some(target) = targets.told("rd.net.dhcp.client-id=", &device, place, problems) {
            settled.insert(target.name, id);
        }
    }
    settled
}
