//! Which device stands on which: controllers and their ports, VLANs and their links, and the top of it all.
//!
//! As far as the words tell: what a glob or `all` comes to on a machine is settled later (`settle/`).

use std::collections::{BTreeMap, BTreeSet};

use super::{Bond, Bridge, Rename, Vlan};
use crate::mac::Mac;
use crate::words::problems::Problems;
use crate::words::spec::{BondSpec, BridgeSpec, PortSpec, VlanSpec};
use crate::words::split::Place;
use crate::words::{address, names};

/// Every name is held against every glob: so few that it takes no time.
const MOST_GLOBS: usize = 64;

/// The devices that the words build, and the ports that they take.
#[derive(Default)]
pub struct Devices {
    /// What the words build, and where they say so, in their order.
    built: Vec<(String, Place)>,
    names: BTreeSet<String>,
    /// Port (a name, or a MAC's text) to bond or bridge.
    controllers: BTreeMap<String, String>,
    globs: Vec<(String, String)>,
    all: Option<String>,
    renames: BTreeMap<Mac, String>,
    /// A device to those that it stands on.
    beneath: BTreeMap<String, Vec<String>>,
}

impl Devices {
    /// True if the words build a device of this name.
    pub fn builds(&self, name: &str) -> bool {
        self.names.contains(name)
    }

    /// Takes in the renames: a NIC that is named by MAC may have a name, which must not be that of a device which
    /// the words build. To be called when these are known, and before [`Self::ports`].
    pub fn renames(&mut self, renames: &[(Rename, Place)], problems: &mut Problems) {
        for (Rename { mac, name }, place) in renames {
            if self.names.contains(name) {
                let message = format!("ifname=: {name} is built by another word already: write another name");
                problems.error(*place, message);
            }
            self.renames.insert(*mac, name.clone());
        }
    }

    /// Notes a device that is to be built; false, and an error, if its name is taken.
    fn build(&mut self, kind: &str, name: &str, place: Place, problems: &mut Problems) -> bool {
        let is_new = self.names.insert(name.to_owned());
        if is_new {
            self.built.push((name.to_owned(), place));
        } else {
            let message = format!("{kind}=: {name} is built by another word already: write another name");
            problems.error(place, message);
        }
        is_new
    }

    /// The bonds, one for each name; [`super::bonds`] has joined their words.
    pub fn bonds(&mut self, specs: &[BondSpec], problems: &mut Problems) {
        for spec in specs {
            self.build("bond", &spec.name, spec.place, problems);
        }
    }

    /// The bridges; a name that comes twice is an error.
    pub fn bridges(
        &mut self,
        specs: Vec<BridgeSpec>,
        problems: &mut Problems,
    ) -> (Vec<Bridge>, Vec<BridgeSpec>) {
        let mut kept = Vec::new();
        for spec in specs {
            if self.build("bridge", &spec.name, spec.place, problems) {
                kept.push(spec);
            }
        }
        let bridge = |spec: &BridgeSpec| {
            let ports = spec.ports.iter().map(|port| port.text.clone()).collect();
            Bridge { name: spec.name.clone(), ports }
        };
        (kept.iter().map(bridge).collect(), kept)
    }

    /// The VLANs; the same word again is one too many, another of the same name or of the same link and id an error.
    pub fn vlans(&mut self, specs: Vec<VlanSpec>, problems: &mut Problems) -> Vec<VlanSpec> {
        let mut kept: Vec<VlanSpec> = Vec::new();
        let mut by_name: BTreeMap<String, (String, u16)> = BTreeMap::new();
        for spec in specs {
            let same = by_name.get(&spec.name).is_some_and(|(link, id)| *link == spec.link && *id == spec.id);
            if same {
                problems.warning(spec.place, format!("vlan=: {} is named twice, once is enough", spec.name));
            } else if self.build("vlan", &spec.name, spec.place, problems) {
                by_name.insert(spec.name.clone(), (spec.link.clone(), spec.id));
                kept.push(spec);
            }
        }
        kept
    }

