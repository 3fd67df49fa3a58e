//! The only door to rtnetlink: links, bonds, addresses, routes. What goes in and comes out is the engine's.

mod addresses;
pub(crate) mod attributes;
pub mod bonds;
mod change;
pub mod hints;
mod links;
pub(crate) mod message;
pub mod raw;
mod routers;
mod socket;

use std::io;

use rtnetlink::packet_core::{NLM_F_CREATE, NLM_F_EXCL};

use socket::Requests;

// rtnetlink.h.
const RTM_NEWLINK: u16 = 16;
const RTM_DELLINK: u16 = 17;
const RTM_GETLINK: u16 = 18;
const RTM_SETLINK: u16 = 19;
const RTM_NEWADDR: u16 = 20;
const RTM_DELADDR: u16 = 21;
const RTM_GETADDR: u16 = 22;
const RTM_NEWROUTE: u16 = 24;
const RTM_DELROUTE: u16 = 25;
const RTM_GETROUTE: u16 = 26;
const RTM_GETNEIGH: u16 = 30;

/// Made, and refused where it is there.
const NEW: u16 = NLM_F_CREATE | NLM_F_EXCL;

/// A connection for requests.
#[derive(Debug)]
pub struct Netlink {
    requests: Requests,
}

impl Netlink {
    /// Opens it.
    ///
    /// # Errors
    /// Where the kernel gives no netlink socket.
    pub fn open() -> io::Result<Self> {
        Ok(Self { requests: Requests::open()? })
    }
}

/// The C library's words for an error number. nix calls 95 by its socket name only.
pub fn words_of(errno: i32) -> &'static str {
    match nix::Error::from_raw(errno) {
        nix::Error::EOPNOTSUPP => "Operation not supported",
        other => other.desc(),
    }
}
