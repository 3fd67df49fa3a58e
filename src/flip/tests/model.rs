//! A kernel with links, addresses, routes and rules, as far as a flip meets them. It refuses what the real one refuses,
//! and what it is told to refuse.

use std::collections::{BTreeMap, BTreeSet};

use crate::flip::message::*;
use crate::flip::runner::{Kernel, Kind, Trouble};
use crate::flip::snapshot::{Snapshot, Tables};
use crate::flip::steps::{Op, Other, Setting, Shape};
use crate::mac::Mac;
use crate::netlink::attributes::{number, of, put, text};
use crate::netlink::raw::Raw;

pub(super) const NIC: u32 = 2;
pub(super) const SECOND: u32 = 3;
pub(super) const BOND: u32 = 9;

#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Link {
    pub(super) up: bool,
    pub(super) controller: Option<u32>,
}

/// What a flip changes, without what follows from the moment.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct World {
    pub(super) links: BTreeMap<u32, Link>,
    /// Index and body, flags of the way left out.
    pub(super) addresses: BTreeSet<(u32, Vec<u8>)>,
    pub(super) routes: BTreeSet<Vec<u8>>,
    pub(super) rules: BTreeSet<Vec<u8>>,
    pub(super) settings: BTreeMap<String, String>,
}

impl World {
    /// A router's routes, whether they are the kernel's own or copies that come after those until they run out.
    pub(super) fn settled(&self) -> Self {
        let settled = |route: &Vec<u8>| {
            let mut body = route[..RTMSG].to_vec();
            let is_of_router = route[0] == AF_INET6 && route[5] == 9;
            for (kind, value) in of(&route[RTMSG..]).filter(|(kind, _)| !is_of_router || *kind != 6) {
                put(&mut body, kind, value);
            }
            body
        };
        Self { routes: self.routes.iter().map(settled).collect(), ..self.clone() }
    }
}

#[derive(Debug, Default)]
pub(super) struct Model {
    pub(super) world: World,
    /// How many messages and other ops there were.
    pub(super) events: usize,
    /// This one fails.
    pub(super) fails: Option<usize>,
    pub(super) begun: usize,
    back: bool,
}

const IFF_UP: u32 = 1;
const EPERM: i32 = 1;
const ESRCH: i32 = 3;
const EEXIST: i32 = 17;
const ENODEV: i32 = 19;
const ENETDOWN: i32 = 100;

fn word(body: &[u8], at: usize) -> u32 {
    u32::from_ne_bytes(*body[at..].first_chunk().unwrap())
}

/// Family, prefix, address: what makes an address the same.
fn address_key(body: &[u8]) -> (u8, u8, Vec<u8>) {
    let local = of(&body[IFADDRMSG..])
        .find(|(kind, _)| *kind == 2)
        .or(of(&body[IFADDRMSG..]).find(|(kind, _)| *kind == 1));
    (body[0], body[1], local.unwrap().1.to_vec())
}

/// Without the flag that is only for the way (IFA_F_NODAD).
fn plain(body: &[u8]) -> Vec<u8> {
    let mut plain = body[..IFADDRMSG].to_vec();
    for (kind, value) in of(&body[IFADDRMSG..]) {
        let value =
            if kind == 8 { (number(value).unwrap() & !2).to_ne_bytes().to_vec() } else { value.to_vec() };
        put(&mut plain, kind, &value);
    }
    plain
}

fn out_of(route: &[u8]) -> u32 {
    of(&route[RTMSG..]).find(|(kind, _)| *kind == 4).and_then(|(_, value)| number(value)).unwrap()
}

impl Model {
    fn is_up(&self, index: u32) -> Result<(), i32> {
        match self.world.links.get(&index) {
            Some(link) if link.up => Ok(()),
            Some(_) => Err(ENETDOWN),
            None => Err(ENODEV),
        }
    }

    fn flush(&mut self, index: u32) {
        self.world.routes.retain(|route| out_of(route) != index);
        self.world.addresses.retain(|(of, body)| *of != index || body[0] != AF_INET6);
    }

