//! The log: stderr, `/dev/kmsg` and `/run/bondstrap/log`; on XCP-ng also `/tmp/bondstrap-log`, which support
//! bundles collect.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use ::log::{Level, LevelFilter, Log, Metadata, Record};

use crate::clock::Millis;
use crate::installer;
use crate::plan::LogLevel;
use crate::sys::boottime;

/// A log file ends here: an hour of a flapping cable must not fill an initramfs. Bytes.
const LARGEST: u64 = 1 << 20;

/// The kernel refuses longer records whole (`LOG_LINE_MAX`). Bytes.
const LONGEST_RECORD: usize = 900;

/// Where the log of an installation is looked for on XCP-ng.
const XCP_LOG: &str = "/tmp/bondstrap-log";

struct Logger {
    stderr: env_logger::Logger,
    start: Millis,
    files: Vec<Mutex<File>>,
    written: AtomicU64,
    kmsg: Option<Mutex<File>>,
}

/// False once the engine has let go of the terminal.
static TERMINAL: AtomicBool = AtomicBool::new(true);

/// Starts the log. `directory`: where the files go; none: stderr only (commands that look and leave).
///
/// Gives the time from which the lines count.
pub fn start(level: LogLevel, directory: Option<&Path>) -> Millis {
    let filter = match level {
        LogLevel::Off => LevelFilter::Off,
        LogLevel::Error => LevelFilter::Error,
        LogLevel::Warn => LevelFilter::Warn,
        LogLevel::Info => LevelFilter::Info,
        LogLevel::Debug => LevelFilter::Debug,
        LogLevel::Trace => LevelFilter::Trace,
    };
    let start = boottime();
    let stderr = env_logger::Builder::new()
        .filter_level(LevelFilter::Off)
        .filter_module("bondstrap", filter)
        .format(move |out, record| writeln!(out, "bondstrap {} {}", since(start), message(record)))
        .build();
    let mut files = Vec::new();
    let mut kmsg = None;
    if let Some(directory) = directory {
        files.extend(append(&directory.join("log")));
        if installer::is_xcp_ng() {
            files.extend(append(Path::new(XCP_LOG)));
        }
        kmsg = OpenOptions::new().write(true).open("/dev/kmsg").ok().map(Mutex::new);
    }
    let logger = Logger { stderr, start, written: AtomicU64::new(longest(&files)), files, kmsg };
    if ::log::set_boxed_logger(Box::new(logger)).is_ok() {
        ::log::set_max_level(filter);
    }
    start
}

/// True while lines go to stderr.
pub fn has_terminal() -> bool {
    TERMINAL.load(Ordering::Relaxed)
}

/// From now on nothing goes to stderr.
pub fn leave_terminal() {
    TERMINAL.store(false, Ordering::Relaxed);
}

/// Lets go of stderr as well: whoever reads from it (`$(bondstrap up 2>&1)`) must see its end, and nothing may come
/// to a console on which an installer has its screen. `null`: an open /dev/null, as its path may lead over a root that is out of
/// reach by now.
pub fn close_stderr(null: Option<&File>) {
    leave_terminal();
    super::screen::wipe();
    if let Some(null) = null {
        let _ = nix::unistd::dup2_stderr(null);
    }
}

fn append(path: &Path) -> Option<Mutex<File>> {
    use std::os::unix::fs::OpenOptionsExt;
    let file =
        OpenOptions::new().create(true).append(true).mode(0o644).custom_flags(libc::O_NOFOLLOW).open(path);
    file.ok().map(Mutex::new)
}

/// Bytes of the longest: what an earlier engine has written counts as well.
fn longest(files: &[Mutex<File>]) -> u64 {
    let length = |file: &Mutex<File>| file.lock().ok()?.metadata().ok().map(|is| is.len());
    files.iter().filter_map(length).max().unwrap_or_default()
}

/// `   2.46s`: since the program started.
fn since(start: Millis) -> String {
    let millis = boottime().saturating_sub(start);
    format!("{:>4}.{:02}s", millis / 1_000, millis % 1_000 / 10)
}

fn message(record: &Record<'_>) -> String {
    match record.level() {
        Level::Error => format!("error: {}", record.args()),
        Level::Warn => format!("warning: {}", record.args()),
        _ => record.args().to_string(),
    }
}

impl Log for Logger {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        self.stderr.enabled(metadata)
    }

    fn log(&self, record: &Record<'_>) {
        if !self.enabled(record.metadata()) {
            return;
        }
        if TERMINAL.load(Ordering::Relaxed) {
            super::screen::wipe();
            self.stderr.log(record);
        }
        let text = message(record);
        let line = format!("{} {text}\n", since(self.start));
        if self.written.fetch_add(line.len() as u64, Ordering::Relaxed) < LARGEST {
            for file in &self.files {
                // A full disk must not stop the network.
                let _ = file.lock().unwrap_or_else(PoisonError::into_inner).write_all(line.as_bytes());
            }
        }
        if let Some(kmsg) = &self.kmsg
            && record.level() <= Level::Info
        {
            // Priority 7 (debug): a kernel without `quiet` or `loglevel=` shows all above it on the console, where an
            // installer has its screen.
            let text = &text[..text.floor_char_boundary(LONGEST_RECORD)];
            let record = format!("<7>bondstrap: {text}\n");
            let _ = kmsg.lock().unwrap_or_else(PoisonError::into_inner).write_all(record.as_bytes());
        }
    }

    fn flush(&self) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_is_that_of_the_file() {
        let path = std::env::temp_dir().join(format!("bondstrap-log-{}", std::process::id()));
        let lines = || {
            let stderr = env_logger::Builder::new().filter_level(LevelFilter::Info).is_test(true).build();
            let files: Vec<_> = append(&path).into_iter().collect();
            let logger =
                Logger { stderr, start: 0, written: AtomicU64::new(longest(&files)), files, kmsg: None };
            logger.log(&Record::builder().level(Level::Info).args(format_args!("a line")).build());
            std::fs::read(&path).expect("it is there").iter().filter(|byte| **byte == b'\n').count()
        };
        assert_eq!([lines(), lines()], [1, 2]);
        let file = OpenOptions::new().write(true).open(&path).expect("it is there");
        file.set_len(LARGEST).expect("it can be made longer");
        assert_eq!(lines(), 2);
        std::fs::remove_file(&path).expect("it can be removed");
    }
}
