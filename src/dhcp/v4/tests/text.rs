//! Words from the network, letter by letter, and the compressed names of option 119.

use crate::dhcp::text::{domain, host_name, path, search, shown};

#[test]
fn every_letter() {
    for byte in 0..=u8::MAX {
        let alphanumeric = byte.is_ascii_alphanumeric();
        // In the middle, so that ends are no matter.
        let word = [b'a', byte, b'a'];
        assert_eq!(host_name(&word).is_some(), alphanumeric || b".-".contains(&byte), "host name {byte:#x}");
        assert_eq!(domain(&word).is_some(), alphanumeric || b".-_".contains(&byte), "domain {byte:#x}");
        assert_eq!(path(&word).is_some(), alphanumeric || b"/._-:,=+@%".contains(&byte), "path {byte:#x}");
    }
}

#[test]
fn names() {
    let label = "a".repeat(63);
    let long = format!("{label}.{label}.{label}.{}", "a".repeat(61));
    for (word, expected) in [
        ("node", Some("node")),
        ("node.", Some("node")),
        ("n.o.d.e", Some("n.o.d.e")),
        ("7", Some("7")),
        (label.as_str(), Some(label.as_str())),
        (long.as_str(), Some(long.as_str())),
        (&format!("{label}a"), None),
        (&format!("{long}a"), None),
        ("", None),
        (".", None),
        ("..", None),
        (".node", None),
        ("no..de", None),
        ("node..", None),
        ("-node", None),
        ("node-", None),
        ("no.-de", None),
        ("no-.de", None),
    ] {
        assert_eq!(host_name(word.as_bytes()).as_deref(), expected, "{word}");
        assert_eq!(domain(word.as_bytes()).as_deref(), expected, "{word}");
    }
}

#[test]
fn paths() {
    let long = "a".repeat(255);
    for (word, good) in [
        ("/", true),
        ("pxelinux.0", true),
        ("192.0.2.1:/srv/root,v3,tcp", true),
        ("iscsi:192.0.2.1::3260::iqn.2001-04.com.example:disk", true),
        ("/a..b/...", true),
        (long.as_str(), true),
        (&format!("{long}a"), false),
        ("..", false),
        ("../x", false),
        ("/a/../b", false),
        ("/a/..", false),
        ("-rf", false),
        ("--help", false),
        ("a b", false),
        ("a&b", false),
        ("a;b", false),
        ("a|b", false),
        ("$HOME", false),
        ("~root", false),
        ("a*", false),
        ("a\\b", false),
        ("\"a\"", false),
        ("'a'", false),
        ("", false),
    ] {
        assert_eq!(path(word.as_bytes()).is_some(), good, "{word}");
    }
}

#[test]
fn search_lists() {
    let names = |option: &[u8]| search(option).map(|(names, left_out)| (names.join(" "), left_out));
    let plain = b"\x03eng\x05apple\x03com\x00\x09marketing\xc0\x04";
    assert_eq!(names(plain), Some(("eng.apple.com marketing.apple.com".into(), false)));
    assert_eq!(names(b"\x01a\x00"), Some(("a".into(), false)));
    // A pointer to a name that itself ends in a pointer.
    assert_eq!(names(b"\x01a\x00\x01b\xc0\x00\x01c\xc0\x03"), Some(("a b.a c.b.a".into(), false)));
    // Bad letters and empty names are left out, the rest stays.
    assert_eq!(names(b"\x01$\x00\x01a\x00"), Some(("a".into(), true)));
    assert_eq!(names(b"\x03a.b\x00\x01a\x00"), Some(("a".into(), true)), "a dot is no letter");
    assert_eq!(names(b"\x00\x01a\x00"), Some(("a".into(), true)));
    assert_eq!(names(&b"\x01a\x00".repeat(40)), Some((["a"; 16].join(" "), true)), "not more than 16");
}

#[test]
fn search_lists_that_cannot_be_read() {
    for bad in [
        // CVE-2020-7461, and its like: to itself, forwards, in a circle.
        &b"\x02\xc0\x01\x00\x01A\xc0\x01"[..],
        b"\xc0\x00",
        b"\xc0\x02\x00",
        b"\x01a\xc0\x00",
        b"\x01a\xc0\x02",
        b"\x01a\x00\x01b\xc0\x05",
        b"\x01a\x00\x01b\xc0\xff",
        // Cut off.
        b"\x01",
        b"\x01a",
        b"\x05abc\x00",
        b"\x01a\xc0",
        b"\x3fshort",
        // Label types of no use.
        b"\x40\x00",
        b"\x80\x00",
        b"\xbf\x00",
    ] {
        assert_eq!(search(bad), None, "{bad:?}");
    }
}

#[test]
fn long_names_and_chains_end() {
    let label = [&[63][..], &[b'a'; 63]].concat();
    let five = [&label.repeat(5)[..], &[0]].concat();
    assert_eq!(search(&five), None, "longer than a name can be");
    // Each name points to the one before: 17 pointers for the last.
    let mut chain = b"\x01a\x00".to_vec();
    let mut before = 0_u8;
    for _ in 0..17 {
        let here = chain.len() as u8;
        chain.extend([1, b'b', 0xc0, before]);
        before = here;
    }
    assert_eq!(search(&chain), None);
    assert!(search(&chain[..chain.len() - 4]).is_some(), "16 are followed");
    // A long list of nothing costs nothing.
    assert_eq!(search(&[0; 60_000]), Some((vec![], true)));
}

#[test]
fn what_is_shown_is_a_line_of_ascii() {
    assert_eq!(shown(b"no \"free\" leases"), r#"no \"free\" leases"#);
    assert_eq!(shown(b"\x1b]0;x\x07\r\n"), r"\x1b]0;x\x07\r\n");
    assert_eq!(shown(&[b'x'; 101]).len(), 100);
}
