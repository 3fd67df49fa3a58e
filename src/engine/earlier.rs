//! What an earlier engine has left: what of it is still there, and whether these words go with it.

use ipnetwork::IpNetwork;

use super::Engine;
use super::state::{FoundBond, Phase, State};
use super::types::{Action, Exit, Outcome, View};
use crate::dhcp::v4::lease::Lease;

impl Engine {
    /// At the first look: what an earlier engine had made and somebody else has removed is nobody's any more, and a
    /// network that was in use is not this engine's to take away.
    pub(super) fn take_up(&mut self, view: &View, out: &mut Vec<Action>) {
        for bond in &mut self.found.bonds {
            // Killed between asking for the bond and seeing it.
            if bond.index == 0 {
                bond.index = view.links.named(&bond.name).map_or(0, |link| link.index);
            }
        }
        let is_there = |bond: &FoundBond| {
            view.links.get(bond.index).is_some_and(|link| link.name == bond.name && link.bond().is_some())
        };
        self.found.bonds.retain(is_there);
        let Some(previous) = self.config.previous.as_ref().filter(|_| !self.found.bonds.is_empty()) else {
            return;
        };
        self.came_online = previous.came_online;
        if let Some(what) = self.left_over(previous, view) {
            let sentence = format!(
                "{what} of an earlier bondstrap up is still there, and these words do not ask for it; give it back first: \
                 bondstrap down"
            );
            self.phase = Phase::Failed;
            self.sentence.clone_from(&sentence);
            self.outcome = Some(Outcome { exit: Exit::Words, sentence });
            out.push(Action::Finish);
        }
    }

    /// Something that other words have brought about. It is not torn down in passing.
    fn left_over(&self, previous: &State, view: &View) -> Option<String> {
        let plan = &self.plan;
        let asks_for_bond = |bond: &&FoundBond| plan.bonds.iter().any(|wanted| wanted.name == bond.name);
        if let Some(bond) = self.found.bonds.iter().find(|bond| !asks_for_bond(bond)) {
            return Some(bond.name.clone());
        }
        let vlans = self.found.vlans.iter().filter_map(|index| view.links.get(*index));
        if let Some(vlan) =
            vlans.into_iter().find(|vlan| !plan.vlans.iter().any(|wanted| wanted.name == vlan.name))
        {
            return Some(vlan.name.clone());
        }
        let asks_for_lease =
            |name: &str| self.targets.iter().any(|target| target.name() == name && target.wants_lease());
        if let Some(name) = previous.lease.keys().find(|name| !asks_for_lease(name)) {
            return Some(format!("the lease of {name}"));
        }
        let leased = |address: &IpNetwork| {
            previous.lease.values().filter_map(Lease::network).any(|own| IpNetwork::V4(own) == *address)
        };
        let written = |address: &IpNetwork| self.targets.iter().any(|target| target.has_written(address));
        let is_set = |address: &IpNetwork| view.addresses.iter().any(|found| found.address == *address);
        let mut others = previous.addresses.iter().filter(|address| !leased(address) && !written(address));
        others.find(|address| is_set(address)).map(ToString::to_string)
    }
}
