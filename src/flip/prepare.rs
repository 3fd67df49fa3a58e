//! One look at the machine: which NIC has the addresses, what stands in the way, and all that the flip needs. Touches nothing.

use std::fs;
use std::io;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::path::Path;

use super::check::Target;
use super::message::{
    AF_INET, AF_INET6, Address, Device, IFADDRMSG, NDMSG, Neighbour, RTM_GETADDR, RTM_GETNEIGH, RTM_GETROUTE,
    RTM_GETRULE, RTMSG, RULE, same_mac, up,
};
use super::snapshot::{Snapshot, Tables};
use super::steps::{Other, Setting, Shape};
use super::{servers, warn};
use crate::engine::types::{Exit, Outcome, Refusal};
use crate::links::{Link, Links};
use crate::netlink::Netlink;
use crate::netlink::bonds::NewBond;
use crate::plan::{Bond, Mode, Plan};
use crate::run::hardware::links;
use crate::settle::resolve::Wanted;

/// So many servers are asked.
const MOST_SERVERS: usize = 4;

/// What is asked for beside the words.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Asked {
    /// Who must answer.
    pub check: Option<IpAddr>,
    /// Also with LACP over the boot NIC alone.
    pub force: bool,
    /// Nothing is to be touched, however gently.
    pub dry_run: bool,
}

/// All that a flip needs.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Prepared {
    /// What is to be made.
    pub shape: Shape,
    /// What is to be carried over.
    pub snapshot: Snapshot,
    /// Who must answer.
    pub targets: Vec<Target>,
    /// The address by which the servers know this machine.
    pub main: Option<Address>,
    /// The mode of what is in the bond's place, empty.
    pub before: Option<u8>,
    /// What the user should know.
    pub said: Vec<String>,
}

fn words(sentence: String) -> Outcome {
    Outcome { exit: Exit::Words, sentence }
}

fn refused(refusal: Refusal) -> Outcome {
    Outcome { exit: Exit::Refused, sentence: format!("the kernel's tables can't be read: {}", refusal.text) }
}

