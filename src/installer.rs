//! Which installer's image this machine runs, where that makes a difference.

use std::fs::File;
use std::io::Read;
use std::path::Path;

/// Of XCP-ng and XenServer: support bundles look for its log in a place of their own, and it is the installer that gives
/// the NICs their names.
pub fn is_xcp_ng() -> bool {
    Path::new("/opt/xensource/installer").exists()
}

/// XCP-ng's installer has named the NICs and set them up, once for all: it says so in its log right after. What is not
/// named by then (a NIC that it knows nothing of, or of a driver disk) never will be.
pub fn has_named() -> bool {
    /// It comes in the first lines. Bytes.
    const FAR_ENOUGH: u64 = 1 << 18;
    let mut text = Vec::new();
    let read = File::open("/tmp/install-log").and_then(|file| file.take(FAR_ENOUGH).read_to_end(&mut text));
    read.is_ok() && text.windows(LINE.len()).any(|part| part == LINE)
}

const LINE: &[u8] = b"Starting installation/upgrade/restore";
