//! The DHCPv6 client: `step(now, event)` → actions (RFC 8415 §18.2).
//!
//! `solicit` asks for an offer or for facts alone, `request` takes an offer up or confirms what there was, `bound` keeps
//! it and has the ways out; `hear` decides which answers count, `send` makes the messages. This file has the interface
//! and the clock.

mod bound;
mod hear;
mod request;
mod send;
mod solicit;

use std::net::Ipv6Addr;

use super::lease::{Facts, Lease};
use super::note::{Heard, Note};
use crate::clock::Millis;
use crate::dhcp::limit::Limit;
use crate::dhcp::rng::Rng;
use request::{Requesting, Tries};
use solicit::Soliciting;

/// Most different notes of one acquisition; further ones are not told, they are a flood.
const MOST_NOTES: usize = 128;
/// Longest gap between Solicits, where no server sets another (SOL_MAX_RT). RFC 8415 §7.6 has an hour, for hosts that
/// nobody waits for; this is what RFC 3315 had.
const LONGEST_GAP: Millis = 120_000;

/// What is asked for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mode {
    /// An address (IA_NA), and the facts with it.
    Stateful,
    /// The facts alone (Information-request).
    Stateless,
}

/// What one client needs to know.
#[derive(Clone, Debug)]
pub struct Config {
    /// What is asked for.
    pub mode: Mode,
    /// Start of transaction ids and jitter; any value, best a different one each time.
    pub seed: u64,
    /// Who we are (RFC 8415 §11).
    pub duid: Vec<u8>,
    /// Which of our interfaces it is.
    pub iaid: u32,
    /// Clients that send over the same ports, this one counted: they share what the limit allows.
    pub among: usize,
    /// The lease that an earlier keeper had, on this boot: it is confirmed first.
    pub previous: Option<Lease>,
}

/// What happens to a client.
#[derive(Clone, Copy, Debug)]
pub enum Event<'a> {
    /// Frames get through: begin. Ends a pause as [`Event::Kick`] does; otherwise nothing if begun already.
    Start,
    /// A UDP payload that came to port 546.
    Datagram {
        /// The server, or a relay.
        from: Ipv6Addr,
        /// The DHCPv6 message.
        payload: &'a [u8],
    },
    /// A port joined or the carrier came back: the back-off starts anew in the same transaction. Ends a pause; an address
    /// that there was before it is confirmed, since the link may lead elsewhere now.
    Kick,
    /// Nothing can be sent. A lease keeps running out.
    Pause,
    /// Duplicate address detection has found the address that is leased at another station.
    Conflict,
    /// Give the lease back, and stop.
    Release,
    /// Time went on.
    Tick,
}

/// What a client wants done.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Action {
    /// Send this from port 546 of the link-local address to ff02::1:2, port 547.
    Send(Vec<u8>),
    /// A lease, new, renewed or confirmed: this one holds from now on, whatever was before.
    Bound(Box<Lease>),
    /// Facts of a server that was asked for these alone.
    Informed(Facts),
    /// The address must go now.
    Unbound(Loss),
    /// Something to log.
    Note(Note),
}

/// Why an address must go.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Loss {
    /// It is not of this link.
    NotOnLink,
    /// The server has taken it back.
    Withdrawn,
    /// Its valid lifetime is over.
    Expired,
    /// Somebody else has it.
    Conflict,
    /// We gave it back.
    Released,
}

/// Where a client is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum State {
    /// Not begun, released, or waiting before the next Solicit.
    Init,
    /// Solicits go out.
    Soliciting,
    /// An offer was taken, its Request goes out.
    Requesting,
    /// The address of before is being confirmed.
    Confirming,
    /// A lease.
    Bound,
    /// T1 is over: asking the server that gave it.
    Renewing,
    /// T2 is over: asking any server.
    Rebinding,
    /// Another station has the address: the server is told.
    Declining,
    /// Information-requests go out.
    Informing,
    /// There are facts.
    Informed,
}

