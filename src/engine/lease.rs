//! From a bond that can send to a lease: the DHCP machine, driven by the bond's verdicts, and what its lease brings.

use std::net::{IpAddr, Ipv4Addr};

use ipnetwork::{IpNetwork, Ipv4Network};

use super::Engine;
use super::address::{EVERYWHERE4, Family};
use super::conflict::Probing;
use super::target::Target;
use super::types::Action;
use crate::clock::Millis;
use crate::dhcp::limit::round;
use crate::dhcp::v4::lease::Lease;
use crate::dhcp::v4::machine::{self, Loss, Machine};
use crate::dhcp::v4::{Note, client_id_of_duid, client_id_of_mac, client_id_of_words};
use crate::lacp::verdict::Verdict;
use crate::mac::Mac;
use crate::plan::ClientId;

/// Without a partner DHCP is tried all the same after this time, and again and again: a switch with LACP fallback
/// answers. Milliseconds.
const TRY_ANYWAY: Millis = 5_000;
/// So long after it began a burst is dense enough for ports that join. Milliseconds.
const BURST: Millis = 500;
/// After the first DISCOVER the next ones wait for the partner to say that it collects, so long at most: what leaves
/// before is lost in a strict switch, and a burst has only four frames. Milliseconds.
const OPENING: Millis = 250;
/// How often the ports are read meanwhile (the kernel does not announce a partner's change), and for how long.
/// Milliseconds.
const OPENING_POLL: Millis = 25;
const OPENING_POLLS: Millis = 1_000;
/// Length of a try without a partner, milliseconds.
const LONELY_BURST: Millis = 600;
/// Gap between such tries, milliseconds.
const TRY_AGAIN: Millis = 20_000;

/// What DHCP over a bond may hope for.
#[derive(Default)]
pub(super) struct Prospects {
    /// Frames leave the bond.
    pub(super) can_send: bool,
    /// The partner says that it takes them.
    pub(super) agreed: bool,
    /// It is worth trying although no partner was heard.
    pub(super) hopeful: bool,
    /// Ports that send.
    pub(super) sending: usize,
}

impl Engine {
    /// Option 61 of an interface: that of the words (`rd.net.dhcp.client-id=`), else by the policy.
    pub(super) fn client_id(&self, name: &str, mac: Mac) -> Option<Vec<u8>> {
        let of_words = self.plan.dhcp.client_ids.get(name).and_then(|words| client_id_of_words(words));
        of_words.or_else(|| match self.plan.dhcp.client_id {
            ClientId::Mac => Some(client_id_of_mac(mac)),
            ClientId::Duid => Some(client_id_of_duid(mac)),
            ClientId::None => None,
        })
    }

    pub(super) fn drive_lease(&mut self, now: Millis, which: usize, out: &mut Vec<Action>) {
        let Prospects { can_send, agreed, hopeful, sending } = self.prospects(now, which);
        let target = &mut self.targets[which];
        target.cut |= !can_send && target.lease.is_some();
        if can_send && std::mem::take(&mut target.cut) {
            // Whatever was tried without a partner meanwhile: the lease is checked, with the care of a first DISCOVER.
            target.begun = Some(now);
            self.pause(now, which, out);
        }
        let target = &mut self.targets[which];
        let begun = if can_send { *target.begun.get_or_insert(now) } else { now };
        if !can_send && !hopeful {
            target.sending = 0;
            self.pause(now, which, out);
            return;
        }
        if target.machine.is_none() {
            self.start_lease(now, which, out);
            self.targets[which].sending = sending;
            if can_send && !agreed {
                self.pause(now, which, out);
                self.wake(Some(now + OPENING));
            }
            return;
        }
        if can_send && !agreed && now < begun + OPENING && target.paused {
            self.wake(Some(begun + OPENING));
            return;
        }
        // A lease is kept by its own times.
        let again = !can_send && (!target.done || target.paused) && now >= target.last_kick + TRY_AGAIN;
        // Within the first moments of a burst the next DISCOVER is close anyway; a kick would only use up what the
        // rate limit allows in that second.
        let more_ports = sending > target.sending && now >= target.last_kick + BURST;
        target.sending = sending;
        let resumes = can_send && target.paused;
        if more_ports || again || resumes {
            target.paused = false;
            target.last_kick = now;
            self.dhcp(now, which, machine::Event::Kick, out);
        }
        if !can_send && !self.targets[which].done {
            self.rest(now, which, out);
        }
    }

