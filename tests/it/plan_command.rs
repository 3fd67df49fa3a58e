//! `plan` as a command: exit codes, and what `--here` adds.

use std::process::{Command, Output};

fn plan(words: &str, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_bondstrap"));
    command.args(["--cmdline", words, "plan"]).args(arguments).output().expect("the program can be run")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn exit_codes() {
    for (words, arguments, expected) in [
        ("bond=eth0,eth1 ip=dhcp", &[][..], 0),
        ("bond=eth0,eth1 ip=dhcp", &["--json"], 0),
        ("bond=bond0:eth0:mimon=1", &[], 0),
        ("bond=eth0,eth1 ip=nonsense", &[], 2),
        ("bond=eth0,eth1 ip=nonsense", &["--json"], 2),
        ("bond=eth0,eth1 ip=nonsense", &["--here"], 2),
        ("quiet ip=nonsense", &[], 0),
        ("bond=eth0,eth1", &["--json", "--here"], 0),
        ("bond=eth0,eth1", &["--there"], 2),
    ] {
        let output = plan(words, arguments);
        assert_eq!(output.status.code(), Some(expected), "{words} {arguments:?}: {}", text(&output.stderr));
    }
}

#[test]
fn here_tells_what_is_not_there() {
    let words = "bond=bond0:nosuchnic0,nosuch* ip=bond0:dhcp ip=elsewhere9:dhcp";
    let (without, with) = (text(&plan(words, &[]).stdout), text(&plan(words, &["--here"]).stdout));
    let added = with.strip_prefix(&without).expect("the plan comes first");
    for line in [
        "here       bond0: nosuchnic0: not there\n",
        "here       bond0: nosuch*: not there\n",
        "here       elsewhere9: not there, and no word builds it\n",
    ] {
        assert!(added.contains(line), "{added}");
    }
}

#[test]
fn here_for_programs_adds_one_key() {
    let words = "bond=bond0:nosuchnic0 ip=bond0:dhcp";
    let json = |arguments: &[&str]| -> serde_json::Value {
        serde_json::from_slice(&plan(words, arguments).stdout).expect("it is JSON")
    };
    let (without, mut with) = (json(&["--json"]), json(&["--json", "--here"]));
    let here = with.as_object_mut().and_then(|object| object.remove("here")).expect("it has the key");
    assert_eq!(with, without);
    let lines = here.as_array().expect("it is a list");
    assert!(lines.contains(&"bond0: nosuchnic0: not there".into()), "{lines:?}");
    assert_eq!(json(&["--json", "--here"])["version"], 1);
}
