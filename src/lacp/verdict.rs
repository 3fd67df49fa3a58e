//! Can traffic pass? (pure)
//!
//! Carrier on the bond proves nothing: a port without a partner is an active aggregator of its own. What counts
//! is the partner's address and the state octets of the ports in the active aggregator.

use crate::clock::Millis;
use crate::links::{LacpState, Link, Links};
use crate::mac::Mac;
use crate::plan::Mode;

/// No LACPDU sent or heard for this long, with carrier, is a verdict of its own. Milliseconds.
pub const SILENCE: Millis = 5_000;

/// So far apart our LACPDUs are where nobody answers (Slow_Periodic_Time). Milliseconds.
const APART: Millis = 31_000;

/// Three ticks of the bonding driver's state machines (`AD_TIMER_INTERVAL`). No negotiation is as quick. Milliseconds.
const FRESH: Millis = 300;

/// What a bond can do right now.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// These ports pass traffic both ways.
    Ready {
        /// Names of the ports.
        ports: Vec<String>,
        /// The partner's system id; none in modes without LACP.
        partner: Option<Mac>,
    },
    /// Our side distributes, the partner has yet to say that it does.
    Distributing {
        /// The partner's system id.
        partner: Mac,
    },
    /// A partner is heard; both sides are still negotiating.
    Negotiating {
        /// The partner's system id.
        partner: Mac,
    },
    /// Carrier, but no partner.
    NoPartner,
    /// No port has carrier.
    NoCarrier,
    /// The bond is set down.
    Down,
    /// The bond has no ports.
    NoPorts,
}

impl Verdict {
    /// Frames that we send leave the bond: DHCP may start.
    pub fn can_send(&self) -> bool {
        matches!(self, Self::Ready { .. } | Self::Distributing { .. })
    }
}

/// Judges `bond` (of mode `mode`) by one read of the links. `fresh`: ports that do not count yet, see [`Hearing::is_fresh`].
pub fn verdict(bond: &Link, mode: Mode, links: &Links, fresh: &[u32]) -> Verdict {
    let ports: Vec<&Link> = links.ports_of(bond.index).collect();
    if ports.is_empty() {
        return Verdict::NoPorts;
    }
    if !bond.up {
        // Its ports keep the state that they had.
        return Verdict::Down;
    }
    let alive = || ports.iter().filter(|port| port.carrier && port.port.is_some_and(|side| side.link_up));
    if !ports.iter().any(|port| port.carrier) {
        return Verdict::NoCarrier;
    }
    if mode != Mode::Lacp {
        let ports: Vec<String> = alive().map(|port| port.name.clone()).collect();
        return if ports.is_empty() { Verdict::NoCarrier } else { Verdict::Ready { ports, partner: None } };
    }
    let side = bond.bond();
    let Some(partner) = side.and_then(|side| side.partner).filter(|mac| !mac.is_zero()) else {
        return Verdict::NoPartner;
    };
    let active = side.and_then(|side| side.aggregator);
    let in_active = |port: &&Link| port.port.is_some_and(|side| side.aggregator == active);
    let distributes = |state: LacpState| state.passes_traffic();
    let sending: Vec<&Link> = alive()
        .copied()
        .filter(in_active)
        .filter(|port| !fresh.contains(&port.index))
        .filter(|port| port.port.is_some_and(|side| distributes(side.actor)))
        .collect();
    let ready: Vec<String> = sending
        .iter()
        .filter(|port| port.port.is_some_and(|side| distributes(side.partner)))
        .map(|port| port.name.clone())
        .collect();
    if !ready.is_empty() {
        Verdict::Ready { ports: ready, partner: Some(partner) }
    } else if !sending.is_empty() {
        Verdict::Distributing { partner }
    } else {
        Verdict::Negotiating { partner }
    }
}

/// What one port hears and says, over time.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Hearing {
    /// Carrier since.
    pub carrier_since: Option<Millis>,
    /// Since when a partner's LACPDUs have been heard; none: none are.
    pub heard_since: Option<Millis>,
    /// One was heard since there is carrier.
    pub ever_heard: bool,
    /// Frames sent when the carrier came; more than that: something of ours went out.
    pub sent_before: u64,
    /// Something went out.
    pub sent: bool,
    /// The carrier was there before anybody looked.
    was_there: bool,
    /// When the bond saw a link that was down come up.
    came_up: Option<Millis>,
    /// The bond saw its link down last.
    was_down: bool,
}

