//! Kernel modules, by the image's own modprobe.

use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;

use super::place::Place;
use crate::engine::types::Refusal;
use crate::escape;

/// One directory for each that is there.
pub(crate) const LOADED: &str = "/sys/module";
/// A modprobe that takes longer hangs.
const LIMIT: Duration = Duration::from_secs(30);

/// Loads `module`, unless it is among the `loaded`.
///
/// # Errors
/// modprobe's own words, or that there is none. The module may be built in all the same.
pub(crate) async fn load(loaded: &Place, module: &str) -> Result<(), Refusal> {
    if loaded.has(module) {
        return Ok(());
    }
    let mut command = Command::new("modprobe");
    command.arg(module).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).kill_on_drop(true);
    if module == "bonding" {
        // Else the module makes a bond0 of its own, in whatever mode is its default.
        command.arg("max_bonds=0");
    }
    if std::env::var_os("PATH").is_none() {
        command.env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
    }
    let refuse = |text: String| Refusal { errno: 0, text };
    match tokio::time::timeout(LIMIT, command.output()).await {
        Err(_) => Err(refuse(format!("modprobe {module} did not end within {} s", LIMIT.as_secs()))),
        Ok(Err(error)) => Err(refuse(format!("modprobe can't be run ({error})"))),
        Ok(Ok(output)) if output.status.success() => Ok(()),
        Ok(Ok(output)) => {
            let end = output.stderr.len().min(512);
            Err(refuse(escape::bytes(output.stderr[..end].trim_ascii())))
        }
    }
}

/// `uname -r`.
pub(super) fn kernel_release() -> String {
    std::fs::read("/proc/sys/kernel/osrelease")
        .map_or_else(|_| "of this machine".into(), |text| escape::bytes(text.trim_ascii()))
}