    fn message(&mut self, raw: &Raw) -> Result<(), i32> {
        let body = &raw.body;
        match raw.kind {
            RTM_NEWLINK if raw.flags & NLM_F_CREATE == 0 => {
                let index = word(body, 4);
                self.world.links.contains_key(&index).then_some(()).ok_or(ENODEV)
            }
            RTM_NEWLINK => match self.world.links.insert(word(body, 4), Link::default()) {
                None => Ok(()),
                Some(_) => Err(EEXIST),
            },
            RTM_DELLINK => {
                let index = word(body, 4);
                self.world.links.remove(&index).ok_or(ENODEV)?;
                self.flush(index);
                self.world.addresses.retain(|(of, _)| *of != index);
                let ports: Vec<u32> = self
                    .world
                    .links
                    .iter()
                    .filter(|(_, link)| link.controller == Some(index))
                    .map(|(port, _)| *port)
                    .collect();
                for port in ports {
                    self.flush(port);
                    self.world.links.insert(port, Link::default());
                }
                Ok(())
            }
            RTM_SETLINK => self.set_link(body),
            RTM_NEWADDR => {
                let index = word(body, 4);
                let link = self.world.links.get(&index).ok_or(ENODEV)?;
                if body[0] == AF_INET6 && link.controller.is_some() {
                    return Err(22);
                }
                self.world.addresses.retain(|(of, is)| *of != index || address_key(is) != address_key(body));
                self.world.addresses.insert((index, plain(body)));
                Ok(())
            }
            RTM_DELADDR => {
                let index = word(body, 4);
                let before = self.world.addresses.len();
                self.world.addresses.retain(|(of, is)| *of != index || address_key(is) != address_key(body));
                (self.world.addresses.len() < before).then_some(()).ok_or(libc::EADDRNOTAVAIL)
            }
            RTM_NEWROUTE => {
                self.is_up(out_of(body))?;
                let far = body[0] == AF_INET && of(&body[RTMSG..]).any(|(kind, _)| kind == 5);
                let near =
                    self.world.addresses.iter().any(|(of, is)| *of == out_of(body) && is[0] == AF_INET);
                if far && !near {
                    return Err(libc::ENETUNREACH);
                }
                self.world.routes.insert(body.clone()).then_some(()).ok_or(EEXIST)
            }
            RTM_DELROUTE => self.world.routes.remove(body).then_some(()).ok_or(ESRCH),
            RTM_NEWRULE => self.world.rules.insert(body.clone()).then_some(()).ok_or(EEXIST),
            RTM_DELRULE => self.world.rules.remove(body).then_some(()).ok_or(libc::ENOENT),
            RTM_NEWNEIGH => self.is_up(word(body, 4)),
            other => panic!("a message of kind {other}"),
        }
    }

    fn set_link(&mut self, body: &[u8]) -> Result<(), i32> {
        let (index, flags, change) = (word(body, 4), word(body, 8), word(body, 12));
        let controller = of(&body[16..]).find(|(kind, _)| *kind == 10).and_then(|(_, value)| number(value));
        let link = self.world.links.get_mut(&index).ok_or(ENODEV)?;
        match controller {
            None => {}
            Some(0) if link.controller.is_none() => {}
            Some(0) => {
                *link = Link::default();
                self.flush(index);
            }
            Some(_) if link.up => return Err(EPERM),
            Some(bond) => {
                *link = Link { up: true, controller: Some(bond) };
                self.world.links.get(&bond).ok_or(ENODEV)?;
            }
        }
        if change & IFF_UP != 0 {
            let up = flags & IFF_UP != 0;
            if let Some(link) = self.world.links.get_mut(&index) {
                link.up = up;
            }
            if !up {
                self.flush(index);
            }
        }
        Ok(())
    }

    fn event(&mut self) -> bool {
        self.events += 1;
        !self.back && self.fails == Some(self.events)
    }
}

impl Kernel for Model {
    fn begin(&mut self, step: usize) {
        self.begun = step;
    }

    fn turn_back(&mut self) {
        self.back = true;
    }

