//! What a client tells besides its lease: sentences for the log, and an account of what it heard.

use std::fmt;
use std::net::Ipv4Addr;

use dhcproto::v4::MessageType;

use super::lease::Route;
use crate::clock::Millis;

/// Why an answer that was meant for us did not count.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Refusal {
    /// Hardware type or address length of another medium.
    NotEthernet,
    /// No magic cookie: BOOTP, or rubbish.
    NoCookie,
    /// No usable message type (option 53).
    NoType,
    /// No usable server identifier (option 54), or one that is no host's address.
    NoServer,
    /// An address that no host can have.
    Address(Ipv4Addr),
    /// A netmask with holes, or of no bits.
    Mask(Ipv4Addr),
    /// A lease of so few seconds.
    ShortLease(u32),
    /// A lease that is over already, counted from its REQUEST.
    RunOut,
    /// An ACK to a DISCOVER without option 80 (RFC 4039 §3).
    NotRapid,
    /// From another server than the one asked.
    OtherServer,
    /// From a server that has just offered an address and then kept silent, or refused it time and again.
    PassedOver,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotEthernet => f.write_str("its hardware type is not Ethernet"),
            Self::NoCookie => f.write_str("it has no DHCP cookie"),
            Self::NoType => f.write_str("it has no usable message type"),
            Self::NoServer => f.write_str("it has no usable server identifier"),
            Self::Address(address) => write!(f, "no host can have the address {address}"),
            Self::Mask(mask) => write!(f, "{mask} is not a netmask"),
            Self::ShortLease(secs) => write!(f, "a lease of {secs} s is too short (10 s at least)"),
            Self::RunOut => f.write_str("its lease has run out since it was asked for"),
            Self::NotRapid => f.write_str("it acknowledges what nobody asked for"),
            Self::OtherServer => f.write_str("another server was asked"),
            Self::PassedOver => f.write_str("this server offered before and then kept silent or refused"),
        }
    }
}

/// Something for the log. The same sentence is not said twice about one acquisition.
///
/// `Display` is safe for a terminal: what came from the network is escaped.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Note {
    /// An answer did not count.
    Refused {
        /// Option 54, where it could be read.
        server: Option<Ipv4Addr>,
        /// Why.
        why: Refusal,
    },
    /// A DHCP option was left out: its length or its letters are not what it can have.
    OptionIgnored(u8),
    /// No netmask: the class's is used.
    ClassMask(u8),
    /// No lease time in the answer: this many seconds are assumed.
    LeaseAssumed(u32),
    /// More names, addresses or routes than are taken; the rest was left out.
    Excess(u8),
    /// A classless static route of the lease.
    Route(Route),
    /// A default route that came as a classless static route; it stands in place of option 3 (RFC 3442).
    DefaultRoute(Route),
    /// A classless static route that can't be: its router is no host's address, or it leads into 127/8.
    RouteIgnored(Route),
    /// The server refuses the address.
    Nak {
        /// Option 54.
        server: Option<Ipv4Addr>,
        /// Option 56, escaped.
        says: String,
    },
    /// A server offered and then left all REQUESTs without answer.
    Silent(Ipv4Addr),
    /// No server confirmed the lease of the keeper before us; it is used as it is.
    Unconfirmed(Ipv4Addr),
    /// The lease ran out.
    Expired(Ipv4Addr),
    /// Somebody else on the link has the address; the server was told.
    Conflict(Ipv4Addr),
}

impl Note {
    /// Warnings are of what makes the network another than it should be.
    pub fn level(&self) -> log::Level {
        match self {
            Self::ClassMask(_) | Self::DefaultRoute(_) | Self::Nak { .. } | Self::Silent(_) => {
                log::Level::Warn
            }
            _ => log::Level::Info,
        }
    }
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused { server: Some(server), why } => write!(f, "answer of {server} refused: {why}"),
            Self::Refused { server: None, why } => write!(f, "answer refused: {why}"),
            Self::OptionIgnored(code) => {
                write!(f, "DHCP option {code} ignored: its value is not one that it can have")
            }
            Self::ClassMask(len) => write!(f, "the lease has no netmask: /{len} by the address's class"),
            Self::LeaseAssumed(secs) => write!(f, "the lease has no lease time: {secs} s assumed"),
            Self::Excess(code) => write!(f, "DHCP option {code} has too many entries: the rest is ignored"),
            Self::Route(route) => write!(f, "route of the lease: {route}"),
            Self::DefaultRoute(route) => {
                write!(f, "default route of the lease, as a classless route: {route}")
            }
            Self::RouteIgnored(route) => write!(f, "route of the lease ignored: {route}"),
            Self::Nak { server: Some(server), says } => write!(f, "{server} refuses the address: \"{says}\""),
            Self::Nak { server: None, says } => write!(f, "a server refuses the address: \"{says}\""),
            Self::Silent(server) => write!(f, "{server} offered an address and then kept silent"),
            Self::Unconfirmed(address) => {
                write!(f, "no server confirmed {address}: the lease goes on as it is")
            }
            Self::Expired(address) => write!(f, "the lease of {address} ran out"),
            Self::Conflict(address) => write!(f, "{address} is in use by another station: declined"),
        }
    }
}

/// One kind of refused answers.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Refused {
    /// Option 54, where it could be read.
    pub server: Option<Ipv4Addr>,
    /// Why.
    pub why: Refusal,
    /// How many.
    pub count: u32,
}

/// What happened since the present acquisition began: enough for a sentence about why there is no address.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Heard {
    /// DISCOVERs sent.
    pub discovers: u32,
    /// When the first was sent.
    pub first_discover: Option<Millis>,
    /// REQUESTs sent.
    pub requests: u32,
    /// OFFERs that counted.
    pub offers: u32,
    /// NAKs that counted.
    pub naks: u32,
    /// Who sent the last one (option 54), and what it said (option 56), escaped.
    pub nak: Option<(Option<Ipv4Addr>, String)>,
    /// The last server that offered and then left all REQUESTs without answer.
    pub silent: Option<Ipv4Addr>,
    /// Answers to others, and what is no DHCP.
    pub foreign: u32,
    /// Answers to us that did not count, at most [`Heard::KINDS`] kinds.
    pub refused: Vec<Refused>,
    /// Answers to us that did not count, of yet more kinds.
    pub refused_more: u32,
}

impl Heard {
    /// Most kinds of refusal kept apart.
    pub const KINDS: usize = 16;

    pub(super) fn refuse(&mut self, server: Option<Ipv4Addr>, why: Refusal) {
        let room = self.refused.len() < Self::KINDS;
        let known = self.refused.iter_mut().find(|kind| kind.server == server && kind.why == why);
        match known {
            Some(kind) => kind.count = kind.count.saturating_add(1),
            None if room => self.refused.push(Refused { server, why, count: 1 }),
            None => self.refused_more = self.refused_more.saturating_add(1),
        }
    }

    /// Counts a frame that was sent at `now`.
    pub(super) fn sent(&mut self, kind: MessageType, now: Millis) {
        let count = match kind {
            MessageType::Discover => {
                self.first_discover.get_or_insert(now);
                &mut self.discovers
            }
            MessageType::Request => &mut self.requests,
            _ => return,
        };
        *count = count.saturating_add(1);
    }
}
