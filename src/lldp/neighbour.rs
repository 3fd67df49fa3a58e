//! Who is at the other end of a cable, over time. (pure)

use serde::{Deserialize, Serialize};

use super::frame::Lldpdu;
use crate::clock::Millis;

/// A switch, and its port.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Neighbour {
    /// Its name; without one its chassis id.
    pub system: String,
    /// Chassis id.
    pub chassis: String,
    /// Name of its port.
    pub port: String,
    /// Port id: that name, or an address or number.
    pub port_id: String,
    /// VLAN of untagged frames; none: it does not say.
    pub vlan: Option<u16>,
    /// Further VLANs that it names, sixteen at most.
    pub vlans: Vec<u16>,
    /// Until when this holds, milliseconds of `CLOCK_BOOTTIME`.
    pub until_ms: Millis,
    /// There are others on the same cable, as behind a switch without LLDP of its own.
    pub others: bool,
}

impl Neighbour {
    /// `sw-rack3 Ethernet1/7`.
    pub fn place(&self) -> String {
        format!("{} {}", self.system, self.port)
    }
}

/// One port's neighbour: the one that was heard first, for as long as it is heard. Two that take turns, or a flood of them,
/// change nothing.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Ear {
    known: Option<Neighbour>,
    /// Until when what others have said holds.
    others_until: Millis,
}

impl Ear {
    /// An LLDPDU has come in.
    pub fn hear(&mut self, now: Millis, pdu: Lldpdu) {
        self.age(now);
        let same = |known: &Neighbour| known.chassis == pdu.chassis && known.port_id == pdu.port;
        let until = now + Millis::from(pdu.ttl) * 1_000;
        match &mut self.known {
            Some(known) if !same(known) => {
                self.others_until = self.others_until.max(until);
                known.others = now < self.others_until;
            }
            // Its last words (IEEE 802.1AB-2016 9.1.2.2).
            _ if pdu.ttl == 0 => self.forget(),
            known => {
                let others = known.as_ref().is_some_and(|known| known.others);
                *known = Some(Neighbour {
                    system: pdu.system.unwrap_or_else(|| pdu.chassis.clone()),
                    // Where the id is an address or a number, what the switch calls the port stands in its description.
                    port: pdu.description.filter(|_| !pdu.port_is_name).unwrap_or_else(|| pdu.port.clone()),
                    chassis: pdu.chassis,
                    port_id: pdu.port,
                    vlan: pdu.vlan,
                    vlans: pdu.vlans,
                    until_ms: until,
                    others,
                });
            }
        }
    }

    /// The cable is out: whoever is heard next may be another.
    pub fn forget(&mut self) {
        *self = Self::default();
    }

    /// Drops what holds no more.
    pub fn age(&mut self, now: Millis) {
        match &mut self.known {
            Some(known) if now < known.until_ms => known.others &= now < self.others_until,
            _ => self.forget(),
        }
    }

    /// Who is there.
    pub fn neighbour(&self) -> Option<&Neighbour> {
        self.known.as_ref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pdu(chassis: &str, port: &str, ttl: u16) -> Lldpdu {
        Lldpdu { chassis: chassis.into(), port: port.into(), port_is_name: true, ttl, ..Lldpdu::default() }
    }

    #[test]
    fn the_first_one_stays_as_long_as_it_is_heard() {
        let mut ear = Ear::default();
        ear.hear(0, pdu("a", "e1", 120));
        for at in 1..100 {
            ear.hear(at, pdu(&format!("b{at}"), "e1", 3_600));
        }
        let known = ear.neighbour().unwrap();
        assert_eq!((known.place(), known.others, known.until_ms), ("a e1".into(), true, 120_000));
        ear.hear(60_000, pdu("a", "e1", 120));
        ear.age(179_999);
        assert!(ear.neighbour().is_some());
        ear.age(180_000);
        assert_eq!(ear.neighbour(), None, "too old");
        ear.hear(180_000, pdu("b", "e2", 120));
        assert!(!ear.neighbour().unwrap().others);
        ear.hear(180_001, pdu("a", "e1", 0));
        assert!(ear.neighbour().is_some(), "the last words of another");
        ear.hear(180_002, pdu("b", "e2", 0));
        assert_eq!(ear.neighbour(), None, "gone");
        ear.hear(180_003, pdu("c", "e3", 120));
        ear.forget();
        assert_eq!(ear.neighbour(), None);
    }

    #[test]
    fn others_count_as_long_as_they_are_heard() {
        let mut ear = Ear::default();
        ear.hear(0, pdu("a", "e1", 3_600));
        ear.hear(0, pdu("b", "e1", 0));
        assert!(!ear.neighbour().unwrap().others, "its last words");
        ear.hear(0, pdu("b", "e1", 120));
        ear.hear(1_000, pdu("c", "e1", 20));
        let others = |ear: &mut Ear, at: Millis| {
            ear.age(at);
            ear.neighbour().unwrap().others
        };
        assert!(others(&mut ear, 119_999));
        ear.hear(119_999, pdu("a", "e1", 3_600));
        assert!(others(&mut ear, 119_999));
        assert!(!others(&mut ear, 120_000));
    }

    #[test]
    fn a_port_is_called_what_the_switch_calls_it() {
        let mut ear = Ear::default();
        let named =
            Lldpdu { system: Some("sw".into()), description: Some("to rack 3".into()), ..pdu("c", "e1", 9) };
        ear.hear(0, named.clone());
        assert_eq!(ear.neighbour().unwrap().place(), "sw e1");
        ear.hear(1, Lldpdu { port_is_name: false, ..named });
        assert_eq!(ear.neighbour().unwrap().place(), "sw to rack 3");
    }
}