/// Looks.
///
/// # Errors
/// What stands in the way, as the sentence that ends it.
pub fn prepare(netlink: &Netlink, plan: &Plan, asked: Asked) -> Result<Prepared, Outcome> {
    let links = links(netlink).map_err(refused)?;
    let tables = read(netlink).map_err(refused)?;
    let mounts = fs::read_to_string("/proc/self/mounts").unwrap_or_default();
    // Who names somebody may know that another server does not answer; that of the root has to.
    let servers = if asked.check.is_some() { servers::of_root(&mounts) } else { servers::of(&mounts) };
    let searches = |bond| warn::searching(bond).map_or(Ok(()), |sentence| Err(words(sentence)));
    if let [only] = plan.bonds.as_slice() {
        searches(only)?;
    }
    let (spec, nic) = choose(plan, &links, &tables, &servers, asked.check)?;
    searches(spec)?;
    free(nic, &links)?;
    on_top(plan, spec)?;
    let device = Device { index: nic.index, name: nic.name.clone() };
    let snapshot = Snapshot::of(&device, &tables);
    let Some(mac) = nic.mac else { return Err(words(format!("{} has no Ethernet address", nic.name))) };
    let others: Vec<&Link> = others(spec, nic, &links, &tables);
    bare(spec, &others, &tables)?;
    let lacp = spec.mode == Mode::Lacp;
    let first = if lacp { before(spec, &others, &links, nic, asked.force)? } else { Vec::new() };
    let mut said = warn::ends(plan, &spec.name, nic.own_mac(), &snapshot);
    said.extend(warn::mtu(plan, &spec.name, nic));
    let mut options = spec.options.0.clone();
    if spec.mode == Mode::ActiveBackup && spec.options.get("fail_over_mac").is_none() && !asked.dry_run {
        let fixed: Vec<&str> =
            others.iter().filter(|port| keeps_mac(netlink, port)).map(|port| port.name.as_str()).collect();
        if !fixed.is_empty() {
            said.push(format!(
                "the driver of {} can't change the Ethernet address: {} takes that of the port in use \
                 (fail_over_mac=active), and who answers is told of it at each change",
                fixed.join(", "),
                spec.name
            ));
            options.push(("fail_over_mac", "active".into()));
        }
    }
    let empty = in_place(spec, &links, &tables)?;
    let index = links.0.iter().map(|link| link.index).max().unwrap_or_default() + 1;
    let late = |name: &str| lacp && (name.starts_with("ad_actor_") || name == "ad_user_port_key");
    let is_port = |name: &str| matches!(name, "primary" | "active_slave");
    let (late, early): (Vec<_>, Vec<_>) =
        options.into_iter().filter(|(name, _)| !is_port(name)).partition(|(name, _)| late(name));
    let new = NewBond { name: &spec.name, mode: spec.mode as u8, options: &early, mac, mtu: nic.mtu };
    let make = Netlink::bond_to_make(index, &new).map_err(|refusal| words(refusal.text))?;
    let change = |options: &[(&'static str, String)]| {
        Netlink::bond_to_change(index, options).map_err(|refusal| words(refusal.text))
    };
    let has_primary = matches!(spec.mode, Mode::ActiveBackup | Mode::BalanceTlb | Mode::BalanceAlb);
    let primary = spec.options.get("primary").is_none_or(|primary| primary == nic.name);
    let primary = (has_primary && primary).then(|| change(&[("primary", nic.name.clone())])).transpose()?;
    let before = empty.map(|(_, mode)| mode);
    let empty = empty.map(|(old, mode)| {
        let mac = old.mac.unwrap_or(mac);
        let again = NewBond { name: &spec.name, mode, options: &[], mac, mtu: old.mtu };
        let again = Netlink::bond_to_make(old.index, &again).map_err(|refusal| words(refusal.text))?;
        Ok((old.index, std::iter::once(again).chain(old.up.then(|| up(old.index))).collect()))
    });
    let targets = targets(asked.check, &servers, &snapshot, &mut said);
    let shape = Shape {
        about: format!("mode {}, MAC {mac}, MTU {}", spec.mode.name(), nic.mtu),
        bond: Device { index, name: spec.name.clone() },
        make,
        empty: empty.transpose()?,
        lacp,
        late: (!late.is_empty()).then(|| change(&late)).transpose()?,
        primary,
        quiet: (lacp && !first.is_empty()).then(|| setting("ipv6/conf", &spec.name, "disable_ipv6", "1")),
        others: first,
        mac,
        settings: settings(Path::new("/proc/sys/net"), &nic.name, &spec.name),
        filter: filter(&nic.name),
        asked: targets.iter().filter_map(Target::neighbour).collect(),
    };
    let to = asked.check.or(servers.first().map(SocketAddr::ip)).or(snapshot.gateways().first().copied());
    let local = to.and_then(local_address);
    let by = |address: &&Address| address.ip() == local && local.is_some();
    let v4 = |address: &&Address| address.ip().is_some_and(|ip| ip.is_ipv4());
    let main = snapshot.addresses.iter().filter(v4).find(by).or(snapshot.addresses.iter().find(v4)).cloned();
    Ok(Prepared { shape, snapshot, targets, main, before, said })
}

/// The kernel's tables.
pub(super) fn read(netlink: &Netlink) -> Result<Tables, Refusal> {
    let family = |family: u8, length: usize| {
        let mut query = vec![0; length];
        query[0] = family;
        query
    };
    let rules = |of: u8| netlink.read_raw(RTM_GETRULE, &family(of, RULE));
    Ok(Tables {
        addresses: netlink.read_raw(RTM_GETADDR, &family(0, IFADDRMSG))?,
        routes4: netlink.read_raw(RTM_GETROUTE, &family(AF_INET, RTMSG))?,
        routes6: netlink.read_raw(RTM_GETROUTE, &family(AF_INET6, RTMSG))?,
        // A kernel without IPv6 or without rules has none.
        rules4: rules(AF_INET).unwrap_or_default(),
        rules6: rules(AF_INET6).unwrap_or_default(),
        neighbours: netlink.read_raw(RTM_GETNEIGH, &family(0, NDMSG))?,
    })
}

/// The ports of the words that are there, each once.
fn ports<'a>(spec: &Bond, links: &'a Links) -> Vec<&'a Link> {
    let mut found: Vec<&Link> = Vec::new();
    for link in spec.ports.iter().flat_map(|port| Wanted::parse(port).find(links, &|name| name == spec.name))
    {
        if !found.iter().any(|known| known.index == link.index) {
            found.push(link);
        }
    }
    found
}

