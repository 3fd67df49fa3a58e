//! From what is there and what is wanted to the steps of a flip, each with its way back. (pure)
//!
//! In modes without LACP the bond is up, with everything that the NIC had, before the NIC goes down: what is sent meanwhile
//! waits in the queues of neighbours that are yet unknown on the bond, and answers that are under way still come in by the
//! NIC. Then the NIC becomes a port, and telling the bond its neighbours lets the queues go. So of what this machine
//! sends nothing is lost but what a queue can't hold, and of what it is sent only what comes within those moments.
//!
//! With LACP the other ports negotiate first, and the NIC joins last. That takes long: nothing of the NIC is touched until then,
//! nor put back. Where the NIC has something else when its turn comes, it all begins anew.

use std::net::IpAddr;

use super::message::{Device, delete, down, join, up};
use super::snapshot::Snapshot;
use crate::clock::Millis;
use crate::mac::Mac;
use crate::netlink::raw::Raw;

/// Answers that are on their way when the bond has taken over come in by the NIC for so long. Milliseconds.
const DRAIN: Millis = 10;

/// One thing to do. Everything in it is as it is sent.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Op {
    /// Messages to the kernel, as close together as can be.
    Send(Vec<Raw>),
    /// Set the port down and make it one of the bond; again where something else sets it up in between.
    Join {
        /// Index of the port.
        port: u32,
        /// Down, then in.
        messages: [Raw; 2],
    },
    /// Delete this bond, unless its index is another link's.
    Delete(Device),
    /// Settings below /proc/sys/net; what is not taken is left.
    Write(Vec<Setting>),
    /// Until the link passes frames.
    Running(u32),
    /// Until the bond has an LACP partner that takes traffic.
    Partner(u32),
    /// What is to be moved is still this.
    Still(Snapshot),
    /// Nothing, for so many milliseconds.
    Rest(Millis),
    /// Tell all neighbours where these addresses are.
    Announce {
        /// Index of the interface.
        index: u32,
        /// Its Ethernet address.
        mac: Mac,
        /// Its addresses.
        addresses: Vec<IpAddr>,
    },
    /// Whoever must be reachable has to answer.
    Check,
}

/// One setting of an interface.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Setting {
    /// Path of the file, below /proc/sys/net.
    pub path: String,
    /// Its content.
    pub value: String,
}

/// A step and its way back.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Step {
    /// What it does.
    pub name: String,
    /// In order; the first that fails ends the flip.
    pub forward: Vec<Op>,
    /// In order; each is tried, and each may find that there is nothing to do.
    pub back: Vec<Op>,
}

/// A port that joins before the boot NIC.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Other {
    /// The port.
    pub port: Device,
    /// It was set up.
    pub up: bool,
}

/// What is to be made of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Shape {
    /// The bond; its index is given to it.
    pub bond: Device,
    /// How it is told: mode, address, MTU.
    pub about: String,
    /// Makes it.
    pub make: Raw,
    /// What is in its place and empty goes before, and how it is made again.
    pub empty: Option<(u32, Vec<Raw>)>,
    /// LACP: ready means that there is a partner.
    pub lacp: bool,
    /// Options that go in behind the first port and before the bond is up.
    pub late: Option<Raw>,
    /// Options that name a port.
    pub primary: Option<Raw>,
    /// Ports that join first.
    pub others: Vec<Other>,
    /// Address of the boot NIC, and so of the bond.
    pub mac: Mac,
    /// Settings that the bond gets of the NIC.
    pub settings: Vec<Setting>,
    /// The NIC drops what comes in by it and is answered by the bond: the setting that allows it, and what it was.
    pub filter: Option<(Setting, Setting)>,
    /// IPv6 of the bond stays off until it takes over.
    pub quiet: Option<Setting>,
    /// Whose answers are waited for by way of the neighbour table.
    pub asked: Vec<IpAddr>,
}

fn step(name: String, forward: Vec<Op>, back: Vec<Op>) -> Step {
    Step { name, forward, back }
}

