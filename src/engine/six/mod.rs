//! IPv6 of an interface: the kernel makes link-local addresses and, of router advertisements, addresses and routes
//! (SLAAC); here it is told to, routers are asked and heard, and DHCPv6 is driven by the bond's verdicts.
//!
//! `settings` tells the kernel, `client` is DHCPv6, `dad` watches what becomes of the addresses, `say` has
//! the words, `written` are the addresses that stand in those of the boot line.

mod beside;
mod client;
mod dad;
mod say;
mod settings;
mod snapshot;
pub mod types;
mod written;

pub(super) use settings::setting_named;

use std::collections::BTreeSet;
use std::net::Ipv6Addr;

use super::Engine;
use super::address::Family;
use super::lease::Prospects;
use super::state::FoundAddress;
use super::types::Action;
use crate::clock::Millis;
use crate::dhcp::v6::{self as dhcp, Facts, Lease, Mode};
use crate::links::Address6;
use crate::plan::Method6;
use crate::ra::machine as ra;

/// A router answers a solicitation within half a second (MAX_RA_DELAY_TIME, RFC 4861 §6.2.6). So long without an answer
/// to any of the first ones, and there is none: `either6` turns to DHCPv6, and a leased address is no longer held back
/// for want of a route. Milliseconds.
const ROUTER_WAIT: Millis = 4_000;
/// Name servers that come by DHCPv6 beside SLAAC are waited for so long. Milliseconds.
const FACTS_WAIT: Millis = 3_000;
/// Where IPv4 has its address, SLAAC is waited for no longer than this without a router: what MAX_RTR_SOLICITATIONS
/// would take (RFC 4861 §10). Milliseconds.
const BESIDE_IPV4: Millis = 12_000;

/// One port more is worth asking again, but not within a burst. Milliseconds.
const BURST: Millis = 500;

/// What is known of IPv6 on one interface.
#[derive(Debug)]
pub(super) struct Six {
    router: Option<ra::Machine>,
    client: Option<dhcp::Machine>,
    lease: Option<Lease>,
    /// The lease that went with its link, or of an engine that was killed: not confirmed yet.
    previous: Option<Lease>,
    /// The leased address was usable at some time.
    lease_seen: bool,
    /// What DHCPv6 told beside SLAAC.
    facts: Facts,
    informed: bool,
    /// Since when routers have been asked over a link that sends.
    asked: Option<Millis>,
    paused: bool,
    could_send: bool,
    agreed: bool,
    sending: usize,
    last_kick: Millis,
    /// What stands in the words has been set.
    written: bool,
    /// When what another station has of it is tried again.
    again_at: Option<Millis>,
    /// Addresses as the last look has shown them.
    tentative: BTreeSet<Ipv6Addr>,
    usable: BTreeSet<Ipv6Addr>,
    duplicates: BTreeSet<Ipv6Addr>,
    /// There is an address that can be used.
    has: bool,
    /// There is all that the words ask for.
    done: bool,
    /// What there is of both families has to do: a limit is over.
    enough: bool,
    no_router_told: bool,
    /// Lines about addresses that routers have brought.
    lines: u32,
}

impl Six {
    /// An address that another station has.
    pub(super) fn duplicate(&self) -> Option<Ipv6Addr> {
        self.duplicates.first().copied()
    }
}

impl Default for Six {
    fn default() -> Self {
        Self {
            router: None,
            client: None,
            lease: None,
            previous: None,
            lease_seen: false,
            facts: Facts::default(),
            informed: false,
            asked: None,
            paused: true,
            could_send: false,
            agreed: false,
            sending: 0,
            last_kick: 0,
            written: false,
            again_at: None,
            tentative: BTreeSet::new(),
            usable: BTreeSet::new(),
            duplicates: BTreeSet::new(),
            has: false,
            done: false,
            enough: false,
            no_router_told: false,
            lines: 0,
        }
    }
}

impl Six {
    /// The link is gone, and with it whatever was on it.
    pub(super) fn lose_link(&mut self) {
        let previous = self.lease.take().or(self.previous.take());
        *self = Self { previous, ..Self::default() };
    }

