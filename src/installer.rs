//! Which installer's image this machine runs, where that makes a difference.

use std::path::Path;

/// Of XCP-ng and XenServer: support bundles look for its log in a place of their own, and it is the installer that gives
/// the NICs their names.
pub fn is_xcp_ng() -> bool {
    Path::new("/opt/xensource/installer").exists()
}
