//! How the kernel does IPv6 on an interface: set as the words ask, before the interface is up where we made it.
//!
//! Ports need nothing: the kernel leaves the ports of a bond without IPv6 (`addrconf_notify()`, IFF_SLAVE and
//! IFF_NO_ADDRCONF), and hands what they receive to the bond.

use super::types;
use crate::clock::Millis;
use crate::engine::state::FoundSetting;
use crate::engine::types::Action;
use crate::engine::{Engine, Try};
use crate::links::Ipv6Conf;
use crate::plan::Method6;

/// Name, what it is, what it is to be.
type Change = (&'static str, u32, u32);

/// What is to be changed. `on_bond`: frames get lost while the switch's ports open.
fn changes(method: Method6, on_bond: bool, conf: &Ipv6Conf) -> Vec<Change> {
    let routers = super::asks_routers(method);
    // With forwarding on, the kernel heeds routers only where it is told so expressly.
    let accept = match (method, conf.forwarding) {
        _ if !routers && method != Method6::LinkLocal => conf.accept_ra,
        (Method6::LinkLocal, _) => 0,
        (_, 0) => conf.accept_ra.max(1),
        _ => 2,
    };
    let autoconf = match method {
        // Addresses come from the server alone; routes and on-link prefixes from routers all the same.
        Method6::Dhcp => 0,
        Method6::Auto | Method6::Either => 1,
        _ => conf.autoconf,
    };
    let if_routers = |value: u32| if routers { 1 } else { value };
    // 1: no link-local address.
    let gen_mode = if conf.addr_gen_mode == 1 { 0 } else { conf.addr_gen_mode };
    // Of a router or a DHCPv6 server something has come over the link before an address is tried. One that stands in the
    // words is tried while switches that say they collect may not do so yet: Open vSwitch for half a second more.
    let tries = match (method, conf.dad_transmits) {
        (Method6::Static, 1) if on_bond => 2,
        (_, tries) => tries,
    };
    let all = [
        ("disable_ipv6", conf.disable_ipv6, 0),
        ("accept_ra", conf.accept_ra, accept),
        ("accept_ra_defrtr", conf.accept_ra_defrtr, if_routers(conf.accept_ra_defrtr)),
        ("accept_ra_pinfo", conf.accept_ra_pinfo, if_routers(conf.accept_ra_pinfo)),
        ("autoconf", conf.autoconf, autoconf),
        // Also what duplicate address detection is delayed by, up to it (RFC 4862 §5.4.2): for machines that are switched
        // on together. LACP has scattered us already.
        ("router_solicitation_delay", conf.solicit_delay, 0),
        ("addr_gen_mode", conf.addr_gen_mode, gen_mode),
        ("dad_transmits", conf.dad_transmits, tries),
    ];
    all.into_iter().filter(|(_, is, wanted)| is != wanted).collect()
}

impl Engine {
    /// Tells the kernel, for every interface that is there; again where somebody else tells it otherwise.
    pub(in crate::engine) fn shape_six(&mut self, now: Millis, out: &mut Vec<Action>) {
        for which in 0..self.targets.len() {
            let target = &self.targets[which];
            let method = target.spec.ipv6.method;
            let Some(link) = target.link(&self.view.links).filter(|_| method != Method6::None) else {
                continue;
            };
            // A port that stands for its bond; a bond that was there before us and is not ours (yet).
            let foreign =
                link.bond().is_some() && !self.found.bonds.iter().any(|bond| bond.index == link.index);
            if link.controller.is_some() || foreign {
                continue;
            }
            let (index, built) = (link.index, self.plan.builds(&link.name));
            let Some(conf) = link.ipv6 else {
                // A module on some kernels; where it is not to be had, the limit says what is missing.
                if self.tries.count(&Try::Setting(0)) < 3 && self.tries.allow(now, &Try::Setting(0)) {
                    out.push(Action::LoadModule("ipv6"));
                }
                continue;
            };
            let changes = changes(method, target.bond.is_some(), &conf);
            if changes.is_empty() || !self.tries.allow(now, &Try::Setting(index)) {
                continue;
            }
            for (name, is, value) in changes {
                let before = FoundSetting { index, name: name.to_owned(), value: in_file(name, is) };
                let known = |found: &FoundSetting| found.index == index && found.name == name;
                // What is on a NIC of its own does not go with a bond.
                if !built && !self.found.settings.iter().any(known) {
                    self.found.settings.push(before);
                }
                out.push(Action::Six(types::Action::Setting { index, name, value }));
            }
        }
    }
}

/// The value as its file has it: seconds, where netlink has milliseconds.
fn in_file(name: &str, value: u32) -> u32 {
    if name == "router_solicitation_delay" { value / 1_000 } else { value }
}

/// The file of a setting that was changed; none: not one of ours.
pub(in crate::engine) fn setting_named(name: &str) -> Option<&'static str> {
    const ALL: [&str; 8] = [
        "disable_ipv6",
        "accept_ra",
        "accept_ra_defrtr",
        "accept_ra_pinfo",
        "autoconf",
        "router_solicitation_delay",
        "addr_gen_mode",
        "dad_transmits",
    ];
    ALL.into_iter().find(|known| *known == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_the_words_ask() {
        let usual = Ipv6Conf {
            accept_ra: 1,
            accept_ra_defrtr: 1,
            accept_ra_pinfo: 1,
            autoconf: 1,
            solicit_delay: 1_000,
            dad_transmits: 1,
            ..Ipv6Conf::default()
        };
        let off = Ipv6Conf { disable_ipv6: 1, addr_gen_mode: 1, ..Ipv6Conf::default() };
        let router = Ipv6Conf { forwarding: 1, solicit_delay: 0, ..usual };
        let delay = ("router_solicitation_delay", 1_000, 0);
        let twice = ("dad_transmits", 1, 2);
        let cases: &[(Method6, Ipv6Conf, &[Change])] = &[
            (Method6::Auto, usual, &[delay]),
            (Method6::Either, usual, &[delay]),
            (Method6::Static, usual, &[delay, twice]),
            (Method6::Dhcp, usual, &[("autoconf", 1, 0), delay]),
            (Method6::LinkLocal, usual, &[("accept_ra", 1, 0), delay]),
            (Method6::Auto, router, &[("accept_ra", 1, 2)]),
            (Method6::Dhcp, Ipv6Conf { accept_ra: 2, autoconf: 0, ..router }, &[]),
            (Method6::Static, off, &[("disable_ipv6", 1, 0), ("addr_gen_mode", 1, 0)]),
            (
                Method6::Auto,
                off,
                &[
                    ("disable_ipv6", 1, 0),
                    ("accept_ra", 0, 1),
                    ("accept_ra_defrtr", 0, 1),
                    ("accept_ra_pinfo", 0, 1),
                    ("autoconf", 0, 1),
                    ("addr_gen_mode", 1, 0),
                ],
            ),
        ];
        assert_eq!(changes(Method6::Static, false, &usual), [delay]);
        assert_eq!(
            changes(Method6::Static, true, &Ipv6Conf { dad_transmits: 0, ..usual }),
            [delay],
            "switched off"
        );
        for (method, conf, expected) in cases {
            let found = changes(*method, true, conf);
            assert_eq!(found, *expected, "{method:?} {conf:?}");
            assert!(found.iter().all(|(name, ..)| setting_named(name) == Some(name)));
        }
        assert_eq!(setting_named("../../kernel/core_pattern"), None);
        assert_eq!(in_file("router_solicitation_delay", 1_000), 1);
    }
}