    fn perform(&mut self, op: &Op) -> Result<(), Trouble> {
        let refused = |errno: i32| Trouble { kind: Kind::Refused, text: format!("error {errno}") };
        let messages = match op {
            Op::Send(messages) => messages.as_slice(),
            Op::Join { messages, .. } => messages.as_slice(),
            Op::Delete(bond) if self.world.links.contains_key(&bond.index) => {
                let whole = Op::Send(vec![delete(bond.index)]);
                return self.perform(&whole);
            }
            other => {
                if self.event() {
                    return Err(refused(0));
                }
                if let Op::Write(settings) = other {
                    for Setting { path, value } in settings {
                        self.world.settings.insert(path.clone(), value.clone());
                    }
                }
                return Ok(());
            }
        };
        // As the kernel does: what follows a message that is refused is done all the same.
        let mut result = Ok(());
        for raw in messages {
            let done = if self.event() { Err(16) } else { self.message(raw) };
            let benign = |errno: i32| match raw.kind {
                RTM_NEWADDR | RTM_NEWROUTE | RTM_NEWRULE => errno == EEXIST,
                RTM_NEWLINK => self.back && errno == EEXIST,
                RTM_DELADDR | RTM_DELROUTE | RTM_DELRULE | RTM_DELLINK => errno != 16,
                _ => false,
            };
            if let Err(errno) = done
                && !benign(errno)
                && result.is_ok()
            {
                result = Err(refused(errno));
            }
        }
        result
    }
}

pub(super) fn attribute(kind: u16, value: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    put(&mut bytes, kind, value);
    bytes
}

pub(super) fn address(index: u32, family: u8, prefix: u8, ip: &[u8], label: &str) -> Vec<u8> {
    let mut body = vec![family, prefix, 0x80, 0];
    body.extend(index.to_ne_bytes());
    body.extend(attribute(1, ip));
    if family == AF_INET {
        body.extend(attribute(2, ip));
        body.extend(attribute(3, format!("{label}\0").as_bytes()));
    }
    body.extend(attribute(6, &[600_u32, 1200, 5, 6].map(u32::to_ne_bytes).concat()));
    body.extend(attribute(8, &0x80_u32.to_ne_bytes()));
    body
}

pub(super) fn route(
    index: u32,
    family: u8,
    to: Option<(u8, &[u8])>,
    via: Option<&[u8]>,
    table: u32,
    protocol: u8,
) -> Vec<u8> {
    let mut body =
        vec![family, to.map_or(0, |to| to.0), 0, 0, table.min(252) as u8, protocol, 0, 1, 0, 0, 0, 0];
    body.extend(attribute(15, &table.to_ne_bytes()));
    body.extend(to.map(|to| attribute(1, to.1)).unwrap_or_default());
    body.extend(via.map(|via| attribute(5, via)).unwrap_or_default());
    body.extend(attribute(4, &index.to_ne_bytes()));
    body
}

const SIX: [u8; 16] = [0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7];
const NET: [u8; 16] = [0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
const NEAR: [u8; 16] = [0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];

/// A NIC with two families, routes in two tables, and a rule.
pub(in crate::flip) fn snapshot() -> Snapshot {
    let mut rule = vec![AF_INET, 0, 0, 0, 100, 0, 0, 1, 0, 0, 1, 0];
    rule.extend(attribute(3, b"eth0\0"));
    let mut neighbour = vec![AF_INET, 0, 0, 0];
    neighbour.extend(NIC.to_ne_bytes());
    neighbour.extend([2, 0, 0, 1]);
    neighbour.extend(attribute(1, &[192, 0, 2, 1]));
    neighbour.extend(attribute(2, &[2, 0, 0, 0, 0, 1]));
    let tables = Tables {
        addresses: vec![
            address(NIC, AF_INET, 24, &[192, 0, 2, 10], "eth0"),
            address(NIC, AF_INET, 24, &[192, 0, 2, 11], "eth0:1"),
            address(NIC, AF_INET6, 64, &SIX, ""),
            address(NIC, AF_INET6, 64, &NEAR, ""),
            address(SECOND, AF_INET, 24, &[198, 51, 100, 1], "eth1"),
        ],
        routes4: vec![
            route(NIC, AF_INET, None, Some(&[192, 0, 2, 1]), 254, 3),
            // What the kernel makes of the address is not carried.
            route(NIC, AF_INET, Some((24, &[192, 0, 2, 0])), None, 254, 2),
            route(NIC, AF_INET, Some((16, &[10, 1, 0, 0])), Some(&[192, 0, 2, 2]), 100, 4),
            route(SECOND, AF_INET, Some((16, &[10, 2, 0, 0])), None, 254, 4),
        ],
        routes6: vec![
            route(NIC, AF_INET6, None, Some(&NEAR), 254, 9),
            route(NIC, AF_INET6, Some((64, &NET)), None, 254, 2),
            route(NIC, AF_INET6, Some((48, &NET)), Some(&NEAR), 300, 4),
        ],
        rules4: vec![rule],
        rules6: Vec::new(),
        neighbours: vec![neighbour],
    };
    Snapshot::of(&Device { index: NIC, name: "eth0".into() }, &tables)
}

/// The kinds of flips.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Case {
    Backup,
    InPlace,
    Lacp,
    Alone,
}

