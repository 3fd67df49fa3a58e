//! What is read comes out again, with nothing changed but the interface.

use super::model::*;
use crate::flip::check::Target;
use crate::flip::message::*;
use crate::flip::prepare::routers;
use crate::flip::route::Route;
use crate::flip::snapshot::{Snapshot, Tables};
use crate::netlink::attributes::{number, of};

fn device(index: u32, name: &str) -> Device {
    Device { index, name: name.into() }
}

fn value(body: &[u8], header: usize, wanted: u16) -> Option<Vec<u8>> {
    of(&body[header..]).find(|(kind, _)| *kind == wanted).map(|(_, value)| value.to_vec())
}

#[test]
fn labels_follow_the_name() {
    let (nic, bond) = (device(NIC, "eth0"), device(BOND, "bond0"));
    for (label, expected) in [
        ("eth0", "bond0\0"),
        ("eth0:1", "bond0:1\0"),
        ("eth0:averylong", "bond0:averylong\0"),
        ("eth01", "eth01\0"),
        ("root", "root\0"),
    ] {
        let body = address(NIC, AF_INET, 24, &[192, 0, 2, 10], label);
        let set = Address::of(NIC, &body).unwrap().set(&nic, &bond, true);
        assert_eq!(value(&set.body, IFADDRMSG, 3).unwrap(), expected.as_bytes(), "{label}");
        assert_eq!(set.body[4..8], BOND.to_ne_bytes());
    }
}

#[test]
fn flags_and_lifetimes() {
    let (nic, bond) = (device(NIC, "eth0"), device(BOND, "bond0"));
    let of_flags = |flags: u32| {
        let mut body = address(NIC, AF_INET6, 64, &[0x20; 16], "");
        let at = body.len() - 4;
        body[at..].copy_from_slice(&flags.to_ne_bytes());
        body
    };
    let set = |flags: u32, at_once: bool| {
        let address = Address::of(NIC, &of_flags(flags))?;
        assert_eq!(address.lifetime(), Some(1200));
        let set = address.set(&nic, &bond, at_once);
        assert_eq!(
            value(&set.body, IFADDRMSG, 6).unwrap()[..8],
            // IFA_F_TEMPORARY
            [600_u32, if flags & 1 == 0 { u32::MAX } else { 1200 }].map(u32::to_ne_bytes).concat(),
            "a root may stand on it"
        );
        let back = value(&address.set(&nic, &nic, at_once).body, IFADDRMSG, 6);
        assert_eq!(
            back.unwrap()[..8],
            [600_u32, 1200].map(u32::to_ne_bytes).concat(),
            "on its NIC as it was"
        );
        value(&set.body, IFADDRMSG, 8).and_then(|flags| number(&flags))
    };
    // PERMANENT; NOPREFIXROUTE; MANAGETEMPADDR, DEPRECATED, TEMPORARY.
    assert_eq!(set(0x80, true), Some(0x02), "in use here: no duplicate address detection");
    assert_eq!(set(0x280, false), Some(0x200));
    assert_eq!(set(0x121, true), Some(0x102), "a temporary one goes on as one with a lifetime");
    assert_eq!(set(0x40, true), Some(0), "one that is still tried is tried there");
    assert_eq!(set(0x88, true), None, "another station has it");
    assert!(Address::of(SECOND, &of_flags(0)).is_none());
}

