//! Names of interfaces, and the patterns that stand for several.

use super::address;
use super::method::{self, NoMethod};
use super::problems::{Problems, quoted};
use super::split::Text;
use crate::escape::is_printable;
use crate::mac::Mac;

/// Why `name` can't be an interface's name; none: it can.
///
/// `dev_valid_name()` in the kernel's net/core/dev.c, and what would make the name something else: a pattern
/// (`dev_alloc_name()` takes `%`), a directory of `/proc/sys/net/ipv4/conf`, or a METHOD.
pub fn why_not(name: &str) -> Option<String> {
    const LONGEST: usize = 15; // IFNAMSIZ - 1
    if name.is_empty() {
        return Some("it is empty".into());
    }
    if name.len() > LONGEST {
        return Some(format!("it has {} letters and {LONGEST} are the most", name.chars().count().max(16)));
    }
    if matches!(name, "." | ".." | "all" | "default" | "lo") {
        return Some("that name is reserved".into());
    }
    if method::parse(name) != Err(NoMethod::Unknown) {
        return Some("a METHOD of ip= is called so, and no ip= could name it".into());
    }
    bad_letter(name, "*?[]")
}

/// Why a letter of `name` can't be in an interface's name; `also` are further ones that can't.
pub fn bad_letter(name: &str, also: &str) -> Option<String> {
    let bad = |letter: &char| {
        let letter = *letter;
        letter.is_whitespace()
            || !is_printable(letter)
            // What only a shell's quoting or a pattern that is none of ours would leave there.
            || "/:%\",;='{}|<>\u{fffd}".contains(letter)
            || also.contains(letter)
    };
    Some(match name.chars().find(bad)? {
        ' ' => "it has a blank in it".into(),
        '\u{fffd}' => "it is not UTF-8".into(),
        bad => format!("it has a {bad} in it"),
    })
}

/// The name in `text`; what is wrong with it is an error. `word` is the key that the message names.
pub fn interface(text: Text<'_>, word: &str, problems: &mut Problems) -> Option<String> {
    let Some(reason) = why_not(text.text) else { return Some(text.text.to_owned()) };
    let message = format!(
        "{word}: {} is not an interface name, {reason}: write at most 15 letters or digits, such as bond0",
        quoted(text.text)
    );
    problems.error(text.place, message);
    None
}

/// True for a text that is six pairs of hex digits with dashes between: a MAC address and no name.
pub fn dashed_mac(text: &str) -> Option<Mac> {
    if text.contains('-') { text.parse().ok() } else { None }
}

/// True for a pattern (glob) of interface names.
pub fn is_glob(text: &str) -> bool {
    text.contains(['*', '?', '['])
}

/// True for `bond0`, `bond1` and so on: nobody names anything but a bond so.
pub fn is_bond_by_number(name: &str) -> bool {
    name.strip_prefix("bond").and_then(address::digits).is_some()
}

/// True if the name is one that the kernel or udev gives to an Ethernet or Wi-Fi NIC: `eth0`, `eno7`, `enp3s0f1`,
/// `wlan0`, `em1`, `p2p1`.
///
/// systemd.net-naming-scheme(7), biosdevname(1).
pub fn looks_like_nic(name: &str) -> bool {
    let digits = |rest: &str| !rest.is_empty() && rest.bytes().all(|b| b.is_ascii_digit());
    if ["eth", "em", "wlan", "usb", "ib", "lan", "wwan"]
        .iter()
        .any(|prefix| name.strip_prefix(prefix).is_some_and(digits))
    {
        return true;
    }
    if let Some((slot, port)) = name.strip_prefix('p').and_then(|rest| rest.split_once('p')) {
        return digits(slot) && port.starts_with(|c: char| c.is_ascii_digit());
    }
    let predictable = ["en", "wl", "ww", "ib", "sl"].iter().find_map(|prefix| name.strip_prefix(prefix));
    // o: on board, s: slot, p: PCI place, x: MAC, c: CCW, a: platform, d: device tree, v: virtual, i: netdevsim
    predictable.is_some_and(|rest| {
        rest.starts_with(['o', 's', 'p', 'x', 'c', 'a', 'd', 'v', 'i'])
            && rest.bytes().any(|b| b.is_ascii_digit())
    })
}

