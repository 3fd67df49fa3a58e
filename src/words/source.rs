//! The sources of words, and which of their words count.

use std::borrow::Cow;
use std::collections::BTreeSet;

use super::problems::Problems;
use super::split::Word;
use super::{bond, nearmiss, timeouts};

/// The texts that words come from.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Sources {
    /// Baked into the image, the later one wins: `/etc/cmdline.d/*.conf` in the order of their names, then
    /// `/etc/cmdline` (dracut's order).
    pub baked: Vec<Vec<u8>>,
    /// Of this boot: `/run/cmdline`, else `/proc/cmdline`, or what `--cmdline` says.
    pub boot: Vec<u8>,
}

/// No kernel hands over so many bytes (`COMMAND_LINE_SIZE` is 4096 at most but where somebody chose otherwise). What
/// is behind them is not read, in the boot line and in all that is baked alike.
pub const LONGEST: usize = 16384;

/// The texts as text.
pub struct Texts<'a> {
    /// Each text, and whether it is baked.
    pub parts: Vec<(Cow<'a, str>, bool)>,
    /// Something was too long.
    pub cut: bool,
}

impl Sources {
    /// The texts in the order in which they count; bytes that are not UTF-8 become U+FFFD, which fits into no value.
    pub fn texts(&self) -> Texts<'_> {
        let mut cut = false;
        let mut shorten = |bytes: &'_ [u8], room: usize| {
            cut |= bytes.len() > room;
            bytes.len().min(room)
        };
        let mut room = LONGEST;
        let mut parts = Vec::new();
        for bytes in &self.baked {
            let length = shorten(bytes, room);
            room -= length;
            parts.push((String::from_utf8_lossy(&bytes[..length]), true));
        }
        let length = shorten(&self.boot, LONGEST);
        parts.push((String::from_utf8_lossy(&self.boot[..length]), false));
        Texts { parts, cut }
    }
}

/// Words of which there may be several; of every other word the last one wins.
const REPEATABLE: [&str; 7] = ["bond", "vlan", "bridge", "ip", "ifname", "nameserver", "rd.route"];

/// What a word of the boot line replaces in what is baked.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Key<'a> {
    Bond(&'a str),
    Vlan(&'a str),
    Bridge(&'a str),
    Ifname(&'a str),
}

/// The words that count: of a single-valued word the last one, and of what is baked only that for which the boot
/// line has no word of its own (same bond, VLAN, bridge or name; the same device of `ip=` shows only later).
pub fn effective<'a>(words: &[Word<'a>]) -> Vec<Word<'a>> {
    let replaces: BTreeSet<Key<'_>> = words.iter().filter(|word| !word.baked).filter_map(key).collect();
    let mut seen: BTreeSet<(&str, &str)> = BTreeSet::new();
    let mut kept: Vec<Word<'a>> = Vec::new();
    for word in words.iter().rev() {
        let is_single = !REPEATABLE.contains(&word.name);
        let of = match word.name {
            "rd.net.dhcp.client-id" => timeouts::client_id_device(word.value),
            _ => "",
        };
        if is_single && !seen.insert((word.name, of)) {
            continue;
        }
        if word.baked && key(word).is_some_and(|key| replaces.contains(&key)) {
            continue;
        }
        kept.push(*word);
    }
    kept.reverse();
    kept
}

/// Words of ours that do not count, for a sentence about each: those that [`effective`] leaves out, and each `ip=` of
/// which the plan says that another replaces it.
pub fn replaced(words: &[Word<'_>], effective: &[Word<'_>], problems: &Problems) -> Vec<String> {
    let kept: BTreeSet<usize> = effective.iter().map(|word| word.place.word).collect();
    let is_out = |word: &&Word<'_>| {
        let number = word.place.word;
        nearmiss::is_ours(word.name) && (!kept.contains(&number) || problems.is_replaced(number))
    };
    words.iter().filter(is_out).map(Word::shown).collect()
}

fn key<'a>(word: &Word<'a>) -> Option<Key<'a>> {
    let first = word.value.map_or("", |value| value.text.split(':').next().unwrap_or(""));
    match word.name {
        "bond" => Some(Key::Bond(bond::name(word.value))),
        "network_device" if bond::is_alias(word.value) => Some(Key::Bond(bond::DEFAULT_NAME)),
        "vlan" => Some(Key::Vlan(first)),
        "bridge" => Some(Key::Bridge(if first.is_empty() { "br0" } else { first })),
        "ifname" => Some(Key::Ifname(first)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::words::split::words;

    fn effective_words(baked: &str, boot: &str) -> Vec<String> {
        let mut all = words(baked, true, 0);
        all.extend(words(boot, false, all.len()));
        effective(&all).into_iter().map(|word| word.raw.to_owned()).collect()
    }

    #[test]
    fn boot_line_overrides_what_is_baked() {
        for (baked, boot, expected) in [
            ("bond=bond0:a,b", "", "bond=bond0:a,b"),
            ("bond=bond0:a,b:mode=1", "bond=bond0:c", "bond=bond0:c"),
            ("bond=a,b", "bond", "bond"),
            ("bond=bond1:a,b", "bond=bond0:c", "bond=bond1:a,b bond=bond0:c"),
            ("network_device=lacp:members=a,b", "bond=bond0:c", "bond=bond0:c"),
            ("bond=bond0:c", "network_device=lacp", "network_device=lacp"),
            ("bond=bond0:c", "network_device=eth0", "bond=bond0:c network_device=eth0"),
            ("bond=bond0:a bond=bond0:b", "", "bond=bond0:a bond=bond0:b"),
            ("vlan=v5:bond0 bondmode=1", "vlan=v5:bond1 bondmode=4", "vlan=v5:bond1 bondmode=4"),
            ("hostname=a hostname=b", "", "hostname=b"),
            ("nameserver=1.1.1.1", "nameserver=8.8.8.8", "nameserver=1.1.1.1 nameserver=8.8.8.8"),
            (
                "rd.net.dhcp.client-id=a:@x rd.net.dhcp.client-id=b:@x",
                "rd.net.dhcp.client-id=a:@y",
                "rd.net.dhcp.client-id=b:@x rd.net.dhcp.client-id=a:@y",
            ),
        ] {
            assert_eq!(effective_words(baked, boot).join(" "), expected, "{baked} | {boot}");
        }
    }

    #[test]
    fn too_long_is_noticed() {
        let sources = Sources { baked: vec![vec![b'a'; LONGEST - 1], b"bcd".to_vec()], boot: b"x".to_vec() };
        let texts = sources.texts();
        assert!(texts.cut);
        let lengths: Vec<usize> = texts.parts.iter().map(|(text, _)| text.len()).collect();
        assert_eq!(lengths, [LONGEST - 1, 1, 1]);
    }
}
