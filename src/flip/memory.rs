//! Never from the disk: while a NIC is on its way, no page of this program may have to come over it.

use std::ffi::OsString;
use std::io::{self, Write};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::process::Command;

use nix::sys::memfd::{MFdFlags, memfd_create};
use nix::sys::mman::{MlockAllFlags, mlockall, munlockall};

use crate::sys::flush_no_io;

/// From here on the program's own pages come from memory: it starts again from a copy of itself that no file system has.
///
/// # Errors
/// Where that can't be had: locking the memory has to do then.
pub fn leave_disk() -> io::Result<()> {
    const MEMORY: &str = "/memfd:";
    let exe = std::fs::read_link("/proc/self/exe").unwrap_or_default();
    if exe.as_os_str().to_string_lossy().starts_with(MEMORY) {
        let _ = nix::sys::prctl::set_name(c"bondstrap");
        return Ok(());
    }
    let program = std::fs::read("/proc/self/exe")?;
    let mut memory = std::fs::File::from(to_run()?);
    memory.write_all(&program)?;
    let arguments: Vec<OsString> = std::env::args_os().collect();
    let path = format!("/proc/self/fd/{}", memory.as_raw_fd());
    let mut command = Command::new(path);
    command.args(arguments.iter().skip(1));
    if let Some(name) = arguments.first() {
        command.arg0(name);
    }
    // It comes back only where it failed.
    Err(command.exec())
}

/// A file in memory that can be run: with vm.memfd_noexec=1 that has to be said, and kernels before 6.3 don't know how.
fn to_run() -> nix::Result<OwnedFd> {
    let flags = MFdFlags::MFD_CLOEXEC;
    let said = MFdFlags::from_bits_retain(flags.bits() | libc::MFD_EXEC);
    memfd_create(c"bondstrap", said).or_else(|error| match error {
        nix::Error::EINVAL => memfd_create(c"bondstrap", flags),
        other => Err(other),
    })
}

/// All of memory stays where it is, what is there and what will be. Nor does the kernel have to write anything back for
/// memory that it gives to this process: that might go over the NIC that moves.
///
/// # Errors
/// The kernel's.
pub fn lock_memory() -> io::Result<()> {
    mlockall(MlockAllFlags::MCL_CURRENT | MlockAllFlags::MCL_FUTURE)?;
    // Kernels before 5.6 have no such thing.
    let _ = flush_no_io(true);
    Ok(())
}

/// As it was before.
pub fn unlock_memory() {
    let _ = munlockall();
    let _ = flush_no_io(false);
}
