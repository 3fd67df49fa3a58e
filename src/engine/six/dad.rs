//! What becomes of addresses: usable once duplicate address detection has ended, or found at another station.
//!
//! The kernel keeps an address that was set for ever and turns out a duplicate, with a flag; any other it removes
//! (`addrconf_dad_stop()`). So one that goes before it was ever usable is a duplicate.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv6Addr};

use ipnetwork::IpNetwork;

use crate::clock::Millis;
use crate::dhcp::v6 as dhcp;
use crate::engine::address::ANNOUNCE_INTERVAL;
use crate::engine::conflict::AGAIN;
use crate::engine::types::Action;
use crate::engine::{Engine, Try};
use crate::plan::Method6;

/// Routers can make the kernel try ever new addresses: so many lines about them, and no more.
fn may_say(lines: &mut u32) -> bool {
    const MOST: u32 = 64;
    *lines = lines.saturating_add(1);
    *lines <= MOST
}

impl Engine {
    /// Compares what a fresh look shows with what was there before.
    pub(in crate::engine) fn watch_six(&mut self, now: Millis, out: &mut Vec<Action>) {
        if self.outcome.is_some() {
            return;
        }
        for which in 0..self.targets.len() {
            if self.targets[which].spec.ipv6.method != Method6::None && self.targets[which].index.is_some() {
                self.watch_addresses(now, which, out);
            }
        }
    }

    fn watch_addresses(&mut self, now: Millis, which: usize, out: &mut Vec<Action>) {
        let target = &self.targets[which];
        let link = target.index.and_then(|index| self.view.links.get(index)).filter(|link| link.up);
        // IPv6 addresses go with a link that is down: nobody's fault.
        let is_up = link.is_some() && !target.was_down;
        let (mut usable, mut tentative, mut duplicates) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
        for found in self.addresses_on(which).filter(|_| is_up) {
            let ip = found.address.ip();
            match (found.duplicate, found.tentative) {
                (true, _) => duplicates.insert(ip),
                (false, true) => tentative.insert(ip),
                (false, false) => usable.insert(ip),
            };
        }
        let six = &mut self.targets[which].six;
        let is_there =
            |ip: &Ipv6Addr| usable.contains(ip) || tentative.contains(ip) || duplicates.contains(ip);
        let mut gone = Vec::new();
        if is_up {
            gone.extend(six.tentative.iter().filter(|ip| !is_there(ip)).copied());
        }
        let fresh: Vec<Ipv6Addr> = usable.difference(&six.usable).copied().collect();
        let leased = six.lease.as_ref().map(|lease| lease.address);
        six.lease_seen |= leased.is_some_and(|leased| usable.contains(&leased));
        let lease_gone = leased.filter(|leased| is_up && !is_there(leased));
        let seen = six.lease_seen;
        let new: Vec<Ipv6Addr> =
            duplicates.iter().chain(&gone).filter(|ip| !six.duplicates.contains(ip)).copied().collect();
        // One that the kernel has taken off comes again with each advertisement; it is told once.
        six.duplicates.retain(|ip| !usable.contains(ip));
        six.duplicates.extend(new.iter().filter(|ip| Some(**ip) != leased));
        // Bounded, whatever a router makes the kernel try.
        while six.duplicates.len() > 64 {
            six.duplicates.pop_first();
        }
        (six.usable, six.tentative) = (usable, tentative);
        for ip in new {
            self.duplicate(now, which, ip, out);
        }
        if let Some(ip) = lease_gone {
            match seen {
                true => self.put_back6(now, which, ip, out),
                // Set, and at this look already taken off again.
                false if self.targets[which].six.lease.is_some() => self.duplicate(now, which, ip, out),
                false => {}
            }
        }
        for ip in fresh {
            self.usable6(now, which, ip, out);
        }
    }