/// All steps, in their order.
pub fn steps(shape: &Shape, snapshot: &Snapshot) -> Vec<Step> {
    let alone = shape.lacp && shape.others.is_empty();
    let last = shape.lacp && !alone;
    let mut steps = Vec::new();
    if last {
        let ready = vec![Op::Partner(shape.bond.index)];
        let name = format!("wait until the LACP partner takes traffic on {}", shape.bond.name);
        let mut first = make(shape);
        // While the other ports negotiate a switch may keep the NIC's closed: what was announced then is lost.
        let (index, addresses) = (snapshot.nic.index, snapshot.ips());
        first.back.push(Op::Announce { index, mac: shape.mac, addresses });
        steps.extend([first, others(shape), late_and_up(shape), step(name, ready, vec![])]);
    }
    // Since it was looked at servers were asked, or a partner waited for. Where it fails nothing is put back of the NIC either.
    let still = vec![Op::Still(snapshot.clone())];
    steps.push(step(format!("see that {} has what it had", snapshot.nic.name), still, vec![]));
    steps.push(origin(shape, snapshot));
    if !last {
        steps.push(make(shape));
        if alone {
            steps.push(enslave(shape, snapshot));
        }
        steps.push(late_and_up(shape));
    }
    steps.push(settings(shape, snapshot));
    let mut moves = vec![addresses(&shape.bond, snapshot), routes(&shape.bond, snapshot)];
    if alone {
        // A port takes nothing: it is all given back once it is none, by the first step's way back.
        moves.iter_mut().for_each(|step| step.back.clear());
    }
    steps.extend(moves);
    if !snapshot.rules.is_empty() {
        steps.push(rules(&shape.bond, snapshot));
    }
    if !shape.lacp {
        let name = format!("let answers come in by {} for {DRAIN} ms", snapshot.nic.name);
        steps.push(step(name, vec![Op::Rest(DRAIN)], vec![]));
        steps.push(enslave(shape, snapshot));
    }
    let waits = match alone {
        true => vec![Op::Partner(shape.bond.index)],
        false => vec![Op::Running(shape.bond.index)],
    };
    steps.push(step(format!("wait until {} passes frames", shape.bond.name), waits, vec![]));
    steps.push(neighbours(&shape.bond, shape.mac, &shape.asked, snapshot));
    steps.push(step("see whether it is answered".into(), vec![Op::Check], vec![]));
    let strict = shape.filter.iter().map(|(_, was)| Op::Write(vec![was.clone()]));
    if last {
        steps.push(enslave(shape, snapshot));
        // That a neighbour has answered before says nothing.
        let again = known(&shape.bond, &shape.asked, snapshot).filter(|(ask, _)| *ask);
        let again = Op::Send(again.map(|(_, raw)| raw).collect());
        steps.push(step("see whether it is still answered".into(), vec![again, Op::Check], vec![]));
    }
    if let Some(last) = steps.last_mut() {
        last.forward.extend(strict);
    }
    steps
}

/// The other direction.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Home {
    /// The NIC that everything goes to; a port of the bond.
    pub nic: Device,
    /// Its Ethernet address once it is no port.
    pub mac: Mac,
    /// The bond's.
    pub bond_mac: Mac,
    /// The bond's mode is LACP.
    pub lacp: bool,
    /// The other ports that LACP has. They go first: a switch may keep the NIC's port closed as long as one of them
    /// negotiates.
    pub others: Vec<Other>,
    /// As in [`Shape`].
    pub asked: Vec<IpAddr>,
}

/// The other direction, for `down`: what the bond has by now goes to the NIC. `snapshot` is the bond's.
pub fn home(home: &Home, snapshot: &Snapshot) -> Vec<Step> {
    let (nic, bond) = (&home.nic, &snapshot.nic);
    let again = |port: u32| Op::Join { port, messages: [down(port), join(port, bond.index)] };
    let announce = Op::Announce { index: bond.index, mac: home.bond_mac, addresses: snapshot.ips() };
    let mut steps = vec![step(
        format!("see that {} has carrier", nic.name),
        vec![Op::Running(nic.index)],
        vec![Op::Running(bond.index), announce],
    )];
    if !home.others.is_empty() {
        let names: Vec<&str> = home.others.iter().map(|other| other.port.name.as_str()).collect();
        let out = home.others.iter().flat_map(|other| {
            let index = other.port.index;
            [Some(join(index, 0)), other.up.then(|| up(index))].into_iter().flatten()
        });
        let mut back: Vec<Op> = home.others.iter().map(|other| again(other.port.index)).collect();
        back.push(Op::Partner(bond.index));
        let name = format!("take {} out of {}", names.join(", "), bond.name);
        steps.push(step(name, vec![Op::Send(out.collect())], back));
    }
    let out = vec![Op::Send(vec![join(nic.index, 0), up(nic.index)]), Op::Running(nic.index)];
    let name = format!("take {} out of {} and set it up", nic.name, bond.name);
    steps.push(step(name, out, vec![again(nic.index)]));
    steps.push(addresses(nic, snapshot));
    steps.push(routes(nic, snapshot));
    steps.push(rules(nic, snapshot));
    steps.push(neighbours(nic, home.mac, &home.asked, snapshot));
    steps.push(step("see whether it is answered".into(), vec![Op::Check], vec![]));
    steps
}

