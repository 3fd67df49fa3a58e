//! What stands in the words of IPv6 beside a method by which the network gives addresses.

use super::ROUTER_WAIT;
use crate::clock::Millis;
use crate::engine::Engine;
use crate::engine::types::Action;

impl Engine {
    /// What stands in the words beside what the network gives, once it shows whether a router advertises itself.
    pub(super) fn drive_written6(&mut self, now: Millis, which: usize, out: &mut Vec<Action>) {
        let target = &self.targets[which];
        let Some(asked) = target.six.asked.filter(|_| !target.six.paused) else { return };
        if target.spec.ipv6.addresses.is_empty() && target.spec.ipv6.gateway.is_none() {
            return;
        }
        if target.six.written || target.six.has_heard() || now >= asked + ROUTER_WAIT {
            self.drive_static6(now, which, out);
        } else {
            self.wake(asked + ROUTER_WAIT);
        }
    }
}