    fn pause(&mut self, now: Millis, which: usize, out: &mut Vec<Action>) {
        if !std::mem::replace(&mut self.targets[which].paused, true) {
            self.dhcp(now, which, machine::Event::Pause, out);
        }
    }

    /// How often the ports are to be read while a partner has yet to say that it collects.
    pub(super) fn opening_poll(&self, now: Millis) -> Option<Millis> {
        let opens = |target: &Target| {
            let bond = target.bond.and_then(|bond| self.bonds.get(bond));
            let opening = bond.is_some_and(|work| matches!(work.verdict, Verdict::Distributing { .. }));
            opening && target.begun.is_some_and(|begun| now < begun + OPENING_POLLS)
        };
        self.targets.iter().any(opens).then_some(OPENING_POLL)
    }

    /// Without a partner a short burst is enough, now and then: what the rate limit allows is kept for the moment in
    /// which the switch wakes up.
    fn rest(&mut self, now: Millis, which: usize, out: &mut Vec<Action>) {
        // Of many clients the last has its turn late.
        let length = LONELY_BURST.max(round(self.among(which)));
        let target = &mut self.targets[which];
        let (rest_at, again_at) = (target.last_kick + length, target.last_kick + length.max(TRY_AGAIN));
        if target.is_selecting() && !target.paused {
            if now >= rest_at {
                self.pause(now, which, out);
            } else {
                self.wake(rest_at);
            }
        }
        self.wake(again_at);
    }

    /// The machine's own timers: they run whatever the link does (a lease ends without carrier, too).
    pub(super) fn tick_lease(&mut self, now: Millis, which: usize, out: &mut Vec<Action>) {
        if self.targets[which].deadline().is_some_and(|at| at <= now) {
            self.dhcp(now, which, machine::Event::Tick, out);
        }
    }

    pub(super) fn prospects(&mut self, now: Millis, which: usize) -> Prospects {
        let (sending, agreed) = match self.verdict_below(which) {
            Verdict::Ready { ports, .. } => (ports.len(), true),
            Verdict::Distributing { .. } => (1, false),
            _ => (0, false),
        };
        let Some(work) = self.targets[which].bond.map(|bond| &self.bonds[bond]) else {
            return Prospects { can_send: sending > 0, agreed, hopeful: false, sending };
        };
        let lonely = work.verdict == Verdict::NoPartner;
        let from = work.up_since.map(|since| since + TRY_ANYWAY);
        if lonely {
            self.wake(from.filter(|at| *at > now));
        }
        let hopeful = lonely && from.is_some_and(|at| at <= now);
        Prospects { can_send: sending > 0, agreed, hopeful, sending }
    }

    /// The interfaces on the bond of this one, itself included.
    pub(super) fn beside(&self, which: usize) -> impl Iterator<Item = &Target> {
        let bond = self.targets[which].bond;
        self.targets.iter().filter(move |target| bond.is_some() && target.bond == bond)
    }

    /// How many of them have DHCPv4 clients.
    fn among(&self, which: usize) -> usize {
        self.beside(which).filter(|target| target.wants_lease()).count()
    }

    fn start_lease(&mut self, now: Millis, which: usize, out: &mut Vec<Action>) {
        let target = &self.targets[which];
        let (Some(index), Some(mac)) = (target.index, target.mac) else { return };
        let client_id = self.client_id(target.name(), mac);
        let mtu =
            self.view.links.get(index).map_or(1_500, |link| u16::try_from(link.mtu).unwrap_or(u16::MAX));
        let among = self.among(which);
        let target = &mut self.targets[which];
        // Once: after that the machine knows better.
        let of_another =
            self.config.previous.as_mut().and_then(|state| state.lease.remove(&target.spec.name));
        target.left = of_another.as_ref().and_then(Lease::network).map(IpNetwork::V4);
        target.previous = target.previous.take().or(of_another);
        let previous = target.previous.clone();
        let config = machine::Config {
            mac,
            seed: self.config.seed,
            client_id,
            hostname: self.plan.hostname.clone(),
            vendor_class: self.plan.dhcp.vendor_class.clone(),
            among,
            mtu,
            previous,
        };
        let mut machine = Machine::new(config, now);
        self.beside(which)
            .filter_map(|other| other.machine.as_ref())
            .for_each(|other| machine.share_with(other));
        let target = &mut self.targets[which];
        target.machine = Some(machine);
        target.last_kick = now;
        target.paused = false;
        let root = target.left.filter(|address| self.carries_root(*address));
        // Whatever becomes of the lease.
        self.apply(which, root.as_slice(), None, None, out);
        out.push(Action::OpenDhcp(index));
        self.dhcp(now, which, machine::Event::Start, out);
    }

