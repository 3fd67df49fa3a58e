//! Plan, and what an engine knows, to [`Kept`].
//!
//! The words say what is wanted. The engine says which NICs that came to, and which MAC the bond has. A lease is not
//! kept: whoever has `dhcp` now has it afterwards.

use super::{Device, Kept, Kind};
use crate::engine::mtu_needed;
use crate::engine::state::{PortState, State};
use crate::escape::printable;
use crate::mac::Mac;
use crate::plan::{Bond, ClientId, Interface, Ipv4, Ipv6, Options, Plan, Route};
use crate::settle::resolve::Wanted;
use crate::words::names::glob_matches;

/// What is to be kept of `plan`. `state`: of the engine that is or was at work.
///
/// # Errors
/// One sentence on what can't be kept, or not from the words alone.
pub fn keep(plan: &Plan, state: Option<&State>) -> Result<Kept, String> {
    if let Some(bridge) = plan.bridges.first() {
        return Err(format!(
            "bridge={}: no format of this version keeps a bridge; leave it out",
            bridge.name
        ));
    }
    let mut kept = Kept {
        devices: Vec::new(),
        hostname: plan.hostname.clone(),
        peerdns: plan.peerdns,
        client_id: plan.dhcp.client_id,
        renames: plan.renames.clone(),
        absent: Vec::new(),
        notes: notes(plan),
    };
    for bond in &plan.bonds {
        add_bond(plan, bond, state, &mut kept)?;
    }
    // ifupdown goes by the order: the NICs that carry VLANs first.
    for vlan in plan.vlans.iter().filter(|vlan| !plan.builds(&vlan.link)) {
        find_or_add(&mut kept, &vlan.link, None);
    }
    for vlan in &plan.vlans {
        kept.devices.push(device(&vlan.name, Kind::Vlan(vlan.id, vlan.link.clone())));
    }
    for (which, interface) in plan.interfaces.iter().enumerate() {
        // The order is that of the engine: what stands for all comes first.
        let all = plan.dns.iter().filter(|_| which == 0);
        let dns = all.chain(&interface.dns).map(ToString::to_string).collect();
        add_interface(interface, dns, &mut kept);
    }
    raise_mtus(plan, &mut kept);
    for route in &plan.routes {
        let dev = route.dev.clone().or_else(|| towards(&kept, plan, route));
        if let Some(dev) = dev {
            find_or_add(&mut kept, &dev, None).routes.push(route.clone());
        }
    }
    tell_unknown(&mut kept);
    check_names(&kept)?;
    Ok(kept)
}

/// What is asked for and is for the installer's time only, or has no place in the formats.
fn notes(plan: &Plan) -> Vec<String> {
    let asked = [
        (plan.dhcp.vendor_class.is_some(), "rd.net.dhcp.vendor-class="),
        (!plan.dhcp.client_ids.is_empty(), "rd.net.dhcp.client-id="),
        (plan.dhcp.client_id != ClientId::Mac, "bondstrap.clientid="),
        (plan.interfaces.iter().any(|interface| !interface.ntp.is_empty()), "the time server of ip="),
    ];
    let asked = asked.into_iter().filter(|(asked, _)| *asked);
    asked.map(|(_, what)| format!("{what} is not kept: set it by hand in the installed system")).collect()
}

fn device(name: &str, kind: Kind) -> Device {
    Device {
        id: name.to_owned(),
        permanent: None,
        named: true,
        kind,
        mac: None,
        mtu: None,
        ipv4: Ipv4::default(),
        ipv6: Ipv6::default(),
        dns: Vec::new(),
        routes: Vec::new(),
    }
}

/// A NIC by what is known of it: a name, a MAC, or both.
fn nic(name: Option<&str>, permanent: Option<Mac>, kind: Kind) -> Device {
    let stands_for = || format!("nic-{}", permanent.unwrap_or_default().to_string().replace(':', ""));
    let id = name.map_or_else(stands_for, str::to_owned);
    Device { permanent, named: name.is_some(), ..device(&id, kind) }
}