    pub(super) fn deadline(&self) -> Option<Millis> {
        let router = self.router.as_ref().and_then(ra::Machine::deadline);
        let client = self.client.as_ref().and_then(dhcp::Machine::deadline);
        [router, client].into_iter().flatten().min()
    }

    pub(super) fn has_client(&self) -> bool {
        self.client.is_some()
    }

    pub(super) fn is_written(&self) -> bool {
        self.written
    }

    pub(super) fn is_done(&self) -> bool {
        self.done
    }

    /// It does with what there is, and there is something of IPv6.
    pub(super) fn does(&self) -> bool {
        self.enough && self.has
    }

    /// There is an address that can be used.
    pub(super) fn has_some(&self) -> bool {
        self.has
    }

    /// It does without IPv6, if there is IPv4.
    pub(super) fn does_without(&self) -> bool {
        self.enough
    }

    /// Name servers of DHCPv6, then those of routers.
    pub(super) fn servers(&self) -> impl Iterator<Item = Ipv6Addr> + '_ {
        let leased = self.lease.iter().flat_map(|lease| lease.facts.dns.iter());
        let told = leased.chain(&self.facts.dns).copied();
        told.chain(self.router.iter().flat_map(ra::Machine::servers))
    }

    /// Search names, likewise.
    pub(super) fn search(&self) -> Vec<String> {
        let leased = self.lease.iter().flat_map(|lease| lease.facts.search.iter());
        let mut all: Vec<String> = leased.chain(&self.facts.search).cloned().collect();
        for name in self.router.iter().flat_map(ra::Machine::search) {
            if !all.iter().any(|known| known == name) {
                all.push(name.to_owned());
            }
        }
        all
    }

    fn waited(&self, now: Millis, wait: Millis) -> bool {
        self.asked.is_some_and(|since| now >= since + wait)
    }

    fn has_heard(&self) -> bool {
        self.router.as_ref().is_some_and(|router| router.heard() > 0)
    }

    /// The default router that advertises itself.
    pub(super) fn default_router(&self) -> Option<Ipv6Addr> {
        Some(self.router.as_ref()?.router()?.address)
    }
}

/// Methods that routers have a part in.
pub(super) fn asks_routers(method: Method6) -> bool {
    matches!(method, Method6::Auto | Method6::Dhcp | Method6::Either)
}

impl Engine {
    /// Brings IPv6 as far as it can be brought now. The link is up.
    pub(super) fn drive_six(&mut self, now: Millis, which: usize, out: &mut Vec<Action>) {
        let method = self.targets[which].spec.ipv6.method;
        if method != Method6::None {
            let prospects = self.prospects(now, which);
            if prospects.can_send {
                self.targets[which].begun.get_or_insert(now);
            }
            if asks_routers(method) {
                self.ask_routers(now, which, &prospects, out);
                self.drive_client(now, which, out);
                self.drive_written6(now, which, out);
            }
        }
        self.settle_six(now, which, out);
    }

    /// The machines' own timers: they run whatever the link does.
    pub(super) fn tick_six(&mut self, now: Millis, which: usize, out: &mut Vec<Action>) {
        let is_due = |at: Option<Millis>| at.is_some_and(|at| at <= now);
        let six = &self.targets[which].six;
        let router = is_due(six.router.as_ref().and_then(ra::Machine::deadline));
        let client = is_due(six.client.as_ref().and_then(dhcp::Machine::deadline));
        if router {
            self.step_router(now, which, ra::Event::Tick, out);
            // What routers told may have run out.
            self.set_names(out);
        }
        if client {
            self.step_client(now, which, dhcp::Event::Tick, out);
        }
    }

    /// Something came in.
    pub(super) fn six_incoming(
        &mut self,
        now: Millis,
        index: u32,
        incoming: types::Incoming<'_>,
        out: &mut Vec<Action>,
    ) {
        let Some(which) = self.targets.iter().position(|target| target.index == Some(index)) else { return };
        match incoming {
            types::Incoming::Advertisement { packet, checksum_missing } => {
                self.step_router(now, which, ra::Event::Packet { packet, checksum_missing }, out);
                // Before the kernel's address can be used: duplicate address detection takes a second.
                self.set_names(out);
            }
            types::Incoming::Datagram { from, payload } => {
                self.step_client(now, which, dhcp::Event::Datagram { from, payload }, out);
            }
        }
    }

