//! The bonds and ports of `status`. (pure)

use std::fmt::Write;

use super::layout;
use crate::engine::state::{PortState, State};

const INDENT: &str = "    ";

/// Each bond with its ports; then those that are in none yet, or stand in for one.
pub(super) fn of_bonds(state: &State) -> String {
    let mut out = String::new();
    for bond in &state.bonds {
        let lacp = bond.mode == "802.3ad";
        let partner = bond.partner.map_or("none".to_owned(), |mac| mac.to_string());
        let partner = if lacp { format!(", LACP partner {partner}") } else { String::new() };
        // An address says it itself.
        let mut vlans =
            state.vlans.iter().filter(|vlan| vlan.link == bond.name && state.addresses.is_empty());
        let vlan = vlans.find(|vlan| state.interface.as_ref() == Some(&vlan.name));
        let vlan = vlan.map_or(String::new(), |vlan| format!(", VLAN {}", vlan.id));
        let _ = writeln!(out, "\n{}  {}{partner}{vlan}", bond.name, bond.mode);
        out.push_str(&layout::wrapped("  ", INDENT, &bond.verdict));
        for port in state.ports.iter().filter(|port| port.bond == bond.name) {
            one(&mut out, state, port, Some(lacp));
        }
    }
    let has_bond = |port: &&PortState| state.bonds.iter().any(|bond| bond.name == port.bond);
    let others: Vec<&PortState> = state.ports.iter().filter(|port| !has_bond(port)).collect();
    if !others.is_empty() {
        out.push_str("\nports\n");
    }
    for port in others {
        one(&mut out, state, port, None);
    }
    out
}

/// `lacp`: its bond speaks it; none: it has no bond.
fn one(out: &mut String, state: &State, port: &PortState, lacp: Option<bool>) {
    let mac = port.mac.map_or(String::new(), |mac| mac.to_string());
    let what = match () {
        () if port.ready => "passes traffic",
        () if lacp.is_none() => &port.hearing,
        () if !port.carrier => "no carrier",
        () if !port.in_bond && lacp.is_some() => "not in the bond",
        () => &port.hearing,
    };
    let _ = writeln!(out, "  {:<12} {mac:<17}  {what}", port.name);
    let explained = state.findings.iter().any(|finding| finding.ports.contains(&port.name));
    out.push_str(&details(port, lacp == Some(true), explained));
}

