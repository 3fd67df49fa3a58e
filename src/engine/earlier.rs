//! What an earlier engine has left: what of it is still there, and whether these words go with it.

use ipnetwork::IpNetwork;

use super::state::{Found, FoundBond, State};
use super::types::View;
use super::{Engine, bond_below};
use crate::clock::Millis;
use crate::dhcp::v4::lease::Lease;
use crate::lacp::verdict::Hearing;
use crate::plan::{Fallback, Interface, Method4, Method6, Plan};

impl Engine {
    /// At the first look: what an earlier engine had made and somebody else has removed is nobody's any more, and what it
    /// found went with that.
    pub(super) fn take_up(&mut self, view: &View) {
        if self.found.bonds.is_empty() {
            return;
        }
        for bond in &mut self.found.bonds {
            // Killed between asking for the bond and seeing it.
            if bond.index == 0 {
                bond.index = view.links.named(&bond.name).map_or(0, |link| link.index);
            }
        }
        self.found.bonds.retain(|bond| is_there(bond, view));
        if self.found.bonds.is_empty() {
            let Found { files, bridges, nics, own, settings, renames, .. } = std::mem::take(&mut self.found);
            self.found = Found { files, bridges, nics, own, settings, renames, ..Found::default() };
            self.came_online = false;
        }
        // Ports that were found then are not searched for again.
        for which in 0..self.bonds.len() {
            let name = &self.plan.bonds[which].name;
            let is_there = self.found.bonds.iter().any(|bond| bond.name == *name);
            let ports = self.config.previous.iter().flat_map(|state| &state.ports);
            let names: Vec<String> = ports
                .filter(|port| is_there && port.bond == *name && port.in_bond)
                .map(|port| port.name.clone())
                .collect();
            if is_there && let Some(bond) = view.links.named(name) {
                let ports = view.links.ports_of(bond.index);
                let hearing = ports.map(|port| (port.index, Hearing::taken_up(self.now, port)));
                self.bonds[which].hearing.extend(hearing);
            }
            if self.searches(which) && !names.is_empty() {
                self.found_ports(which, &names);
            }
        }
    }
}

fn is_there(bond: &FoundBond, view: &View) -> bool {
    view.links.get(bond.index).is_some_and(|link| link.name == bond.name && link.bond().is_some())
}

/// The sentence on something that other words have brought about. It is not torn down in passing: not what was in use,
/// nor what these words would never take away.
pub fn left_over(plan: &Plan, previous: &State, view: &View, now: Millis) -> Option<String> {
    let what = find(plan, previous, view, now)?;
    Some(format!(
        "{what} of an earlier bondstrap up is still there, and these words do not ask for it; give it back first: \
         bondstrap down"
    ))
}

fn find(plan: &Plan, previous: &State, view: &View, now: Millis) -> Option<String> {
    let mut bonds = previous.found.bonds.iter().filter(|bond| is_there(bond, view)).peekable();
    bonds.peek()?;
    for bond in bonds {
        let Some(wanted) = plan.bonds.iter().find(|wanted| wanted.name == bond.name) else {
            return Some(bond.name.clone());
        };
        let side = view.links.get(bond.index).and_then(|link| link.bond());
        let fell = previous.bonds.iter().any(|is| is.name == bond.name && is.fallback);
        let fits = fell && plan.bondstrap.fallback != Fallback::None;
        if side.is_some_and(|side| side.mode != wanted.mode as u8) && previous.came_online && !fits {
            let mode = previous
                .bonds
                .iter()
                .find(|is| is.name == bond.name)
                .map_or("another", |is| is.mode.as_str());
            return Some(format!("{} in mode {mode}", bond.name));
        }
    }
    let names = |index: &u32| view.links.get(*index).map(|link| link.name.clone());
    let vlans = previous.found.vlans.iter().filter_map(names);
    let bridges = previous.found.bridges.iter().filter_map(|bridge| names(&bridge.index));
    if let Some(name) = vlans.chain(bridges).find(|name| !plan.builds(name)) {
        return Some(name);
    }
    let specs = || plan.interfaces.iter();
    // What is named by MAC may be a port of the bond.
    let may_be = |spec: &Interface, name: &str| {
        spec.name == name || spec.match_mac.is_some() || bond_below(plan, name).is_none()
    };
    let asks_for_lease =
        |name: &str| specs().any(|spec| spec.ipv4.method == Method4::Dhcp && may_be(spec, name));
    let mut leases = previous.lease.iter().filter(|(_, lease)| lease.usable(now));
    if let Some((name, _)) = leases.find(|(name, _)| !asks_for_lease(name)) {
        return Some(format!("the lease of {name}"));
    }
    let asks_for_lease6 = |name: &str| {
        let asks = |method| matches!(method, Method6::Dhcp | Method6::Either);
        specs().any(|spec| asks(spec.ipv6.method) && may_be(spec, name))
    };
    let leases6 = || previous.ipv6.iter().filter_map(|(name, state)| Some((name, state.lease.as_ref()?)));
    let mut unasked = leases6().filter(|(name, lease)| lease.usable(now) && !asks_for_lease6(name));
    if let Some((name, _)) = unasked.next() {
        return Some(format!("the DHCPv6 lease of {name}"));
    }
    let leased = |address: &IpNetwork| {
        leases6().any(|(_, lease)| address.ip() == lease.address)
            || previous.lease.values().filter_map(Lease::network).any(|own| IpNetwork::V4(own) == *address)
    };
    let written = |address: &IpNetwork| match address {
        IpNetwork::V4(address) => specs().any(|spec| spec.ipv4.addresses.contains(address)),
        IpNetwork::V6(address) => specs().any(|spec| spec.ipv6.addresses.contains(address)),
    };
    let is_set = |address: &IpNetwork| view.addresses.iter().any(|found| found.address == *address);
    let mut others = previous.addresses.iter().filter(|address| !leased(address) && !written(address));
    others.find(|address| is_set(address)).map(ToString::to_string)
}
