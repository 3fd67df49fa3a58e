//! Bytes from outside, made safe for a terminal and for one line of a log.

use std::fmt::{Arguments, Write};

/// Printable ASCII and well-formed, visible Unicode stay; everything else becomes `\xNN` (or `\u{…}`).
pub fn escape(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            match c {
                '\\' => out.push_str("\\\\"),
                ' '..='~' => out.push(c),
                // Everything that can move, colour or reorder text: controls, bidi and other format characters.
                _ if c.is_ascii() => put(&mut out, format_args!("\\x{:02x}", u32::from(c))),
                _ if c.is_control() || is_format(c) => {
                    put(&mut out, format_args!("\\u{{{:x}}}", u32::from(c)))
                }
                _ => out.push(c),
            }
        }
        for byte in chunk.invalid() {
            put(&mut out, format_args!("\\x{byte:02x}"));
        }
    }
    out
}

/// Writing to a string does not fail.
fn put(out: &mut String, text: Arguments<'_>) {
    let _ = out.write_fmt(text);
}

/// Invisible characters that change how the text around them looks (Unicode Cf, line and paragraph separators).
fn is_format(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
        | '\u{feff}' | '\u{fff0}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}')
}

/// The same for text of several lines: line ends stay.
pub fn lines(text: &str) -> String {
    text.split('\n').map(|line| escape(line.as_bytes())).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_moves_the_cursor() {
        for (bytes, expected) in [
            (&b"eth0 up"[..], "eth0 up"),
            (b"\x1b[2Jx", "\\x1b[2Jx"),
            (b"a\nb\rc\td", "a\\x0ab\\x0dc\\x09d"),
            (b"\xff\xfe", "\\xff\\xfe"),
            ("grün".as_bytes(), "grün"),
            ("a\u{202e}b".as_bytes(), "a\\u{202e}b"),
            ("\u{9b}1m".as_bytes(), "\\u{9b}1m"),
            (b"c:\\x", "c:\\\\x"),
        ] {
            assert_eq!(escape(bytes), expected);
        }
    }
}