/// Driver, speed, partner and neighbour of a port; and, while it passes no traffic and nothing else explains that, how far
/// the two sides are.
pub(super) fn details(port: &PortState, lacp: bool, explained: bool) -> String {
    let mut parts: Vec<String> = port.driver.iter().cloned().collect();
    parts.extend(port.speed.map(|speed| match speed {
        1_000.. if speed % 1_000 == 0 => format!("{} Gbit/s", speed / 1_000),
        _ => format!("{speed} Mbit/s"),
    }));
    parts.extend(port.neighbour.as_ref().map(|neighbour| {
        let others = if neighbour.others { " (and others)" } else { "" };
        format!("at {}{others}", neighbour.place())
    }));
    let partner = port.partner_system.map(|system| {
        let key = port.partner_key.map_or(String::new(), |key| format!(" key {key}"));
        format!("partner {system}{key}")
    });
    let negotiates = lacp && port.in_bond && port.carrier && !port.ready && !explained;
    if !negotiates {
        parts.extend(partner.clone().filter(|_| port.carrier));
    }
    let mut out = match parts.is_empty() {
        true => String::new(),
        false => layout::wrapped(INDENT, INDENT, &parts.join(", ")),
    };
    if negotiates {
        let partner = partner.unwrap_or_else(|| "partner".into());
        let sides = format!("we: {}; {partner}: {}", port.actor, port.partner);
        out.push_str(&layout::wrapped(INDENT, INDENT, &sides));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::super::{layout::WIDTH, status};
    use super::*;
    use crate::engine::state::{Account, BondState, Phase, VlanState, Waiting};
    use crate::lldp::neighbour::Neighbour;
    use crate::trouble::{self, Kind};

    fn facts(port: &PortState) -> trouble::Port<'_> {
        trouble::Port { name: &port.name, neighbour: port.neighbour.as_ref(), ..trouble::Port::default() }
    }

    /// A silent switch that says by LLDP who it is, and DHCP that was tried all the same.
    fn silent(count: usize, found: bool) -> State {
        let port = |number: usize| PortState {
            name: format!("eth{number}"),
            mac: Some("52:54:00:00:00:01".parse().unwrap()),
            driver: Some("ixgbe".into()),
            speed: Some(10_000),
            neighbour: Some(Neighbour {
                system: "sw-rack3.lab.example".into(),
                port: format!("Ethernet1/{number}"),
                ..Neighbour::default()
            }),
            bond: "bond0".into(),
            in_bond: true,
            carrier: true,
            actor: "active short-timeout aggregatable in-sync defaulted".into(),
            partner: "none".into(),
            hearing: "carrier, but no LACPDU heard".into(),
            ..PortState::default()
        };
        let ports: Vec<PortState> = (0..count).map(port).collect();
        let facts = trouble::Bond { ports: ports.iter().map(facts).collect(), ..trouble::Bond::default() };
        let finding = trouble::finding(Kind::NothingHeard, &facts, &(0..count).collect::<Vec<_>>());
        let seen = "eth0, eth1: carrier, but no LACPDU heard".to_owned();
        let sentence = format!("no LACP partner on bond0 within 35 s ({seen}); {}", finding.line());
        let waiting = Waiting { what: "an LACP partner on bond0".into(), seen, ..Waiting::default() };
        let account = Account { discovers: 6, since_ms: Some(5_000), ..Account::default() };
        State {
            phase: Phase::Lacp,
            waiting: Some(waiting),
            sentence: if found { sentence } else { String::new() },
            bonds: vec![BondState {
                name: "bond0".into(),
                mode: "802.3ad".into(),
                verdict: "carrier, but no LACP partner".into(),
                ..BondState::default()
            }],
            ports,
            findings: if found { vec![finding] } else { Vec::new() },
            dhcp: if found { [("bond0".to_owned(), account)].into() } else { Default::default() },
            ..State::default()
        }
    }

    #[test]
    fn a_silent_switch_fits_a_console() {
        for (count, found, alive) in
            [(2, false, true), (2, true, true), (2, true, false), (4, false, true), (4, true, true)]
        {
            let shown = status::text(&silent(count, found), 400_000, alive);
            let widest = shown.lines().map(|line| line.chars().count()).max();
            assert!(widest <= Some(WIDTH), "{widest:?} columns:\n{shown}");
            assert!(shown.lines().count() <= 24, "{} rows:\n{shown}", shown.lines().count());
        }
    }

    #[test]
    fn what_is_wrong_stands_at_the_top_and_once() {
        let shown = status::text(&silent(2, true), 40_000, true);
        let expected = "\
bondstrap: waiting for the LACP partner (engine 0)
  waiting for an LACP partner on bond0 (40 s, no limit)

! eth0 (sw-rack3.lab.example Ethernet1/0), eth1 (sw-rack3.lab.example
  Ethernet1/1): carrier, but no LACPDU is heard
  -> set these switch ports to one LACP (802.3ad) group in active mode, or boot
     with bondmode=active-backup

bond0  802.3ad, LACP partner none
  carrier, but no LACP partner
  eth0         52:54:00:00:00:01  carrier, but no LACPDU heard
    ixgbe, 10 Gbit/s, at sw-rack3.lab.example Ethernet1/0
";
        assert!(shown.starts_with(expected), "{shown}");
    }

    #[test]
    fn a_vlan_costs_no_line() {
        let mut state = silent(2, false);
        state.vlans = vec![VlanState { name: "bond0.42".into(), id: 42, link: "bond0".into() }];
        state.interface = Some("bond0.42".into());
        let shown = |state: &State| status::text(state, 0, true);
        assert!(
            shown(&state).contains("\nbond0  802.3ad, LACP partner none, VLAN 42\n"),
            "{}",
            shown(&state)
        );
        state.addresses = vec!["192.0.2.7/24".parse().unwrap()];
        assert!(shown(&state).contains("\nbond0  802.3ad, LACP partner none\n"), "it stands below");
    }

    #[test]
    fn a_sentence_is_left_out_where_it_is_found_below() {
        let mut state = silent(2, true);
        state.sentence = "another one".into();
        assert!(status::text(&state, 0, true).contains("\n  another one\n"));
        let of_those = "no carrier on any port of bond0 within 35 s (eth0: no carrier); look";
        (state.sentence, state.findings[0].sentence) = (of_those.into(), "eth0: no carrier".into());
        assert!(!status::text(&state, 0, true).contains("within 35 s"));
    }

    #[test]
    fn ports_without_a_bond_are_shown() {
        let mut state = silent(2, false);
        state.bonds.clear();
        for port in &mut state.ports {
            (port.in_bond, port.neighbour) = (false, None);
        }
        let shown = status::text(&state, 0, true);
        assert!(
            shown.contains("\nports\n  eth0         52:54:00:00:00:01  carrier, but no LACPDU"),
            "{shown}"
        );
    }
}
