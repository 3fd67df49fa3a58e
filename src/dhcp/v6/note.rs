//! What a client tells besides its lease: sentences for the log, and an account of what it heard. (pure)

use std::fmt;
use std::net::Ipv6Addr;

use crate::dhcp::text;

/// Why an answer that was meant for us did not count.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Refusal {
    /// An option goes past the end.
    Broken,
    /// No client identifier.
    NoClient,
    /// No server identifier, or one that can't be.
    NoServer,
    /// No IA_NA of ours, or none that counts.
    NoIa,
    /// T1 greater than T2: the IA does not count (RFC 8415 §21.4).
    Times,
    /// An IA without an address that could be used.
    NoAddress,
    /// An address that no host can have.
    Address(Ipv6Addr),
    /// An address whose preferred lifetime is longer than its valid one (RFC 8415 §21.6).
    Lifetimes(Ipv6Addr),
    /// A valid lifetime of so few seconds.
    ShortLease(u32),
    /// A lifetime that is over already, counted from our message.
    RunOut,
    /// A status code other than Success, and its text, escaped.
    Status(Status, String),
    /// A Reply to a Solicit without Rapid Commit.
    NotRapid,
    /// From another server than the one asked.
    OtherServer,
    /// From a server that has just offered an address and then kept silent.
    PassedOver,
}

/// A status code (RFC 8415 §21.13).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Status(pub u16);

impl Status {
    /// 2: the server has no address for us.
    pub const NO_ADDRESS: Self = Self(2);
    /// 3: the server knows nothing of the binding.
    pub const NO_BINDING: Self = Self(3);
    /// 4: the address is not of this link.
    pub const NOT_ON_LINK: Self = Self(4);
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const NAMES: [&str; 7] = [
            "Success",
            "UnspecFail",
            "NoAddrsAvail",
            "NoBinding",
            "NotOnLink",
            "UseMulticast",
            "NoPrefixAvail",
        ];
        match NAMES.get(usize::from(self.0)) {
            Some(name) => f.write_str(name),
            None => write!(f, "status {}", self.0),
        }
    }
}

/// The status of a Reply or of an IA in it: code and text, which is escaped. None: success, said or not.
pub(super) fn status(option: Option<&[u8]>) -> Option<(Status, String)> {
    let [c0, c1, text @ ..] = option? else { return None };
    let code = u16::from_be_bytes([*c0, *c1]);
    (code != 0).then(|| (Status(code), text::shown(text)))
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Broken => f.write_str("an option goes past its end"),
            Self::NoClient => f.write_str("it has no client identifier"),
            Self::NoServer => f.write_str("it has no usable server identifier"),
            Self::NoIa => f.write_str("it has no IA_NA of ours"),
            Self::Times => f.write_str("its T1 is greater than its T2"),
            Self::NoAddress => f.write_str("it has no address"),
            Self::Address(address) => write!(f, "no host can have the address {address}"),
            Self::Lifetimes(address) => write!(f, "{address} would be preferred for longer than it is valid"),
            Self::ShortLease(secs) => write!(f, "a lease of {secs} s is too short (10 s at least)"),
            Self::RunOut => f.write_str("its lease has run out since it was asked for"),
            Self::Status(status, text) if text.is_empty() => write!(f, "it says {status}"),
            Self::Status(status, text) => write!(f, "it says {status} \"{text}\""),
            Self::NotRapid => f.write_str("it replies to what nobody asked for"),
            Self::OtherServer => f.write_str("another server was asked"),
            Self::PassedOver => f.write_str("this server offered before and then kept silent"),
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
        /// From where it came.
        from: Ipv6Addr,
        /// Why.
        why: Refusal,
    },
    /// An option was left out: its length or its letters are not what it can have, or there is too much of it.
    OptionIgnored(u16),
    /// A server offered and then left all Requests without answer.
    Silent(Ipv6Addr),
    /// No server confirmed the address that we had; it is used as it is.
    Unconfirmed(Ipv6Addr),
    /// The address does not belong to this link.
    NotOnLink(Ipv6Addr),
    /// The server knows nothing of the address any more: it is asked for anew.
    NoBinding(Ipv6Addr),
    /// The valid lifetime is over.
    Expired(Ipv6Addr),
    /// The server took the address back.
    Withdrawn(Ipv6Addr),
    /// Somebody else on the link has the address; the server was told.
    Conflict(Ipv6Addr),
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused { from, why } => write!(f, "answer of {from} refused: {why}"),
            Self::OptionIgnored(code) => {
                write!(
                    f,
                    "DHCPv6 option {code} ignored, or a part of it: its value is not one that it can have"
                )
            }
            Self::Silent(from) => write!(f, "{from} offered an address and then kept silent"),
            Self::Unconfirmed(address) => {
                write!(f, "no server confirmed {address}: the lease goes on as it is")
            }
            Self::NotOnLink(address) => write!(f, "a server says that {address} is not of this link"),
            Self::NoBinding(address) => {
                write!(f, "the server knows nothing of {address} any more: asking for it anew")
            }
            Self::Expired(address) => write!(f, "the lease of {address} ran out"),
            Self::Withdrawn(address) => write!(f, "the server has taken {address} back"),
            Self::Conflict(address) => write!(f, "{address} is in use by another station: declined"),
        }
    }
}

/// One kind of refused answers.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Refused {
    /// From where they came.
    pub from: Ipv6Addr,
    /// Why.
    pub why: Refusal,
    /// How many.
    pub count: u32,
}

/// What happened since the present acquisition began: enough for a sentence about why there is no address.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Heard {
    /// Solicits sent, or Information-requests.
    pub solicits: u32,
    /// Requests sent.
    pub requests: u32,
    /// Advertises that counted.
    pub offers: u32,
    /// Answers to others, and what is no DHCPv6.
    pub foreign: u32,
    /// Answers to us that did not count, at most [`Heard::KINDS`] kinds.
    pub refused: Vec<Refused>,
}

impl Heard {
    /// Most kinds of refusal kept apart.
    pub const KINDS: usize = 16;

    pub(super) fn refuse(&mut self, from: Ipv6Addr, why: Refusal) {
        let room = self.refused.len() < Self::KINDS;
        let known = self.refused.iter_mut().find(|kind| kind.from == from && kind.why == why);
        match known {
            Some(kind) => kind.count = kind.count.saturating_add(1),
            None if room => self.refused.push(Refused { from, why, count: 1 }),
            None => {}
        }
    }
}
