//! Holding what was set: addresses and routes that are gone, with the link that was down or by somebody's hand, are set
//! again.

use ipnetwork::IpNetwork;

use super::address::EVERYWHERE4;
use super::state::FoundAddress;
use super::types::Action;
use super::{Engine, Try};
use crate::clock::Millis;
use crate::dhcp::v4::lease::Lease;

impl Engine {
    /// A link that came up again has lost its routes.
    pub(super) fn restore(&mut self, now: Millis, which: usize, out: &mut Vec<Action>) {
        if std::mem::take(&mut self.targets[which].was_down) {
            self.set_again(now, which, out);
        }
    }

    fn set_again(&mut self, now: Millis, which: usize, out: &mut Vec<Action>) {
        self.set_kept(now, which, out);
        if let Some(lease) = self.targets[which].lease.clone() {
            self.set_lease(now, which, &lease, out);
        }
        self.set_address6(now, which, out);
        if self.targets[which].written {
            self.set_static(now, which, out);
        } else if self.targets[which].six.is_written() {
            self.set_static6(which, out);
        }
    }

    /// What a flip has moved and no lease has any more; the default route by it, where no lease brings one.
    fn set_kept(&mut self, now: Millis, which: usize, out: &mut Vec<Action>) {
        let target = &self.targets[which];
        let leased = target.lease.as_ref().and_then(Lease::network).map(IpNetwork::V4);
        let is_kept = |address: &IpNetwork| {
            address.is_ipv4()
                && Some(*address) != leased
                && !target.has_written(address)
                && self.carries_root(*address)
        };
        let kept: Vec<IpNetwork> = target.addresses.iter().copied().filter(is_kept).collect();
        let Some(first) = kept.first() else { return };
        let via = target.router4();
        self.apply(which, &kept, None, None, out);
        if via.is_some() {
            // That of a lease comes after, and stands in its place.
            self.route(which, EVERYWHERE4, via, Some(first.ip()), out);
        }
        self.announce(now, which, out);
    }

    /// What something else has taken away is put back, at growing distance. Only from a fresh look at the machine.
    pub(super) fn hold_addresses(&mut self, now: Millis, out: &mut Vec<Action>) {
        if self.outcome.is_some() {
            return;
        }
        for which in 0..self.targets.len() {
            let Some((what, line)) = self.taken_away(now, which) else { continue };
            if self.may_hold(now, &what) {
                self.tell_undone(now, &what, line, out);
                self.set_again(now, which, out);
            }
        }
    }

    /// It may be put back, or not yet: then there is another look when it may.
    pub(super) fn may_hold(&mut self, now: Millis, what: &Try) -> bool {
        let may = self.tries.allow(now, what);
        if let Some(at) = self.tries.next_of(what).filter(|_| !may) {
            let wait = at - now;
            self.hold_in = Some(self.hold_in.map_or(wait, |before| before.min(wait)));
        }
        may
    }

    /// Of IPv6 only the router of the words is ours: the others' routes are the kernel's.
    fn lost_default6(&self, which: usize) -> Option<String> {
        let target = &self.targets[which];
        let gateway = target.gateway6()?;
        let name = target.name();
        // One that stands in place of ours, or that a router has brought, will do.
        self.view.defaults6.is_empty().then(|| {
            format!(
                "the default route via {gateway} on {name} was removed by something else: setting it again"
            )
        })
    }

    fn taken_away(&self, now: Millis, which: usize) -> Option<(Try, String)> {
        let target = &self.targets[which];
        let link = target.index.and_then(|index| self.view.links.get(index)).filter(|link| link.up)?;
        // A link that was down gets everything again in any case.
        let index = target.index.filter(|index| *index == link.index && !target.was_down)?;
        // The kernel's clock and ours may differ by a second at the end of a lease.
        let ends = target.lease.as_ref().and_then(|lease| lease.left_secs(now)).is_some_and(|left| left < 2);
        if ends {
            return None;
        }
        let is_there = |address: &&IpNetwork| {
            self.view.addresses.iter().any(|found| found.index == index && found.address == **address)
        };
        if let Some(address) = target.addresses.iter().find(|address| !is_there(address)) {
            // Another one in its place was set there on purpose: by an installer, say.
            let another = |found: &FoundAddress| {
                found.address.is_ipv4() == address.is_ipv4()
                    && !target.addresses.contains(&found.address)
                    && !self.carries_root(found.address)
            };
            if self.view.addresses.iter().any(|found| found.index == index && another(found)) {
                return None;
            }
            let line =
                format!("{address} was removed from {} by something else: setting it again", link.name);
            return Some((Try::Address(index), line));
        }
        if let Some(line) = self.lost_default6(which) {
            return Some((Try::Default(index), line));
        }
        let gateway = target.router4()?;
        // One that stands in place of ours was set there on purpose.
        if self.view.defaults.iter().any(|route| route.metric == 0 || route.index == index) {
            return None;
        }
        let line = format!(
            "the default route via {gateway} on {} was removed by something else: setting it again",
            link.name
        );
        Some((Try::Default(index), line))
    }
}
