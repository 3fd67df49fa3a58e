//! `status` for people: 80 columns, one screen. (pure)

use std::fmt::Write;

use super::{layout, ports};
use crate::clock::Millis;
use crate::dhcp::v4::lease::Lease;
use crate::engine::state::{Account, Ipv6State, Phase, State, Waiting};
use crate::trouble::Router;

/// Where the text of a labelled line begins.
const MARGIN: usize = 12;

/// The whole text. `alive`: the engine still works.
pub fn text(state: &State, now: Millis, alive: bool) -> String {
    let mut out = layout::wrapped("", "  ", &headline(state, alive));
    if let Some(waiting) = state.waiting.as_ref().filter(|_| alive) {
        put(&mut out, "  ", &format!("waiting for {}", wait(waiting, now)));
    }
    let said_below = alive && is_found(state);
    if !state.sentence.is_empty() && !said_below {
        put(&mut out, "  ", &state.sentence);
    }
    out.push_str(&findings(state));
    out.push_str(&ports::of_bonds(state));
    for (name, ipv6) in
        state.ipv6.iter().filter(|(_, ipv6)| state.addresses.is_empty() && !ipv6.missing.is_empty())
    {
        let _ = writeln!(out, "\n{name}  no address");
        put(&mut out, "  IPv6      ", &ipv6.missing);
    }
    if let Some(interface) = state.interface.as_ref().filter(|_| !state.addresses.is_empty()) {
        out.push('\n');
        let vlan = state.vlans.iter().find(|vlan| vlan.name == *interface);
        let vlan = vlan.map_or(String::new(), |vlan| format!(" (VLAN {} on {})", vlan.id, vlan.link));
        put(&mut out, &format!("{interface}  "), &(joined(&state.addresses) + &vlan));
        put(&mut out, "  router    ", &router(state, interface));
        put(&mut out, "  DNS       ", &if state.dns.is_empty() { "none".into() } else { joined(&state.dns) });
        if let Some(lease) = state.lease.get(interface) {
            let left = match lease.left_secs(now) {
                None => "for ever".to_owned(),
                Some(seconds) => {
                    format!("{} left{}", span(Millis::from(seconds) * 1_000), renewal(lease, now))
                }
            };
            put(&mut out, "  lease     ", &format!("from {}, {left}", lease.server_id));
        }
        if let Some(ipv6) = state.ipv6.get(interface) {
            six(&mut out, ipv6, state, now);
        }
        if !state.ntp.is_empty() {
            put(&mut out, "  NTP       ", &joined(&state.ntp));
        }
        if let Some(name) = &state.hostname {
            put(&mut out, "  host name ", name);
        }
    }
    for (interface, account) in &state.dhcp {
        if !state.lease.contains_key(interface) {
            unleased(&mut out, interface, account, now);
        }
    }
    out
}

/// Appends a line that begins with `label`; what does not fit goes below, with the same margin.
fn put(out: &mut String, label: &str, text: &str) {
    out.push_str(&layout::wrapped(label, &" ".repeat(label.chars().count().min(MARGIN)), text));
}

