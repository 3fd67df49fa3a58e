//! The engine: `step(now, event) → actions`, with the Plan as what is wanted and the links as what is there. (pure)
//!
//! It compares and acts; it has no script. Building the first time and repairing later are the same code:
//! each step asks, from the ports upwards, what the first thing is that is not as it should be.
//! The files here follow that order: `earlier`, `settled`, `build`, the verdicts of `lacp`, `address`, `lease`, `hold`;
//! `ending` and [`undo`] give back.

mod account;
mod address;
mod auto;
pub mod backoff;
mod build;
mod choice;
mod conflict;
pub mod earlier;
mod ending;
mod fallback;
mod findings;
mod hold;
mod lease;
mod lease_mtu;
mod limits;
mod names;
mod naming;
mod phase;
mod refused;
mod settled;
pub mod six;
mod snapshot;
pub mod state;
mod target;
mod tell;
pub mod types;
pub mod undo;
mod upper;
mod waking;
mod wires;

pub use target::bond_below;
pub(crate) use upper::{mtu_needed, mtu_of};

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use crate::clock::Millis;
use crate::lacp::verdict::{Hearing, Verdict, verdict};
use crate::links::Link;
use crate::plan::{Bond, Plan};
use crate::settle::{Settling, resolve::Wanted};
use backoff::Backoffs;
use state::{Found, Phase, State, Times, Waiting};
use types::{Action, Event, Outcome, View};

/// After a change the links are read often for so long: the kernel does not announce that a partner agrees.
/// Milliseconds.
const STIRRED: Millis = 60_000;

/// How the engine is run.
#[derive(Clone, PartialEq, Debug)]
pub struct Config {
    /// Limits end the work: everything is given back. False: they are told, and it goes on.
    pub limited: bool,
    /// Source of randomness for the DHCP client.
    pub seed: u64,
    /// Kernel release, for warnings about options that it ignored.
    pub kernel: String,
    /// An installer names the NICs, and sets them up once it has.
    pub installer_names: bool,
    /// What an earlier engine had found and leased.
    pub previous: Option<State>,
}

/// One bond of the plan, and what is known of it.
#[derive(Debug)]
struct BondWork {
    ports: Vec<Wanted>,
    /// Since when its ports have been searched for (`auto`).
    searched_since: Option<Millis>,
    index: Option<u32>,
    /// A create is under way: the bond that appears is ours.
    creating: bool,
    /// There was an interface of this name when the engine started.
    there_at_start: bool,
    late_options_sent: BTreeSet<&'static str>,
    /// Ports that are in it, names by index: one that is new, or gone, is told.
    joined: BTreeMap<u32, String>,
    /// Ports that the kernel does not let in, by index: told once.
    left_out: BTreeSet<u32>,
    checked: bool,
    /// Since when it has been there and lets ports in.
    let_in_since: Option<Millis>,
    /// Since when it has been up with ports.
    up_since: Option<Millis>,
    /// When a port first had carrier since then.
    carrier_since: Option<Millis>,
    verdict: Verdict,
    verdict_since: Millis,
    /// Ready, at some time since it was built.
    was_ready: bool,
    /// Since when nothing can be sent; or something.
    cut_since: Option<Millis>,
    sends_since: Option<Millis>,
    /// What the words make of it, while it is fallen back to another mode; and that it was, if only for a while: no second
    /// time.
    words: Option<Bond>,
    fell_back: bool,
    hearing: BTreeMap<u32, Hearing>,
    /// The verdict that was told last.
    told: Option<Verdict>,
}

impl BondWork {
    fn new(ports: Vec<Wanted>, now: Millis) -> Self {
        Self {
            ports,
            searched_since: None,
            index: None,
            creating: false,
            there_at_start: false,
            late_options_sent: Default::default(),
            joined: Default::default(),
            left_out: Default::default(),
            checked: false,
            let_in_since: None,
            up_since: None,
            carrier_since: None,
            verdict: Verdict::NoPorts,
            verdict_since: now,
            was_ready: false,
            cut_since: None,
            sends_since: None,
            words: None,
            fell_back: false,
            hearing: BTreeMap::new(),
            told: None,
        }
    }
}

/// What is tried again with growing gaps.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Try {
    Create(String),
    TakeOver(u32),
    /// Take an earlier engine's ports out.
    Empty(u32),
    Enslave(u32),
    Up(u32),
    /// Another name, address or MTU.
    Shape(u32),
    Address(u32),
    Default(u32),
    /// IPv6 settings.
    Setting(u32),
    /// A leased IPv6 address.
    Address6(u32),
}