impl Hearing {
    /// Takes note of one read of the port.
    pub fn look(&mut self, now: Millis, link: &Link) {
        let down = !link.carrier || link.port.is_some_and(|side| !side.link_up);
        if std::mem::replace(&mut self.was_down, down) && !down {
            self.came_up = Some(now);
        }
        let (came_up, was_down) = (self.came_up, self.was_down);
        if !link.carrier {
            *self = Self { came_up, was_down, ..Self::default() };
            return;
        }
        if self.carrier_since.is_none() {
            *self = Self {
                carrier_since: Some(now),
                sent_before: link.sent,
                came_up,
                was_down,
                ..Self::default()
            };
        }
        self.sent |= link.sent > self.sent_before;
        // A port that has heard nothing, or nothing any more, has its partner side defaulted (ad_initialize_port, RX
        // DEFAULTED).
        let actor = link.port.unwrap_or_default().actor;
        if actor.is_defaulted() {
            self.heard_since = None;
        } else if actor.0 != 0 && !actor.is_expired() {
            self.heard_since.get_or_insert(now);
            self.ever_heard = true;
        }
    }

    /// The first look at a port that an earlier engine has left.
    pub fn taken_up(now: Millis, link: &Link) -> Self {
        let mut hearing = Self::default();
        hearing.look(now, link);
        hearing.was_there = true;
        hearing
    }

    /// Nothing need have gone out yet: by then ours go out twice a minute.
    pub fn is_early(&self, now: Millis) -> bool {
        self.carrier_since.is_some_and(|since| now < since + if self.was_there { APART } else { SILENCE })
    }

    /// The link came up so recently that the port's state may still be that of before it was down: the bonding driver
    /// has yet to run its state machines.
    pub fn is_fresh(&self, now: Millis) -> bool {
        self.came_up.is_some_and(|at| now < at + FRESH)
    }

