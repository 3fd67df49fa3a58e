//! `plan --here`: what the words mean on this machine, as far as one look at its links tells. Touches nothing.

use std::io;

use crate::engine::types::Refusal;
use crate::links::{Kind, Link, Links};
use crate::netlink::Netlink;
use crate::plan::Plan;
use crate::run::hardware;
use crate::settle::resolve::Wanted;

/// The links of this machine.
///
/// # Errors
/// What the kernel said.
pub(super) fn links() -> io::Result<Links> {
    let netlink = Netlink::open()?;
    let look = || {
        let (mut links, addresses) = (hardware::links(&netlink)?, netlink.addresses()?);
        links.mark_addressed(|index| addresses.iter().any(|address| address.index == index));
        Ok(links)
    };
    look().map_err(|refusal: Refusal| io::Error::other(refusal.text))
}

/// A line for each port of a bond or bridge, then the devices that are addressed and not there, and the NICs that no
/// word takes.
pub(super) fn lines(plan: &Plan, links: &Links) -> Vec<String> {
    let mut lines = Vec::new();
    let mut taken = Vec::new();
    let meant = |port: &str| Wanted::parse(port).find(links, &|name| plan.builds(name));
    let controllers = plan.bonds.iter().map(|bond| (&bond.name, &bond.ports));
    for (name, ports) in controllers.chain(plan.bridges.iter().map(|bridge| (&bridge.name, &bridge.ports))) {
        for port in ports.iter().filter(|port| !plan.builds(port)) {
            if port == "auto" {
                lines.push(format!("{name}: auto shows when it is built"));
                continue;
            }
            let mut found = Vec::new();
            for link in meant(port) {
                taken.push(link.index);
                found.push(shown(link, name, links));
            }
            let found = if found.is_empty() { "not there".to_owned() } else { found.join(", ") };
            lines.push(format!("{name}: {port}: {found}"));
        }
    }
    for interface in plan.interfaces.iter().filter(|interface| !plan.builds(&interface.name)) {
        if meant(&interface.name).is_empty() && links.named(&interface.name).is_none() {
            lines.push(format!("{}: not there, and no word builds it", interface.name));
        }
    }
    let is_left = |link: &&Link| link.ethernet && link.kind == Kind::Device && !taken.contains(&link.index);
    let left: Vec<&str> = links.0.iter().filter(is_left).map(|link| link.name.as_str()).collect();
    if !left.is_empty() {
        lines.push(format!("no word takes {}", left.join(", ")));
    }
    lines
}

/// Name, MAC, and what keeps it from being a port of `controller`.
fn shown(link: &Link, controller: &str, links: &Links) -> String {
    let mut text = link.name.clone();
    if let Some(mac) = link.own_mac() {
        text.push_str(&format!(" ({mac})"));
    }
    match link.controller.and_then(|index| links.get(index)) {
        Some(other) if other.name != controller => {
            text.push_str(&format!(", a port of {} already", other.name))
        }
        Some(_) => {}
        None if link.up && !link.carrier => text.push_str(", no carrier"),
        None => {}
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mac::Mac;
    use crate::words::plan_line;

    fn nic(index: u32, name: &str) -> Link {
        let mac = Some(Mac([2, 0, 0, 0, 0, index as u8]));
        Link { index, name: name.into(), ethernet: true, mac, ..Link::default() }
    }

    #[test]
    fn ports_missing_devices_and_what_is_left() {
        let bond = Link { kind: Kind::Bond(Box::default()), ..nic(9, "bond7") };
        let links = Links(vec![
            Link { ethernet: false, ..nic(1, "lo") },
            Link { up: true, ..nic(2, "eth0") },
            Link { controller: Some(9), ..nic(3, "eth1") },
            Link { wired: true, ..nic(4, "ens4") },
            nic(5, "wan0"),
            bond,
            Link { wired: true, addressed: true, ..nic(6, "lan0") },
            Link { wired: true, controller: Some(9), ..nic(7, "lan1") },
        ]);
        for (words, expected) in [
            (
                "bond=bond0:eth*,eth9",
                "bond0: eth*: eth0 (02:00:00:00:00:02), no carrier, eth1, a port of bond7 already\n\
                 bond0: eth9: not there\nno word takes ens4, wan0, lan0, lan1",
            ),
            (
                "bond=bond0:02-00-00-00-00-04,all ip=bond0.5:dhcp ip=eth0:none ip=02-00-00-00-00-05:none",
                "bond0: 02:00:00:00:00:04: ens4 (02:00:00:00:00:04)\nbond0: all: ens4 (02:00:00:00:00:04)\n\
                 bond0.5: not there, and no word builds it\nno word takes eth0, eth1, wan0, lan0, lan1",
            ),
            (
                "bond=bond0:eth0 bridge=br0:bond0,ens4",
                "bond0: eth0: eth0 (02:00:00:00:00:02), no carrier\nbr0: ens4: ens4 (02:00:00:00:00:04)\n\
                 no word takes eth1, wan0, lan0, lan1",
            ),
        ] {
            assert_eq!(lines(&plan_line(words.as_bytes()), &links).join("\n"), expected, "{words}");
        }
    }
}
