//! What IPv6 needs done, and what comes in by it: plain values.

use std::net::Ipv6Addr;

use crate::mac::Mac;

/// Something to do.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Action {
    /// Write `/proc/sys/net/ipv6/conf/LINK/NAME`.
    Setting {
        /// Index of the interface.
        index: u32,
        /// Which.
        name: &'static str,
        /// What it is to be.
        value: u32,
    },
    /// Hear router advertisements on this interface.
    OpenRouters(u32),
    /// Open the DHCPv6 client's socket on this interface.
    OpenDhcp(u32),
    /// Close whatever is open on this interface.
    Close(u32),
    /// Send a router solicitation.
    Solicit {
        /// Index of the interface.
        index: u32,
        /// Its address.
        mac: Mac,
        /// Its link-local address, if it may be used already.
        from: Option<Ipv6Addr>,
    },
    /// Send a DHCPv6 message to all servers.
    Send {
        /// Index of the interface.
        index: u32,
        /// DHCPv6 message.
        payload: Vec<u8>,
    },
    /// Set a leased address, or give it new lifetimes.
    SetAddress {
        /// Index of the interface.
        index: u32,
        /// The address.
        address: Ipv6Addr,
        /// Seconds for which it is preferred; none: for ever.
        preferred: Option<u32>,
        /// Seconds for which it is valid; none: for ever.
        valid: Option<u32>,
    },
}

/// Something that came in.
#[derive(Clone, Copy, Debug)]
pub enum Incoming<'a> {
    /// A packet that may be a router advertisement.
    Advertisement {
        /// From the IPv6 header on.
        packet: &'a [u8],
        /// The sender is this machine's own kernel.
        checksum_missing: bool,
    },
    /// A UDP payload for port 546.
    Datagram {
        /// From where.
        from: Ipv6Addr,
        /// DHCPv6 message.
        payload: &'a [u8],
    },
}