    /// The ports of one bond or bridge.
    pub fn ports(&mut self, kind: &str, controller: &str, ports: &[PortSpec], problems: &mut Problems) {
        for port in ports {
            let name = self.known_name(&port.text);
            self.beneath.entry(controller.to_owned()).or_default().push(name.clone());
            if name == "all" {
                self.take_all(kind, controller, port.place, problems);
            } else if names::is_glob(&name) && self.globs.len() == MOST_GLOBS {
                let right = "write one that takes more, or all";
                problems
                    .error(port.place, format!("{kind}=: there are more than {MOST_GLOBS} globs: {right}"));
            } else if names::is_glob(&name) {
                self.globs.push((name, controller.to_owned()));
            } else if let Some(other) = self.controllers.get(&name).filter(|other| *other != controller) {
                let message = two_controllers(kind, &name, other, controller);
                problems.error(port.place, message);
            } else if name != "auto" {
                self.controllers.insert(name, controller.to_owned());
            }
        }
    }

    fn take_all(&mut self, kind: &str, controller: &str, place: Place, problems: &mut Problems) {
        match self.all.as_deref().filter(|other| *other != controller) {
            Some(other) => problems.error(place, two_controllers(kind, "every NIC", other, controller)),
            None => self.all = Some(controller.to_owned()),
        }
    }

    /// Errors of what takes a port that a glob or `all` of another takes too, of bonds of what is no NIC, and of devices that
    /// stand on themselves. To be called when everything is known.
    pub fn check(
        &self,
        bonds: &[BondSpec],
        bridges: &[BridgeSpec],
        vlans: &[VlanSpec],
        problems: &mut Problems,
    ) {
        let bond_names: BTreeSet<&str> = bonds.iter().map(|bond| bond.name.as_str()).collect();
        let bridge_names: BTreeSet<&str> = bridges.iter().map(|bridge| bridge.name.as_str()).collect();
        for bond in bonds {
            for port in bond.ports.iter().filter(|port| self.names.contains(&port.text)) {
                let kind = match port.text.as_str() {
                    name if bond_names.contains(name) => "bond",
                    name if bridge_names.contains(name) => "bridge",
                    _ => "VLAN",
                };
                let message = format!(
                    "bond=: {} is a {kind} and can't be a port of the bond {}: write the NICs themselves",
                    port.text, bond.name
                );
                problems.error(port.place, message);
            }
        }
        let of_bonds = bonds.iter().map(|bond| ("bond", &bond.name, &bond.ports));
        let of_bridges = bridges.iter().map(|bridge| ("bridge", &bridge.name, &bridge.ports));
        for (kind, controller, ports) in of_bonds.chain(of_bridges) {
            for port in ports {
                let name = self.known_name(&port.text);
                let other = self.by_pattern(&name).filter(|other| *other != controller);
                if let Some(other) = other.filter(|_| !names::is_glob(&name)) {
                    problems.error(port.place, two_controllers(kind, &name, other, controller));
                }
            }
        }
        let places: BTreeMap<&str, Place> =
            self.built.iter().map(|(name, place)| (name.as_str(), *place)).collect();
        let links: BTreeMap<&str, Vec<&str>> = self
            .beneath
            .iter()
            .map(|(name, ports)| (name.as_str(), ports.iter().map(String::as_str).collect()))
            .chain(vlans.iter().map(|vlan| (vlan.name.as_str(), vec![vlan.link.as_str()])))
            .collect();
        // One of a circle is enough: where one link of it goes, the whole goes.
        let first = circle(&links).into_iter().filter_map(|name| Some((places.get(name)?, name))).min();
        if let Some((place, name)) = first {
            let right = "name as its port or link something that does not need it";
            problems.error(*place, format!("{name} would stand on itself: {right}"));
        }
    }

    /// The name that a port goes by: that of `ifname=` for its MAC, else what is written.
    fn known_name(&self, port: &str) -> String {
        let renamed = port.parse::<Mac>().ok().and_then(|mac| self.renames.get(&mac));
        renamed.map_or(port, |name| name.as_str()).to_owned()
    }

