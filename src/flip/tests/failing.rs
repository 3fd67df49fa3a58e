//! Every message refused in turn, every moment one at which somebody is killed: the machine is as it was.

use super::model::*;
use crate::flip::message::{Device, RTM_NEWADDR};
use crate::flip::runner::{Kernel, back, run};
use crate::flip::snapshot::Snapshot;
use crate::flip::steps::{Home, Op, Other, home, steps};
use crate::mac::Mac;
use crate::netlink::raw::Raw;

#[test]
fn a_flip_moves_everything() {
    for case in CASES {
        let snapshot = snapshot();
        let mut model = before(case);
        let steps = steps(&shape(case), &snapshot);
        run(&steps, &mut model).unwrap_or_else(|failure| panic!("{case:?}: {failure:?}"));
        let world = &model.world;
        assert_eq!(places(world), ([BOND].into(), [BOND].into()), "{case:?}");
        assert_eq!(world.addresses.len(), 4, "{case:?}");
        assert_eq!(world.routes.len(), 4, "{case:?}");
        assert_eq!(names_in(&world.rules), ["bond0"], "{case:?}");
        assert_eq!(world.links[&NIC].controller, Some(BOND), "{case:?}");
        let second = (case == Case::Lacp).then_some(BOND);
        assert_eq!(world.links[&SECOND].controller, second, "{case:?}");
        assert_eq!(world.settings["eth0/rp_filter"], "1", "{case:?}");
        assert!(!world.links.contains_key(&8), "{case:?}: what was in its place");
    }
}

#[test]
fn whatever_is_refused_everything_is_put_back() {
    for case in CASES {
        let steps = steps(&shape(case), &snapshot());
        let mut fails = 0;
        loop {
            fails += 1;
            let mut model = before(case);
            let as_it_was = model.world.clone();
            model.fails = Some(fails);
            let Err(failure) = run(&steps, &mut model) else { break };
            assert_eq!(failure.left, [""; 0], "{case:?}, event {fails}: {failure:?}");
            assert_eq!(
                model.world.settled(),
                as_it_was.settled(),
                "{case:?}, event {fails}, step {}",
                steps[failure.step].name
            );
        }
        assert!(fails > 20, "{case:?}: only {fails} events");
    }
}

#[test]
fn whenever_it_is_killed_everything_is_put_back() {
    for case in CASES {
        let steps = steps(&shape(case), &snapshot());
        let ops: usize = steps.iter().map(|step| step.forward.len()).sum();
        for lives in 0..=ops {
            let mut model = before(case);
            let as_it_was = model.world.clone();
            let mut left = lives;
            'killed: for (number, step) in steps.iter().enumerate() {
                model.begin(number);
                for op in &step.forward {
                    if left == 0 {
                        break 'killed;
                    }
                    left -= 1;
                    model.perform(op).unwrap();
                }
            }
            // Another process, which knows only what has begun.
            let begun = &steps[..=model.begun];
            assert_eq!(back(begun, &mut model), [""; 0], "{case:?}, after {lives} ops");
            assert_eq!(model.world.settled(), as_it_was.settled(), "{case:?}, after {lives} ops");
        }
    }
}

#[test]
fn one_that_was_killed_on_its_way_back_can_be_helped() {
    for case in CASES {
        let steps = steps(&shape(case), &snapshot());
        let back_ops: usize = steps.iter().map(|step| step.back.len()).sum();
        for lives in 0..back_ops {
            let mut model = before(case);
            let as_it_was = model.world.clone();
            run(&steps, &mut model).unwrap();
            model.turn_back();
            for op in steps.iter().rev().flat_map(|step| &step.back).take(lives) {
                model.perform(op).unwrap();
            }
            back(&steps, &mut model);
            assert_eq!(
                model.world.settled(),
                as_it_was.settled(),
                "{case:?}, killed after {lives} ops of the way back"
            );
        }
    }
}

#[test]
fn home_is_where_it_came_from() {
    let case = Case::Backup;
    let mut model = before(case);
    let as_it_was = model.world.clone();
    let there = snapshot();
    run(&steps(&shape(case), &there), &mut model).unwrap();
    // What the bond has is what the NIC had: the same snapshot, under its name.
    let nic = there.nic.clone();
    let mut bonds = there.clone();
    bonds.nic = Device { index: BOND, name: "bond0".into() };
    let swap = |raw: crate::netlink::raw::Raw| raw.body;
    bonds.addresses = there
        .addresses
        .iter()
        .map(|address| {
            crate::flip::message::Address(crate::flip::message::Told {
                body: swap(address.set(&nic, &bonds.nic, false)),
            })
        })
        .collect();
    bonds.routes = there
        .routes
        .iter()
        .map(|route| {
            crate::flip::route::Route(crate::flip::message::Told { body: swap(route.set(&nic, &bonds.nic)) })
        })
        .collect();
    bonds.rules = there
        .rules
        .iter()
        .map(|rule| {
            crate::flip::message::Rule(crate::flip::message::Told { body: swap(rule.set(&nic, &bonds.nic)) })
        })
        .collect();
    let mac = Mac([2, 0, 0, 0, 0, 7]);
    let way = Home { nic, mac, bond_mac: mac, lacp: false, others: vec![], asked: vec![] };
    let flipped = model.world.clone();
    let mut fails = 0;
    loop {
        fails += 1;
        let mut model = Model::default();
        (model.world, model.fails) = (flipped.clone(), Some(fails));
        let Err(failure) = run(&home(&way, &bonds), &mut model) else { break };
        assert_eq!(failure.left, [""; 0], "event {fails}: {failure:?}");
        assert_eq!(model.world.settled(), flipped.settled(), "event {fails}, step {}", failure.step);
    }
    assert!(fails > 20, "only {fails} events");
    run(&home(&way, &bonds), &mut model).unwrap();
    // Without an end, as they were on the bond.
    let there = as_it_was.addresses.iter().map(|(_, body)| {
        let address = crate::flip::message::Address::of(NIC, body).unwrap();
        (NIC, address.set(&bonds.nic, &way.nic, false).body)
    });
    assert_eq!(model.world.addresses, there.collect());
    assert_eq!(model.world.settled().routes, as_it_was.settled().routes);
    assert_eq!(model.world.rules, as_it_was.rules);
    assert_eq!(model.world.links[&NIC], as_it_was.links[&NIC]);
}

