//! A text cut into words, and words into fields, each piece knowing its place.
//!
//! Not here: what any word means.

use super::problems::cut;

/// The place of a piece: which word, and its column there (characters from 1 in the whole line).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Place {
    /// Index into the list of all words.
    pub word: usize,
    /// Characters from 1 in the text that the word comes from.
    pub column: usize,
}

/// A piece of a word, and where it begins.
#[derive(Clone, Copy, Debug)]
pub struct Text<'a> {
    /// The piece itself.
    pub text: &'a str,
    /// Where its first character stands.
    pub place: Place,
}

/// One word of a source.
#[derive(Clone, Copy, Debug)]
pub struct Word<'a> {
    /// As it stands in the line, with quotes.
    pub raw: &'a str,
    /// What stands before the first `=`.
    pub name: &'a str,
    /// What stands behind it; none: there is no `=`.
    pub value: Option<Text<'a>>,
    /// Where the word begins.
    pub place: Place,
    /// Its length in characters.
    pub chars: usize,
    /// It comes from the image and not from the boot line.
    pub baked: bool,
}

impl Word<'_> {
    /// For a sentence about it.
    pub fn shown(&self) -> String {
        let cut = cut(self.raw);
        if self.baked { format!("{cut} of the image") } else { cut }
    }
}

/// The words of `line`, numbered from `first`.
///
/// Cut as `next_arg()` in the kernel's lib/cmdline.c does it: blanks separate, a double quote keeps blanks until the
/// next one, quotes around a word or a value are not part of it. Everything behind a lone `--` belongs to init
/// (`parse_args()`). One difference: the byte 0xa0, a blank to the kernel, is a part of UTF-8 letters here, as it is
/// for everybody who reads `/proc/cmdline`.
pub fn words<'a>(line: &'a str, baked: bool, first: usize) -> Vec<Word<'a>> {
    let mut found = Vec::new();
    let mut start = None;
    let mut in_quote = false;
    // One blank more, so that the last word ends like any other.
    let places = line.char_indices().chain([(line.len(), ' ')]).zip(1..);
    for ((at, letter), column) in places {
        let end = at == line.len();
        if end || (is_blank(letter) && !in_quote) {
            if let Some((begin, begin_column)) = start.take() {
                let place = Place { word: first + found.len(), column: begin_column };
                let word = word(&line[begin..at], place, column - begin_column, baked);
                if word.name == "--" && word.value.is_none() {
                    break;
                }
                found.push(word);
            }
            continue;
        }
        start.get_or_insert((at, column));
        in_quote ^= letter == '"';
    }
    found
}

/// `isspace()` within ASCII.
fn is_blank(letter: char) -> bool {
    matches!(letter, ' ' | '\t' | '\n' | '\x0b' | '\x0c' | '\r')
}

/// Name and value of one word, without the quotes that the kernel takes off.
fn word<'a>(raw: &'a str, place: Place, chars: usize, baked: bool) -> Word<'a> {
    let mut inner = Text { text: raw, place };
    let quoted = inner.text.starts_with('"');
    if quoted {
        inner = inner.skip(1);
        inner.text = inner.text.strip_suffix('"').unwrap_or(inner.text);
    }
    let Some((name, _)) = inner.text.split_once('=').filter(|(name, _)| !name.is_empty()) else {
        return Word { raw, name: inner.text, value: None, place, chars, baked };
    };
    let mut value = inner.skip(name.len() + 1);
    if value.text.starts_with('"') {
        value = value.skip(1);
        value.text = value.text.strip_suffix('"').unwrap_or(value.text);
    }
    Word { raw, name, value: Some(value), place, chars, baked }
}

impl<'a> Text<'a> {
    /// What is behind the first `bytes` bytes; all of it if that is no boundary of characters.
    pub fn skip(self, bytes: usize) -> Self {
        let Some((before, text)) = self.text.split_at_checked(bytes) else { return self };
        let column = self.place.column + before.chars().count();
        Self { text, place: Place { column, ..self.place } }
    }

    /// Without the colons at its end, which are fine everywhere.
    pub fn without_colons(self) -> Self {
        Self { text: self.text.trim_end_matches(':'), ..self }
    }