/// A state with what belongs to it.
#[derive(Clone, Debug)]
enum Phase {
    Stopped,
    Waiting { until: Millis },
    Soliciting(Soliciting),
    Requesting(Requesting),
    Confirming { lease: Box<Lease>, tries: Tries },
    Bound(Box<Lease>),
    Renewing(Box<Lease>),
    Rebinding(Box<Lease>),
    Declining { lease: Box<Lease>, tries: Tries },
    Informing(Soliciting),
    Informed { refresh_at: Option<Millis> },
}

/// A DHCPv6 client for one interface.
#[derive(Clone, Debug)]
pub struct Machine {
    config: Config,
    rng: Rng,
    limit: Limit,
    phase: Phase,
    /// Latest time seen; time that goes back stands still.
    now: Millis,
    paused: bool,
    xid: [u8; 3],
    /// When the next frame of this phase is due.
    send_at: Option<Millis>,
    /// When the last frame of this exchange left.
    sent_at: Millis,
    /// First frame of this exchange: the elapsed time counts from here.
    since: Option<Millis>,
    /// The gap that doubles (RFC 8415 §15).
    gap: Millis,
    /// SOL_MAX_RT and INF_MAX_RT.
    longest_gap: Millis,
    /// A server that offered and then kept silent, and until when its offers don't count.
    passed_over: Option<(Vec<u8>, Millis)>,
    heard: Heard,
    said: Vec<Note>,
    actions: Vec<Action>,
}

impl Machine {
    /// A client that waits for [`Event::Start`].
    pub fn new(config: Config, now: Millis) -> Self {
        Self {
            rng: Rng::new(config.seed),
            limit: Limit::among(config.among),
            config,
            phase: Phase::Stopped,
            now,
            paused: false,
            xid: [0; 3],
            send_at: None,
            sent_at: 0,
            since: None,
            gap: 0,
            longest_gap: LONGEST_GAP,
            passed_over: None,
            heard: Heard::default(),
            said: Vec::new(),
            actions: Vec::new(),
        }
    }

    /// Keeps one account of frames with another client of the same ports, where there are many.
    pub fn share_with(&mut self, other: &Self) {
        self.limit.share(&other.limit);
    }

    /// Tells the client what happened at `now`; returns what is to be done, in this order.
    ///
    /// Afterwards nothing is due: [`Self::deadline`] is later than `now`.
    pub fn step(&mut self, now: Millis, event: Event<'_>) -> Vec<Action> {
        self.now = self.now.max(now);
        // An answer that comes after the end is too late, even if nobody looked at the clock in between.
        self.expire();
        match event {
            Event::Start => self.start(),
            Event::Datagram { from, payload } => self.hear(from, payload),
            Event::Kick => {
                let was_paused = std::mem::take(&mut self.paused);
                self.resume(was_paused);
            }
            Event::Pause => self.paused = true,
            Event::Conflict => self.conflict(),
            Event::Release => self.release(),
            Event::Tick => {}
        }
        // Each turn sends a frame, which the limit bounds, or goes to a phase whose timer is later.
        while self.turn() {}
        std::mem::take(&mut self.actions)
    }

    /// When [`Event::Tick`] is wanted; none: only other events matter.
    pub fn deadline(&self) -> Option<Millis> {
        [self.next_frame(), self.timer()].into_iter().flatten().min()
    }

    /// What is asked for.
    pub fn mode(&self) -> Mode {
        self.config.mode
    }

    /// Where the client is.
    pub fn state(&self) -> State {
        match self.phase {
            Phase::Stopped | Phase::Waiting { .. } => State::Init,
            Phase::Soliciting(_) => State::Soliciting,
            Phase::Requesting(_) => State::Requesting,
            Phase::Confirming { .. } => State::Confirming,
            Phase::Bound(_) => State::Bound,
            Phase::Renewing(_) => State::Renewing,
            Phase::Rebinding(_) => State::Rebinding,
            Phase::Declining { .. } => State::Declining,
            Phase::Informing(_) => State::Informing,
            Phase::Informed { .. } => State::Informed,
        }
    }

