//! Directories that stay open. A path that begins at the root has to wait for it, where that comes over the network and the
//! network is gone; whoever is to bring it back must not.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::Path;

use nix::fcntl::{AtFlags, OFlag, openat, readlinkat};
use nix::sys::stat::{Mode, fstatat};

/// A directory of /sys, /proc or /run.
#[derive(Debug)]
pub(crate) struct Place {
    path: &'static str,
    held: Option<File>,
}

impl Place {
    /// Reached by its path each time: it may come to be there later.
    pub(crate) const fn at(path: &'static str) -> Self {
        Self { path, held: None }
    }

    /// Held open, where it is there already.
    pub(super) fn hold(path: &'static str) -> Self {
        Self { path, held: File::open(path).ok() }
    }

    /// The text of a file.
    pub(super) fn read(&self, name: impl AsRef<Path>) -> io::Result<String> {
        let Some(held) = &self.held else { return fs::read_to_string(Path::new(self.path).join(name)) };
        let mut text = String::new();
        let file = openat(held, name.as_ref(), OFlag::O_RDONLY | OFlag::O_CLOEXEC, Mode::empty())?;
        File::from(file).read_to_string(&mut text)?;
        Ok(text)
    }

    /// Writes into a file that is there.
    pub(super) fn write(&self, name: impl AsRef<Path>, text: &str) -> io::Result<()> {
        let Some(held) = &self.held else { return fs::write(Path::new(self.path).join(name), text) };
        let file = openat(held, name.as_ref(), OFlag::O_WRONLY | OFlag::O_CLOEXEC, Mode::empty())?;
        File::from(file).write_all(text.as_bytes())
    }

    /// Where a symbolic link leads.
    pub(super) fn link(&self, name: impl AsRef<Path>) -> io::Result<OsString> {
        match &self.held {
            Some(held) => Ok(readlinkat(held, name.as_ref())?),
            None => Ok(fs::read_link(Path::new(self.path).join(name))?.into()),
        }
    }

    /// There is something of this name.
    pub(super) fn has(&self, name: impl AsRef<Path>) -> bool {
        match &self.held {
            Some(held) => fstatat(held, name.as_ref(), AtFlags::empty()).is_ok(),
            None => Path::new(self.path).join(name).exists(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn open_or_by_its_path_it_is_the_same() {
        for place in [Place::at("/proc/self"), Place::hold("/proc/self")] {
            assert!(place.read("status").unwrap().starts_with("Name:"));
            assert!(place.link("exe").is_ok_and(|to| !to.is_empty()));
            assert!(place.has("status") && !place.has("nothing"));
            assert!(place.read("nothing").is_err());
            place.write("comm", "a thread").unwrap();
            assert_eq!(place.read("comm").unwrap(), "a thread\n");
            assert!(place.write("nothing", "").is_err());
        }
    }
}