/// Does nothing; its way back is the whole of what the NIC had, whatever the others' ways back have left out.
fn origin(shape: &Shape, snapshot: &Snapshot) -> Step {
    let nic = &snapshot.nic;
    let mut back = vec![up(nic.index)];
    back.extend(snapshot.addresses.iter().flat_map(|address| address.afresh(nic, nic)));
    back.extend(snapshot.routes.iter().map(|route| route.set(nic, nic)));
    back.extend(snapshot.rules.iter().map(|rule| rule.set(nic, nic)));
    let mut ops = vec![Op::Send(back)];
    ops.extend(shape.filter.iter().map(|(_, was)| Op::Write(vec![was.clone()])));
    ops.push(Op::Running(nic.index));
    ops.push(Op::Send(snapshot.neighbours.iter().map(|neighbour| neighbour.set(nic, false)).collect()));
    // Flags that were only for the way.
    ops.push(Op::Send(snapshot.addresses.iter().map(|address| address.set(nic, nic, false)).collect()));
    ops.push(Op::Announce { index: nic.index, mac: shape.mac, addresses: snapshot.ips() });
    let count = [snapshot.addresses.len(), snapshot.routes.len(), snapshot.rules.len()];
    let [a, r, u] = count;
    let name = format!("keep what {} has for the way back: {a} addresses, {r} routes, {u} rules", nic.name);
    step(name, vec![], ops)
}

fn make(shape: &Shape) -> Step {
    let (mut forward, mut back) = (Vec::new(), vec![Op::Delete(shape.bond.clone())]);
    if let Some((index, again)) = &shape.empty {
        forward.push(delete(*index));
        back.push(Op::Send(again.clone()));
    }
    forward.push(shape.make.clone());
    let mut ops = vec![Op::Send(forward)];
    ops.extend(shape.quiet.iter().map(|setting| Op::Write(vec![setting.clone()])));
    step(format!("make {}: {}", shape.bond.name, shape.about), ops, back)
}

fn into_bond(port: u32, shape: &Shape) -> Op {
    Op::Join { port, messages: [down(port), join(port, shape.bond.index)] }
}

fn others(shape: &Shape) -> Step {
    let names: Vec<&str> = shape.others.iter().map(|other| other.port.name.as_str()).collect();
    let forward = shape.others.iter().map(|other| into_bond(other.port.index, shape)).collect();
    let back = shape.others.iter().flat_map(|other| {
        let index = other.port.index;
        [join(index, 0), if other.up { up(index) } else { down(index) }]
    });
    step(
        format!("put {} into {}", names.join(", "), shape.bond.name),
        forward,
        vec![Op::Send(back.collect())],
    )
}

fn late_and_up(shape: &Shape) -> Step {
    let late = shape.late.clone().filter(|_| shape.lacp);
    let forward = late.into_iter().chain([up(shape.bond.index)]).collect();
    step(format!("set {} up", shape.bond.name), vec![Op::Send(forward)], vec![])
}

fn settings(shape: &Shape, snapshot: &Snapshot) -> Step {
    let mut forward = vec![Op::Write(shape.settings.clone())];
    forward.extend(shape.filter.iter().map(|(open, _)| Op::Write(vec![open.clone()])));
    let name = format!("give {} the settings of {} (sysctl)", shape.bond.name, snapshot.nic.name);
    // The filter is set back by the first step's way back, when the NIC has its own again.
    step(name, forward, vec![])
}