fn joined<T: ToString>(all: &[T]) -> String {
    all.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

/// What is wrong says the same as the sentence, and what to do about it.
fn is_found(state: &State) -> bool {
    let of_address = |kind: &str| kind == "other-vlan" || kind.starts_with("dhcp-");
    match state.phase {
        Phase::Lacp => {
            let says = |text: &String| state.sentence.contains(text);
            state.findings.iter().any(|finding| says(&finding.sentence) || says(&finding.advice))
        }
        Phase::Dhcp => state.findings.iter().any(|finding| of_address(&finding.kind)),
        _ => false,
    }
}

/// The default router, or what it means that there is none.
fn router(state: &State, interface: &str) -> String {
    let lease = state.lease.get(interface);
    match state.gateway {
        Some(ip) => {
            let seen = match state.router {
                Router::Unknown => "",
                Router::Reachable => ", reachable",
                Router::Stale => ", has answered before",
                Router::Silent => ", does not answer",
            };
            format!("{ip}{seen}")
        }
        None if lease.is_some_and(|lease| !lease.routes.is_empty()) => {
            "none, but the lease has routes of its own".into()
        }
        None if lease.is_some_and(|lease| !lease.routers.is_empty()) => {
            "none: that of the lease is not the default".into()
        }
        None => "none: nothing beyond the subnet can be reached".into(),
    }
}

/// IPv6: what DHCPv6 and routers gave, and why there is not more.
fn six(out: &mut String, ipv6: &Ipv6State, state: &State, now: Millis) {
    if let Some(router) = ipv6.router.filter(|router| state.gateway != Some((*router).into())) {
        put(out, "  router    ", &router.to_string());
    }
    if !ipv6.prefixes.is_empty() {
        let mtu = ipv6.mtu.map_or(String::new(), |mtu| format!(", MTU {mtu}"));
        put(out, "  prefix    ", &(joined(&ipv6.prefixes) + &mtu));
    }
    if let Some(lease) = &ipv6.lease {
        let lasts =
            |secs: Option<u32>| secs.map_or("for ever".to_owned(), |secs| span(Millis::from(secs) * 1_000));
        let (valid, preferred) = (lease.left_secs(now), lease.preferred_left(now));
        put(out, "  lease     ", &format!("by DHCPv6 from {}", lease.from));
        put(out, "            ", &format!("valid {}, preferred {}", lasts(valid), lasts(preferred)));
    }
    if let Some(duid) = &ipv6.duid {
        let duid: String = duid.iter().map(|byte| format!("{byte:02x}")).collect();
        put(out, "  DUID      ", &format!("{duid}, IAID {:08x}", ipv6.iaid.unwrap_or_default()));
    }
    if !ipv6.missing.is_empty() {
        put(out, "  IPv6      ", &ipv6.missing);
    }
}

/// What is wrong, and what to do about it.
fn findings(state: &State) -> String {
    let mut out = String::new();
    for finding in &state.findings {
        out.push('\n');
        out.push_str(&layout::wrapped("! ", "  ", &finding.sentence));
        out.push_str(&layout::wrapped("  -> ", "     ", &finding.advice));
    }
    out
}

/// When the lease is to be renewed, or that it should have been.
fn renewal(lease: &Lease, now: Millis) -> String {
    let at = |after: Option<Millis>| after.map(|after| lease.obtained_at + after);
    match (at(lease.t1), at(lease.t2)) {
        (Some(t1), _) if now < t1 => format!(", renewed in {}", span(t1 - now)),
        (_, Some(t2)) if now < t2 => {
            format!(", its server asked again for {}", span(now - at(lease.t1).unwrap_or(now)))
        }
        (Some(_), Some(_)) => ", any server asked for it".into(),
        _ => String::new(),
    }
}

/// What DHCP has sent and heard where it has no lease.
fn unleased(out: &mut String, interface: &str, account: &Account, now: Millis) {
    let since = account.since_ms.map_or(String::new(), |at| format!(" in {}", span(now.saturating_sub(at))));
    let _ = writeln!(out, "\n{interface}  no DHCP lease");
    let sent = format!("{} DISCOVERs, {} REQUESTs{since}", account.discovers, account.requests);
    put(out, "  sent      ", &sent);
    if account.heard.is_empty() && account.offers == 0 && account.naks == 0 {
        put(out, "  heard     ", "nothing: no DHCP server has answered");
        return;
    }
    put(out, "  heard     ", &format!("{} usable OFFERs, {} NAKs", account.offers, account.naks));
    for reason in &account.heard {
        put(out, "            ", reason);
    }
}

fn headline(state: &State, alive: bool) -> String {
    let phase = match state.phase {
        Phase::Settling => "waiting for the NICs' final names",
        Phase::Building => "building the bond",
        Phase::Lacp => "waiting for the LACP partner",
        Phase::Dhcp => "waiting for an address",
        Phase::Online if is_cut_off(state) => "online, but no traffic passes now",
        Phase::Online => "online",
        Phase::Failed => "failed; everything was given back",
        Phase::Stopped => "stopped",
    };
    match (alive, state.phase) {
        (true, _) => format!("bondstrap: {phase} (engine {})", state.pid),
        (false, Phase::Failed | Phase::Stopped) => format!("bondstrap: {phase}"),
        (false, _) => format!("bondstrap: the engine has died while {phase}; bondstrap up takes it up again"),
    }
}

/// The bond below what is addressed can send nothing. Which that is the state does not tell of bridges: any, then.
fn is_cut_off(state: &State) -> bool {
    let below = state.interface.as_deref().map(|name| {
        let vlan = state.vlans.iter().find(|vlan| vlan.name == name);
        vlan.map_or(name, |vlan| vlan.link.as_str())
    });
    let is_below = |name: &str| Some(name) == below;
    let known = state.bonds.iter().any(|bond| is_below(&bond.name));
    state.bonds.iter().any(|bond| bond.cut_off && (!known || is_below(&bond.name)))
}

fn wait(waiting: &Waiting, now: Millis) -> String {
    let passed = span(now.saturating_sub(waiting.since_ms));
    let limit = waiting.limit_ms.map_or("no limit".to_owned(), |limit| format!("limit {}", span(limit)));
    format!("{} ({passed}, {limit})", waiting.what)
}

/// `3 s`, `12 min`, `5 h 20 min`.
fn span(millis: Millis) -> String {
    let seconds = millis / 1_000;
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7_200 => format!("{} min", seconds / 60),
        _ => format!("{} h {} min", seconds / 3_600, seconds % 3_600 / 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::state::{BondState, PortState};
    use crate::lldp::neighbour::Neighbour;
    use crate::trouble::Finding;

    pub(in crate::report) fn port(name: &str, ready: bool) -> PortState {
        PortState {
            name: name.into(),
            index: 2,
            mac: Some("02:00:00:00:00:01".parse().unwrap()),
            driver: None,
            speed: None,
            partner_system: None,
            partner_key: None,
            neighbour: None,
            bond: "bond0".into(),
            in_bond: true,
            carrier: true,
            ready,
            actor: "active aggregatable".into(),
            partner: "none".into(),
            hearing: "carrier, but no LACPDU heard".into(),
        }
    }

    #[test]
    fn a_bond_that_waits() {
        let state = State {
            version: 1,
            pid: 77,
            phase: Phase::Lacp,
            waiting: Some(Waiting {
                what: "an LACP partner on bond0".into(),
                seen: "eth0: carrier, but no LACPDU heard".into(),
                since_ms: 0,
                limit_ms: Some(35_000),
            }),
            bonds: vec![BondState {
                name: "bond0".into(),
                index: 4,
                mode: "802.3ad".into(),
                mac: None,
                partner: None,
                aggregator: Some(1),
                created: true,
                verdict: "carrier, but no LACP partner".into(),
                cut_off: true,
                fallback: false,
            }],
            ports: vec![port("eth0", false), port("eth1", true)],
            ..State::default()
        };
        let expected = "\
bondstrap: waiting for the LACP partner (engine 77)
  waiting for an LACP partner on bond0 (12 s, limit 35 s)

bond0  802.3ad, LACP partner none
  carrier, but no LACP partner
  eth0         02:00:00:00:00:01  carrier, but no LACPDU heard
    we: active aggregatable; partner: none
  eth1         02:00:00:00:00:01  passes traffic
";
        assert_eq!(text(&state, 12_000, true), expected);
        assert!(
            text(&state, 12_000, false)
                .starts_with("bondstrap: the engine has died while waiting for the LACP")
        );
    }

    #[test]
    fn what_there_is_of_ipv6() {
        let lease = crate::dhcp::v6::Lease {
            address: "2001:db8::77".parse().unwrap(),
            server: vec![0, 3, 0, 1, 2, 0, 0, 0, 0, 9],
            from: "fe80::9".parse().unwrap(),
            facts: Default::default(),
            preferred_secs: Some(2_000),
            valid_secs: None,
            t1: None,
            t2: None,
            obtained_at: 0,
        };
        let ipv6 = Ipv6State {
            router: "fe80::1".parse().ok(),
            prefixes: vec!["2001:db8::/64".parse().unwrap()],
            mtu: Some(1_400),
            duid: Some(vec![0, 3, 0, 1, 2, 0, 0, 0, 0, 1]),
            iaid: Some(1),
            lease: Some(lease),
            missing: "no router".into(),
            ..Ipv6State::default()
        };
        let mut state = State {
            version: 1,
            phase: Phase::Online,
            interface: Some("bond0".into()),
            addresses: vec!["2001:db8::77/128".parse().unwrap()],
            gateway: Some("192.0.2.1".parse().unwrap()),
            ipv6: [("bond0".to_owned(), ipv6)].into(),
            ..State::default()
        };
        let expected = "\
bond0  2001:db8::77/128
  router    192.0.2.1
  DNS       none
  router    fe80::1
  prefix    2001:db8::/64, MTU 1400
  lease     by DHCPv6 from fe80::9
            valid for ever, preferred 33 min
  DUID      00030001020000000001, IAID 00000001
  IPv6      no router
";
        let shown = text(&state, 10_000, true);
        assert!(shown.ends_with(expected), "{shown}");
        state.addresses.clear();
        assert!(text(&state, 10_000, true).ends_with("\nbond0  no address\n  IPv6      no router\n"));
    }

    #[test]
    fn everything_fits_a_console() {
        let neighbour = Neighbour {
            system: "sw-rack3.lab.example".into(),
            port: "Ethernet1/7".into(),
            others: true,
            ..Neighbour::default()
        };
        let known = PortState {
            driver: Some("ixgbe".into()),
            speed: Some(10_000),
            partner_system: Some("04:00:00:00:00:01".parse().unwrap()),
            partner_key: Some(32_768),
            neighbour: Some(neighbour),
            ..port("eth0", true)
        };
        let apart = PortState { ready: false, speed: Some(2_500), ..known.clone() };
        let finding = Finding {
            kind: "keys-differ".into(),
            sentence: "the ports of bond0 are in different LAGs of one switch (key 7 on eth0; key 8 on eth1)"
                .into(),
            advice: "put these switch ports into one LAG".into(),
            ..Finding::default()
        };
        assert_eq!(
            ports::details(&known, true, false),
            "    ixgbe, 10 Gbit/s, at sw-rack3.lab.example Ethernet1/7 (and others), partner\n    \
             04:00:00:00:00:01 key 32768\n"
        );
        assert_eq!(
            ports::details(&apart, true, false).lines().last(),
            Some("    we: active aggregatable; partner 04:00:00:00:00:01 key 32768: none")
        );
        assert_eq!(ports::details(&apart, true, true).lines().count(), 2, "what is wrong is said above");
        assert_eq!(ports::details(&port("eth0", true), true, false), "");
        let state = State { findings: vec![finding], ..State::default() };
        assert_eq!(
            findings(&state),
            "\n! the ports of bond0 are in different LAGs of one switch (key 7 on eth0; key 8\n  on eth1)\n  -> put \
             these switch ports into one LAG\n"
        );
    }

    #[test]
    fn without_a_lease_it_tells_what_was_heard() {
        let heard = vec!["192.0.2.9 refused the address (\"go away\") (3 times)".into()];
        let account = Account { discovers: 7, requests: 3, offers: 3, naks: 3, since_ms: Some(2_000), heard };
        let mut state = State { phase: Phase::Dhcp, pid: 77, ..State::default() };
        state.dhcp.insert("bond0".into(), account);
        let expected = "\
bondstrap: waiting for an address (engine 77)

bond0  no DHCP lease
  sent      7 DISCOVERs, 3 REQUESTs in 12 s
  heard     3 usable OFFERs, 3 NAKs
            192.0.2.9 refused the address (\"go away\") (3 times)
";
        assert_eq!(text(&state, 14_000, true), expected);
        state.dhcp.insert("bond0".into(), Account { discovers: 1, ..Account::default() });
        let said = text(&state, 14_000, true);
        assert!(said.ends_with("nothing: no DHCP server has answered\n"), "{said}");
    }

    #[test]
    fn spans() {
        for (millis, expected) in [
            (0, "0 s"),
            (119_999, "119 s"),
            (120_000, "2 min"),
            (7_199_000, "119 min"),
            (19_200_000, "5 h 20 min"),
        ] {
            assert_eq!(span(millis), expected);
        }
    }
}
