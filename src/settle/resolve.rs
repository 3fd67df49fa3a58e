//! Which links a port as written (`eth0`, a MAC, a glob) stands for.

use crate::links::{Link, Links};
use crate::mac::Mac;

/// A port as the words have it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Wanted {
    /// By final name.
    Name(String),
    /// By address.
    Mac(Mac),
    /// By shell pattern.
    Glob(String),
}

impl Wanted {
    /// Reads a port of the Plan, where MACs have colons.
    pub fn parse(text: &str) -> Self {
        if let Ok(mac) = text.parse() {
            Self::Mac(mac)
        } else if text.contains(['*', '?', '[']) {
            Self::Glob(text.into())
        } else {
            Self::Name(text.into())
        }
    }

    /// The links that it stands for, in the order of the index.
    pub fn find<'a>(&self, links: &'a Links) -> Vec<&'a Link> {
        let fits = |link: &&Link| {
            link.can_be_port()
                && match self {
                    Self::Name(name) => link.name == *name,
                    Self::Mac(mac) => link.own_mac() == Some(*mac),
                    Self::Glob(pattern) => glob(pattern.as_bytes(), link.name.as_bytes()),
                }
        };
        links.0.iter().filter(fits).collect()
    }
}

/// Shell pattern match: `*`, `?`, `[a-z]`, `[!a-z]`. Linear in practice: one backtracking point.
fn glob(pattern: &[u8], text: &[u8]) -> bool {
    let (mut p, mut t) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while t < text.len() {
        match pattern.get(p) {
            Some(b'*') => {
                star = Some((p, t));
                p += 1;
                continue;
            }
            Some(b'[') => {
                if let Some((hit, length)) = set(&pattern[p..], text[t])
                    && hit
                {
                    p += length;
                    t += 1;
                    continue;
                }
            }
            Some(&c) if c == b'?' || c == text[t] => {
                p += 1;
                t += 1;
                continue;
            }
            _ => {}
        }
        let Some((star_p, star_t)) = star else { return false };
        star = Some((star_p, star_t + 1));
        p = star_p + 1;
        t = star_t + 1;
    }
    pattern[p..].iter().all(|c| *c == b'*')
}

/// Matches one byte against the set at the start of `pattern`; gives also the set's length.
fn set(pattern: &[u8], byte: u8) -> Option<(bool, usize)> {
    let negated = matches!(pattern.get(1), Some(b'!' | b'^'));
    let start = if negated { 2 } else { 1 };
    // A `]` that stands first is an ordinary member.
    let end = start + 1 + pattern.get(start + 1..)?.iter().position(|c| *c == b']')?;
    let members = &pattern[start..end];
    let mut hit = false;
    let mut i = 0;
    while i < members.len() {
        if i + 2 < members.len() && members[i + 1] == b'-' {
            hit |= (members[i]..=members[i + 2]).contains(&byte);
            i += 3;
        } else {
            hit |= members[i] == byte;
            i += 1;
        }
    }
    Some((hit != negated, end + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shell_patterns() {
        for (pattern, text, expected) in [
            ("eth*", "eth0", true),
            ("eth*", "enp1s0", false),
            ("*", "x", true),
            ("en?1", "enp1", true),
            ("eth[0-2]", "eth2", true),
            ("eth[0-2]", "eth3", false),
            ("eth[!0]", "eth1", true),
            ("eth[!0]", "eth0", false),
            ("e*1*3", "eth1f3", true),
            ("e*1*3", "eth1f2", false),
            ("eth[", "eth[", false),
            ("eth", "eth0", false),
            ("eth0*", "eth0", true),
        ] {
            assert_eq!(glob(pattern.as_bytes(), text.as_bytes()), expected, "{pattern} {text}");
        }
    }
}
