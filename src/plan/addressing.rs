//! Who gets which address: `ip=` words brought to their devices, and merged where they mean the same.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use super::devices::{Devices, unbuilt_vlan};
use super::{Bond, Interface, Ipv4, Ipv6, Method4, Method6, Vlan};
use crate::mac::Mac;
use crate::words::address::MTU_LEAST_IPV6;
use crate::words::problems::Problems;
use crate::words::spec::{Device, IpSpec};
use crate::words::split::Place;

/// What a device of a word comes to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Target {
    /// Its name, or its MAC's text.
    pub name: String,
    /// It is known by its MAC only.
    pub match_mac: Option<Mac>,
    /// The port that the word named instead.
    pub port: Option<String>,
}

/// Everything that tells which device a word means.
pub struct Targets<'a> {
    /// What stands on what.
    pub devices: &'a Devices,
    /// `BOOTIF=`.
    pub bootif: Option<Mac>,
    /// The boot device; otherwise the names among which it is not clear.
    pub boot_device: Result<Target, Vec<String>>,
    /// MTUs that come from bonds.
    pub mtus: BTreeMap<&'a str, u32>,
}

impl Targets<'_> {
    /// What `device` comes to; none: `BOOTIF` where there is none.
    pub fn find(devices: &Devices, bootif: Option<Mac>, device: &Device) -> Option<Target> {
        let mac = match device {
            Device::Name(name) => {
                let above = devices.controller_above(name);
                let port = above.map(|_| name.clone());
                return Some(Target { name: above.unwrap_or(name).to_owned(), match_mac: None, port });
            }
            Device::Mac(mac) => *mac,
            Device::Bootif => bootif?,
        };
        Some(match devices.by_mac(mac) {
            (_, Some(above)) => {
                Target { name: above.to_owned(), match_mac: None, port: Some(mac.to_string()) }
            }
            (Some(name), None) => Target { name: name.to_owned(), match_mac: None, port: None },
            (None, None) => Target { name: mac.to_string(), match_mac: Some(mac), port: None },
        })
    }

    /// As [`Self::find`], and tells of what is odd about it.
    pub fn told(&self, word: &str, device: &Device, place: Place, problems: &mut Problems) -> Option<Target> {
        let target = Self::find(self.devices, self.bootif, device);
        match &target {
            None => {
                let message = format!(
                    "{word}: the device is BOOTIF but no BOOTIF= says which NIC that is: write the device's name"
                );
                problems.error(place, message);
            }
            Some(Target { name, port: Some(port), .. }) => {
                let message =
                    format!("{word}: {port} is a port of {name}, which is meant instead: write {name}");
                problems.warning(place, message);
            }
            Some(Target { name, .. }) => {
                if let Some(link) = unbuilt_vlan(name, |name| self.devices.builds(name)) {
                    let message = format!("{word}: no vlan= builds {name}: write vlan={name}:{link}");
                    problems.warning(place, message);
                }
            }
        }
        target
    }
}

/// One interface, and where its parts were written.
struct Addressed {
    interface: Interface,
    gateway4: Place,
    gateway6: Place,
    mtu: Place,
}

/// Words that count: that a port gets no address is no word on the address of its bond or bridge.
pub fn counted(specs: Vec<IpSpec>, targets: &Targets<'_>, problems: &mut Problems) -> Vec<IpSpec> {
    let mut counts = |spec: &IpSpec| {
        // Which NIC BOOTIF is, whoever writes it does not know.
        let Some((device @ (Device::Name(_) | Device::Mac(_)), place)) = &spec.device else { return true };
        let says_more = spec.mtu.is_some()
            || spec.set_mac.is_some()
            || spec.hostname.is_some()
            || !(spec.dns.is_empty() && spec.ntp.is_empty());
        match Targets::find(targets.devices, targets.bootif, device) {
            Some(Target { name, port: Some(port), .. })
                if spec.sound && !says_more && spec.asks_nothing() =>
            {
                let message = format!(
                    "ip=: {port} is a port of {name} and gets no address anyway, so this counts for nothing: remove \
                     it, or write ip={name}:none if {name} is to have none"
                );
                problems.warning(*place, message);
                false
            }
            _ => true,
        }
    };
    specs.into_iter().filter(|spec| counts(spec)).collect()
}

