//! Asking for router advertisements and remembering what they said: `step(now, event)` → actions. (pure)
//!
//! The kernel asks too, when a link comes up. Over LACP that is too early: its first solicitations are lost, and the
//! next ones come at growing distance. So we ask again at the moment from which frames get through.

use std::fmt;
use std::net::Ipv6Addr;

use super::advert::Advertisement;
use super::packet;
use crate::clock::Millis;
use crate::dhcp::rng::Rng;

/// After the first solicitation. RFC 4861 §6.3.7 would have 4 s between them and three in all; but the first is often
/// lost while the switch port starts to forward, 0.1 to 0.2 s after our side does.
const FIRST: [Millis; 2] = [150, 1_000];
/// Then gaps that double (RFC 7559 §2), from RTR_SOLICITATION_INTERVAL to MRT.
const FIRST_GAP: Millis = 4_000;
const LONGEST_GAP: Millis = 3_600_000;
/// So many within any such time at most, whatever kicks. Milliseconds.
const WINDOW: Millis = 3_000;
const MOST_IN_WINDOW: usize = 4;
/// Most advertisements of one router that are looked at within a second, and of all that are not known yet. Routers leave three seconds between theirs (RFC 4861 §10);
/// what is more is a flood, and each could bring another resolv.conf.
const MOST_A_SECOND: u32 = 8;
/// Most routers, name servers and search names that are remembered: of each.
const MOST: usize = 8;
/// Most notes, of all and of one router; further ones are a flood.
const MOST_NOTES: usize = 64;
const MOST_OF_ROUTER: usize = 6;

/// What happens.
#[derive(Clone, Copy, Debug)]
pub enum Event<'a> {
    /// Frames get through from now on, or through one port more.
    Kick,
    /// Nothing can be sent.
    Pause,
    /// An IPv6 packet that passed the filter; `checksum_missing` as in [`packet::advertisement`].
    Packet {
        /// From the IPv6 header on.
        packet: &'a [u8],
        /// The sender is this machine's own kernel.
        checksum_missing: bool,
    },
    /// Time went on.
    Tick,
}

/// What is to be done.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Action {
    /// Send a router solicitation.
    Solicit,
    /// Something to log.
    Note(Note),
}

/// Something for the log; what came from the network is an address or a number.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Note {
    /// The first advertisement of a router, or one that says something else than before.
    Heard(Ipv6Addr, String),
    /// A router says that it is none any more, or has not been heard for its lifetime.
    Gone(Ipv6Addr),
    /// Something in a router's advertisement was left out.
    LeftOut(Ipv6Addr),
    /// More routers than are remembered.
    TooMany,
}

impl Note {
    fn router(&self) -> Option<Ipv6Addr> {
        match self {
            Self::Heard(router, _) | Self::Gone(router) | Self::LeftOut(router) => Some(*router),
            Self::TooMany => None,
        }
    }
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Heard(router, what) => write!(f, "router {router} advertises {what}"),
            Self::Gone(router) => write!(f, "router {router} is no default router any more"),
            Self::LeftOut(router) => {
                write!(f, "router {router} advertises more than is used: the rest is left out")
            }
            Self::TooMany => f.write_str("more routers advertise than are remembered"),
        }
    }
}

/// One router.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Router {
    /// Its link-local address.
    pub address: Ipv6Addr,
    /// What it advertised last.
    pub advert: Advertisement,
    /// Until when it is a default router.
    until: Millis,
    /// Start of a second, and how many came within it.
    counted: (Millis, u32),
}

/// Something with a lifetime; none: for ever.
type Kept<T> = (T, Option<Millis>);

/// What is known of the link's routers.
#[derive(Clone, Debug)]
pub struct Machine {
    rng: Rng,
    /// Latest time seen; time that goes back stands still.
    now: Millis,
    paused: bool,
    /// Start of the solicitations.
    base: Millis,
    gap: Millis,
    send_at: Option<Millis>,
    sent: [Option<Millis>; MOST_IN_WINDOW],
    /// Solicitations since the last kick after a pause.
    solicited: u32,
    heard: u32,
    refused: u32,
    /// When the first came that counted.
    heard_at: Option<Millis>,
    /// Start of a second, and how many came within it of routers that are not known.
    counted: (Millis, u32),
    routers: Vec<Router>,
    servers: Vec<Kept<Ipv6Addr>>,
    search: Vec<Kept<String>>,
    said: Vec<Note>,
    actions: Vec<Action>,
}

impl Machine {
    /// One that waits for its first [`Event::Kick`], and hears meanwhile.
    pub fn new(seed: u64, now: Millis) -> Self {
        Self {
            rng: Rng::new(seed),
            now,
            paused: true,
            base: now,
            gap: FIRST_GAP,
            send_at: None,
            sent: [None; MOST_IN_WINDOW],
            solicited: 0,
            heard: 0,
            refused: 0,
            heard_at: None,
            counted: (0, 0),
            routers: Vec::new(),
            servers: Vec::new(),
            search: Vec::new(),
            said: Vec::new(),
            actions: Vec::new(),
        }
    }

