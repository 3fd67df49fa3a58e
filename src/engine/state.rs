//! What is known: the value behind `state.json`. `status`, `wait`, `down` and a restarted engine live from it.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnetwork::{IpNetwork, Ipv6Network};
use serde::{Deserialize, Serialize};

use crate::clock::Millis;
use crate::dhcp::v4::lease::Lease;
use crate::dhcp::v6::Lease as Lease6;
use crate::lldp::neighbour::Neighbour;
use crate::mac::Mac;
use crate::trouble::{Finding, Router};

/// The whole of `state.json`, version 1. Times are milliseconds of `CLOCK_BOOTTIME`.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct State {
    /// 1.
    pub version: u32,
    /// The engine's process.
    pub pid: u32,
    /// When that process started, in clock ticks since boot: a pid alone may be another's by now.
    pub pid_start: u64,
    /// `--cmdline`, if these were its words: what is asked of this state later is asked under the same words.
    #[serde(default)]
    pub cmdline: Option<String>,
    /// Where it is.
    pub phase: Phase,
    /// Exit code: whoever waits for a result has it from the moment it is here.
    pub exit: Option<u8>,
    /// The network is in use: it was online at some time, and is not given back by itself any more.
    #[serde(default)]
    pub came_online: bool,
    /// Why it is where it is, in one sentence.
    pub sentence: String,
    /// What it is waiting for now.
    pub waiting: Option<Waiting>,
    /// Bonds of the plan that exist.
    pub bonds: Vec<BondState>,
    /// Ports of the bonds.
    pub ports: Vec<PortState>,
    /// The port that stands in for the bond, as there was no LACP partner.
    #[serde(default)]
    pub fallback_port: Option<String>,
    /// The interface that the installer uses.
    pub interface: Option<String>,
    /// Addresses set by us.
    pub addresses: Vec<IpNetwork>,
    /// VLAN interfaces.
    #[serde(default)]
    pub vlans: Vec<VlanState>,
    /// Default router.
    pub gateway: Option<IpAddr>,
    /// What the kernel knows of it.
    #[serde(default)]
    pub router: Router,
    /// What is wrong, and what to do about it.
    #[serde(default)]
    pub findings: Vec<Finding>,
    /// Name servers in use.
    pub dns: Vec<IpAddr>,
    /// Host name that was asked for or leased.
    pub hostname: Option<String>,
    /// The DHCP lease, by interface.
    pub lease: BTreeMap<String, Lease>,
    /// As what the DHCP client presents itself, by interface.
    pub clients: BTreeMap<String, Client>,
    /// IPv6, by interface.
    #[serde(default)]
    pub ipv6: BTreeMap<String, Ipv6State>,
    /// What came of DHCP so far, by interface.
    #[serde(default)]
    pub dhcp: BTreeMap<String, Account>,
    /// Time servers of the words and of the leases: for others to use.
    #[serde(default)]
    pub ntp: Vec<IpAddr>,
    /// When what was reached.
    pub times: Times,
    /// What was there before, to be given back.
    pub found: Found,
}

/// Where the engine is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Phase {
    /// Waiting for final names.
    #[default]
    Settling,
    /// Making the bond.
    Building,
    /// Waiting for the LACP partner.
    Lacp,
    /// Waiting for a lease.
    Dhcp,
    /// Done; the lease is kept.
    Online,
    /// Gave up; everything was given back.
    Failed,
    /// Ended by a signal.
    Stopped,
}

/// A wait, with its name and its limit.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Waiting {
    /// What is awaited.
    #[serde(rename = "for")]
    pub what: String,
    /// What is seen instead, a clause for each kind of port; empty: nothing that would help.
    #[serde(default)]
    pub seen: String,
    /// Since when.
    pub since_ms: Millis,
    /// How long at most; none: no limit.
    pub limit_ms: Option<Millis>,
}

impl Waiting {
    /// What is awaited, and what is seen instead.
    pub fn told(&self) -> String {
        if self.seen.is_empty() { self.what.clone() } else { format!("{} ({})", self.what, self.seen) }
    }
}