    /// The pieces between `separator`s.
    pub fn split(self, separator: char) -> Vec<Self> {
        self.split_where(|letter, _| letter == separator)
    }

    /// The fields between colons; a colon in brackets (`[2001:db8::1]`) separates nothing. Empty fields at the end
    /// are dropped: trailing colons are fine everywhere.
    pub fn fields(self) -> Vec<Self> {
        let last_closing = self.text.rfind(']').unwrap_or(0);
        let mut in_brackets = false;
        let mut fields = self.split_where(|letter, at| {
            match letter {
                '[' => in_brackets = at < last_closing,
                ']' => in_brackets = false,
                _ => {}
            }
            letter == ':' && !in_brackets
        });
        while fields.last().is_some_and(|field| field.text.is_empty()) {
            fields.pop();
        }
        fields
    }

    /// The first two pieces around `separator`; none without one.
    pub fn split_once(self, separator: char) -> Option<(Self, Self)> {
        let (before, _) = self.text.split_once(separator)?;
        Some((Self { text: before, ..self }, self.skip(before.len() + separator.len_utf8())))
    }

    fn split_where(self, mut separates: impl FnMut(char, usize) -> bool) -> Vec<Self> {
        let mut pieces = Vec::new();
        let mut begin = 0;
        let mut place = self.place;
        let mut column = self.place.column;
        for (at, letter) in self.text.char_indices() {
            column += 1;
            if separates(letter, at) {
                pieces.push(Self { text: &self.text[begin..at], place });
                begin = at + letter.len_utf8();
                place.column = column;
            }
        }
        pieces.push(Self { text: &self.text[begin..], place });
        pieces
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(line: &str) -> Vec<(String, Option<String>, usize, usize)> {
        words(line, false, 0)
            .into_iter()
            .map(|w| {
                let value_column = w.value.map_or(0, |v| v.place.column);
                (w.name.to_owned(), w.value.map(|v| v.text.to_owned()), w.place.column, value_column)
            })
            .collect()
    }

    #[test]
    fn cut_as_the_kernel_does() {
        type Expected<'a> = &'a [(&'a str, Option<&'a str>, usize, usize)];
        let cases: [(&str, Expected); 14] = [
            ("", &[]),
            ("  \t\n ", &[]),
            ("quiet", &[("quiet", None, 1, 0)]),
            ("a=b  c=d=e", &[("a", Some("b"), 1, 3), ("c", Some("d=e"), 6, 8)]),
            ("a=\"b c\" d", &[("a", Some("b c"), 1, 4), ("d", None, 9, 0)]),
            ("\"a=b c\" d", &[("a", Some("b c"), 1, 4), ("d", None, 9, 0)]),
            ("a=b\" \"c", &[("a", Some("b\" \"c"), 1, 3)]),
            ("a=\"b c", &[("a", Some("b c"), 1, 4)]),
            ("x -- bond", &[("x", None, 1, 0)]),
            ("x \"--\" bond", &[("x", None, 1, 0)]),
            ("x --- b", &[("x", None, 1, 0), ("---", None, 3, 0), ("b", None, 7, 0)]),
            ("=x --=y", &[("=x", None, 1, 0), ("--", Some("y"), 4, 7)]),
            ("ä=é b=c", &[("ä", Some("é"), 1, 3), ("b", Some("c"), 5, 7)]),
            ("a= b", &[("a", Some(""), 1, 3), ("b", None, 4, 0)]),
        ];
        for (line, expected) in cases {
            let expected: Vec<_> =
                expected.iter().map(|(n, v, c, d)| (n.to_string(), v.map(str::to_string), *c, *d)).collect();
            assert_eq!(cut(line), expected, "{line:?}");
        }
    }

    #[test]
    fn fields_know_brackets_and_columns() {
        let whole = Text { text: "[2001:db8::1]:é:[x:y::", place: Place { word: 0, column: 10 } };
        let got: Vec<_> = whole.fields().iter().map(|f| (f.text, f.place.column)).collect();
        assert_eq!(got, [("[2001:db8::1]", 10), ("é", 24), ("[x", 26), ("y", 29)]);
    }
}
