//! Any bytes as sources of words: there is a plan, and what must hold of every plan holds.
//!
//! Only the pure part of the program is compiled here, straight from its files: it needs neither the kernel nor tokio,
//! and everything that is compiled is watched for coverage.

#![no_main]
// What the program uses of these files beyond the plan is not used here.
#![allow(dead_code, unused_imports, missing_docs)]

extern crate self as bondstrap;

#[path = "../../src/escape.rs"]
pub mod escape;
#[path = "../../src/mac.rs"]
pub mod mac;
#[path = "../../src/plan/mod.rs"]
pub mod plan;
#[path = "../../src/words/mod.rs"]
pub mod words;

#[path = "../it/as_words.rs"]
mod as_words;
#[path = "../it/held.rs"]
mod held;

use words::source::Sources;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    // The last line is that of the boot, those before it are files of the image.
    let mut texts: Vec<Vec<u8>> = bytes.split(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect();
    let boot = texts.pop().unwrap_or_default();
    let longest =
        texts.iter().chain([&boot]).max_by_key(|text| String::from_utf8_lossy(text).chars().count());
    let longest = longest.map(|text| String::from_utf8_lossy(text).into_owned()).unwrap_or_default();
    let (plan, notes) = words::explained(&Sources { baked: texts, boot });
    let held = held::hold(&longest, &plan, &notes).and_then(|()| as_words::comes_back(&plan));
    if let Err(sentence) = held {
        panic!("{sentence}");
    }
});
