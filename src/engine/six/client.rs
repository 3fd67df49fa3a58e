//! DHCPv6, driven: when it begins, and what its lease brings.

use ipnetwork::IpNetwork;

use super::types;
use super::wanted_mode;
use crate::clock::Millis;
use crate::dhcp::v6::{self as dhcp, Config, Lease, Loss, Machine, Mode, duid_of_mac, iaid_of_mac};
use crate::engine::Engine;
use crate::engine::state::FoundAddress;
use crate::engine::target::Target;
use crate::engine::types::Action;

impl Engine {
    pub(super) fn drive_client(&mut self, now: Millis, which: usize, out: &mut Vec<Action>) {
        self.take_previous(which);
        let target = &self.targets[which];
        let six = &target.six;
        let Some(mode) = wanted_mode(target.spec.ipv6.method, six, now) else {
            let at = six.asked.map(|since| since + super::ROUTER_WAIT).filter(|at| *at > now);
            self.wake(at);
            return;
        };
        let stands = six.client.as_ref().is_some_and(|client| {
            // An address once asked for is kept, whatever routers say later.
            client.mode() == mode || client.mode() == Mode::Stateful
        });
        // The kernel tells when the link-local address can be sent from.
        if stands || six.paused || self.link_local(which).is_none() {
            return;
        }
        let seed = self.config.seed;
        let asks = |other: &&Target| super::asks_routers(other.spec.ipv6.method);
        let among = self.beside(which).filter(asks).count();
        let target = &mut self.targets[which];
        let (Some(index), Some(mac)) = (target.index, target.mac) else { return };
        if target.six.client.is_none() {
            out.push(Action::Six(types::Action::OpenDhcp(index)));
        }
        let previous = target.six.previous.clone();
        let (duid, iaid) = (duid_of_mac(mac), iaid_of_mac(mac));
        let config = Config { mode, seed, duid, iaid, among, previous };
        let mut client = Machine::new(config, now);
        let others = self.beside(which).filter_map(|other| other.six.client.as_ref());
        others.for_each(|other| client.share_with(other));
        self.targets[which].six.client = Some(client);
        self.step_client(now, which, dhcp::Event::Start, out);
    }

    /// The lease of an engine that was killed. Once: after that the machine knows better.
    fn take_previous(&mut self, which: usize) {
        let name = &self.targets[which].spec.name;
        let state = self.config.previous.as_mut().and_then(|state| state.ipv6.get_mut(name));
        if let Some(lease) = state.and_then(|state| state.lease.take()) {
            self.targets[which].six.previous.get_or_insert(lease);
        }
    }

    /// Steps the machine and translates what it wants.
    pub(super) fn step_client(
        &mut self,
        now: Millis,
        which: usize,
        event: dhcp::Event<'_>,
        out: &mut Vec<Action>,
    ) {
        let target = &mut self.targets[which];
        let (Some(client), Some(index)) = (&mut target.six.client, target.index) else { return };
        for action in client.step(now, event) {
            match action {
                dhcp::Action::Send(payload) => {
                    out.push(Action::Six(types::Action::Send { index, payload }));
                }
                dhcp::Action::Bound(lease) => self.bound6(now, which, *lease, out),
                dhcp::Action::Informed(facts) => {
                    let six = &mut self.targets[which].six;
                    (six.facts, six.informed) = (facts, true);
                    self.set_names(out);
                }
                dhcp::Action::Unbound(loss) => self.unbound6(now, which, loss, out),
                dhcp::Action::Note(note) => {
                    let line = format!("{}: DHCPv6: {note}", self.targets[which].spec.name);
                    out.push(Action::Say(log::Level::Info, line));
                }
            }
        }
    }

    fn bound6(&mut self, now: Millis, which: usize, lease: Lease, out: &mut Vec<Action>) {
        let six = &mut self.targets[which].six;
        let before = six.lease.replace(lease.clone());
        let left = six.previous.take().filter(|left| left.address != lease.address);
        let is_new = before.as_ref().is_none_or(|before| before.address != lease.address);
        // resolv.conf is complete before the address appears.
        self.set_names(out);
        for old in before.into_iter().filter(|_| is_new).chain(left) {
            self.remove6(which, &old, out);
        }
        if is_new {
            let six = &mut self.targets[which].six;
            six.lease_seen = false;
            six.tentative.remove(&lease.address);
            six.usable.remove(&lease.address);
            six.duplicates.remove(&lease.address);
        }
        self.set_address6(now, which, out);
        if is_new {
            let line = format!("{}: {}", self.targets[which].spec.name, super::say::describe(&lease));
            out.push(Action::Say(log::Level::Info, line));
        }
    }

    /// The leased address, with what is left of its lifetimes.
    pub(in crate::engine) fn set_address6(&mut self, now: Millis, which: usize, out: &mut Vec<Action>) {
        let target = &self.targets[which];
        let (Some(index), Some(lease)) = (target.index, &target.six.lease) else { return };
        let (address, preferred, valid) = (lease.address, lease.preferred_left(now), lease.left_secs(now));
        let Some(network) = lease.network().filter(|_| valid != Some(0)) else { return };
        let root = self.carries_root(network.into());
        let own = FoundAddress { index, address: IpNetwork::V6(network), broadcast: None, lifetime: None };
        // What is on a NIC of its own does not go with a bond.
        if self.found.nics.iter().any(|nic| nic.index == index) && !self.found.own.contains(&own) {
            self.found.own.push(own);
        }
        let valid = valid.filter(|_| !root);
        out.push(Action::Six(types::Action::SetAddress { index, address, preferred, valid }));
    }

    fn unbound6(&mut self, now: Millis, which: usize, loss: Loss, out: &mut Vec<Action>) {
        let why = match loss {
            Loss::NotOnLink => "it is not of this link",
            Loss::Withdrawn => "the server takes it back",
            Loss::Expired => "the lease ran out",
            Loss::Conflict => "another station has it",
            Loss::Released => "it was given back",
        };
        let six = &mut self.targets[which].six;
        six.lease_seen = false;
        let gone: Vec<Lease> = six.lease.take().into_iter().chain(six.previous.take()).collect();
        for lease in &gone {
            self.remove6(which, lease, out);
        }
        self.set_names(out);
        let name = &self.targets[which].spec.name;
        let address = gone.first().map_or(String::new(), |lease| format!(" {}", lease.address));
        let line = format!("{name}: the IPv6 address{address} is gone: {why}");
        out.push(Action::Say(log::Level::Warn, line));
        self.settle_six(now, which, out);
    }

    fn remove6(&mut self, which: usize, lease: &Lease, out: &mut Vec<Action>) {
        let target = &mut self.targets[which];
        target.six.tentative.remove(&lease.address);
        target.six.usable.remove(&lease.address);
        // A server may give what stands in the words, too.
        let written = target.spec.ipv6.addresses.iter().any(|written| written.ip() == lease.address);
        let index = target.index;
        // A root may stand on it.
        let stays = written || lease.network().is_some_and(|network| self.carries_root(network.into()));
        if let (Some(index), Some(network), false) = (index, lease.network(), stays) {
            out.push(Action::DelAddress { index, address: network.into() });
        }
    }
}
