//! What goes into the engine and what comes out of it: plain values.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnetwork::IpNetwork;

use super::six::types as six;
use super::state::{FoundAddress, FoundDefault};
use crate::lacp::frame::Lacpdu;
use crate::links::{Address6, Links};
use crate::lldp::frame::Lldpdu;
use crate::mac::Mac;
use crate::settle::Udev;
use crate::trouble::Router;

/// One look at the machine.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct View {
    /// All links.
    pub links: Links,
    /// What udev says of them.
    pub udev: Udev,
    /// The installer of this image has named what it ever will.
    pub named: bool,
    /// Addresses, but for what the kernel makes by itself.
    pub addresses: Vec<FoundAddress>,
    /// IPv4 default routes of the main table.
    pub defaults: Vec<FoundDefault>,
    /// All IPv6 addresses.
    pub addresses6: Vec<Address6>,
    /// Interfaces with an IPv6 default route in the main table.
    pub defaults6: Vec<u32>,
    /// How the kernel knows the routers that were asked about.
    pub routers: Vec<(u32, IpAddr, Router)>,
    /// What our ears have taken since the last look.
    pub heard: Vec<Heard>,
}

/// A frame that came in on a cable, or went out by it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Heard {
    /// Index of the port.
    pub index: u32,
    /// What it was.
    pub frame: Frame,
}

/// What is listened for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Frame {
    /// An LACPDU that came in.
    Lacp(Box<Lacpdu>),
    /// One of ours on its way out.
    OurLacp,
    /// An LLDPDU that came in.
    Lldp(Box<Lldpdu>),
    /// A DHCP server's answer.
    Dhcp(Answer),
}

/// What is to be known of a DHCP server's answer on its way in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Answer {
    /// The client for which it is (`chaddr`).
    pub to: Mac,
    /// A broadcast: by this number copies of one are known.
    pub copy: Option<u64>,
}

/// Something happened.
#[derive(Debug)]
pub enum Event<'a> {
    /// The links were read.
    View(&'a View),
    /// A UDP payload for the DHCP client came in on this interface.
    Datagram {
        /// Index of the interface.
        index: u32,
        /// BOOTP message.
        payload: &'a [u8],
    },
    /// Something of IPv6 came in on this interface.
    Six {
        /// Index of the interface.
        index: u32,
        /// What.
        incoming: six::Incoming<'a>,
    },
    /// An ARP packet that may be about an address that is probed for came in on this interface.
    Arp {
        /// Index of the interface.
        index: u32,
        /// From its hardware type on.
        packet: &'a [u8],
    },
    /// An action could not be done.
    Failed {
        /// Which.
        action: &'a Action,
        /// Why.
        refusal: &'a Refusal,
    },
    /// SIGTERM or SIGINT, by its name.
    Stop(&'static str),
    /// Time has passed.
    Tick,
}

/// The kernel (or a helper program) said no.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Refusal {
    /// Positive error number; 0 where there is none.
    pub errno: i32,
    /// The kernel's own words, already escaped.
    pub text: String,
}

