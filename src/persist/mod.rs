//! The configuration with which the installed system keeps the bond. (pure)
//!
//! [`keep::keep`] makes a plain value ([`Kept`]) of the Plan and of what an engine knows; one file here for each format
//! makes text of it. No format needs escapes: nothing gets into a [`Kept`] but addresses, numbers, the kernel's own words,
//! and names of letters that mean nothing to any format (`keep::is_plain`).

mod ifcfg;
mod ifupdown;
pub mod keep;
pub mod management;
mod netplan;
mod networkd;
mod nmconnection;
mod options;
mod page;

use std::net::IpAddr;

use ipnetwork::IpNetwork;

use crate::mac::Mac;
use crate::plan::{ClientId, Ipv4, Ipv6, Mode, Options, Rename, Route};
use page::Page;

/// What can be written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Format {
    /// XCP-ng: two lines for its installer's own file.
    Management,
    /// Debian: interfaces(5).
    Ifupdown,
    /// Ubuntu: netplan(5).
    Netplan,
    /// NetworkManager: nm-settings-keyfile(5).
    Nmconnection,
    /// systemd-networkd: systemd.network(5), systemd.netdev(5).
    Networkd,
    /// RHEL and Fedora before NetworkManager's own files: nm-settings-ifcfg-rh(5).
    Ifcfg,
}

impl Format {
    /// All of them, by name.
    pub const ALL: [(&'static str, Self); 6] = [
        ("management.conf", Self::Management),
        ("ifupdown", Self::Ifupdown),
        ("netplan", Self::Netplan),
        ("nmconnection", Self::Nmconnection),
        ("networkd", Self::Networkd),
        ("ifcfg", Self::Ifcfg),
    ];

    /// The one of this name; otherwise what could be written.
    ///
    /// # Errors
    /// No such format.
    pub fn named(name: &str) -> Result<Self, String> {
        let found = Self::ALL.iter().find(|(known, _)| *known == name);
        found.map(|(_, format)| *format).ok_or_else(|| {
            let names: Vec<&str> = Self::ALL.iter().map(|(known, _)| *known).collect();
            format!("--format {name} is not known: write one of {}", names.join(", "))
        })
    }
}

/// What is to be kept.
#[derive(Clone, PartialEq, Debug)]
pub struct Kept {
    /// Each bond with its ports behind it, then the VLANs, then what else is addressed.
    pub devices: Vec<Device>,
    /// `/etc/hostname`. Not what a lease says: the next one will say it again.
    pub hostname: Option<String>,
    /// False: name servers of leases are not used.
    pub peerdns: bool,
    /// Option 61 as it is sent now: another one would get another lease.
    pub client_id: ClientId,
    /// `ifname=`.
    pub renames: Vec<Rename>,
    /// Ports of the words that the engine's bond does not have, by id: a format that would wait for them leaves them out.
    pub absent: Vec<String>,
    /// What no format keeps, or what could not be known. One sentence each.
    pub notes: Vec<String>,
}

/// One interface.
#[derive(Clone, PartialEq, Debug)]
pub struct Device {
    /// Its name; of a NIC of which only the MAC is known, one that stands for it in names of files.
    pub id: String,
    /// The MAC burnt in; the NIC is found by it.
    pub permanent: Option<Mac>,
    /// False: it is known by `permanent` only.
    pub named: bool,
    /// What it is.
    pub kind: Kind,
    /// MAC to be set.
    pub mac: Option<Mac>,
    /// Bytes.
    pub mtu: Option<u32>,
    /// IPv4 side.
    pub ipv4: Ipv4,
    /// IPv6 side.
    pub ipv6: Ipv6,
    /// Addresses of name servers.
    pub dns: Vec<String>,
    /// Static routes over it; [`Route::dev`] says nothing here.
    pub routes: Vec<Route>,
}

/// What an interface is.
#[derive(Clone, PartialEq, Debug)]
pub enum Kind {
    /// A NIC on its own.
    Nic,
    /// A port of this bond.
    Port(String),
    /// A bond.
    Bond(Mode, Options),
    /// A VLAN: id, and what it stands on.
    Vlan(u16, String),
}

/// A default route.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Gateway {
    address: IpAddr,
    /// In no subnet of the interface.
    on_link: bool,
}

impl Device {
    /// Static addresses of one family, or of both.
    fn addresses(&self) -> Vec<IpNetwork> {
        let four = self.ipv4.addresses.iter().copied().map(IpNetwork::V4);
        four.chain(self.ipv6.addresses.iter().copied().map(IpNetwork::V6)).collect()
    }