/// The ports beside the NIC. `all` and `auto` mean what is not in use.
fn others<'a>(spec: &Bond, nic: &Link, links: &'a Links, tables: &Tables) -> Vec<&'a Link> {
    let wanted: Vec<Wanted> = spec.ports.iter().map(|port| Wanted::parse(port)).collect();
    let is_named = |link: &Link| {
        let named = wanted.iter().filter(|wanted| !matches!(wanted, Wanted::All | Wanted::Auto));
        named
            .into_iter()
            .any(|wanted| wanted.find(links, &|_| false).iter().any(|found| found.index == link.index))
    };
    let mut all = ports(spec, links);
    all.retain(|link| link.index != nic.index && (is_named(link) || lost(link, tables).is_none()));
    all
}

/// The addresses of a link that others can use; a link-local one comes by itself.
fn own(link: &Link, tables: &Tables) -> Vec<Address> {
    let all = tables.addresses.iter().filter_map(|body| Address::of(link.index, body));
    all.filter(|address| !address.is_link_local()).collect()
}

/// The bond of the words and the port of it that has the addresses.
fn choose<'a, 'b>(
    plan: &'a Plan,
    links: &'b Links,
    tables: &Tables,
    servers: &[SocketAddr],
    check: Option<IpAddr>,
) -> Result<(&'a Bond, &'b Link), Outcome> {
    let all = plan.bonds.iter().flat_map(|bond| ports(bond, links).into_iter().map(move |port| (bond, port)));
    let candidates: Vec<(&Bond, &Link)> = all.filter(|(_, port)| !own(port, tables).is_empty()).collect();
    match candidates.as_slice() {
        [one] => return Ok(*one),
        [] => {
            let bonds: Vec<String> =
                plan.bonds.iter().map(|bond| format!("{} ({})", bond.name, bond.ports.join(", "))).collect();
            return Err(words(format!(
                "no port of {} carries an address, so there is nothing to move; name the NIC that this machine was booted \
                 with among the ports, or build the bond with bondstrap up",
                bonds.join(", ")
            )));
        }
        _ => {}
    }
    let to = check.or(servers.first().map(SocketAddr::ip));
    let local = to.and_then(local_address);
    let has = |(_, port): &&(&Bond, &Link)| {
        own(port, tables).iter().any(|address| address.ip() == local && local.is_some())
    };
    candidates.iter().find(has).copied().ok_or_else(|| {
        let names: Vec<&str> = candidates.iter().map(|(_, port)| port.name.as_str()).collect();
        words(format!(
            "{} carry addresses, and which of them the root needs is not to be seen: say who is reached by it with --check \
             ADDRESS",
            names.join(", ")
        ))
    })
}

/// The address that this machine speaks to `to` from. Sends nothing.
fn local_address(to: IpAddr) -> Option<IpAddr> {
    let any: SocketAddr = match to {
        IpAddr::V4(_) => ([0, 0, 0, 0], 0).into(),
        IpAddr::V6(_) => ([0_u16; 8], 0).into(),
    };
    let socket = UdpSocket::bind(any).ok()?;
    socket.connect(SocketAddr::new(to, 9)).ok()?;
    socket.local_addr().ok().map(|local| local.ip())
}

