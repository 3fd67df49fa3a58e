//! What udev has finished with.

use std::path::Path;

use super::place::Place;
use crate::links::Links;
use crate::settle::Udev;

/// Where it is.
pub(super) const RUN: &str = "/run";
/// udevd's socket: there while it runs.
const CONTROL: &str = "udev/control";
/// Its database; a network interface is `n<index>`.
const DATA: &str = "udev/data";

/// Asks udev's files about each link that could be a port.
pub(super) fn read(run: &Place, links: &Links) -> Udev {
    let mut udev = Udev { running: run.has(CONTROL), ..Udev::default() };
    if udev.running {
        let candidates = links.0.iter().filter(|link| link.can_be_port()).map(|link| link.index);
        udev.handled =
            candidates.filter(|index| run.has(Path::new(DATA).join(format!("n{index}")))).collect();
    }
    udev
}
