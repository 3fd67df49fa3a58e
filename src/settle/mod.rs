//! Final names: when may links be touched? (pure)
//!
//! Ports are settled when every port is there under its final name, no link bears a temporary name, udev has
//! handled each port where udev runs, and nothing was renamed for [`QUIET`]. Until then no link is touched: an
//! installer that finds twins among its MAC addresses gives up renaming for ever.

pub mod resolve;

use std::collections::{BTreeMap, BTreeSet};

use crate::clock::Millis;
use crate::links::{Link, Links};

/// How long names must have been the same, in milliseconds.
pub const QUIET: Millis = 1_000;

/// A late port that udev has not finished with by then is taken all the same. Milliseconds.
const UDEV_PATIENCE: Millis = 60_000;

/// What udev says.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Udev {
    /// udevd's control socket is there.
    pub running: bool,
    /// Indexes of the links that udev has finished with (`/run/udev/data/n<index>`).
    pub handled: BTreeSet<u32>,
}

/// Memory of the names seen so far.
#[derive(Clone, Debug, Default)]
pub struct Settling {
    names: BTreeMap<u32, String>,
    /// When udev will have had its time with each link.
    old_at: BTreeMap<u32, Millis>,
    /// Last time that a link was seen under another name than before, or a temporary name was there.
    unrest: Option<Millis>,
    /// udev or a temporary name was seen at some time: renames are to be expected.
    renames_expected: bool,
    /// When the last temporary name went; limits count from here.
    clear_since: Option<Millis>,
    /// An installer is going to name the NICs, and has yet to show that it has: by temporary names that it takes away, or
    /// by setting the NICs up. Those that came after its early rename have no temporary names.
    unnamed: bool,
    /// It has named what it ever will: a temporary name that is left stays.
    named: bool,
}

/// Where settling stands.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Settle {
    /// Links may be touched: every port is there.
    Settled,
    /// Nothing stands in the way but ports that are not there (as written).
    Missing(Vec<String>),
    /// Links bear these temporary names: an installer is about to rename them. Has no limit.
    Temporary(Vec<String>),
    /// The installer has yet to set these up, and until then may rename them. Has no limit either.
    Down(Vec<String>),
    /// udev has yet to handle these links.
    Udev(Vec<String>),
    /// Names changed a moment ago; quiet at this time if nothing happens.
    Quiet(Millis),
}

/// `side-*` (XCP-ng's interface-rename) and `rename*` (udev, on a conflict).
pub fn is_temporary(name: &str) -> bool {
    name.starts_with("side-") || name.starts_with("rename")
}

impl Settling {
    /// `installer_names`: of an image whose installer names the NICs and then sets all of them up.
    pub fn new(installer_names: bool) -> Self {
        Self { unnamed: installer_names, ..Self::default() }
    }

    /// Takes note of one read of the links.
    pub fn look(&mut self, now: Millis, links: &Links, udev: &Udev, named: bool) {
        let names: BTreeMap<u32, String> =
            links.0.iter().map(|link| (link.index, link.name.clone())).collect();
        self.named |= named;
        self.unnamed &= !named;
        let temporary = !self.named && links.0.iter().any(|link| is_temporary(&link.name));
        let renamed = self.names.iter().any(|(index, old)| names.get(index).is_some_and(|new| new != old));
        // What happened before the first look is not known: where udev runs, the quiet time starts there.
        let udev_appeared = udev.running && !self.renames_expected;
        if renamed || temporary || udev_appeared {
            self.unrest = Some(now);
        }
        self.renames_expected |= temporary || renamed || udev.running;
        if temporary {
            self.clear_since = None;
            self.unnamed = false;
        } else if self.clear_since.is_none() {
            self.clear_since = Some(now);
        }
        self.old_at.retain(|index, _| names.contains_key(index));
        for index in names.keys() {
            self.old_at.entry(*index).or_insert(now + UDEV_PATIENCE);
        }
        self.names = names;
    }

    /// What was renamed at our own wish is no unrest.
    pub fn renamed(&mut self, index: u32, name: &str) {
        self.names.insert(index, name.to_owned());
    }