fn addresses(bond: &Device, snapshot: &Snapshot) -> Step {
    let nic = &snapshot.nic;
    let all = &snapshot.addresses;
    // IPv4 has its routes there as well before anything goes: at no moment is there no way.
    let there = all.iter().flat_map(|address| address.afresh(nic, bond)).chain(ahead(snapshot, bond));
    let off = all.iter().rev().map(|address| address.remove(nic));
    // The routes as well: a gateway has to be reached before a route can name it.
    let mut back: Vec<Raw> = all.iter().flat_map(|address| address.afresh(nic, nic)).collect();
    back.extend(moved(snapshot, bond, nic));
    back.extend(all.iter().rev().map(|address| address.remove(bond)));
    let texts: Vec<_> = snapshot.addresses.iter().filter_map(super::message::Address::text).collect();
    let name = format!("move {} from {} to {}", texts.join(", "), nic.name, bond.name);
    step(name, vec![Op::Send(there.chain(off).collect())], vec![Op::Send(back)])
}

/// The messages that move the snapshot's routes.
fn moved(snapshot: &Snapshot, from: &Device, to: &Device) -> Vec<Raw> {
    let mut messages = ahead(snapshot, to);
    messages.extend(behind(snapshot, from, to));
    messages
}

/// Those that can be in both places.
fn ahead(snapshot: &Snapshot, to: &Device) -> Vec<Raw> {
    let both = snapshot.routes.iter().filter(|route| !route.goes_first());
    both.map(|route| route.set(&snapshot.nic, to)).collect()
}

/// What is left to do then.
fn behind(snapshot: &Snapshot, from: &Device, to: &Device) -> Vec<Raw> {
    let nic = &snapshot.nic;
    let (early, late): (Vec<_>, Vec<_>) = snapshot.routes.iter().partition(|route| route.goes_first());
    let mut messages: Vec<Raw> = late.iter().rev().map(|route| route.remove(nic, from)).collect();
    messages.extend(early.iter().flat_map(|route| [route.remove(nic, from), route.set(nic, to)]));
    messages
}

fn routes(bond: &Device, snapshot: &Snapshot) -> Step {
    let name = format!("move {} routes to {}", snapshot.routes.len(), bond.name);
    step(name, vec![Op::Send(behind(snapshot, &snapshot.nic, bond))], vec![])
}

fn rules(bond: &Device, snapshot: &Snapshot) -> Step {
    let nic = &snapshot.nic;
    let pairs = |to: &Device, from: &Device| {
        let pair = |rule: &super::message::Rule| [rule.set(nic, to), rule.remove(nic, from)];
        snapshot.rules.iter().flat_map(pair).collect()
    };
    let name = format!("move {} rules to {}", snapshot.rules.len(), bond.name);
    step(name, vec![Op::Send(pairs(bond, nic))], vec![Op::Send(pairs(nic, bond))])
}

fn enslave(shape: &Shape, snapshot: &Snapshot) -> Step {
    let nic = &snapshot.nic;
    let mut forward = vec![into_bond(nic.index, shape)];
    forward.extend(shape.primary.iter().map(|primary| Op::Send(vec![primary.clone()])));
    let back = vec![Op::Send(vec![join(nic.index, 0), up(nic.index)])];
    step(format!("set {} down and put it into {}", nic.name, shape.bond.name), forward, back)
}

/// The messages that make the neighbours known, and which of them ask.
fn known(bond: &Device, asked: &[IpAddr], snapshot: &Snapshot) -> impl Iterator<Item = (bool, Raw)> {
    snapshot.neighbours.iter().map(move |neighbour| {
        let ask = neighbour.ip().is_some_and(|ip| asked.contains(&ip));
        (ask, neighbour.set(bond, ask))
    })
}

fn neighbours(bond: &Device, mac: Mac, asked: &[IpAddr], snapshot: &Snapshot) -> Step {
    let known = known(bond, asked, snapshot).map(|(_, raw)| raw);
    let settled = snapshot.addresses.iter().map(|address| address.set(&snapshot.nic, bond, false)).collect();
    let forward = vec![
        Op::Send(known.collect()),
        Op::Announce { index: bond.index, mac, addresses: snapshot.ips() },
        Op::Send(settled),
    ];
    let name =
        format!("tell {} its {} neighbours, and them where we are", bond.name, snapshot.neighbours.len());
    step(name, forward, vec![])
}
