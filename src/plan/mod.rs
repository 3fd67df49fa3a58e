//! What is wanted: the value that the words come to and that everything after works from.
//!
//! [`Plan`] is plain data. Its serde form is `plan --json`, version 1; field order here is the order there.
//! Nothing here looks at the machine: a port that is missing, or a glob, is settled later (`settle/`).

pub mod addressing;
pub mod bonds;
pub mod build;
pub mod devices;
pub mod json;
pub mod mode;
pub mod odd;
pub mod table;

use std::net::IpAddr;

use ipnetwork::{IpNetwork, Ipv4Network, Ipv6Network};
use serde::{Serialize, Serializer};

use crate::mac::Mac;
pub use mode::Mode;

/// All that a command line asks for, and every problem in it.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Plan {
    /// Version of the JSON form: 1.
    pub version: u32,
    /// False: the words ask for no bond, or say `bondstrap=off`; the machine is left alone.
    pub active: bool,
    /// In the order of the words.
    pub bonds: Vec<Bond>,
    /// In the order of the words.
    pub vlans: Vec<Vlan>,
    /// In the order of the words.
    pub bridges: Vec<Bridge>,
    /// What an `ip=` (or the default) addresses, in the order of the words.
    pub interfaces: Vec<Interface>,
    /// `rd.route=`.
    pub routes: Vec<Route>,
    /// `nameserver=`.
    pub dns: Vec<IpAddr>,
    /// `ifname=`.
    pub renames: Vec<Rename>,
    /// `bootdev=`.
    pub bootdev: Option<String>,
    /// The port that PXE used.
    pub bootif: Option<Mac>,
    /// `hostname=`, else the last `ip=` that has one.
    pub hostname: Option<String>,
    /// False after `rd.peerdns=0`: name servers of leases are not used.
    pub peerdns: bool,
    /// Limits of the waits, in seconds.
    pub timeouts: Timeouts,
    /// Settings of the DHCP client.
    pub dhcp: Dhcp,
    /// The `bondstrap.*` words.
    pub bondstrap: Own,
    /// In the order of the columns.
    pub problems: Vec<Problem>,
}

impl Plan {
    /// True if a problem is an error: then nothing is touched.
    pub fn has_errors(&self) -> bool {
        self.problems.iter().any(|problem| problem.level == Level::Error)
    }

    /// True if both bring about the same network. Limits, what is logged and what was said of the words make no other.
    pub fn asks_the_same(&self, other: &Self) -> bool {
        let alike = |plan: &Self| {
            let mut plan = Self { timeouts: self.timeouts, problems: Vec::new(), ..plan.clone() };
            plan.bondstrap.log = self.bondstrap.log;
            plan
        };
        alike(self) == alike(other)
    }

    /// True if the words build a device of this name: a bond, VLAN or bridge.
    pub fn builds(&self, name: &str) -> bool {
        self.bonds.iter().any(|bond| bond.name == name)
            || self.vlans.iter().any(|vlan| vlan.name == name)
            || self.bridges.iter().any(|bridge| bridge.name == name)
    }
}

/// One bond.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Bond {
    /// Interface name, such as `bond0`.
    pub name: String,
    /// Bonding mode.
    pub mode: Mode,
    /// As written: a name, a MAC with colons, a glob, `all` or `auto`.
    pub ports: Vec<String>,
    /// Kernel option names and values, without `mode`.
    pub options: Options,
    /// MTU in bytes, if the bond word has one.
    pub mtu: Option<u32>,
    /// MAC that the bond must have, if the words fix one (`BOOTIF` of a port that is named by MAC).
    pub mac: Option<Mac>,
}

/// Bond options in the order of the kernel's attribute numbers (`IFLA_BOND_*`); each name at most once.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Options(pub Vec<(&'static str, String)>);

impl Options {
    /// The value of option `name`.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(n, _)| *n == name).map(|(_, value)| value.as_str())
    }
}

impl Serialize for Options {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, value)| (name, value)))
    }
}

/// One VLAN interface.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Vlan {
    /// Interface name.
    pub name: String,
    /// The interface that it stands on.
    pub link: String,
    /// 1–4094.
    pub id: u16,
}

/// One bridge.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Bridge {
    /// Interface name.
    pub name: String,
    /// As in [`Bond::ports`].
    pub ports: Vec<String>,
}

/// What one interface is to be addressed with.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Interface {
    /// Interface name. Where `match_mac` is set, the MAC's text until the NIC is known.
    pub name: String,
    /// The `ip=` named its device by MAC.
    pub match_mac: Option<Mac>,
    /// IPv4 side.
    pub ipv4: Ipv4,
    /// IPv6 side.
    pub ipv6: Ipv6,
    /// Boot server of the positional form, recorded only.
    pub server: Option<IpAddr>,
    /// MTU in bytes.
    pub mtu: Option<u32>,
    /// MAC to set.
    pub set_mac: Option<Mac>,
    /// Host name of this `ip=`.
    pub hostname: Option<String>,
    /// Name servers of this `ip=`.
    pub dns: Vec<IpAddr>,
    /// Time servers of this `ip=`.
    pub ntp: Vec<IpAddr>,
}