#[test]
fn with_lacp_the_other_ports_go_home_first() {
    let mac = Mac([2, 0, 0, 0, 0, 7]);
    let device = |index, name: &str| Device { index, name: name.into() };
    let others = vec![Other { port: device(SECOND, "eth1"), up: false }];
    let way = Home { nic: device(NIC, "eth0"), mac, bond_mac: mac, lacp: true, others, asked: vec![] };
    let mut there = snapshot();
    there.nic = device(BOND, "bond0");
    let names: Vec<String> = home(&way, &there).into_iter().map(|step| step.name).collect();
    let place = |text: &str| names.iter().position(|name| name.contains(text)).unwrap();
    assert!(place("eth0 has carrier") < place("take eth1 out of bond0"), "{names:?}");
    assert!(place("take eth1 out of bond0") < place("take eth0 out of bond0"), "{names:?}");
    assert!(names.last().unwrap().contains("answered"), "else it goes back to the bond");
}

#[test]
fn with_lacp_the_boot_nic_joins_last() {
    let mut shape = shape(Case::Lacp);
    shape.asked = vec![[192, 0, 2, 1].into()];
    let steps = steps(&shape, &snapshot());
    let joins = |op: &Op, index: u32| matches!(op, Op::Join { port, .. } if *port == index);
    let moves = |op: &Op| matches!(op, Op::Send(all) if all.iter().any(|raw| raw.kind == RTM_NEWADDR));
    let asks = |op: &Op| matches!(op, Op::Send(all) if all.iter().any(|raw| raw.body[8..10] == [0x10, 0]));
    let ops: Vec<&Op> = steps.iter().flat_map(|step| &step.forward).collect();
    let place = |is: &dyn Fn(&Op) -> bool| ops.iter().position(|op| is(op)).unwrap();
    let order = [
        place(&|op| joins(op, SECOND)),
        place(&|op| matches!(op, Op::Partner(BOND))),
        place(&|op| matches!(op, Op::Still(_))),
        place(&moves),
        place(&asks),
        place(&|op| matches!(op, Op::Check)),
        place(&|op| joins(op, NIC)),
        ops.iter().rposition(|op| asks(op)).unwrap(),
        ops.iter().rposition(|op| matches!(op, Op::Check)).unwrap(),
    ];
    assert!(order.is_sorted_by(|one, next| one < next), "{order:?}: {ops:#?}");
}

#[test]
fn it_is_looked_at_again_before_anything_of_the_nic_is_touched() {
    for case in CASES {
        let (snapshot, about) = (snapshot(), |raw: &Raw| raw.body[4..8] == NIC.to_ne_bytes());
        let touches = |op: &Op| match op {
            Op::Send(all) => all.iter().any(about),
            Op::Join { port, .. } => *port == NIC,
            _ => false,
        };
        let steps = steps(&shape(case), &snapshot);
        let looks = |op: &Op| *op == Op::Still(snapshot.clone());
        let at = steps.iter().position(|step| step.forward.iter().any(looks)).expect("it is looked at");
        // On the way back neither: it would put back what is no more.
        let before = steps[..=at].iter().flat_map(|step| step.forward.iter().chain(&step.back));
        assert!(!before.into_iter().any(touches), "{case:?}");
        assert!(steps[at + 1..].iter().flat_map(|step| &step.forward).any(touches), "{case:?}");
    }
}

#[test]
fn it_is_still_the_same_whatever_its_lifetimes() {
    let then = snapshot();
    let mut now = snapshot();
    now.neighbours.clear();
    now.addresses.reverse();
    for address in &mut now.addresses {
        // Deprecated; fewer seconds.
        address.0.body[2] = 0x20;
        let at = address.0.body.len() - 8 - 12;
        address.0.body[at] = 9;
    }
    assert!(now.is_still(&then));
    for change in [
        |now: &mut Snapshot| drop(now.addresses.pop()),
        |now: &mut Snapshot| drop(now.routes.pop()),
        |now: &mut Snapshot| drop(now.rules.pop()),
    ] {
        let mut other = now.clone();
        change(&mut other);
        assert!(!other.is_still(&then));
    }
}
