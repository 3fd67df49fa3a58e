//! What is known of IPv6, for `state.json`.

use std::collections::BTreeMap;
use std::net::Ipv6Addr;

use ipnetwork::IpNetwork;

use crate::dhcp::v6::{duid_of_mac, iaid_of_mac};
use crate::engine::Engine;
use crate::engine::state::Ipv6State;
use crate::plan::Method6;

impl Engine {
    /// By interface.
    pub(in crate::engine) fn ipv6_states(&self) -> BTreeMap<String, Ipv6State> {
        let mut all = BTreeMap::new();
        // Of an engine before this one: what it had leased is not forgotten before it was confirmed or given up.
        if let Some(previous) = &self.config.previous {
            let held = previous.ipv6.iter().filter(|(_, state)| state.lease.is_some());
            all.extend(held.map(|(name, state)| (name.clone(), state.clone())));
        }
        for (which, target) in self.targets.iter().enumerate() {
            if target.spec.ipv6.method == Method6::None {
                continue;
            }
            let six = &target.six;
            let router = six.router.as_ref();
            let best = router.and_then(|router| router.router());
            let prefixes = best.map_or_else(Vec::new, |best| {
                best.advert.prefixes.iter().map(|prefix| prefix.network).collect()
            });
            let client = target.mac.filter(|_| six.client.is_some());
            let unconfirmed = || {
                self.config.previous.as_ref().and_then(|state| state.ipv6.get(target.name())?.lease.as_ref())
            };
            let lease = six.lease.as_ref().or(six.previous.as_ref()).or_else(unconfirmed);
            let state = Ipv6State {
                router: best.map(|best| best.address).or(target.gateway6()),
                managed: router.is_some_and(|router| router.managed()),
                other: router.is_some_and(|router| router.other()),
                mtu: best.and_then(|best| best.advert.mtu),
                prefixes,
                addresses: self.slaac(which),
                duplicates: six.duplicates.iter().copied().collect(),
                duid: client.map(duid_of_mac),
                iaid: client.map(iaid_of_mac),
                lease: lease.filter(|lease| lease.usable(self.now)).cloned(),
                refused: self.six_refusals(which),
                missing: if six.done { String::new() } else { self.six_clause(which) },
            };
            all.insert(target.name().to_owned(), state);
        }
        all
    }

    /// Addresses that the kernel has made of routers' prefixes and that can be used.
    fn slaac(&self, which: usize) -> Vec<Ipv6Addr> {
        let there = self.addresses_on(which).filter(|found| found.is_usable() && self.is_slaac(which, found));
        there.map(|found| found.address.ip()).collect()
    }

    /// All IPv6 addresses of an interface that the words did not write: leased, and of routers' prefixes; of `link6` the
    /// link-local one.
    pub(in crate::engine) fn addresses6(&self, which: usize) -> Vec<IpNetwork> {
        let target = &self.targets[which];
        if matches!(target.spec.ipv6.method, Method6::None | Method6::Static) {
            return Vec::new();
        }
        let wanted = |ip: Ipv6Addr| match target.spec.ipv6.method {
            Method6::LinkLocal => self.link_local(which) == Some(ip),
            _ => target.six.lease.as_ref().is_some_and(|lease| lease.address == ip),
        };
        let slaac = super::asks_routers(target.spec.ipv6.method);
        let there = self.addresses_on(which).filter(|found| found.is_usable());
        let ours = there.filter(|found| slaac && self.is_slaac(which, found) || wanted(found.address.ip()));
        ours.map(|found| IpNetwork::V6(found.address)).collect()
    }
}
