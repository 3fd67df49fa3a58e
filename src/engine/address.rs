//! From a bond that can send to an address: static ones at once, leases from the DHCP machine. What is set, and
//! in which order: resolv.conf before the address, the address before its routes (old installers read them once).

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};

use ipnetwork::Ipv4Network;

use super::Engine;
use super::lease::client_id;
use super::state::Client;
use super::types::Action;
use crate::clock::Millis;
use crate::dhcp::v4::lease::Lease;
use crate::dhcp::v4::machine::{self, Machine};
use crate::dhcp::v4::note::Refused;
use crate::lacp::verdict::Verdict;
use crate::mac::Mac;
use crate::plan::{Interface, Method4, Plan};

/// ANNOUNCE_INTERVAL of RFC 5227 §1.1, milliseconds.
const ANNOUNCE_INTERVAL: Millis = 2_000;

/// Names as they were written last.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Names {
    servers: Vec<IpAddr>,
    search: Vec<String>,
    host: Option<String>,
}

/// One interface to be addressed.
#[derive(Debug)]
pub(super) struct Target {
    pub(super) spec: Interface,
    /// Which bond of the plan it stands on.
    pub(super) bond: Option<usize>,
    pub(super) index: Option<u32>,
    pub(super) mac: Option<Mac>,
    pub(super) machine: Option<Machine>,
    pub(super) lease: Option<Lease>,
    /// The lease that went with its link, or of an engine that was killed: asked for again, and not confirmed yet.
    pub(super) previous: Option<Lease>,
    pub(super) addresses: Vec<Ipv4Network>,
    /// What an engine that was killed has left there: goes if another address comes.
    pub(super) left: Option<Ipv4Network>,
    pub(super) gateway: Option<Ipv4Addr>,
    /// Since when it could send.
    pub(super) begun: Option<Millis>,
    pub(super) last_kick: Millis,
    /// Ports that could send at the last step: one more is worth a kick.
    pub(super) sending: usize,
    pub(super) done: bool,
    /// The link is down: its routes are gone, its addresses may be.
    pub(super) was_down: bool,
    /// The DHCP machine was told that nothing can be sent.
    pub(super) paused: bool,
    /// No traffic has passed for a while: when some does again a lease is checked, a static address announced.
    pub(super) cut: bool,
    /// When the addresses are to be announced once more.
    pub(super) announce_at: Option<Millis>,
}

impl Target {
    /// All interfaces that the plan addresses.
    pub(super) fn of(plan: &Plan) -> Vec<Self> {
        let new = |spec: &Interface| Self {
            bond: bond_below(plan, &spec.name),
            spec: spec.clone(),
            index: None,
            mac: None,
            machine: None,
            lease: None,
            previous: None,
            addresses: Vec::new(),
            left: None,
            gateway: None,
            begun: None,
            last_kick: 0,
            sending: 0,
            done: false,
            was_down: false,
            paused: false,
            cut: false,
            announce_at: None,
        };
        plan.interfaces.iter().map(new).collect()
    }

    pub(super) fn name(&self) -> &str {
        &self.spec.name
    }

    pub(super) fn index(&self) -> Option<u32> {
        self.index
    }

    pub(super) fn bond(&self) -> Option<usize> {
        self.bond
    }

    /// The link is gone, and with it whatever was on it.
    fn lose_link(&mut self) {
        self.previous = self.lease.take().or(self.previous.take());
        self.machine = None;
        self.addresses.clear();
        self.left = None;
        self.gateway = None;
        self.begun = None;
        self.done = false;
        self.was_down = false;
        self.paused = false;
        self.cut = false;
        self.announce_at = None;
    }

    pub(super) fn is_done(&self) -> bool {
        self.done
    }

    pub(super) fn wants_lease(&self) -> bool {
        self.spec.ipv4.method == Method4::Dhcp
    }

    pub(super) fn begun(&self) -> Option<Millis> {
        self.begun
    }

    pub(super) fn lease(&self) -> Option<&Lease> {
        self.lease.as_ref()
    }

    pub(super) fn gateway(&self) -> Option<Ipv4Addr> {
        self.gateway
    }

