//! What a NIC is made of, by sysfs.

use std::path::Path;

/// Its speed in Mbit/s; none: unknown, as where there is no carrier.
pub(super) fn speed(name: &str) -> Option<u32> {
    let text = std::fs::read_to_string(Path::new("/sys/class/net").join(name).join("speed")).ok()?;
    // -1, where the driver does not know.
    text.trim().parse().ok()
}

/// A NIC as `all` means it: of a bus, but not USB (BMCs and the like), and not Wi-Fi.
pub(crate) fn is_wired(name: &str) -> bool {
    let place = Path::new("/sys/class/net").join(name);
    let bus = std::fs::read_link(place.join("device/subsystem"));
    let is_usb = |bus: &Path| bus.file_name().is_some_and(|name| name == "usb");
    let has_radio = ["wireless", "phy80211"].iter().any(|part| place.join(part).exists());
    bus.is_ok_and(|bus| !is_usb(&bus)) && !has_radio
}
