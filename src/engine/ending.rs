//! The end of the work: asked for at any point, done from a fresh look at the links.

use super::state::Phase;
use super::types::{Action, Event, Exit, Outcome};
use super::{Engine, tell, undo};

/// How far the ending is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) enum Ending {
    /// Not asked for.
    #[default]
    No,
    /// The links must be looked at first: what was asked for before may have been done, or not. The phase is what it comes
    /// to: nobody is told before it is true.
    Asked(Phase),
    /// The actions are out.
    GivingBack(Phase),
    /// They are done.
    Done,
}

impl Engine {
    /// True once nothing else counts: what is queued is to be dropped, and the links are to be looked at.
    pub fn is_ending(&self) -> bool {
        self.outcome.is_some()
    }

    /// True while a network is in use: it is kept, whatever can't be looked at or changed just now.
    pub fn keeps(&self) -> bool {
        self.came_online && self.outcome.is_none()
    }

    /// [`Action::Finish`] has come: all that was asked for before it is done.
    pub fn finish(&mut self) {
        if let Ending::GivingBack(phase) = self.ending {
            (self.phase, self.ending) = (phase, Ending::Done);
        }
    }

    /// Everything is being given back: whatever state it is killed in, there is something for `down`, and for those who
    /// wait for a result none yet.
    pub(super) fn is_giving_back(&self) -> bool {
        matches!(self.ending, Ending::Asked(_) | Ending::GivingBack(_))
    }

    /// How it ended; there from [`Action::Finish`] on.
    pub fn outcome(&self) -> Option<&Outcome> {
        self.outcome.as_ref()
    }

    /// Ends the work: all is given back. What was online once is not taken away again: it is only told.
    pub(super) fn fail(&mut self, exit: Exit, sentence: String, out: &mut Vec<Action>) {
        if self.came_online {
            self.go_on("fail", exit, sentence, out);
        } else {
            self.end(Phase::Failed, Outcome { exit, sentence }, out);
        }
    }

    /// What would end the work, but for a network that is in use, or because nothing ends it. Once for each kind of
    /// trouble. Whoever waits for a result has it, too.
    pub(super) fn go_on(&mut self, kind: &'static str, exit: Exit, sentence: String, out: &mut Vec<Action>) {
        if self.told.contains(kind) {
            return;
        }
        let waited_for = self.config.limited && self.result.is_none();
        let left = if waited_for { "; the bond is left as it is, and the engine stays" } else { "" };
        self.tell_once(kind, sentence + left, out);
        self.result = self.result.or(Some(exit));
        if waited_for {
            out.push(Action::LetGo);
        }
    }

    pub(super) fn stop(&mut self, signal: &str, out: &mut Vec<Action>) {
        if self.came_online {
            let (when, exit) = match (&self.waiting, self.phase) {
                (Some(waiting), phase) if phase != Phase::Online => {
                    let exit = if self.config.limited { Exit::Unexpected } else { Exit::Online };
                    (format!("while waiting for {}", waiting.what), exit)
                }
                _ => ("while online".into(), Exit::Online),
            };
            let sentence =
                format!("stopped by {signal} {when}: the network stays, the lease is not kept any more");
            self.phase = Phase::Stopped;
            self.close(out);
            self.outcome = Some(Outcome { exit, sentence: sentence.clone() });
            self.sentence = sentence;
            out.push(Action::Finish);
            return;
        }
        let what = self
            .waiting
            .as_ref()
            .map_or("at the start".into(), |waiting| format!("while waiting for {}", waiting.what));
        let sentence = format!("stopped by {signal} {what}; the machine is as it was found");
        // A service manager's stop is a normal end; for somebody who waits for the network it is not.
        let exit = if self.config.limited { Exit::Unexpected } else { Exit::Online };
        self.end(Phase::Stopped, Outcome { exit, sentence }, out);
    }

    fn end(&mut self, phase: Phase, outcome: Outcome, out: &mut Vec<Action>) {
        self.close(out);
        self.sentence = outcome.sentence.clone();
        self.outcome = Some(outcome);
        self.ending = Ending::Asked(phase);
    }

    fn close(&mut self, out: &mut Vec<Action>) {
        self.waiting = None;
        self.deadline = None;
        self.close_dhcp(out);
    }

    /// Events while it ends.
    pub(super) fn step_ending(&mut self, event: &Event<'_>) -> Vec<Action> {
        match (self.ending, event) {
            (Ending::Asked(phase), Event::View(view)) => {
                self.ending = Ending::GivingBack(phase);
                self.view = (*view).clone();
                let mut out = undo::actions(&self.found, &self.view.links);
                out.push(Action::Finish);
                out
            }
            (Ending::GivingBack(_), Event::Failed { action, refusal }) => {
                let line = format!("{}: {}", tell::name(action, &self.view.links), refusal.text);
                let sentence = format!("{} (not given back: {line})", self.sentence);
                self.sentence.clone_from(&sentence);
                if let Some(outcome) = &mut self.outcome {
                    outcome.sentence = sentence;
                }
                self.not_given_back = true;
                vec![Action::Say(log::Level::Warn, line)]
            }
            _ => Vec::new(),
        }
    }
}