    pub(super) fn addresses(&self) -> impl Iterator<Item = Ipv4Network> + '_ {
        self.addresses.iter().copied()
    }

    pub(super) fn deadline(&self) -> Option<Millis> {
        self.machine.as_ref().and_then(Machine::deadline)
    }

    pub(super) fn discovers(&self) -> u32 {
        self.machine.as_ref().map_or(0, |machine| machine.heard().discovers)
    }

    /// DISCOVERs go out, and nobody has offered yet.
    pub(super) fn is_selecting(&self) -> bool {
        self.machine.as_ref().is_some_and(|machine| machine.state() == machine::State::Selecting)
    }

    /// Answers that were heard and refused, with the reasons.
    pub(super) fn refusals(&self) -> Vec<String> {
        self.machine.as_ref().map_or_else(Vec::new, |machine| {
            let text = |refused: &Refused| {
                let server = refused.server.map_or("a server".to_owned(), |server| server.to_string());
                format!("{server}: {} ({} times)", refused.why, refused.count)
            };
            machine.heard().refused.iter().map(text).collect()
        })
    }
}

/// The bond at the bottom of `name`: itself, or below the VLAN.
pub fn bond_below(plan: &Plan, name: &str) -> Option<usize> {
    let mut name = name;
    // A chain cannot be longer than there are VLANs; a loop in the words ends here.
    for _ in 0..=plan.vlans.len() {
        if let Some(found) = plan.bonds.iter().position(|bond| bond.name == name) {
            return Some(found);
        }
        name = &plan.vlans.iter().find(|vlan| vlan.name == name)?.link;
    }
    None
}

impl Engine {
    /// Brings every interface as far as it can be brought now.
    pub(super) fn drive_addresses(&mut self, now: Millis, out: &mut Vec<Action>) {
        for which in 0..self.targets.len() {
            self.follow_link(now, which);
            if self.targets[which].index.is_some() && self.is_up(which) {
                self.drive_address(now, which, out);
            }
            self.tick_lease(now, which, out);
        }
    }

    fn drive_address(&mut self, now: Millis, which: usize, out: &mut Vec<Action>) {
        self.restore(now, which, out);
        match self.targets[which].spec.ipv4.method {
            Method4::Dhcp => self.drive_lease(now, which, out),
            Method4::Static => self.drive_static(now, which, out),
            // Nothing to set; but somebody else may set it, once traffic passes.
            Method4::None | Method4::LinkLocal => {
                self.targets[which].done |= matches!(self.verdict_below(which), Verdict::Ready { .. });
            }
        }
        self.announce_again(now, which, out);
    }

    /// Keeps to the link by its index: one that was made anew has lost its addresses.
    fn follow_link(&mut self, now: Millis, which: usize) {
        let target = &mut self.targets[which];
        let link = self.view.links.named(&target.spec.name).filter(|link| link.up);
        let Some(link) = link else {
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
            target.mac = link.mac;
            target.last_kick = now;
        }
    }

    pub(super) fn verdict_below(&self, which: usize) -> &Verdict {
        self.targets[which].bond.map_or(&Verdict::NoPorts, |bond| &self.bonds[bond].verdict)
    }

    fn drive_static(&mut self, now: Millis, which: usize, out: &mut Vec<Action>) {
        if !self.verdict_below(which).can_send() {
            self.targets[which].cut |= self.targets[which].begun.is_some();
            return;
        }
        if std::mem::take(&mut self.targets[which].cut) {
            // It may be other switches now that have to learn where we are.
            self.announce(now, which, out);
        }
        if self.targets[which].begun.is_none() {
            self.targets[which].begun = Some(now);
            self.set_static(now, which, out);
        }
        let ready = matches!(self.verdict_below(which), Verdict::Ready { .. });
        if ready && !self.targets[which].done {
            self.targets[which].done = true;
            self.times.address.get_or_insert(now);
        }
    }

    pub(super) fn set_static(&mut self, now: Millis, which: usize, out: &mut Vec<Action>) {
        let spec = self.targets[which].spec.ipv4.clone();
        self.set_names(out);
        self.apply(which, &spec.addresses, spec.peer, None, out);
        if let (Some(gateway), Some(first)) = (spec.gateway, spec.addresses.first()) {
            self.route(which, everywhere(), Some(gateway), first.ip(), out);
        }
        self.announce(now, which, out);
    }

    fn is_up(&self, which: usize) -> bool {
        self.view.links.named(self.targets[which].name()).is_some_and(|link| link.up)
    }

    /// Removes all leased addresses but one.
    pub(super) fn remove_addresses(&mut self, which: usize, but: Option<Ipv4Network>, out: &mut Vec<Action>) {
        let target = &mut self.targets[which];
        let Some(index) = target.index else { return };
        let written = &target.spec.ipv4.addresses;
        let ours =
            target.addresses.extract_if(.., |address| Some(*address) != but && !written.contains(address));
        let gone = ours.chain(target.left.take().filter(|address| Some(*address) != but));
        out.extend(gone.map(|address| Action::DelAddress { index, address }));
    }

