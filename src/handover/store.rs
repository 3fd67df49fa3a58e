//! `/run/bondstrap`: the state as a file, the lock of the living engine, and waiting for either to change.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io;
use std::os::fd::AsFd;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use nix::sys::inotify::{AddWatchFlags, InitFlags, Inotify};
use nix::unistd::{UnlinkatFlags, unlinkat};
use tokio::io::unix::AsyncFd;

use super::atomic;
use crate::engine::state::State;
use crate::sys;

/// Where it is on every target.
pub const RUN: &str = "/run/bondstrap";

/// Largest state.json that is read: more is not ours. Bytes.
const LARGEST: u64 = 1 << 20;

/// The directory of the state.
#[derive(Clone, Debug)]
pub struct Store {
    directory: PathBuf,
}

/// Held by the engine as long as it lives.
#[derive(Debug)]
pub struct Lock(#[allow(dead_code, reason = "the lock goes when the file is closed")] File);

/// The directory, open: no path has to be walked to it any more, which would begin at a root that may not answer.
#[derive(Debug)]
pub struct Held(File);

impl Held {
    /// As [`Store::forget`].
    pub fn forget(&self) {
        let _ = unlinkat(&self.0, "state.json", UnlinkatFlags::NoRemoveDir);
    }
}

impl Store {
    /// The one at `directory`, normally [`RUN`].
    pub fn new(directory: &Path) -> Self {
        Self { directory: directory.to_owned() }
    }

    /// The directory.
    pub fn path(&self) -> &Path {
        &self.directory
    }

    /// Makes the directory, if it is not there.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn prepare(&self) -> io::Result<()> {
        DirBuilder::new().recursive(true).mode(0o755).create(&self.directory)
    }

    /// The same directory by way of the working directory: an initramfs that enters its real root takes /run along, but
    /// not the processes that it leaves behind, and for those no path leads there any more.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn enter(&self) -> io::Result<Self> {
        std::env::set_current_dir(&self.directory)?;
        Ok(Self::new(Path::new(".")))
    }

    /// Takes the engine's lock; none: an engine holds it.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn lock(&self) -> io::Result<Option<Lock>> {
        let mut open = OpenOptions::new();
        // Not readable by others: whoever can open it could hold the lock.
        open.write(true).create(true).truncate(false).mode(0o600).custom_flags(libc::O_NOFOLLOW);
        let file = open.open(self.directory.join("lock"))?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Lock(file))),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    /// The state, if there is one that can be read.
    pub fn load(&self) -> Option<State> {
        let path = self.directory.join("state.json");
        if fs::metadata(&path).ok()?.len() > LARGEST {
            return None;
        }
        serde_json::from_slice::<State>(&fs::read(path).ok()?).ok().filter(|state| state.version == 1)
    }

    /// Writes the state.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn save(&self, state: &State) -> io::Result<()> {
        let mut text = serde_json::to_vec_pretty(state)?;
        text.push(b'\n');
        atomic::write(&self.directory.join("state.json"), &text)
    }

    /// True while the process that wrote `state` lives. Needs no rights.
    pub fn engine_lives(state: &State) -> bool {
        process_start(state.pid).is_some_and(|start| start == state.pid_start)
    }

    /// True if there is a state that can't be read: not ours, or damaged.
    pub fn is_damaged(&self) -> bool {
        self.directory.join("state.json").exists() && self.load().is_none()
    }

    /// The installer of this image has named the NICs: known from now on, whatever becomes of engine and state.
    pub fn note_named(&self) {
        let _ = atomic::write(&self.directory.join("named"), b"");
    }

    /// It has.
    pub fn is_named(&self) -> bool {
        self.directory.join("named").exists()
    }

    /// Removes the state: everything was given back.
    pub fn forget(&self) {
        let _ = fs::remove_file(self.directory.join("state.json"));
    }

    /// Keeps the directory open, for [`Held::forget`].
    ///
    /// # Errors
    /// Those of the file system.
    pub fn hold(&self) -> io::Result<Held> {
        File::open(&self.directory).map(Held)
    }

    /// Starts watching for changes of the state.
    ///
    /// # Errors
    /// Where inotify can't be had.
    pub fn watch(&self) -> io::Result<Watch> {
        let inotify = Inotify::init(InitFlags::IN_NONBLOCK | InitFlags::IN_CLOEXEC)?;
        let fd = inotify.as_fd().try_clone_to_owned()?;
        let mut watch =
            Watch { inotify, fd: sys::register(fd)?, directory: self.directory.clone(), direct: false };
        watch.aim()?;
        Ok(watch)
    }
}

/// When a process started, in clock ticks since boot (proc_pid_stat(5), field 22); none: it is no more.
pub fn process_start(pid: u32) -> Option<u64> {
    let stat = fs::read(format!("/proc/{pid}/stat")).ok()?;
    // The name, in parentheses, may hold anything.
    let behind = stat.iter().rposition(|byte| *byte == b')')? + 1;
    let text = std::str::from_utf8(&stat[behind..]).ok()?;
    // What follows starts with field 3; a zombie is no more.
    let mut fields = text.split_ascii_whitespace();
    if fields.next()? == "Z" {
        return None;
    }
    fields.nth(18)?.parse().ok()
}

/// Wakes up when the state may have changed.
#[derive(Debug)]
pub struct Watch {
    inotify: Inotify,
    fd: AsyncFd<std::os::fd::OwnedFd>,
    directory: PathBuf,
    direct: bool,
}

impl Watch {
    /// Watches the directory, or, before that is there, the nearest one above it.
    fn aim(&mut self) -> io::Result<()> {
        let flags = AddWatchFlags::IN_MOVED_TO | AddWatchFlags::IN_CREATE | AddWatchFlags::IN_CLOSE_WRITE;
        for place in self.directory.ancestors() {
            match self.inotify.add_watch(place, flags) {
                Ok(_) => {
                    self.direct = place == self.directory;
                    return Ok(());
                }
                Err(nix::Error::ENOENT) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(io::ErrorKind::NotFound.into())
    }

    /// Returns when something has changed.
    ///
    /// # Errors
    /// Those of inotify.
    pub async fn changed(&mut self) -> io::Result<()> {
        loop {
            let mut ready = self.fd.readable().await?;
            match self.inotify.read_events() {
                Ok(_) => break,
                Err(nix::Error::EAGAIN) => ready.clear_ready(),
                Err(error) => return Err(error.into()),
            }
        }
        if !self.direct {
            self.aim()?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_known_by_its_start() {
        let own = std::process::id();
        let state = State { pid: own, pid_start: process_start(own).unwrap(), ..State::default() };
        assert!(Store::engine_lives(&state));
        assert!(!Store::engine_lives(&State { pid_start: state.pid_start + 1, ..state }));
        assert_eq!(process_start(u32::MAX), None);
    }
}