    /// Tells it what happened at `now`; returns what is to be done, in this order.
    pub fn step(&mut self, now: Millis, event: Event<'_>) -> Vec<Action> {
        self.now = self.now.max(now);
        self.forget_old();
        match event {
            Event::Kick => self.kick(),
            Event::Pause => self.paused = true,
            Event::Packet { packet, checksum_missing } => self.hear(packet, checksum_missing),
            Event::Tick => {}
        }
        if !self.paused && self.next_frame().is_some_and(|at| at <= self.now) {
            self.solicit();
        }
        std::mem::take(&mut self.actions)
    }

    /// When [`Event::Tick`] is wanted; none: only other events matter.
    pub fn deadline(&self) -> Option<Millis> {
        let routers = self.routers.iter().filter(|router| router.until > self.now).map(|router| router.until);
        let servers = self.servers.iter().filter_map(|(_, until)| *until);
        let search = self.search.iter().filter_map(|(_, until)| *until);
        let frame = self.next_frame().filter(|_| !self.paused);
        routers.chain(servers).chain(search).chain(frame).min()
    }

    /// The default router that hosts prefer: of the highest preference, the one heard first.
    pub fn router(&self) -> Option<&Router> {
        let there = self.routers.iter().filter(|router| router.until > self.now);
        // Of equals the first stays.
        there.rev().max_by_key(|router| router.advert.preference)
    }

    /// Whether any router speaks of addresses by DHCPv6 (flag M).
    pub fn managed(&self) -> bool {
        self.routers.iter().any(|router| router.advert.managed)
    }

    /// Whether any router speaks of other things by DHCPv6 (flag O; M includes it, RFC 4861 §4.2).
    pub fn other(&self) -> bool {
        self.routers.iter().any(|router| router.advert.other || router.advert.managed)
    }

    /// Whether addresses can be made of any prefix.
    pub fn autonomous(&self) -> bool {
        self.routers.iter().any(|router| router.advert.prefixes.iter().any(|prefix| prefix.autonomous))
    }

