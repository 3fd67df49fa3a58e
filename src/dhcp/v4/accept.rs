//! From an OFFER or ACK to a lease: what must hold, what is left out, what is told.

use std::net::Ipv4Addr;

use ipnetwork::ip_mask_to_prefix;

use super::lease::{Lease, Route, SHORTEST, Term, class_prefix, host_address, unicast};
use super::message::Reply;
use super::note::{Note, Refusal};
use super::options::code;
use super::routes;
use crate::clock::Millis;
use crate::dhcp::text;

/// Most classless routes that are taken.
const MOST_ROUTES: usize = 32;
/// Most addresses of a list.
const MOST_ADDRESSES: usize = 16;
/// Most notes about one answer: all routes, and one for every option.
const MOST_NOTES: usize = 64;
/// Lease time where the server tells none, neither now nor in its OFFER nor with the lease that is renewed.
const ASSUMED_LEASE: u32 = 3_600;

/// An answer that counts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Vetted {
    pub(super) address: Ipv4Addr,
    pub(super) prefix_len: u8,
    /// True if `prefix_len` is the class's.
    pub(super) class_mask: bool,
    pub(super) server: Ipv4Addr,
    pub(super) term: Option<Term>,
}

/// What every OFFER and ACK must have: a server, an address that a host can have, no impossible mask, and if a lease
/// time, then one with room for a renewal.
pub(super) fn vet(reply: &Reply) -> Result<Vetted, Refusal> {
    let server = server(reply).ok_or(Refusal::NoServer)?;
    let address = reply.yiaddr;
    let given = match reply.options.address(code::SUBNET_MASK) {
        Some(mask) => {
            let len = ip_mask_to_prefix(mask.into()).ok().filter(|len| *len > 0);
            Some(len.ok_or(Refusal::Mask(mask))?)
        }
        None => None,
    };
    let prefix_len = given.unwrap_or(class_prefix(address));
    if !host_address(address, prefix_len) {
        return Err(Refusal::Address(address));
    }
    let term = match reply.options.u32(code::LEASE_TIME) {
        Some(secs) if secs < SHORTEST => return Err(Refusal::ShortLease(secs)),
        secs => secs.map(Term::from),
    };
    Ok(Vetted { address, prefix_len, class_mask: given.is_none(), server, term })
}

/// Option 54, if it is an address of one host.
pub(super) fn server(reply: &Reply) -> Option<Ipv4Addr> {
    reply.options.address(code::SERVER_ID).filter(|server| unicast(*server))
}

/// The lease of an ACK that answers what was sent at `obtained_at`. `known` is how long it is if the ACK does not tell.
pub(super) fn lease(
    reply: &Reply,
    obtained_at: Millis,
    known: Option<Term>,
) -> Result<(Lease, Vec<Note>), Refusal> {
    let vetted = vet(reply)?;
    let mut reader = Reader { reply, notes: Vec::new() };
    if vetted.class_mask {
        reader.wrong_length(code::SUBNET_MASK);
        reader.note(Note::ClassMask(vetted.prefix_len));
    }
    let term = vetted.term.or(known).unwrap_or_else(|| {
        reader.note(Note::LeaseAssumed(ASSUMED_LEASE));
        Term::Secs(ASSUMED_LEASE)
    });
    let routes = reader.routes();
    let mut lease = Lease {
        address: vetted.address,
        prefix_len: vetted.prefix_len,
        server_id: vetted.server,
        // RFC 3442: with classless routes the routers are not used.
        routers: if routes.is_empty() { reader.addresses(code::ROUTER) } else { Vec::new() },
        routes,
        dns: reader.addresses(code::DNS),
        domain: reader.text(code::DOMAIN, text::domain),
        search: reader.search(),
        hostname: reader.text(code::HOST_NAME, text::host_name),
        ntp: reader.addresses(code::NTP),
        mtu: reader.mtu(),
        broadcast: None,
        root_path: reader.text(code::ROOT_PATH, text::path),
        next_server: Some(reply.siaddr).filter(|server| unicast(*server)),
        tftp_server: reader.text(code::TFTP_SERVER, text::host_name),
        bootfile: reader.bootfile(),
        lease_secs: None,
        t1: None,
        t2: None,
        obtained_at,
    };
    lease.broadcast = reader.broadcast(&lease);
    lease.set_times(term, reader.u32(code::T1), reader.u32(code::T2));
    Ok((lease, reader.notes))
}

/// Reads options that a lease can do without: what can't be is left out, with a note.
struct Reader<'a> {
    reply: &'a Reply,
    notes: Vec<Note>,
}