    /// When names will have been the same for [`QUIET`]; none: nothing was ever renamed.
    pub fn quiet_at(&self) -> Option<Millis> {
        self.unrest.map(|at| at + QUIET)
    }

    /// Whether a port that came after the first settling may be touched.
    pub fn may_touch(&self, now: Millis, index: u32, udev: &Udev) -> bool {
        self.clear_since.is_some()
            && self.quiet_at().is_none_or(|at| at <= now)
            && (!udev.running || udev.handled.contains(&index) || self.is_old(now, index))
    }

    /// udev had its time with it.
    fn is_old(&self, now: Millis, index: u32) -> bool {
        self.old_at.get(&index).is_some_and(|at| *at <= now)
    }

    /// udev had its time with all that are there.
    pub fn go_on(&mut self) {
        self.old_at.values_mut().for_each(|at| *at = 0);
    }

    /// Since when no temporary name has been there: the start of the limit for missing ports.
    pub fn clear_since(&self) -> Option<Millis> {
        self.clear_since
    }

    /// Whether what was `found` for these `texts` can be touched, from the last look.
    pub fn verdict(
        &self,
        now: Millis,
        links: &Links,
        udev: &Udev,
        found: &[Vec<&Link>],
        texts: &[String],
    ) -> Settle {
        let temporary: Vec<String> =
            links.0.iter().filter(|link| is_temporary(&link.name)).map(|link| link.name.clone()).collect();
        if !temporary.is_empty() && !self.named {
            return Settle::Temporary(temporary);
        }
        if let Some(at) = self.quiet_at().filter(|at| *at > now) {
            return Settle::Quiet(at);
        }
        if self.unnamed {
            let down = found.iter().flatten().filter(|link| !link.up).map(|link| link.name.clone());
            let down: Vec<String> = down.collect();
            if !down.is_empty() {
                return Settle::Down(down);
            }
        }
        if udev.running {
            let waiting: Vec<String> = found
                .iter()
                .flatten()
                .filter(|link| !udev.handled.contains(&link.index))
                .map(|link| link.name.clone())
                .collect();
            if !waiting.is_empty() {
                return Settle::Udev(waiting);
            }
        }
        let missing: Vec<String> = found
            .iter()
            .zip(texts)
            .filter(|(links, _)| links.is_empty())
            .map(|(_, text)| text.clone())
            .collect();
        if missing.is_empty() { Settle::Settled } else { Settle::Missing(missing) }
    }
}

#[cfg(test)]
mod tests {
    use super::resolve::Wanted;
    use super::*;

    /// What is there of eth0 and eth1.
    fn found(links: &Links) -> [Vec<&Link>; 2] {
        ["eth0", "eth1"].map(|text| Wanted::parse(text).find(links, &|_| false))
    }

    fn links(names: &[(u32, &str)]) -> Links {
        let link = |(index, name): &(u32, &str)| Link {
            index: *index,
            name: (*name).into(),
            ethernet: true,
            ..Link::default()
        };
        Links(names.iter().map(link).collect())
    }

    fn verdict(settling: &mut Settling, now: Millis, names: &[(u32, &str)], udev: &Udev) -> Settle {
        let links = links(names);
        settling.look(now, &links, udev, false);
        let texts = ["eth0".to_owned(), "eth1".to_owned()];
        settling.verdict(now, &links, udev, &found(&links), &texts)
    }

    #[test]
    fn at_once_without_udev_and_temporary_names() {
        let none = Udev::default();
        let mut settling = Settling::default();
        assert_eq!(verdict(&mut settling, 0, &[(2, "eth0")], &none), Settle::Missing(vec!["eth1".into()]));
        assert_eq!(verdict(&mut settling, 5, &[(2, "eth0"), (3, "eth1")], &none), Settle::Settled);
    }

