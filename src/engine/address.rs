//! From a link that can send to an address: what stands in the words at once, leases from the DHCP machine. What is set,
//! and in which order: resolv.conf before the address, the address before its routes (old installers read them once).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnetwork::{IpNetwork, Ipv4Network, Ipv6Network};

use super::state::FoundAddress;
use super::target::Target;
use super::types::Action;
use super::{Engine, Try};
use crate::clock::Millis;
use crate::lacp::verdict::Verdict;
use crate::links::Link;
use crate::mac::Mac;
use crate::plan::{Interface, Method4, Method6, Route};

/// ANNOUNCE_INTERVAL of RFC 5227 §1.1, milliseconds.
pub(super) const ANNOUNCE_INTERVAL: Millis = 2_000;
/// So often a NIC is given the MAC of the words before anything is done with the one that it has.
pub(super) const SHAPE_TRIES: u32 = 3;

impl Engine {
    /// Brings every interface as far as it can be brought now.
    pub(super) fn drive_addresses(&mut self, now: Millis, out: &mut Vec<Action>) {
        for which in 0..self.targets.len() {
            self.follow_link(now, which);
            if self.targets[which].index.is_some() && self.is_up(which) {
                self.drive_address(now, which, out);
            }
            self.tick_lease(now, which, out);
            self.tick_six(now, which, out);
            self.drive_probe(now, which, out);
        }
    }

    fn drive_address(&mut self, now: Millis, which: usize, out: &mut Vec<Action>) {
        self.restore(now, which, out);
        // Also where there is nothing to set: somebody else may set it, once traffic passes.
        self.targets[which].ready |= matches!(self.verdict_below(which), Verdict::Ready { .. });
        if self.targets[which].is_static() {
            self.drive_static(now, which, out);
        }
        if self.targets[which].wants_lease() {
            self.drive_lease(now, which, out);
        }
        self.drive_six(now, which, out);
        self.announce_again(now, which, out);
    }

    /// Keeps to the link by its index: one that was made anew has lost its addresses.
    fn follow_link(&mut self, now: Millis, which: usize) {
        let link = self.targets[which].link(&self.view.links);
        let shaped = link.filter(|link| link.can_be_port()).and_then(|nic| self.mac_of(&nic.name));
        let tries = &self.tries;
        let target = &mut self.targets[which];
        target.plain = match link.filter(|link| link.up && link.carrier) {
            Some(link) => Verdict::Ready { ports: vec![link.name.clone()], partner: None },
            None => Verdict::NoCarrier,
        };
        // A NIC that was up gets the address of the words first; one whose driver refuses goes on with what it has.
        let waits = |link: &Link| {
            target.index != Some(link.index)
                && target.stands_alone()
                && shaped.is_some_and(|mac| target.spec.set_mac == Some(mac) && link.mac != Some(mac))
                && tries.count(&Try::Shape(link.index)) <= SHAPE_TRIES
        };
        let Some(link) = link.filter(|link| link.up && !waits(link)) else {
            target.index = target.index.filter(|index| self.view.links.get(*index).is_some());
            target.was_down = target.index.is_some();
            if target.index.is_none() {
                target.lose_link();
            }
            return;
        };
        if target.index != Some(link.index) {
            target.lose_link();
            target.index = Some(link.index);
            target.last_kick = now;
        }
        // Later it may be that of another port (fail_over_mac=active): a client stays who it is.
        if target.machine.is_none() && !target.six.has_client() {
            target.mac = link.mac;
        }
    }

    /// The address with which frames leave now.
    pub(super) fn mac_now(&self, which: usize) -> Option<Mac> {
        self.targets[which].index.and_then(|index| self.view.links.get(index)?.mac)
    }

    pub(super) fn verdict_below(&self, which: usize) -> &Verdict {
        let target = &self.targets[which];
        target.bond.map_or(&target.plain, |bond| &self.bonds[bond].verdict)
    }

    fn drive_static(&mut self, now: Millis, which: usize, out: &mut Vec<Action>) {
        if !self.verdict_below(which).can_send() {
            self.targets[which].cut |= self.targets[which].written;
            return;
        }
        self.targets[which].begun.get_or_insert(now);
        if !self.choose_address(which) {
            return;
        }
        if !std::mem::replace(&mut self.targets[which].written, true) {
            self.set_static(now, which, out);
        } else if !self.targets[which].wants_lease() && std::mem::take(&mut self.targets[which].cut) {
            // It may be other switches now that have to learn where we are.
            self.announce(now, which, out);
            self.probe_again(which, out);
        }
        if self.targets[which].spec.ipv6.method == Method6::Static {
            self.drive_static6(now, which, out);
        }
        if self.targets[which].is_done() {
            self.times.address.get_or_insert(now);
        }
    }

