//! IPv6 addresses that stand in the words: when they are set.

use crate::clock::Millis;
use crate::engine::Engine;
use crate::engine::types::Action;

/// A static address is set so long after our side has begun to distribute: what leaves before is often lost while the
/// switch port opens, and duplicate address detection asks once or twice only. Whatever else there is of IPv6 has come over
/// the link by then. Milliseconds.
const OPENING: Millis = 500;
/// So long after it while the partner does not say that it collects. Milliseconds.
const OPENING_AT_MOST: Millis = 3_000;

impl Engine {
    /// Sets what stands in the words, once the switch port is open.
    pub(in crate::engine) fn drive_static6(&mut self, now: Millis, which: usize, out: &mut Vec<Action>) {
        let agreed = self.prospects(now, which).agreed;
        let target = &mut self.targets[which];
        let opens = match target.bond {
            Some(_) if agreed => OPENING,
            Some(_) => OPENING_AT_MOST,
            None => 0,
        };
        let at = target.begun.unwrap_or(now) + opens;
        if target.six.written {
            self.try_duplicates(now, which, out);
            return;
        }
        if now < at {
            self.wake(at);
            return;
        }
        target.six.written = true;
        self.set_static6(which, out);
    }
}
