//! When the engine is to be woken, and how often it wants to look at the links. (pure)

use super::state::Phase;
use super::wires::is_ready;
use super::{Engine, STIRRED, target};
use crate::clock::Millis;

impl Engine {
    /// When the next [`super::types::Event::Tick`] is due; none: only an event can change anything.
    pub fn deadline(&self) -> Option<Millis> {
        let dhcp = self.targets.iter().filter_map(target::Target::deadline).min();
        [self.deadline, dhcp].into_iter().flatten().min()
    }

    /// How often the links are to be read without an event, in milliseconds: the kernel does not announce every
    /// change of a partner (LACP), nor that udev has finished.
    pub fn poll(&self, now: Millis) -> Option<Millis> {
        let usual = match self.phase {
            Phase::Settling | Phase::Building | Phase::Lacp | Phase::Dhcp => {
                Some(self.opening_poll(now).unwrap_or(250))
            }
            Phase::Online if now < self.stirred_at + STIRRED && self.is_torn() => {
                Some(self.opening_poll(now).unwrap_or(250))
            }
            Phase::Online => Some(10_000),
            Phase::Failed | Phase::Stopped => None,
        }?;
        Some(usual.min(self.hold_in.unwrap_or(usual)))
    }

    /// Some port has carrier and passes no traffic.
    fn is_torn(&self) -> bool {
        self.bonds.iter().any(|work| {
            let mut ports = work.index.into_iter().flat_map(|index| self.view.links.ports_of(index));
            ports.any(|port| port.carrier && !is_ready(work, &port.name))
        })
    }

    /// Asks to be woken at `at`, if that is earlier than what was asked before.
    pub(super) fn wake(&mut self, at: impl Into<Option<Millis>>) {
        if let Some(at) = at.into() {
            self.deadline = Some(self.deadline.map_or(at, |before| before.min(at)));
        }
    }
}