    /// The point-to-point peer of that family's first address.
    fn peer(&self, v4: bool) -> Option<IpAddr> {
        if v4 { self.ipv4.peer.map(IpAddr::V4) } else { self.ipv6.peer.map(IpAddr::V6) }
    }

    /// Default routers, IPv4 first.
    fn gateways(&self) -> Vec<Gateway> {
        let both = [self.ipv4.gateway.map(IpAddr::V4), self.ipv6.gateway.map(IpAddr::V6)];
        let link_local = |address: &IpAddr| matches!(address, IpAddr::V6(v6) if v6.is_unicast_link_local());
        let gateway = |address: IpAddr| {
            let reached = self.addresses().iter().any(|network| network.contains(address));
            let on_link = !reached && !link_local(&address) && self.peer(address.is_ipv4()) != Some(address);
            Gateway { address, on_link }
        };
        both.into_iter().flatten().map(gateway).collect()
    }
}

impl Kept {
    /// What a bond's ports are called.
    fn port_ids<'a>(&'a self, bond: &'a str) -> Vec<&'a str> {
        self.ports(bond).map(|port| port.id.as_str()).collect()
    }

    /// The ports of a bond.
    fn ports<'a>(&'a self, bond: &'a str) -> impl Iterator<Item = &'a Device> {
        self.devices.iter().filter(move |device| matches!(&device.kind, Kind::Port(of) if of == bond))
    }

    /// The VLANs on an interface.
    fn vlans_on<'a>(&'a self, below: &'a str) -> impl Iterator<Item = &'a Device> {
        self.devices.iter().filter(move |device| matches!(&device.kind, Kind::Vlan(_, link) if link == below))
    }
}

/// One file of the installed system.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct File {
    /// Below its root, without a slash in front.
    pub path: String,
    /// Permissions.
    pub mode: u32,
    /// All that is in it.
    pub text: String,
    /// Not of the format itself: where everything is printed it is a comment.
    pub aside: bool,
}

/// What a format comes to.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Rendered {
    /// In the order in which they are to be read.
    pub files: Vec<File>,
    /// What the format can't say. One clause each.
    pub lost: Vec<String>,
    /// What it leaves out all the same. One sentence each.
    pub notes: Vec<String>,
}

impl Rendered {
    fn add(&mut self, path: String, mode: u32, page: Page) {
        let Page { text, lost, .. } = page;
        self.lost.extend(lost);
        self.files.push(File { path, mode, text, aside: false });
    }

    /// Everything as one text: each file behind a comment that says where it belongs.
    pub fn print(&self) -> String {
        let mut out = String::new();
        for File { path, text, aside, .. } in &self.files {
            if !out.is_empty() {
                out.push('\n');
            }
            out.push_str("# /");
            out.push_str(path);
            out.push('\n');
            for line in text.lines() {
                out.push_str(if *aside { "#   " } else { "" });
                out.push_str(line);
                out.push('\n');
            }
        }
        out
    }
}

/// `kept` in one format.
///
/// # Errors
/// One sentence on what the format can't do without.
pub fn render(format: Format, kept: &Kept, label: Option<&str>) -> Result<Rendered, String> {
    let mut done = Rendered::default();
    match format {
        Format::Management => return management::render(kept, label),
        Format::Ifupdown => ifupdown::render(kept, &mut done)?,
        Format::Netplan => netplan::render(kept, &mut done),
        Format::Nmconnection => nmconnection::render(kept, &mut done),
        Format::Networkd => networkd::render(kept, &mut done),
        Format::Ifcfg => ifcfg::render(kept, &mut done),
    }
    for Rename { mac, name } in &kept.renames {
        let mut page = Page::default();
        page.section("Match");
        page.put("PermanentMACAddress=", mac);
        page.section("Link");
        page.put("Name=", name);
        // systemd.link(5): the first file that matches counts, and 99-default.link matches everything.
        done.add(format!("etc/systemd/network/10-bondstrap-{name}.link"), 0o644, page);
    }
    if let Some(name) = &kept.hostname {
        let text = format!("{name}\n");
        done.files.push(File { path: "etc/hostname".into(), mode: 0o644, text, aside: true });
    }
    if format != Format::Networkd {
        done.files.iter_mut().filter(|file| file.path.ends_with(".link")).for_each(|file| file.aside = true);
    }
    Ok(done)
}
