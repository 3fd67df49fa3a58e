//! What stands on bonds and NICs: bridges and VLANs. And the NICs that are used without a bond.

use super::address::SHAPE_TRIES;
use super::state::{FoundBridge, FoundNic};
use super::types::{Action, Exit};
use super::{Engine, Try};
use crate::clock::Millis;
use crate::links::{Kind, Link};
use crate::mac::Mac;
use crate::plan::{Bridge, Plan, Vlan};
use crate::settle::resolve::Wanted;

/// Behind a name.
const DELETED: &str = " was deleted by something else: making it again";

impl Engine {
    /// Brings all of it as far as it can be brought by this look.
    pub(super) fn build_uppers(&mut self, now: Millis, out: &mut Vec<Action>) {
        for nic in self.plain_nics() {
            self.raise(now, &nic, out);
        }
        for bridge in self.plan.bridges.clone() {
            self.build_bridge(now, &bridge, out);
        }
        for vlan in self.plan.vlans.clone() {
            self.build_vlan(now, &vlan, out);
        }
    }

    /// NICs that carry an address, a VLAN or a bridge without being a port of a bond.
    pub(super) fn plain_nics(&self) -> Vec<Link> {
        let links = &self.view.links;
        let named = |name: &String| links.named(name);
        let vlans = self.plan.vlans.iter().filter_map(|vlan| named(&vlan.link));
        let bridges = self.plan.bridges.iter().flat_map(|bridge| self.bridge_ports(bridge));
        let targets = self.targets.iter().filter_map(|target| target.link(links));
        let mut nics: Vec<Link> = Vec::new();
        let is_nic = |link: &&Link| link.can_be_port() && !self.plan.builds(&link.name);
        for link in vlans.chain(bridges).chain(targets).filter(is_nic) {
            // A port that its bond does not have yet is one all the same.
            if self.bond_of(link).is_none() && !nics.iter().any(|known| known.index == link.index) {
                nics.push(link.clone());
            }
        }
        nics
    }

    /// Up, with the address and the MTU that it is to have.
    fn raise(&mut self, now: Millis, nic: &Link, out: &mut Vec<Action>) {
        if !self.found.nics.iter().any(|found| found.index == nic.index) {
            if !self.settling.may_touch(now, nic.index, &self.view.udev) {
                let at = self.settling.quiet_at().filter(|at| *at > now);
                self.wake(at);
                return;
            }
            let found = FoundNic { index: nic.index, up: nic.up, mac: nic.mac, mtu: nic.mtu, quiet: false };
            self.found.nics.push(found);
        }
        // A driver that refuses has it set down each time.
        let may = self.tries.count(&Try::Shape(nic.index)) <= SHAPE_TRIES;
        let mac = self.mac_of(&nic.name).filter(|mac| may && nic.mac != Some(*mac));
        let mtu = self.mtu_of(&nic.name).filter(|mtu| nic.mtu != *mtu);
        if (mac.is_some() || mtu.is_some()) && self.tries.allow(now, &Try::Shape(nic.index)) {
            // For another address it has to be down.
            self.in_place.remove(&Try::Up(nic.index));
            out.push(Action::SetLink { index: nic.index, mac, mtu });
        } else {
            self.keep_up(now, nic, out);
        }
    }

    /// Sets it up; that somebody has set it down is told.
    fn keep_up(&mut self, now: Millis, link: &Link, out: &mut Vec<Action>) {
        let what = Try::Up(link.index);
        if link.up {
            self.in_place.insert(what);
        } else if self.tries.allow(now, &what) {
            self.tell_missing(
                now,
                &what,
                &[&link.name, " was set down by something else: setting it up again"],
                out,
            );
            out.push(Action::Up(link.index));
        }
    }

    /// What was in place and is to be put back: somebody has undone it.
    fn tell_missing(&mut self, now: Millis, what: &Try, line: &[&str], out: &mut Vec<Action>) {
        if self.in_place.remove(what) {
            self.tell_undone(now, what, line.concat(), out);
        }
    }

    /// The address that the words give a device.
    pub(super) fn mac_of(&self, name: &str) -> Option<Mac> {
        self.targets.iter().find(|target| target.name() == name)?.spec.set_mac
    }

