//! `rd.net.timeout.*`, `rd.net.dhcp.*` and `bondstrap.lacp_timeout=`: limits of the waits, and what DHCP sends.
//!
//! dracut.cmdline(7), nm-initrd-generator(8). A bad value is left out and the default stands.

use super::address::digits;
use super::names;
use super::problems::{Problems, quoted};
use super::split::{Place, Text};
use crate::escape::is_printable;

/// Seconds, at least `least`. A day is the most: longer is a slip, and no wait is without a limit.
pub fn seconds(value: Text<'_>, word: &str, least: u32, default: u32, problems: &mut Problems) -> u32 {
    const MOST: u32 = 86400;
    number(value, word, least..=MOST, "seconds", default, problems)
}

/// `rd.net.dhcp.retry=`.
pub fn retry(value: Text<'_>, default: u32, problems: &mut Problems) -> u32 {
    number(value, "rd.net.dhcp.retry=", 1..=10_000, "attempts", default, problems)
}

fn number(
    value: Text<'_>,
    word: &str,
    range: std::ops::RangeInclusive<u32>,
    unit: &str,
    default: u32,
    problems: &mut Problems,
) -> u32 {
    let text = value.text.trim_end_matches(':');
    let number = digits(text).and_then(|n| u32::try_from(n).ok()).filter(|n| range.contains(n));
    number.unwrap_or_else(|| {
        let message = format!(
            "{word}: {} is not a number of {unit} from {} to {}, so {default} stands",
            quoted(value.text),
            range.start(),
            range.end()
        );
        problems.warning(value.place, message);
        default
    })
}

/// `rd.net.dhcp.vendor-class=`: what one option 60 can hold (RFC 2132 section 9.13).
pub fn vendor_class(value: Text<'_>, problems: &mut Problems) -> Option<String> {
    if value.text.is_empty() {
        return None;
    }
    let bad = value.text.len() > 255 || !is_text(value.text);
    if bad {
        let message = "rd.net.dhcp.vendor-class=: this is no text of at most 255 bytes and left out: write a short name";
        problems.warning(value.place, message);
        return None;
    }
    Some(value.text.to_owned())
}

/// UTF-8 that any terminal can show.
fn is_text(text: &str) -> bool {
    text.chars().all(|letter| is_printable(letter) && letter != '\u{fffd}')
}

/// `rd.net.dhcp.client-id=DEV:ID`: bytes in hex with dashes between, or `@` and a text.
pub fn client_id(value: Text<'_>, problems: &mut Problems) -> Option<(String, (String, Place))> {
    let good = value.split_once(':').and_then(|(device, id)| {
        let id = id.text.trim_end_matches(':');
        let is_byte = |byte: &str| byte.len() == 2 && byte.bytes().all(|b| b.is_ascii_hexdigit());
        let sound = match id.strip_prefix('@') {
            Some(rest) => !rest.is_empty() && is_text(rest),
            // The first byte is the type, there must be something behind it (RFC 2132 section 9.14).
            None => id.contains('-') && id.split('-').all(is_byte),
        };
        let fits = sound && id.len() <= 3 * 255 && names::why_not(device.text).is_none();
        fits.then(|| (device.text.to_owned(), (id.to_owned(), device.place)))
    });
    if good.is_none() {
        let message = format!(
            "rd.net.dhcp.client-id=: {} is left out: write DEV:01-00-11-22-33-44-55 or DEV:@TEXT",
            quoted(value.text)
        );
        problems.warning(value.place, message);
    }
    good
}

/// The device of a `rd.net.dhcp.client-id=`, which tells one such word from another.
pub fn client_id_device(value: Option<Text<'_>>) -> &str {
    value.map_or("", |value| value.text.split_once(':').map_or(value.text, |(device, _)| device))
}
