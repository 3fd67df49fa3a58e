//! Troubles of interfaces that are to be addressed. (pure)

use super::{Interface, Kind, PATIENCE, Router};
use crate::clock::Millis;

pub(super) fn judge(now: Millis, interface: &Interface<'_>) -> Vec<Kind> {
    let mut found = Vec::new();
    // Four DISCOVERs are out by then.
    let conflict = interface.duplicate.is_some_and(|ip| ip.is_ipv4());
    let waits = interface.wants_lease && interface.discovers > 3 && !conflict;
    if waits && interface.since.is_some_and(|since| now >= since + PATIENCE) {
        found.push(match () {
            () if interface.answered => Kind::DhcpRefused,
            () if !interface.refused.is_empty() && !interface.foreign_only => Kind::DhcpRefused,
            () if mismatch(interface).is_some() => Kind::OtherVlan,
            // They came over the same VLAN, whichever that is.
            () if !interface.refused.is_empty() => Kind::DhcpRefused,
            () => Kind::DhcpSilent,
        });
    }
    if interface.no_router {
        found.push(Kind::NoRouter);
    }
    if interface.duplicate.is_some() {
        found.push(Kind::DuplicateAddress);
    }
    if matches!(interface.router, Some((_, Router::Silent))) {
        found.push(Kind::RouterSilent);
    }
    found
}

/// What the switch says of the VLANs of its port, and the words do otherwise.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Mismatch<'a> {
    /// Untagged frames go to this VLAN, and the words tag for it.
    Untagged(u16),
    /// The words tag for a VLAN that is not among those that the port names.
    NotNamed(u16, &'a [u16]),
}

/// The first neighbour that says so; none: what is said fits, or nothing is said.
pub(super) fn mismatch<'a>(interface: &Interface<'a>) -> Option<Mismatch<'a>> {
    interface.neighbours.iter().find_map(|neighbour| {
        let named = neighbour.vlans.as_slice();
        // Without a tag of ours any VLAN is that of an access port, and may well be meant.
        let ours = interface.vlan?;
        match () {
            () if neighbour.vlan == Some(ours) => Some(Mismatch::Untagged(ours)),
            // A list that is full may go on.
            () if !named.is_empty() && !named.contains(&ours) && !is_full(named) => {
                Some(Mismatch::NotNamed(ours, named))
            }
            () => None,
        }
    })
}

/// The VLAN to which untagged frames go, where the words tag for none.
pub(super) fn untagged(interface: &Interface<'_>) -> Option<u16> {
    let mut all = interface.neighbours.iter().filter_map(|neighbour| neighbour.vlan);
    all.find(|_| interface.vlan.is_none())
}

fn is_full(named: &[u16]) -> bool {
    named.len() >= crate::lldp::frame::MOST_VLANS
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lldp::neighbour::Neighbour;

    fn waiting<'a>(neighbour: &'a Neighbour) -> Interface<'a> {
        Interface {
            name: "bond0",
            since: Some(0),
            wants_lease: true,
            discovers: 4,
            neighbours: vec![neighbour],
            ..Interface::default()
        }
    }

    #[test]
    fn dhcp() {
        let nobody = Neighbour::default();
        let silent = waiting(&nobody);
        assert_eq!(judge(4_999, &silent), []);
        assert_eq!(judge(5_000, &silent), [Kind::DhcpSilent]);
        assert_eq!(judge(5_000, &Interface { discovers: 3, ..silent.clone() }), []);
        assert_eq!(judge(5_000, &Interface { answered: true, ..silent.clone() }), [Kind::DhcpRefused]);
        let refused = vec!["no".to_owned()];
        assert_eq!(judge(5_000, &Interface { refused, ..silent }), [Kind::DhcpRefused]);
    }

    #[test]
    fn answers_to_others_hide_no_vlan() {
        let neighbour = Neighbour { vlan: Some(20), vlans: vec![30], ..Neighbour::default() };
        let refused = vec!["answers to other clients only".to_owned()];
        let others = Interface { refused, foreign_only: true, vlan: Some(42), ..waiting(&neighbour) };
        assert_eq!(judge(5_000, &others), [Kind::OtherVlan]);
        assert_eq!(judge(5_000, &Interface { foreign_only: false, ..others.clone() }), [Kind::DhcpRefused]);
        assert_eq!(judge(5_000, &Interface { vlan: Some(30), ..others }), [Kind::DhcpRefused]);
    }

    #[test]
    fn what_is_wrong_with_an_address() {
        let router = Some(([192, 0, 2, 1].into(), Router::Silent));
        let duplicate = Some([192, 0, 2, 7].into());
        let all = Interface { no_router: true, duplicate, router, ..Interface::default() };
        assert_eq!(judge(0, &all), [Kind::NoRouter, Kind::DuplicateAddress, Kind::RouterSilent]);
    }

    #[test]
    fn vlans_that_do_not_fit() {
        let many: Vec<u16> = (100..116).collect();
        for (ours, untagged, named, expected) in [
            (None, None, &[][..], None),
            (None, Some(20), &[], None),
            (None, Some(20), &[30], None),
            (None, None, &[42], None),
            (Some(42), Some(42), &[], Some(Mismatch::Untagged(42))),
            (Some(42), Some(20), &[42, 43], None),
            (Some(42), Some(20), &[43], Some(Mismatch::NotNamed(42, &[43]))),
            (Some(42), Some(20), &[], None),
            (Some(42), Some(20), &many, None),
        ] {
            let neighbour = Neighbour { vlan: untagged, vlans: named.to_vec(), ..Neighbour::default() };
            let interface = Interface { vlan: ours, ..waiting(&neighbour) };
            assert_eq!(mismatch(&interface), expected, "{ours:?} {untagged:?} {named:?}");
            let kind = if expected.is_some() { Kind::OtherVlan } else { Kind::DhcpSilent };
            assert_eq!(judge(5_000, &interface), [kind]);
        }
    }
}
