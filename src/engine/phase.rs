//! The phase: where the facts are, and what goes with the one that is left. (pure)

use super::Engine;
use super::state::Phase;
use super::types::{Action, Exit};
use crate::clock::Millis;

impl Engine {
    /// Moves the phase on to where the facts are.
    pub(super) fn advance(&mut self, now: Millis, out: &mut Vec<Action>) {
        let before = self.phase;
        let built = self.bonds.iter().all(|work| work.up_since.is_some());
        let ready = self.bonds.iter().all(|work| work.verdict.can_send());
        let addressed = self.awaited().next().is_none();
        self.phase = match () {
            () if built && addressed => Phase::Online,
            () if self.searching().is_some() => Phase::Lacp,
            () if !built => Phase::Building,
            () if !ready => Phase::Lacp,
            () => Phase::Dhcp,
        };
        if self.phase == Phase::Building && before != Phase::Building {
            self.building_since = Some(now);
            self.told.remove("building");
        }
        self.leave_phase(before);
        if built && self.times.built.is_none() {
            self.times.built = Some(now);
        }
        if self.phase == Phase::Online && before != Phase::Online {
            self.came_online = true;
            // What stood in the way has gone; another time it is told again.
            self.told.remove("fail");
            self.result = Some(Exit::Online);
            self.sentence = self.online_sentence(now);
            out.push(Action::Say(log::Level::Info, self.sentence.clone()));
            out.push(Action::Online);
        }
    }

    /// What was told in the phase before goes with it.
    fn leave_phase(&mut self, before: Phase) {
        match before {
            _ if before == self.phase => {}
            Phase::Building => {
                self.is_over_with(&["building"]);
            }
            Phase::Lacp => {
                self.is_over_with(&["search"]);
            }
            // The partner has gone: the address is waited for anew once it is back.
            Phase::Dhcp if self.phase != Phase::Online && self.is_over_with(&["lease"]) => {
                let late: Vec<usize> = self.awaited().map(|(which, _)| which).collect();
                late.into_iter().for_each(|which| self.targets[which].begun = None);
            }
            _ => {}
        }
    }
}
