//! DHCP messages: what is sent, and what of an answer is read (RFC 2131 §2).

use std::net::Ipv4Addr;

use dhcproto::v4::borrowed::Message;
use dhcproto::v4::{Flags, HType, MAGIC, MIN_PACKET_SIZE, MessageType, Opcode};

use super::note::Refusal;
use super::options::{Options, code};
use crate::mac::Mac;

/// Option 55. 121 stands before 3, as RFC 3442 wants it; the rest in the order of the numbers.
const PARAMETERS: [u8; 18] = [1, 121, 249, 3, 6, 12, 15, 17, 26, 28, 42, 51, 54, 58, 59, 66, 67, 119];

/// Why we decline, for the server's log.
const IN_USE: &str = "address in use on this link";

/// What every message of one client has in common.
#[derive(Clone, Copy, Debug)]
pub(super) struct Client<'a> {
    pub(super) mac: Mac,
    pub(super) client_id: Option<&'a [u8]>,
    pub(super) hostname: Option<&'a str>,
    pub(super) vendor_class: Option<&'a str>,
    pub(super) mtu: u16,
}

/// What differs from message to message.
#[derive(Clone, Copy, Debug)]
pub(super) struct Outgoing {
    pub(super) kind: MessageType,
    pub(super) xid: u32,
    pub(super) secs: u16,
    /// Asks the server to broadcast its answer.
    pub(super) broadcast: bool,
    /// Our address, if it may be used already.
    pub(super) ciaddr: Ipv4Addr,
    /// Option 50.
    pub(super) requested: Option<Ipv4Addr>,
    /// Option 54.
    pub(super) server: Option<Ipv4Addr>,
}

/// The bytes of a message, filled up to the 300 that BOOTP had: relays drop what is shorter.
pub(super) fn encode(client: &Client<'_>, message: &Outgoing) -> Vec<u8> {
    let mut out = Vec::with_capacity(MIN_PACKET_SIZE);
    out.extend([Opcode::BootRequest.into(), HType::Eth.into(), client.mac.0.len() as u8, 0]);
    out.extend(message.xid.to_be_bytes());
    out.extend(message.secs.to_be_bytes());
    let flags = if message.broadcast { Flags::default().set_broadcast() } else { Flags::default() };
    out.extend(u16::from(flags).to_be_bytes());
    out.extend(message.ciaddr.octets());
    out.resize(28, 0); // yiaddr, siaddr, giaddr
    out.extend(client.mac.0);
    out.resize(236, 0); // rest of chaddr, sname, file
    out.extend(MAGIC);

    // RFC 2131 §4.4.1, table 5: what a DECLINE or RELEASE may not have.
    let asking = matches!(message.kind, MessageType::Discover | MessageType::Request);
    put(&mut out, code::MESSAGE_TYPE, &[message.kind.into()]);
    if let Some(id) = client.client_id {
        put(&mut out, code::CLIENT_ID, id);
    }
    if let Some(address) = message.requested {
        put(&mut out, code::REQUESTED, &address.octets());
    }
    if let Some(server) = message.server {
        put(&mut out, code::SERVER_ID, &server.octets());
    }
    if asking {
        // RFC 2132 §9.10: 576 at least. More than 1500 would tempt a server into what a relay's link can't carry.
        put(&mut out, code::MAX_SIZE, &client.mtu.clamp(576, 1500).to_be_bytes());
        put(&mut out, code::HOST_NAME, client.hostname.unwrap_or_default().as_bytes());
        put(&mut out, code::VENDOR_CLASS, client.vendor_class.unwrap_or_default().as_bytes());
        put(&mut out, code::PARAMETERS, &PARAMETERS);
    }
    match message.kind {
        MessageType::Discover => out.extend([code::RAPID_COMMIT, 0]),
        MessageType::Decline => put(&mut out, code::MESSAGE, IN_USE.as_bytes()),
        _ => {}
    }
    out.push(255);
    out.resize(out.len().max(MIN_PACKET_SIZE), 0);
    out
}

/// One option; what is longer than 255 bytes in several pieces (RFC 3396), what is empty not at all.
fn put(out: &mut Vec<u8>, code: u8, data: &[u8]) {
    for piece in data.chunks(255) {
        out.extend([code, piece.len() as u8]);
        out.extend(piece);
    }
}

/// Client identifier as PXE firmware sends it: hardware type and address (RFC 2132 §9.14).
pub fn client_id_of_mac(mac: Mac) -> Vec<u8> {
    [&[1][..], &mac.0].concat()
}

/// Client identifier of RFC 4361 §6.1: 255, IAID (the address's last four bytes), DUID-LL (RFC 8415 §11.4).
pub fn client_id_of_duid(mac: Mac) -> Vec<u8> {
    let [_, _, iaid @ ..] = mac.0;
    [&[255][..], &iaid, &[0, 3, 0, 1], &mac.0].concat()
}

/// Client identifier as `rd.net.dhcp.client-id=` has it: bytes in hex with dashes between, the first of them the type; or
/// `@` and a text, which is of type 0, no hardware address (RFC 2132 §9.14). None for anything else.
pub fn client_id_of_words(words: &str) -> Option<Vec<u8>> {
    if let Some(text) = words.strip_prefix('@') {
        return Some([&[0], text.as_bytes()].concat());
    }
    words.split('-').map(|byte| u8::from_str_radix(byte, 16).ok()).collect()
}

/// An answer that is meant for us. What its options say is still unchecked.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Reply {
    pub(super) kind: MessageType,
    pub(super) yiaddr: Ipv4Addr,
    pub(super) siaddr: Ipv4Addr,
    /// The `file` field, unless it holds options.
    pub(super) file: Vec<u8>,
    pub(super) options: Options,
}

/// Why a datagram is no [`Reply`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum NoReply {
    /// Another client's, another transaction's, or no DHCP at all. Nothing to tell anybody.
    NotOurs,
    /// It has our transaction id, and yet.
    Refused(Refusal),
}

/// Reads an answer to transaction `xid` of `mac`.
///
/// The header comes through `dhcproto`'s borrowed message, of which only what can't panic is used: `chaddr()`
/// indexes by `hlen`, so `hlen` is checked before. Options are walked by [`Options::collect`].
pub(super) fn decode(payload: &[u8], xid: u32, mac: Mac) -> Result<Reply, NoReply> {
    // Shorter than the fixed part and the cookie.
    let message = Message::new(payload).map_err(|_| NoReply::NotOurs)?;
    if message.opcode() != Opcode::BootReply || message.xid() != xid {
        return Err(NoReply::NotOurs);
    }
    if message.htype() != HType::Eth || message.hlen() != 6 {
        return Err(NoReply::Refused(Refusal::NotEthernet));
    }
    if message.chaddr() != mac.0 {
        return Err(NoReply::NotOurs);
    }
    let field = |range| payload.get(range).unwrap_or_default();
    if field(236..240) != MAGIC {
        return Err(NoReply::Refused(Refusal::NoCookie));
    }
    let options = Options::collect(field(240..payload.len()), field(108..236), field(44..108));
    // Twice is a length of 2: joined, and then not a message type (RFC 3396).
    let kind = options.u8(code::MESSAGE_TYPE).ok_or(NoReply::Refused(Refusal::NoType))?;
    Ok(Reply {
        kind: kind.into(),
        yiaddr: message.yiaddr(),
        siaddr: message.siaddr(),
        file: if options.overload.file { Vec::new() } else { message.fname().to_vec() },
        options,
    })
}