/// Nothing stands on the NIC, and it is nobody's port.
fn free(nic: &Link, links: &Links) -> Result<(), Outcome> {
    if let Some(controller) = nic.controller.and_then(|index| links.get(index)) {
        return Err(words(format!(
            "{} is a port of {} already; a flip starts from a NIC that carries its addresses itself",
            nic.name, controller.name
        )));
    }
    let upper: Vec<&str> = links
        .0
        .iter()
        .filter(|link| {
            link.lower == Some(nic.index)
                && link.kind != crate::links::Kind::Device
                && link.index != nic.index
        })
        .filter(|link| !matches!(&link.kind, crate::links::Kind::Other(kind) if kind == "veth"))
        .map(|link| link.name.as_str())
        .collect();
    if upper.is_empty() {
        return Ok(());
    }
    Err(words(format!(
        "{} stands on {}, which can't be moved along: take it down first, and let the words build it on the bond (vlan=)",
        upper.join(", "),
        nic.name
    )))
}

/// A bridge over the bond takes the frames that are for the bond's own addresses.
fn on_top(plan: &Plan, spec: &Bond) -> Result<(), Outcome> {
    let Some(bridge) = plan.bridges.iter().find(|bridge| bridge.ports.contains(&spec.name)) else {
        return Ok(());
    };
    Err(words(format!(
        "{0} is to be a port of {1}, and nothing reaches an address of a bridge's port, so none can be moved to {0}: leave {1} out \
         of the words (bridge=)",
        spec.name, bridge.name
    )))
}

/// What a port has that it would lose: what somebody gave it. What the kernel makes by itself comes again.
fn lost(port: &Link, tables: &Tables) -> Option<Address> {
    own(port, tables).into_iter().find(Address::is_given)
}

/// No other port has an address of its own: as a port it can't keep it.
fn bare(spec: &Bond, others: &[&Link], tables: &Tables) -> Result<(), Outcome> {
    for port in others {
        if let Some(address) = lost(port, tables).as_ref().and_then(Address::text) {
            return Err(words(format!(
                "{0} carries {address}, which it would lose as a port of {1}: take that off first (ip addr flush dev {0}), or leave \
                 {0} out of {1}",
                port.name, spec.name
            )));
        }
    }
    Ok(())
}

/// LACP: the ports that join first.
fn before(
    spec: &Bond,
    others: &[&Link],
    links: &Links,
    nic: &Link,
    force: bool,
) -> Result<Vec<Other>, Outcome> {
    if others.is_empty() && !force {
        return Err(words(format!(
            "{} is the only port of {} that is there, and nothing passes while LACP negotiates, which takes a second or \
             more: name another port, write mode=active-backup, or accept that with --force",
            nic.name, spec.name
        )));
    }
    if let Some(text) = warn::too_few(spec, &nic.name, others.len()) {
        return Err(words(text));
    }
    for port in others {
        if let Some(controller) = port.controller.and_then(|index| links.get(index)) {
            return Err(words(format!(
                "{} is a port of {} already; take it out first",
                port.name, controller.name
            )));
        }
    }
    let other =
        |port: &&Link| Other { port: Device { index: port.index, name: port.name.clone() }, up: port.up };
    Ok(others.iter().map(other).collect())
}

/// What has the bond's name: nothing, or an empty bond that goes first. Gives its mode as well.
fn in_place<'a>(spec: &Bond, links: &'a Links, tables: &Tables) -> Result<Option<(&'a Link, u8)>, Outcome> {
    let Some(link) = links.named(&spec.name) else { return Ok(None) };
    let Some(side) = link.bond() else {
        return Err(words(format!(
            "{} exists already and is no bond; give the bond another name",
            link.name
        )));
    };
    if links.ports_of(link.index).next().is_some() || !own(link, tables).is_empty() {
        return Err(words(format!(
            "{} exists already and is in use; give the new bond another name, or remove the old one: ip link del {}",
            link.name, link.name
        )));
    }
    Ok(Some((link, side.mode)))
}