    /// Hears routers from the moment when the link is up, and asks them when frames get through.
    fn ask_routers(&mut self, now: Millis, which: usize, prospects: &Prospects, out: &mut Vec<Action>) {
        let seed = self.config.seed;
        let target = &mut self.targets[which];
        let Some(index) = target.index else { return };
        let six = &mut target.six;
        if six.router.is_none() {
            six.router = Some(ra::Machine::new(seed, now));
            out.push(Action::Six(types::Action::OpenRouters(index)));
        }
        if !prospects.can_send && !prospects.hopeful {
            (six.could_send, six.agreed, six.sending) = (false, false, 0);
            self.pause6(now, which, out);
            return;
        }
        let reopens = prospects.can_send && !six.could_send;
        if reopens {
            // Whatever was tried without a partner meanwhile: it may be another network now.
            self.pause6(now, which, out);
        }
        let six = &mut self.targets[which].six;
        let opens = reopens || prospects.agreed && !six.agreed;
        let more = prospects.sending > six.sending && now >= six.last_kick + BURST;
        let kick = six.paused || opens || more;
        if six.paused {
            six.asked = Some(now);
        }
        (six.could_send, six.agreed, six.sending) = (prospects.can_send, prospects.agreed, prospects.sending);
        six.paused = false;
        if kick {
            six.last_kick = now;
            self.step_router(now, which, ra::Event::Kick, out);
            self.step_client(now, which, dhcp::Event::Kick, out);
        }
    }

    fn pause6(&mut self, now: Millis, which: usize, out: &mut Vec<Action>) {
        if !std::mem::replace(&mut self.targets[which].six.paused, true) {
            self.step_router(now, which, ra::Event::Pause, out);
            self.step_client(now, which, dhcp::Event::Pause, out);
        }
    }

    fn step_router(&mut self, now: Millis, which: usize, event: ra::Event<'_>, out: &mut Vec<Action>) {
        let (from, mac) = (self.link_local(which), self.mac_now(which));
        let target = &mut self.targets[which];
        let (Some(router), Some(index), Some(mac)) = (&mut target.six.router, target.index, mac) else {
            return;
        };
        for action in router.step(now, event) {
            match action {
                ra::Action::Solicit => {
                    out.push(Action::Six(types::Action::Solicit { index, mac, from }));
                }
                ra::Action::Note(note) => {
                    let line = format!("{}: IPv6: {note}", target.spec.name);
                    out.push(Action::Say(log::Level::Info, line));
                }
            }
        }
    }

    /// The addresses of an interface, as the last look has shown them.
    fn addresses_on(&self, which: usize) -> impl Iterator<Item = &Address6> {
        let index = self.targets[which].index;
        self.view.addresses6.iter().filter(move |found| Some(found.index) == index)
    }

    /// The link-local address, if it may be used.
    fn link_local(&self, which: usize) -> Option<Ipv6Addr> {
        let there = self.addresses_on(which).filter(|found| found.is_usable());
        there.map(|found| found.address.ip()).find(Ipv6Addr::is_unicast_link_local)
    }

    /// An address of a router's prefix or of whoever else, but neither written nor leased.
    fn is_slaac(&self, which: usize, found: &Address6) -> bool {
        let target = &self.targets[which];
        let ip = found.address.ip();
        // A flip has taken its end away.
        let had_end = |moved: &FoundAddress| moved.address.ip() == ip && moved.lifetime.is_some();
        let moved = self.found.moved().any(had_end);
        (!found.permanent || moved)
            && !ip.is_unicast_link_local()
            && !target.spec.ipv6.addresses.iter().any(|written| written.ip() == ip)
            && target
                .six
                .lease
                .as_ref()
                .or(target.six.previous.as_ref())
                .is_none_or(|lease| lease.address != ip)
    }

