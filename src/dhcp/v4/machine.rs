//! The DHCP client: `step(now, event)` → actions (RFC 2131 §4.4, figure 5).
//!
//! The phases are in a file each: `discover` (INIT, SELECTING), `request` (REQUESTING, INIT-REBOOT) and `bound`
//! (BOUND, RENEWING, REBINDING, and the ways out of them); `hear` decides which answers they get, `send` makes
//! their messages. This file has the interface and the clock.

mod bound;
mod discover;
mod hear;
mod request;
mod send;

use std::net::Ipv4Addr;

use super::lease::Lease;
use super::note::{Heard, Note};
use crate::clock::Millis;
use crate::dhcp::limit::Limit;
use crate::dhcp::rng::Rng;
use crate::mac::Mac;
use discover::Selecting;
use request::{Requesting, Tries};

/// Most different notes of one acquisition; further ones are not told, they are a flood.
const MOST_NOTES: usize = 128;

/// What one client needs to know.
#[derive(Clone, Debug)]
pub struct Config {
    /// Hardware address: `chaddr`.
    pub mac: Mac,
    /// Start of transaction ids and jitter; any value, best a different one each time.
    pub seed: u64,
    /// Option 61, whole; none: not sent. See [`super::client_id_of_mac`] and [`super::client_id_of_duid`].
    pub client_id: Option<Vec<u8>>,
    /// Option 12; none: not sent.
    pub hostname: Option<String>,
    /// Option 60; none: not sent.
    pub vendor_class: Option<String>,
    /// Clients that send over the same ports, this one counted: they share what the limit allows.
    pub among: usize,
    /// MTU of the interface, for option 57.
    pub mtu: u16,
    /// The lease that an earlier keeper had, on this boot: INIT-REBOOT starts with it.
    pub previous: Option<Lease>,
}

/// What happens to a client.
#[derive(Clone, Copy, Debug)]
pub enum Event<'a> {
    /// The link carries frames: begin. Ends a pause as [`Event::Kick`] does; otherwise nothing if begun already.
    Start,
    /// A UDP payload that came to port 68.
    Datagram {
        /// The DHCP message.
        payload: &'a [u8],
    },
    /// A port joined or the carrier came back: the back-off starts anew in the same transaction. Ends a pause; a lease
    /// that there was before it is asked for again, since the link may lead elsewhere now.
    Kick,
    /// The link is gone: nothing is sent. A lease keeps running out.
    Pause,
    /// Somebody else on the link has the address that is requested or leased.
    Conflict,
    /// Give the lease back, and stop.
    Release,
    /// Time went on.
    Tick,
}

/// What a client wants done.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Action {
    /// Send this BOOTP payload from 0.0.0.0:68 to 255.255.255.255:67; while rebinding too, `ciaddr` has the address.
    Broadcast(Vec<u8>),
    /// Send it from the leased address, port 68, to the server, port 67.
    Unicast {
        /// The leased address.
        from: Ipv4Addr,
        /// The server.
        to: Ipv4Addr,
        /// BOOTP payload.
        payload: Vec<u8>,
    },
    /// A lease, new or renewed: this one holds from now on, whatever was before.
    Bound(Box<Lease>),
    /// The address must go now.
    Unbound(Loss),
    /// Something to log.
    Note(Note),
}

/// Why an address must go.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Loss {
    /// The server refused it.
    Nak,
    /// The lease ran out.
    Expired,
    /// Somebody else has it.
    Conflict,
    /// We gave it back.
    Released,
}

/// The states of RFC 2131, figure 5.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum State {
    /// Not begun, released, or waiting before the next DISCOVER.
    Init,
    /// DISCOVERs go out.
    Selecting,
    /// An offer was taken, its REQUEST goes out.
    Requesting,
    /// The lease of an earlier keeper is being confirmed (REBOOTING in the figure, once its REQUEST is out).
    InitReboot,
    /// A lease.
    Bound,
    /// T1 is over: asking the server that gave it.
    Renewing,
    /// T2 is over: asking any server.
    Rebinding,
}

/// A state with what belongs to it.
#[derive(Clone, Debug)]
enum Phase {
    Stopped,
    Waiting { until: Millis },
    Selecting(Selecting),
    Requesting(Requesting),
    Rebooting { lease: Box<Lease>, tries: Tries },
    Bound(Box<Lease>),
    Renewing(Box<Lease>),
    Rebinding(Box<Lease>),
}

/// A DHCPv4 client for one interface.
#[derive(Clone, Debug)]
pub struct Machine {
    config: Config,
    rng: Rng,
    limit: Limit,
    phase: Phase,
    /// Latest time seen; time that goes back stands still.
    now: Millis,
    paused: bool,
    /// The lease was got since the pause began: over this link, so it needs no check.
    got_in_pause: bool,
    xid: u32,
    /// When the next frame of this phase is due.
    send_at: Option<Millis>,
    /// When the last frame of this phase or of the one before left.
    sent_at: Millis,
    /// First frame of this acquisition or renewal: `secs` counts from here.
    since: Option<Millis>,
    /// `secs` of the last DISCOVER, which its REQUEST repeats.
    secs: u16,
    /// A server that offered and then kept silent, or refused time and again, and until when its offers don't count.
    passed_over: Option<(Ipv4Addr, Millis)>,
    /// NAKs since the last lease.
    naks: u32,
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
            got_in_pause: false,
            xid: 0,
            send_at: None,
            sent_at: 0,
            since: None,
            secs: 0,
            passed_over: None,
            naks: 0,
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
            Event::Datagram { payload } => self.hear(payload),
            Event::Kick => self.kick(),
            Event::Pause => self.pause(),
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