fn add_bond(plan: &Plan, bond: &Bond, state: Option<&State>, kept: &mut Kept) -> Result<(), String> {
    // A port that stands in for the bond bears no bond's name.
    let stands_in = |port: &PortState| port.bond.is_empty() && plan.bonds.len() == 1;
    let of_bond = |port: &&PortState| port.bond == bond.name || stands_in(port);
    let there: Vec<&PortState> = state.iter().flat_map(|state| &state.ports).filter(of_bond).collect();
    let mut ports: Vec<Device> = Vec::new();
    for text in &bond.ports {
        let found = find_port(plan, text, &there);
        if found.is_empty() {
            return Err(format!(
                "bond=: which NICs \"{}\" of {} stands for is known only where bondstrap up is at work: persist there, or name them",
                printable(text),
                bond.name
            ));
        }
        for (name, mac) in found {
            let known = |port: &Device| {
                port.named && name == Some(port.id.as_str()) || mac.is_some() && port.permanent == mac
            };
            if ports.iter().any(known) {
                continue;
            }
            let port = nic(name, mac, Kind::Port(bond.name.clone()));
            let is =
                |there: &&PortState| name == Some(there.name.as_str()) || mac.is_some() && mac == there.mac;
            // An engine that has no ports at all has yet to look, or has given them back.
            if !there.is_empty() && !there.iter().any(is) {
                kept.absent.push(port.id.clone());
            }
            ports.push(port);
        }
    }
    // The engine's order: what it has done, or would do.
    let is = state.and_then(|state| state.bonds.iter().find(|is| is.name == bond.name)?.mac);
    let booted = plan.bootif.filter(|mac| ports.iter().any(|port| port.permanent == Some(*mac)));
    let first = || ports.first().and_then(|port| port.permanent);
    let mac = is.filter(|mac| !mac.is_zero()).or(booted).or(bond.mac).or_else(first);
    let options = Options(
        bond.options.0.iter().map(|(option, value)| (*option, port_name(&ports, option, value))).collect(),
    );
    let bond_device = Device { mac, mtu: bond.mtu, ..device(&bond.name, Kind::Bond(bond.mode, options)) };
    kept.devices.push(bond_device);
    kept.devices.append(&mut ports);
    Ok(())
}

/// Name and MAC of each NIC that a port as written stands for.
fn find_port<'a>(
    plan: &'a Plan,
    text: &'a str,
    there: &[&'a PortState],
) -> Vec<(Option<&'a str>, Option<Mac>)> {
    let matching = |fits: &dyn Fn(&PortState) -> bool| {
        there.iter().filter(|port| fits(port)).map(|port| (Some(port.name.as_str()), port.mac)).collect()
    };
    let found: Vec<_> = match Wanted::parse(text) {
        Wanted::All | Wanted::Auto => return matching(&|_| true),
        Wanted::Glob(pattern) => return matching(&|port| glob_matches(&pattern, &port.name)),
        Wanted::Name(name) => matching(&|port| port.name == name),
        Wanted::Mac(mac) => matching(&|port| port.mac == Some(mac)),
    };
    if !found.is_empty() {
        return found;
    }
    // Not there, or nobody to ask: the words may tell the other half.
    let renamed = |rename: &&crate::plan::Rename| rename.name == text || rename.mac.to_string() == text;
    match (plan.renames.iter().find(renamed), text.parse().ok()) {
        (Some(rename), _) => vec![(Some(rename.name.as_str()), Some(rename.mac))],
        (None, Some(mac)) => vec![(None, Some(mac))],
        (None, None) => vec![(Some(text), None)],
    }
}

/// The value of an option; if it is a port's MAC, what the port is called.
fn port_name(ports: &[Device], option: &str, value: &str) -> String {
    let named = || {
        let mac = value.parse().ok();
        ports.iter().find(|port| mac.is_some() && port.permanent == mac && port.named)
    };
    match option {
        "primary" | "active_slave" => named().map_or_else(|| value.to_owned(), |port| port.id.clone()),
        _ => value.to_owned(),
    }
}