    /// The bond or bridge whose glob, or `all`, takes this name.
    fn by_pattern(&self, name: &str) -> Option<&String> {
        if self.names.contains(name) || name.contains(':') || matches!(name, "all" | "auto") {
            return None;
        }
        let glob = self.globs.iter().find(|(glob, _)| names::glob_matches(glob, name));
        let wired = names::looks_like_nic(name) && !name.starts_with("wl") && !name.starts_with("ww");
        glob.map(|(_, controller)| controller).or(self.all.as_ref().filter(|_| wired))
    }

    /// The bond or bridge of which this is a port.
    fn controller(&self, name: &str) -> Option<&String> {
        self.controllers.get(name).or_else(|| self.by_pattern(name))
    }

    /// What is meant by a device that may be a port: its bond or bridge, and so on up. None: it is no port.
    pub fn controller_above(&self, name: &str) -> Option<&str> {
        let mut top = self.controller(name)?;
        // Each step goes to another device, unless they stand in a circle (which is an error of its own).
        for _ in 0..self.built.len() {
            match self.controller(top) {
                Some(above) => top = above,
                None => break,
            }
        }
        Some(top)
    }

    /// The name of the NIC with this MAC, if `ifname=` says it, and the bond or bridge of which it is a port.
    pub fn by_mac(&self, mac: Mac) -> (Option<&str>, Option<&str>) {
        let name = self.renames.get(&mac).map(String::as_str);
        let above = match name {
            Some(name) => self.controller_above(name),
            None => self.controller_above(&mac.to_string()),
        };
        (name, above)
    }

    /// What the words build and nothing else that they build stands on, with the places, in their order.
    pub fn tops(&self, vlans: &[Vlan]) -> Vec<(&str, Place)> {
        let links: BTreeSet<&str> = vlans.iter().map(|vlan| vlan.link.as_str()).collect();
        let is_top = |name: &str| !links.contains(name) && self.controller(name).is_none();
        self.built
            .iter()
            .filter(|(name, _)| is_top(name))
            .map(|(name, place)| (name.as_str(), *place))
            .collect()
    }

    /// True if every port of every bond is named by its MAC, or by a name that `ifname=` gives: then the words tell of
    /// each MAC whether it is a port's.
    pub fn all_ports_have_macs(&self, bonds: &[Bond]) -> bool {
        let named: BTreeSet<&String> = self.renames.values().collect();
        bonds
            .iter()
            .flat_map(|bond| &bond.ports)
            .all(|port| port.parse::<Mac>().is_ok() || named.contains(port))
    }
}

/// The link of a VLAN of this name (`bond0.42`), where the words build the link, and nothing builds the VLAN.
pub fn unbuilt_vlan(name: &str, builds: impl Fn(&str) -> bool) -> Option<&str> {
    let (link, id) = name.rsplit_once('.')?;
    (address::digits(id).is_some() && builds(link) && !builds(name)).then_some(link)
}

fn two_controllers(kind: &str, port: &str, one: &str, other: &str) -> String {
    format!("{kind}=: {port} can't be a port of both {one} and {other}: write it in one of them")
}

/// The devices that stand on themselves, by way of however many others.
fn circle<'a>(beneath: &BTreeMap<&'a str, Vec<&'a str>>) -> Vec<&'a str> {
    // What stands on nothing (more) is taken away; what is left over stands in a circle or on one.
    let mut missing: BTreeMap<&str, usize> = BTreeMap::new();
    let mut above: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (&name, others) in beneath {
        let built: BTreeSet<&str> =
            others.iter().copied().filter(|other| beneath.contains_key(other)).collect();
        missing.insert(name, built.len());
        for other in built {
            above.entry(other).or_default().push(name);
        }
    }
    let mut free: Vec<&str> =
        missing.iter().filter(|(_, count)| **count == 0).map(|(name, _)| *name).collect();
    while let Some(name) = free.pop() {
        missing.remove(name);
        for other in above.remove(name).unwrap_or_default() {
            if let Some(count) = missing.get_mut(other) {
                *count -= 1;
                if *count == 0 {
                    free.push(other);
                }
            }
        }
    }
    beneath.keys().copied().filter(|name| missing.contains_key(name)).collect()
}