    /// A BOOTP message came in.
    pub(super) fn datagram(&mut self, now: Millis, index: u32, payload: &[u8], out: &mut Vec<Action>) {
        if let Some(which) = self.targets.iter().position(|target| target.index == Some(index)) {
            let selected = self.targets[which].is_selecting();
            self.dhcp(now, which, machine::Event::Datagram { payload }, out);
            let target = &mut self.targets[which];
            if target.paused && selected && !target.is_selecting() {
                // An offer after the burst: there is somebody, although no partner was heard, or none that agrees.
                target.paused = false;
                self.dhcp(now, which, machine::Event::Kick, out);
            }
        }
    }

    /// Steps the machine and translates what it wants.
    pub(super) fn dhcp(
        &mut self,
        now: Millis,
        which: usize,
        event: machine::Event<'_>,
        out: &mut Vec<Action>,
    ) {
        let target = &mut self.targets[which];
        let (Some(machine), Some(index)) = (&mut target.machine, target.index) else { return };
        for action in machine.step(now, event) {
            match action {
                machine::Action::Broadcast(payload) => out.push(Action::Broadcast { index, payload }),
                machine::Action::Unicast { from, to, payload } => {
                    out.push(Action::Unicast { index, from, to, payload });
                }
                machine::Action::Bound(lease) => self.bound(now, which, *lease, out),
                machine::Action::Unbound(loss) => self.unbound(now, which, loss, out),
                // Told with whoever has it.
                machine::Action::Note(Note::Conflict(_)) => {}
                machine::Action::Note(note) => {
                    let line = format!("{}: DHCP: {note}", self.targets[which].spec.name);
                    out.push(Action::Say(note.level(), line));
                }
            }
        }
    }

    fn bound(&mut self, now: Millis, which: usize, lease: Lease, out: &mut Vec<Action>) {
        let Some(network) = lease.network() else { return };
        let leased = IpNetwork::V4(network);
        let can_send = self.verdict_below(which).can_send();
        let target = &mut self.targets[which];
        let before = target.lease.replace(lease.clone());
        let old = before.as_ref().or(target.previous.as_ref());
        let confirmed = old.is_none_or(|old| old.obtained_at != lease.obtained_at);
        target.previous = None;
        target.duplicate = None;
        target.lost = None;
        // Held in any case; but where nothing can be sent and nobody has confirmed it there is no network.
        target.done |= confirmed || can_send;
        if target.done {
            self.times.address.get_or_insert(now);
        }
        let renewed = before.is_some() && target.addresses.contains(&leased);
        if !renewed && target.probing.as_ref().is_none_or(|probing| !probing.is_of(lease.address)) {
            // Nobody was asked for it: Rapid Commit, or another address at a renewal.
            target.probing = Some(Probing::new(lease.address, now));
        }
        if !renewed || before.as_ref().is_some_and(|before| before.mtu != lease.mtu) {
            self.set_lease_mtu(which, lease.mtu, out);
        }
        if renewed && before.as_ref().is_some_and(|before| routes(before) == routes(&lease)) {
            // Only the lifetime is new: nothing else is touched, nobody is told.
            self.set_names(out);
            self.apply(which, &[leased], None, lease.left_secs(now), out);
            return;
        }
        match before.filter(|_| renewed) {
            Some(before) => self.drop_routes(which, &before, &lease, out),
            // The others' routes go with them; but for that of a root.
            None => {
                self.remove_addresses(which, Some(leased), out);
                let rooted = self.targets[which].addresses().any(|address| self.carries_root(address));
                self.targets[which].gateways.retain(|gateway| gateway.is_ipv6() || rooted);
            }
        }
        self.set_lease(now, which, &lease, out);
        if !renewed {
            let target = &self.targets[which];
            let line = format!("{}: {}", target.spec.name, describe(&lease, network));
            out.push(Action::Say(log::Level::Info, line));
            // That it has no router is told before anybody goes on.
            self.findings.due = true;
        }
    }

    /// Routes that a renewal brings no more; one to the same destination is replaced. A root may come by the router.
    fn drop_routes(&mut self, which: usize, before: &Lease, lease: &Lease, out: &mut Vec<Action>) {
        let Some(index) = self.targets[which].index else { return };
        let root = lease.network().is_some_and(|network| self.carries_root(network.into()));
        let kept = routes(lease);
        for (to, via) in routes(before) {
            let (is_default, via) = (to == EVERYWHERE4, via.map(IpAddr::V4));
            let target = &mut self.targets[which];
            // One that was left out for another interface's.
            let is_set = !is_default || target.router4() == via;
            if kept.iter().any(|(other, _)| *other == to) || is_default && root || !is_set {
                continue;
            }
            if is_default {
                target.gateways.retain(IpAddr::is_ipv6);
            }
            out.push(Action::DelRoute { index, to, via });
        }
    }

