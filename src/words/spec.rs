//! What the words say, one by one, before they are held against each other.

use std::collections::BTreeMap;
use std::net::IpAddr;

use ipnetwork::IpNetwork;

use super::options::BondOption;
use super::split::Place;
use crate::mac::Mac;
use crate::plan::{Dhcp, Ipv4, Ipv6, Method4, Method6, Mode, Own, Rename, Timeouts};

/// All that the words say.
#[derive(Default, Debug)]
pub struct Specs {
    /// A bond is asked for, whether its word can be followed or not.
    pub asked: bool,
    /// `bondstrap=off`.
    pub off: bool,
    /// `bond=` and its alias.
    pub bonds: Vec<BondSpec>,
    /// `bondmode=`.
    pub bondmode: Option<Mode>,
    /// `vlan=`.
    pub vlans: Vec<VlanSpec>,
    /// `bridge=`.
    pub bridges: Vec<BridgeSpec>,
    /// `ip=`.
    pub ips: Vec<IpSpec>,
    /// `rd.route=`.
    pub routes: Vec<RouteSpec>,
    /// `nameserver=`.
    pub dns: Vec<IpAddr>,
    /// `ifname=`.
    pub renames: Vec<(Rename, Place)>,
    /// `bootdev=`.
    pub bootdev: Option<(Device, Place)>,
    /// `BOOTIF=`.
    pub bootif: Option<(Mac, Place)>,
    /// `rd.bootif=0`.
    pub bootif_ignored: bool,
    /// `hostname=`.
    pub hostname: Option<String>,
    /// `rd.peerdns=0`.
    pub peerdns_off: bool,
    /// `rd.net.timeout.*` and `bondstrap.lacp_timeout=`.
    pub timeouts: Timeouts,
    /// `rd.net.dhcp.*` and `bondstrap.clientid=`, but the identifiers of single devices.
    pub dhcp: Dhcp,
    /// `rd.net.dhcp.client-id=DEV:ID`.
    pub client_ids: BTreeMap<String, (String, Place)>,
    /// The other `bondstrap.*` words.
    pub own: Own,
}

/// A device that a word names.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Device {
    /// By its name.
    Name(String),
    /// By its MAC.
    Mac(Mac),
    /// The NIC that PXE used.
    Bootif,
}

/// One port of a bond or bridge, as [`crate::plan::Bond::ports`] has it.
#[derive(Clone, Debug)]
pub struct PortSpec {
    /// Name, MAC with colons, glob, `all` or `auto`.
    pub text: String,
    /// Where it stands.
    pub place: Place,
}

/// One `bond=`.
#[derive(Debug)]
pub struct BondSpec {
    /// Name of the bond.
    pub name: String,
    /// Where the name stands, or the word where it has none.
    pub place: Place,
    /// Its ports; never empty.
    pub ports: Vec<PortSpec>,
    /// `mode=`.
    pub mode: Option<Mode>,
    /// The other options, as written.
    pub options: Vec<OptionSpec>,
    /// MTU in bytes.
    pub mtu: Option<u32>,
}

/// One option of a bond, with a value that the kernel knows.
#[derive(Clone, Debug)]
pub struct OptionSpec {
    /// Which.
    pub option: &'static BondOption,
    /// In the kernel's spelling.
    pub value: String,
    /// Where it stands.
    pub place: Place,
}

/// One `vlan=`.
#[derive(Debug)]
pub struct VlanSpec {
    /// Name of the VLAN interface.
    pub name: String,
    /// Where the name stands.
    pub place: Place,
    /// What it stands on.
    pub link: String,
    /// Where that stands.
    pub link_place: Place,
    /// 1–4094.
    pub id: u16,
}

/// One `bridge=`.
#[derive(Debug)]
pub struct BridgeSpec {
    /// Name of the bridge.
    pub name: String,
    /// Where the name stands.
    pub place: Place,
    /// Its ports.
    pub ports: Vec<PortSpec>,
}

/// One `ip=`.
#[derive(Debug)]
pub struct IpSpec {
    /// Where the word begins.
    pub place: Place,
    /// It comes from the image.
    pub baked: bool,
    /// It can be followed; otherwise its error is told already.
    pub sound: bool,
    /// Its device, and where that stands; none: the boot device.
    pub device: Option<(Device, Place)>,
    /// IPv4 side.
    pub ipv4: Ipv4,
    /// IPv6 side.
    pub ipv6: Ipv6,
    /// Where METHOD stands, or would.
    pub method_place: Place,
    /// Where GW stands.
    pub gateway_place: Place,
    /// SERVER.
    pub server: Option<IpAddr>,
    /// MTU, and where it stands.
    pub mtu: Option<(u32, Place)>,
    /// MAC to set, and where it stands.
    pub set_mac: Option<(Mac, Place)>,
    /// HOST.
    pub hostname: Option<String>,
    /// DNS1 and DNS2.
    pub dns: Vec<IpAddr>,
    /// NTP.
    pub ntp: Vec<IpAddr>,
}

impl IpSpec {
    /// It asks for no address.
    pub fn asks_nothing(&self) -> bool {
        self.ipv4.method == Method4::None && self.ipv6.method == Method6::None
    }
}

/// One `rd.route=`.
#[derive(Debug)]
pub struct RouteSpec {
    /// Where the network stands.
    pub place: Place,
    /// Destination.
    pub to: IpNetwork,
    /// Gateway.
    pub via: Option<IpAddr>,
    /// Interface, and where it stands.
    pub dev: Option<(Device, Place)>,
}
