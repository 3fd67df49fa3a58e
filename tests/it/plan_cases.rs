//! Words in, plan out, byte for byte: one file for each case in tests/plan (JSON) and tests/table (for people).
//!
//! A case begins with lines `# why`, `baked: WORDS` (any number) and `words: WORDS`, in which `\xNN` is a byte; behind a
//! line `=>` stands what must come out. `BLESS=1` in the environment writes what does come out.

use std::fs;
use std::path::{Path, PathBuf};

use bondstrap::plan::{Plan, json, table};
use bondstrap::words::source::Sources;

#[test]
fn json_of_each_case() {
    check("tests/plan", 600, |plan, _| json::render(plan).expect("a plan is always JSON"));
}

#[test]
fn table_of_each_case() {
    check("tests/table", 35, table::render);
}

fn check(directory: &str, least: usize, render: impl Fn(&Plan, &[String]) -> String) {
    let bless = std::env::var_os("BLESS").is_some();
    let files = cases(directory);
    assert!(files.len() >= least, "{directory} has only {} cases", files.len());
    let mut wrong = Vec::new();
    for file in files {
        let text = fs::read_to_string(&file).expect("a case is text");
        let (head, expected) = text.split_once("=>\n").unwrap_or((&text, ""));
        let (plan, notes) = bondstrap::words::explained(&sources(head));
        let got = render(&plan, &notes);
        if got == expected {
            continue;
        }
        if bless {
            fs::write(&file, format!("{}\n=>\n{got}", head.trim_end())).expect("the case can be written");
        } else {
            wrong.push(format!("{}\n{}", file.display(), difference(expected, &got)));
        }
    }
    assert!(wrong.is_empty(), "{} cases came out otherwise:\n\n{}", wrong.len(), wrong.join("\n"));
}

pub(crate) fn cases(directory: &str) -> Vec<PathBuf> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join(directory);
    let entries = fs::read_dir(directory).expect("the directory of cases is there");
    let mut files: Vec<PathBuf> = entries
        .map(|entry| entry.expect("an entry can be read").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "case"))
        .collect();
    files.sort();
    files
}

pub(crate) fn sources(head: &str) -> Sources {
    let mut sources = Sources::default();
    let mut has_words = false;
    for line in head.lines().filter(|line| !line.starts_with('#') && !line.trim().is_empty()) {
        match line.split_once(": ").or_else(|| line.split_once(':')) {
            Some(("baked", words)) => sources.baked.push(bytes(words)),
            Some(("words", words)) => {
                sources.boot = bytes(words);
                has_words = true;
            }
            _ => panic!("not a line of a case: {line}"),
        }
    }
    assert!(has_words, "a case without words: {head}");
    sources
}

/// The line with `\xNN` made bytes.
pub(crate) fn bytes(line: &str) -> Vec<u8> {
    let mut parts = line.split("\\x");
    let mut bytes = parts.next().unwrap_or("").as_bytes().to_vec();
    for part in parts {
        bytes.push(u8::from_str_radix(&part[..2], 16).expect("two hex digits behind \\x"));
        bytes.extend_from_slice(&part.as_bytes()[2..]);
    }
    bytes
}

/// The first line that differs, and what stands around it.
pub(crate) fn difference(expected: &str, got: &str) -> String {
    let same = expected.lines().zip(got.lines()).take_while(|(a, b)| a == b).count();
    let around =
        |text: &str| text.lines().skip(same.saturating_sub(2)).take(6).collect::<Vec<_>>().join("\n");
    format!("line {}, expected:\n{}\n--- got:\n{}\n", same + 1, around(expected), around(got))
}
