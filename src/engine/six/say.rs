//! What is said of IPv6: waits, limits, leases.

use crate::clock::Millis;
use crate::dhcp::v6::note::Refused;
use crate::dhcp::v6::{Lease, Mode};
use crate::engine::Engine;
use crate::engine::account::{roughly, times};
use crate::engine::tell::list;
use crate::engine::types::Action;
use crate::plan::Method6;

/// A lease in one line.
pub(super) fn describe(lease: &Lease) -> String {
    let valid = lease.valid_secs.map_or("for ever".to_owned(), |secs| format!("for {secs} s"));
    let dns: Vec<_> = lease.facts.dns.iter().map(ToString::to_string).collect();
    let dns = if dns.is_empty() { "no DNS".to_owned() } else { format!("DNS {}", dns.join(", ")) };
    format!("DHCPv6 lease {} from {} {valid}, {dns}", lease.address, lease.from)
}

impl Engine {
    /// What of IPv6 is awaited.
    pub(in crate::engine) fn six_wait(&self, which: usize) -> String {
        let target = &self.targets[which];
        let (name, six) = (target.name(), &target.six);
        if !six.tentative.is_empty() && !six.has {
            return format!("duplicate address detection on {name}");
        }
        match target.spec.ipv6.method {
            Method6::LinkLocal => format!("a link-local address on {name}"),
            Method6::Static => format!("the IPv6 address of {name} to be usable"),
            Method6::Dhcp if !six.has => format!("a DHCPv6 lease on {name}"),
            Method6::Either if !six.has && six.client.is_some() => format!("a DHCPv6 lease on {name}"),
            _ if !six.has_heard() => format!("a router advertisement on {name}"),
            _ if six.has => format!("what DHCPv6 tells beside the address of {name}"),
            _ => format!("an IPv6 address by a router's prefix on {name}"),
        }
    }

    /// Why there is no IPv6 address: what was done, what was heard.
    pub(in crate::engine) fn six_clause(&self, which: usize) -> String {
        let target = &self.targets[which];
        let six = &target.six;
        let method = target.spec.ipv6.method;
        let mut clauses = Vec::new();
        let kernel = target.link(&self.view.links).is_some_and(|link| link.ipv6.is_some());
        if !kernel {
            clauses
                .push("this kernel has no IPv6 (ipv6.disable=1, or no ipv6 module in the image)".to_owned());
        }
        if let Some(router) = six.router.as_ref().filter(|_| kernel) {
            let solicited = router.solicited();
            match router.router().or(None) {
                _ if router.heard() == 0 && router.refused() > 0 => clauses.push(format!(
                    "{} router advertisements heard and refused as malformed, {solicited} solicitations sent",
                    roughly(router.refused())
                )),
                _ if router.heard() == 0 => {
                    clauses.push(format!("no router advertisement heard, {solicited} solicitations sent"));
                }
                _ if method != Method6::Dhcp && !router.autonomous() => {
                    clauses.push("the router advertises no prefix to make an address of".to_owned());
                }
                _ => clauses.push("a router advertises itself".to_owned()),
            }
        }
        if let Some(client) = six.client.as_ref().filter(|client| client.mode() == Mode::Stateful) {
            let heard = client.heard();
            let refused = self.six_refusals(which);
            let answer = match refused.is_empty() {
                true => "no usable answer".to_owned(),
                false => format!("answers refused: {}", list(&refused)),
            };
            clauses.push(format!("DHCPv6: {} Solicits sent, {answer}", heard.solicits));
        } else if method == Method6::Dhcp && kernel && self.link_local(which).is_none() {
            clauses.push("no link-local address to ask DHCPv6 servers from".to_owned());
        }
        if !six.duplicates.is_empty() {
            let duplicates: Vec<_> = six.duplicates.iter().map(ToString::to_string).collect();
            clauses.push(format!("another station has {}", list(&duplicates)));
        }
        clauses.join("; ")
    }

    /// Answers that were heard and refused, with the reasons.
    pub(in crate::engine) fn six_refusals(&self, which: usize) -> Vec<String> {
        let text = |refused: &Refused| format!("{}: {}{}", refused.from, refused.why, times(refused.count));
        let client = self.targets[which].six.client.as_ref();
        client.map_or_else(Vec::new, |client| client.heard().refused.iter().map(text).collect())
    }

    /// What to do where there is no IPv6 address.
    fn six_advice(&self, which: usize) -> String {
        let name = self.targets[which].name();
        let what = match self.targets[which].spec.ipv6.method {
            Method6::Dhcp => "that a DHCPv6 server is in this VLAN",
            Method6::Auto => "that a router in this VLAN advertises a prefix (of 64 bits, flag A)",
            Method6::Either => {
                "that a router in this VLAN advertises a prefix, or that there is a DHCPv6 server"
            }
            Method6::Static => return "give another address, or find out who has it".to_owned(),
            Method6::LinkLocal | Method6::None => return "look with ip -6 addr".to_owned(),
        };
        format!("check {what}, or give a static address: ip=[ADDRESS]::[GATEWAY]:64::{name}:none")
    }

    /// The sentence of the limit.
    pub(in crate::engine) fn six_sentence(&self, which: usize, limit: Millis, lacp: &str) -> String {
        format!(
            "no IPv6 address on {} within {} s: {lacp}{}; {}",
            self.targets[which].name(),
            limit / 1_000,
            self.six_clause(which),
            self.six_advice(which)
        )
    }

    /// One family has an address, the other does not: that has to do.
    pub(in crate::engine) fn do_without(&mut self, which: usize, out: &mut Vec<Action>) {
        if std::mem::replace(&mut self.targets[which].six.enough, true) {
            return;
        }
        let target = &self.targets[which];
        let line = if target.six.done {
            format!("{}: going on with IPv6 alone: no DHCPv4 lease yet; still trying", target.name())
        } else {
            let clause = self.six_clause(which);
            format!("{}: going on without IPv6 ({clause}); still trying", target.name())
        };
        out.push(Action::Say(log::Level::Warn, line));
    }

    /// The leased address leads nowhere: told once.
    pub(super) fn tell_no_router(&mut self, now: Millis, which: usize, out: &mut Vec<Action>) {
        let target = &mut self.targets[which];
        let six = &mut target.six;
        let leased = six.lease.is_some() && six.has && six.done;
        if leased
            && six.default_router().is_none()
            && target.spec.ipv6.gateway.is_none()
            && six.waited(now, super::ROUTER_WAIT)
            && !std::mem::replace(&mut six.no_router_told, true)
        {
            let line = format!(
                "{}: no router advertises itself, so nothing beyond this link can be reached over IPv6; DHCPv6 tells of no \
                 routers",
                target.spec.name
            );
            out.push(Action::Say(log::Level::Warn, line));
        }
    }

    /// There was all that the words ask for, and is no more.
    pub(super) fn six_gone(&mut self, now: Millis, which: usize, out: &mut Vec<Action>) {
        let target = &mut self.targets[which];
        target.begun = Some(now);
        if target.is_done() {
            return;
        }
        let line = format!("{}: no IPv6 address can be used any more", target.spec.name);
        out.push(Action::Say(log::Level::Warn, line));
        self.told.remove("lease");
        self.sentence.clear();
        self.result = None;
    }
}
