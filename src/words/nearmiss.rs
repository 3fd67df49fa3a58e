//! Words that are one letter away from ours: most likely slips.

use super::problems::{Problems, quoted};
use super::split::Word;

/// All our words, as they are written in messages. What is bare may be written without a value.
const OURS: [(&str, bool); 28] = [
    ("bond", true),
    ("bondmode", false),
    ("vlan", false),
    ("bridge", true),
    ("ip", false),
    ("nameserver", false),
    ("hostname", false),
    ("ifname", false),
    ("bootdev", false),
    ("BOOTIF", false),
    ("network_device", false),
    ("rd.bootif", false),
    ("rd.peerdns", false),
    ("rd.route", false),
    ("rd.net.timeout.iflink", false),
    ("rd.net.timeout.carrier", false),
    ("rd.net.timeout.dhcp", false),
    ("rd.net.dhcp.retry", false),
    ("rd.net.dhcp.vendor-class", false),
    ("rd.net.dhcp.client-id", false),
    ("bondstrap", false),
    ("bondstrap.log", false),
    ("bondstrap.lacp_timeout", false),
    ("bondstrap.fallback", false),
    ("bondstrap.clientid", false),
    ("bondstrap.handover", false),
    ("bondstrap.flip", true),
    ("bondstrap.answerfile", false),
];

/// True for the name of a word of ours.
pub fn is_ours(name: &str) -> bool {
    names().any(|ours| ours == name)
}

/// The names of all our words.
pub fn names() -> impl Iterator<Item = &'static str> {
    OURS.iter().map(|(name, _)| *name)
}

/// Warns of each foreign word whose name is a letter away from one of ours, and of each in our namespace that is
/// none of ours. Such a word is still foreign: it changes nothing.
pub fn check(words: &[Word<'_>], problems: &mut Problems) {
    for word in words {
        let bare = word.value.is_none();
        if is_ours(word.name) {
            continue;
        }
        let near = OURS.iter().find(|(name, may_be_bare)| {
            (!bare || *may_be_bare) && is_near(&word.name.to_ascii_lowercase(), &name.to_ascii_lowercase())
        });
        let shown = quoted(word.name);
        let sign = if bare { "" } else { "=" };
        if let Some((name, _)) = near {
            problems.warning(
                word.place,
                format!("{shown} is not a word of ours: if it is a slip, write {name}{sign}"),
            );
        } else if word.name.starts_with("bondstrap.") {
            let names: Vec<&str> =
                OURS.iter().filter_map(|(name, _)| name.strip_prefix("bondstrap.")).collect();
            let message = format!(
                "{shown} is not a word of ours and left out: behind bondstrap. write one of {}",
                names.join(", ")
            );
            problems.warning(word.place, message);
        }
    }
}

/// True if one letter more, less or other makes the same of both, or two neighbours changed places. So short a name
/// as `ip` has a neighbour in any two letters (`lp=` is the kernel's): there only a letter behind it counts.
fn is_near(word: &str, ours: &str) -> bool {
    if word == ours {
        return true;
    }
    if ours.len() < 4 {
        return word.len() == ours.len() + 1 && word.starts_with(ours);
    }
    if word.len().abs_diff(ours.len()) > 4 {
        return false;
    }
    let word: Vec<char> = word.chars().collect();
    let ours: Vec<char> = ours.chars().collect();
    let front = word.iter().zip(&ours).take_while(|(a, b)| a == b).count();
    let (word, ours) = (&word[front..], &ours[front..]);
    let back = word.iter().rev().zip(ours.iter().rev()).take_while(|(a, b)| a == b).count();
    match (&word[..word.len() - back], &ours[..ours.len() - back]) {
        ([_], []) | ([], [_]) | ([_], [_]) => true,
        ([a, b], [c, d]) => a == d && b == c,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::words::split::words;

    #[test]
    fn one_letter_away() {
        for (line, expected) in [
            ("bonds=eth0", Some("bond=")),
            ("bondmod=4", Some("bondmode=")),
            ("bnod=eth0", Some("bond=")),
            ("Bond=eth0", Some("bond=")),
            ("bonds", Some("bond")),
            ("bootif=01-00-11-22-33-44-55", Some("BOOTIF=")),
            ("ipp=dhcp", Some("ip=")),
            ("IP=dhcp", Some("ip=")),
            ("bondstrap.lacp-timeout=3", Some("bondstrap.lacp_timeout=")),
            ("bondstrap.foo", Some("handover, flip")),
            ("bond=eth0", None),
            ("lp=0", None),
            ("io=", None),
            ("vip=1", None),
            ("team=team0:eth0", None),
            ("quiet", None),
            ("vlans", None),
            ("ipv6.disable=1", None),
            ("rd.net.timeout.ifup=3", None),
            ("rd.net.timeout.route=3", None),
            ("ro", None),
            ("---", None),
        ] {
            let words = words(line, false, 0);
            let mut problems = Problems::default();
            check(&words, &mut problems);
            let told = problems.told(&words);
            assert_eq!(told.len(), usize::from(expected.is_some()), "{line}: {told:?}");
            if let Some(expected) = expected {
                assert!(
                    told[0].message.ends_with(expected) || told[0].message.contains(expected),
                    "{line}: {told:?}"
                );
            }
        }
    }
}
