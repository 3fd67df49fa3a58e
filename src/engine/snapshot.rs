//! All that is known, as the value behind `state.json`.

use std::collections::BTreeMap;

use ipnetwork::IpNetwork;

use super::state::{Found, State, VlanState};
use super::{Engine, ending, target};
use crate::dhcp::v4::lease::Lease;

impl Engine {
    /// What is known, for `state.json`.
    pub fn state(&self, pid: u32, pid_start: u64) -> State {
        // Once everything was given back there is nothing to tell of it.
        let gone = self.ending == ending::Ending::GivingBack && !self.not_given_back;
        let addressed = self.targets.first();
        State {
            version: 1,
            pid,
            pid_start,
            cmdline: None,
            phase: self.phase,
            exit: self.outcome.as_ref().map(|outcome| outcome.exit).or(self.result).map(|exit| exit as u8),
            came_online: self.came_online,
            sentence: self.sentence.clone(),
            waiting: self.waiting.clone(),
            bonds: if gone { Vec::new() } else { self.bond_states() },
            ports: if gone { Vec::new() } else { self.port_states() },
            fallback_port: self.single_port().map(|port| port.name.clone()),
            interface: addressed.map(|target| target.name().to_owned()),
            addresses: self.addresses(),
            vlans: self.plan.vlans.iter().map(vlan_state).collect(),
            gateway: addressed
                .and_then(|target| target.gateway().or(target.six.default_router().map(Into::into))),
            router: addressed.map(|target| target.router_seen).unwrap_or_default(),
            findings: if gone { Vec::new() } else { self.found_now().to_vec() },
            dns: self.name_servers(),
            hostname: self.host_name(),
            lease: self.leases(),
            clients: self.clients(),
            ipv6: if gone { Default::default() } else { self.ipv6_states() },
            dhcp: self.accounts(),
            ntp: self.time_servers(),
            times: self.times,
            found: if gone { Found::default() } else { self.found.clone() },
        }
    }

    /// Those that are set, and those of an earlier engine that this one has yet to set.
    fn addresses(&self) -> Vec<IpNetwork> {
        let mut all = self.all_addresses();
        if let Some(previous) = self.config.previous.as_ref().filter(|_| all.is_empty() && self.came_online) {
            all.clone_from(&previous.addresses);
        }
        all
    }

    /// Those of all interfaces, of IPv6 also those that routers have brought.
    pub(super) fn all_addresses(&self) -> Vec<IpNetwork> {
        let each = |(which, target): (usize, &target::Target)| {
            target.addresses().chain(self.addresses6(which)).collect::<Vec<_>>()
        };
        self.targets.iter().enumerate().flat_map(each).collect()
    }

    /// By interface: those that hold, and those of before that have yet to be confirmed, since this engine may be killed
    /// before it is.
    fn leases(&self) -> BTreeMap<String, Lease> {
        let before = self.config.previous.as_ref().map(|state| state.lease.clone()).unwrap_or_default();
        let held = |target: &target::Target| {
            let lease = target.lease().or(target.previous.as_ref())?;
            Some((target.name().to_owned(), lease.clone()))
        };
        let mut all: BTreeMap<_, _> = before;
        all.extend(self.targets.iter().filter_map(held));
        all.retain(|_, lease| lease.usable(self.now));
        all
    }
}

fn vlan_state(vlan: &crate::plan::Vlan) -> VlanState {
    VlanState { name: vlan.name.clone(), id: vlan.id, link: vlan.link.clone() }
}
