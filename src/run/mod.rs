//! The only loop: events in, actions out.

pub(crate) mod announce;
mod arp;
mod ears;
pub(crate) mod hardware;
mod leaving;
pub(crate) mod modules;
mod notify;
mod packets;
mod packets6;
mod perform;
pub(crate) mod place;
mod signals;
mod timer;
mod udev;

pub use leaving::{give_back, release, release6};

use std::collections::{BTreeMap, VecDeque};
use std::fs::{File, OpenOptions};
use std::io;
use std::net::IpAddr;
use std::time::Duration;

use futures_util::FutureExt;

use crate::clock::Millis;
use crate::engine::state::State;
use crate::engine::types::{Action, Event, Exit, Outcome, Refusal, View};
use crate::engine::{Config, Engine, earlier};
use crate::handover::files::Files;
use crate::handover::store::{self, Store};
use crate::installer;
use crate::links::Links;
use crate::mac::Mac;
use crate::netlink::{Netlink, hints::Hints};
use crate::plan::{Method6, Plan};
use crate::report::screen::Screen;
use crate::sys::{boottime, permanent_mac};
use arp::Arp;
use ears::Ears;
use packets::Packets;
use packets6::Packets6;
use place::Place;
use signals::Signals;
use timer::Timer;

/// Links that change in a storm are looked at so often at most. Milliseconds.
const BUNDLE: Millis = 10;

/// How the loop is run.
#[derive(Debug)]
pub struct Settings {
    /// When the waits start.
    pub started: Millis,
    /// Limits end the work.
    pub limited: bool,
    /// Let go of the terminal once online.
    pub detach: bool,
    /// Where state and files go.
    pub store: Store,
    /// `--cmdline`: the words, where they are not the machine's.
    pub cmdline: Option<String>,
}

/// Runs the engine for `plan` until it is done.
///
/// # Errors
/// Where the loop can't even start: no netlink, no signals.
pub async fn engine(plan: Plan, settings: Settings) -> io::Result<Outcome> {
    let previous = settings.store.load().filter(|state| !state.found.is_empty());
    let flipped = previous.as_ref().is_some_and(|state| state.found.flipped);
    let xcp_ng = !flipped && installer::is_xcp_ng();
    let config = Config {
        limited: settings.limited,
        seed: seed(),
        kernel: modules::kernel_release(),
        installer_names: xcp_ng && !settings.store.is_named(),
        previous,
    };
    let started = settings.started;
    let mut world = World {
        hints: Hints::open()?,
        netlink: Netlink::open()?,
        packets: Packets::default(),
        packets6: Packets6::default(),
        arp: Arp::default(),
        files: Files::new(std::path::Path::new("/"), settings.store.path()),
        signals: Signals::catch()?,
        timer: Timer::new()?,
        signalled: None,
        permanent: BTreeMap::new(),
        wired: BTreeMap::new(),
        // Held open: an initramfs moves them into the root that it enters, and empties its own. And where the root itself
        // comes by what this is to keep, no path is walked from there any more.
        nics: Place::hold(hardware::NICS),
        run: Place::hold(udev::RUN),
        conf: Place::hold(packets6::CONF),
        modules: Place::hold(modules::LOADED),
        null: OpenOptions::new().write(true).open("/dev/null").ok(),
        xcp_ng,
        ears: Ears::default(),
        named: false,
        ipv6: plan.interfaces.iter().any(|spec| spec.ipv6.method != Method6::None),
        gateway6: plan.interfaces.iter().any(|spec| spec.ipv6.gateway.is_some()),
        last_look: 0,
        look_at: None,
        screen: Screen::new(),
        saved: None,
        pid_start: store::process_start(std::process::id()).unwrap_or(0),
        settings,
    };
    let mut engine = Engine::new(plan, config, started);
    // Before anything else: whoever asks from now on must not get an older engine's result.
    world.save(&engine);
    let mut queue: VecDeque<Action> = world.look(&mut engine).await?;
    loop {
        let touches = queue.iter().any(Action::touches_links);
        if touches {
            // What is about to be touched must be known to a later `down`, whatever becomes of us.
            world.save(&engine);
        }
        while let Some(action) = queue.pop_front() {
            if let (Action::Finish, Some(outcome)) = (&action, engine.outcome().cloned()) {
                engine.finish();
                world.save(&engine);
                return Ok(outcome);
            }
            if let Err(refusal) = world.perform(&action).await {
                let ended_before = engine.is_ending();
                let more = engine.step(boottime(), Event::Failed { action: &action, refusal: &refusal });
                if engine.is_ending() && !ended_before {
                    // It ends here: what else was queued is not done.
                    queue.clear();
                }
                // Before the Finish that may stand last.
                more.into_iter().rev().for_each(|action| queue.push_front(action));
            }
            if world.signalled.is_some() {
                // Interrupted: what was to follow would have the kernel load the module by itself, in its own way.
                queue.clear();
            }
        }
        if let Some(signal) = world.signal_now() {
            queue = engine.step(boottime(), Event::Stop(signal)).into();
            if !queue.is_empty() {
                continue;
            }
        }
        queue = if touches || engine.is_ending() {
            world.look(&mut engine).await?
        } else {
            world.save(&engine);
            world.next(&mut engine).await?
        };
    }
}

