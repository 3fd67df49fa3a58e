//! What a NIC is made of, by sysfs.

use std::io;
use std::path::Path;

use super::place::Place;
use crate::engine::types::Refusal;
use crate::links::Links;
use crate::netlink::Netlink;
use crate::sys::permanent_mac;

/// One directory for each.
pub(super) const NICS: &str = "/sys/class/net";

/// The links, with what netlink alone does not tell of NICs. A NIC that carries addresses is one of `all` here.
pub(crate) fn links(netlink: &Netlink) -> Result<Links, Refusal> {
    let mut links = netlink.links()?;
    for link in links.0.iter_mut().filter(|link| link.is_nic()) {
        link.wired = is_wired(&Place::at(NICS), &link.name);
        link.permanent = link.permanent.or_else(|| permanent_mac(&link.name));
    }
    Ok(links)
}

/// Its speed in Mbit/s; none: unknown, as where there is no carrier.
pub(super) fn speed(nics: &Place, name: &str) -> Option<u32> {
    let text = nics.read(Path::new(name).join("speed")).ok()?;
    // -1, where the driver does not know.
    text.trim().parse().ok()
}

/// The driver's name.
pub(super) fn driver(nics: &Place, name: &str) -> Option<String> {
    let driver = nics.link(Path::new(name).join("device/driver")).ok()?;
    Path::new(&driver).file_name()?.to_str().map(str::to_owned)
}

/// No IPv6 on a NIC, or again: what is up to listen must not ask for routers, nor tell its address.
///
/// # Errors
/// Where it is so already, or there is no IPv6 in this kernel.
pub(super) fn set_quiet(conf: &Place, index: u32, quiet: bool) -> io::Result<()> {
    let name = nix::net::if_::if_indextoname(index)?;
    let name = name.to_str().map_err(io::Error::other)?;
    let file = Path::new(name).join("disable_ipv6");
    let (from, to) = if quiet { ("0", "1") } else { ("1", "0") };
    if conf.read(&file)?.trim() != from {
        return Err(io::Error::other("it is so already"));
    }
    conf.write(file, to)
}

/// A NIC as `all` means it: of a bus, but not USB (BMCs and the like), and not Wi-Fi.
pub(super) fn is_wired(nics: &Place, name: &str) -> bool {
    let nic = Path::new(name);
    let bus = nics.link(nic.join("device/subsystem"));
    let is_usb = |bus: &Path| bus.file_name().is_some_and(|name| name == "usb");
    let has_radio = ["wireless", "phy80211"].iter().any(|part| nics.has(nic.join(part)));
    bus.is_ok_and(|bus| !is_usb(Path::new(&bus))) && !has_radio
}
