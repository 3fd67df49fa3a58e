//! The files that words come from.

use std::fs;
use std::path::PathBuf;

use bondstrap::words::read::read;
use bondstrap::words::source::Sources;

/// A directory that goes with the value.
struct Root(PathBuf);

impl Root {
    fn new(name: &str, files: &[(&str, &str)]) -> Self {
        let root =
            Self(PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{}", std::process::id())));
        fs::create_dir_all(&root.0).expect("a directory can be made");
        for (path, text) in files {
            let path = root.0.join(path);
            fs::create_dir_all(path.parent().expect("a file has a directory"))
                .expect("a directory can be made");
            fs::write(path, text).expect("a file can be written");
        }
        root
    }
}

impl Drop for Root {
    fn drop(&mut self) {
        // Nothing to be done about a directory that stays.
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[test]
fn files_in_their_order() {
    let root = Root::new(
        "order",
        &[
            ("etc/cmdline.d/20-b.conf", "b"),
            ("etc/cmdline.d/10-a.conf", "a"),
            ("etc/cmdline.d/README", "no"),
            ("etc/cmdline", "c"),
            ("proc/cmdline", "proc"),
        ],
    );
    let expected =
        Sources { baked: vec![b"a".to_vec(), b"b".to_vec(), b"c".to_vec()], boot: b"proc".to_vec() };
    assert_eq!(read(&root.0).expect("readable"), expected);
}

#[test]
fn names_decide_and_not_the_directory() {
    let names: Vec<String> = (0..40).map(|n| format!("etc/cmdline.d/{:02}.conf", n * 37 % 40)).collect();
    let files: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), &name[14..16])).collect();
    let root = Root::new("names", &files);
    let expected: Vec<Vec<u8>> = (0..40).map(|n| format!("{n:02}").into_bytes()).collect();
    assert_eq!(read(&root.0).expect("readable").baked, expected);
}

#[test]
fn run_cmdline_stands_in_for_proc() {
    let root = Root::new("run", &[("run/cmdline", "run"), ("proc/cmdline", "proc")]);
    assert_eq!(read(&root.0).expect("readable"), Sources { baked: vec![], boot: b"run".to_vec() });
}

#[test]
fn nothing_is_there() {
    let root = Root::new("nothing", &[]);
    assert_eq!(read(&root.0).expect("readable"), Sources::default());
}

#[test]
fn what_cannot_be_read_is_named() {
    let root = Root::new("unreadable", &[("run/cmdline/file", "a directory where a file belongs")]);
    let error = read(&root.0).expect_err("a directory is no text").to_string();
    assert!(error.contains("run/cmdline"), "{error}");
}
