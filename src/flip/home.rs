//! The other direction: what the bond has goes back to the NIC that it came from.

use std::io;
use std::time::Duration;

use super::check::Target;
use super::guarded::{self, kernel_log, tell_killed};
use super::live::Limits;
use super::message::{Address, Device};
use super::prepare::{nfs_servers, read, routers};
use super::snapshot::Snapshot;
use super::steps::{Home, Other, home};
use crate::engine::state::Found;
use crate::engine::types::Refusal;
use crate::links::{Link, Links};
use crate::netlink::Netlink;
use crate::plan::Mode;

/// A switch with LACP fallback opens the NIC's port when it has heard no LACPDU for three times a second, or has counted
/// further on its own.
const LACP_LIMIT: Duration = Duration::from_secs(30);
/// Who does not answer over the bond within this time is not asked afterwards.
const BEFORE: Duration = Duration::from_secs(2);

/// What became of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Brought {
    /// Everything is on the NIC.
    Moved,
    /// The bond is gone, or has nothing.
    NothingThere,
    /// Nothing was touched, and everything is on the bond: why.
    Stayed(String),
}

/// Who is who.
enum Place<'a> {
    /// The bond and its port, the NIC.
    There(&'a Link, &'a Link),
    /// The bond, and what is wrong with the NIC.
    Missing(&'a Link, String),
    /// No bond.
    Nothing,
}

fn place<'a>(found: &Found, links: &'a Links) -> Place<'a> {
    let bond =
        found.bonds.iter().find_map(|bond| links.named(&bond.name)).filter(|link| link.bond().is_some());
    let Some(bond) = bond else { return Place::Nothing };
    match found.ports.first().map(|port| (port.index, links.get(port.index))) {
        Some((_, Some(port))) if port.controller == Some(bond.index) => Place::There(bond, port),
        Some((_, Some(port))) => Place::Missing(
            bond,
            format!(
                "{0} is no port of {1}, which has the addresses: put it in again (ip link set {0} down; ip link set {0} \
                 master {1})",
                port.name, bond.name
            ),
        ),
        known => {
            let index = known.map(|(index, _)| index).unwrap_or_default();
            let text = format!(
                "the NIC that {} got its addresses from (interface {index}) is gone, and what came in its place is another one",
                bond.name
            );
            Place::Missing(bond, text)
        }
    }
}

/// Moves everything that the bond has by now to the first port. `limit`: for the NIC's carrier, and for an answer by it.
///
/// # Errors
/// Where the kernel can't be asked, or no watchdog be had.
pub fn bring(found: &Found, limit: Duration) -> io::Result<Brought> {
    let netlink = Netlink::open()?;
    let asked = |refusal: Refusal| io::Error::other(refusal.text);
    let links = netlink.links().map_err(asked)?;
    let device = |link: &Link| Device { index: link.index, name: link.name.clone() };
    let of = |bond: &Link| Ok::<_, io::Error>(Snapshot::of(&device(bond), &read(&netlink).map_err(asked)?));
    let (bond, port) = match place(found, &links) {
        Place::There(bond, port) => (bond, port),
        Place::Nothing => return Ok(Brought::NothingThere),
        Place::Missing(bond, why) => {
            let nothing = of(bond)?.addresses.iter().all(Address::is_link_local);
            return Ok(if nothing { Brought::NothingThere } else { Brought::Stayed(why) });
        }
    };
    let snapshot = of(bond)?;
    // A port gets back what it had when it became one, which need not be burnt in.
    let before = port.port.and_then(|side| side.permanent).filter(|mac| !mac.is_zero());
    let (Some(mac), Some(bond_mac)) = (before.or(port.own_mac()), bond.mac) else {
        return Ok(Brought::Stayed(format!("{} has no Ethernet address", port.name)));
    };
    let lacp = bond.bond().is_some_and(|side| side.mode == Mode::Lacp as u8);
    let others = links.ports_of(bond.index).filter(|other| lacp && other.index != port.index);
    let was_up = |index: u32| found.ports.iter().any(|port| port.index == index && port.up);
    let others = others.map(|other| Other { port: device(other), up: was_up(other.index) }).collect();
    let mut targets: Vec<Target> = nfs_servers().into_iter().map(Target::Server).collect();
    targets.retain(|target| target.answers(&netlink, bond.index, BEFORE, || false));
    if targets.is_empty() {
        targets = routers(&snapshot);
    }
    let asked = targets.iter().filter_map(Target::neighbour).collect();
    let steps = home(&Home { nic: device(port), mac, bond_mac, lacp, others, asked }, &snapshot);
    let limit = if lacp { limit.max(LACP_LIMIT) } else { limit };
    let kmsg = kernel_log();
    let told = |left: &[String]| tell_killed(kmsg.as_ref(), "down", left);
    let limits = Limits { carrier: limit, partner: limit };
    let ran = guarded::run(&steps, limits, targets, port.index, &told, || Ok(()))?;
    Ok(match ran.ended {
        Ok(()) => Brought::Moved,
        Err(failure) => {
            let name = steps.get(failure.step).map_or("", |step| step.name.as_str());
            let left = match failure.left.as_slice() {
                [] => String::new(),
                left => format!(" (but not everything could be put back: {})", left.join("; ")),
            };
            Brought::Stayed(format!("{name}: {}{left}", failure.trouble.text))
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::state::{FoundBond, FoundPort};
    use crate::links::Kind;

    #[test]
    fn nothing_goes_home_where_the_nic_is_not_in_the_bond() {
        let found = Found {
            ports: vec![FoundPort { index: 2, up: true }],
            bonds: vec![FoundBond { index: 0, name: "bond0".into(), before: None }],
            flipped: true,
            ..Found::default()
        };
        let bond =
            Link { index: 9, name: "bond0".into(), kind: Kind::Bond(Box::default()), ..Link::default() };
        let nic = |index, controller| Link { index, name: "eth0".into(), controller, ..Link::default() };
        let machine = |nic: Link| Links(vec![nic, bond.clone()]);
        assert!(matches!(place(&found, &machine(nic(2, Some(9)))), Place::There(bond, nic)
            if (bond.index, nic.index) == (9, 2)));
        let why = |links: &Links| match place(&found, links) {
            Place::Missing(_, why) => why,
            _ => String::new(),
        };
        assert!(why(&machine(nic(2, None))).starts_with("eth0 is no port of bond0"));
        assert!(why(&machine(nic(7, Some(9)))).contains("(interface 2) is gone"));
        assert!(matches!(place(&found, &Links(vec![nic(2, None)])), Place::Nothing));
        let other = Link { kind: Kind::Other("dummy".into()), ..bond.clone() };
        assert!(matches!(place(&found, &Links(vec![nic(2, None), other])), Place::Nothing));
    }
}
