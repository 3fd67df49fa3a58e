//! Which ports belong together, by what their switch announces. (pure)

use super::frame::Side;
use crate::clock::Millis;

/// A port whose carrier has just come hears an LACPDU of an active switch within 3 s (IEEE 802.1AX-2020 6.4.12: EXPIRED
/// asks for short timeouts); one that has none by then is not waited for. Milliseconds.
pub const FRESH: Millis = 5_000;
/// One that had carrier before may have to wait for the next of a slow switch: 30 s (Slow_Periodic_Time). Milliseconds.
pub const SLOW: Millis = 31_000;

/// A NIC that is listened on.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Candidate {
    /// Its name.
    pub name: String,
    /// Since when it has been up, or there.
    pub since: Millis,
    /// Since when it has carrier.
    pub carrier_since: Option<Millis>,
    /// It had carrier before anybody listened.
    pub early: bool,
    /// The switch's side of the last LACPDU.
    pub theirs: Option<Side>,
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

    /// Until when it is worth waiting for it.
    fn until(&self) -> Millis {
        match self.carrier_since {
            Some(at) if self.early && at <= self.since => self.since + SLOW,
            Some(at) => at.max(self.since) + FRESH,
            None => self.since + FRESH,
        }
    }
}

/// The largest group; of equal ones that of the NIC that PXE used, else the one with the first port.
pub fn decide(now: Millis, candidates: &[Candidate]) -> Decision {
    if candidates.iter().all(|candidate| candidate.theirs.is_none()) {
        return Decision::Wait(None);
    }
    let silent = candidates.iter().filter(|candidate| candidate.theirs.is_none());
    if let Some(until) = silent.map(Candidate::until).max().filter(|until| now < *until) {
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
        Candidate { theirs: Some(theirs), ..silent(name, Some(0), false) }
    }

    fn silent(name: &str, carrier_since: Option<Millis>, early: bool) -> Candidate {
        Candidate { name: name.into(), carrier_since, early, ..Candidate::default() }
    }

    #[test]
    fn the_largest_group() {
        let (a, b) = (heard("eth0", 1, 7), heard("eth3", 1, 7));
        let (c, d) = (heard("eth1", 1, 8), heard("eth2", 2, 7));
        let all = [a.clone(), c.clone(), d.clone(), b];
        assert_eq!(decide(0, &all), Decision::Chosen(vec![0, 3]));
        assert_eq!(decide(0, &all[..3]), Decision::Chosen(vec![0]), "of equal ones the first");
        let booted = Candidate { booted: true, ..d };
        assert_eq!(decide(0, &[a, c, booted]), Decision::Chosen(vec![2]), "or the one that PXE used");
        assert_eq!(why_not(&all[1]), "LACP system 04:00:00:00:00:01 key 8");
    }

    #[test]
    fn who_may_yet_be_heard_is_waited_for() {
        let first = heard("eth0", 1, 7);
        let with = |other: Candidate| [first.clone(), other];
        let late = silent("eth1", Some(2_000), false);
        assert_eq!(decide(6_999, &with(late.clone())), Decision::Wait(Some(7_000)));
        assert_eq!(decide(7_000, &with(late)), Decision::Chosen(vec![0]));
        let early = silent("eth1", Some(0), true);
        assert_eq!(decide(0, &with(early)), Decision::Wait(Some(31_000)));
        let unplugged = silent("eth1", None, false);
        assert_eq!(decide(5_000, &with(unplugged.clone())), Decision::Chosen(vec![0]));
        assert_eq!(decide(90_000, std::slice::from_ref(&unplugged)), Decision::Wait(None), "nobody at all");
        assert_eq!(why_not(&unplugged), "no carrier");
    }
}
