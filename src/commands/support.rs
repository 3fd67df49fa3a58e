//! What a plan may ask for and this version can't do yet: said by `plan`, and by `up` before anything is touched.

use crate::installer;
use crate::persist::management;
use crate::plan::{Fallback, Interface, Method4, Method6, Plan};

/// What is understood and has no effect yet: told, and gone on without.
pub(super) fn idle(plan: &Plan) -> Vec<String> {
    let handover = &plan.bondstrap.handover;
    let unknown = [
        (handover.iter().any(|word| word != "auto" && word != "none"), "a list in bondstrap.handover="),
        (!plan.dhcp.client_ids.is_empty(), "rd.net.dhcp.client-id="),
        (plan.interfaces.iter().any(|interface| !interface.ntp.is_empty()), "the time server of ip="),
    ];
    let said = unknown.iter().filter(|(asked, _)| *asked);
    said.map(|(_, what)| format!("{what} has no effect in this version")).collect()
}

/// What the installed XCP-ng would not keep. Said where XCP-ng is meant: `bondstrap.handover=` names it, or the words are
/// this machine's and its installer is here.
pub(super) fn unkept_by_xapi(plan: &Plan, own_words: bool) -> Vec<String> {
    let named = plan.bondstrap.handover.iter().any(|word| word == "xcp-ng");
    let is_meant = named || own_words && installer::is_xcp_ng();
    plan.bonds.iter().filter(|_| is_meant).filter_map(management::why_not_of_words).collect()
}

/// One sentence on the first thing without which the rest would be something else.
pub(super) fn missing(plan: &Plan) -> Option<String> {
    if plan.bondstrap.fallback != Fallback::None {
        return no("bondstrap.fallback=");
    }
    if plan.bonds.iter().flat_map(|bond| &bond.ports).any(|port| port == "auto") {
        return Some(
            "bond=: up of this version can't find the ports of \"auto\" by itself yet; name them, or write all".into(),
        );
    }
    plan.interfaces.iter().find_map(missing_on)
}

fn missing_on(interface: &Interface) -> Option<String> {
    let name = &interface.name;
    if interface.ipv4.method == Method4::LinkLocal {
        return no(&format!("ip=: a link-local address on {name}"));
    }
    if !matches!(interface.ipv6.method, Method6::None | Method6::Static) {
        return no(&format!("ip=: IPv6 other than a static address on {name}"));
    }
    None
}

fn no(what: &str) -> Option<String> {
    Some(format!("{what}: up of this version can't do that yet; leave it out"))
}