/// The driver has no way to change the address: refused before anything is looked at (dev_set_mac_address()).
fn keeps_mac(netlink: &Netlink, port: &Link) -> bool {
    let Some(mac) = port.mac else { return false };
    let answers = netlink.send_raw(&[&same_mac(port.index, mac)]);
    answers.into_iter().any(|answer| answer.is_err_and(|refusal| refusal.errno == libc::EOPNOTSUPP))
}

/// The servers of NFS mounts, as many as are asked.
pub(super) fn nfs_servers() -> Vec<SocketAddr> {
    let mut servers = servers::of(&fs::read_to_string("/proc/self/mounts").unwrap_or_default());
    servers.truncate(MOST_SERVERS);
    servers
}

/// The first router that has been heard of. Of one whose address somebody has set no answer is ever seen.
pub(super) fn routers(snapshot: &Snapshot) -> Vec<Target> {
    let heard = |gateway: &IpAddr, near: &Neighbour| near.ip() == Some(*gateway) && !near.is_permanent();
    let known = |gateway: &IpAddr| snapshot.neighbours.iter().any(|near| heard(gateway, near));
    snapshot.gateways().into_iter().filter(known).map(Target::Neighbour).take(1).collect()
}

fn targets(
    check: Option<IpAddr>,
    servers: &[SocketAddr],
    snapshot: &Snapshot,
    said: &mut Vec<String>,
) -> Vec<Target> {
    let mut targets: Vec<Target> = check.map(Target::Echo).into_iter().collect();
    targets.extend(servers.iter().take(MOST_SERVERS).copied().map(Target::Server));
    if targets.is_empty() {
        targets = routers(snapshot);
    }
    if targets.is_empty() {
        said.push(
            "there is no NFS mount, no --check and no router that has been heard of: whether the network works on the bond is \
             not seen"
                .into(),
        );
    }
    targets
}

fn setting(directory: &str, name: &str, file: &str, value: &str) -> Setting {
    Setting { path: format!("{directory}/{name}/{file}"), value: value.into() }
}

/// The NIC's settings, for the bond. Those that follow from something else are left out.
fn settings(root: &Path, nic: &str, bond: &str) -> Vec<Setting> {
    /// The last one starts IPv6, with all that is set before.
    const LAST: &str = "disable_ipv6";
    const LEFT_OUT: [&str; 3] = ["mtu", "mc_forwarding", "stable_secret"];
    let mut all = Vec::new();
    for directory in ["ipv4/conf", "ipv4/neigh", "ipv6/conf", "ipv6/neigh"] {
        let Ok(files) = fs::read_dir(root.join(directory).join(nic)) else { continue };
        for file in files.flatten() {
            let Ok(name) = file.file_name().into_string() else { continue };
            let value = fs::read_to_string(file.path()).map(|value| value.trim().to_owned());
            if let (false, Ok(value)) = (LEFT_OUT.contains(&name.as_str()), value) {
                all.push(setting(directory, bond, &name, &value));
            }
        }
    }
    all.sort_by_key(|setting| setting.path.ends_with(LAST));
    all
}

/// Strict filtering by the way back (rp_filter 1) would drop answers that still come by the NIC.
fn filter(nic: &str) -> Option<(Setting, Setting)> {
    const FILE: &str = "rp_filter";
    let value = |name: &str| -> io::Result<String> {
        Ok(fs::read_to_string(format!("/proc/sys/net/ipv4/conf/{name}/{FILE}"))?.trim().to_owned())
    };
    let (all, own) = (value("all").ok()?, value(nic).ok()?);
    let strict = all.as_str().max(own.as_str()) == "1";
    strict.then(|| (setting("ipv4/conf", nic, FILE, "2"), setting("ipv4/conf", nic, FILE, &own)))
}