impl Interface {
    /// True if it is to get an address of IPv4, or of IPv6.
    pub fn asks_for(&self, v4: bool) -> bool {
        match v4 {
            true => self.ipv4.method != Method4::None,
            false => self.ipv6.method != Method6::None,
        }
    }
}

/// IPv4 configuration.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize)]
pub struct Ipv4 {
    /// Where addresses come from.
    pub method: Method4,
    /// Static addresses; with [`Method4::Dhcp`], beside the lease.
    pub addresses: Vec<Ipv4Network>,
    /// Default router.
    pub gateway: Option<std::net::Ipv4Addr>,
    /// Point-to-point peer.
    pub peer: Option<std::net::Ipv4Addr>,
}

/// IPv6 configuration.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize)]
pub struct Ipv6 {
    /// Where addresses come from.
    pub method: Method6,
    /// Static addresses.
    pub addresses: Vec<Ipv6Network>,
    /// Default router.
    pub gateway: Option<std::net::Ipv6Addr>,
    /// Point-to-point peer.
    pub peer: Option<std::net::Ipv6Addr>,
}

/// Source of IPv4 addresses.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Method4 {
    /// No IPv4.
    #[default]
    None,
    /// DHCPv4.
    Dhcp,
    /// Written in the words.
    Static,
    /// RFC 3927.
    LinkLocal,
}

/// Source of IPv6 addresses.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Method6 {
    /// No IPv6.
    #[default]
    None,
    /// Router advertisements (SLAAC).
    Auto,
    /// DHCPv6.
    Dhcp,
    /// SLAAC, then DHCPv6.
    Either,
    /// Written in the words.
    Static,
    /// fe80::/64 only.
    LinkLocal,
}

/// One static route.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Route {
    /// Destination, host bits masked.
    pub to: IpNetwork,
    /// Gateway; none: on-link.
    pub via: Option<IpAddr>,
    /// Interface, if named.
    pub dev: Option<String>,
}

/// `ifname=NAME:MAC`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Rename {
    /// Which NIC.
    pub mac: Mac,
    /// Its new name.
    pub name: String,
}

/// Limits of the waits, in seconds.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub struct Timeouts {
    /// For ports to exist under their final names.
    pub iflink: u32,
    /// For further ports' carrier.
    pub carrier: u32,
    /// For the LACP partner.
    pub lacp: u32,
    /// For one DHCP attempt.
    pub dhcp: u32,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self { iflink: 60, carrier: 10, lacp: 35, dhcp: 90 }
    }
}

/// Settings of the DHCP client.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Dhcp {
    /// Attempts of [`Timeouts::dhcp`] each.
    pub retry: u32,
    /// Option 60.
    pub vendor_class: Option<String>,
    /// `bondstrap.clientid=`.
    pub client_id: ClientId,
    /// `rd.net.dhcp.client-id=DEV:…`: device and identifier as written.
    pub client_ids: std::collections::BTreeMap<String, String>,
}

impl Default for Dhcp {
    fn default() -> Self {
        Self { retry: 1, vendor_class: None, client_id: ClientId::Mac, client_ids: Default::default() }
    }
}

/// What option 61 says.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ClientId {
    /// 01 + MAC, as PXE firmware sends it.
    #[default]
    Mac,
    /// RFC 4361: IAID and DUID-LL.
    Duid,
    /// No option 61.
    None,
}

/// The `bondstrap.*` words.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Own {
    /// What to do where no partner comes.
    pub fallback: Fallback,
    /// To whom the result is handed.
    pub handover: Vec<String>,
    /// Log level.
    pub log: LogLevel,
    /// `bondstrap.flip`. Not in version 1 of the JSON form.
    #[serde(skip)]
    pub flip: bool,
    /// `bondstrap.answerfile=`. Not in version 1 of the JSON form.
    #[serde(skip)]
    pub answerfile: Option<String>,
}

impl Default for Own {
    fn default() -> Self {
        Self {
            fallback: Fallback::None,
            handover: vec!["auto".into()],
            log: LogLevel::Info,
            flip: false,
            answerfile: None,
        }
    }
}

/// `bondstrap.fallback=`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fallback {
    /// Fail.
    #[default]
    None,
    /// The same ports as active-backup.
    ActiveBackup,
    /// The one port on which DHCP works.
    Single,
}

/// `bondstrap.log=`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum LogLevel {
    /// Nothing at all.
    Off,
    /// What ends the work.
    Error,
    /// And what was left out.
    Warn,
    /// And each step.
    #[default]
    Info,
    /// And why.
    Debug,
    /// And each event.
    Trace,
}

/// One problem in the words.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Problem {
    /// Whether it can be left out.
    pub level: Level,
    /// The word as it stands in the line.
    pub word: String,
    /// Place of the trouble in the whole line: characters, from 1.
    pub column: usize,
    /// The same place in `word`: characters, from 0. Not in the JSON form.
    #[serde(skip)]
    pub within: usize,
    /// One sentence: what is wrong and what would be right.
    pub message: String,
}

/// How bad a [`Problem`] is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// Left out; the rest goes on.
    Warning,
    /// Nothing is touched; exit 2.
    Error,
}
