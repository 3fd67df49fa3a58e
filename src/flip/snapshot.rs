//! What the boot NIC has, of one look at the kernel's tables. (pure)

use std::net::IpAddr;

use super::message::{AF_INET, AF_INET6, Address, Device, Neighbour, Rule};
use super::route::Route;

/// The tables as the kernel told them: bodies of messages.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Tables {
    /// Addresses of both families.
    pub addresses: Vec<Vec<u8>>,
    /// IPv4 routes of all tables.
    pub routes4: Vec<Vec<u8>>,
    /// IPv6 routes of all tables.
    pub routes6: Vec<Vec<u8>>,
    /// IPv4 rules.
    pub rules4: Vec<Vec<u8>>,
    /// IPv6 rules.
    pub rules6: Vec<Vec<u8>>,
    /// Neighbours of both families.
    pub neighbours: Vec<Vec<u8>>,
}

/// So many neighbours are carried over; the rest is asked for again when it is needed.
const MOST_NEIGHBOURS: usize = 512;

/// Everything that names the boot NIC, and is to name the bond.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Snapshot {
    /// The NIC.
    pub nic: Device,
    /// In the order in which they were set: the first of a subnet is its primary.
    pub addresses: Vec<Address>,
    /// Those without a gateway first: they make the gateways of the others reachable.
    pub routes: Vec<Route>,
    /// In the kernel's order.
    pub rules: Vec<Rule>,
    /// Known neighbours.
    pub neighbours: Vec<Neighbour>,
}

impl Snapshot {
    /// What of the tables is `nic`'s.
    pub fn of(nic: &Device, tables: &Tables) -> Self {
        let addresses: Vec<Address> =
            tables.addresses.iter().filter_map(|body| Address::of(nic.index, body)).collect();
        let by_family = [(AF_INET, &tables.routes4), (AF_INET6, &tables.routes6)];
        let routes = by_family.iter().flat_map(|(family, bodies)| {
            bodies.iter().filter_map(|body| Route::of(nic.index, *family, body, &addresses))
        });
        let routes: Vec<Route> = routes.collect();
        let is_copy = |route: &Route| routes.iter().any(|other| route.is_copy_of(other));
        let routes = routes.iter().filter(|route| !is_copy(route)).cloned();
        let (direct, far): (Vec<Route>, Vec<Route>) = routes.partition(Route::is_direct);
        let by_family = [(AF_INET, &tables.rules4), (AF_INET6, &tables.rules6)];
        let rules = by_family
            .iter()
            .flat_map(|(family, bodies)| bodies.iter().filter_map(|body| Rule::of(&nic.name, *family, body)));
        let neighbours = tables.neighbours.iter().filter_map(|body| Neighbour::of(nic.index, body));
        Self {
            rules: rules.collect(),
            neighbours: neighbours.take(MOST_NEIGHBOURS).collect(),
            routes: direct.into_iter().chain(far).collect(),
            addresses,
            nic: nic.clone(),
        }
    }

    /// As it was then, but for lifetimes and neighbours.
    pub fn is_still(&self, then: &Self) -> bool {
        let all = |of: &Self| {
            let nic = &of.nic;
            let addresses = of.addresses.iter().map(|address| address.remove(nic));
            let routes = of.routes.iter().map(|route| route.remove(nic, nic));
            let rules = of.rules.iter().map(|rule| rule.remove(nic, nic));
            let mut all: Vec<Vec<u8>> = addresses.chain(routes).chain(rules).map(|raw| raw.body).collect();
            all.sort_unstable();
            all
        };
        all(self) == all(then)
    }

    /// Default gateways, each once.
    pub fn gateways(&self) -> Vec<IpAddr> {
        let mut gateways = Vec::new();
        for gateway in self.routes.iter().filter_map(Route::default_gateway) {
            if !gateways.contains(&gateway) {
                gateways.push(gateway);
            }
        }
        gateways
    }

    /// Its addresses.
    pub fn ips(&self) -> Vec<IpAddr> {
        self.addresses.iter().filter_map(Address::ip).collect()
    }
}