/// The device of this name or MAC; a NIC of its own, if it is none of those known.
fn find_or_add<'a>(kept: &'a mut Kept, name: &str, mac: Option<Mac>) -> &'a mut Device {
    let is = |device: &Device| match mac {
        Some(_) => device.permanent == mac,
        None => device.named && device.id == name,
    };
    let mut found = kept.devices.iter().position(is);
    // A port has no address of its own: its bond is meant.
    if let Some(Kind::Port(bond)) = found.map(|at| &kept.devices[at].kind) {
        found = kept.devices.iter().position(|device| device.id == *bond).or(found);
    }
    let at = found.unwrap_or_else(|| {
        kept.devices.push(nic(mac.is_none().then_some(name), mac, Kind::Nic));
        kept.devices.len() - 1
    });
    &mut kept.devices[at]
}

fn add_interface(interface: &Interface, dns: Vec<String>, kept: &mut Kept) {
    let Interface { name, match_mac, ipv4, ipv6, server: _, mtu, set_mac, hostname: _, dns: _, ntp: _ } =
        interface;
    let to = find_or_add(kept, name, *match_mac);
    to.ipv4 = ipv4.clone();
    to.ipv6 = ipv6.clone();
    to.mtu = mtu.or(to.mtu);
    to.mac = set_mac.or(to.mac);
    to.dns = dns;
}

/// A VLAN has no larger MTU than what it stands on. Ports get that of their bond from the kernel.
fn raise_mtus(plan: &Plan, kept: &mut Kept) {
    let written = |name: &str| kept.devices.iter().find(|device| device.id == name)?.mtu;
    let mtus: Vec<_> = kept.devices.iter().map(|device| mtu_needed(plan, &device.id, written)).collect();
    kept.devices.iter_mut().zip(mtus).for_each(|(device, mtu)| device.mtu = mtu);
}

/// The interface for a route that names none: the one whose subnet its gateway is in, else the first.
fn towards(kept: &Kept, plan: &Plan, route: &Route) -> Option<String> {
    let reaches = |device: &&Device| {
        let via = |via| device.addresses().iter().any(|network| network.contains(via));
        route.via.is_some_and(via)
    };
    let reaching = kept.devices.iter().find(reaches).map(|device| device.id.clone());
    reaching.or_else(|| Some(plan.interfaces.first()?.name.clone()))
}

/// MACs that nobody has told: NICs are found by name then, and the bond's may be another one.
fn tell_unknown(kept: &mut Kept) {
    let mut by_name: Vec<&str> = Vec::new();
    let mut any_mac: Vec<&str> = Vec::new();
    for device in &kept.devices {
        match device.kind {
            Kind::Port(_) | Kind::Nic if device.permanent.is_none() => by_name.push(&device.id),
            Kind::Bond(..) if device.mac.is_none() => any_mac.push(&device.id),
            _ => {}
        }
    }
    let (by_name, any_mac) = (by_name.join(", "), any_mac.join(", "));
    if !by_name.is_empty() {
        kept.notes.push(format!("no MAC is known of {by_name}: found by name in the installed system"));
    }
    if !any_mac.is_empty() {
        kept.notes.push(format!(
            "the MAC of {any_mac} is not known here: it may be another one in the installed system, with another lease"
        ));
    }
}

/// Letters that mean nothing to any of the formats, to a shell or to systemd: no format is asked to quote.
fn is_plain(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_alphanumeric() || first == '_')
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"._+-".contains(&b))
}

fn check_names(kept: &Kept) -> Result<(), String> {
    let renames = kept.renames.iter().map(|rename| rename.name.as_str());
    let mut names: Vec<&str> = renames.collect();
    for device in &kept.devices {
        names.push(&device.id);
        match &device.kind {
            Kind::Vlan(_, link) => names.push(link),
            Kind::Bond(_, options) => {
                let ports = ["primary", "active_slave"].into_iter().filter_map(|option| options.get(option));
                names.extend(ports.filter(|port| port.parse::<Mac>().is_err()));
            }
            Kind::Nic | Kind::Port(_) => {}
        }
    }
    match names.into_iter().find(|name| !is_plain(name)) {
        Some(name) => Err(format!(
            "the name \"{}\" can't be kept: configuration files take letters, digits, dots, dashes, plus signs and underscores",
            printable(name)
        )),
        None => Ok(()),
    }
}
