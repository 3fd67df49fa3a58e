//! ifcfg files of `/etc/sysconfig/network-scripts`, as NetworkManager (nm-settings-ifcfg-rh(5)) and before it the
//! initscripts read them.

use super::page::Page;
use super::{Device, Kept, Kind, Rendered};
use crate::mac::Mac;
use crate::plan::{ClientId, Method4, Method6, Route};

const PLACE: &str = "etc/sysconfig/network-scripts/";

pub(super) fn render(kept: &Kept, done: &mut Rendered) {
    for device in &kept.devices {
        done.add(format!("{PLACE}ifcfg-{}", device.id), 0o644, one(kept, device));
        for (v4, name) in [(true, "route"), (false, "route6")] {
            let mut page = Page::default();
            let of_family = |route: &&Route| route.to.is_ipv4() == v4;
            for Route { to, via, .. } in device.routes.iter().filter(of_family) {
                let via = via.map_or(String::new(), |via| format!(" via {via}"));
                // Of a NIC that is known by its MAC only, there is no name to write.
                let dev = if device.named { format!(" dev {}", device.id) } else { String::new() };
                page.put("", &format!("{to}{via}{dev}"));
            }
            if page.text.lines().count() > 1 {
                done.add(format!("{PLACE}{name}-{}", device.id), 0o644, page);
            }
        }
    }
}

fn one(kept: &Kept, device: &Device) -> Page {
    let mut page = Page::default();
    if device.named {
        page.put("DEVICE=", &device.id);
    }
    page.put("NAME=bondstrap-", &device.id);
    page.line("ONBOOT=yes");
    page.put_some("HWADDR=", &device.permanent);
    page.put_some("MACADDR=", &device.mac);
    page.put_some("MTU=", &device.mtu);
    match &device.kind {
        Kind::Nic => page.line("TYPE=Ethernet"),
        Kind::Port(bond) => {
            page.line("TYPE=Ethernet");
            page.put("MASTER=", bond);
            page.line("SLAVE=yes");
            page.line("BOOTPROTO=none");
            return page;
        }
        Kind::Bond(mode, options) => {
            page.line("TYPE=Bond");
            page.line("BONDING_MASTER=yes");
            // The kernel's own spelling: nothing is lost, but for ports that have no name.
            let mut all = vec![format!("mode={}", mode.name())];
            for (name, value) in &options.0 {
                if matches!(*name, "primary" | "active_slave") && value.contains(':') {
                    page.lose(device, &format!("{name}={value}"));
                } else {
                    all.push(format!("{name}={value}"));
                }
            }
            page.put("BONDING_OPTS=", &format!("\"{}\"", all.join(" ")));
        }
        Kind::Vlan(id, link) => {
            page.line("TYPE=Vlan");
            page.line("VLAN=yes");
            page.put("PHYSDEV=", link);
            page.put("VLAN_ID=", id);
        }
    }
    ipv4(kept, device, &mut page);
    ipv6(device, &mut page);
    for (number, server) in device.dns.iter().enumerate() {
        page.put("DNS", &format!("{}={server}", number + 1));
    }
    if !kept.peerdns {
        page.line("PEERDNS=no");
    }
    page.lose_peers(device);
    page
}

fn ipv4(kept: &Kept, device: &Device, page: &mut Page) {
    let method = match device.ipv4.method {
        Method4::None | Method4::Static => "none",
        Method4::Dhcp => "dhcp",
        Method4::LinkLocal => "autoip",
    };
    page.put("BOOTPROTO=", &method);
    // In hex: the word `mac` would be taken for the identifier itself by the initscripts, the same on each machine.
    if let (Method4::Dhcp, ClientId::Mac) = (device.ipv4.method, kept.client_id) {
        match mac_of(kept, device) {
            Some(mac) => page.put("DHCP_CLIENT_ID=01:", &mac),
            None => page.lose(device, "the DHCP client identifier without a known MAC"),
        }
    }
    for (number, address) in device.ipv4.addresses.iter().enumerate() {
        // The first has no number: so the initscripts want it, and NetworkManager takes it.
        let number = if number == 0 { String::new() } else { number.to_string() };
        page.put("IPADDR", &format!("{number}={}", address.ip()));
        page.put("PREFIX", &format!("{number}={}", address.prefix()));
    }
    page.put_some("GATEWAY=", &device.ipv4.gateway);
}

fn ipv6(device: &Device, page: &mut Page) {
    let method = device.ipv6.method;
    let yes_or_no = |yes: bool| if yes { "yes" } else { "no" };
    page.put("IPV6INIT=", &yes_or_no(method != Method6::None));
    if method == Method6::None {
        if device.dns.iter().any(|server| server.contains(':')) && device.ipv4.method == Method4::None {
            page.lose(device, "an IPv6 name server without IPv6");
        }
        return;
    }
    page.put("IPV6_AUTOCONF=", &yes_or_no(matches!(method, Method6::Auto | Method6::Either)));
    if matches!(method, Method6::Dhcp) {
        page.line("DHCPV6C=yes");
    }
    let mut addresses = device.ipv6.addresses.iter();
    page.put_some("IPV6ADDR=", &addresses.next());
    let more = addresses.map(ToString::to_string).collect::<Vec<_>>().join(" ");
    if !more.is_empty() {
        page.put("IPV6ADDR_SECONDARIES=", &format!("\"{more}\""));
    }
    page.put_some("IPV6_DEFAULTGW=", &device.ipv6.gateway);
}

/// The MAC that it has when it speaks: its own, or that of what it stands on.
fn mac_of(kept: &Kept, device: &Device) -> Option<Mac> {
    let mut device = device;
    // No chain is longer than there are devices.
    for _ in &kept.devices {
        match (device.mac.or(device.permanent), &device.kind) {
            (Some(mac), _) => return Some(mac),
            (None, Kind::Vlan(_, link)) => device = kept.devices.iter().find(|below| below.id == *link)?,
            (None, _) => return None,
        }
    }
    None
}
