//! The other direction: what the bond has goes back to the NIC that it came from.

use std::io;
use std::time::Duration;

use super::live::{Limits, Live};
use super::memory::lock_memory;
use super::message::Device;
use super::prepare::read;
use super::runner::run;
use super::snapshot::Snapshot;
use super::steps::home;
use crate::engine::state::Found;
use crate::netlink::Netlink;

/// For the NIC's carrier.
const LIMIT: Duration = Duration::from_secs(10);

/// Moves everything that the bond has by now to the first port. Gives why that failed; everything is on the bond then, as
/// it was. Where NIC or bond are gone there is nothing to move.
///
/// # Errors
/// Where the kernel can't be asked.
pub fn bring(found: &Found) -> io::Result<Option<String>> {
    let netlink = Netlink::open()?;
    let asked = |refusal: crate::engine::types::Refusal| io::Error::other(refusal.text);
    let links = netlink.links().map_err(asked)?;
    let bond =
        found.bonds.iter().find_map(|bond| links.named(&bond.name)).filter(|link| link.bond().is_some());
    let port = found.ports.first().and_then(|port| links.get(port.index));
    let (Some(bond), Some(port)) = (bond, port) else { return Ok(None) };
    let Some(mac) = port.own_mac().filter(|_| port.controller == Some(bond.index)) else { return Ok(None) };
    let device = |link: &crate::links::Link| Device { index: link.index, name: link.name.clone() };
    let snapshot = Snapshot::of(&device(bond), &read(&netlink).map_err(asked)?);
    let steps = home(&device(port), mac, &snapshot);
    lock_memory()?;
    let mut live = Live::back_only(Limits { carrier: LIMIT, partner: LIMIT }, bond.index)?;
    let ended = run(&steps, &mut live);
    let _ = nix::sys::mman::munlockall();
    Ok(ended.err().map(|failure| failure.trouble.text))
}
