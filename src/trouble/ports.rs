//! Troubles of ports. (pure)

use super::{Bond, CHURN, Kind, Lag, PATIENCE, Port, Trouble};
use crate::clock::Millis;

pub(super) fn judge(now: Millis, bond: &Bond<'_>) -> Vec<Trouble> {
    let Some(up_since) = bond.up_since else { return Vec::new() };
    let mut found: Vec<Trouble> = Vec::new();
    let mut note = |kind: Kind, port: usize| match found.iter_mut().find(|(known, _)| *known == kind) {
        Some((_, ports)) => ports.push(port),
        None => found.push((kind, vec![port])),
    };
    let reference = reference(bond);
    let speed = common_speed(bond);
    let answers = bond.ports.iter().any(|port| port.dhcp);
    // A LAG delivers one copy, be it static or at its fallback.
    let flooded = bond.ports.iter().any(|port| port.flooded);
    let ever_heard = bond.ports.iter().any(|port| port.ever_heard);
    // Where no LACP is spoken the speed is the least that is wrong.
    let passes = bond.ports.iter().any(|port| port.passes);
    let agrees = |port: &Port<'_>| passes || !port.is_silent();
    for (place, port) in bond.ports.iter().enumerate() {
        let Some(carrier_since) = port.carrier_since else {
            if now >= up_since + PATIENCE {
                note(Kind::NoCarrier, place);
            }
            continue;
        };
        if port.passes || !bond.lacp {
            continue;
        }
        let since = carrier_since.max(up_since);
        let kind = match () {
            () if port.speed.is_some() && speed.is_some() && port.speed != speed && agrees(port) => {
                Some(Kind::SpeedsDiffer)
            }
            () if now < since + PATIENCE => None,
            () if port.theirs.is_some_and(|pdu| Some(pdu.actor.system) == bond.system) => Some(Kind::Looped),
            // That the other side is passive is not known; that we are is enough to ask for.
            () if !port.actor.is_active() && port.is_silent() => Some(Kind::BothPassive),
            () if !port.sent => Some(Kind::NoneSent),
            () => unlike(bond.lag_of(port), reference).or_else(|| speaks(now, since, bond, port)).or_else(
                || {
                    port.is_silent().then_some(match () {
                        () if port.flooded => Kind::PlainPorts,
                        () if answers && !ever_heard && !flooded => Kind::NoLag,
                        () => Kind::NothingHeard,
                    })
                },
            ),
        };
        if let Some(kind) = kind {
            note(kind, place);
        }
    }
    if bond.lacp && bond.forwards_alone && ever_heard && !flooded {
        found.retain(|(kind, _)| *kind != Kind::NothingHeard);
        let forwards = |port: &Port<'_>| port.carrier_since.is_some();
        let ports = bond.ports.iter().enumerate().filter(|(_, port)| forwards(port));
        found.push((Kind::Fallback, ports.map(|(place, _)| place).collect()));
    }
    found.sort_by_key(|(kind, _)| *kind);
    found
}

/// The LAG that the others are measured by: that of a port which passes traffic, else the one with the most ports, of
/// those the first.
fn reference(bond: &Bond<'_>) -> Option<Lag> {
    let lag = |port: &Port<'_>| bond.lag_of(port);
    let passing = bond.ports.iter().filter(|port| port.passes).find_map(lag);
    let count = |wanted: Lag| bond.ports.iter().filter(|port| lag(port) == Some(wanted)).count();
    // The last of the largest is what `max_by_key` takes.
    passing.or_else(|| bond.ports.iter().rev().filter_map(lag).max_by_key(|wanted| count(*wanted)))
}

/// The speed that the bond has: that of a port which passes traffic, else of most.
fn common_speed(bond: &Bond<'_>) -> Option<u32> {
    let alive = || bond.ports.iter().filter(|port| port.carrier_since.is_some());
    let count = |speed: u32| alive().filter(|port| port.speed == Some(speed)).count();
    let passing = alive().filter(|port| port.passes).find_map(|port| port.speed);
    passing.or_else(|| alive().rev().filter_map(|port| port.speed).max_by_key(|speed| count(*speed)))
}

/// Its LAG is another one.
fn unlike(theirs: Option<Lag>, reference: Option<Lag>) -> Option<Kind> {
    let (theirs, reference) = (theirs?, reference?);
    match () {
        () if theirs == reference => None,
        () if theirs.0 == reference.0 => Some(Kind::KeysDiffer),
        () => Some(Kind::SystemsDiffer),
    }
}