    /// What the words ask for, and what there is of it.
    fn settle_six(&mut self, now: Millis, which: usize, out: &mut Vec<Action>) {
        let (target, six) = (&self.targets[which], &self.targets[which].six);
        let method = target.spec.ipv6.method;
        let written = &target.spec.ipv6.addresses;
        let usable = |ip: Ipv6Addr| {
            self.addresses_on(which).any(|found| found.address.ip() == ip && found.is_usable())
        };
        let leased = six.lease.as_ref().is_some_and(|lease| usable(lease.address));
        let slaac = self
            .addresses_on(which)
            .any(|found| found.is_usable() && !found.deprecated && self.is_slaac(which, found));
        let has_written = written.iter().any(|network| usable(network.ip()));
        let pending =
            written.iter().any(|network| !usable(network.ip()) && !six.duplicates.contains(&network.ip()));
        let (has, mut done) = match method {
            Method6::None => (false, true),
            Method6::Static => (has_written, has_written && !pending),
            Method6::LinkLocal => {
                let there = self.link_local(which).is_some();
                (there, there)
            }
            Method6::Auto => (slaac, slaac),
            Method6::Dhcp => (leased, leased),
            Method6::Either => (leased || slaac, leased || slaac),
        };
        // What an earlier engine had is still set, and says nothing of whether anybody is there.
        let earlier = self.config.previous.as_ref().is_some_and(|state| state.came_online);
        done &= !earlier || !asks_routers(method) || target.ready || six.has_heard() || six.done;
        // What belongs to it is worth a moment, once, and no more.
        let held_back = match method {
            Method6::Dhcp | Method6::Either if leased && !slaac && six.default_router().is_none() => {
                six.asked.map(|since| since + ROUTER_WAIT)
            }
            Method6::Auto | Method6::Either if slaac && !leased && !six.informed => {
                let heard_at =
                    six.router.as_ref().filter(|router| router.other()).and_then(ra::Machine::heard_at);
                heard_at.map(|at| at + FACTS_WAIT).filter(|_| six.client.is_some())
            }
            _ => None,
        };
        let held_back = held_back.filter(|at| done && !six.done && now < *at);
        done &= held_back.is_none();
        // Without a router, or with one that has no prefix, SLAAC keeps nobody waiting who has IPv4.
        let prefix = six.router.as_ref().is_some_and(ra::Machine::autonomous);
        let alone = method == Method6::Auto && target.done && !prefix && !has && !six.enough;
        let heard_at = six.router.as_ref().and_then(ra::Machine::heard_at).map(|at| at + FACTS_WAIT);
        let silent_at = six.asked.map(|since| since + BESIDE_IPV4);
        let lonely_at = [heard_at, silent_at].into_iter().flatten().min().filter(|_| alone);
        let (was_done, had) = (six.done, six.has);
        let six = &mut self.targets[which].six;
        (six.has, six.done) = (has, done);
        if lonely_at.is_some_and(|at| now >= at) {
            self.do_without(which, out);
        }
        if has && !had && method != Method6::Static {
            // Their gateways are in a subnet that is there only now.
            self.written_routes(which, Family::V6, out);
        }
        self.wake(held_back);
        self.wake(lonely_at.filter(|at| now < *at));
        self.tell_no_router(now, which, out);
        if was_done && !done && self.targets[which].done {
            // IPv4 works on.
            self.do_without(which, out);
        } else if was_done && !done {
            self.six_gone(now, which, out);
        }
        if self.targets[which].is_done() && (has || self.targets[which].done) {
            self.times.address.get_or_insert(now);
        }
    }
}

/// What DHCPv6 is to do, by the words and by what routers say.
fn wanted_mode(method: Method6, six: &Six, now: Millis) -> Option<Mode> {
    let (managed, other, autonomous) = match &six.router {
        Some(router) => (router.managed(), router.other(), router.autonomous()),
        None => (false, false, false),
    };
    let silent = !six.has_heard() && six.waited(now, ROUTER_WAIT);
    let no_prefix = six.has_heard() && !autonomous;
    match method {
        Method6::Dhcp => Some(Mode::Stateful),
        Method6::Either if managed || no_prefix || silent || six.previous.is_some() => Some(Mode::Stateful),
        Method6::Auto | Method6::Either if other => Some(Mode::Stateless),
        _ => None,
    }
}