    /// Name servers whose lifetime lasts, best first.
    pub fn servers(&self) -> impl Iterator<Item = Ipv6Addr> + '_ {
        self.servers.iter().map(|(server, _)| *server)
    }

    /// Search names, likewise.
    pub fn search(&self) -> impl Iterator<Item = &str> {
        self.search.iter().map(|(name, _)| name.as_str())
    }

    /// Advertisements that counted.
    pub fn heard(&self) -> u32 {
        self.heard
    }

    /// Advertisements that did not.
    pub fn refused(&self) -> u32 {
        self.refused
    }

    /// When the first one came that counted.
    pub fn heard_at(&self) -> Option<Millis> {
        self.heard_at
    }

    /// Solicitations sent since frames get through.
    pub fn solicited(&self) -> u32 {
        self.solicited
    }

    /// After a pause from the start: the link may lead elsewhere. Otherwise only where nobody has answered yet.
    fn kick(&mut self) {
        let was_paused = std::mem::take(&mut self.paused);
        if was_paused {
            self.solicited = 0;
        }
        if was_paused || self.send_at.is_some() {
            (self.base, self.gap) = (self.now, FIRST_GAP);
            self.send_at = Some(self.now);
        }
    }

    fn next_frame(&self) -> Option<Millis> {
        let free = self.sent.last().copied().flatten().map_or(0, |sent| sent.saturating_add(WINDOW));
        self.send_at.map(|at| at.max(free))
    }

    fn solicit(&mut self) {
        self.sent.rotate_right(1);
        self.sent[0] = Some(self.now);
        self.solicited = self.solicited.saturating_add(1);
        self.actions.push(Action::Solicit);
        let elapsed = self.now - self.base;
        let next = FIRST.iter().find(|after| **after > elapsed).map(|after| self.base + after);
        self.send_at = Some(next.unwrap_or_else(|| {
            let gap = self.gap;
            self.gap = (gap * 2).min(LONGEST_GAP);
            // RFC 7559 §2: a tenth either way.
            self.now + gap * 9 / 10 + Millis::from(self.rng.up_to((gap / 5) as u32))
        }));
    }

    fn hear(&mut self, packet: &[u8], checksum_missing: bool) {
        let read = packet::advertisement(packet, checksum_missing)
            .and_then(|(from, message)| Some((from, Advertisement::read(message)?)))
            .filter(|(from, _)| self.may_speak(*from));
        let Some((from, advert)) = read else {
            self.refused = self.refused.saturating_add(1);
            return;
        };
        self.heard = self.heard.saturating_add(1);
        self.heard_at.get_or_insert(self.now);
        if advert.lifetime > 0 {
            // RFC 7559 §2.1: one that is no default router does not end the asking.
            self.send_at = None;
        }
        if advert.left_out {
            self.note(Note::LeftOut(from));
        }
        for (server, lifetime) in &advert.servers {
            keep(&mut self.servers, *server, self.now, *lifetime);
        }
        for (name, lifetime) in &advert.search {
            keep(&mut self.search, name.clone(), self.now, *lifetime);
        }
        self.remember(from, advert);
    }

    /// False for what is a flood. What is malformed does not come so far: it takes nobody's place.
    fn may_speak(&mut self, from: Ipv6Addr) -> bool {
        let known = self.routers.iter_mut().find(|router| router.address == from);
        let counted = known.map_or(&mut self.counted, |router| &mut router.counted);
        if self.now >= counted.0 + 1_000 {
            *counted = (self.now, 0);
        }
        counted.1 = counted.1.saturating_add(1);
        counted.1 <= MOST_A_SECOND
    }

    fn remember(&mut self, from: Ipv6Addr, advert: Advertisement) {
        let until = self.now + Millis::from(advert.lifetime) * 1_000;
        if self.routers.len() >= MOST && !self.routers.iter().any(|router| router.address == from) {
            // One that is no default router makes way.
            let now = self.now;
            let place = self.routers.iter().position(|router| router.until <= now);
            place.map(|place| self.routers.remove(place));
        }
        let room = self.routers.len() < MOST;
        let known = self.routers.iter_mut().find(|router| router.address == from);
        match known {
            Some(router) => {
                let was = router.until > self.now;
                let changed = router.advert != advert;
                (router.until, router.advert) = (until, advert);
                if was && until == self.now {
                    self.note(Note::Gone(from));
                } else if changed {
                    self.tell(from);
                }
            }
            None if room => {
                self.routers.push(Router { address: from, advert, until, counted: (self.now, 1) });
                self.tell(from);
            }
            None => self.note(Note::TooMany),
        }
    }

    fn tell(&mut self, from: Ipv6Addr) {
        let Some(router) = self.routers.iter().find(|router| router.address == from) else { return };
        let Advertisement { managed, other, lifetime, mtu, prefixes, servers, .. } = &router.advert;
        let prefixes: Vec<_> = prefixes.iter().map(|prefix| prefix.network.to_string()).collect();
        let servers: Vec<_> = servers.iter().map(|(server, _)| server.to_string()).collect();
        let mut parts = vec![if prefixes.is_empty() { "no prefix".to_owned() } else { prefixes.join(", ") }];
        if *lifetime == 0 {
            parts.push("no default route".into());
        }
        parts.extend(mtu.map(|mtu| format!("MTU {mtu}")));
        if !servers.is_empty() {
            parts.push(format!("DNS {}", servers.join(", ")));
        }
        match (managed, other) {
            (true, _) => parts.push("addresses by DHCPv6".into()),
            (false, true) => parts.push("more by DHCPv6".into()),
            _ => {}
        }
        self.note(Note::Heard(from, parts.join(", ")));
    }

    /// What has outlived its lifetime goes; a router that is silent stays known, to be told when it is back.
    fn forget_old(&mut self) {
        let now = self.now;
        let lasts = |until: &Option<Millis>| until.is_none_or(|until| until > now);
        self.servers.retain(|(_, until)| lasts(until));
        self.search.retain(|(_, until)| lasts(until));
        let ended = |router: &Router| router.until <= now && router.advert.lifetime > 0;
        let gone: Vec<Ipv6Addr> =
            self.routers.iter().filter(|router| ended(router)).map(|router| router.address).collect();
        for address in gone {
            if let Some(router) = self.routers.iter_mut().find(|router| router.address == address) {
                router.advert = Advertisement::default();
            }
            self.note(Note::Gone(address));
        }
    }

    /// The same sentence once, until something else was said; and no more of it than anybody can read.
    fn note(&mut self, note: Note) {
        let lasting = matches!(note, Note::LeftOut(_) | Note::TooMany);
        let of_router = |said: &&Note| said.router() == note.router();
        let flood = self.said.len() >= MOST_NOTES
            || note.router().is_some() && self.said.iter().filter(of_router).count() >= MOST_OF_ROUTER;
        if lasting && self.said.contains(&note) || flood {
            return;
        }
        self.said.push(note.clone());
        self.actions.push(Action::Note(note));
    }
}

/// Takes one in, or gives it another lifetime; 0 takes it out (RFC 8106 §5.1). Of too many the first stay.
fn keep<T: PartialEq>(kept: &mut Vec<Kept<T>>, what: T, now: Millis, lifetime: u32) {
    let until = (lifetime != u32::MAX).then(|| now + Millis::from(lifetime) * 1_000);
    let room = kept.len() < MOST;
    match kept.iter_mut().find(|(known, _)| *known == what) {
        _ if lifetime == 0 => kept.retain(|(known, _)| *known != what),
        Some(known) => known.1 = until,
        None if room => kept.push((what, until)),
        None => {}
    }
}