    /// What is there of a bridge's ports: devices that the words build, and NICs.
    fn bridge_ports<'a>(&'a self, bridge: &'a Bridge) -> impl Iterator<Item = &'a Link> + 'a {
        bridge.ports.iter().flat_map(|port| match self.plan.builds(port) {
            true => self.view.links.named(port).into_iter().collect(),
            false => self.meant(&Wanted::parse(port)),
        })
    }

    fn has_root(&self, index: u32) -> bool {
        let of = self.view.addresses.iter().filter(|address| address.index == index);
        of.into_iter().any(|address| self.carries_root(address.address))
    }

    fn build_bridge(&mut self, now: Millis, bridge: &Bridge, out: &mut Vec<Action>) {
        let ports: Vec<Link> = self.bridge_ports(bridge).cloned().collect();
        let what = Try::Create(bridge.name.clone());
        let Some(link) = self.view.links.named(&bridge.name).cloned() else {
            self.found.bridges.retain(|found| found.name != bridge.name);
            // It takes the address of its first port, as the bond does: not before that is known.
            let first = ports.first().filter(|port| port.up);
            if let Some(first) = first
                && self.tries.allow(now, &what)
            {
                self.found.bridges.push(FoundBridge { index: 0, name: bridge.name.clone() });
                let mac = self.mac_of(&bridge.name).or(first.own_mac()).or(first.mac);
                self.tell_missing(now, &what, &[&bridge.name, DELETED], out);
                out.push(Action::LoadModule("bridge"));
                let mtu = self.mtu_of(&bridge.name);
                out.push(Action::CreateBridge { name: bridge.name.clone(), mac, mtu });
            }
            return;
        };
        let is_bridge = link.kind == Kind::Other("bridge".into());
        let known = |found: &&mut FoundBridge| {
            found.name == link.name && (found.index == link.index || found.index == 0)
        };
        match self.found.bridges.iter_mut().find(known).filter(|_| is_bridge) {
            Some(found) => found.index = link.index,
            None => {
                let sentence = format!(
                    "{} exists already and is not bondstrap's; give the bridge another name: bridge=NAME:{}",
                    bridge.name,
                    bridge.ports.join(",")
                );
                self.fail(Exit::Words, sentence, out);
                return;
            }
        }
        self.in_place.insert(what);
        let mut joined = false;
        for port in &ports {
            let what = Try::Enslave(port.index);
            match port.controller {
                Some(controller) if controller == link.index => {
                    self.in_place.insert(what);
                    joined = true;
                }
                Some(controller) => {
                    let other = self.name_of(controller);
                    let sentence = format!(
                        "{} is a port of {other} already; take it out first: ip link set {} nomaster",
                        port.name, port.name
                    );
                    self.fail(Exit::Words, sentence, out);
                    return;
                }
                None if !port.up => {}
                None if self.has_root(port.index) => {
                    let sentence = format!(
                        "{0} has an address that the root may come by, which nothing reaches once it is a port of {1}: leave {1} \
                         out of the words (bridge=)",
                        port.name, bridge.name
                    );
                    self.fail(Exit::Words, sentence, out);
                    return;
                }
                None if self.tries.allow(now, &what) => {
                    let undone =
                        [&port.name, " was taken out of ", &link.name, " by something else: putting it back"];
                    self.tell_missing(now, &what, &undone, out);
                    self.put_aside(port, out);
                    out.push(Action::Join { port: port.index, bridge: link.index });
                }
                None => {}
            }
        }
        if joined {
            self.keep_up(now, &link, out);
        }
    }

    fn build_vlan(&mut self, now: Millis, vlan: &Vlan, out: &mut Vec<Action>) {
        let what = Try::Create(vlan.name.clone());
        let Some(lower) = self.view.links.named(&vlan.link) else {
            // It goes with the link beneath it.
            self.in_place.remove(&what);
            return;
        };
        let (lower_index, lower_up) = (lower.index, lower.up);
        let Some(link) = self.view.links.named(&vlan.name).cloned() else {
            // The VLAN takes the address of what it stands on: not before the bond has its ports.
            if lower_up && self.tries.allow(now, &what) {
                self.tell_missing(now, &what, &[&vlan.name, DELETED], out);
                let (mac, mtu) = (self.mac_of(&vlan.name), self.mtu_of(&vlan.name));
                out.push(Action::LoadModule("8021q"));
                out.push(Action::CreateVlan {
                    name: vlan.name.clone(),
                    lower: lower_index,
                    id: vlan.id,
                    mac,
                    mtu,
                });
            }
            return;
        };
        if link.kind != Kind::Vlan(vlan.id) || link.lower != Some(lower_index) {
            // Of an earlier engine that had it elsewhere: on one port without the bond.
            if self.found.vlans.contains(&link.index) && !self.came_online {
                self.found.vlans.retain(|index| *index != link.index);
                out.push(Action::Delete(link.index));
                return;
            }
            let sentence = format!(
                "{} exists already and is not VLAN {} on {}; give the VLAN another name: vlan=NAME:{}",
                vlan.name, vlan.id, vlan.link, vlan.link
            );
            self.fail(Exit::Words, sentence, out);
            return;
        }
        let created = self.tries.count(&what) > 0;
        self.in_place.insert(what);
        if created && !self.found.vlans.contains(&link.index) {
            self.found.vlans.push(link.index);
        }
        // With the link beneath it goes down by itself.
        if lower_up {
            self.keep_up(now, &link, out);
        } else {
            self.in_place.remove(&Try::Up(link.index));
        }
    }

    /// The MTU that a device must have: what the words give it, and no less than what stands on it has. None: its own.
    pub(super) fn mtu_of(&self, name: &str) -> Option<u32> {
        mtu_needed(&self.plan, name, |name| {
            self.targets.iter().find(|target| target.name() == name)?.spec.mtu
        })
    }
}