#[test]
fn what_a_route_may_keep() {
    let (nic, bond) = (device(NIC, "eth0"), device(BOND, "bond0"));
    let mut body = route(NIC, AF_INET6, None, Some(&[0xfe; 16]), 254, 9);
    // LINKDOWN, ONLINK; priority, metrics, 30 s left, preference, something of the future.
    body[8] = 0x10 | 4;
    for (kind, bytes) in [
        (6, 1024_u32.to_ne_bytes().to_vec()),
        (8, attribute(2, &1400_u32.to_ne_bytes())),
        (12, [0, 0, 3000_u32, 0, 0, 0, 0, 0].map(u32::to_ne_bytes).concat()),
        (20, vec![1]),
        (99, vec![1, 2, 3, 4]),
    ] {
        body.extend(attribute(kind, &bytes));
    }
    let there = Route::of(NIC, AF_INET6, &body, &[]).unwrap();
    let set = there.set(&nic, &bond);
    assert_eq!(set.body[8], 4);
    let of = |kind| value(&set.body, RTMSG, kind);
    assert_eq!(of(4).unwrap(), BOND.to_ne_bytes());
    assert_eq!(of(23).unwrap(), 30_u32.to_ne_bytes(), "RTA_EXPIRES, in seconds");
    assert_eq!((of(12), of(99)), (None, None));
    assert_eq!(of(8).unwrap(), attribute(2, &1400_u32.to_ne_bytes()));
    assert_eq!((of(6).unwrap(), of(20).unwrap()), (1025_u32.to_ne_bytes().to_vec(), vec![1]), "a router's");
    let removed = there.remove(&nic, &nic);
    assert_eq!(value(&removed.body, RTMSG, 23), None);
    assert_eq!(value(&removed.body, RTMSG, 4).unwrap(), NIC.to_ne_bytes());
    let priority = |body: &[u8]| value(body, RTMSG, 6).and_then(|value| number(&value));
    assert_eq!(priority(&removed.body), Some(1024), "the kernel's own");
    assert_eq!(priority(&there.remove(&nic, &bond).body), Some(1025), "the copy on its way back");
}

#[test]
fn routes_of_several_hops_and_of_nexthop_objects() {
    let (nic, bond) = (device(NIC, "eth0"), device(BOND, "bond0"));
    let hop = |index: u32, via: u8| {
        let mut hop = vec![16, 0, 0x10, 1];
        hop.extend(index.to_ne_bytes());
        hop.extend(attribute(5, &[192, 0, 2, via]));
        hop
    };
    let mut body = vec![AF_INET, 0, 0, 0, 254, 4, 0, 1, 0, 0, 0, 0];
    body.extend(attribute(9, &[hop(SECOND, 2), hop(NIC, 1)].concat()));
    let set = Route::of(NIC, AF_INET, &body, &[]).unwrap().set(&nic, &bond);
    let mut expected = [hop(SECOND, 2), hop(BOND, 1)].concat();
    (expected[2], expected[18]) = (0, 0);
    assert_eq!(value(&set.body, RTMSG, 9).unwrap(), expected);
    assert!(Route::of(7, AF_INET, &body, &[]).is_none(), "no hop by this one");
    // Whatever lengths the kernel might tell.
    for at in 12..body.len() {
        let mut cut = body.clone();
        cut[at] = cut[at].wrapping_add(3);
        if let Some(route) = Route::of(NIC, AF_INET, &cut, &[]) {
            route.set(&nic, &bond);
        }
        Route::of(NIC, AF_INET, &body[..at], &[]);
    }
    let mut object = route(NIC, AF_INET, Some((8, &[10, 0, 0, 0])), Some(&[192, 0, 2, 1]), 254, 4);
    object.extend(attribute(30, &5_u32.to_ne_bytes()));
    let object = Route::of(NIC, AF_INET, &object, &[]).unwrap();
    let (set, removed) = (object.set(&nic, &bond), object.remove(&nic, &nic));
    assert_eq!((value(&set.body, RTMSG, 30), value(&set.body, RTMSG, 5)), (None, Some(vec![192, 0, 2, 1])));
    assert_eq!(
        (value(&removed.body, RTMSG, 30), value(&removed.body, RTMSG, 5)),
        (Some(vec![5, 0, 0, 0]), None)
    );
}

#[test]
fn what_was_learnt_of_one_host_is_no_route() {
    let near: [u8; 16] = *b"\xfe\x80\0\0\0\0\0\0\0\0\0\0\0\0\0\x01";
    let four = route(NIC, AF_INET, Some((32, &[198, 51, 100, 9])), Some(&[192, 0, 2, 1]), 254, 0);
    let six = route(NIC, AF_INET6, Some((128, &[0x20; 16])), Some(&near), 254, 0);
    for (family, mut body) in [(AF_INET, four), (AF_INET6, six)] {
        assert!(Route::of(NIC, family, &body, &[]).is_some());
        // RTM_F_CLONED
        body[8..12].copy_from_slice(&0x200_u32.to_ne_bytes());
        assert!(Route::of(NIC, family, &body, &[]).is_none());
    }
}

