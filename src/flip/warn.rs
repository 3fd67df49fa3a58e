//! Words that a flip can't do as they stand, and what it says of them. (pure)

use std::net::IpAddr;

use super::snapshot::Snapshot;
use crate::engine::mtu_of;
use crate::links::Link;
use crate::mac::Mac;
use crate::plan::{Bond, Interface, Method4, Method6, Plan};
use crate::settle::resolve::Wanted;

/// `auto`: the engine that keeps the bond would go on to search for its ports.
pub(super) fn searching(bond: &Bond) -> Option<String> {
    let searches = bond.ports.iter().any(|port| Wanted::parse(port) == Wanted::Auto);
    searches.then(|| {
        format!(
            "{0} is to look for its ports (auto), and a flip has to know them: name them (bond={0}:eth0,eth1), or write all",
            bond.name
        )
    })
}

/// `min_links` with LACP: without carrier the bond passes nothing, and the NIC joins last, once the others pass traffic. `others`:
/// how many those are; none: the NIC joins first.
pub(super) fn too_few(bond: &Bond, nic: &str, others: usize) -> Option<String> {
    let least: usize = bond.options.get("min_links")?.parse().ok()?;
    let first = others.max(1);
    let until = if others == 0 { "with that NIC alone" } else { "until that NIC joins, as the last," };
    (least > first).then(|| {
        format!(
            "{} has no carrier with fewer than {least} ports (min_links={least}), and everything is on {nic}: {until} it has \
             {first}; write min_links={first}, or name more ports",
            bond.name
        )
    })
}

/// What the words give the bond: by its name, or by the NIC's MAC (`BOOTIF`).
pub(crate) fn spec_of<'a>(plan: &'a Plan, bond: &str, nic: Option<Mac>) -> Option<&'a Interface> {
    let is = |spec: &&Interface| match spec.match_mac {
        None => spec.name == bond,
        mac => mac == nic,
    };
    plan.interfaces.iter().find(is)
}

/// Addresses that somebody else has renewed, and the words don't.
pub(super) fn ends(plan: &Plan, bond: &str, nic: Option<Mac>, snapshot: &Snapshot) -> Vec<String> {
    let spec = spec_of(plan, bond, nic);
    let lease4 = spec.is_some_and(|spec| spec.ipv4.method == Method4::Dhcp);
    // SLAAC is the kernel's business, on the bond as on the NIC.
    let asks6 = |method| matches!(method, Method6::Dhcp | Method6::Either);
    let lease6 = spec.is_some_and(|spec| asks6(spec.ipv6.method));
    let ending = snapshot
        .addresses
        .iter()
        .filter(|address| address.lifetime().is_some() && address.outlasts() && !address.is_of_router());
    let told = ending.filter_map(|address| {
        let (renewed, word) = match address.ip()? {
            IpAddr::V4(_) => (lease4, "dhcp"),
            IpAddr::V6(_) => (lease6, "dhcp6"),
        };
        let text = address.text().filter(|_| !renewed)?;
        Some(format!(
            "{text} has an end, and the words don't renew it (ip={bond}:{word}): it stays on {bond}, and the server may give it to \
             somebody else"
        ))
    });
    told.collect()
}

/// The bond has the NIC's MTU.
pub(super) fn mtu(plan: &Plan, bond: &str, nic: &Link) -> Option<String> {
    let by_mac = spec_of(plan, bond, nic.own_mac()).and_then(|spec| spec.mtu);
    let wanted = mtu_of(plan, bond).max(by_mac).filter(|mtu| *mtu != nic.mtu)?;
    Some(format!(
        "{bond} keeps the MTU of {}, {}: that of the words ({wanted}) is not set",
        nic.name, nic.mtu
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flip::tests::snapshot;
    use crate::words::plan_line;

    #[test]
    fn ports_that_have_to_be_searched_for_are_refused() {
        let said = |words: &str| searching(&plan_line(words.as_bytes()).bonds[0]);
        assert!(said("bond=bond7:auto").unwrap().starts_with("bond7 is to look for its ports (auto)"));
        assert_eq!([said("bond=all"), said("bond=eth0,eth1")], [None, None]);
    }

    #[test]
    fn ports_that_are_too_few_before_the_nic_joins_are_refused() {
        let said = |min_links: &str, others: usize| {
            let plan = plan_line(format!("bond=bond0:eth0,eth1,eth2:mode=4{min_links}").as_bytes());
            too_few(&plan.bonds[0], "eth0", others)
        };
        let told = said(",min_links=2", 1).unwrap();
        assert_eq!(
            told,
            "bond0 has no carrier with fewer than 2 ports (min_links=2), and everything is on eth0: until that NIC joins, as the \
             last, it has 1; write min_links=1, or name more ports"
        );
        assert!(said(",min_links=2", 0).is_some(), "the NIC alone");
        for (words, others) in [("", 1), (",min_links=0", 0), (",min_links=1", 0), (",min_links=2", 2)] {
            assert_eq!(said(words, others), None, "{words:?}, {others}");
        }
    }

    #[test]
    fn what_nobody_renews_is_told() {
        let said = |words: &str| {
            ends(&plan_line(words.as_bytes()), "bond0", Some(Mac([2, 0, 0, 0, 0, 1])), &snapshot())
        };
        let all = said("bond=eth0,eth1 ip=bond0:none");
        assert_eq!(all.len(), 3, "two of IPv4, one of IPv6, and none that is link-local: {all:?}");
        assert!(all[0].starts_with("192.0.2.10/24 has an end"), "{all:?}");
        assert!(all[2].contains("(ip=bond0:dhcp6)"), "{all:?}");
        assert_eq!(said("bond=eth0,eth1 ip=dhcp").len(), 1);
        assert_eq!(said("bond=eth0,eth1 ip=bond0:dhcp,dhcp6").len(), 0);
        assert_eq!(said("bond=eth0,eth1 ip=bond0:dhcp ip=bond0:auto6").len(), 1);
        assert_eq!(said("bond=eth0,eth1 ip=BOOTIF:dhcp,dhcp6 BOOTIF=01-02-00-00-00-00-01").len(), 0);
    }

    #[test]
    fn an_mtu_that_is_not_set_is_told() {
        let nic = Link { name: "eth0".into(), mtu: 1500, ..Link::default() };
        let said = |words: &str| mtu(&plan_line(words.as_bytes()), "bond0", &nic);
        let told = said("bond=bond0:eth0,eth1:mode=1:9000 ip=dhcp").unwrap();
        assert_eq!(told, "bond0 keeps the MTU of eth0, 1500: that of the words (9000) is not set");
        assert_eq!(said("bond=bond0:eth0,eth1:mode=1:1500 ip=dhcp"), None);
        assert_eq!(said("bond=bond0:eth0,eth1"), None);
    }
}