    /// The account of the present acquisition.
    pub fn heard(&self) -> &Heard {
        &self.heard
    }

    /// What else than a frame is due, and when.
    fn timer(&self) -> Option<Millis> {
        match &self.phase {
            Phase::Stopped => None,
            Phase::Waiting { until } => Some(*until),
            Phase::Soliciting(soliciting) => soliciting.settle_at(),
            Phase::Informing(_) => None,
            Phase::Requesting(requesting) => {
                let give_up = requesting.tries.give_up_at.filter(|_| !self.paused);
                let end = requesting.held.as_ref().and_then(|lease| lease.expires_at());
                [give_up, end].into_iter().flatten().min()
            }
            Phase::Confirming { lease, tries } => {
                let give_up = tries.give_up_at.filter(|_| !self.paused);
                [give_up, lease.expires_at()].into_iter().flatten().min()
            }
            Phase::Bound(lease) => [lease.t1_at(), lease.expires_at()].into_iter().flatten().min(),
            Phase::Renewing(lease) => [lease.t2_at(), lease.expires_at()].into_iter().flatten().min(),
            Phase::Rebinding(lease) => lease.expires_at(),
            Phase::Declining { tries, .. } => tries.give_up_at,
            Phase::Informed { refresh_at } => *refresh_at,
        }
    }

    /// Does one thing that is due. False: nothing is.
    fn turn(&mut self) -> bool {
        if self.timer().is_some_and(|at| at <= self.now) {
            self.time_out();
            return true;
        }
        if self.next_frame().is_some_and(|at| at <= self.now) {
            self.send();
            return true;
        }
        false
    }

    fn time_out(&mut self) {
        match self.phase {
            Phase::Stopped | Phase::Informing(_) => {}
            Phase::Waiting { .. } => self.solicit(),
            Phase::Soliciting(_) => self.settle(),
            Phase::Requesting(_) => self.pass_over(),
            Phase::Confirming { .. } => self.give_up_confirm(),
            Phase::Bound(_) | Phase::Renewing(_) | Phase::Rebinding(_) => self.age(),
            Phase::Declining { .. } => self.declined(),
            Phase::Informed { .. } => self.inform(),
        }
    }

    fn start(&mut self) {
        if std::mem::take(&mut self.paused) {
            self.resume(true);
        }
        if !matches!(self.phase, Phase::Stopped) {
            return;
        }
        match self.config.mode {
            Mode::Stateless => self.inform(),
            Mode::Stateful => match self.config.previous.take().filter(|lease| lease.usable(self.now)) {
                Some(lease) => self.confirm(Box::new(lease)),
                None => self.acquire(),
            },
        }
    }

    /// The back-off starts anew.
    fn resume(&mut self, was_paused: bool) {
        match &self.phase {
            Phase::Soliciting(_) | Phase::Informing(_) => self.restart_solicit(),
            Phase::Requesting(_) | Phase::Confirming { .. } => self.restart_request(was_paused),
            Phase::Bound(lease) | Phase::Renewing(lease) | Phase::Rebinding(lease) if was_paused => {
                self.confirm(lease.clone());
            }
            Phase::Renewing(_) | Phase::Rebinding(_) => self.send_at = Some(self.not_too_soon()),
            // The link may lead to other servers now.
            Phase::Informed { .. } if was_paused => self.inform(),
            Phase::Stopped | Phase::Waiting { .. } | Phase::Bound(_) => {}
            Phase::Declining { .. } | Phase::Informed { .. } => {}
        }
    }

    /// Told once, and no more of it than anybody can read: what others send us can be a flood.
    fn note(&mut self, note: Note) {
        if self.said.len() < MOST_NOTES {
            self.tell(note);
        }
    }

    /// Told once in any case: what happens to us.
    fn tell(&mut self, note: Note) {
        if self.said.contains(&note) {
            return;
        }
        if self.said.len() < MOST_NOTES {
            self.said.push(note.clone());
        }
        self.actions.push(Action::Note(note));
    }
}