    fn duplicate(&mut self, now: Millis, which: usize, ip: Ipv6Addr, out: &mut Vec<Action>) {
        let target = &mut self.targets[which];
        let name = &target.spec.name;
        if target.six.lease.as_ref().is_some_and(|lease| lease.address == ip) {
            self.step_client(now, which, dhcp::Event::Conflict, out);
            return;
        }
        let written = target.spec.ipv6.addresses.iter().any(|written| written.ip() == ip);
        if !written && !may_say(&mut target.six.lines) {
            return;
        }
        let line = match () {
            () if written => format!(
                "{name}: {ip} is in use by another station (duplicate address detection), so it can't be used here; give \
                 another one"
            ),
            () if ip.is_unicast_link_local() => format!(
                "{name}: another station has the link-local address {ip}: without one there is no IPv6; look for a second \
                 machine with this MAC"
            ),
            () => format!(
                "{name}: {ip}, made of a router's prefix, is in use by another station (duplicate address detection); look \
                 for a second machine with this MAC"
            ),
        };
        out.push(Action::Say(log::Level::Error, line));
    }

    /// The kernel tries an address once: one of the words that another station has is set anew until that is gone.
    pub(super) fn try_duplicates(&mut self, now: Millis, which: usize, out: &mut Vec<Action>) {
        let target = &mut self.targets[which];
        let written = target.spec.ipv6.addresses.iter().copied();
        let taken: Vec<IpNetwork> =
            written.filter(|written| target.six.duplicates.contains(&written.ip())).map(Into::into).collect();
        if taken.is_empty() {
            target.six.again_at = None;
            return;
        }
        let at = *target.six.again_at.get_or_insert(now + AGAIN);
        if let (true, Some(index)) = (at <= now, target.index) {
            target.six.again_at = Some(now + AGAIN);
            let peer = target.spec.ipv6.peer.map(IpAddr::V6);
            out.extend(taken.iter().map(|&address| Action::DelAddress { index, address }));
            self.apply(which, &taken, peer, None, out);
        }
        let next = self.targets[which].six.again_at;
        self.wake(next);
    }

    /// Somebody else has removed a leased address that was in use.
    fn put_back6(&mut self, now: Millis, which: usize, ip: Ipv6Addr, out: &mut Vec<Action>) {
        let target = &self.targets[which];
        let (Some(index), Some(lease)) = (target.index, &target.six.lease) else { return };
        // The kernel's clock and ours may differ by a second at the end of a lease.
        if lease.left_secs(now).is_some_and(|left| left < 2) {
            return;
        }
        let what = Try::Address6(index);
        if self.may_hold(now, &what) {
            let name = self.targets[which].name();
            let line = format!("{ip} was removed from {name} by something else: setting it again");
            self.tell_undone(now, &what, line, out);
            self.set_address6(now, which, out);
        }
    }

    /// An address that can be used from now on. The neighbours are told of ours; the kernel's own they learn as they need.
    fn usable6(&mut self, now: Millis, which: usize, ip: Ipv6Addr, out: &mut Vec<Action>) {
        if ip.is_unicast_link_local() {
            return;
        }
        let mac = self.mac_now(which);
        let target = &mut self.targets[which];
        let ours = target.spec.ipv6.addresses.iter().any(|written| written.ip() == ip)
            || target.six.lease.as_ref().is_some_and(|lease| lease.address == ip);
        if let (true, Some(index), Some(mac)) = (ours, target.index, mac) {
            out.push(Action::Announce { index, mac, address: IpAddr::V6(ip) });
            // Once more: the first may be lost (RFC 4861 §7.2.6).
            target.announce_at.get_or_insert(now + ANNOUNCE_INTERVAL);
        }
        if !ours && !may_say(&mut target.six.lines) {
            return;
        }
        let line = format!("{}: {ip} can be used", target.spec.name);
        out.push(Action::Say(log::Level::Info, line));
    }

    /// Addresses of ours that may be announced: a claim before the end of duplicate address detection would take the
    /// address from whoever has it (RFC 4862 §5.4).
    pub(in crate::engine) fn announced6(&self, which: usize) -> Vec<Ipv6Addr> {
        let target = &self.targets[which];
        let written = target.spec.ipv6.addresses.iter().map(|network| network.ip());
        let leased = target.six.lease.iter().map(|lease| lease.address);
        written.chain(leased).filter(|ip| target.six.usable.contains(ip)).collect()
    }
}
