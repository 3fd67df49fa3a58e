//! From a bond that can send to an address: static ones at once, leases from the DHCP machine. What is set, and
//! in which order: resolv.conf before the address, the address before its routes (old installers read them once).

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};

use ipnetwork::Ipv4Network;

use super::Engine;
use super::state::Client;
use super::types::Action;
use crate::clock::Millis;
use crate::dhcp::v4::lease::Lease;
use crate::dhcp::v4::machine::{self, Loss, Machine};
use crate::dhcp::v4::note::Refused;
use crate::lacp::verdict::Verdict;
use crate::mac::Mac;
use crate::plan::{ClientId, Interface, Method4, Plan};

/// Without a partner DHCP is tried all the same after this time, and again and again: a switch with LACP fallback
/// answers. Milliseconds.
const TRY_ANYWAY: Millis = 5_000;
/// ANNOUNCE_INTERVAL of RFC 5227 §1.1, milliseconds.
const ANNOUNCE_INTERVAL: Millis = 2_000;
/// Gap between such tries, milliseconds.
const TRY_AGAIN: Millis = 20_000;

/// One interface to be addressed.
#[derive(Debug)]
pub(super) struct Target {
    spec: Interface,
    /// Which bond of the plan it stands on.
    bond: Option<usize>,
    index: Option<u32>,
    mac: Option<Mac>,
    machine: Option<Machine>,
    lease: Option<Lease>,
    addresses: Vec<Ipv4Network>,
    gateway: Option<Ipv4Addr>,
    /// Since when it could send.
    begun: Option<Millis>,
    last_kick: Millis,
    /// Ports that could send at the last step: one more is worth a kick.
    sending: usize,
    done: bool,
    /// The link is down: its routes are gone, its addresses may be.
    was_down: bool,
    /// When the addresses are to be announced once more.
    announce_at: Option<Millis>,
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
            addresses: Vec::new(),
            gateway: None,
            begun: None,
            last_kick: 0,
            sending: 0,
            done: false,
            was_down: false,
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

/// Option 61 for this address.
pub fn client_id(policy: ClientId, mac: Mac) -> Option<Vec<u8>> {
    match policy {
        // RFC 2132 9.14: hardware type, address; what PXE firmware sends.
        ClientId::Mac => Some([&[1][..], &mac.0].concat()),
        // RFC 4361 6.1: 255, IAID, DUID-LL (RFC 8415 11.4).
        ClientId::Duid => Some([&[255][..], &mac.0[2..], &[0, 3, 0, 1], &mac.0].concat()),
        ClientId::None => None,
    }
}

impl Engine {
    /// Brings every interface as far as it can be brought now.
    pub(super) fn drive_addresses(&mut self, now: Millis, out: &mut Vec<Action>) {
        for which in 0..self.targets.len() {
            self.follow_link(now, which);
            if self.targets[which].index.is_none() || self.targets[which].was_down && !self.is_up(which) {
                continue;
            }
            self.restore(now, which, out);
            match self.targets[which].spec.ipv4.method {
                Method4::Dhcp => self.drive_lease(now, which, out),
                Method4::Static => self.drive_static(now, which, out),
                Method4::None | Method4::LinkLocal => self.targets[which].done = true,
            }
            self.announce_again(now, which, out);
        }
    }

    /// Keeps to the link by its index: one that was made anew has lost its addresses.
    fn follow_link(&mut self, now: Millis, which: usize) {
        let target = &mut self.targets[which];
        let link = self.view.links.named(&target.spec.name).filter(|link| link.up);
        let Some(link) = link else {
            target.index = target.index.filter(|index| self.view.links.get(*index).is_some());
            target.was_down = target.index.is_some();
            return;
        };
        if target.index != Some(link.index) {
            target.index = Some(link.index);
            target.mac = link.mac;
            target.machine = None;
            target.addresses.clear();
            target.gateway = None;
            target.begun = None;
            target.done = false;
            target.was_down = false;
            target.last_kick = now;
        }
    }

    /// A link that came up again has lost its routes.
    fn restore(&mut self, now: Millis, which: usize, out: &mut Vec<Action>) {
        if !std::mem::take(&mut self.targets[which].was_down) {
            return;
        }
        if let Some(lease) = self.targets[which].lease.clone() {
            self.set_lease(now, which, &lease, out);
        } else if self.targets[which].begun.is_some() {
            self.set_static(now, which, out);
        }
    }

    fn verdict_below(&self, which: usize) -> &Verdict {
        self.targets[which].bond.map_or(&Verdict::NoPorts, |bond| &self.bonds[bond].verdict)
    }