/// The other side speaks: what of it does not lead to an agreement?
fn speaks(now: Millis, since: Millis, bond: &Bond<'_>, port: &Port<'_>) -> Option<Kind> {
    if let Some(pdu) = port.theirs {
        // An answer takes a moment, as does a partner that begins anew.
        let is_late = port.names_since.is_none_or(|names| now >= names + PATIENCE);
        if is_late && Some(pdu.partner.system) != bond.system {
            return Some(Kind::Unanswered);
        }
    }
    if port.held_since.is_some_and(|held| now >= held + PATIENCE) {
        return Some(Kind::NotCollecting);
    }
    port.heard_since.filter(|heard| now >= since.max(*heard) + CHURN).map(|_| Kind::Churned)
}

impl Bond<'_> {
    /// The LAG at the other end of a port; what comes back of our own is none.
    pub(super) fn lag_of(&self, port: &Port<'_>) -> Option<Lag> {
        port.lag.filter(|(system, _)| Some(*system) != self.system)
    }
}

impl Port<'_> {
    /// Nothing of LACP comes in.
    fn is_silent(&self) -> bool {
        self.heard_since.is_none() && self.theirs.is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lacp::frame::{Lacpdu, Side};
    use crate::links::LacpState;
    use crate::mac::Mac;

    const OURS: Mac = Mac([2, 0, 0, 0, 0, 9]);

    fn heard(system: u8, key: u16, knows: Mac) -> Lacpdu {
        let actor = Side { system: Mac([4, 0, 0, 0, 0, system]), key, ..Side::default() };
        Lacpdu { actor, partner: Side { system: knows, ..Side::default() } }
    }

    fn port<'a>(name: &'a str, theirs: Option<&'a Lacpdu>) -> Port<'a> {
        Port {
            name,
            carrier_since: Some(0),
            speed: Some(10_000),
            sent: true,
            heard_since: theirs.and(Some(0)),
            ever_heard: theirs.is_some(),
            theirs,
            lag: theirs.map(|pdu| (pdu.actor.system, pdu.actor.key)),
            actor: LacpState(0x0f),
            ..Port::default()
        }
    }

    fn bond<'a>(ports: &[Port<'a>]) -> Bond<'a> {
        Bond {
            name: "bond0",
            lacp: true,
            up_since: Some(0),
            system: Some(OURS),
            ports: ports.to_vec(),
            forwards_alone: false,
        }
    }

    #[test]
    fn one_trouble_for_each_port() {
        let (mine, stranger, deaf) = (heard(1, 7, OURS), heard(1, 8, OURS), heard(1, 7, Mac::ZERO));
        let (far, own) =
            (heard(2, 7, OURS), Lacpdu { actor: Side { system: OURS, ..Side::default() }, ..mine });
        let good = Port { passes: true, ..port("eth0", Some(&mine)) };
        let silent = port("eth1", None);
        let expect = |ports: &[Port<'_>], at: Millis, expected: &[Trouble]| {
            assert_eq!(judge(at, &bond(ports)), expected, "{ports:?}");
        };
        let of = |kind: Kind| vec![(kind, vec![1])];
        expect(&[good.clone(), silent.clone()], 4_999, &[]);
        expect(&[good.clone(), silent.clone()], 5_000, &of(Kind::NothingHeard));
        let unplugged = Port { carrier_since: None, ..silent.clone() };
        expect(&[good.clone(), unplugged], 5_000, &of(Kind::NoCarrier));
        let mute = Port { sent: false, ..silent.clone() };
        expect(&[good.clone(), mute], 5_000, &of(Kind::NoneSent));
        let passive = Port { actor: LacpState(0x0e), sent: false, ..silent.clone() };
        expect(&[good.clone(), passive], 5_000, &of(Kind::BothPassive));
        expect(&[good.clone(), port("eth1", Some(&stranger))], 5_000, &of(Kind::KeysDiffer));
        expect(&[good.clone(), port("eth1", Some(&far))], 5_000, &of(Kind::SystemsDiffer));
        expect(&[good.clone(), port("eth1", Some(&deaf))], 5_000, &of(Kind::Unanswered));
        expect(&[port("eth0", Some(&own))], 5_000, &[(Kind::Looped, vec![0])]);
        let loops = [0, 1].map(|_| port("eth0", Some(&own)));
        let real = port("eth2", Some(&mine));
        expect(&[&loops[..], &[real]].concat(), 5_000, &[(Kind::Looped, vec![0, 1])]);
        let unheard = Port { theirs: None, ..good.clone() };
        expect(&[unheard.clone(), port("eth1", Some(&stranger))], 5_000, &of(Kind::KeysDiffer));
        expect(&[unheard, port("eth1", Some(&far))], 5_000, &of(Kind::SystemsDiffer));
        let slow = Port { speed: Some(10), ..port("eth1", Some(&stranger)) };
        expect(&[good.clone(), slow], 0, &of(Kind::SpeedsDiffer));
        let two = [port("eth0", None), Port { speed: Some(1_000), ..port("eth1", None) }];
        expect(&two, 5_000, &[(Kind::NothingHeard, vec![0, 1])]);
        let held = Port { held_since: Some(1_000), ..port("eth1", Some(&mine)) };
        expect(&[good.clone(), held.clone()], 5_999, &[]);
        expect(&[good.clone(), held], 6_000, &of(Kind::NotCollecting));
        expect(&[good.clone(), port("eth1", Some(&mine))], 59_999, &[]);
        expect(&[good, port("eth1", Some(&mine))], 60_000, &of(Kind::Churned));
    }

    #[test]
    fn a_switch_that_wakes_up_late_has_time_to_agree() {
        let (mine, new) = (heard(1, 7, OURS), heard(1, 7, Mac::ZERO));
        let awake = |pdu| {
            let woken = port("eth0", Some(pdu));
            [Port { heard_since: Some(600_000), names_since: Some(600_000), ..woken }]
        };
        assert_eq!(judge(604_999, &bond(&awake(&new))), [], "it has yet to answer");
        assert_eq!(judge(605_000, &bond(&awake(&new))), [(Kind::Unanswered, vec![0])]);
        assert_eq!(judge(659_999, &bond(&awake(&mine))), []);
        assert_eq!(judge(660_000, &bond(&awake(&mine))), [(Kind::Churned, vec![0])]);
    }

    #[test]
    fn without_a_good_port_the_largest_group_counts() {
        let (a, b) = (heard(1, 7, OURS), heard(1, 8, OURS));
        let ports = [port("eth0", Some(&a)), port("eth1", Some(&b)), port("eth2", Some(&b))];
        assert_eq!(judge(5_000, &bond(&ports)), [(Kind::KeysDiffer, vec![0])]);
        assert_eq!(judge(5_000, &bond(&ports[..2])), [(Kind::KeysDiffer, vec![1])], "of two the first");
    }

    #[test]
    fn dhcp_without_lacp() {
        let answered = Port { dhcp: true, ..port("eth0", None) };
        let two = [answered.clone(), port("eth1", None)];
        assert_eq!(judge(5_000, &bond(&two)), [(Kind::NoLag, vec![0, 1])]);
        let plain = [0, 1].map(|_| Port { dhcp: true, flooded: true, ..port("eth0", None) });
        let alone = |ports: &[Port<'static>]| Bond { forwards_alone: true, ..bond(ports) };
        assert_eq!(judge(5_000, &alone(&plain)), [(Kind::PlainPorts, vec![0, 1])]);
        let static_lag = [answered.clone(), answered.clone()];
        assert_eq!(judge(5_000, &alone(&static_lag)), [(Kind::NoLag, vec![0, 1])]);
        let third = [plain[0].clone(), plain[1].clone(), port("eth2", None)];
        assert_eq!(
            judge(5_000, &alone(&third)),
            [(Kind::PlainPorts, vec![0, 1]), (Kind::NothingHeard, vec![2])]
        );
        let was_heard = Port { ever_heard: true, ..answered };
        let alone = alone(&[was_heard, port("eth1", None)]);
        assert_eq!(judge(5_000, &alone), [(Kind::Fallback, vec![0, 1])]);
    }

    #[test]
    fn other_modes_need_carrier_only() {
        let unplugged = Port { carrier_since: None, ..port("eth1", None) };
        let plain = Bond { lacp: false, ..bond(&[port("eth0", None), unplugged]) };
        assert_eq!(judge(60_000, &plain), [(Kind::NoCarrier, vec![1])]);
        assert_eq!(judge(60_000, &Bond { up_since: None, ..plain }), []);
    }
}
