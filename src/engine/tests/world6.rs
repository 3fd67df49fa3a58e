//! What the kernel of the small world does with IPv6, and what routers and servers say there.

use std::net::Ipv6Addr;

use super::world::World;
use crate::clock::Millis;
use crate::engine::six::types as six;
use crate::engine::types::{Action, Event};
use crate::links::{Address6, Ipv6Conf};

pub(super) fn ip(text: &str) -> Ipv6Addr {
    text.parse().unwrap()
}

/// As a kernel begins.
pub(super) const IPV6: Ipv6Conf = Ipv6Conf {
    disable_ipv6: 0,
    forwarding: 0,
    accept_ra: 1,
    accept_ra_defrtr: 1,
    accept_ra_pinfo: 1,
    autoconf: 1,
    dad_transmits: 1,
    solicit_delay: 1_000,
    addr_gen_mode: 0,
};

impl World {
    pub(super) fn act6(&mut self, action: &six::Action) {
        match action {
            six::Action::SetAddress { index, address, .. }
                if !self.view.addresses6.iter().any(|found| found.address.ip() == *address) =>
            {
                self.detect(*index, (*address).into(), false);
            }
            six::Action::Setting { index, name, value } => {
                let conf = self.by_index(*index).ipv6.as_mut().expect("a link with IPv6");
                match *name {
                    "accept_ra" => conf.accept_ra = *value,
                    "accept_ra_defrtr" => conf.accept_ra_defrtr = *value,
                    "accept_ra_pinfo" => conf.accept_ra_pinfo = *value,
                    "autoconf" => conf.autoconf = *value,
                    "dad_transmits" => conf.dad_transmits = *value,
                    "router_solicitation_delay" => conf.solicit_delay = *value,
                    _ => panic!("{name}"),
                }
            }
            _ => {}
        }
    }

    /// The kernel tries an address for a second, or as many as it asks.
    pub(super) fn detect(&mut self, index: u32, address: ipnetwork::Ipv6Network, permanent: bool) {
        let (tentative, duplicate, deprecated) = (true, false, false);
        self.view.addresses6.push(Address6 { index, address, tentative, duplicate, deprecated, permanent });
        let tries =
            self.view.links.get(index).and_then(|link| link.ipv6).map_or(1, |conf| conf.dad_transmits);
        self.trying.push((self.now + Millis::from(tries) * 1_000, index, address.ip()));
    }

    /// What the tries have come to: the kernel keeps a duplicate only where it was set for ever.
    pub(super) fn detected(&mut self) {
        let due: Vec<_> = self.trying.iter().filter(|(at, ..)| *at <= self.now).copied().collect();
        self.trying.retain(|(at, ..)| *at > self.now);
        for (_, index, ip) in due {
            let taken = self.taken.contains(&ip);
            let like = |found: &Address6| found.index == index && found.address.ip() == ip;
            self.view.addresses6.retain(|found| !(like(found) && taken && !found.permanent));
            for found in self.view.addresses6.iter_mut().filter(|found| like(found)) {
                (found.tentative, found.duplicate) = (taken, taken);
            }
        }
    }

    pub(super) fn incoming(&mut self, incoming: six::Incoming<'_>) {
        let index = self.link("bond0").index;
        let actions = self.engine.step(self.now, Event::Six { index, incoming });
        self.perform(actions);
    }

    /// A router advertises a prefix of which addresses can be made, and a name server; the kernel makes its address.
    pub(super) fn advertise(&mut self, flags: u8, prefix: bool) {
        self.advertise_server(flags, prefix, "2001:db8::53");
    }

    pub(super) fn advertise_server(&mut self, flags: u8, prefix: bool, server: &str) {
        let mut message = vec![134, 0, 0, 0, 64, flags, 7, 8, 0, 0, 0, 0, 0, 0, 0, 0];
        message.extend([25, 3, 0, 0, 0, 0, 2, 88]);
        message.extend(ip(server).octets());
        if prefix {
            message.extend([3, 4, 64, 0xc0, 0, 0, 9, 9, 0, 0, 8, 8, 0, 0, 0, 0]);
            message.extend(ip("2001:db8::").octets());
        }
        let mut packet = vec![0x60, 0, 0, 0, 0, message.len() as u8, 58, 255];
        packet.extend([ip("fe80::1").octets(), ip("ff02::1").octets()].concat());
        packet.extend(message);
        self.incoming(six::Incoming::Advertisement { packet: &packet, checksum_missing: true });
        if prefix {
            let index = self.link("bond0").index;
            self.detect(index, "2001:db8::5/64".parse().unwrap(), false);
        }
    }

    pub(super) fn messages(&self) -> Vec<(Millis, Vec<u8>)> {
        let sent = self.done.iter().filter_map(|(at, action)| match action {
            Action::Six(six::Action::Send { payload, .. }) => Some((*at, payload.clone())),
            _ => None,
        });
        sent.collect()
    }

    /// Kinds of the DHCPv6 messages that were sent.
    pub(super) fn message_kinds(&self) -> Vec<u8> {
        self.messages().iter().map(|(_, message)| message[0]).collect()
    }

    /// A Reply to the last message, with an address, for so many seconds.
    pub(super) fn reply(&mut self, address: &str, seconds: u32) {
        let (_, asked) = self.messages().pop().expect("a message");
        let option = |code: u16, data: &[u8]| {
            [&code.to_be_bytes()[..], &(data.len() as u16).to_be_bytes(), data].concat()
        };
        let client = &asked[4..18];
        let ia = asked.windows(2).position(|pair| pair == [0, 3]).map(|_| [2, 0, 0, 0]);
        let mac = self.link("bond0").mac.unwrap();
        let iaid = [mac.0[2], mac.0[3], mac.0[4], mac.0[5]];
        assert!(ia.is_some());
        let lifetimes = [seconds.to_be_bytes(), seconds.to_be_bytes()].concat();
        let address = option(5, &[&ip(address).octets()[..], &lifetimes].concat());
        let reply = [
            vec![7],
            asked[1..4].to_vec(),
            client.to_vec(),
            option(2, &[0, 3, 0, 1, 9, 9, 9, 9, 9, 9]),
            option(14, &[]),
            option(23, &ip("2001:db8::99").octets()),
            option(3, &[&iaid[..], &[0; 8], &address].concat()),
        ];
        self.incoming(six::Incoming::Datagram { from: ip("fe80::9"), payload: &reply.concat() });
    }

    pub(super) fn solicited(&self) -> usize {
        self.count(|action| matches!(action, Action::Six(six::Action::Solicit { .. })))
    }

    pub(super) fn has6(&self, address: &str) -> bool {
        self.view.addresses6.iter().any(|found| found.address.ip() == ip(address) && found.is_usable())
    }
}
