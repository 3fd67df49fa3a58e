//! Lines for a console of 80 columns: wrapped, and with colour where somebody looks at a terminal. (pure)

/// One column is left free: some consoles wrap at the last.
pub const WIDTH: usize = 79;

/// `text` with `first` before it, wrapped at blanks; further lines begin with `next`. What has no blank is not cut.
pub fn wrapped(first: &str, next: &str, text: &str) -> String {
    let mut out = String::from(first);
    let mut column = first.chars().count();
    let mut fresh = true;
    for word in text.split(' ').filter(|word| !word.is_empty()) {
        let length = word.chars().count();
        if !fresh && column + 1 + length > WIDTH {
            out.push('\n');
            out.push_str(next);
            column = next.chars().count();
            fresh = true;
        }
        if !fresh {
            out.push(' ');
            column += 1;
        }
        out.push_str(word);
        column += length;
        fresh = false;
    }
    out.push('\n');
    out
}

/// Colour, line by line, for text that is safe already: what is wrong stands out, and what is well.
pub fn painted(text: &str) -> String {
    const RED: &str = "\x1b[31m";
    const GREEN: &str = "\x1b[32m";
    const BOLD: &str = "\x1b[1m";
    const PLAIN: &str = "\x1b[0m";
    let colour = |(number, line): (usize, &str)| {
        let colour = match () {
            () if line.starts_with("! ") || line.ends_with("  no carrier") => RED,
            () if line.ends_with("  passes traffic") => GREEN,
            () if number == 0 => BOLD,
            () => return line.to_owned(),
        };
        format!("{colour}{line}{PLAIN}")
    };
    text.split('\n').enumerate().map(colour).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_no_wider_than_a_console() {
        let text = "word ".repeat(40);
        let out = wrapped("! ", "    ", &text);
        assert!(out.lines().all(|line| line.chars().count() <= WIDTH && !line.ends_with(' ')), "{out}");
        assert!(out.lines().skip(1).all(|line| line.starts_with("    word")));
        assert_eq!(out.split_whitespace().filter(|word| *word == "word").count(), 40);
        assert_eq!(wrapped("a ", "b ", &"x".repeat(200)), format!("a {}\n", "x".repeat(200)));
        assert_eq!(wrapped("a", "b", ""), "a\n");
    }

    #[test]
    fn what_is_wrong_stands_out() {
        assert_eq!(
            painted("head\n! bad\n  eth0  passes traffic\n  else\n"),
            "\x1b[1mhead\x1b[0m\n\x1b[31m! bad\x1b[0m\n\x1b[32m  eth0  passes traffic\x1b[0m\n  else\n"
        );
    }
}