/// Everything outside the engine.
struct World {
    hints: Hints,
    netlink: Netlink,
    packets: Packets,
    packets6: Packets6,
    arp: Arp,
    files: Files,
    settings: Settings,
    signals: Signals,
    timer: Timer,
    /// One that came while something else was waited for.
    signalled: Option<&'static str>,
    /// Permanent addresses that only ethtool tells, by index.
    permanent: BTreeMap<u32, Option<Mac>>,
    /// Whether NICs are wired, and their drivers, by index.
    wired: BTreeMap<u32, (bool, Option<String>)>,
    nics: Place,
    run: Place,
    conf: Place,
    modules: Place,
    /// /dev/null, for [`crate::report::log::close_stderr`].
    null: Option<File>,
    /// An image of XCP-ng's installer.
    xcp_ng: bool,
    ears: Ears,
    /// XCP-ng's installer has named the NICs.
    named: bool,
    /// The words ask for IPv6.
    ipv6: bool,
    /// And for a router of their own.
    gateway6: bool,
    last_look: Millis,
    /// Something has changed: when the links are to be read.
    look_at: Option<Millis>,
    screen: Screen,
    /// The state as it was written last.
    saved: Option<State>,
    pid_start: u64,
}

impl World {
    /// Reads the links and hands them to the engine.
    async fn look(&mut self, engine: &mut Engine) -> io::Result<VecDeque<Action>> {
        /// A keeper whose machine is out of memory, say, has a network to keep all the same. Milliseconds.
        const LATER: Millis = 5_000;
        let routers: Vec<_> = engine.routers().collect();
        let mut view = match self.read(&routers).await {
            Ok(view) => view,
            Err(error) if engine.keeps() => {
                log::error!("{error}; what is there is kept as it is");
                let now = boottime();
                (self.last_look, self.look_at) = (now, Some(now + LATER));
                return Ok(VecDeque::new());
            }
            Err(error) => return Err(error),
        };
        self.add_hardware(&mut view.links);
        view.links.mark_addressed(|index| view.addresses.iter().any(|address| address.index == index));
        view.udev = udev::read(&self.run, &view.links);
        // Asked for as long as it may make a difference.
        self.named = self.named || self.xcp_ng && installer::has_named();
        view.named = self.named;
        let now = boottime();
        // Read after the links: what was heard on a cable that is in by now counts.
        self.ears.turn(&engine.ears(now));
        view.heard = self.ears.take();
        self.last_look = now;
        self.look_at = None;
        Ok(engine.step(now, Event::View(&view)).into())
    }

    /// Reads what is there; a read that fails (no memory, an interrupted dump) is tried again.
    async fn read(&self, routers: &[(u32, IpAddr)]) -> io::Result<View> {
        const TRIES: u32 = 5;
        const GAP: Duration = Duration::from_millis(100);
        for _ in 1..TRIES {
            match self.read_once(routers) {
                Ok(view) => return Ok(view),
                Err(refusal) => log::warn!("the links could not be read: {}; trying again", refusal.text),
            }
            tokio::time::sleep(GAP).await;
        }
        let read = self.read_once(routers);
        read.map_err(|refusal| io::Error::other(format!("the links can't be read: {}", refusal.text)))
    }

    fn read_once(&self, routers: &[(u32, IpAddr)]) -> Result<View, Refusal> {
        Ok(View {
            links: self.netlink.links()?,
            addresses: self.netlink.addresses()?,
            defaults: self.netlink.defaults()?,
            // Only where the words ask for IPv6: a table of routes can be long.
            addresses6: if self.ipv6 { self.netlink.addresses6()? } else { Vec::new() },
            defaults6: if self.gateway6 { self.netlink.defaults6()? } else { Vec::new() },
            routers: self.netlink.routers(routers)?,
            ..View::default()
        })
    }

    /// Looks, if something has changed and the last look is long enough ago.
    async fn look_if_due(&mut self, engine: &mut Engine) -> io::Result<VecDeque<Action>> {
        if self.look_at.is_some_and(|at| at <= boottime()) {
            return self.look(engine).await;
        }
        Ok(engine.step(boottime(), Event::Tick).into())
    }

