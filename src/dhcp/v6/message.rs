//! DHCPv6 messages: ours to bytes, and those for us from bytes (RFC 8415 §8, §16). (pure)

use std::net::Ipv6Addr;

use dhcproto::v6::MessageType;

use super::lease::is_duid;
use super::note::Refusal;
use super::options::{Options, code, put};
use crate::mac::Mac;

/// UDP port of clients (RFC 8415 §7.2).
pub const CLIENT_PORT: u16 = 546;
/// UDP port of servers and relays.
pub const SERVER_PORT: u16 = 547;
/// All_DHCP_Relay_Agents_and_Servers (RFC 8415 §7.1).
pub const ALL_SERVERS: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 1, 2);

/// DUID-LL (RFC 8415 §11.4) of Ethernet: needs no storage, and is the same over all boot stages.
pub fn duid_of_mac(mac: Mac) -> Vec<u8> {
    [&[0, 3, 0, 1][..], &mac.0].concat()
}

/// The IAID: the address's last four bytes, as in DHCPv4's client identifier (RFC 4361 §6.1).
pub fn iaid_of_mac(mac: Mac) -> u32 {
    let [_, _, iaid @ ..] = mac.0;
    u32::from_be_bytes(iaid)
}

/// A message of ours.
#[derive(Clone, Debug)]
pub(super) struct Outgoing<'a> {
    pub(super) kind: MessageType,
    pub(super) xid: [u8; 3],
    pub(super) duid: &'a [u8],
    /// Hundredths of a second since this exchange began.
    pub(super) elapsed: u16,
    /// The server that is meant; none: all.
    pub(super) server: Option<&'a [u8]>,
    /// IAID, and the address that is asked for; none: no addresses at all.
    pub(super) ia: Option<(u32, Option<Ipv6Addr>)>,
}

/// The bytes of a message.
pub(super) fn encode(message: &Outgoing<'_>) -> Vec<u8> {
    use MessageType::{Confirm, Decline, InformationRequest, Release, Solicit};
    let kind = message.kind;
    let mut out = vec![u8::from(kind)];
    out.extend(message.xid);
    put(&mut out, code::CLIENT_ID, message.duid);
    if let Some(server) = message.server {
        put(&mut out, code::SERVER_ID, server);
    }
    put(&mut out, code::ELAPSED, &message.elapsed.to_be_bytes());
    if let Some((iaid, address)) = message.ia {
        // T1 and T2 of 0: as the server thinks fit (RFC 8415 §21.4).
        let mut ia = [&iaid.to_be_bytes()[..], &[0; 8]].concat();
        if let Some(address) = address {
            put(&mut ia, code::IA_ADDRESS, &[&address.octets()[..], &[0; 8]].concat());
        }
        put(&mut out, code::IA_NA, &ia);
    }
    // What is asked for, where anything is (RFC 8415 §21.7).
    let asked = match kind {
        Confirm | Decline | Release => &[][..],
        InformationRequest => &[code::DNS, code::SEARCH, code::REFRESH, code::INF_MAX_RT],
        _ => &[code::DNS, code::SEARCH, code::SOL_MAX_RT],
    };
    if !asked.is_empty() {
        let asked: Vec<u8> = asked.iter().flat_map(|code| u16::from(*code).to_be_bytes()).collect();
        put(&mut out, code::ORO, &asked);
    }
    if kind == Solicit {
        put(&mut out, code::RAPID_COMMIT, &[]);
    }
    out
}

/// An answer that is meant for us. What its options say is still unchecked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Reply<'a> {
    pub(super) kind: MessageType,
    /// From where it came: the server, or a relay.
    pub(super) from: Ipv6Addr,
    pub(super) server: &'a [u8],
    pub(super) options: Options<'a>,
}

/// Why a datagram is no [`Reply`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum NoReply {
    /// Another client's, another transaction's, or no DHCPv6 at all. Nothing to tell anybody.
    NotOurs,
    /// It has our transaction id, and yet.
    Refused(Refusal),
}

/// Reads an answer to transaction `xid` of the client `duid` (RFC 8415 §16.3, §16.10). Reconfigure is anybody's, as no
/// key was agreed on (§20.4): not ours.
pub(super) fn decode<'a>(
    payload: &'a [u8],
    from: Ipv6Addr,
    xid: [u8; 3],
    duid: &[u8],
) -> Result<Reply<'a>, NoReply> {
    let [kind, x0, x1, x2, options @ ..] = payload else { return Err(NoReply::NotOurs) };
    let kind = MessageType::from(*kind);
    if !matches!(kind, MessageType::Advertise | MessageType::Reply) || [*x0, *x1, *x2] != xid {
        return Err(NoReply::NotOurs);
    }
    let options = Options::read(options).ok_or(NoReply::Refused(Refusal::Broken))?;
    match options.one(code::CLIENT_ID) {
        Some(client) if client == duid => {}
        Some(_) => return Err(NoReply::NotOurs),
        None => return Err(NoReply::Refused(Refusal::NoClient)),
    }
    let server = options.one(code::SERVER_ID).filter(|server| is_duid(server));
    let server = server.ok_or(NoReply::Refused(Refusal::NoServer))?;
    Ok(Reply { kind, from, server, options })
}