    /// What a lease brings, in its order. What is there already is only refreshed.
    pub(super) fn set_lease(&mut self, now: Millis, which: usize, lease: &Lease, out: &mut Vec<Action>) {
        let Some(network) = lease.network() else { return };
        self.set_names(out);
        let written = self.targets[which].spec.ipv4.addresses.iter();
        let written: Vec<IpNetwork> = written.copied().map(IpNetwork::V4).collect();
        self.apply(which, &written, None, None, out);
        self.apply(which, &[network.into()], None, lease.left_secs(now), out);
        let source = Some(network.ip().into());
        let routes = routes(lease);
        for (to, via) in &routes {
            self.route(which, *to, via.map(Into::into), source, out);
        }
        // Where the server sends a default router, that is the one.
        let gateway = self.targets[which].spec.ipv4.gateway;
        if let Some(via) = gateway.filter(|_| routes.iter().all(|(to, _)| *to != EVERYWHERE4)) {
            self.route(which, EVERYWHERE4, Some(via.into()), source, out);
        }
        self.written_routes(which, Family::V4, out);
        self.announce(now, which, out);
    }

    fn unbound(&mut self, now: Millis, which: usize, loss: Loss, out: &mut Vec<Action>) {
        let why = match loss {
            Loss::Nak => "the server refuses it",
            Loss::Expired => "the lease ran out",
            Loss::Conflict => "another station has it",
            Loss::Released => "it was given back",
        };
        self.remove_addresses(which, None, out);
        let target = &mut self.targets[which];
        let lease = target.lease.take().or(target.previous.take());
        let address = lease.as_ref().map(|lease| lease.address);
        target.duplicate = address.filter(|_| loss == Loss::Conflict).map(Into::into);
        let root = lease.as_ref().and_then(Lease::network).map(IpNetwork::V4);
        let root = root.filter(|address| self.carries_root(*address));
        self.apply(which, root.as_slice(), None, None, out);
        let target = &mut self.targets[which];
        target.lost = address.map(|address| match root {
            None => format!("{address} is gone: {why}"),
            Some(_) => format!("{address} is kept without a lease, since the root may come by it: {why}"),
        });
        if root.is_none() {
            target.gateways.retain(|gateway| gateway.is_ipv6());
        } else if target.router4().is_none() {
            // Never confirmed by us; but the flip has moved it.
            let routes = lease.iter().flat_map(routes).filter(|(to, _)| *to == EVERYWHERE4);
            target.gateways.extend(routes.filter_map(|(_, via)| via).map(IpAddr::V4));
        }
        target.done = false;
        target.begun = Some(now);
        self.set_names(out);
        self.told.remove("lease");
        self.sentence.clear();
        self.result = None;
        let target = &self.targets[which];
        let what = match (root, &target.lost) {
            (Some(_), Some(lost)) => lost.clone(),
            _ => format!("the address is gone: {why}"),
        };
        out.push(Action::Say(log::Level::Warn, format!("{}: {what}", target.spec.name)));
    }
}

/// The routes of a lease: its classless ones, else the first router as default.
pub(super) fn routes(lease: &Lease) -> Vec<(IpNetwork, Option<Ipv4Addr>)> {
    if lease.routes.is_empty() {
        return lease.routers.first().map(|router| (EVERYWHERE4, Some(*router))).into_iter().collect();
    }
    lease.routes.iter().map(|route| (route.to.into(), route.via)).collect()
}

/// A lease in one line.
fn describe(lease: &Lease, network: Ipv4Network) -> String {
    let lifetime = match lease.lease_secs {
        None => "for ever".to_owned(),
        Some(seconds) => format!("for {seconds} s"),
    };
    let router = match routes(lease).iter().find(|(to, _)| to.prefix() == 0) {
        Some((_, Some(via))) => format!("router {via}"),
        Some((_, None)) => "a default route without a router".to_owned(),
        None => "no router".to_owned(),
    };
    let dns: Vec<_> = lease.dns.iter().map(ToString::to_string).collect();
    let dns = if dns.is_empty() { "no DNS".to_owned() } else { format!("DNS {}", dns.join(", ")) };
    format!("DHCP lease {network} from {} {lifetime}, {router}, {dns}", lease.server_id)
}