    /// A signal that has come by now.
    fn signal_now(&mut self) -> Option<&'static str> {
        self.signalled.take().or_else(|| self.signals.next().now_or_never())
    }

    /// What is kept by index goes with its link. Kernels before 5.6 do not report the permanent address over netlink.
    fn add_hardware(&mut self, links: &mut Links) {
        self.permanent.retain(|index, _| links.get(*index).is_some());
        self.wired.retain(|index, _| links.get(*index).is_some());
        self.packets.keep(|index| links.get(index).is_some());
        self.packets6.keep(|index| links.get(index).is_some());
        self.arp.keep(|index| links.get(index).is_some());
        for link in links.0.iter_mut().filter(|link| link.can_be_port()) {
            if link.permanent.is_none() {
                let ask = || permanent_mac(&link.name);
                link.permanent = *self.permanent.entry(link.index).or_insert_with(ask);
            }
            if link.port.is_some() && link.carrier {
                link.speed = hardware::speed(&self.nics, &link.name);
            }
            let ask =
                || (hardware::is_wired(&self.nics, &link.name), hardware::driver(&self.nics, &link.name));
            (link.wired, link.driver) = self.wired.entry(link.index).or_insert_with(ask).clone();
        }
    }

    /// Waits for the next event and lets the engine have it.
    async fn next(&mut self, engine: &mut Engine) -> io::Result<VecDeque<Action>> {
        let now = boottime();
        let poll_at = engine.poll(now).map(|gap| self.last_look + gap);
        let screen_at = self.screen.wants_tick(engine.waiting()).then_some(now + 1_000);
        // Without a deadline only an event can change anything.
        let wake_at = [engine.deadline(), poll_at, screen_at, self.look_at].into_iter().flatten().min();
        tokio::select! {
            () = self.hints.changed(), if self.look_at.is_none() => {
                // At once after a quiet time; bundled where somebody changes links in a storm.
                self.look_at = Some(self.last_look + BUNDLE);
                self.look_if_due(engine).await
            }
            (index, payload) = self.packets.next() => {
                Ok(engine.step(boottime(), Event::Datagram { index, payload }).into())
            }
            (index, incoming) = self.packets6.next() => {
                Ok(engine.step(boottime(), Event::Six { index, incoming }).into())
            }
            (index, packet) = self.arp.next() => {
                Ok(engine.step(boottime(), Event::Arp { index, packet: &packet }).into())
            }
            signal = self.signals.next() => Ok(engine.step(boottime(), Event::Stop(signal)).into()),
            woken = self.timer.wait(wake_at) => {
                woken?;
                let now = boottime();
                if let Some(waiting) = engine.waiting() {
                    self.screen.show(now, waiting);
                }
                if poll_at.is_some_and(|at| at <= now) {
                    self.look(engine).await
                } else if self.look_at.is_some() {
                    self.look_if_due(engine).await
                } else {
                    Ok(engine.step(now, Event::Tick).into())
                }
            }
        }
    }

    /// Writes the state, if it has changed.
    fn save(&mut self, engine: &Engine) {
        let mut state = engine.state(std::process::id(), self.pid_start);
        state.cmdline.clone_from(&self.settings.cmdline);
        if self.saved.as_ref() == Some(&state) {
            return;
        }
        if state.times.settled.is_some() && self.xcp_ng && !self.settings.store.is_named() {
            self.settings.store.note_named();
        }
        match self.settings.store.save(&state) {
            Ok(()) => self.saved = Some(state),
            Err(error) => {
                log::warn!("the state can't be written to {}: {error}", store::RUN);
            }
        }
    }
}

/// What an earlier engine has brought about under other words, and is still there.
///
/// # Errors
/// Where the links can't be read.
pub fn left_over(plan: &Plan, store: &Store) -> io::Result<Option<String>> {
    let Some(previous) = store.load().filter(|state| !state.found.is_empty()) else { return Ok(None) };
    let read = |netlink: Netlink| {
        Ok::<_, Refusal>(View { links: netlink.links()?, addresses: netlink.addresses()?, ..View::default() })
    };
    let view = read(Netlink::open()?).map_err(|refusal| io::Error::other(refusal.text))?;
    Ok(earlier::left_over(plan, &previous, &view, boottime()))
}

/// Tells the service manager, if there is one, that this is ready (sd_notify(3)).
pub fn notify_ready() {
    notify::ready();
}

/// An unexpected end, as an outcome.
pub fn unexpected(error: &io::Error) -> Outcome {
    Outcome { exit: Exit::Unexpected, sentence: format!("bondstrap could not go on: {error}") }
}

/// Randomness for transaction ids and jitter, from the kernel, without waiting for its pool to fill.
fn seed() -> u64 {
    use std::hash::{BuildHasher, Hasher};
    std::hash::RandomState::new().build_hasher().finish()
}
