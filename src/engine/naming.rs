//! Names that the words give to NICs (`ifname=`), before anything else is made of them.

use super::state::FoundName;
use super::types::Action;
use super::{Engine, Try};
use crate::clock::Millis;
use crate::links::Link;

impl Engine {
    /// Renames what is there and free. True: the links must be looked at again first.
    pub(super) fn rename(&mut self, now: Millis, out: &mut Vec<Action>) -> bool {
        let mut sent = false;
        for rename in self.plan.renames.clone() {
            let free = |link: &&Link| link.is_nic() && link.controller.is_none();
            let has_mac = |link: &&Link| link.own_mac() == Some(rename.mac);
            let Some(nic) = self.view.links.0.iter().filter(free).find(has_mac).cloned() else { continue };
            if nic.name == rename.name || !self.settling.may_touch(now, nic.index, &self.view.udev) {
                continue;
            }
            match self.view.links.named(&rename.name).cloned() {
                // Its own turn comes, where the words name it too.
                Some(other) if free(&&other) => {
                    sent |= self.name_nic(now, &other, format!("nic{}", other.index), out);
                }
                Some(_) => {
                    let line = format!("ifname=: {} is in use, so {} keeps its name", rename.name, nic.name);
                    self.tell_once("ifname", line, out);
                }
                None => sent |= self.name_nic(now, &nic, rename.name, out),
            }
        }
        sent
    }

    fn name_nic(&mut self, now: Millis, nic: &Link, name: String, out: &mut Vec<Action>) -> bool {
        if !self.tries.allow(now, &Try::Shape(nic.index)) {
            return false;
        }
        self.found.renames.push(FoundName { index: nic.index, name: nic.name.clone() });
        out.push(Action::Say(log::Level::Info, format!("{} is now {name}", nic.name)));
        self.settling.renamed(nic.index, &name);
        out.push(Action::Rename { index: nic.index, name, up: nic.up });
        true
    }
}