/// The interfaces of these words, and the last host name in them. Of one device the boot line's words replace those
/// that are baked.
pub fn interfaces(
    specs: Vec<IpSpec>,
    targets: &Targets<'_>,
    problems: &mut Problems,
) -> (Vec<Interface>, Option<String>) {
    let name_of = |spec: &IpSpec| match &spec.device {
        Some((device, _)) => Targets::find(targets.devices, targets.bootif, device).map(|target| target.name),
        None => targets.boot_device.as_ref().ok().map(|target| target.name.clone()),
    };
    let of_boot_line: BTreeSet<String> =
        specs.iter().filter(|spec| !spec.baked).filter_map(name_of).collect();
    let mut found: Vec<Addressed> = Vec::new();
    let mut hostname = None;
    let mut by_name: BTreeMap<String, usize> = BTreeMap::new();
    for spec in specs {
        if spec.baked && name_of(&spec).is_some_and(|name| of_boot_line.contains(&name)) {
            problems.replaced(spec.place.word);
            continue;
        }
        if !spec.sound {
            continue;
        }
        let Some(target) = target(&spec, targets, problems) else { continue };
        hostname = spec.hostname.clone().or(hostname);
        match by_name.get(&target.name).and_then(|at| found.get_mut(*at)) {
            Some(known) => merge(known, spec, problems),
            None => {
                by_name.insert(target.name.clone(), found.len());
                found.push(addressed(spec, target));
            }
        }
    }
    for known in &mut found {
        check_gateways(known, problems);
        check_mtu(known, &targets.mtus, problems);
    }
    (found.into_iter().map(|known| known.interface).collect(), hostname)
}

fn target(spec: &IpSpec, targets: &Targets<'_>, problems: &mut Problems) -> Option<Target> {
    match (&spec.device, &targets.boot_device) {
        (Some((device, place)), _) => targets.told("ip=", device, *place, problems),
        (None, Ok(target)) => Some(target.clone()),
        // There is no top where the bond itself can't be followed, which has its own error.
        (None, Err(tops)) if tops.is_empty() => None,
        (None, Err(tops)) => {
            problems.error(spec.place, format!("ip=: {}", unclear(tops)));
            None
        }
    }
}

/// The sentence for a boot device that is needed and not clear.
pub fn unclear(tops: &[String]) -> String {
    let shown: Vec<&str> = tops.iter().map(String::as_str).take(4).collect();
    let first = shown.first().copied().unwrap_or("bond0");
    let more = if tops.len() > shown.len() { " and more" } else { "" };
    format!(
        "no device is named and it could be {}{more}: write ip={first}:dhcp or bootdev={first}, or another of them",
        shown.join(" or ")
    )
}

/// An interface of one word.
fn addressed(spec: IpSpec, target: Target) -> Addressed {
    let interface = Interface {
        name: target.name,
        match_mac: target.match_mac,
        ipv4: spec.ipv4,
        ipv6: spec.ipv6,
        server: spec.server,
        mtu: spec.mtu.map(|(mtu, _)| mtu),
        set_mac: spec.set_mac.map(|(mac, _)| mac),
        hostname: spec.hostname,
        dns: spec.dns,
        ntp: spec.ntp,
    };
    let mtu = spec.mtu.map_or(spec.place, |(_, place)| place);
    let gateway = spec.gateway_place;
    Addressed { interface, gateway4: gateway, gateway6: gateway, mtu }
}

/// A further word for a device: addresses add up, and what can't be twice must be the same.
fn merge(known: &mut Addressed, spec: IpSpec, problems: &mut Problems) {
    let name = known.interface.name.clone();
    let mut clash = |place: Place, what: &str| {
        problems.error(place, format!("ip=: {name} has two {what}: write one"));
    };
    let to = &mut known.interface;
    let Ipv4 { method, addresses, gateway, peer } = spec.ipv4;
    let here = (to.ipv4.method, method);
    if one_of(&mut to.ipv4.method, method, Method4::None) {
        clash(spec.method_place, &format!("IPv4 methods, {} and {}", name4(here.0), name4(here.1)));
    }
    to.ipv4.addresses.extend(new(&to.ipv4.addresses, addresses));
    if gateway.is_some() && to.ipv4.gateway.is_none() {
        known.gateway4 = spec.gateway_place;
    }
    if one_of(&mut to.ipv4.gateway, gateway, None) {
        clash(spec.gateway_place, "IPv4 gateways");
    }
    if one_of(&mut to.ipv4.peer, peer, None) {
        clash(spec.place, "IPv4 peers");
    }
    let Ipv6 { method, addresses, gateway, peer } = spec.ipv6;
    let here = (to.ipv6.method, method);
    if one_of(&mut to.ipv6.method, method, Method6::None) {
        clash(spec.method_place, &format!("IPv6 methods, {} and {}", name6(here.0), name6(here.1)));
    }
    to.ipv6.addresses.extend(new(&to.ipv6.addresses, addresses));
    if gateway.is_some() && to.ipv6.gateway.is_none() {
        known.gateway6 = spec.gateway_place;
    }
    if one_of(&mut to.ipv6.gateway, gateway, None) {
        clash(spec.gateway_place, "IPv6 gateways");
    }
    if one_of(&mut to.ipv6.peer, peer, None) {
        clash(spec.place, "IPv6 peers");
    }
    let (mtu, mtu_place) = spec.mtu.map_or((None, known.mtu), |(mtu, place)| (Some(mtu), place));
    if one_of(&mut to.mtu, mtu, None) {
        clash(mtu_place, "MTUs");
    } else if mtu.is_some() {
        known.mtu = mtu_place;
    }
    let (set_mac, mac_place) = spec.set_mac.map_or((None, spec.place), |(mac, place)| (Some(mac), place));
    if one_of(&mut to.set_mac, set_mac, None) {
        clash(mac_place, "MACs");
    }
    to.server = spec.server.or(to.server);
    to.hostname = spec.hostname.or(to.hostname.take());
    to.dns.extend(new(&to.dns, spec.dns));
    to.ntp.extend(new(&to.ntp, spec.ntp));
}