    #[test]
    fn temporary_names_have_no_limit_and_leave_a_quiet_second() {
        let none = Udev::default();
        let mut settling = Settling::default();
        let side = [(2, "side-0-eth0"), (3, "eth1")];
        assert_eq!(verdict(&mut settling, 0, &side, &none), Settle::Temporary(vec!["side-0-eth0".into()]));
        assert_eq!(
            verdict(&mut settling, 9_000_000, &side, &none),
            Settle::Temporary(vec!["side-0-eth0".into()])
        );
        assert_eq!(settling.clear_since(), None);
        let done = [(2, "eth0"), (3, "eth1")];
        assert_eq!(verdict(&mut settling, 9_000_100, &done, &none), Settle::Quiet(9_001_100));
        assert_eq!(settling.clear_since(), Some(9_000_100));
        assert_eq!(verdict(&mut settling, 9_001_099, &done, &none), Settle::Quiet(9_001_100));
        assert_eq!(verdict(&mut settling, 9_001_100, &done, &none), Settle::Settled);
    }

    #[test]
    fn an_installer_that_names_them_sets_them_up_when_it_has() {
        let none = Udev::default();
        let mut settling = Settling::new(true);
        let names = [(2, "eth0"), (3, "eth1")];
        let down = Settle::Down(vec!["eth0".into(), "eth1".into()]);
        assert_eq!(verdict(&mut settling, 0, &names, &none), down);
        assert_eq!(verdict(&mut settling, 9_000_000, &names, &none), down);
        let mut up = links(&names);
        let texts = ["eth0".to_owned(), "eth1".to_owned()];
        up.0[0].up = true;
        let verdict_of = settling.verdict(9_000_001, &up, &none, &found(&up), &texts);
        assert_eq!(verdict_of, Settle::Down(vec!["eth1".into()]));
        up.0[1].up = true;
        assert_eq!(settling.verdict(9_000_002, &up, &none, &found(&up), &texts), Settle::Settled);
        let mut renamed = Settling::new(true);
        verdict(&mut renamed, 0, &[(2, "side-0-eth0"), (3, "side-1-eth1")], &none);
        assert_eq!(verdict(&mut renamed, 10, &names, &none), Settle::Quiet(1_010));
        assert_eq!(verdict(&mut renamed, 1_010, &names, &none), Settle::Settled, "up or not");
    }

    #[test]
    fn what_an_installer_did_not_name_it_never_will() {
        let none = Udev::default();
        let mut settling = Settling::new(true);
        let names = [(2, "eth0"), (3, "eth1"), (4, "side-77-eth9")];
        assert_eq!(verdict(&mut settling, 0, &names, &none), Settle::Temporary(vec!["side-77-eth9".into()]));
        let (there, texts) = (links(&names), ["eth0".to_owned(), "eth1".to_owned()]);
        settling.look(10, &there, &none, true);
        assert_eq!(
            settling.verdict(1_010, &there, &none, &found(&there), &texts),
            Settle::Settled,
            "up or not"
        );
        assert_eq!(settling.clear_since(), Some(10));
    }

    #[test]
    fn a_swap_starts_the_quiet_second_again() {
        let none = Udev::default();
        let mut settling = Settling::default();
        verdict(&mut settling, 0, &[(2, "eth0"), (3, "eth1")], &none);
        assert_eq!(verdict(&mut settling, 10, &[(2, "eth1"), (3, "eth0")], &none), Settle::Quiet(1_010));
        assert_eq!(verdict(&mut settling, 500, &[(2, "eth0"), (3, "eth1")], &none), Settle::Quiet(1_500));
    }

    #[test]
    fn udev_must_have_handled_each_port() {
        let mut udev = Udev { running: true, handled: BTreeSet::from([2]) };
        let mut settling = Settling::default();
        let names = [(2, "eth0"), (3, "eth1")];
        assert_eq!(verdict(&mut settling, 0, &names, &udev), Settle::Quiet(1_000));
        assert_eq!(verdict(&mut settling, 1_000, &names, &udev), Settle::Udev(vec!["eth1".into()]));
        assert!(settling.may_touch(1_000, 2, &udev) && !settling.may_touch(1_000, 3, &udev));
        udev.handled.insert(3);
        assert_eq!(verdict(&mut settling, 1_001, &names, &udev), Settle::Settled);
    }
}