    /// Sets addresses; the routes come after.
    pub(super) fn apply(
        &mut self,
        which: usize,
        addresses: &[Ipv4Network],
        peer: Option<Ipv4Addr>,
        lifetime: Option<u32>,
        out: &mut Vec<Action>,
    ) {
        let target = &mut self.targets[which];
        let Some(index) = target.index else { return };
        for address in addresses {
            out.push(Action::AddAddress { index, address: *address, peer, lifetime });
            if !target.addresses.contains(address) {
                target.addresses.push(*address);
            }
        }
    }

    pub(super) fn route(
        &mut self,
        which: usize,
        to: Ipv4Network,
        via: Option<Ipv4Addr>,
        source: Ipv4Addr,
        out: &mut Vec<Action>,
    ) {
        let target = &mut self.targets[which];
        let Some(index) = target.index else { return };
        let onlink = via.is_some_and(|via| !target.addresses.iter().any(|subnet| subnet.contains(via)));
        if to.prefix() == 0 {
            target.gateway = via;
            // A route of the same metric is replaced by ours (NLM_F_REPLACE).
            let replaced =
                self.view.defaults.iter().filter(|route| route.metric == 0 && route.index != index);
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
        let (Some(index), Some(mac)) = (target.index, target.mac) else { return };
        let addresses = target.addresses.iter().map(|address| address.ip());
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

    /// resolv.conf and host name.
    pub(super) fn set_names(&mut self, out: &mut Vec<Action>) {
        if self.plan.bondstrap.handover.iter().any(|word| word == "none") {
            return;
        }
        let servers = self.name_servers();
        let had_servers = self.names.as_ref().is_some_and(|names| !names.servers.is_empty());
        let host = self.host_name();
        let search = self.targets.iter().filter_map(|target| target.lease.as_ref()).find_map(|lease| {
            let domain = lease.domain.clone().into_iter().collect::<Vec<_>>();
            Some(if lease.search.is_empty() { domain } else { lease.search.clone() })
                .filter(|list| !list.is_empty())
        });
        let names = Names {
            servers: servers.clone(),
            search: search.clone().unwrap_or_default(),
            host: host.clone(),
        };
        if self.names.as_ref() == Some(&names) {
            // Whoever has changed them since had a reason.
            return;
        }
        self.names = Some(names);
        // Those of a lease go with it.
        if !servers.is_empty() || had_servers {
            self.found.files = true;
            out.push(Action::Resolver { servers, search: search.unwrap_or_default() });
        }
        if let Some(name) = host {
            self.found.files = true;
            out.push(Action::HostName { name, only_if_unset: self.plan.hostname.is_none() });
        }
    }

    /// Name servers in order: `nameserver=`, those of `ip=`, those of the leases.
    pub(super) fn name_servers(&self) -> Vec<IpAddr> {
        let written = self.plan.dns.iter().copied();
        let spec = self.targets.iter().flat_map(|target| target.spec.dns.iter().copied());
        let leased =
            self.targets.iter().filter_map(|target| target.lease.as_ref()).flat_map(|lease| &lease.dns);
        let leased = leased.map(|address| IpAddr::V4(*address)).filter(|_| self.plan.peerdns);
        let mut all = Vec::new();
        for server in written.chain(spec).chain(leased) {
            if !all.contains(&server) {
                all.push(server);
            }
        }
        all
    }

    /// As what each DHCP client presents itself.
    pub(super) fn clients(&self) -> BTreeMap<String, Client> {
        let client = |target: &Target| {
            let mac = target.mac.filter(|_| target.machine.is_some())?;
            let client_id = client_id(self.plan.dhcp.client_id, mac);
            Some((target.name().to_owned(), Client { mac, client_id }))
        };
        let mut all = self.config.previous.as_ref().map(|state| state.clients.clone()).unwrap_or_default();
        all.extend(self.targets.iter().filter_map(client));
        all
    }

    /// The host name of the words, else of a lease.
    pub(super) fn host_name(&self) -> Option<String> {
        let leased = || self.targets.iter().find_map(|target| target.lease.as_ref()?.hostname.clone());
        self.plan.hostname.clone().or_else(leased)
    }
}

/// 0.0.0.0/0.
pub(super) fn everywhere() -> Ipv4Network {
    Ipv4Network::new(Ipv4Addr::UNSPECIFIED, 0).unwrap_or(Ipv4Network::from(Ipv4Addr::UNSPECIFIED))
}