/// Takes `more` if it says something; true if there was something else already.
fn one_of<T: PartialEq + Copy>(kept: &mut T, more: T, nothing: T) -> bool {
    if *kept == nothing {
        *kept = more;
    }
    more != nothing && *kept != more
}

/// Those of `more` that are not among `known`, in their order.
fn new<T: PartialEq + Clone>(known: &[T], more: Vec<T>) -> Vec<T> {
    more.into_iter().filter(|item| !known.contains(item)).collect()
}

fn name4(method: Method4) -> &'static str {
    match method {
        Method4::None => "none",
        Method4::Dhcp => "dhcp",
        Method4::Static => "static",
        Method4::LinkLocal => "link-local",
    }
}

fn name6(method: Method6) -> &'static str {
    match method {
        Method6::None => "none",
        Method6::Auto => "auto6",
        Method6::Dhcp => "dhcp6",
        Method6::Either => "either6",
        Method6::Static => "static",
        Method6::LinkLocal => "link-local",
    }
}

/// Gateways that no address of the device reaches, and those of a family that is not used.
fn check_gateways(known: &mut Addressed, problems: &mut Problems) {
    let (gateway4, gateway6) = (known.gateway4, known.gateway6);
    let Interface { name, ipv4, ipv6, .. } = &mut known.interface;
    let unused = |gateway: IpAddr| {
        format!(
            "ip=: {name} gets no address of the family of its gateway {gateway}, which is left out: remove it"
        )
    };
    if let Some(gateway) = ipv4.gateway {
        let reached =
            ipv4.addresses.iter().any(|network| network.contains(gateway)) || ipv4.peer == Some(gateway);
        if ipv4.method == Method4::None {
            problems.warning(gateway4, unused(gateway.into()));
            ipv4.gateway = None;
        } else if !ipv4.addresses.is_empty() && !reached {
            problems.warning(gateway4, outside(gateway.into()));
        }
    }
    if let Some(gateway) = ipv6.gateway {
        let reached = ipv6.addresses.iter().any(|network| network.contains(gateway))
            || ipv6.peer == Some(gateway)
            || gateway.is_unicast_link_local();
        if ipv6.method == Method6::None {
            problems.warning(gateway6, unused(gateway.into()));
            ipv6.gateway = None;
        } else if !ipv6.addresses.is_empty() && !reached {
            problems.warning(gateway6, outside(gateway.into()));
        }
    }
}

fn outside(gateway: IpAddr) -> String {
    format!("ip=: the gateway {gateway} is outside the subnet and gets an on-link route: check GW and MASK")
}

/// IPv6 on a link whose MTU is too small for it: that of its `ip=`, else that of the bond beneath.
fn check_mtu(known: &Addressed, of_bonds: &BTreeMap<&str, u32>, problems: &mut Problems) {
    let Interface { name, ipv6, mtu, .. } = &known.interface;
    let mtu = mtu.or_else(|| of_bonds.get(name.as_str()).copied());
    if let (Some(mtu), true) = (mtu.filter(|mtu| *mtu < MTU_LEAST_IPV6), ipv6.method != Method6::None) {
        let message =
            format!("ip=: IPv6 needs an MTU of {MTU_LEAST_IPV6} and {name} has {mtu}: write a larger one");
        problems.error(known.mtu, message);
    }
}

/// The MTU that each bond and each VLAN of it gets from the bond's word.
pub fn mtus<'a>(bonds: &'a [Bond], vlans: &'a [Vlan]) -> BTreeMap<&'a str, u32> {
    let mut mtus: BTreeMap<&str, u32> =
        bonds.iter().filter_map(|bond| bond.mtu.map(|mtu| (bond.name.as_str(), mtu))).collect();
    for vlan in vlans {
        if let Some(mtu) = mtus.get(vlan.link.as_str()).copied() {
            mtus.insert(&vlan.name, mtu);
        }
    }
    mtus
}