    pub(super) fn set_static(&mut self, now: Millis, which: usize, out: &mut Vec<Action>) {
        let Interface { ipv4, .. } = self.targets[which].spec.clone();
        self.set_names(out);
        if ipv4.method == Method4::Static {
            let addresses: Vec<IpNetwork> = ipv4.addresses.iter().copied().map(IpNetwork::V4).collect();
            self.apply(which, &addresses, ipv4.peer.map(IpAddr::V4), None, out);
            if let (Some(gateway), Some(first)) = (ipv4.gateway, addresses.first()) {
                self.route(which, EVERYWHERE4, Some(gateway.into()), Some(first.ip()), out);
            }
        }
        self.written_routes(which, Family::V4, out);
        if self.targets[which].six.is_written() {
            self.set_static6(which, out);
        }
        self.announce(now, which, out);
    }

    /// What stands in the words of IPv6.
    pub(super) fn set_static6(&mut self, which: usize, out: &mut Vec<Action>) {
        let Interface { ipv6, .. } = self.targets[which].spec.clone();
        let addresses: Vec<IpNetwork> = ipv6.addresses.iter().copied().map(IpNetwork::V6).collect();
        self.apply(which, &addresses, ipv6.peer.map(IpAddr::V6), None, out);
        // Where a router advertises itself, that is the one.
        let advertised = self.targets[which].six.default_router();
        if let Some(gateway) = ipv6.gateway.filter(|_| advertised.is_none()) {
            // No source: it would have to wait for the end of duplicate address detection.
            self.route(which, EVERYWHERE6, Some(gateway.into()), None, out);
        }
        self.written_routes(which, Family::V6, out);
    }

    /// The routes of the words (`rd.route=`) of one family that go by this interface: it is named, or has the gateway in a subnet of
    /// its own; what names nothing goes by the first that has the family.
    pub(super) fn written_routes(&mut self, which: usize, family: Family, out: &mut Vec<Action>) {
        let reaches =
            |target: &Target, via: &IpAddr| target.addresses.iter().any(|subnet| subnet.contains(*via));
        let v4 = family == Family::V4;
        let first = || self.targets.iter().position(|target| target.spec.asks_for(v4));
        let owner = |route: &Route| match (&route.dev, &route.via) {
            (Some(dev), _) => self.targets.iter().position(|target| target.name() == dev),
            (None, Some(via)) => self.targets.iter().position(|target| reaches(target, via)).or_else(first),
            (None, None) => first(),
        };
        let mine: Vec<Route> =
            self.plan.routes.iter().filter(|route| owner(route) == Some(which)).cloned().collect();
        let mine = mine.into_iter().filter(|route| route.to.is_ipv4() == v4);
        for route in mine {
            self.route(which, route.to, route.via, None, out);
        }
    }

    fn is_up(&self, which: usize) -> bool {
        self.targets[which].index.and_then(|index| self.view.links.get(index)).is_some_and(|link| link.up)
    }

    /// A root may stand on it: what a flip has moved stays, lease or not, until `down` moves it back.
    pub(super) fn carries_root(&self, address: IpNetwork) -> bool {
        // The kernel knows an IPv6 address whatever its prefix.
        let same = |found: IpNetwork| found == address || address.is_ipv6() && found.ip() == address.ip();
        self.found.moved().any(|found| same(found.address))
    }

    /// Removes all leased addresses but one.
    pub(super) fn remove_addresses(&mut self, which: usize, but: Option<IpNetwork>, out: &mut Vec<Action>) {
        let Some(index) = self.targets[which].index else { return };
        let stays = |target: &Target, address: IpNetwork| {
            Some(address) == but || target.has_written(&address) || self.carries_root(address)
        };
        let target = &self.targets[which];
        let (kept, ours): (Vec<IpNetwork>, Vec<IpNetwork>) =
            target.addresses.iter().partition(|address| stays(target, **address));
        let left = target.left.filter(|address| !stays(target, *address));
        let target = &mut self.targets[which];
        (target.addresses, target.left) = (kept, None);
        let gone = ours.into_iter().chain(left);
        out.extend(gone.map(|address| Action::DelAddress { index, address }));
    }

