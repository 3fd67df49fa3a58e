//! One interface that the plan addresses, and what is known of it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnetwork::IpNetwork;

use super::choice::Chosen;
use super::conflict::Probing;
use super::six::Six;
use crate::clock::Millis;
use crate::dhcp::v4::lease::Lease;
use crate::dhcp::v4::machine::{self, Machine};
use crate::lacp::verdict::Verdict;
use crate::links::{Link, Links};
use crate::mac::Mac;
use crate::plan::{Interface, Method4, Method6, Plan};
use crate::trouble::Router;

/// One interface to be addressed.
#[derive(Debug)]
pub(super) struct Target {
    pub(super) spec: Interface,
    /// Which bond of the plan it stands on; none: on none.
    pub(super) bond: Option<usize>,
    /// The words build it.
    built: bool,
    pub(super) index: Option<u32>,
    /// That of its clients, once there are some.
    pub(super) mac: Option<Mac>,
    /// What stands on no bond passes traffic where it has carrier.
    pub(super) plain: Verdict,
    pub(super) machine: Option<Machine>,
    pub(super) lease: Option<Lease>,
    /// The lease that went with its link, or of an engine that was killed: asked for again, and not confirmed yet.
    pub(super) previous: Option<Lease>,
    pub(super) addresses: Vec<IpNetwork>,
    /// What an engine that was killed has left there: goes if another address comes.
    pub(super) left: Option<IpNetwork>,
    /// Default routers, of IPv4 and of IPv6.
    pub(super) gateways: Vec<IpAddr>,
    /// Since when it could send.
    pub(super) begun: Option<Millis>,
    /// What is written in the words has been set.
    pub(super) written: bool,
    pub(super) last_kick: Millis,
    /// Ports that could send at the last step: one more is worth a kick.
    pub(super) sending: usize,
    /// There is a lease.
    pub(super) done: bool,
    /// Traffic passed at some time.
    pub(super) ready: bool,
    /// The link is down: its routes are gone, its addresses may be.
    pub(super) was_down: bool,
    /// The DHCP machine was told that nothing can be sent.
    pub(super) paused: bool,
    /// No traffic has passed for a while: when some does again a lease is checked, a static address announced.
    pub(super) cut: bool,
    /// An address that another station turned out to have.
    pub(super) duplicate: Option<IpAddr>,
    /// What the kernel knows of the default router.
    pub(super) router_seen: Router,
    /// When the addresses are to be announced once more.
    pub(super) announce_at: Option<Millis>,
    /// IPv6, but for what stands in the words.
    pub(super) six: Six,
    /// Whether somebody else has the address is being found out.
    pub(super) probing: Option<Probing>,
    /// The IPv4 address is of our own choice (RFC 3927).
    pub(super) chosen: Option<Chosen>,
    /// Why the last address is gone; none: there is one, or never was.
    pub(super) lost: Option<String>,
    /// MTU before that of a lease, bytes.
    pub(super) mtu_before: Option<u32>,
}

impl Target {
    /// All interfaces that the plan addresses.
    pub(super) fn of(plan: &Plan) -> Vec<Self> {
        let new = |spec: &Interface| Self {
            bond: bond_below(plan, &spec.name),
            built: plan.builds(&spec.name),
            spec: spec.clone(),
            index: None,
            mac: None,
            plain: Verdict::NoCarrier,
            machine: None,
            lease: None,
            previous: None,
            addresses: Vec::new(),
            left: None,
            gateways: Vec::new(),
            begun: None,
            written: false,
            last_kick: 0,
            sending: 0,
            done: false,
            ready: false,
            was_down: false,
            paused: false,
            cut: false,
            duplicate: None,
            router_seen: Router::Unknown,
            announce_at: None,
            six: Six::default(),
            probing: None,
            chosen: None,
            lost: None,
            mtu_before: None,
        };
        plan.interfaces.iter().map(new).collect()
    }

    pub(super) fn name(&self) -> &str {
        &self.spec.name
    }