/// The MTU that a device must have by the words alone.
pub(crate) fn mtu_of(plan: &Plan, name: &str) -> Option<u32> {
    mtu_needed(plan, name, |name| plan.interfaces.iter().find(|interface| interface.name == name)?.mtu)
}

/// The same where a device's `ip=` is known in another way, by `of_ip`.
pub(crate) fn mtu_needed(plan: &Plan, name: &str, of_ip: impl Fn(&str) -> Option<u32>) -> Option<u32> {
    let written = |name: &str| of_ip(name).or_else(|| plan.bonds.iter().find(|bond| bond.name == name)?.mtu);
    // It, and what stands on it, each once, however many ways lead there.
    let mut on_it = vec![name];
    let mut at = 0;
    while let Some(below) = on_it.get(at).copied() {
        let vlans = plan.vlans.iter().filter(|vlan| vlan.link == below).map(|vlan| &vlan.name);
        let has_port = |bridge: &&Bridge| bridge.ports.iter().any(|port| port == below);
        for upper in vlans.chain(plan.bridges.iter().filter(has_port).map(|bridge| &bridge.name)) {
            if !on_it.contains(&upper.as_str()) {
                on_it.push(upper);
            }
        }
        at += 1;
    }
    // A VLAN without an MTU of its own takes that of its link.
    on_it.into_iter().filter_map(written).max()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::target::{bond_below, tag_below};
    use crate::words::plan_line;

    #[test]
    fn what_is_below_is_no_smaller_than_what_stands_on_it() {
        let words = "bond=bond0:eth0,eth1::1600 vlan=bond0.42:bond0 vlan=bond0.43:bond0 bridge=br0:bond0.42,eth2 \
                     ip=br0:dhcp:9000 ip=bond0.43:dhcp:1400";
        let plan = plan_line(words.as_bytes());
        assert!(!plan.has_errors(), "{:?}", plan.problems);
        let mtus = ["bond0", "bond0.42", "br0", "eth2", "bond0.43", "eth0"].map(|name| mtu_of(&plan, name));
        assert_eq!(mtus, [Some(9_000), Some(9_000), Some(9_000), Some(9_000), Some(1_400), None]);
    }

    #[test]
    fn a_tall_stack_takes_no_time() {
        // Two ways from each floor to the next: a million millions of ways up.
        let floor = |n: u32| format!(" vlan=a{n}.5:b{n} vlan=c{n}.6:b{n} bridge=b{}:a{n}.5,c{n}.6", n + 1);
        for bottom in ["bond0", "eth7"] {
            let words = format!("bond=bond0:eth0,eth1 bridge=b0:{bottom} ip=b40:dhcp:9000 ip=bond0:none");
            let plan = plan_line((words + &(0..40).map(floor).collect::<String>()).as_bytes());
            assert_eq!(mtu_of(&plan, bottom), Some(9_000));
            assert_eq!(bond_below(&plan, "b40"), (bottom == "bond0").then_some(0));
            assert_eq!(tag_below(&plan, "b40"), Some(5));
        }
    }
}
