//! What a plan may ask for and this version can't do yet: said by `plan`, and by `up` before anything is touched.

use crate::installer;
use crate::persist::management;
use crate::plan::{Interface, Method4, Plan};

/// What is understood and has no effect yet: told, and gone on without.
pub(super) fn idle(plan: &Plan) -> Vec<String> {
    let handover = &plan.bondstrap.handover;
    let unknown =
        [(handover.iter().any(|word| word != "auto" && word != "none"), "a list in bondstrap.handover=")];
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
    plan.interfaces.iter().find_map(missing_on)
}

fn missing_on(interface: &Interface) -> Option<String> {
    let name = &interface.name;
    if interface.ipv4.method == Method4::LinkLocal {
        return Some(format!(
            "ip=: up of this version can't make an IPv4 link-local address on {name} yet; write link6 for IPv6 alone"
        ));
    }
    None
}
