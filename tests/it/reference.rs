//! src/reference.toml, from which the man pages and the README's tables are made: it names every word, and what it shows
//! as an example is one.

use std::fs;

use bondstrap::words::{nearmiss, plan_line};

/// The values of this key, in their order. The file is TOML as scripts/reference reads it; here only such lines matter.
fn values(text: &str, key: &str) -> Vec<String> {
    let values = text.lines().filter_map(|line| line.strip_prefix(key)?.trim_start().strip_prefix("= "));
    values.map(|value| value.trim_matches(['\'', '"']).to_owned()).collect()
}

fn reference() -> String {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/src/reference.toml");
    fs::read_to_string(file).expect("the reference is there")
}

#[test]
fn each_word_stands_in_it() {
    let text = reference();
    let forms = [values(&text, "form"), values(&text, "meaning")].concat().join(" ");
    for name in nearmiss::names() {
        let stands = [format!("`{name}`"), format!("`{name}=")].iter().any(|form| forms.contains(form));
        assert!(stands, "{name} is a word, and src/reference.toml does not have it");
    }
}

#[test]
fn each_example_is_a_good_one() {
    let text = reference();
    let (examples, meanings) = (values(&text, "example"), values(&text, "meaning"));
    assert!(examples.len() > 25 && examples.len() == meanings.len(), "{} examples", examples.len());
    for example in examples {
        let asks = example
            .split(' ')
            .any(|word| word == "bond" || word.starts_with("bond=") || word.contains("=lacp:"));
        let line = if asks { example.clone() } else { format!("bond=bond0:eth0,eth1 {example}") };
        let plan = plan_line(line.as_bytes());
        assert!(plan.problems.is_empty(), "{line}: {:?}", plan.problems);
        assert_ne!(plan.active, line.contains("bondstrap=off"), "{line}");
        // The word itself does something.
        assert_ne!(plan, plan_line(b"bond=bond0:eth2,eth3"), "{line}");
    }
}