    /// One clause on this port for a sentence: `no carrier`, `carrier, but no LACPDU heard` … `heard`: our own ears
    /// hear what the bonding driver drops, as our own LACPDUs.
    pub fn clause(&self, now: Millis, heard: bool) -> &'static str {
        match () {
            () if self.carrier_since.is_none() => "no carrier",
            () if !self.sent && !self.is_early(now) => "carrier, but none of our LACPDUs leaves it",
            () if self.heard_since.is_none() && !heard => "carrier, but no LACPDU heard",
            () => "LACPDUs heard",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::links::{Bond, Kind, Port};

    const PARTNER: Mac = Mac([2, 0, 0, 0, 0, 1]);

    fn bond(partner: Mac) -> Link {
        let side = Bond { mode: 4, aggregator: Some(1), partner: Some(partner), ..Bond::default() };
        Link { index: 9, name: "bond0".into(), kind: Kind::Bond(Box::new(side)), up: true, ..Link::default() }
    }

    fn port(index: u32, carrier: bool, aggregator: u16, actor: u8, partner: u8) -> Link {
        let side = Port {
            link_up: carrier,
            aggregator: Some(aggregator),
            actor: LacpState(actor),
            partner: LacpState(partner),
            permanent: None,
        };
        Link {
            index,
            name: format!("eth{index}"),
            controller: Some(9),
            carrier,
            port: Some(side),
            ..Link::default()
        }
    }

    fn judge(partner: Mac, ports: &[Link]) -> Verdict {
        verdict(&bond(partner), Mode::Lacp, &Links(ports.to_vec()), &[])
    }

    #[test]
    fn lacp_table() {
        let ready = |names: &[&str]| Verdict::Ready {
            ports: names.iter().map(|name| (*name).into()).collect(),
            partner: Some(PARTNER),
        };
        for (partner, ports, expected) in [
            (PARTNER, vec![], Verdict::NoPorts),
            (PARTNER, vec![port(0, false, 1, 0x3f, 0x3f)], Verdict::NoCarrier),
            (Mac::ZERO, vec![port(0, true, 1, 0x3f, 0x3f)], Verdict::NoPartner),
            // The trap: bond carrier, collecting and distributing, but to nobody.
            (PARTNER, vec![port(0, true, 1, 0x7f, 0x02)], Verdict::Negotiating { partner: PARTNER }),
            (PARTNER, vec![port(0, true, 1, 0x0f, 0x0f)], Verdict::Negotiating { partner: PARTNER }),
            (PARTNER, vec![port(0, true, 1, 0x3f, 0x0f)], Verdict::Distributing { partner: PARTNER }),
            (PARTNER, vec![port(0, true, 1, 0x3f, 0x3d)], ready(&["eth0"])),
            (PARTNER, vec![port(0, true, 1, 0x3f, 0x3d), port(1, true, 2, 0x3f, 0x3d)], ready(&["eth0"])),
            (PARTNER, vec![port(0, false, 1, 0x3f, 0x3d), port(1, true, 1, 0x3f, 0x3d)], ready(&["eth1"])),
            (PARTNER, vec![port(0, true, 1, 0x3f, 0xbd)], Verdict::Distributing { partner: PARTNER }),
        ] {
            assert_eq!(judge(partner, &ports), expected, "{ports:?}");
        }
    }

    #[test]
    fn other_modes_need_carrier_only() {
        let links = Links(vec![port(0, true, 0, 0, 0), port(1, false, 0, 0, 0)]);
        let expected = Verdict::Ready { ports: vec!["eth0".into()], partner: None };
        assert_eq!(verdict(&bond(Mac::ZERO), Mode::ActiveBackup, &links, &[]), expected);
    }

    #[test]
    fn a_bond_that_is_down_passes_nothing() {
        for mode in [Mode::Lacp, Mode::ActiveBackup] {
            let down = Link { up: false, ..bond(PARTNER) };
            let links = Links(vec![port(0, true, 1, 0x3f, 0x3f)]);
            assert_eq!(verdict(&down, mode, &links, &[]), Verdict::Down);
        }
    }

    #[test]
    fn a_link_that_has_just_come_back_does_not_count() {
        let mut link = port(0, true, 1, 0x3f, 0x3f);
        let mut hearing = Hearing::default();
        hearing.look(0, &link);
        assert!(!hearing.is_fresh(0), "nobody knows that it was ever down");
        for (at, carrier, link_up) in [(1_000, false, true), (5_000, true, false)] {
            let mut down = Link { carrier, ..link.clone() };
            down.port.as_mut().unwrap().link_up = link_up;
            hearing.look(at, &down);
            assert!(!hearing.is_fresh(at));
            hearing.look(at + 1_000, &link);
            assert!(hearing.is_fresh(at + 1_299) && !hearing.is_fresh(at + 1_300));
        }
        link.index = 5;
        let judge = |fresh: &[u32]| verdict(&bond(PARTNER), Mode::Lacp, &Links(vec![link.clone()]), fresh);
        assert_eq!(judge(&[5]), Verdict::Negotiating { partner: PARTNER });
        assert!(judge(&[4]).can_send());
    }

    #[test]
    fn hearing_tells_silence_apart() {
        let mut hearing = Hearing::default();
        let mut link = port(0, true, 1, 0x47, 0);
        hearing.look(0, &link);
        assert_eq!(hearing.clause(1_000, false), "carrier, but no LACPDU heard");
        assert_eq!(hearing.clause(SILENCE, false), "carrier, but none of our LACPDUs leaves it");
        link.sent = 1;
        hearing.look(SILENCE, &link);
        assert_eq!(hearing.clause(SILENCE, false), "carrier, but no LACPDU heard");
        link.port = Some(Port { actor: LacpState(0x0f), ..Port::default() });
        hearing.look(SILENCE, &link);
        assert_eq!(hearing.clause(SILENCE, false), "LACPDUs heard");
        link.port = Some(Port { actor: LacpState(0x8f), ..Port::default() });
        hearing.look(SILENCE + 1, &link);
        assert_eq!(hearing.heard_since, Some(SILENCE), "it may yet speak again");
        link.port = Some(Port { actor: LacpState(0x47), ..Port::default() });
        hearing.look(SILENCE + 2, &link);
        assert_eq!(hearing.clause(SILENCE + 2, false), "carrier, but no LACPDU heard");
        assert_eq!(hearing.clause(SILENCE + 2, true), "LACPDUs heard", "a loop");
        assert!(hearing.ever_heard);
        link.carrier = false;
        hearing.look(SILENCE, &link);
        assert_eq!(hearing.clause(SILENCE, false), "no carrier");
    }
    #[test]
    fn what_an_earlier_engine_has_left_speaks_twice_a_minute() {
        let mut link = port(0, true, 1, 0x47, 0);
        let mut hearing = Hearing::taken_up(0, &link);
        assert_eq!(hearing.clause(30_999, false), "carrier, but no LACPDU heard");
        assert_eq!(hearing.clause(31_000, false), "carrier, but none of our LACPDUs leaves it");
        for (at, carrier) in [(40_000, false), (41_000, true)] {
            link.carrier = carrier;
            hearing.look(at, &link);
        }
        assert!(hearing.is_early(45_999) && !hearing.is_early(46_000), "a carrier that comes makes it speak");
    }
}
