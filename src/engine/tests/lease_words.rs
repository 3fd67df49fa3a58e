//! What the words say of DHCP, and what a lease brings: on the wire, into the files and into state.json.

use super::leasing::{DHCP, adds, asking, last_sent, leased, option, state};
use super::world::World;
use crate::engine::types::Action;

#[test]
fn client_identifiers_on_the_wire() {
    let mac = [2, 0, 0, 0, 0, 2];
    let of_mac = [&[1][..], &mac].concat();
    let of_duid = [&[255, 0, 0, 0, 2, 0, 3, 0, 1][..], &mac].concat();
    for (words, expected) in [
        ("", Some(&of_mac[..])),
        ("bondstrap.clientid=mac", Some(&of_mac)),
        ("bondstrap.clientid=duid", Some(&of_duid)),
        ("bondstrap.clientid=none", None),
        ("rd.net.dhcp.client-id=bond0:01-52-54-00-12-34-56", Some(&[1, 0x52, 0x54, 0, 0x12, 0x34, 0x56])),
        ("rd.net.dhcp.client-id=bond0:@node7", Some(b"\0node7")),
        ("rd.net.dhcp.client-id=bond0:@node7 bondstrap.clientid=duid", Some(b"\0node7")),
    ] {
        let world = asking(&format!("{DHCP} {words}"));
        assert_eq!(option(last_sent(&world), 61), expected, "{words}");
        // And whoever gives the lease back later is the same client.
        assert_eq!(state(&world).clients["bond0"].client_id.as_deref(), expected, "{words}");
    }
}

#[test]
fn each_device_has_its_own_client_identifier() {
    let words = "bond=eth0,eth1 vlan=bond0.42:bond0 ip=bond0:dhcp ip=bond0.42:dhcp rd.net.dhcp.client-id=bond0.42:@storage";
    let world = asking(words);
    let clients = state(&world).clients;
    assert_eq!(clients["bond0"].client_id.as_deref(), Some(&[1, 2, 0, 0, 0, 0, 2][..]));
    assert_eq!(clients["bond0.42"].client_id.as_deref(), Some(&b"\0storage"[..]));
}

#[test]
fn no_port_sees_more_dhcp_of_many_vlans_than_a_switch_bears() {
    let vlans = (10..18).map(|id| format!(" vlan=bond0.{id}:bond0 ip=bond0.{id}:dhcp"));
    let mut world = asking(&format!("bond=eth0,eth1{}", vlans.collect::<String>()));
    world.pass(120_000);
    let sent = world.done.iter().filter_map(|(at, action)| match action {
        Action::Broadcast { index, .. } => Some((*at, *index)),
        _ => None,
    });
    let sent: Vec<_> = sent.collect();
    for (first, _) in &sent {
        for (window, most) in [(1_000, 6), (5_000, 10)] {
            let within = sent.iter().filter(|(at, _)| (*first..=first + window).contains(at)).count();
            assert!(within <= most, "{within} within {window} ms: {sent:?}");
        }
    }
    let began = sent[0].0;
    let early = sent.iter().filter(|(at, _)| *at <= began + 7_000).map(|(_, index)| index);
    assert_eq!(early.collect::<std::collections::BTreeSet<_>>().len(), 8, "each has its turn: {sent:?}");
}

#[test]
fn without_a_partner_each_of_many_clients_has_its_turn() {
    let vlans = (10..15).map(|id| format!(" vlan=bond0.{id}:bond0 ip=bond0.{id}:dhcp"));
    let mut world = World::of_two(&format!("bond=eth0,eth1{}", vlans.collect::<String>()), false);
    world.pass(20_000);
    let sent = world.done.iter().filter_map(|(_, action)| match action {
        Action::Broadcast { index, .. } => Some(*index),
        _ => None,
    });
    assert_eq!(sent.collect::<std::collections::BTreeSet<_>>().len(), 5, "{:?}", world.said());
}

#[test]
fn vendor_class_host_name_and_size_on_the_wire() {
    let world = asking(&format!("{DHCP} rd.net.dhcp.vendor-class=anaconda hostname=node7"));
    assert_eq!(option(last_sent(&world), 60), Some(&b"anaconda"[..]));
    assert_eq!(option(last_sent(&world), 12), Some(&b"node7"[..]));
    assert_eq!(option(last_sent(&world), 57), Some(&1_500_u16.to_be_bytes()[..]));
    let world = asking("bond=bond0:eth0,eth1::1400 ip=dhcp");
    assert_eq!(option(last_sent(&world), 57), Some(&1_400_u16.to_be_bytes()[..]));
    assert_eq!((option(last_sent(&world), 60), option(last_sent(&world), 12)), (None, None));
}