/// A bond as it is.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct BondState {
    /// Interface name.
    pub name: String,
    /// Interface index.
    pub index: u32,
    /// Kernel name of the mode.
    pub mode: String,
    /// Its address.
    pub mac: Option<Mac>,
    /// System id of the LACP partner.
    pub partner: Option<Mac>,
    /// Number of the active aggregator.
    pub aggregator: Option<u16>,
    /// We made it; false: it was there before, empty.
    pub created: bool,
    /// The verdict in words.
    pub verdict: String,
    /// Nothing can be sent over it.
    pub cut_off: bool,
    /// It is in a mode that the words do not ask for, as there was no LACP partner.
    #[serde(default)]
    pub fallback: bool,
}

/// A VLAN interface of the words.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct VlanState {
    /// Interface name.
    pub name: String,
    /// 1–4094.
    pub id: u16,
    /// Name of the interface below.
    pub link: String,
}

/// A port as it is.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct PortState {
    /// Interface name.
    pub name: String,
    /// Interface index.
    pub index: u32,
    /// Its own address.
    pub mac: Option<Mac>,
    /// Name of its driver.
    #[serde(default)]
    pub driver: Option<String>,
    /// Mbit/s, where it has carrier and the driver tells it.
    #[serde(default)]
    pub speed: Option<u32>,
    /// System id of its LACP partner.
    #[serde(default)]
    pub partner_system: Option<Mac>,
    /// The partner's operational key.
    #[serde(default)]
    pub partner_key: Option<u16>,
    /// The switch port at the other end, by LLDP.
    #[serde(default)]
    pub neighbour: Option<Neighbour>,
    /// Name of its bond; empty: it stands in for one.
    pub bond: String,
    /// It is a port of that bond now.
    pub in_bond: bool,
    /// Carrier.
    pub carrier: bool,
    /// Passes traffic both ways.
    pub ready: bool,
    /// LACP flags of our side, in words.
    pub actor: String,
    /// LACP flags of the partner's side, in words.
    pub partner: String,
    /// One clause on what it hears.
    pub hearing: String,
}

/// As what a DHCP client presents itself: needed to give the lease back later.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Client {
    /// `chaddr`.
    pub mac: Mac,
    /// Option 61.
    pub client_id: Option<Vec<u8>>,
}

/// IPv6 on an interface.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Ipv6State {
    /// Default router: one that advertises itself, else that of the words.
    pub router: Option<Ipv6Addr>,
    /// Routers say that there are addresses by DHCPv6.
    pub managed: bool,
    /// Routers say that there is more by DHCPv6.
    pub other: bool,
    /// MTU that the router advertises.
    pub mtu: Option<u32>,
    /// Prefixes of the link, as the router advertises them.
    pub prefixes: Vec<Ipv6Network>,
    /// Addresses of those prefixes (SLAAC).
    pub addresses: Vec<Ipv6Addr>,
    /// Addresses that turned out to be another station's.
    pub duplicates: Vec<Ipv6Addr>,
    /// As whom the DHCPv6 client presents itself.
    pub duid: Option<Vec<u8>>,
    /// And for which of its interfaces.
    pub iaid: Option<u32>,
    /// The DHCPv6 lease.
    pub lease: Option<Lease6>,
    /// DHCPv6 answers that were refused, with the reasons.
    pub refused: Vec<String>,
    /// Why there is not what the words ask for; empty: there is.
    pub missing: String,
}

/// What came of DHCP on one interface, since it last began from nothing.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Account {
    /// DISCOVERs sent.
    pub discovers: u32,
    /// REQUESTs sent.
    pub requests: u32,
    /// OFFERs that counted; from ten on only the first digit is kept.
    pub offers: u32,
    /// NAKs that counted; as `offers`.
    pub naks: u32,
    /// When the first DISCOVER was sent.
    pub since_ms: Option<Millis>,
    /// What was heard and did not do, and why: a clause each. What came from the network is escaped.
    pub heard: Vec<String>,
}

/// When what was reached.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Times {
    /// The engine started.
    pub started: Millis,
    /// Ports had their final names.
    pub settled: Option<Millis>,
    /// The bond was set up with its ports.
    pub built: Option<Millis>,
    /// First port with carrier.
    pub carrier: Option<Millis>,
    /// First port of ours distributing.
    pub distributing: Option<Millis>,
    /// First port ready on both sides.
    pub ready: Option<Millis>,
    /// Address set.
    pub address: Option<Millis>,
}