    /// Sets addresses; the routes come after. The kernel takes away none that a root may stand on.
    pub(super) fn apply(
        &mut self,
        which: usize,
        addresses: &[IpNetwork],
        peer: Option<IpAddr>,
        lifetime: Option<u32>,
        out: &mut Vec<Action>,
    ) {
        let roots: Vec<IpNetwork> =
            addresses.iter().copied().filter(|address| self.carries_root(*address)).collect();
        let target = &mut self.targets[which];
        let Some(index) = target.index else { return };
        for address in addresses {
            // What is on a NIC of its own does not go with a bond.
            let own = FoundAddress { index, address: *address, broadcast: None, lifetime: None };
            if self.found.nics.iter().any(|nic| nic.index == index) && !self.found.own.contains(&own) {
                self.found.own.push(own);
            }
            let lifetime = lifetime.filter(|_| !roots.contains(address));
            out.push(Action::AddAddress { index, address: *address, peer, lifetime });
            if !target.addresses.contains(address) {
                target.addresses.push(*address);
            }
        }
    }

    pub(super) fn route(
        &mut self,
        which: usize,
        to: IpNetwork,
        via: Option<IpAddr>,
        source: Option<IpAddr>,
        out: &mut Vec<Action>,
    ) {
        let has_router = |target: &&Target| target.gateways.iter().any(|via| via.is_ipv4() == to.is_ipv4());
        if to.prefix() == 0
            && let Some(first) = self.targets[..which].iter().find(has_router)
        {
            let name = self.targets[which].name();
            let line =
                format!("the default route stays with {}, so the router of {name} is left out", first.name());
            out.push(Action::Say(log::Level::Info, line));
            return;
        }
        let ours: Vec<u32> = self.targets.iter().filter_map(Target::index).collect();
        if to.prefix() == 0 {
            for later in self.targets[which..].iter_mut() {
                later.gateways.retain(|gateway| gateway.is_ipv4() != to.is_ipv4());
            }
        }
        let target = &mut self.targets[which];
        let Some(index) = target.index else { return };
        let on_link = |via| matches!(via, IpAddr::V6(via) if via.is_unicast_link_local());
        let reached = |via| on_link(via) || target.addresses.iter().any(|subnet| subnet.contains(via));
        let onlink = via.is_some_and(|via| !reached(via));
        if to.prefix() == 0 {
            target.gateways.extend(via);
        }
        if to == EVERYWHERE4 {
            // A route of the same metric is replaced by ours (NLM_F_REPLACE).
            let replaced =
                self.view.defaults.iter().filter(|route| route.metric == 0 && !ours.contains(&route.index));
            for route in replaced {
                if !self.found.defaults.contains(route) {
                    let line = "the default route that was there is put aside, and given back with down";
                    out.push(Action::Say(log::Level::Warn, line.into()));
                    self.found.defaults.push(route.clone());
                }
            }
        }
        out.push(Action::AddRoute { index, to, via, onlink, source });
    }

    /// Announces the addresses, now and once more (RFC 5227 §2.3): the first may be lost while the switch opens.
    pub(super) fn announce(&mut self, now: Millis, which: usize, out: &mut Vec<Action>) {
        self.targets[which].announce_at = Some(now + ANNOUNCE_INTERVAL);
        self.send_announcement(which, out);
    }

    fn send_announcement(&self, which: usize, out: &mut Vec<Action>) {
        let target = &self.targets[which];
        let (Some(index), Some(mac)) = (target.index, self.mac_now(which)) else { return };
        let addresses = target.addresses.iter().map(|address| address.ip()).filter(IpAddr::is_ipv4);
        let addresses = addresses.chain(self.announced6(which).into_iter().map(IpAddr::V6));
        out.extend(addresses.map(|address| Action::Announce { index, mac, address }));
    }

    fn announce_again(&mut self, now: Millis, which: usize, out: &mut Vec<Action>) {
        match self.targets[which].announce_at {
            Some(at) if at <= now => {
                self.targets[which].announce_at = None;
                self.send_announcement(which, out);
            }
            later => self.wake(later),
        }
    }
}

/// Which of the two.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Family {
    /// IPv4.
    V4,
    /// IPv6.
    V6,
}

/// 0.0.0.0/0.
pub(super) const EVERYWHERE4: IpNetwork =
    IpNetwork::V4(Ipv4Network::new_checked(Ipv4Addr::UNSPECIFIED, 0).expect("a prefix of 0"));
/// ::/0.
const EVERYWHERE6: IpNetwork =
    IpNetwork::V6(Ipv6Network::new_checked(Ipv6Addr::UNSPECIFIED, 0).expect("a prefix of 0"));
