//! Which ports belong together, by what their switch announces. (pure)

use super::frame::Side;
use crate::clock::Millis;

/// So long a link may take to come up. Milliseconds.
pub const TRAINING: Millis = 10_000;
/// A switch that knows no partner speaks twice a minute (Slow_Periodic_Time), and a carrier that comes need not make it speak
/// earlier (seen with Open vSwitch). Milliseconds.
pub const SLOW: Millis = 31_000;
/// So long after the first one of a switch the others of its ports may speak. Milliseconds.
pub const FEW: Millis = 5_000;

/// A NIC that is listened on.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Candidate {
    /// Its name.
    pub name: String,
    /// Since when it has been up, or there.
    pub since: Millis,
    /// Since when it has carrier.
    pub carrier_since: Option<Millis>,
    /// The switch's side of the last LACPDU.
    pub theirs: Option<Side>,
    /// When the first came in.
    pub spoke_since: Option<Millis>,
    /// PXE came by it.
    pub booted: bool,
}

/// What is to be done now.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Decision {
    /// Somebody may yet be heard: until then, as far as is known.
    Wait(Option<Millis>),
    /// These, by their places, belong together.
    Chosen(Vec<usize>),
}

impl Candidate {
    fn group(&self) -> Option<(u16, crate::mac::Mac, u16)> {
        self.theirs.map(|side| side.group())
    }

    /// When the first LACPDU came in; none: none has.
    fn spoke(&self) -> Option<Millis> {
        self.theirs.map(|_| self.spoke_since.unwrap_or_default())
    }

    /// Until when it is worth waiting for it, where another is the first that was heard.
    fn until(&self, other: &Self, patience: Millis) -> Millis {
        match self.carrier_since {
            Some(at) => {
                let first = other.spoke().unwrap_or_default();
                let spoken = at.max(self.since) + SLOW;
                // A switch that was asleep until then speaks on one port after the other.
                spoken.max(first + if first > spoken { patience } else { FEW })
            }
            // A switch that starts has all links come up about then.
            None => other.carrier_since.unwrap_or_default().max(self.since) + TRAINING,
        }
    }
}

/// The largest group; of equal ones that of the NIC that PXE used, else the one with the first port. At `limit` there is no
/// time to wait for others, but that where a switch has woken up late they have `patience` (at least [`FEW`]) from then on.
pub fn decide(now: Millis, candidates: &[Candidate], limit: Millis, patience: Millis) -> Decision {
    let heard = candidates.iter().filter_map(|candidate| Some((candidate.spoke()?, candidate)));
    let Some((first, other)) = heard.min_by_key(|(first, _)| *first) else { return Decision::Wait(None) };
    let silent = candidates.iter().filter(|candidate| candidate.theirs.is_none());
    let until = silent.map(|silent| silent.until(other, patience)).max();
    if let Some(until) =
        until.map(|until| until.min(limit.max(first + patience))).filter(|until| now < *until)
    {
        return Decision::Wait(Some(until));
    }
    let members = |group| {
        let fits = move |(_, candidate): &(usize, &Candidate)| candidate.group() == Some(group);
        candidates.iter().enumerate().filter(fits)
    };
    let worth = |candidate: &&Candidate| {
        let group = candidate.group();
        let count = group.map_or(0, |group| members(group).count());
        let booted = group.is_some_and(|group| members(group).any(|(_, member)| member.booted));
        (count, booted)
    };
    // The last of the best is what `max_by_key` takes.
    let best = candidates.iter().rev().max_by_key(worth).and_then(Candidate::group);
    Decision::Chosen(best.into_iter().flat_map(members).map(|(place, _)| place).collect())
}

/// Why a NIC was left out, for a sentence.
pub fn why_not(candidate: &Candidate) -> String {
    match (&candidate.theirs, candidate.carrier_since) {
        (Some(side), _) => format!("LACP system {} key {}", side.system, side.key),
        (None, Some(_)) => "no LACPDU heard".into(),
        (None, None) => "no carrier".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mac::Mac;

    fn heard(name: &str, system: u8, key: u16) -> Candidate {
        let theirs = Side { system: Mac([4, 0, 0, 0, 0, system]), key, ..Side::default() };
        Candidate { theirs: Some(theirs), ..silent(name, Some(0)) }
    }

    fn silent(name: &str, carrier_since: Option<Millis>) -> Candidate {
        Candidate { name: name.into(), carrier_since, ..Candidate::default() }
    }

    const LIMIT: Millis = 35_000;

    fn decided(now: Millis, candidates: &[Candidate]) -> Decision {
        decide(now, candidates, LIMIT, FEW)
    }

    #[test]
    fn the_largest_group() {
        let (a, b) = (heard("eth0", 1, 7), heard("eth3", 1, 7));
        let (c, d) = (heard("eth1", 1, 8), heard("eth2", 2, 7));
        let all = [a.clone(), c.clone(), d.clone(), b];
        assert_eq!(decided(0, &all), Decision::Chosen(vec![0, 3]));
        assert_eq!(decided(0, &all[..3]), Decision::Chosen(vec![0]), "of equal ones the first");
        let booted = Candidate { booted: true, ..d };
        assert_eq!(decided(0, &[a, c, booted]), Decision::Chosen(vec![2]), "or the one that PXE used");
        assert_eq!(why_not(&all[1]), "LACP system 04:00:00:00:00:01 key 8");
    }

    #[test]
    fn who_may_yet_be_heard_is_waited_for() {
        let first = heard("eth0", 1, 7);
        let with = |other: Candidate| [first.clone(), other];
        let late = silent("eth1", Some(2_000));
        assert_eq!(decided(32_999, &with(late.clone())), Decision::Wait(Some(33_000)));
        assert_eq!(decided(33_000, &with(late)), Decision::Chosen(vec![0]));
        let later = silent("eth1", Some(9_000));
        assert_eq!(decided(LIMIT - 1, &with(later.clone())), Decision::Wait(Some(LIMIT)));
        assert_eq!(decided(LIMIT, &with(later)), Decision::Chosen(vec![0]), "there is no more time");
        let unplugged = silent("eth1", None);
        assert_eq!(decided(9_999, &with(unplugged.clone())), Decision::Wait(Some(10_000)));
        assert_eq!(decided(10_000, &with(unplugged.clone())), Decision::Chosen(vec![0]));
        assert_eq!(decided(90_000, std::slice::from_ref(&unplugged)), Decision::Wait(None), "nobody at all");
        assert_eq!(why_not(&unplugged), "no carrier");
    }

    #[test]
    fn a_switch_that_wakes_up_speaks_on_one_port_after_the_other() {
        let woken = |at| Candidate { spoke_since: Some(at), ..heard("eth0", 1, 7) };
        let with = |at| [woken(at), silent("eth1", Some(0))];
        assert_eq!(decided(34_000, &with(34_000)), Decision::Wait(Some(39_000)), "beyond the limit");
        assert_eq!(decided(30_000, &with(30_000)), Decision::Wait(Some(35_000)), "at the end of its period");
        let patient = |now| decide(now, &with(600_000), LIMIT, SLOW);
        assert_eq!(patient(600_000), Decision::Wait(Some(631_000)));
        assert_eq!(patient(631_000), Decision::Chosen(vec![0]));
        let booting = Candidate { carrier_since: Some(599_000), ..woken(600_000) };
        let rest = [booting, silent("eth1", None)];
        assert_eq!(decide(600_000, &rest, LIMIT, SLOW), Decision::Wait(Some(609_000)), "its link comes up");
        assert_eq!(decide(609_000, &rest, LIMIT, SLOW), Decision::Chosen(vec![0]));
    }
}
