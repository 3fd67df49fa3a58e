//! Text that is safe on any terminal and in one line of a log.

use std::borrow::Cow;
use std::fmt::Write;

/// `text` with everything escaped that a terminal would act on: control characters, and those that reorder or hide.
pub fn printable(text: &str) -> Cow<'_, str> {
    escaped(text, is_printable)
}

/// False for what a terminal would act on.
pub fn is_printable(letter: char) -> bool {
    !letter.is_control() && !acts(letter)
}

/// `text` with everything escaped that is not printable ASCII: each character is one column wide on any console.
pub fn ascii(text: &str) -> Cow<'_, str> {
    escaped(text, |letter| matches!(letter, ' '..='~'))
}

/// Bytes of any kind as such text: what is no UTF-8 becomes `\xNN`.
pub fn bytes(bytes: &[u8]) -> String {
    let mut safe = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        safe.push_str(&printable(chunk.valid()));
        for byte in chunk.invalid() {
            let _ = write!(safe, "\\x{byte:02x}");
        }
    }
    safe
}

/// Text of several lines: the line ends stay.
pub fn lines(text: &str) -> String {
    text.split('\n').map(printable).collect::<Vec<_>>().join("\n")
}

/// Bidirectional controls, line separators, zero-width and tag characters.
fn acts(letter: char) -> bool {
    matches!(letter,
        '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}')
}

fn escaped(text: &str, keeps: impl Fn(char) -> bool) -> Cow<'_, str> {
    if text.chars().all(&keeps) {
        return Cow::Borrowed(text);
    }
    let mut safe = String::with_capacity(text.len() + 8);
    for letter in text.chars() {
        let code = u32::from(letter);
        // Writing to a String does not fail.
        let _ = match letter {
            letter if keeps(letter) => safe.write_char(letter),
            _ if code < 0x80 => write!(safe, "\\x{code:02x}"),
            _ => write!(safe, "\\u{{{code:x}}}"),
        };
    }
    Cow::Owned(safe)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_acts_on_a_terminal() {
        for (text, shown, plain) in [
            ("eth0", "eth0", "eth0"),
            ("é", "é", "\\u{e9}"),
            ("\x1b[31m", "\\x1b[31m", "\\x1b[31m"),
            ("a\u{9b}2J", "a\\u{9b}2J", "a\\u{9b}2J"),
            ("\u{202e}x", "\\u{202e}x", "\\u{202e}x"),
            ("\u{fffd}", "\u{fffd}", "\\u{fffd}"),
        ] {
            assert_eq!(printable(text), shown, "{text:?}");
            assert_eq!(ascii(text), plain, "{text:?}");
        }
        assert_eq!(bytes(b"a\nb\xff\xfe\xc3\xa9"), "a\\x0ab\\xff\\xfe\u{e9}");
        assert_eq!(lines("a\x1b\nb"), "a\\x1b\nb");
    }
}
