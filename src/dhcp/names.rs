//! Lists of domain names as IPv6 carries them: names of RFC 1035 §3.1 one after the other, never compressed
//! (RFC 8415 §10, RFC 8106 §5.2). (pure)

use super::text;

/// Most names that are taken.
const MOST_NAMES: usize = 16;
/// Longest name on the wire (RFC 1035 §2.3.4).
const LONGEST: usize = 255;

/// The names, and whether any were left out: bad letters, too many, the root, or one twice.
///
/// None where the list can't be read: a label past the end, a compression pointer, a name that is too long. `padded`:
/// zeros behind the last name only fill up the option (RFC 8106 §5.2).
pub fn list(option: &[u8], padded: bool) -> Option<(Vec<String>, bool)> {
    let (mut names, mut left_out, mut rest) = (Vec::new(), false, option);
    while !rest.is_empty() {
        if padded && rest.iter().all(|byte| *byte == 0) {
            break;
        }
        let (labels, more) = labels(rest)?;
        rest = more;
        match text::domain(&labels.join(&b'.')) {
            Some(name) if names.len() < MOST_NAMES && !names.contains(&name) => names.push(name),
            _ => left_out = true,
        }
    }
    Some((names, left_out))
}

/// The labels of the first name, and what follows it.
fn labels(bytes: &[u8]) -> Option<(Vec<&[u8]>, &[u8])> {
    let (mut labels, mut rest, mut length) = (Vec::new(), bytes, 0);
    loop {
        let (&first, more) = rest.split_first()?;
        if first == 0 {
            return Some((labels, more));
        }
        // The two highest bits make a pointer, or something that nobody has defined.
        let (label, more) = if first < 0x40 { more.split_at_checked(first.into())? } else { return None };
        length += label.len() + 1;
        if length >= LONGEST {
            return None;
        }
        // A dot within a label would read as two; refused by its length 0.
        labels.push(if label.contains(&b'.') { &[] } else { label });
        rest = more;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    type Read = Option<(Vec<String>, bool)>;

    fn names(names: &[&str], left_out: bool) -> Read {
        Some((names.iter().map(|name| (*name).to_owned()).collect(), left_out))
    }

    #[test]
    fn lists() {
        let two = b"\x03lab\x07example\x00\x01x\x00";
        let long = [[63; 64].as_slice(), &[63; 64], &[63; 64], &[63; 64], &[0]].concat();
        let cases: &[(&[u8], bool, Read)] = &[
            (b"", false, names(&[], false)),
            (two, false, names(&["lab.example", "x"], false)),
            (b"\x01x\x00\x00\x00\x00", true, names(&["x"], false)),
            (b"\x01x\x00\x00\x00\x00", false, names(&["x"], true)),
            (b"\x00\x00", true, names(&[], false)),
            (b"\x01x\x00\x01x\x00", false, names(&["x"], true)),
            (b"\x03a b\x00\x01y\x00", false, names(&["y"], true)),
            (b"\x03a.b\x00", false, names(&[], true)),
            (b"\x06a;b$(c\x00", false, names(&[], true)),
            (b"\x04\x1b[2J\x00", false, names(&[], true)),
            (b"\x02\xc0\x01\x00\x01\x41\xc0\x01", false, None),
            (b"\xc0\x00", true, None),
            (b"\x40a\x00", false, None),
            (b"\x05abc\x00", false, None),
            (b"\x01a", true, None),
            (&long, false, None),
        ];
        for (bytes, padded, expected) in cases {
            assert_eq!(list(bytes, *padded), *expected, "{bytes:?}");
        }
        let many =
            b"\x02aa\x00".repeat(3).into_iter().chain((0..99).flat_map(|n| [2, b'b', b'a' + n % 26, 0]));
        let (names, left_out) = list(&many.collect::<Vec<u8>>(), false).unwrap();
        assert_eq!((names.len(), left_out), (MOST_NAMES, true));
    }

    proptest! {
        #[test]
        fn any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..600), padded in any::<bool>()) {
            if let Some((names, _)) = list(&bytes, padded) {
                prop_assert!(names.len() <= MOST_NAMES);
                for name in names {
                    let good = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
                    prop_assert!(name.len() <= 253 && name.chars().all(good), "{name:?}");
                }
            }
        }
    }
}
