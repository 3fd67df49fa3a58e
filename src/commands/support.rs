//! What a plan may ask for and has no effect, or no place in XCP-ng: said by `plan`, and by `up` before anything is touched.

use ipnetwork::IpNetwork;

use crate::installer;
use crate::persist::management;
use crate::plan::{Interface, Method4, Plan};

/// In `bondstrap.handover=`: XCP-ng is meant.
const XCP_NG: &str = "xcp-ng";

/// What is understood and has no effect yet: told, and gone on without.
pub(super) fn idle(plan: &Plan) -> Vec<String> {
    let handover = &plan.bondstrap.handover;
    let unknown = [(
        handover.iter().any(|word| !["auto", "none", XCP_NG].contains(&word.as_str())),
        "a list in bondstrap.handover=",
    )];
    let said = unknown.iter().filter(|(asked, _)| *asked);
    said.map(|(_, what)| format!("{what} has no effect in this version")).collect()
}

/// What XCP-ng's installer would not take, and what the installed one would not keep. Said where XCP-ng is meant:
/// `bondstrap.handover=` names it, or the words are this machine's and its installer is here.
pub(super) fn lacking_for_xcp_ng(plan: &Plan, own_words: bool) -> Vec<String> {
    let named = plan.bondstrap.handover.iter().any(|word| word == XCP_NG);
    if !(named || own_words && installer::is_xcp_ng()) {
        return Vec::new();
    }
    plan.bonds.iter().filter_map(management::why_not_of_words).chain(no_default_route(plan)).collect()
}

/// The installer looks at nothing but IPv4's routes. An answer file asks for no network.
fn no_default_route(plan: &Plan) -> Option<String> {
    let routed =
        |interface: &Interface| interface.ipv4.method == Method4::Dhcp || interface.ipv4.gateway.is_some();
    let default = |to: &IpNetwork| to.is_ipv4() && to.prefix() == 0;
    let any = plan.interfaces.iter().any(routed) || plan.routes.iter().any(|route| default(&route.to));
    (!any && plan.bondstrap.answerfile.is_none()).then(|| {
        "ip=: without an IPv4 default route XCP-ng's installer does not offer \"Use existing configuration\": add DHCP or a gateway"
            .to_owned()
    })
}
