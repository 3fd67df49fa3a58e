//! Reads the sources of words. The only file here that touches the machine.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Read};
use std::path::Path;

use super::source::{LONGEST, Sources};

/// The sources under `root` (`/`, but in tests): what is baked into the image, and the boot line. `/run/cmdline`
/// stands in for `/proc/cmdline` where it is (XCP-ng's rule).
///
/// Files that are not there are no error; a `/proc/cmdline` that is not there is an empty one.
pub fn read(root: &Path) -> io::Result<Sources> {
    let mut names = match fs::read_dir(root.join("etc/cmdline.d")) {
        Ok(entries) => entries
            .map(|entry| entry.map(|entry| entry.path()))
            .filter(|path| path.as_ref().map_or(true, |path| path.extension().is_some_and(|e| e == "conf")))
            .collect::<io::Result<Vec<_>>>()?,
        Err(error) if is_absent(&error) => Vec::new(),
        Err(error) => return Err(error),
    };
    names.sort();
    names.push(root.join("etc/cmdline"));
    let mut baked = Vec::new();
    for name in names {
        baked.extend(text(&name)?);
    }
    let boot = match text(&root.join("run/cmdline"))? {
        Some(text) => Some(text),
        None => text(&root.join("proc/cmdline"))?,
    };
    Ok(Sources { baked, boot: boot.unwrap_or_default() })
}

/// A file's bytes, one more than can be used at most; none: there is no such file.
fn text(path: &Path) -> io::Result<Option<Vec<u8>>> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if is_absent(&error) => return Ok(None),
        Err(error) => return Err(named(path, error)),
    };
    let mut bytes = Vec::new();
    file.take(LONGEST as u64 + 1).read_to_end(&mut bytes).map_err(|error| named(path, error))?;
    Ok(Some(bytes))
}

fn is_absent(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory)
}

fn named(path: &Path, error: io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("reading {}: {error}", path.display()))
}
