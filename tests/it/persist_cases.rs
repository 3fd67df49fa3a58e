//! Words and an engine's state in, configuration out, byte for byte: one file for each case in tests/persist.
//!
//! A case begins with lines `# why`, `words: WORDS`, and what an engine knows: `bond: NAME MAC`,
//! `port: BOND NAME MAC` (`-` for one that stands in for a bond); `label: NIC` is for management.conf. Behind each line `=> FORMAT` stands what must come out: a
//! `!` before what is told on stderr. `BLESS=1` in the environment writes what does come out. tests/persist/check
//! hands the same texts to the formats' own tools.

use std::fs;

use bondstrap::engine::state::{BondState, PortState, State};
use bondstrap::persist::{Format, keep::keep, render};
use bondstrap::words;

use crate::plan_cases::{bytes, cases, difference};

#[test]
fn text_of_each_case() {
    let bless = std::env::var_os("BLESS").is_some();
    let files = cases("tests/persist");
    assert!(files.len() >= 20, "tests/persist has only {} cases", files.len());
    let mut wrong = Vec::new();
    for file in files {
        let text = fs::read_to_string(&file).expect("a case is text");
        let head = text.split("=> ").next().unwrap_or("").trim_end().to_owned() + "\n";
        let mut got = head.clone();
        for (name, format) in Format::ALL {
            got.push_str(&format!("=> {name}\n{}", output(&head, format)));
        }
        if got == text {
            continue;
        }
        if bless {
            fs::write(&file, got).expect("the case can be written");
        } else {
            wrong.push(format!("{}\n{}", file.display(), difference(&text, &got)));
        }
    }
    assert!(wrong.is_empty(), "{} cases came out otherwise:\n\n{}", wrong.len(), wrong.join("\n"));
}

/// All that the command would print.
fn output(head: &str, format: Format) -> String {
    let mut line = Vec::new();
    let mut state = State { version: 1, ..State::default() };
    let mut has_state = false;
    let mut label = None;
    for text in head.lines().filter(|text| !text.starts_with('#')) {
        let (key, value) = text.split_once(": ").expect("a line of a case has a key");
        let fields: Vec<&str> = value.split(' ').collect();
        match (key, fields.as_slice()) {
            ("words", _) => line = bytes(value),
            ("label", [name]) => label = Some((*name).to_owned()),
            ("bond", [name, mac]) => state.bonds.push(bond(name, mac)),
            ("port", [bond, name, mac]) => state.ports.push(port(bond, name, mac)),
            _ => panic!("not a line of a case: {text}"),
        }
        has_state |= matches!(key, "bond" | "port");
    }
    let plan = words::plan_line(&line);
    assert!(!plan.has_errors(), "{head}: {:?}", plan.problems);
    let is_management = format == Format::Management;
    let kept = match keep(&plan, has_state.then_some(&state)) {
        Ok(kept) => kept,
        Err(sentence) => return format!("! {sentence}\n"),
    };
    match render(format, &kept, label.as_deref().filter(|_| is_management)) {
        Ok(done) => {
            let notes = kept.notes.iter().filter(|_| !is_management).map(|note| format!("! {note}\n"));
            let lost = done.lost.iter().map(|lost| format!("! the format can't say {lost}\n"));
            let text = if is_management { done.files[0].text.clone() } else { done.print() };
            let notes = notes.chain(done.notes.iter().map(|note| format!("! {note}\n")));
            notes.chain(lost).chain([text]).collect()
        }
        Err(sentence) => format!("! {sentence}\n"),
    }
}

fn bond(name: &str, mac: &str) -> BondState {
    BondState {
        name: name.into(),
        index: 9,
        mode: "802.3ad".into(),
        mac: mac.parse().ok(),
        created: true,
        ..BondState::default()
    }
}

fn port(bond: &str, name: &str, mac: &str) -> PortState {
    PortState {
        name: name.into(),
        index: 2,
        mac: mac.parse().ok(),
        bond: if bond == "-" { String::new() } else { bond.into() },
        in_bond: true,
        carrier: true,
        ready: true,
        ..PortState::default()
    }
}