/// The last resolv.conf that was asked for: servers and search list.
fn resolver(world: &World) -> Option<(String, String)> {
    world.done.iter().rev().find_map(|(_, action)| match action {
        Action::Resolver { servers, search, .. } => {
            let servers: Vec<_> = servers.iter().map(ToString::to_string).collect();
            Some((servers.join(" "), search.join(" ")))
        }
        _ => None,
    })
}

const DNS: (u8, &[u8]) = (6, &[192, 0, 2, 53]);
const DOMAIN: (u8, &[u8]) = (15, b"lab.example");
const SEARCH: (u8, &[u8]) = (119, b"\x01a\x07example\0\x01b\x07example\0");

#[test]
fn names_of_a_lease_are_written_before_its_address() {
    let world = leased(DHCP, &[DNS, DOMAIN]);
    assert_eq!(resolver(&world), Some(("192.0.2.53".into(), "lab.example".into())));
    assert!(world.place(|action| matches!(action, Action::Resolver { .. })) < world.place(adds));
    // A search list stands in place of the domain (RFC 3397 §4).
    let world = leased(DHCP, &[DNS, DOMAIN, SEARCH]);
    assert_eq!(resolver(&world), Some(("192.0.2.53".into(), "a.example b.example".into())));
}

#[test]
fn without_peerdns_neither_servers_nor_search_list_of_a_lease_are_used() {
    let words = format!("{DHCP} rd.peerdns=0");
    assert_eq!(resolver(&leased(&words, &[DNS, DOMAIN, SEARCH])), None);
    let world = leased(&format!("{words} nameserver=198.51.100.53"), &[DNS, DOMAIN]);
    assert_eq!(resolver(&world), Some(("198.51.100.53".into(), String::new())));
}

#[test]
fn the_host_name_of_the_words_wins_over_the_leases() {
    let host = |world: &World| {
        world.done.iter().rev().find_map(|(_, action)| match action {
            Action::HostName { name, only_if_unset } => Some((name.clone(), *only_if_unset)),
            _ => None,
        })
    };
    let name: (u8, &[u8]) = (12, b"leased");
    assert_eq!(host(&leased(DHCP, &[name])), Some(("leased".into(), true)));
    assert_eq!(host(&leased(&format!("{DHCP} hostname=written"), &[name])), Some(("written".into(), false)));
    assert_eq!(host(&leased(DHCP, &[(12, b"x;reboot")])), None);
}

#[test]
fn what_the_next_stage_needs_is_in_the_state() {
    let world = leased(
        "bond=eth0,eth1 ip=::::::dhcp:192.0.2.53::198.51.100.123",
        &[(17, b"192.0.2.5:/srv/root"), (66, b"boot.example"), (67, b"pxe/image"), (42, &[192, 0, 2, 123])],
    );
    let state = state(&world);
    let lease = &state.lease["bond0"];
    assert_eq!(lease.root_path.as_deref(), Some("192.0.2.5:/srv/root"));
    assert_eq!(lease.next_server, Some([192, 0, 2, 5].into()));
    assert_eq!(lease.tftp_server.as_deref(), Some("boot.example"));
    assert_eq!(lease.bootfile.as_deref(), Some("pxe/image"));
    let ntp: Vec<String> = state.ntp.iter().map(ToString::to_string).collect();
    assert_eq!(ntp, ["198.51.100.123", "192.0.2.123"], "the words' first");
    let json = serde_json::to_value(&state).unwrap();
    assert_eq!(json["lease"]["bond0"]["root_path"], "192.0.2.5:/srv/root");
}

#[test]
fn the_gateway_of_the_words_is_the_router_where_the_server_sends_none() {
    let words = "bond=eth0,eth1 ip=::192.0.2.9:::bond0:dhcp";
    // 198.51.100.0/24 by 192.0.2.5: where there is option 121 the router of option 3 does not count (RFC 3442).
    let routes: &[(u8, &[u8])] = &[(121, &[24, 198, 51, 100, 192, 0, 2, 5])];
    for (options, via) in [(&[][..], "192.0.2.1"), (routes, "192.0.2.9")] {
        let mut world = leased(words, options);
        let default = |world: &World| {
            let via = world.view.defaults.iter().find_map(|route| route.via);
            via.map(|via| via.to_string())
        };
        assert_eq!(default(&world).as_deref(), Some(via));
        assert_eq!(state(&world).gateway.map(|via| via.to_string()).as_deref(), Some(via));
        world.view.defaults.clear();
        world.look();
        world.pass(1_000);
        assert_eq!(default(&world).as_deref(), Some(via), "what is taken away comes back");
    }
}
