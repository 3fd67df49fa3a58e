//! systemd-networkd: a `.netdev` for what is made, a `.network` for everything. Checked against systemd 252.

use ipnetwork::IpNetwork;

use super::page::{self, Page};
use super::{Device, Gateway, Kept, Kind, Rendered, options};
use crate::plan::{ClientId, Method4, Method6, Route};

/// In front of what a distribution brings, behind what a user writes with a smaller number.
const PLACE: &str = "etc/systemd/network/30-bondstrap-";

pub(super) fn render(kept: &Kept, done: &mut Rendered) {
    for device in &kept.devices {
        if let Some(page) = netdev(kept, device) {
            done.add(format!("{PLACE}{}.netdev", device.id), 0o644, page);
        }
        done.add(format!("{PLACE}{}.network", device.id), 0o644, network(kept, device));
    }
}

fn netdev(kept: &Kept, device: &Device) -> Option<Page> {
    let mut page = Page::default();
    page.section("NetDev");
    page.put("Name=", &device.id);
    page.put_some("MACAddress=", &device.mac);
    page.put_some("MTUBytes=", &device.mtu);
    match &device.kind {
        Kind::Nic | Kind::Port(_) => return None,
        Kind::Bond(mode, _) => {
            page.line("Kind=bond");
            page.section("Bond");
            page.put("Mode=", &mode.name());
            // Those of which a port is the value stand in the port's file.
            let is_port = |value: &str| kept.ports(&device.id).any(|port| is_called(port, value));
            page::options(&mut page, device, "", &|name, value| match name {
                "primary" | "active_slave" if is_port(value) => {
                    Some(format!("# {name}={value} stands in the file of that port"))
                }
                _ => options::networkd(name, value),
            });
        }
        Kind::Vlan(id, _) => {
            page.line("Kind=vlan");
            page.section("VLAN");
            page.put("Id=", id);
        }
    }
    Some(page)
}

fn network(kept: &Kept, device: &Device) -> Page {
    let mut page = Page::default();
    page.section("Match");
    match &device.permanent {
        Some(mac) => page.put("PermanentMACAddress=", mac),
        None => page.put("Name=", &device.id),
    }
    if device.kind == Kind::Nic {
        page.section("Link");
        page.put_some("MACAddress=", &device.mac);
        page.put_some("MTUBytes=", &device.mtu);
    }
    page.section("Network");
    if let Kind::Port(bond) = &device.kind {
        port(&mut page, kept, device, bond);
        return page;
    }
    for vlan in kept.vlans_on(&device.id) {
        page.put("VLAN=", &vlan.id);
    }
    let (v4, v6) = (device.ipv4.method, device.ipv6.method);
    let dhcp = match (v4 == Method4::Dhcp, v6 == Method6::Dhcp) {
        (true, true) => "yes",
        (true, false) => "ipv4",
        (false, true) => "ipv6",
        (false, false) => "no",
    };
    page.put("DHCP=", &dhcp);
    let link_local = match (v4 == Method4::LinkLocal, v6 != Method6::None) {
        (true, true) => "yes",
        (true, false) => "ipv4",
        (false, true) => "ipv6",
        (false, false) => "no",
    };
    page.put("LinkLocalAddressing=", &link_local);
    let listens = matches!(v6, Method6::Auto | Method6::Either | Method6::Dhcp);
    page.put("IPv6AcceptRA=", &if listens { "yes" } else { "no" });
    if !device.dns.is_empty() {
        page.put("DNS=", &device.dns.join(" "));
    }
    addresses(&mut page, device);
    routes(&mut page, device);
    if v4 == Method4::Dhcp {
        page.section("DHCPv4");
        if kept.client_id == ClientId::Mac {
            page.line("ClientIdentifier=mac");
        }
        if !kept.peerdns {
            page.line("UseDNS=no");
        }
    }
    if v6 == Method6::Dhcp {
        page.section("DHCPv6");
        page.line("WithoutRA=solicit");
    }
    if listens && !kept.peerdns {
        for section in ["DHCPv6", "IPv6AcceptRA"] {
            // The first may have been begun above; a section that comes twice is one.
            page.section(section);
            page.line("UseDNS=no");
        }
    }
    page
}

fn port(page: &mut Page, kept: &Kept, device: &Device, bond: &str) {
    page.put("Bond=", &bond);
    let above = kept.devices.iter().find(|above| above.id == bond);
    let Some(Kind::Bond(_, options)) = above.map(|above| &above.kind) else { return };
    for (option, key) in [("primary", "PrimarySlave="), ("active_slave", "ActiveSlave=")] {
        if options.get(option).is_some_and(|value| is_called(device, value)) {
            page.put(key, &"yes");
        }
    }
}

/// `value` of an option means this port.
fn is_called(port: &Device, value: &str) -> bool {
    value == port.id || port.permanent.is_some() && value.parse().ok() == port.permanent
}

fn addresses(page: &mut Page, device: &Device) {
    let mut seen = [false; 2];
    for address in device.addresses() {
        page.section("Address");
        page.put("Address=", &address);
        let first = !std::mem::replace(&mut seen[usize::from(address.is_ipv4())], true);
        let peer = device.peer(address.is_ipv4()).filter(|_| first);
        page.put_some("Peer=", &peer.map(IpNetwork::from));
    }
}

fn routes(page: &mut Page, device: &Device) {
    for Gateway { address, on_link } in device.gateways() {
        page.section("Route");
        page.put("Gateway=", &address);
        if on_link {
            page.line("GatewayOnLink=yes");
        }
    }
    for Route { to, via, .. } in &device.routes {
        page.section("Route");
        page.put("Destination=", to);
        page.put_some("Gateway=", via);
    }
}
