//! Every field of `status --json` stands in the README's table, in the row of what it is in.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::dhcp::v4::lease::{Lease, Route};
use crate::dhcp::v6;
use crate::engine::state::{Account, BondState, Client, Ipv6State, PortState, State, VlanState, Waiting};
use crate::lldp::neighbour::Neighbour;
use crate::mac::Mac;
use crate::trouble::Finding;

/// One of each.
fn full() -> State {
    let name = || "bond0".to_owned();
    let lease = Lease {
        routes: vec![Route { to: "0.0.0.0/0".parse().unwrap(), via: None }],
        ..super::holding::lease(600)
    };
    let lease6 = v6::Lease {
        address: "2001:db8::1".parse().unwrap(),
        server: Vec::new(),
        from: "fe80::1".parse().unwrap(),
        facts: Default::default(),
        preferred_secs: None,
        valid_secs: None,
        t1: None,
        t2: None,
        obtained_at: 0,
    };
    State {
        waiting: Some(Waiting::default()),
        bonds: vec![BondState::default()],
        ports: vec![PortState { neighbour: Some(Neighbour::default()), ..PortState::default() }],
        vlans: vec![VlanState { name: name(), id: 1, link: name() }],
        findings: vec![Finding::default()],
        lease: [(name(), lease)].into(),
        clients: [(name(), Client { mac: Mac::ZERO, client_id: None })].into(),
        ipv6: [(name(), Ipv6State { lease: Some(lease6), ..Ipv6State::default() })].into(),
        dhcp: [(name(), Account::default())].into(),
        ..State::default()
    }
}

/// Each object's place, with its fields.
fn objects(place: &str, value: &Value, all: &mut BTreeSet<(String, String)>) {
    match value {
        Value::Array(values) => {
            values.iter().for_each(|value| objects(&format!("{place}[]"), value, all));
        }
        Value::Object(fields) => {
            for (field, value) in fields {
                let below = if place.is_empty() { field.clone() } else { format!("{place}.{field}") };
                if ["lease", "clients", "ipv6", "dhcp"].contains(&place) {
                    objects(&format!("{place}.NAME"), value, all);
                    continue;
                }
                all.insert((place.to_owned(), field.clone()));
                if below != "found" {
                    objects(&below, value, all);
                }
            }
        }
        _ => {}
    }
}

#[test]
fn each_field_stands_in_the_readme() {
    let readme = concat!(env!("CARGO_MANIFEST_DIR"), "/README.md");
    let readme = std::fs::read_to_string(readme).expect("the README is there");
    let mut all = BTreeSet::new();
    objects("", &serde_json::to_value(full()).unwrap(), &mut all);
    assert!(all.len() > 100, "{}", all.len());
    for (place, field) in all {
        let head = if place.is_empty() { "| the top |".to_owned() } else { format!("| `{place}` |") };
        let row =
            readme.lines().find(|line| line.starts_with(&head)).unwrap_or_else(|| panic!("no row {head}"));
        assert!(row.contains(&format!("`{field}`")), "{field} of {head} is not told");
    }
}
