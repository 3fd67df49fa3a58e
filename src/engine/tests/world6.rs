//! What the kernel of the small world does with IPv6.

use super::world::World;
use crate::engine::six::types as six;
use crate::links::{Address6, Ipv6Conf};

/// As a kernel begins.
pub(super) const IPV6: Ipv6Conf = Ipv6Conf {
    disable_ipv6: 0,
    forwarding: 0,
    accept_ra: 1,
    accept_ra_defrtr: 1,
    accept_ra_pinfo: 1,
    autoconf: 1,
    solicit_delay: 1_000,
    addr_gen_mode: 0,
};

impl World {
    pub(super) fn act6(&mut self, action: &six::Action) {
        match action {
            six::Action::SetAddress { index, address, .. }
                if !self.view.addresses6.iter().any(|found| found.address.ip() == *address) =>
            {
                self.detect(*index, (*address).into(), false);
            }
            six::Action::Setting { index, name, value } => {
                let conf = self.by_index(*index).ipv6.as_mut().expect("a link with IPv6");
                match *name {
                    "accept_ra" => conf.accept_ra = *value,
                    "accept_ra_defrtr" => conf.accept_ra_defrtr = *value,
                    "accept_ra_pinfo" => conf.accept_ra_pinfo = *value,
                    "autoconf" => conf.autoconf = *value,
                    "router_solicitation_delay" => conf.solicit_delay = *value,
                    _ => panic!("{name}"),
                }
            }
            _ => {}
        }
    }

    /// The kernel tries an address for a second.
    pub(super) fn detect(&mut self, index: u32, address: ipnetwork::Ipv6Network, permanent: bool) {
        let (tentative, duplicate, deprecated) = (true, false, false);
        self.view.addresses6.push(Address6 { index, address, tentative, duplicate, deprecated, permanent });
        self.trying.push((self.now + 1_000, index, address.ip()));
    }

    /// What the tries have come to: the kernel keeps a duplicate only where it was set for ever.
    pub(super) fn detected(&mut self) {
        let due: Vec<_> = self.trying.iter().filter(|(at, ..)| *at <= self.now).copied().collect();
        self.trying.retain(|(at, ..)| *at > self.now);
        for (_, index, ip) in due {
            let taken = self.taken.contains(&ip);
            let like = |found: &Address6| found.index == index && found.address.ip() == ip;
            self.view.addresses6.retain(|found| !(like(found) && taken && !found.permanent));
            for found in self.view.addresses6.iter_mut().filter(|found| like(found)) {
                (found.tentative, found.duplicate) = (taken, taken);
            }
        }
    }
}
