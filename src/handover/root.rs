//! Files of another system, below its root: written whole, and never by way of a symbolic link that leads out of it.

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

use nix::errno::Errno;
use nix::fcntl::{OFlag, open, openat, renameat};
use nix::sys::stat::{Mode, fchmod, mkdirat};
use nix::unistd::{UnlinkatFlags, unlinkat};

/// The directory that is the other system's `/`.
#[derive(Debug)]
pub struct Root(OwnedFd);

const DIRECTORY: OFlag = OFlag::O_DIRECTORY.union(OFlag::O_RDONLY).union(OFlag::O_CLOEXEC);

impl Root {
    /// Opens it; it must be there.
    ///
    /// # Errors
    /// The kernel's.
    pub fn open(path: &Path) -> io::Result<Self> {
        Ok(Self(open(path, DIRECTORY, Mode::empty())?))
    }

    /// Writes `text` to `path`, which has no slash in front, with exactly these permissions. Directories that are not
    /// there are made; one that is a symbolic link is an error. A link in the file's own place is replaced.
    ///
    /// # Errors
    /// One that names the place.
    pub fn write(&self, path: &str, mode: u32, text: &str) -> io::Result<()> {
        let (directories, name) = path.rsplit_once('/').unwrap_or(("", path));
        let mut at = self.0.try_clone()?;
        let mut length = 0;
        for part in directories.split('/').filter(|part| !part.is_empty()) {
            length += part.len() + 1;
            at = enter(&at, part).map_err(|error| named(&path[..length - 1], error))?;
        }
        replace(&at, name, mode, text).map_err(|error| named(path, error.into()))
    }
}

/// The directory `name` in `at`, made if it is not there.
fn enter(at: &OwnedFd, name: &str) -> io::Result<OwnedFd> {
    match mkdirat(at, name, Mode::from_bits_truncate(0o755)) {
        Ok(()) | Err(Errno::EEXIST) => {}
        Err(error) => return Err(error.into()),
    }
    openat(at, name, DIRECTORY | OFlag::O_NOFOLLOW, Mode::empty()).map_err(|error| match error {
        // O_NOFOLLOW with O_DIRECTORY says ENOTDIR of a link.
        Errno::ELOOP | Errno::ENOTDIR => {
            io::Error::other("it is no directory; a symbolic link is not followed")
        }
        error => error.into(),
    })
}

fn replace(at: &OwnedFd, name: &str, mode: u32, text: &str) -> nix::Result<()> {
    let new = format!(".{name}.{}.new", std::process::id());
    let flags = OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_EXCL | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    // Nobody else's until it is complete.
    let fd = openat(at, new.as_str(), flags, Mode::from_bits_truncate(0o600))?;
    let mut file = File::from(fd);
    let written = file
        .write_all(text.as_bytes())
        .and_then(|()| Ok(fchmod(file.as_fd(), Mode::from_bits_truncate(mode))?))
        // The installer may be about to reboot.
        .and_then(|()| file.sync_all())
        .map_err(|error| Errno::from_raw(error.raw_os_error().unwrap_or(libc::EIO)))
        .and_then(|()| renameat(at, new.as_str(), at, name));
    if written.is_err() {
        let _ = unlinkat(at, new.as_str(), UnlinkatFlags::NoRemoveDir);
    }
    written
}

fn named(path: &str, error: io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("/{path} can't be written: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::{PermissionsExt, symlink};

    #[test]
    fn stays_below_its_root() {
        let place = std::env::temp_dir().join(format!("bondstrap-root-{}", std::process::id()));
        let (root, outside) = (place.join("root"), place.join("outside"));
        fs::create_dir_all(&root).unwrap();
        fs::create_dir_all(&outside).unwrap();
        let target = Root::open(&root).unwrap();

        target.write("etc/deep/file", 0o600, "one").unwrap();
        target.write("etc/deep/file", 0o640, "two").unwrap();
        let file = root.join("etc/deep/file");
        assert_eq!(fs::read_to_string(&file).unwrap(), "two");
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o7777, 0o640);
        assert_eq!(fs::read_dir(root.join("etc/deep")).unwrap().count(), 1, "nothing is left over");

        symlink(&outside, root.join("etc/link")).unwrap();
        let error = target.write("etc/link/file", 0o644, "no").unwrap_err().to_string();
        assert!(error.starts_with("/etc/link can't be written"), "{error}");
        fs::write(outside.join("kept"), "kept").unwrap();
        symlink(outside.join("kept"), root.join("etc/own")).unwrap();
        target.write("etc/own", 0o644, "ours").unwrap();
        assert_eq!(fs::read_to_string(outside.join("kept")).unwrap(), "kept");
        assert_eq!(fs::read_to_string(root.join("etc/own")).unwrap(), "ours");
        assert_eq!(fs::read_dir(&outside).unwrap().count(), 1);
        fs::remove_dir_all(&place).unwrap();
    }
}