pub(super) const CASES: [Case; 4] = [Case::Backup, Case::InPlace, Case::Lacp, Case::Alone];

pub(super) fn shape(case: Case) -> Shape {
    let link = |index: u32, flags: u16| {
        let mut body = vec![0; 16];
        body[4..8].copy_from_slice(&index.to_ne_bytes());
        Raw { kind: RTM_NEWLINK, flags, body }
    };
    let device = |index, name: &str| Device { index, name: name.into() };
    let filter = |value: &str| Setting { path: "eth0/rp_filter".into(), value: value.into() };
    let lacp = matches!(case, Case::Lacp | Case::Alone);
    Shape {
        bond: device(BOND, "bond0"),
        about: String::new(),
        make: link(BOND, NLM_F_CREATE | NLM_F_EXCL),
        empty: (case == Case::InPlace).then(|| (8, vec![link(8, NLM_F_CREATE | NLM_F_EXCL)])),
        lacp,
        late: lacp.then(|| link(BOND, 0)),
        primary: (!lacp).then(|| link(BOND, 0)),
        others: match case {
            Case::Lacp => vec![Other { port: device(SECOND, "eth1"), up: false }],
            _ => Vec::new(),
        },
        mac: Mac([2, 0, 0, 0, 0, 7]),
        settings: Vec::new(),
        filter: Some((filter("2"), filter("1"))),
        quiet: None,
        asked: Vec::new(),
    }
}

/// The machine before: the NIC with all of its own, another one that is down.
pub(super) fn before(case: Case) -> Model {
    let snapshot = snapshot();
    let mut model = Model::default();
    model.world.links.insert(NIC, Link { up: true, controller: None });
    model.world.links.insert(SECOND, Link::default());
    if case == Case::InPlace {
        model.world.links.insert(8, Link::default());
    }
    model.world.settings.insert("eth0/rp_filter".into(), "1".into());
    let nic = &snapshot.nic;
    let all = snapshot.addresses.iter().map(|address| address.set(nic, nic, false));
    let as_told =
        |route: &crate::flip::route::Route| Raw { kind: RTM_NEWROUTE, flags: 0, body: route.0.body.clone() };
    let all = all.chain(snapshot.routes.iter().map(as_told));
    for raw in all.chain(snapshot.rules.iter().map(|rule| rule.set(nic, nic))).collect::<Vec<_>>() {
        model.message(&raw).unwrap();
    }
    model
}

pub(super) fn names_in(rules: &BTreeSet<Vec<u8>>) -> Vec<String> {
    rules
        .iter()
        .flat_map(|rule| {
            of(&rule[RULE..]).filter(|(kind, _)| *kind == 3).map(|(_, value)| text(value)).collect::<Vec<_>>()
        })
        .collect()
}

pub(super) fn places(world: &World) -> (BTreeSet<u32>, BTreeSet<u32>) {
    (
        world.addresses.iter().map(|(index, _)| *index).collect(),
        world.routes.iter().map(|route| out_of(route)).collect(),
    )
}
