//! The MTU of a lease (option 26, RFC 2132 §5.1), where the words give none.

use super::Engine;
use super::types::Action;
use crate::plan::Method6;

/// Below it the kernel takes IPv6 off an interface (RFC 8200 §5). Bytes.
const LEAST_IPV6: u32 = 1_280;

impl Engine {
    /// Sets it, or what was there before a lease that had one. What can't be is said, and the lease is used as it is.
    pub(super) fn set_lease_mtu(&mut self, which: usize, mtu: Option<u16>, out: &mut Vec<Action>) {
        if self.mtu_of(self.targets[which].name()).is_some() {
            return;
        }
        let target = &mut self.targets[which];
        let Some(link) = target.index.and_then(|index| self.view.links.get(index)) else { return };
        let wanted = match mtu {
            Some(mtu) => {
                target.mtu_before.get_or_insert(link.mtu);
                u32::from(mtu)
            }
            None => match target.mtu_before.take() {
                Some(before) => before,
                None => return,
            },
        };
        if link.mtu == wanted {
            return;
        }
        let below = link.lower.and_then(|index| self.view.links.get(index));
        let why = if wanted < LEAST_IPV6 && target.spec.ipv6.method != Method6::None {
            "IPv6 needs 1280".to_owned()
        } else if let Some(below) = below.filter(|below| below.mtu < wanted) {
            format!("{} below it has {}; give that the MTU in the words", below.name, below.mtu)
        } else {
            out.push(Action::SetLink { index: link.index, mac: None, mtu: Some(wanted) });
            return;
        };
        let line = format!("{}: the lease's MTU of {wanted} is left out: {why}", target.name());
        out.push(Action::Say(log::Level::Warn, line));
    }

    /// The kernel did not take it: the sentence, if it was one of a lease.
    pub(super) fn refused_mtu(&self, index: u32, mtu: u32, text: &str) -> Option<String> {
        let target = self.targets.iter().find(|target| target.index == Some(index))?;
        target.lease.as_ref()?.mtu.filter(|of_lease| u32::from(*of_lease) == mtu)?;
        Some(format!(
            "{} can't have the lease's MTU of {mtu}: {text}; it stays as it is: check option 26 of the DHCP server, and \
             what the NICs can do (ip -d link: maxmtu)",
            target.name()
        ))
    }
}
