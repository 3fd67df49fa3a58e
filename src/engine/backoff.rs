//! When something that failed, or that somebody undoes, is tried again. (pure)

use std::collections::BTreeMap;

use crate::clock::Millis;

/// First gap, milliseconds: an up-storm is won by trying often.
const FIRST: Millis = 20;
/// Longest gap, milliseconds.
const LONGEST: Millis = 30_000;
/// So long without a try: the trouble is over, start again with the first gap. Milliseconds.
const FORGET: Millis = 60_000;

/// Tries of one kind (`K`) and when the next may be.
#[derive(Clone, Debug)]
pub struct Backoffs<K: Ord>(BTreeMap<K, Tries>);

#[derive(Clone, Copy, Debug)]
struct Tries {
    count: u32,
    last: Millis,
    next: Millis,
}

impl<K: Ord> Default for Backoffs<K> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<K: Ord + Clone> Backoffs<K> {
    /// True if `what` may be tried now; the try is counted.
    pub fn allow(&mut self, now: Millis, what: &K) -> bool {
        let tries = self.0.entry(what.clone()).or_insert(Tries { count: 0, last: now, next: now });
        if now < tries.next {
            return false;
        }
        if now > tries.last + FORGET {
            tries.count = 0;
        }
        let gap = FIRST.saturating_mul(1 << tries.count.min(16)).min(LONGEST);
        tries.count += 1;
        tries.last = now;
        tries.next = now + gap;
        true
    }

    /// Counts what is not ours to allow: `what` has happened once more; how often, without a long quiet time between.
    pub fn happened(&mut self, now: Millis, what: &K) -> u32 {
        let tries = self.0.entry(what.clone()).or_insert(Tries { count: 0, last: now, next: now });
        if now > tries.last + FORGET {
            tries.count = 0;
        }
        tries.count += 1;
        tries.last = now;
        tries.count
    }

    /// Whether anything has happened so often, and the last time not long ago.
    pub fn any_often(&self, now: Millis, often: u32) -> bool {
        self.0.values().any(|tries| tries.count >= often && now <= tries.last + FORGET)
    }

    /// When `what` may be tried again.
    pub fn next_of(&self, what: &K) -> Option<Millis> {
        self.0.get(what).map(|tries| tries.next)
    }

    /// How often `what` was tried.
    pub fn count(&self, what: &K) -> u32 {
        self.0.get(what).map_or(0, |tries| tries.count)
    }

    /// The earliest time at which something that is waiting may be tried again.
    pub fn next(&self, now: Millis) -> Option<Millis> {
        self.0.values().map(|tries| tries.next).filter(|next| *next > now).min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gaps_double_to_a_limit_and_are_forgotten() {
        let mut backoffs = Backoffs::default();
        let mut at = 0;
        let mut gaps = Vec::new();
        for _ in 0..14 {
            assert!(backoffs.allow(at, &"x"));
            assert!(!backoffs.allow(at, &"x"));
            let next = backoffs.next(at).unwrap();
            gaps.push(next - at);
            at = next;
        }
        assert_eq!(&gaps[..4], [20, 40, 80, 160]);
        assert_eq!(gaps[13], LONGEST);
        assert_eq!(backoffs.count(&"x"), 14);
        assert!(backoffs.allow(at + LONGEST + FORGET, &"x"));
        assert_eq!(backoffs.count(&"x"), 1);
        let mut seen = Backoffs::default();
        assert_eq!([0, 1, FORGET + 1].map(|at| seen.happened(at, &"y")), [1, 2, 3]);
        assert!(seen.any_often(2 * FORGET + 1, 3) && !seen.any_often(2 * FORGET + 1, 4));
        assert!(!seen.any_often(2 * FORGET + 2, 3), "long ago");
        assert_eq!(seen.happened(2 * FORGET + 2, &"y"), 1);
    }
}
