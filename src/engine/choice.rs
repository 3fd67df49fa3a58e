//! An IPv4 address of our own choice (RFC 3927): asked for before it is set, and another one where somebody has it.
//!
//! It is not defended later (§2.5); once the cables come back it is asked for again.

use std::net::Ipv4Addr;

use ipnetwork::Ipv4Network;

use super::Engine;
use super::types::Action;
use crate::clock::Millis;
use crate::dhcp::rng::Rng;
use crate::mac::Mac;
use crate::plan::Method4;

/// After so many conflicts the next address is kept, whoever has it (MAX_CONFLICTS, §9; there an attempt a minute follows).
const MOST: u32 = 10;

/// Which one it is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Chosen {
    /// So many were somebody else's.
    conflicts: u32,
    /// Nobody has claimed it.
    pub(super) free: bool,
}

/// 169.254.1.0 to 169.254.254.255 (§2.1), by the MAC: the same one each time.
fn candidate(mac: Mac, conflicts: u32) -> Option<Ipv4Network> {
    const FIRST: u32 = 0xa9fe_0100;
    let mut rng = Rng::new(mac.0.iter().fold(0, |seed, byte| seed << 8 | u64::from(*byte)));
    let place = (0..=conflicts).map(|_| rng.up_to(0xfdff)).last()?;
    Ipv4Network::new(Ipv4Addr::from_bits(FIRST + place), 16).ok()
}

impl Engine {
    /// Chooses an address where the words want one that nobody gives. False: it is not known yet whether somebody has it.
    pub(super) fn choose_address(&mut self, which: usize) -> bool {
        let target = &mut self.targets[which];
        if target.spec.ipv4.method == Method4::LinkLocal {
            let first = target.mac.and_then(|mac| candidate(mac, 0));
            target.spec.ipv4.addresses.extend(first);
            target.spec.ipv4.method = Method4::Static;
            target.chosen = Some(Chosen { conflicts: 0, free: false });
        }
        target.chosen.is_none_or(|chosen| chosen.free)
    }

    /// Somebody has it. True: another one is asked for instead.
    pub(super) fn choose_another(
        &mut self,
        now: Millis,
        which: usize,
        claimant: Mac,
        out: &mut Vec<Action>,
    ) -> bool {
        let target = &mut self.targets[which];
        let (Some(chosen), Some(mac)) = (&mut target.chosen, target.mac) else { return false };
        if chosen.conflicts >= MOST {
            chosen.free = true;
            return false;
        }
        let line = format!(
            "{}: an address of our own choice is in use by {claimant}: trying the next",
            target.spec.name
        );
        out.push(Action::Say(log::Level::Info, line));
        *chosen = Chosen { conflicts: chosen.conflicts + 1, free: false };
        let next = candidate(mac, chosen.conflicts);
        let before = std::mem::replace(&mut target.spec.ipv4.addresses, next.into_iter().collect());
        if let Some(index) = target.index.filter(|_| std::mem::take(&mut target.written)) {
            let gone =
                before.into_iter().map(|address| Action::DelAddress { index, address: address.into() });
            out.extend(gone);
            target.addresses.retain(|address| address.is_ipv6());
        }
        self.probe_again(which, out);
        self.wake(now);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_for_a_mac_and_another_after_each_conflict() {
        let all: Vec<_> =
            (0..=MOST).map(|conflicts| candidate(Mac([2, 0, 0, 0, 0, 9]), conflicts).unwrap()).collect();
        for (place, address) in all.iter().enumerate() {
            assert!(matches!(address.ip().octets(), [169, 254, 1..=254, _]), "{address}");
            assert_eq!(address.prefix(), 16);
            assert!(!all[..place].contains(address));
        }
        assert_eq!(candidate(Mac([2, 0, 0, 0, 0, 9]), 0).unwrap(), all[0]);
        assert_ne!(candidate(Mac([2, 0, 0, 0, 0, 8]), 0).unwrap(), all[0]);
    }
}