    fn drive_static(&mut self, now: Millis, which: usize, out: &mut Vec<Action>) {
        if !self.verdict_below(which).can_send() {
            return;
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

    fn set_static(&mut self, now: Millis, which: usize, out: &mut Vec<Action>) {
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

    fn drive_lease(&mut self, now: Millis, which: usize, out: &mut Vec<Action>) {
        let (can_send, hopeful, sending) = self.prospects(now, which);
        let target = &mut self.targets[which];
        if can_send {
            target.begun.get_or_insert(now);
        }
        if !can_send && !hopeful {
            target.sending = 0;
            return;
        }
        if target.machine.is_none() {
            self.start_lease(now, which, out);
            self.targets[which].sending = sending;
            return;
        }
        let again = !can_send && now >= target.last_kick + TRY_AGAIN;
        let more_ports = sending > target.sending;
        target.sending = sending;
        if more_ports || again {
            target.last_kick = now;
            self.dhcp(now, which, machine::Event::Kick, out);
        } else if target.deadline().is_some_and(|at| at <= now) {
            self.dhcp(now, which, machine::Event::Tick, out);
        }
        if !can_send && !self.targets[which].done {
            let at = self.targets[which].last_kick + TRY_AGAIN;
            self.wake(at);
        }
    }

    /// Whether frames can leave; whether it is worth trying although no partner was heard; how many ports send.
    fn prospects(&mut self, now: Millis, which: usize) -> (bool, bool, usize) {
        let Some(bond) = self.targets[which].bond else { return (false, false, 0) };
        let work = &self.bonds[bond];
        let sending = match &work.verdict {
            Verdict::Ready { ports, .. } => ports.len(),
            Verdict::Distributing { .. } => 1,
            _ => 0,
        };
        let lonely = work.verdict == Verdict::NoPartner;
        let from = work.up_since.map(|since| since + TRY_ANYWAY);
        if lonely {
            self.wake(from.filter(|at| *at > now));
        }
        (sending > 0, lonely && from.is_some_and(|at| at <= now), sending)
    }

    fn start_lease(&mut self, now: Millis, which: usize, out: &mut Vec<Action>) {
        let target = &mut self.targets[which];
        let (Some(index), Some(mac)) = (target.index, target.mac) else { return };
        let previous =
            self.config.previous.as_ref().and_then(|state| state.lease.get(&target.spec.name).cloned());
        let config = machine::Config {
            mac,
            seed: self.config.seed,
            client_id: client_id(self.plan.dhcp.client_id, mac),
            hostname: self.plan.hostname.clone(),
            vendor_class: self.plan.dhcp.vendor_class.clone(),
            mtu: 1500,
            previous,
        };
        target.machine = Some(Machine::new(config, now));
        target.last_kick = now;
        out.push(Action::OpenDhcp(index));
        self.dhcp(now, which, machine::Event::Start, out);
    }

    /// A BOOTP message came in.
    pub(super) fn datagram(&mut self, now: Millis, index: u32, payload: &[u8], out: &mut Vec<Action>) {
        if let Some(which) = self.targets.iter().position(|target| target.index == Some(index)) {
            self.dhcp(now, which, machine::Event::Datagram { payload }, out);
        }
    }

    /// Steps the machine and translates what it wants.
    fn dhcp(&mut self, now: Millis, which: usize, event: machine::Event<'_>, out: &mut Vec<Action>) {
        let target = &mut self.targets[which];
        let (Some(machine), Some(index)) = (&mut target.machine, target.index) else { return };
        for action in machine.step(now, event) {
            match action {
                machine::Action::Broadcast(payload) => out.push(Action::Broadcast { index, payload }),
                machine::Action::Unicast { from, to, payload } => {
                    out.push(Action::Unicast { index, from, to, payload });
                }
                machine::Action::Bound(lease) => self.bound(now, which, *lease, out),
                machine::Action::Unbound(loss) => self.unbound(which, loss, out),
                machine::Action::Note(note) => {
                    let line = format!("{}: DHCP: {note}", self.targets[which].spec.name);
                    out.push(Action::Say(log::Level::Info, line));
                }
            }
        }
    }

    fn bound(&mut self, now: Millis, which: usize, lease: Lease, out: &mut Vec<Action>) {
        let Some(network) = lease.network() else { return };
        let renewed = self.targets[which].addresses.contains(&network);
        if !renewed {
            self.remove_addresses(which, out);
        }
        self.targets[which].lease = Some(lease.clone());
        self.set_lease(now, which, &lease, out);
        let target = &mut self.targets[which];
        target.done = true;
        self.times.address.get_or_insert(now);
        if !renewed {
            let line = format!("{}: {}", target.spec.name, describe(&lease, network, target.gateway));
            out.push(Action::Say(log::Level::Info, line));
            if target.gateway.is_none() {
                let line = format!(
                    "{}: the lease has no router: nothing beyond {network} can be reached, and installers that look for \
                     a default route will not see this network; set option 3 on the DHCP server",
                    target.spec.name
                );
                out.push(Action::Say(log::Level::Warn, line));
            }
        }
    }

    /// What a lease brings, in its order. What is there already is only refreshed.
    fn set_lease(&mut self, now: Millis, which: usize, lease: &Lease, out: &mut Vec<Action>) {
        let Some(network) = lease.network() else { return };
        self.set_names(out);
        let written = self.targets[which].spec.ipv4.addresses.clone();
        self.apply(which, &written, None, None, out);
        self.apply(which, &[network], None, lease.left_secs(now), out);
        for (to, via) in routes(lease) {
            self.route(which, to, via, network.ip(), out);
        }
        self.announce(now, which, out);
    }

    fn unbound(&mut self, which: usize, loss: Loss, out: &mut Vec<Action>) {
        let why = match loss {
            Loss::Nak => "the server refuses it",
            Loss::Expired => "the lease ran out",
            Loss::Conflict => "another station has it",
            Loss::Released => "it was given back",
        };
        self.remove_addresses(which, out);
        let target = &mut self.targets[which];
        target.lease = None;
        target.gateway = None;
        target.done = false;
        out.push(Action::Say(log::Level::Warn, format!("{}: the address is gone: {why}", target.spec.name)));
    }

    fn remove_addresses(&mut self, which: usize, out: &mut Vec<Action>) {
        let target = &mut self.targets[which];
        let Some(index) = target.index else { return };
        out.extend(target.addresses.drain(..).map(|address| Action::DelAddress { index, address }));
    }

    /// Sets addresses; the routes come after.
    fn apply(
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

    fn route(
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
        }
        out.push(Action::AddRoute { index, to, via, onlink, source });
    }

    /// Announces the addresses, now and once more (RFC 5227 §2.3): the first may be lost while the switch opens.
    fn announce(&mut self, now: Millis, which: usize, out: &mut Vec<Action>) {
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
    fn set_names(&mut self, out: &mut Vec<Action>) {
        if self.plan.bondstrap.handover.iter().any(|word| word == "none") {
            return;
        }
        let servers = self.name_servers();
        let search = self.targets.iter().filter_map(|target| target.lease.as_ref()).find_map(|lease| {
            let domain = lease.domain.clone().into_iter().collect::<Vec<_>>();
            Some(if lease.search.is_empty() { domain } else { lease.search.clone() })
                .filter(|list| !list.is_empty())
        });
        if !servers.is_empty() {
            self.found.files = true;
            out.push(Action::Resolver { servers, search: search.unwrap_or_default() });
        }
        if let Some(name) = self.host_name() {
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
        self.targets.iter().filter_map(client).collect()
    }

    /// The host name of the words, else of a lease.
    pub(super) fn host_name(&self) -> Option<String> {
        let leased = || self.targets.iter().find_map(|target| target.lease.as_ref()?.hostname.clone());
        self.plan.hostname.clone().or_else(leased)
    }
}

/// 0.0.0.0/0.
fn everywhere() -> Ipv4Network {
    Ipv4Network::new(Ipv4Addr::UNSPECIFIED, 0).unwrap_or(Ipv4Network::from(Ipv4Addr::UNSPECIFIED))
}

/// The routes of a lease: its classless ones, else the first router as default.
fn routes(lease: &Lease) -> Vec<(Ipv4Network, Option<Ipv4Addr>)> {
    if lease.routes.is_empty() {
        return lease.routers.first().map(|router| (everywhere(), Some(*router))).into_iter().collect();
    }
    lease.routes.iter().map(|route| (route.to, route.via)).collect()
}

/// A lease in one line.
fn describe(lease: &Lease, network: Ipv4Network, gateway: Option<Ipv4Addr>) -> String {
    let lifetime = match lease.lease_secs {
        None => "for ever".to_owned(),
        Some(seconds) => format!("for {seconds} s"),
    };
    let router = gateway.map_or("no router".to_owned(), |via| format!("router {via}"));
    let dns: Vec<_> = lease.dns.iter().map(ToString::to_string).collect();
    let dns = if dns.is_empty() { "no DNS".to_owned() } else { format!("DNS {}", dns.join(", ")) };
    format!("DHCP lease {network} from {} {lifetime}, {router}, {dns}", lease.server_id)
}