/// True if `name` matches the shell pattern: `*`, `?`, `[abc]`, `[a-z]`, `[!abc]`. A `[` that nothing closes stands
/// for itself.
pub fn glob_matches(pattern: &str, name: &str) -> bool {
    let pattern: Vec<char> = pattern.chars().collect();
    let name: Vec<char> = name.chars().collect();
    let (mut p, mut n) = (0, 0);
    // Behind the last star, and how much of the name it has taken: going back to that one is enough.
    let mut star: Option<(usize, usize)> = None;
    while n < name.len() {
        let step = match pattern.get(p) {
            Some('*') => {
                star = Some((p + 1, n));
                p += 1;
                continue;
            }
            Some(_) => one(&pattern[p..], name[n]),
            None => None,
        };
        match (step, star) {
            (Some(length), _) => {
                p += length;
                n += 1;
            }
            (None, Some((behind, taken))) => {
                star = Some((behind, taken + 1));
                p = behind;
                n = taken + 1;
            }
            (None, None) => return false,
        }
    }
    pattern[p..].iter().all(|c| *c == '*')
}

/// How much of the pattern stands for this one letter; none: it does not match.
fn one(pattern: &[char], letter: char) -> Option<usize> {
    let (first, rest) = pattern.split_first()?;
    match first {
        '?' => Some(1),
        '[' => match class(rest, letter) {
            Some((matches, length)) => matches.then_some(length + 1),
            None => (letter == '[').then_some(1),
        },
        literal => (*literal == letter).then_some(1),
    }
}

/// What stands behind a `[`: whether it takes the letter, and its length with the `]`.
fn class(rest: &[char], letter: char) -> Option<(bool, usize)> {
    let negated = matches!(rest.first(), Some('!' | '^'));
    let begin = usize::from(negated);
    // A `]` in the first place is a member.
    let end = begin + 1 + rest.get(begin + 1..)?.iter().position(|c| *c == ']')?;
    let mut members = &rest[begin..end];
    let mut found = false;
    while let Some((first, others)) = members.split_first() {
        if let ['-', last, behind @ ..] = others {
            found |= (*first..=*last).contains(&letter);
            members = behind;
        } else {
            found |= *first == letter;
            members = others;
        }
    }
    Some((found != negated, end + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kernel_names() {
        for good in ["eth0", "bond0.42", "a", "abcdefghijklmno", "ä0", "br-lan", "x@y"] {
            assert_eq!(why_not(good), None, "{good}");
        }
        for bad in [
            "",
            ".",
            "..",
            "all",
            "dhcp",
            "Both",
            "abcdefghijklmnop",
            "a/b",
            "a b",
            "bond%d",
            "eth*",
            "a\x1b",
            "'eth0",
            "eth{0",
            "eth0|eth1",
            "\u{fffd}",
        ] {
            assert!(why_not(bad).is_some(), "{bad:?}");
        }
    }

    #[test]
    fn names_of_nics() {
        for nic in
            ["eth0", "eno7", "enp3s0f1np1", "ens18", "enx001122334455", "em1", "p2p1", "wlan0", "wlp2s0"]
        {
            assert!(looks_like_nic(nic), "{nic}");
        }
        for other in ["bond0", "agg0", "eth", "ether0x", "team0", "p1", "end", "port0", "lacp0", "br0"] {
            assert!(!looks_like_nic(other), "{other}");
        }
    }

    #[test]
    fn patterns() {
        for (pattern, name, expected) in [
            ("eth*", "eth0", true),
            ("eth*", "eth", true),
            ("eth?", "eth", false),
            ("*", "", true),
            ("e*p*f1", "enp3s0f1", true),
            ("e*p*f1", "enp3s0f10", false),
            ("eth[0-2]", "eth2", true),
            ("eth[0-2]", "eth3", false),
            ("eth[!0-2]", "eth3", true),
            ("eth[!0-2]x", "eth3", false),
            ("eth[]x]", "eth]", true),
            ("eth[01", "eth[01", true),
            ("eth[01", "eth0", false),
            ("eth[2-0]", "eth1", false),
            ("[", "[", true),
            ("a*b*c*d", "abcabcabd", true),
        ] {
            assert_eq!(glob_matches(pattern, name), expected, "{pattern} {name}");
        }
    }
}
