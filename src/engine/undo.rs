//! Giving back: from what was found and what is there to the actions that leave the machine as it was. (pure)
//!
//! The kernel gives a released port its own address and MTU back, and closes it (`__bond_release_one()`); what is
//! left to do is to set it up again where it was up.

use super::state::Found;
use super::types::Action;
use crate::links::Links;

/// What to do, in order. Links that are gone are passed over.
pub fn actions(found: &Found, links: &Links) -> Vec<Action> {
    let mut out = Vec::new();
    if found.files {
        out.push(Action::RestoreFiles);
    }
    out.extend(
        found.vlans.iter().filter(|index| links.get(**index).is_some()).map(|index| Action::Delete(*index)),
    );
    for bond in &found.bonds {
        let link = if bond.index == 0 { links.named(&bond.name) } else { links.get(bond.index) };
        let Some(link) = link.filter(|link| link.bond().is_some()) else { continue };
        out.extend(links.ports_of(link.index).map(|port| Action::Release(port.index)));
        out.push(Action::Delete(link.index));
        if let Some(mode) = bond.before {
            let name = bond.name.clone();
            out.push(Action::CreateBond { name, mode, options: Vec::new(), mac: None, mtu: None });
        }
    }
    let is_there = |index: u32| links.get(index).is_some();
    let up_before = found.ports.iter().filter(|port| port.up && is_there(port.index));
    out.extend(up_before.map(|port| Action::Up(port.index)));
    let addresses = found.addresses.iter().filter(|address| is_there(address.index));
    out.extend(addresses.cloned().map(Action::RestoreAddress));
    let defaults = found.defaults.iter().filter(|route| is_there(route.index));
    out.extend(defaults.cloned().map(Action::RestoreDefault));
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::state::{FoundAddress, FoundBond, FoundDefault, FoundPort};
    use crate::links::{Kind, Link};

    #[test]
    fn ports_leave_before_the_bond_goes_and_come_up_after() {
        let address = FoundAddress {
            index: 2,
            address: "192.0.2.7/24".parse().unwrap(),
            broadcast: None,
            lifetime: None,
        };
        let route = FoundDefault {
            index: 2,
            via: Some([192, 0, 2, 1].into()),
            source: None,
            metric: 0,
            onlink: false,
            protocol: 3,
        };
        let found = Found {
            ports: vec![
                FoundPort { index: 2, up: true },
                FoundPort { index: 3, up: false },
                FoundPort { index: 4, up: true },
            ],
            bonds: vec![FoundBond { index: 9, name: "bond0".into(), before: Some(0) }],
            vlans: vec![10, 11],
            addresses: vec![address.clone()],
            defaults: vec![route.clone()],
            files: true,
        };
        let link = |index, controller| Link { index, controller, ..Link::default() };
        let bond = Link { kind: Kind::Bond(Box::default()), ..link(9, None) };
        let links = Links(vec![link(2, Some(9)), link(3, Some(9)), bond, link(10, None)]);
        let again =
            Action::CreateBond { name: "bond0".into(), mode: 0, options: vec![], mac: None, mtu: None };
        let expected = [
            Action::RestoreFiles,
            Action::Delete(10),
            Action::Release(2),
            Action::Release(3),
            Action::Delete(9),
            again,
            Action::Up(2),
            Action::RestoreAddress(address),
            Action::RestoreDefault(route),
        ];
        assert_eq!(actions(&found, &links), expected, "the VLAN and the NIC that are gone are passed over");
    }
}