/// Something to do, in the order given.
#[derive(Clone, PartialEq, Debug)]
pub enum Action {
    /// `modprobe NAME`, unless it is there.
    LoadModule(&'static str),
    /// Make a bond; down, without ports.
    CreateBond {
        /// Interface name.
        name: String,
        /// The kernel's number of the mode: always sent, before everything else.
        mode: u8,
        /// Kernel option names and values.
        options: Vec<(&'static str, String)>,
        /// Its address.
        mac: Option<Mac>,
        /// Bytes.
        mtu: Option<u32>,
    },
    /// Make an existing, empty bond ours: down, mode, options, address.
    TakeOver {
        /// Index of the bond.
        index: u32,
        /// The kernel's number of the mode.
        mode: u8,
        /// Kernel option names and values.
        options: Vec<(&'static str, String)>,
        /// Its address.
        mac: Option<Mac>,
        /// Bytes.
        mtu: Option<u32>,
    },
    /// Set options of a bond that is down.
    SetOptions {
        /// Index of the bond.
        index: u32,
        /// Kernel option names and values.
        options: Vec<(&'static str, String)>,
    },
    /// Set the port down and make it a port of the bond, the two as close together as can be.
    Enslave {
        /// Index of the port.
        port: u32,
        /// Index of the bond.
        bond: u32,
    },
    /// Take the port out of its bond.
    Release(u32),
    /// Keep a NIC from speaking by itself while it is up only to listen (no IPv6), or let it again.
    Quiet {
        /// Index of the NIC.
        index: u32,
        /// From here on; false: it may speak again.
        quiet: bool,
    },
    /// Set a link up.
    Up(u32),
    /// Make a VLAN interface.
    CreateVlan {
        /// Interface name.
        name: String,
        /// Index of the interface below.
        lower: u32,
        /// 1–4094.
        id: u16,
        /// Its address; none: that of what it stands on.
        mac: Option<Mac>,
        /// Bytes.
        mtu: Option<u32>,
    },
    /// Make a bridge; down, without ports.
    CreateBridge {
        /// Interface name.
        name: String,
        /// Its address.
        mac: Option<Mac>,
        /// Bytes.
        mtu: Option<u32>,
    },
    /// Make a link a port of a bridge.
    Join {
        /// Index of the port.
        port: u32,
        /// Index of the bridge.
        bridge: u32,
    },
    /// Change a NIC's address or MTU; for another address it is set down.
    SetLink {
        /// Index of the NIC.
        index: u32,
        /// Another address.
        mac: Option<Mac>,
        /// Bytes.
        mtu: Option<u32>,
    },
    /// Give a NIC another name.
    Rename {
        /// Index of the NIC.
        index: u32,
        /// Its new name.
        name: String,
        /// It is up: older kernels rename only what is down.
        up: bool,
    },
    /// Set a link down.
    Down(u32),
    /// Delete a link.
    Delete(u32),
    /// Set an address.
    AddAddress {
        /// Index of the interface.
        index: u32,
        /// Address with its subnet's prefix.
        address: IpNetwork,
        /// Point-to-point peer.
        peer: Option<IpAddr>,
        /// Seconds for which it is valid; none: for ever.
        lifetime: Option<u32>,
    },
    /// Put an address back that was there before us.
    RestoreAddress(FoundAddress),
    /// Put a default route back that was there before us.
    RestoreDefault(FoundDefault),
    /// Remove an address.
    DelAddress {
        /// Index of the interface.
        index: u32,
        /// As it was added.
        address: IpNetwork,
    },
    /// Set a route.
    AddRoute {
        /// Index of the interface.
        index: u32,
        /// Destination.
        to: IpNetwork,
        /// Gateway; none: on-link.
        via: Option<IpAddr>,
        /// The gateway lies outside every subnet of the interface.
        onlink: bool,
        /// Our address, if the route is to go when that goes.
        source: Option<IpAddr>,
    },
    /// Remove a route that was set.
    DelRoute {
        /// Index of the interface.
        index: u32,
        /// Destination.
        to: IpNetwork,
        /// Gateway; none: on-link.
        via: Option<IpAddr>,
    },
    /// Tell the neighbours of an address (gratuitous ARP, unsolicited neighbour advertisement).
    Announce {
        /// Index of the interface.
        index: u32,
        /// Its address.
        mac: Mac,
        /// The IP address.
        address: IpAddr,
    },
    /// Open the DHCP client's sockets on this interface.
    OpenDhcp(u32),
    /// Close them.
    CloseDhcp(u32),
    /// Send a BOOTP message by broadcast from 0.0.0.0.
    Broadcast {
        /// Index of the interface.
        index: u32,
        /// BOOTP message.
        payload: Vec<u8>,
    },
    /// Send a BOOTP message to the server.
    Unicast {
        /// Index of the interface.
        index: u32,
        /// Leased address.
        from: Ipv4Addr,
        /// Server.
        to: Ipv4Addr,
        /// BOOTP message.
        payload: Vec<u8>,
    },
    /// What IPv6 needs.
    Six(six::Action),
    /// Open the socket that hears who claims this address, in place of an older one.
    OpenArp {
        /// Index of the interface.
        index: u32,
        /// Which is probed for.
        address: Ipv4Addr,
    },
    /// Close it.
    CloseArp(u32),
    /// Ask by ARP whether somebody has the address.
    Probe {
        /// Index of the interface.
        index: u32,
        /// Its address.
        mac: Mac,
        /// Which is probed for.
        address: Ipv4Addr,
    },
    /// Write resolv.conf.
    Resolver {
        /// Name servers, best first.
        servers: Vec<IpAddr>,
        /// Name servers with a link-local address, and the interface that each is reached by: after the others.
        scoped: Vec<(Ipv6Addr, String)>,
        /// Search list.
        search: Vec<String>,
    },
    /// Set the host name.
    HostName {
        /// The name.
        name: String,
        /// From a lease: only where the machine has none yet.
        only_if_unset: bool,
    },
    /// Give back resolv.conf and host name as they were found.
    RestoreFiles,
    /// One line for the log and the screen.
    Say(log::Level, String),
    /// Online: tell the service manager, let go of the terminal.
    Online,
    /// Whoever waited has been told that it is not online; it goes on without a terminal.
    LetGo,
    /// Nothing more to do: see [`super::Engine::outcome`].
    Finish,
}

impl Action {
    /// True for what changes links, so that they are to be read again before anything else is decided.
    pub fn touches_links(&self) -> bool {
        matches!(
            self,
            Self::LoadModule(_)
                | Self::CreateBond { .. }
                | Self::TakeOver { .. }
                | Self::SetOptions { .. }
                | Self::Enslave { .. }
                | Self::Release(_)
                | Self::Quiet { .. }
                | Self::Up(_)
                | Self::CreateVlan { .. }
                | Self::CreateBridge { .. }
                | Self::Join { .. }
                | Self::SetLink { .. }
                | Self::Rename { .. }
                | Self::Down(_)
                | Self::Delete(_)
                | Self::Six(six::Action::Setting { .. })
        )
    }
}

/// How it ended.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Outcome {
    /// Exit code.
    pub exit: Exit,
    /// What was waited for, what was seen instead, what to do about it.
    pub sentence: String,
}

impl Exit {
    /// From a process's exit code; what is not one of ours is unexpected.
    pub fn from_code(code: Option<i32>) -> Self {
        match code {
            Some(0) => Self::Online,
            Some(2) => Self::Words,
            Some(3) => Self::NoPorts,
            Some(4) => Self::NoPartner,
            Some(5) => Self::NoAddress,
            Some(6) => Self::Refused,
            _ => Self::Unexpected,
        }
    }
}

/// Exit codes of the program.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum Exit {
    /// Online, or nothing was asked.
    Online = 0,
    /// Something that should not happen.
    Unexpected = 1,
    /// The words can't be followed.
    Words = 2,
    /// Ports never came.
    NoPorts = 3,
    /// No LACP partner, or no carrier.
    NoPartner = 4,
    /// No address.
    NoAddress = 5,
    /// The kernel refused.
    Refused = 6,
}