/// The engine.
#[derive(Debug)]
pub struct Engine {
    plan: Plan,
    config: Config,
    view: View,
    settling: Settling,
    bonds: Vec<BondWork>,
    targets: Vec<target::Target>,
    tries: Backoffs<Try>,
    /// How often something else has undone it.
    undone: Backoffs<Try>,
    /// What was seen in place of bridges, VLANs and NICs: where it no longer is, somebody has undone it.
    in_place: BTreeSet<Try>,
    /// The last refusal for each thing that is tried again.
    refusals: BTreeMap<Try, String>,
    /// The last sentence about each.
    refused: BTreeMap<Try, String>,
    /// The module's own words, where `modprobe` failed.
    module_refusal: Option<String>,
    found: Found,
    /// What is heard on the cables, by the index of the port.
    wires: BTreeMap<u32, wires::Wire>,
    findings: findings::Findings,
    /// One port after the other in place of the bond.
    single: Option<Box<fallback::Single>>,
    times: Times,
    phase: Phase,
    waiting: Option<Waiting>,
    sentence: String,
    outcome: Option<Outcome>,
    ending: ending::Ending,
    /// Giving back failed somewhere: what was found is kept for `down`.
    not_given_back: bool,
    /// Limits that have been told already (without limits, each once).
    told: BTreeSet<&'static str>,
    /// Earliest time at which something is to be looked at again.
    deadline: Option<Millis>,
    /// The same, as the last look at the links or the last tick has brought it about.
    reconcile_at: Option<Millis>,
    /// So long after the last look what was taken away may be put back. Milliseconds.
    hold_in: Option<Millis>,
    names: Option<names::Names>,
    /// They are to be written once the root can be reached again.
    names_due: bool,
    /// What was told of waits.
    waits_told: tell::WaitsTold,
    looked: bool,
    /// Since when a bond that was there once has been missing.
    building_since: Option<Millis>,
    /// When links, their carrier or a verdict last changed.
    stirred_at: Millis,
    /// It was online, or an earlier engine whose network is still there was: limits end nothing from here on, and a stop
    /// leaves the network as it is.
    came_online: bool,
    /// What whoever waits for a result has been told.
    result: Option<types::Exit>,
    /// Time of the last step.
    now: Millis,
}

impl Engine {
    /// An engine for `plan`; `now` is when its waits start.
    pub fn new(plan: Plan, config: Config, now: Millis) -> Self {
        let ports = |bond: &Bond| bond.ports.iter().map(|port| Wanted::parse(port)).collect();
        let bonds = plan.bonds.iter().map(|bond| BondWork::new(ports(bond), now)).collect();
        let targets = target::Target::of(&plan);
        let found = config.previous.as_ref().map(|state| state.found.clone()).unwrap_or_default();
        let settling = Settling::new(config.installer_names);
        let stands = |state: &State| !state.found.bonds.is_empty() || state.fallback_port.is_some();
        let came_online = config.previous.as_ref().is_some_and(|state| state.came_online && stands(state));
        Self {
            bonds,
            targets,
            found,
            wires: BTreeMap::new(),
            findings: Default::default(),
            single: None,
            times: Times { started: now, ..Times::default() },
            plan,
            config,
            view: View::default(),
            settling,
            tries: Backoffs::default(),
            undone: Backoffs::default(),
            in_place: BTreeSet::new(),
            refusals: BTreeMap::new(),
            refused: BTreeMap::new(),
            module_refusal: None,
            phase: Phase::Settling,
            waiting: None,
            sentence: String::new(),
            outcome: None,
            ending: ending::Ending::No,
            not_given_back: false,
            told: Default::default(),
            deadline: None,
            reconcile_at: None,
            hold_in: None,
            names: None,
            names_due: false,
            waits_told: Default::default(),
            looked: false,
            building_since: None,
            stirred_at: now,
            came_online,
            result: None,
            now,
        }
    }

