//! `persist` and what `plan` says of XCP-ng, as commands: exit codes, files, permissions.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Command, Output};

const WORDS: &str = "bond=bond0:eth0,eth1 ip=dhcp hostname=host1";

fn bondstrap(words: &str, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_bondstrap"));
    command.args(["--cmdline", words]).args(arguments).output().expect("the program can be run")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn what_it_refuses_has_a_sentence_and_exit_code_2() {
    for (words, arguments, sentence) in [
        (
            WORDS,
            &["--format", "yaml"][..],
            "--format yaml is not known: write one of management.conf, ifupdown",
        ),
        (WORDS, &[], "--format"),
        (WORDS, &["--format", "netplan", "--label", "eth0"], "--label is for management.conf only"),
        (WORDS, &["--format", "management.conf", "--label", "eth7"], "eth7 is no port of the bond"),
        (
            WORDS,
            &["--format", "management.conf", "--root", "/nowhere"],
            "management.conf is the installer's own",
        ),
        (
            "bond=bond0:eth0,eth1:mode=broadcast",
            &["--format", "management.conf"],
            "xapi can't make bond0: mode broadcast",
        ),
        ("bond=bond0:eth0,eth1:mode=best", &["--format", "netplan"], "\"best\" is not a bonding mode"),
    ] {
        let output = bondstrap(words, &[&["persist"], arguments].concat());
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(text(&output.stderr).contains(sentence), "{arguments:?}: {}", text(&output.stderr));
        assert_eq!(text(&output.stdout), "", "{arguments:?}");
    }
    let output = bondstrap(WORDS, &["persist", "--format", "netplan", "--root", "/nowhere/at/all"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("/nowhere/at/all"), "{}", text(&output.stderr));
}

#[test]
fn nothing_asked_for_is_nothing_to_keep() {
    let output = bondstrap("quiet", &["persist", "--format", "management.conf"]);
    assert_eq!((output.status.code(), text(&output.stdout).as_str()), (Some(0), ""));
    assert!(text(&output.stderr).contains("nothing to keep"));
}

#[test]
fn files_have_their_own_permissions_whatever_the_umask() {
    let root: PathBuf = std::env::temp_dir().join(format!("bondstrap-persist-{}", std::process::id()));
    fs::create_dir_all(&root).expect("a directory can be made");
    for (format, expected) in [
        ("netplan", &[("etc/netplan/50-bondstrap.yaml", 0o600), ("etc/hostname", 0o644)][..]),
        (
            "nmconnection",
            &[
                ("etc/NetworkManager/system-connections/bondstrap-bond0.nmconnection", 0o600),
                ("etc/NetworkManager/system-connections/bondstrap-eth0.nmconnection", 0o600),
                ("etc/NetworkManager/system-connections/bondstrap-eth1.nmconnection", 0o600),
                ("etc/hostname", 0o644),
            ],
        ),
        ("ifupdown", &[("etc/network/interfaces", 0o644), ("etc/hostname", 0o644)]),
    ] {
        let place = root.to_str().expect("a temporary directory has a plain name");
        let script = "umask 077; exec \"$@\"";
        let program = env!("CARGO_BIN_EXE_bondstrap");
        let output = Command::new("sh")
            .args([
                "-c",
                script,
                "-",
                program,
                "--cmdline",
                WORDS,
                "persist",
                "--format",
                format,
                "--root",
                place,
            ])
            .output()
            .expect("a shell can be run");
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
        let paths: String = expected.iter().map(|(path, _)| format!("{place}/{path}\n")).collect();
        assert_eq!(text(&output.stdout), paths);
        for (path, mode) in expected {
            let is = fs::metadata(root.join(path)).expect("it was written").permissions().mode() & 0o7777;
            assert_eq!(is, *mode, "{path}: {is:o}");
        }
    }
    assert_eq!(fs::read_to_string(root.join("etc/hostname")).expect("it is there"), "host1\n");
    fs::remove_dir_all(&root).expect("it can be removed");
}

#[test]
fn plan_tells_what_xapi_lacks_where_xcp_ng_is_meant() {
    let sentence = "xapi can't make bond0";
    for (words, expected) in [
        ("bond=bond0:eth0,eth1:mode=balance-rr bondstrap.handover=xcp-ng", true),
        ("bond=bond0:eth0,eth1,eth2,eth3,eth4 bondstrap.handover=xcp-ng", true),
        ("bond=bond0:eth0 bondstrap.handover=xcp-ng", true),
        ("bond=bond0:eth* bondstrap.handover=xcp-ng", false),
        ("bond=bond0:eth0,eth1 bondstrap.handover=xcp-ng", false),
        ("bond=bond0:eth0,eth1:mode=balance-rr", false),
    ] {
        assert_eq!(plan(words).contains(sentence), expected, "{words}: {}", plan(words));
        assert!(!plan(words).contains("has no effect"), "{words}: {}", plan(words));
    }
    assert!(plan("bond=eth0,eth1 bondstrap.handover=netplan").contains("has no effect"));
}

/// The table, its lines joined.
fn plan(words: &str) -> String {
    let output = bondstrap(words, &["plan"]);
    assert_eq!(output.status.code(), Some(0), "{words}");
    text(&output.stdout).split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn plan_tells_that_the_installer_wants_a_default_route_where_xcp_ng_is_meant() {
    let sentence = "does not offer \"Use existing configuration\"";
    for (words, expected) in [
        ("ip=bond0:auto6", true),
        ("ip=bond0:dhcp6", true),
        ("ip=bond0:none", true),
        ("ip=192.0.2.5:::24::bond0:none", true),
        (
            "ip=192.0.2.5:::24::bond0:none rd.route=198.51.100.0/24:192.0.2.1:bond0 rd.route=[::]/0:[2001:db8::1]:bond0",
            true,
        ),
        ("ip=bond0:auto6 bondstrap.answerfile=http://192.0.2.5/a.xml", false),
        ("ip=192.0.2.5:::24::bond0:none rd.route=0.0.0.0/0:192.0.2.1", false),
        ("ip=192.0.2.5::192.0.2.1:24::bond0:none", false),
        ("ip=bond0:auto", false),
        ("ip=bond0:dhcp", false),
        ("", false),
    ] {
        let said = plan(&format!("bond=eth0,eth1 {words} bondstrap.handover=xcp-ng"));
        assert_eq!(said.contains(sentence), expected, "{words}: {said}");
        assert!(!plan(&format!("bond=eth0,eth1 {words}")).contains(sentence), "{words}");
    }
}