impl Reader<'_> {
    /// Once each, and not without bound: what is wrong with an answer can be as long as the answer.
    fn note(&mut self, note: Note) {
        if self.notes.len() < MOST_NOTES && !self.notes.contains(&note) {
            self.notes.push(note);
        }
    }

    fn wrong_length(&mut self, code: u8) {
        if self.reply.options.bytes(code).is_some() {
            self.note(Note::OptionIgnored(code));
        }
    }

    fn u32(&mut self, code: u8) -> Option<u32> {
        let value = self.reply.options.u32(code);
        if value.is_none() {
            self.wrong_length(code);
        }
        value
    }

    fn addresses(&mut self, code: u8) -> Vec<Ipv4Addr> {
        let Some(mut list) = self.reply.options.addresses(code) else {
            self.wrong_length(code);
            return Vec::new();
        };
        let all = list.len();
        list.retain(|address| unicast(*address));
        if list.len() < all {
            self.note(Note::OptionIgnored(code));
        }
        if list.len() > MOST_ADDRESSES {
            list.truncate(MOST_ADDRESSES);
            self.note(Note::Excess(code));
        }
        list
    }

    fn text(&mut self, code: u8, check: fn(&[u8]) -> Option<String>) -> Option<String> {
        let checked = check(self.reply.options.bytes(code)?);
        if checked.is_none() {
            self.note(Note::OptionIgnored(code));
        }
        checked
    }

    fn bootfile(&mut self) -> Option<String> {
        if self.reply.options.bytes(code::BOOTFILE).is_none() && !self.reply.file.is_empty() {
            let checked = text::path(&self.reply.file);
            if checked.is_none() {
                self.note(Note::OptionIgnored(code::BOOTFILE));
            }
            return checked;
        }
        self.text(code::BOOTFILE, text::path)
    }

    fn search(&mut self) -> Vec<String> {
        let Some(option) = self.reply.options.bytes(code::SEARCH) else { return Vec::new() };
        let (names, left_out) = text::search(option).unwrap_or((Vec::new(), true));
        if left_out || names.is_empty() {
            self.note(Note::OptionIgnored(code::SEARCH));
        }
        names
    }

    fn mtu(&mut self) -> Option<u16> {
        let mtu = self.reply.options.u16(code::MTU).filter(|mtu| (576..=9216).contains(mtu));
        if mtu.is_none() {
            self.wrong_length(code::MTU);
        }
        mtu
    }

    /// The broadcast address of the subnet, in one of the forms that RFC 922 and 4.2BSD gave it. Another would send
    /// our broadcasts to a host.
    fn broadcast(&mut self, lease: &Lease) -> Option<Ipv4Addr> {
        let subnet = lease.network()?;
        let forms = [subnet.broadcast(), subnet.network(), Ipv4Addr::BROADCAST];
        let given = self.reply.options.address(code::BROADCAST).filter(|address| forms.contains(address));
        if given.is_none() {
            self.wrong_length(code::BROADCAST);
        }
        given
    }

    /// Routes of 121, else of 249, default routes first; each is told, a default route above all (CVE-2024-3661).
    fn routes(&mut self) -> Vec<Route> {
        for code in [code::ROUTES, code::ROUTES_MS] {
            let Some(option) = self.reply.options.bytes(code) else { continue };
            let Some(all) = routes::decode(option) else {
                self.note(Note::OptionIgnored(code));
                continue;
            };
            let (defaults, others): (Vec<Route>, _) =
                all.into_iter().partition(|route| route.to.prefix() == 0);
            let mut routes: Vec<Route> = Vec::new();
            let mut left_out = Vec::new();
            for route in defaults.into_iter().chain(others) {
                if route.via.is_some_and(|via| !unicast(via)) || route.to.ip().is_loopback() {
                    left_out.push(Note::RouteIgnored(route));
                } else if routes.iter().any(|known| known.to == route.to) {
                    // A second way to the same place: the kernel would refuse it, so the first stands.
                    left_out.push(Note::RouteIgnored(route));
                } else if routes.len() == MOST_ROUTES {
                    left_out.push(Note::Excess(code));
                    break;
                } else {
                    routes.push(route);
                }
            }
            // Those that are taken first: what is left out may be more than is told.
            let taken = routes.iter().map(|&route| match route.to.prefix() {
                0 => Note::DefaultRoute(route),
                _ => Note::Route(route),
            });
            taken.chain(left_out).for_each(|note| self.note(note));
            return routes;
        }
        Vec::new()
    }
}