    /// The one door: takes an event in, gives back what is to be done, in order.
    pub fn step(&mut self, now: Millis, event: Event<'_>) -> Vec<Action> {
        let mut out = Vec::new();
        if self.outcome.is_some() {
            return self.step_ending(&event);
        }
        // What only a fresh look or time can bring on is not forgotten for what comes in meanwhile.
        self.deadline = match event {
            Event::View(_) | Event::Tick => None,
            _ => self.reconcile_at,
        };
        self.now = now;
        match event {
            Event::View(view) => {
                self.look(now, view);
                self.reconcile(now, &mut out);
                self.reconcile_at = self.deadline;
                self.hold_in = None;
                self.hold_addresses(now, &mut out);
                self.watch_six(now, &mut out);
                // A bond that was found just now has its verdict at once.
                self.judge(now);
            }
            Event::Failed { action, refusal } => self.failed(action, refusal, &mut out),
            Event::Stop(signal) => self.stop(signal, &mut out),
            Event::Datagram { index, payload } => self.datagram(now, index, payload, &mut out),
            Event::Six { index, incoming } => self.six_incoming(now, index, incoming, &mut out),
            Event::Arp { index, packet } => self.arp(now, index, packet, &mut out),
            Event::Tick if self.looked => {
                self.reconcile(now, &mut out);
                self.reconcile_at = self.deadline;
            }
            Event::Tick => {}
        }
        if self.outcome.is_none() && self.looked {
            self.drive(now, &mut out);
        }
        self.put_files_last(&mut out);
        out
    }

    fn look(&mut self, now: Millis, view: &View) {
        if !self.looked {
            for (work, bond) in self.bonds.iter_mut().zip(&self.plan.bonds) {
                work.there_at_start = view.links.named(&bond.name).is_some();
            }
            self.take_up(view);
            self.stay_fallen(now);
        }
        self.looked = true;
        let shape = |link: &Link| (link.index, link.up, link.carrier, link.controller);
        if !view.links.0.iter().map(shape).eq(self.view.links.0.iter().map(shape)) {
            self.stirred_at = now;
        }
        self.view = view.clone();
        self.view.heard = Vec::new();
        self.listen(now, view);
        self.look_at_routers();
        self.findings.due = true;
        self.settling.look(now, &view.links, &view.udev, view.named);
    }

    /// From the links to verdicts, and the times at which they first came.
    fn judge(&mut self, now: Millis) {
        for (work, bond) in self.bonds.iter_mut().zip(&self.plan.bonds) {
            let Some(link) = work.index.and_then(|index| self.view.links.get(index)) else { continue };
            work.hearing.retain(|index, _| self.view.links.get(*index).is_some());
            for port in self.view.links.ports_of(link.index) {
                work.hearing.entry(port.index).or_default().look(now, port);
                if port.carrier && work.up_since.is_some() {
                    work.carrier_since.get_or_insert(now);
                    self.times.carrier.get_or_insert(now);
                }
            }
            let is_fresh = |(index, hearing): (&u32, &Hearing)| hearing.is_fresh(now).then_some(*index);
            let fresh: Vec<u32> = work.hearing.iter().filter_map(is_fresh).collect();
            let verdict = verdict(link, bond.mode, &self.view.links, &fresh);
            let before = std::mem::replace(&mut work.verdict, verdict);
            if work.verdict != before {
                work.verdict_since = now;
                self.stirred_at = now;
            }
            if work.verdict.can_send() {
                work.cut_since = None;
                work.sends_since.get_or_insert(now);
                self.times.distributing.get_or_insert(now);
            } else {
                work.cut_since.get_or_insert(now);
                work.sends_since = None;
            }
            if matches!(work.verdict, Verdict::Ready { .. }) {
                self.times.ready.get_or_insert(now);
                work.was_ready = true;
            }
        }
    }

    /// Everything that needs a fresh look at the links.
    fn reconcile(&mut self, now: Millis, out: &mut Vec<Action>) {
        if self.outcome.is_some() {
            return;
        }
        if self.rename(now, out) || self.times.settled.is_none() && !self.settle(now, out) {
            return;
        }
        self.point_targets();
        self.shape_six(now, out);
        if self.rise_again(now, out) {
            return;
        }
        for bond in 0..self.bonds.len() {
            if !self.search(now, bond, out) {
                self.build_bond(now, bond, out);
            }
            if self.outcome.is_some() {
                return;
            }
        }
        self.build_uppers(now, out);
    }

    /// Everything that needs time only: verdicts to addresses, limits, and what is being waited for.
    fn drive(&mut self, now: Millis, out: &mut Vec<Action>) {
        for which in 0..self.bonds.len() {
            self.tell_verdict(now, which, out);
        }
        if self.times.settled.is_some() {
            self.drive_addresses(now, out);
            self.set_names_due(out);
            self.find(now, out);
            self.advance(now, out);
        }
        if self.outcome.is_none() {
            self.limits(now, out);
        }
        if self.outcome.is_none() {
            self.tell_waiting(now, out);
            let next_try = self.tries.next(now);
            self.wake(next_try);
        }
    }

    /// What is being waited for now.
    pub fn waiting(&self) -> Option<&Waiting> {
        self.waiting.as_ref()
    }
}