    /// Where in RFC 2131's figure 5 the client is.
    pub fn state(&self) -> State {
        match self.phase {
            Phase::Stopped | Phase::Waiting { .. } => State::Init,
            Phase::Selecting(_) => State::Selecting,
            Phase::Requesting(_) => State::Requesting,
            Phase::Rebooting { .. } => State::InitReboot,
            Phase::Bound(_) => State::Bound,
            Phase::Renewing(_) => State::Renewing,
            Phase::Rebinding(_) => State::Rebinding,
        }
    }

    /// The account of the present acquisition.
    pub fn heard(&self) -> Heard {
        self.heard.clone()
    }

    /// The address that is being requested and not ours yet: what an address probe (RFC 5227) can start with.
    pub fn requested(&self) -> Option<Ipv4Addr> {
        match &self.phase {
            Phase::Requesting(requesting) => Some(requesting.offer.address),
            Phase::Rebooting { lease, .. } => Some(lease.address),
            _ => None,
        }
    }

    /// The lease that holds.
    pub fn lease(&self) -> Option<&Lease> {
        match &self.phase {
            Phase::Bound(lease) | Phase::Renewing(lease) | Phase::Rebinding(lease) => Some(lease),
            _ => None,
        }
    }

    /// What else than a frame is due, and when.
    fn timer(&self) -> Option<Millis> {
        match &self.phase {
            Phase::Stopped => None,
            Phase::Waiting { until } => Some(*until),
            Phase::Selecting(selecting) => selecting.settle_at(),
            Phase::Requesting(requesting) => requesting.tries.give_up_at.filter(|_| !self.paused),
            Phase::Rebooting { lease, tries } => {
                let give_up = tries.give_up_at.filter(|_| !self.paused);
                [give_up, lease.expires_at()].into_iter().flatten().min()
            }
            Phase::Bound(lease) => lease.t1_at(),
            Phase::Renewing(lease) => lease.t2_at(),
            Phase::Rebinding(lease) => lease.expires_at(),
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
            Phase::Stopped => {}
            Phase::Waiting { .. } => self.discover(),
            Phase::Selecting(_) => self.settle(),
            Phase::Requesting(_) => self.pass_over(),
            Phase::Rebooting { .. } => {
                self.expire();
                self.give_up_reboot();
            }
            Phase::Bound(_) | Phase::Renewing(_) | Phase::Rebinding(_) => self.age(),
        }
    }

    fn start(&mut self) {
        if std::mem::take(&mut self.paused) {
            self.resume(true);
        }
        if matches!(self.phase, Phase::Stopped) {
            match self.config.previous.take().filter(|lease| lease.usable(self.now)) {
                Some(lease) => self.reboot(Box::new(lease)),
                None => self.acquire(),
            }
        }
    }

    fn pause(&mut self) {
        if !std::mem::replace(&mut self.paused, true) {
            self.got_in_pause = false;
        }
    }

    fn kick(&mut self) {
        let was_paused = std::mem::take(&mut self.paused);
        self.resume(was_paused);
    }

    /// The back-off starts anew.
    fn resume(&mut self, was_paused: bool) {
        match self.phase {
            Phase::Selecting(_) => self.restart_discover(),
            Phase::Requesting(_) | Phase::Rebooting { .. } => self.restart_request(was_paused),
            Phase::Bound(_) | Phase::Renewing(_) | Phase::Rebinding(_)
                if was_paused && !self.got_in_pause =>
            {
                self.check();
            }
            // The link may lead to another server than the one that refused.
            Phase::Waiting { .. } if was_paused && self.naks > 0 => {
                self.naks = 0;
                self.discover();
            }
            Phase::Renewing(_) | Phase::Rebinding(_) => self.send_at = Some(self.not_too_soon()),
            Phase::Stopped | Phase::Waiting { .. } | Phase::Bound(_) => {}
        }
    }

    /// Told once, and no more of it than anybody can read: what others send us can be a flood.
    /// A route that is taken is told in any case: it may lead elsewhere what is sent (CVE-2024-3661).
    fn note(&mut self, note: Note) {
        if self.said.len() < MOST_NOTES || matches!(note, Note::Route(_) | Note::DefaultRoute(_)) {
            self.tell(note);
        }
    }

    /// Told once in any case: what happens to us.
    fn tell(&mut self, note: Note) {
        if self.said.contains(&note) {
            return;
        }
        if self.said.len() >= MOST_NOTES {
            self.said.remove(0);
        }
        self.said.push(note.clone());
        self.actions.push(Action::Note(note));
    }
}
