//! What udev has finished with.

use std::path::Path;

use crate::links::Links;
use crate::settle::Udev;

/// udevd's socket: there while it runs.
const CONTROL: &str = "/run/udev/control";
/// Its database; a network interface is `n<index>`.
const DATA: &str = "/run/udev/data";

/// Asks udev's files about each link that could be a port.
pub(super) fn read(links: &Links) -> Udev {
    let mut udev = Udev { running: Path::new(CONTROL).exists(), ..Udev::default() };
    if udev.running {
        let candidates = links.0.iter().filter(|link| link.can_be_port()).map(|link| link.index);
        udev.handled =
            candidates.filter(|index| Path::new(DATA).join(format!("n{index}")).exists()).collect();
    }
    udev
}
