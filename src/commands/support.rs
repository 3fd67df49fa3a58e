//! What a plan may ask for and this version can't do yet: said before anything is touched, never dropped.

use crate::engine::bond_below;
use crate::plan::{Fallback, Method4, Method6, Plan};

/// One sentence on the first such thing.
pub(super) fn missing(plan: &Plan) -> Option<String> {
    let no =
        |what: &str| Some(format!("{what} can't be done by this version yet; plan shows what it understood"));
    if let Some(bridge) = plan.bridges.first() {
        return no(&format!("bridge={}", bridge.name));
    }
    if let Some(rename) = plan.renames.first() {
        return no(&format!("ifname={}", rename.name));
    }
    if let Some(route) = plan.routes.first() {
        return no(&format!("rd.route={}", route.to));
    }
    if plan.bondstrap.fallback != Fallback::None {
        return no("bondstrap.fallback=");
    }
    for port in plan.bonds.iter().flat_map(|bond| &bond.ports) {
        if matches!(port.as_str(), "all" | "auto") {
            return no(&format!("the port {port} (name the NICs, or use a glob such as eth*)"));
        }
    }
    for interface in &plan.interfaces {
        let name = &interface.name;
        if interface.ipv6.method != Method6::None {
            return no(&format!("IPv6 on {name}"));
        }
        if interface.ipv4.method == Method4::LinkLocal {
            return no(&format!("a link-local address on {name}"));
        }
        if interface.set_mac.is_some() || interface.mtu.is_some() {
            return no(&format!("MTU or MAC in ip= of {name}"));
        }
        if bond_below(plan, name).is_none() {
            return no(&format!("an address on {name}, which is not on the bond,"));
        }
    }
    None
}
