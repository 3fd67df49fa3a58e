//! Words from the network: checked against the letters that they may have, or not used at all.
//!
//! They end up in files that shells, installers and resolvers read (CVE-2011-0997 and its many children), so what is
//! allowed is listed, and what is not listed is refused whole. Nothing is quoted or repaired.

/// Most names of a search list.
const MOST_NAMES: usize = 16;
/// Most compression pointers followed for one name: each goes backwards, and no sane sender needs more.
const MOST_POINTERS: usize = 16;
/// Longest name as text (RFC 1035 §2.3.4, less the length bytes).
const LONGEST_NAME: usize = 253;
/// Longest path.
const LONGEST_PATH: usize = 255;
/// Most bytes shown of a text that is only logged.
const LONGEST_SHOWN: usize = 100;

/// A host name: labels of letters, digits and inner hyphens (RFC 1123 §2.1).
pub(super) fn host_name(bytes: &[u8]) -> Option<String> {
    name(bytes, |label| {
        let hyphens = label.starts_with(b"-") || label.ends_with(b"-");
        !hyphens && label.iter().all(|b| b.is_ascii_alphanumeric() || *b == b'-')
    })
}

/// A domain: as a host name, and `_`, which directory services use.
pub(crate) fn domain(bytes: &[u8]) -> Option<String> {
    name(bytes, |label| {
        let hyphens = label.starts_with(b"-") || label.ends_with(b"-");
        !hyphens && label.iter().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
    })
}

fn name(bytes: &[u8], good: impl Fn(&[u8]) -> bool) -> Option<String> {
    let bytes = trimmed(bytes);
    let bytes = bytes.strip_suffix(b".").unwrap_or(bytes);
    let fits = |label: &[u8]| (1..=63).contains(&label.len()) && good(label);
    let all = bytes.len() <= LONGEST_NAME && bytes.split(|b| *b == b'.').all(fits);
    all.then(|| text(bytes)).flatten()
}

/// A path, a URL or what else names a file to boot from or a root to mount (`192.0.2.1:/srv/root,v3`,
/// `iscsi:192.0.2.1::3260::iqn.2001-04.com.example:disk`): no shell metacharacters, no blanks, no `..`, no leading
/// hyphen that a program would take for an option.
pub(super) fn path(bytes: &[u8]) -> Option<String> {
    let bytes = trimmed(bytes);
    let good = |b: &u8| b.is_ascii_alphanumeric() || b"/._-:,=+@%".contains(b);
    let sane = (1..=LONGEST_PATH).contains(&bytes.len())
        && bytes.iter().all(good)
        && !bytes.starts_with(b"-")
        && !bytes.split(|b| *b == b'/').any(|part| part == b"..");
    sane.then(|| text(bytes)).flatten()
}

/// The names of a search list (RFC 3397: names of RFC 1035, compressed within the joined option).
///
/// None if the list can't be read. The second value is true if names were left out: bad letters, or too many.
pub(super) fn search(option: &[u8]) -> Option<(Vec<String>, bool)> {
    let (mut names, mut left_out, mut at) = (Vec::new(), false, 0);
    while at < option.len() {
        let (labels, next) = labels(option, at)?;
        at = next;
        match domain(&labels.join(&b'.')) {
            Some(name) if names.len() < MOST_NAMES => names.push(name),
            _ => left_out = true,
        }
    }
    Some((names, left_out))
}

/// The labels of the name at `start`, and where the next name begins.
fn labels(option: &[u8], start: usize) -> Option<(Vec<&[u8]>, usize)> {
    let (mut labels, mut length, mut pointers) = (Vec::new(), 0, 0);
    // A pointer must go to before the piece that it ends (CVE-2020-7461): so every chain ends.
    let (mut at, mut piece, mut next) = (start, start, None);
    loop {
        let &first = option.get(at)?;
        match first >> 6 {
            0 if first == 0 => return Some((labels, next.unwrap_or(at + 1))),
            0 => {
                let end = at + 1 + usize::from(first);
                let label = option.get(at + 1..end)?;
                // A dot within a label would read as two; refused by its length 0.
                labels.push(if label.contains(&b'.') { &[] } else { label });
                length += label.len() + 1;
                at = end;
            }
            3 => {
                let target = usize::from(first & 0x3f) << 8 | usize::from(*option.get(at + 1)?);
                pointers += 1;
                if target >= piece || pointers > MOST_POINTERS {
                    return None;
                }
                next = next.or(Some(at + 2));
                (at, piece) = (target, target);
            }
            _ => return None,
        }
        if length > LONGEST_NAME + 1 {
            return None;
        }
    }
}

/// A text that is only shown: printable ASCII as it is, all else escaped, cut to a line.
pub(crate) fn shown(bytes: &[u8]) -> String {
    let shown = bytes.get(..LONGEST_SHOWN).unwrap_or(bytes);
    shown.escape_ascii().to_string()
}

/// Without the NULs that some servers end a text with (RFC 2132 §2 tells clients to expect them).
fn trimmed(bytes: &[u8]) -> &[u8] {
    let end = bytes.iter().rposition(|b| *b != 0).map_or(0, |last| last + 1);
    bytes.get(..end).unwrap_or_default()
}

fn text(bytes: &[u8]) -> Option<String> {
    std::str::from_utf8(bytes).ok().map(Into::into)
}
