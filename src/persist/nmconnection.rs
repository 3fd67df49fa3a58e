//! NetworkManager: a keyfile for each connection. Checked with libnm 1.42.

use super::page::{self, Page};
use super::{Device, Kept, Kind, Rendered, options};
use crate::plan::{ClientId, Method4, Method6, Route};

pub(super) fn render(kept: &Kept, done: &mut Rendered) {
    for device in &kept.devices {
        let path = format!("etc/NetworkManager/system-connections/bondstrap-{}.nmconnection", device.id);
        // NetworkManager reads none that others can read.
        done.add(path, 0o600, one(kept, device));
    }
}

fn one(kept: &Kept, device: &Device) -> Page {
    let mut page = Page::default();
    page.section("connection");
    page.put("id=bondstrap-", &device.id);
    let kind = match device.kind {
        Kind::Nic | Kind::Port(_) => "ethernet",
        Kind::Bond(..) => "bond",
        Kind::Vlan(..) => "vlan",
    };
    page.put("type=", &kind);
    if device.permanent.is_none() {
        page.put("interface-name=", &device.id);
    }
    if let Kind::Port(bond) = &device.kind {
        page.put("master=", bond);
        page.line("slave-type=bond");
    }
    page.section("ethernet");
    page.put_some("mac-address=", &device.permanent);
    page.put_some("cloned-mac-address=", &device.mac);
    page.put_some("mtu=", &device.mtu);
    match &device.kind {
        Kind::Port(_) => return page,
        Kind::Nic => {}
        Kind::Bond(mode, _) => {
            page.section("bond");
            page.put("mode=", &mode.name());
            page::options(&mut page, device, "", &|name, value| match name {
                // A port without a name has none here either.
                "primary" | "active_slave" if value.contains(':') => None,
                _ => options::nmconnection(name, value),
            });
        }
        Kind::Vlan(id, link) => {
            page.section("vlan");
            page.put("id=", id);
            page.put("parent=", link);
        }
    }
    ipv4(kept, device, &mut page);
    ipv6(kept, device, &mut page);
    page.lose_peers(device);
    page
}

fn ipv4(kept: &Kept, device: &Device, page: &mut Page) {
    page.section("ipv4");
    let method = match device.ipv4.method {
        Method4::None => "disabled",
        Method4::Dhcp => "auto",
        Method4::Static => "manual",
        Method4::LinkLocal => "link-local",
    };
    page.put("method=", &method);
    if device.ipv4.method == Method4::Dhcp && kept.client_id == ClientId::Mac {
        page.line("dhcp-client-id=mac");
    }
    family(kept, device, true, method, page);
}

fn ipv6(kept: &Kept, device: &Device, page: &mut Page) {
    page.section("ipv6");
    let method = match device.ipv6.method {
        Method6::None => "disabled",
        Method6::Auto | Method6::Either => "auto",
        Method6::Dhcp => "dhcp",
        Method6::Static => "manual",
        Method6::LinkLocal => "link-local",
    };
    page.put("method=", &method);
    family(kept, device, false, method, page);
}

/// What both families spell alike.
fn family(kept: &Kept, device: &Device, v4: bool, method: &str, page: &mut Page) {
    // A router outside the subnets gets its own route by itself.
    let mut gateway = device.gateways().into_iter().find(|gateway| gateway.address.is_ipv4() == v4);
    let addresses = device.addresses().into_iter().filter(|address| address.is_ipv4() == v4);
    for (number, address) in addresses.enumerate() {
        let gateway = gateway.take().map_or(String::new(), |gateway| format!(",{}", gateway.address));
        page.put("address", &format!("{}={address}{gateway}", number + 1));
    }
    // Without an address of ours NetworkManager takes it as a route only.
    let everywhere = if v4 { "0.0.0.0/0" } else { "::/0" };
    let mut routes: Vec<String> =
        gateway.iter().map(|gateway| format!("{everywhere},{}", gateway.address)).collect();
    let of_family = |route: &&Route| route.to.is_ipv4() == v4;
    routes.extend(
        device
            .routes
            .iter()
            .filter(of_family)
            .map(|Route { to, via, .. }| via.map_or_else(|| to.to_string(), |via| format!("{to},{via}"))),
    );
    let dns: Vec<String> = device.dns.iter().filter(|server| server.contains(':') != v4).cloned().collect();
    if method == "disabled" {
        // Neither is taken there.
        for what in [("the name server ", dns.join(" ")), ("the route ", routes.join(" "))] {
            if !what.1.is_empty() {
                page.lose(device, &(what.0.to_owned() + &what.1));
            }
        }
        return;
    }
    for (number, route) in routes.iter().enumerate() {
        page.put("route", &format!("{}={route}", number + 1));
    }
    if !dns.is_empty() {
        page.put("dns=", &(dns.join(";") + ";"));
    }
    if !kept.peerdns && matches!(method, "auto" | "dhcp") {
        page.line("ignore-auto-dns=true");
    }
}