#[test]
fn subnets_that_the_kernel_makes_are_left_to_it() {
    let with = |flags: u32| {
        let mut body = address(NIC, AF_INET, 20, &[192, 0, 18, 10], "eth0");
        let at = body.len() - 4;
        body[at..].copy_from_slice(&flags.to_ne_bytes());
        [Address::of(NIC, &body).unwrap()]
    };
    let subnet = route(NIC, AF_INET, Some((20, &[192, 0, 16, 0])), None, 254, 2);
    assert!(Route::of(NIC, AF_INET, &subnet, &with(0x80)).is_none());
    assert!(Route::of(NIC, AF_INET, &subnet, &with(0x280)).is_some(), "of an address without one");
    let other = route(NIC, AF_INET, Some((20, &[192, 0, 32, 0])), None, 254, 2);
    assert!(Route::of(NIC, AF_INET, &other, &with(0x80)).is_some());
    let local = route(NIC, AF_INET, Some((32, &[192, 0, 18, 10])), None, 255, 2);
    assert!(Route::of(NIC, AF_INET, &local, &with(0x80)).is_none());
}

#[test]
fn neighbours_that_are_known() {
    let of_state = |state: u16| {
        let mut body = vec![AF_INET, 0, 0, 0];
        body.extend(NIC.to_ne_bytes());
        body.extend(state.to_ne_bytes());
        body.extend([0x80 | 1, 1]);
        body.extend(attribute(1, &[192, 0, 2, 1]));
        body.extend(attribute(2, &[2, 0, 0, 0, 0, 1]));
        body.extend(attribute(3, &[0; 16]));
        body
    };
    let bond = device(BOND, "bond0");
    let set = |state, ask| {
        Neighbour::of(NIC, &of_state(state)).map(|near| near.set(&bond, ask).body[8..11].to_vec())
    };
    // REACHABLE, PERMANENT, FAILED, NOARP.
    assert_eq!(set(2, false), Some(vec![4, 0, 0x80]));
    assert_eq!(set(2, true), Some(vec![0x10, 0, 0x80]));
    assert_eq!(set(0x80, true), Some(vec![0x80, 0, 0x80]));
    assert_eq!([set(0x20, false), set(0x40, false)], [None, None]);
}

#[test]
fn a_router_that_somebody_has_set_is_nobody_to_ask() {
    // REACHABLE, STALE, PERMANENT.
    for (state, expected) in [(2_u16, Some([192, 0, 2, 1])), (4, Some([192, 0, 2, 1])), (0x80, None)] {
        let mut there = snapshot();
        there.neighbours[0].0.body[8..10].copy_from_slice(&state.to_ne_bytes());
        let expected = expected.map(|router| Target::Neighbour(router.into()));
        assert_eq!(routers(&there), Vec::from_iter(expected), "{state:#x}");
        assert_eq!(there.neighbours[0].is_reachable(), state == 2, "{state:#x}");
    }
}

#[test]
fn a_copy_of_what_a_router_tells_goes_no_further() {
    let near: [u8; 16] = *b"\xfe\x80\0\0\0\0\0\0\0\0\0\0\0\0\0\x01";
    let of = |priority: u32, protocol: u8| {
        let mut body = route(BOND, AF_INET6, None, Some(&near), 254, protocol);
        body.extend(attribute(6, &priority.to_ne_bytes()));
        body
    };
    let taken = |routes6: Vec<Vec<u8>>| {
        let tables = Tables { routes6, ..Tables::default() };
        Snapshot::of(&device(BOND, "bond0"), &tables).routes.len()
    };
    assert_eq!(taken(vec![of(1025, 9), of(1024, 9)]), 1, "the kernel has its own by now");
    assert_eq!(taken(vec![of(1025, 9)]), 1, "it has none yet");
    assert_eq!(taken(vec![of(1025, 3), of(1024, 3)]), 2, "somebody's own");
}

#[test]
fn gateways_are_those_of_the_main_table() {
    let of = |table: u32, via: u8| route(NIC, AF_INET, None, Some(&[192, 0, 2, via]), table, 3);
    let tables = Tables { routes4: vec![of(100, 9), of(254, 1)], ..Tables::default() };
    let gateways = Snapshot::of(&device(NIC, "eth0"), &tables).gateways();
    assert_eq!(gateways, [std::net::IpAddr::from([192, 0, 2, 1])]);
}
