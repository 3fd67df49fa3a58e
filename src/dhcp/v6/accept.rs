//! From a Reply to a lease or facts: what must hold, what is left out, what is told. (pure)

use std::net::Ipv6Addr;

use super::lease::{Facts, Lease, SHORTEST, host_address};
use super::message::Reply;
use super::note::{Note, Refusal, Status, status};
use super::options::{Options, code};
use crate::clock::Millis;
use crate::dhcp::names;
use crate::ra::advert::is_server;

/// Most name servers that are taken.
const MOST_SERVERS: usize = 16;

/// An IA_NA of ours that counts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Ia {
    pub(super) address: Ipv6Addr,
    /// Seconds, `u32::MAX` for ever.
    pub(super) preferred: u32,
    /// Seconds, `u32::MAX` for ever; 0: it must not be used any more.
    pub(super) valid: u32,
    pub(super) t1: u32,
    pub(super) t2: u32,
}

/// What a server says of our addresses: the address in `iaid` that we have or ask for, else the first that can be used.
pub(super) fn ia(reply: &Reply<'_>, iaid: u32, known: Option<Ipv6Addr>) -> Result<Ia, Refusal> {
    if let Some((code, text)) = status(reply.options.one(code::STATUS)) {
        return Err(Refusal::Status(code, text));
    }
    let ours = |data: &&[u8]| data.starts_with(&iaid.to_be_bytes());
    let data = reply.options.all(code::IA_NA).find(ours).ok_or(Refusal::NoIa)?;
    let (head, options) = data.split_first_chunk::<12>().ok_or(Refusal::NoIa)?;
    let number = |at: usize| u32::from_be_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]);
    let (t1, t2) = (number(4), number(8));
    if t1 > t2 && t2 > 0 {
        return Err(Refusal::Times);
    }
    let options = Options::read(options).ok_or(Refusal::NoIa)?;
    if let Some((code, text)) = status(options.one(code::STATUS)) {
        return Err(Refusal::Status(code, text));
    }
    let (mut first, mut refused) = (None, Refusal::NoAddress);
    for data in options.all(code::IA_ADDRESS) {
        match address(data) {
            Ok((address, preferred, valid)) => {
                let ia = Ia { address, preferred, valid, t1, t2 };
                if Some(address) == known {
                    return Ok(ia);
                }
                if valid > 0 {
                    first.get_or_insert(ia);
                }
            }
            Err(why) => refused = why,
        }
    }
    first.ok_or(refused)
}

/// Address, preferred and valid lifetime of an IA Address option (RFC 8415 §21.6).
fn address(data: &[u8]) -> Result<(Ipv6Addr, u32, u32), Refusal> {
    let (head, options) = data.split_first_chunk::<24>().ok_or(Refusal::NoAddress)?;
    let (octets, lifetimes) = head.split_first_chunk::<16>().ok_or(Refusal::NoAddress)?;
    let address = Ipv6Addr::from(*octets);
    let (lifetimes, _) = lifetimes.as_chunks::<4>();
    let [preferred, valid] = *lifetimes else { return Err(Refusal::NoAddress) };
    let (preferred, valid) = (u32::from_be_bytes(preferred), u32::from_be_bytes(valid));
    if !host_address(address) {
        return Err(Refusal::Address(address));
    }
    if preferred > valid {
        return Err(Refusal::Lifetimes(address));
    }
    if (1..SHORTEST).contains(&valid) {
        return Err(Refusal::ShortLease(valid));
    }
    let options = Options::read(options).ok_or(Refusal::NoAddress)?;
    match status(options.one(code::STATUS)) {
        Some((code, text)) => Err(Refusal::Status(code, text)),
        None => Ok((address, preferred, valid)),
    }
}

/// The lease of a Reply that answers what was sent at `obtained_at`.
pub(super) fn lease(reply: &Reply<'_>, ia: Ia, obtained_at: Millis) -> (Lease, Vec<Note>) {
    let (facts, notes) = facts(reply);
    let secs = |secs: u32| (secs != u32::MAX).then_some(secs);
    let mut lease = Lease {
        address: ia.address,
        server: reply.server.to_vec(),
        from: reply.from,
        facts,
        preferred_secs: secs(ia.preferred),
        valid_secs: secs(ia.valid),
        t1: None,
        t2: None,
        obtained_at,
    };
    lease.set_times(ia.t1, ia.t2);
    (lease, notes)
}

/// Name servers and search list.
pub(super) fn facts(reply: &Reply<'_>) -> (Facts, Vec<Note>) {
    let (mut facts, mut notes) = (Facts::default(), Vec::new());
    if let Some(data) = reply.options.one(code::DNS) {
        let (all, rest) = data.as_chunks::<16>();
        let servers = all.iter().copied().map(Ipv6Addr::from).filter(|server| is_server(*server));
        if rest.is_empty() {
            facts.dns = servers.take(MOST_SERVERS).collect();
        }
        if facts.dns.len() < all.len() || !rest.is_empty() {
            notes.push(Note::OptionIgnored(code::DNS.into()));
        }
    }
    if let Some(data) = reply.options.one(code::SEARCH) {
        let (names, left_out) = names::list(data, false).unwrap_or((Vec::new(), true));
        facts.search = names;
        if left_out {
            notes.push(Note::OptionIgnored(code::SEARCH.into()));
        }
    }
    (facts, notes)
}

/// Whether a status is one of those that say that the server has nothing for us.
pub(super) fn has_status(why: &Refusal, status: Status) -> bool {
    matches!(why, Refusal::Status(code, _) if *code == status)
}
