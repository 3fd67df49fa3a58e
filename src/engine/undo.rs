//! Giving back: from what was found and what is there to the actions that leave the machine as it was. (pure)
//!
//! The kernel gives a released port its own address and MTU back, and closes it (`__bond_release_one()`); what is
//! left to do is to set it up again where it was up.

use super::six::setting_named;
use super::six::types as six;
use super::state::{Found, FoundName};
use super::types::Action;
use crate::links::Links;

/// What to do, in order. Links that are gone are passed over.
pub fn actions(found: &Found, links: &Links) -> Vec<Action> {
    let mut out = Vec::new();
    // A root may hang on what is given back first: until it is, no file can be written.
    let files_last = found.flipped;
    if found.files && !files_last {
        out.push(Action::RestoreFiles);
    }
    out.extend(
        found.vlans.iter().filter(|index| links.get(**index).is_some()).map(|index| Action::Delete(*index)),
    );
    let bridges = found.bridges.iter().filter_map(|bridge| match bridge.index {
        0 => links.named(&bridge.name).map(|link| link.index),
        index => links.get(index).map(|link| link.index),
    });
    out.extend(bridges.map(Action::Delete));
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
    let own = found.own.iter().filter(|own| is_there(own.index));
    out.extend(own.map(|own| Action::DelAddress { index: own.index, address: own.address }));
    for setting in found.settings.iter().filter(|setting| is_there(setting.index)) {
        // The file is one of ours, whatever the state's says.
        let Some(name) = setting_named(&setting.name) else { continue };
        let (index, value) = (setting.index, setting.value);
        out.push(Action::Six(six::Action::Setting { index, name, value }));
    }
    for nic in &found.nics {
        let Some(link) = links.get(nic.index) else { continue };
        let mac = nic.mac.filter(|mac| link.mac != Some(*mac));
        let mtu = Some(nic.mtu).filter(|mtu| link.mtu != *mtu);
        if !nic.up {
            out.push(Action::Down(nic.index));
        }
        if nic.quiet {
            out.push(Action::Quiet { index: nic.index, quiet: false });
        }
        if mac.is_some() || mtu.is_some() {
            out.push(Action::SetLink { index: nic.index, mac, mtu });
            if nic.up {
                out.push(Action::Up(nic.index));
            }
        }
    }
    // The last one first: names that went round come back the same way.
    let names = found.renames.iter().rev().filter(|name| is_there(name.index));
    let is_up = |index: u32| found.nics.iter().any(|nic| nic.index == index && nic.up);
    out.extend(names.map(|FoundName { index, name }| Action::Rename {
        index: *index,
        name: name.clone(),
        up: is_up(*index),
    }));
    let up_before = found.ports.iter().filter(|port| port.up && is_there(port.index));
    out.extend(up_before.map(|port| Action::Up(port.index)));
    let addresses = found.addresses.iter().filter(|address| is_there(address.index));
    out.extend(addresses.cloned().map(Action::RestoreAddress));
    let defaults = found.defaults.iter().filter(|route| is_there(route.index));
    out.extend(defaults.cloned().map(Action::RestoreDefault));
    if found.files && files_last {
        out.push(Action::RestoreFiles);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::state::{FoundAddress, FoundBond, FoundBridge, FoundDefault, FoundNic, FoundPort};
    use crate::links::{Kind, Link};
    use crate::mac::Mac;

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
            ..Found::default()
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
        let flipped = actions(&Found { flipped: true, ..found }, &links);
        assert_eq!(flipped.last(), Some(&Action::RestoreFiles), "they may lie on what comes over the NIC");
        assert_eq!(flipped[..flipped.len() - 1], expected[1..]);
    }

    #[test]
    fn a_nic_without_a_bond_gets_everything_back() {
        let mac = |last| Some(Mac([2, 0, 0, 0, 0, last]));
        let address = FoundAddress {
            index: 2,
            address: "192.0.2.7/24".parse().unwrap(),
            broadcast: None,
            lifetime: None,
        };
        let name = |index, name: &str| FoundName { index, name: name.into() };
        let found = Found {
            bridges: vec![FoundBridge { index: 0, name: "br0".into() }],
            nics: vec![
                FoundNic { index: 2, up: false, mac: mac(2), mtu: 1500, quiet: true },
                FoundNic { index: 3, up: true, mac: mac(3), mtu: 1500, quiet: false },
            ],
            own: vec![address.clone()],
            // A swap, by way of a third name.
            renames: vec![name(3, "eth1"), name(2, "eth0"), name(3, "nic3")],
            ..Found::default()
        };
        let nic = |index, last, mtu| Link { index, mac: mac(last), mtu, ..Link::default() };
        let bridge = Link { index: 9, name: "br0".into(), ..Link::default() };
        let links = Links(vec![nic(2, 2, 1500), nic(3, 9, 9000), bridge]);
        let rename = |index, name: &str, up| Action::Rename { index, name: name.into(), up };
        let expected = [
            Action::Delete(9),
            Action::DelAddress { index: 2, address: address.address },
            Action::Down(2),
            Action::Quiet { index: 2, quiet: false },
            Action::SetLink { index: 3, mac: mac(3), mtu: Some(1500) },
            Action::Up(3),
            rename(3, "nic3", true),
            rename(2, "eth0", false),
            rename(3, "eth1", true),
        ];
        assert_eq!(actions(&found, &links), expected);
    }
}