    /// The NIC that has the MAC, where it is named by that.
    pub(super) fn nic<'a>(&self, links: &'a Links) -> Option<&'a Link> {
        let mac = self.spec.match_mac?;
        links.0.iter().find(|link| link.is_nic() && link.own_mac() == Some(mac))
    }

    /// The link that it is: by name, or the NIC that has the MAC and is no port of a bond.
    pub(super) fn link<'a>(&self, links: &'a Links) -> Option<&'a Link> {
        match (self.spec.match_mac, self.bond) {
            (Some(_), None) => self.nic(links),
            _ => links.named(&self.spec.name),
        }
    }

    /// A NIC that is there, or will be: what the words build always comes.
    pub(super) fn is_expected(&self, links: &Links) -> bool {
        self.built || self.bond.is_some() || self.link(links).is_some()
    }

    /// It is to get an address.
    pub(super) fn asks(&self) -> bool {
        self.spec.asks_for(true) || self.spec.asks_for(false)
    }

    /// A NIC on no bond.
    pub(super) fn stands_alone(&self) -> bool {
        self.bond.is_none() && !self.built
    }

    pub(super) fn index(&self) -> Option<u32> {
        self.index
    }

    pub(super) fn bond(&self) -> Option<usize> {
        self.bond
    }

    /// The link is gone, and with it whatever was on it.
    pub(super) fn lose_link(&mut self) {
        self.previous = self.lease.take().or(self.previous.take());
        self.machine = None;
        self.addresses.clear();
        self.left = None;
        self.gateways.clear();
        self.begun = None;
        self.written = false;
        self.done = false;
        self.ready = false;
        self.was_down = false;
        self.paused = false;
        self.cut = false;
        self.announce_at = None;
        self.six.lose_link();
        (self.probing, self.duplicate) = (None, None);
        self.mtu_before = None;
    }

    /// It has what it is to have.
    pub(super) fn is_done(&self) -> bool {
        let leased = self.done || !self.wants_lease();
        let learns = self.wants_lease() || self.spec.ipv6.method != Method6::None;
        let passes = self.ready || learns && !self.is_static();
        let all = leased && self.six.is_done() && (self.chosen.is_none() || self.written);
        // At a limit what one family has is enough.
        let enough = self.six.does() || self.six.does_without() && self.has_ipv4();
        passes && (all || enough)
    }

    /// There is an IPv4 address.
    fn has_ipv4(&self) -> bool {
        self.done || self.spec.ipv4.method == Method4::Static && self.written
    }

    /// There is an address of one family at least, while the other is awaited.
    pub(super) fn has_some(&self) -> bool {
        self.has_ipv4() || self.six.has_some()
    }

    pub(super) fn wants_lease(&self) -> bool {
        self.spec.ipv4.method == Method4::Dhcp
    }

    /// It is the network that gives it all that it has.
    pub(super) fn asks_network(&self) -> bool {
        self.wants_lease() || super::six::asks_routers(self.spec.ipv6.method) && !self.is_static()
    }

    /// Addresses of one of its families stand in the words.
    pub(super) fn is_static(&self) -> bool {
        matches!(self.spec.ipv4.method, Method4::Static | Method4::LinkLocal)
            || self.spec.ipv6.method == Method6::Static
    }

    /// The first IPv4 address of the words, once it is set; one of our own choice, once it can be asked for. None where DHCP
    /// is asked for one as well.
    pub(super) fn written4(&self) -> Option<Ipv4Addr> {
        let first = self.spec.ipv4.addresses.first().map(|network| network.ip());
        let asked = self.chosen.is_some() && self.begun.is_some();
        first.filter(|_| (self.written || asked) && self.spec.ipv4.method == Method4::Static)
    }

    /// The words have this address.
    pub(super) fn has_written(&self, address: &IpNetwork) -> bool {
        match address {
            IpNetwork::V4(address) => self.spec.ipv4.addresses.contains(address),
            IpNetwork::V6(address) => self.spec.ipv6.addresses.contains(address),
        }
    }

    pub(super) fn begun(&self) -> Option<Millis> {
        self.begun
    }

    pub(super) fn lease(&self) -> Option<&Lease> {
        self.lease.as_ref()
    }

    pub(super) fn gateway(&self) -> Option<IpAddr> {
        self.gateways.first().copied()
    }

    /// The default router; that of an advertisement where there is no other.
    pub(super) fn router(&self) -> Option<IpAddr> {
        self.gateway().or(self.six.default_router().map(Into::into))
    }

    /// The default router of IPv4.
    pub(super) fn router4(&self) -> Option<IpAddr> {
        self.gateways.iter().find(|gateway| gateway.is_ipv4()).copied()
    }

    /// The default router of IPv6 that stands in the words.
    pub(super) fn gateway6(&self) -> Option<Ipv6Addr> {
        self.gateways.iter().find_map(|gateway| if let IpAddr::V6(via) = gateway { Some(*via) } else { None })
    }

    pub(super) fn addresses(&self) -> impl Iterator<Item = IpNetwork> + '_ {
        self.addresses.iter().copied()
    }

    pub(super) fn deadline(&self) -> Option<Millis> {
        let four = self.machine.as_ref().and_then(Machine::deadline);
        [four, self.six.deadline()].into_iter().flatten().min()
    }

    pub(super) fn discovers(&self) -> u32 {
        self.machine.as_ref().map_or(0, |machine| machine.heard().discovers)
    }

    /// DISCOVERs go out, and nobody has offered yet.
    pub(super) fn is_selecting(&self) -> bool {
        self.machine.as_ref().is_some_and(|machine| machine.state() == machine::State::Selecting)
    }
}

/// The bond at the bottom of `name`: itself, below the VLAN, or among the bridge's ports.
pub fn bond_below(plan: &Plan, name: &str) -> Option<usize> {
    all_below(plan, name).find_map(|name| plan.bonds.iter().position(|bond| bond.name == name))
}

/// The tag with which frames of `name` leave: that of the lowest VLAN below it, itself included.
pub(super) fn tag_below(plan: &Plan, name: &str) -> Option<u16> {
    let vlan = |name: &str| plan.vlans.iter().find(|vlan| vlan.name == name);
    let mut lowest = all_below(plan, name).find_map(vlan)?;
    // A circle in the words ends here.
    for _ in 0..plan.vlans.len() {
        lowest = all_below(plan, &lowest.link).find_map(vlan).unwrap_or(lowest);
    }
    Some(lowest.id)
}

/// The device and what it stands on, the first port's side first; each once, however many ways lead to it.
pub(super) fn all_below<'a>(plan: &'a Plan, name: &'a str) -> impl Iterator<Item = &'a str> {
    let mut seen = Vec::new();
    let mut ahead = vec![name];
    std::iter::from_fn(move || {
        let name = ahead.pop()?;
        seen.push(name);
        let links = plan.vlans.iter().filter(|vlan| vlan.name == name).map(|vlan| &vlan.link);
        let of_bridges = plan.bridges.iter().filter(|bridge| bridge.name == name);
        let ports = of_bridges.flat_map(|bridge| bridge.ports.iter().rev());
        ahead.extend(links.chain(ports).map(String::as_str));
        ahead.retain(|name| !seen.contains(name));
        Some(name)
    })
}
