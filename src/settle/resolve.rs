//! Which links a port as written (`eth0`, a MAC, a glob) stands for.

use crate::links::{Link, Links};
use crate::mac::Mac;
use crate::words::names::{glob_matches, is_glob};

/// A port as the words have it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Wanted {
    /// By final name.
    Name(String),
    /// By address.
    Mac(Mac),
    /// By shell pattern.
    Glob(String),
    /// `all`: every NIC that is wired, but for those in use already.
    All,
    /// `auto`: of those the ones that the switch has in one LAG. The engine finds out which.
    Auto,
}

impl Wanted {
    /// Reads a port of the Plan, where MACs have colons.
    pub fn parse(text: &str) -> Self {
        if let Ok(mac) = text.parse() {
            Self::Mac(mac)
        } else if text == "all" {
            Self::All
        } else if text == "auto" {
            Self::Auto
        } else if is_glob(text) {
            Self::Glob(text.into())
        } else {
            Self::Name(text.into())
        }
    }

    /// The links that it stands for, in the order of the index. Only a name means anything else than a NIC. `is_ours`: so a
    /// bond or bridge of the words is called.
    pub fn find<'a>(&self, links: &'a Links, is_ours: &dyn Fn(&str) -> bool) -> Vec<&'a Link> {
        // What is a port of ours already was in use by nobody when it became one.
        let is_free = |link: &Link| match link.controller {
            Some(controller) => links.get(controller).is_some_and(|controller| is_ours(&controller.name)),
            None => !link.addressed,
        };
        let fits = |link: &&Link| match self {
            Self::Name(name) => link.name == *name && link.can_be_port(),
            _ if !link.is_nic() => false,
            Self::Mac(mac) => link.own_mac() == Some(*mac),
            Self::Glob(pattern) => glob_matches(pattern, &link.name),
            Self::All | Self::Auto => link.wired && is_free(link),
        };
        links.0.iter().filter(fits).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::links::Kind;

    #[test]
    fn by_name_address_and_pattern() {
        let link = |index, name: &str, last| Link {
            index,
            name: name.into(),
            ethernet: true,
            permanent: Some(Mac([2, 0, 0, 0, 0, last])),
            ..Link::default()
        };
        let loopback = Link { ethernet: false, ..link(1, "lo", 0) };
        let links = Links(vec![loopback, link(2, "eth0", 1), link(3, "eth1", 2), link(4, "wlan0", 3)]);
        let used = |link: Link| Link { wired: true, addressed: true, ..link };
        let wired = |link: Link| Link { wired: true, ..link };
        let machine = Links(vec![
            wired(link(2, "eth0", 1)),
            used(link(3, "eth1", 2)),
            link(4, "usb0", 3),
            Link { controller: Some(9), ..used(link(5, "eth2", 4)) },
            Link { controller: Some(10), ..wired(link(6, "eth3", 5)) },
            link(9, "bond0", 4),
            link(10, "br7", 5),
        ]);
        let ours = |name: &str| name == "bond0";
        let all: Vec<_> = Wanted::parse("all").find(&machine, &ours).iter().map(|link| link.index).collect();
        assert_eq!(all, [2, 5], "neither what has an address nor what is a port of somebody's");
        let of_kind = |kind: &str, link| Link { kind: Kind::Other(kind.into()), ..link };
        let bridge = of_kind("bridge", link(5, "br0", 3));
        let links = Links([links.0, vec![bridge, of_kind("veth", link(6, "veth0", 6))]].concat());
        for (text, expected) in [
            ("eth1", vec![3]),
            ("02:00:00:00:00:03", vec![4]),
            ("eth*", vec![2, 3]),
            ("*", vec![2, 3, 4, 6]),
            ("br0", vec![5]),
            ("b*", vec![]),
            ("eth7", vec![]),
            ("lo", vec![]),
        ] {
            let found: Vec<_> =
                Wanted::parse(text).find(&links, &ours).iter().map(|link| link.index).collect();
            assert_eq!(found, expected, "{text}");
        }
    }
}
