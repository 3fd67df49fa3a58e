//! resolv.conf, the host name, and as whom the DHCP clients present themselves.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv6Addr};

use super::Engine;
use super::state::Client;
use super::target::Target;
use super::types::Action;
use crate::lacp::verdict::Verdict;

/// Most names of the search list that is written.
const MOST_SEARCH: usize = 16;

/// Names as they were written last.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Names {
    servers: Vec<IpAddr>,
    scoped: Vec<(Ipv6Addr, String)>,
    search: Vec<String>,
    host: Option<String>,
}

impl Names {
    fn has_servers(&self) -> bool {
        !self.servers.is_empty() || !self.scoped.is_empty()
    }
}

/// A name that can stand behind `%` in resolv.conf: the kernel takes others, too.
fn is_plain(name: &str) -> bool {
    name.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b))
}

impl Engine {
    /// resolv.conf and host name.
    pub(super) fn set_names(&mut self, out: &mut Vec<Action>) {
        if self.plan.bondstrap.handover.iter().any(|word| word == "none") {
            return;
        }
        self.names_due = self.is_cut_off();
        if self.names_due {
            return;
        }
        let servers = self.name_servers();
        let scoped = self.scoped_servers();
        let had_servers = self.names.as_ref().is_some_and(Names::has_servers);
        let host = self.host_name();
        let leases = self.targets.iter().filter_map(|target| target.lease.as_ref());
        let mut search = leases.filter(|_| self.plan.peerdns).find_map(|lease| {
            let domain = lease.domain.clone().into_iter().collect::<Vec<_>>();
            Some(if lease.search.is_empty() { domain } else { lease.search.clone() })
                .filter(|list| !list.is_empty())
        });
        // Behind those of DHCPv4.
        if self.plan.peerdns {
            for name in self.targets.iter().flat_map(|target| target.six.search()) {
                let search = search.get_or_insert_default();
                if !search.contains(&name) && search.len() < MOST_SEARCH {
                    search.push(name);
                }
            }
        }
        let names = Names {
            servers: servers.clone(),
            scoped: scoped.clone(),
            search: search.clone().unwrap_or_default(),
            host: host.clone(),
        };
        if self.names.as_ref() == Some(&names) {
            // Whoever has changed them since had a reason.
            return;
        }
        let has_servers = names.has_servers();
        self.names = Some(names);
        // Those of a lease go with it.
        if has_servers || had_servers {
            self.found.files = true;
            out.push(Action::Resolver { servers, scoped, search: search.unwrap_or_default() });
        }
        if let Some(name) = host {
            self.found.files = true;
            out.push(Action::HostName { name, only_if_unset: self.plan.hostname.is_none() });
        }
    }

    /// What had to wait until somebody can be reached.
    pub(super) fn set_names_due(&mut self, out: &mut Vec<Action>) {
        if self.names_due {
            self.set_names(out);
        }
    }

    /// The bond that a flip has moved a root onto can't send: whoever opens a file of that root would wait for it.
    fn is_cut_off(&self) -> bool {
        let Some(root) = self.found.bonds.first().filter(|_| self.found.flipped) else { return false };
        let mut bonds = self.plan.bonds.iter().zip(&self.bonds);
        // A switch with LACP fallback forwards without a partner: then there is a lease.
        let leased = self.targets.iter().any(|target| target.lease.is_some());
        let reaches = |verdict: &Verdict| verdict.can_send() || leased && *verdict == Verdict::NoPartner;
        bonds.any(|(bond, work)| bond.name == root.name && !reaches(&work.verdict))
    }

    /// After a flip: they may lie on a root that comes by what is set before.
    pub(super) fn put_files_last(&self, out: &mut [Action]) {
        if self.found.flipped {
            out.sort_by_key(|action| match action {
                Action::Finish => 2,
                Action::Resolver { .. } | Action::HostName { .. } => 1,
                _ => 0,
            });
        }
    }

    /// Name servers in order: `nameserver=`, those of `ip=`, those of DHCPv4, of DHCPv6, of routers.
    pub(super) fn name_servers(&self) -> Vec<IpAddr> {
        let written = self.plan.dns.iter().copied();
        let spec = self.targets.iter().flat_map(|target| target.spec.dns.iter().copied());
        let leased =
            self.targets.iter().filter_map(|target| target.lease.as_ref()).flat_map(|lease| &lease.dns);
        let leased = leased.map(|address| IpAddr::V4(*address)).filter(|_| self.plan.peerdns);
        let learnt = self.targets.iter().flat_map(|target| target.six.servers());
        let learnt = learnt.filter(|server| self.plan.peerdns && !server.is_unicast_link_local());
        let learnt = learnt.map(IpAddr::V6);
        let mut all = Vec::new();
        for server in written.chain(spec).chain(leased).chain(learnt) {
            if !all.contains(&server) {
                all.push(server);
            }
        }
        all
    }

    /// Those of DHCPv6 and of routers with a link-local address, and by which interface they are reached.
    fn scoped_servers(&self) -> Vec<(Ipv6Addr, String)> {
        let mut all = Vec::new();
        for target in self.targets.iter().filter(|target| self.plan.peerdns && is_plain(target.name())) {
            for server in target.six.servers().filter(Ipv6Addr::is_unicast_link_local) {
                let scoped = (server, target.name().to_owned());
                if !all.contains(&scoped) {
                    all.push(scoped);
                }
            }
        }
        all
    }

    /// Time servers: those of `ip=`, then those of the leases (option 42).
    pub(super) fn time_servers(&self) -> Vec<IpAddr> {
        let written = self.targets.iter().flat_map(|target| target.spec.ntp.iter().copied());
        let leased =
            self.targets.iter().filter_map(|target| target.lease.as_ref()).flat_map(|lease| &lease.ntp);
        let mut all = Vec::new();
        for server in written.chain(leased.copied().map(IpAddr::V4)) {
            if !all.contains(&server) {
                all.push(server);
            }
        }
        all
    }

    /// As what each DHCP client presents itself.
    pub(super) fn clients(&self) -> BTreeMap<String, Client> {
        let client = |target: &Target| {
            let mac = target.mac.filter(|_| target.machine.is_some())?;
            let client_id = self.client_id(target.name(), mac);
            Some((target.name().to_owned(), Client { mac, client_id }))
        };
        let mut all = self.config.previous.as_ref().map(|state| state.clients.clone()).unwrap_or_default();
        all.extend(self.targets.iter().filter_map(client));
        all
    }

    /// The host name of the words, else of a lease.
    pub(super) fn host_name(&self) -> Option<String> {
        let leased = || self.targets.iter().find_map(|target| target.lease.as_ref()?.hostname.clone());
        self.plan.hostname.clone().or_else(leased)
    }
}
