//! A file that is replaced whole or not at all.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// Writes `content` to `path`, mode 0644, by way of a new file beside it. A symbolic link stays, its target is
/// replaced.
///
/// # Errors
/// Those of the file system.
pub fn write(path: &Path, content: &[u8]) -> io::Result<()> {
    let path = target(path);
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.new", std::process::id()));
    let new = path.with_file_name(name);
    let mut open = OpenOptions::new();
    open.write(true).create_new(true).mode(0o644).custom_flags(libc::O_NOFOLLOW);
    if let Some(directory) = path.parent() {
        // A link may lead to where nobody has been yet (../run/systemd/resolve).
        fs::create_dir_all(directory)?;
    }
    let written =
        open.open(&new).and_then(|mut file| file.write_all(content)).and_then(|()| fs::rename(&new, &path));
    if written.is_err() {
        let _ = fs::remove_file(&new);
    }
    written
}

/// Where a chain of symbolic links ends, also where nothing is there yet.
pub fn target(path: &Path) -> PathBuf {
    /// ELOOP's limit is 40; nobody needs more than these.
    const LONGEST: usize = 16;
    let mut path = path.to_owned();
    for _ in 0..LONGEST {
        let Ok(link) = fs::read_link(&path) else { break };
        path = path.parent().unwrap_or(Path::new("/")).join(link);
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replaces_through_a_link_and_leaves_nothing_behind() {
        let directory = std::env::temp_dir().join(format!("bondstrap-atomic-{}", std::process::id()));
        fs::create_dir_all(&directory).unwrap();
        let (real, link) = (directory.join("real"), directory.join("link"));
        std::os::unix::fs::symlink("real", &link).unwrap();
        write(&link, b"one").unwrap();
        assert_eq!(fs::read(&real).unwrap(), b"one", "a link that leads nowhere leads somewhere now");
        write(&link, b"two").unwrap();
        assert_eq!(fs::read(&real).unwrap(), b"two");
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(fs::read_dir(&directory).unwrap().count(), 2);
        fs::remove_dir_all(&directory).unwrap();
    }
}