/// What was there before we touched it.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Found {
    /// NICs that were made ports.
    pub ports: Vec<FoundPort>,
    /// Bonds that are ours now.
    pub bonds: Vec<FoundBond>,
    /// Indexes of VLAN interfaces that we made.
    pub vlans: Vec<u32>,
    /// Bridges that we made.
    #[serde(default)]
    pub bridges: Vec<FoundBridge>,
    /// NICs that are used without a bond.
    #[serde(default)]
    pub nics: Vec<FoundNic>,
    /// Addresses that we set on those.
    #[serde(default)]
    pub own: Vec<FoundAddress>,
    /// Their IPv6 settings that were changed.
    #[serde(default)]
    pub settings: Vec<FoundSetting>,
    /// NICs that got other names, in their order.
    #[serde(default)]
    pub renames: Vec<FoundName>,
    /// Addresses of the ports.
    pub addresses: Vec<FoundAddress>,
    /// Default routes that ours replaced, or that went with a port.
    pub defaults: Vec<FoundDefault>,
    /// resolv.conf or the host name were changed.
    pub files: bool,
    /// Everything that the first port had was moved onto the bond while it was in use (`flip`).
    #[serde(default)]
    pub flipped: bool,
}

impl Found {
    /// Nothing is to be given back.
    pub fn is_empty(&self) -> bool {
        self.bonds.is_empty() && self.nics.is_empty()
    }

    /// The NIC whose network a flip has moved.
    fn boot_nic(&self) -> Option<u32> {
        self.ports.first().filter(|_| self.flipped).map(|port| port.index)
    }

    /// The addresses that a flip has moved; what other ports had is not among them.
    pub fn moved(&self) -> impl Iterator<Item = &FoundAddress> {
        let nic = self.boot_nic();
        self.addresses.iter().filter(move |address| Some(address.index) == nic)
    }

    /// What a flip has moved is on its NIC again. The rest is still to be given back, but for a default route that would take
    /// the place of the NIC's own.
    pub fn moved_back(&mut self) {
        let nic = self.boot_nic();
        let is_moved = |index: u32| Some(index) == nic;
        let own = self.defaults.iter().filter(|route| is_moved(route.index));
        let metrics: Vec<u32> = own.map(|route| route.metric).collect();
        self.defaults.retain(|route| !is_moved(route.index) && !metrics.contains(&route.metric));
        self.addresses.retain(|address| !is_moved(address.index));
        self.flipped = false;
    }
}

/// A NIC before it was a port.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct FoundPort {
    /// Interface index.
    pub index: u32,
    /// Was set up.
    pub up: bool,
}

/// A bridge of ours.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct FoundBridge {
    /// Interface index; 0: it was asked for and has not been seen yet.
    pub index: u32,
    /// Interface name.
    pub name: String,
}

/// A NIC before it was used.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct FoundNic {
    /// Interface index.
    pub index: u32,
    /// Was set up.
    pub up: bool,
    /// Its address.
    pub mac: Option<Mac>,
    /// Bytes.
    pub mtu: u32,
    /// It was kept from speaking by itself.
    #[serde(default)]
    pub quiet: bool,
}

/// An IPv6 setting of a NIC before it was changed (`/proc/sys/net/ipv6/conf`).
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct FoundSetting {
    /// Interface index.
    pub index: u32,
    /// Name of the file.
    pub name: String,
    /// What it held.
    pub value: u32,
}

/// The name of a NIC before it got another one.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct FoundName {
    /// Interface index.
    pub index: u32,
    /// The name.
    pub name: String,
}

/// An address that a port had before.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct FoundAddress {
    /// Interface index.
    pub index: u32,
    /// With its prefix.
    pub address: IpNetwork,
    /// Its broadcast address, if it has one.
    pub broadcast: Option<Ipv4Addr>,
    /// Seconds for which it is valid; none: for ever.
    pub lifetime: Option<u32>,
}

/// An IPv4 default route that was there before.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct FoundDefault {
    /// Interface index.
    pub index: u32,
    /// Router; none: on-link.
    pub via: Option<Ipv4Addr>,
    /// Preferred source.
    pub source: Option<Ipv4Addr>,
    /// Metric.
    pub metric: u32,
    /// The router is in no subnet of the interface.
    pub onlink: bool,
    /// Who set it (`RTPROT_*`).
    pub protocol: u8,
}

/// A bond that is ours now.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct FoundBond {
    /// Interface index; 0: it was asked for and has not been seen yet.
    pub index: u32,
    /// Interface name.
    pub name: String,
    /// If it was there before, empty: the number of its mode. None: we made it.
    pub before: Option<u8>,
}
