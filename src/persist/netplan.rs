//! netplan: one YAML file. Everything that is text stands in double quotes: `no`, `1e3` and the like are names too.

use super::page::{self, Page};
use super::{Device, Gateway, Kept, Kind, Rendered, options};
use crate::plan::{ClientId, Method4, Method6, Route};

pub(super) fn render(kept: &Kept, done: &mut Rendered) {
    let mut page = Page::default();
    page.line("network:");
    page.line("  version: 2");
    for (section, fits) in SECTIONS {
        let devices: Vec<&Device> = kept.devices.iter().filter(|device| fits(&device.kind)).collect();
        if !devices.is_empty() {
            page.line(section);
        }
        devices.iter().for_each(|device| one(kept, device, &mut page));
    }
    // netplan warns where others can read it: there may be secrets of Wi-Fi in such files.
    done.add("etc/netplan/50-bondstrap.yaml".into(), 0o600, page);
}

type Fits = fn(&Kind) -> bool;
const SECTIONS: [(&str, Fits); 3] = [
    ("  ethernets:", |kind| matches!(kind, Kind::Nic | Kind::Port(_))),
    ("  bonds:", |kind| matches!(kind, Kind::Bond(..))),
    ("  vlans:", |kind| matches!(kind, Kind::Vlan(..))),
];

fn one(kept: &Kept, device: &Device, page: &mut Page) {
    page.put("    ", &format!("\"{}\":", device.id));
    if let Some(mac) = &device.permanent {
        page.line("      match:");
        page.put("        macaddress: ", &quoted(mac));
        // By MAC, the name here would be no more than a label; this one was asked for.
        if kept.renames.iter().any(|rename| rename.name == device.id) {
            page.put("      set-name: ", &quoted(&device.id));
        }
    }
    match &device.kind {
        // Where it is found by name, netplan wants something to stand here.
        Kind::Port(_) => return page.line("      dhcp4: false"),
        Kind::Nic => {}
        Kind::Bond(mode, _) => {
            let ports = kept.port_ids(&device.id);
            page.put("      interfaces: ", &list(&ports));
            page.line("      parameters:");
            page.put("        mode: ", &quoted(mode.name()));
            page::options(page, device, "        ", &|name, value| match name {
                "primary" if ports.contains(&value) => Some(format!("primary: \"{value}\"")),
                _ => options::netplan(name, value),
            });
        }
        Kind::Vlan(id, link) => {
            page.put("      id: ", id);
            page.put("      link: ", &quoted(link));
        }
    }
    page.put_some("      macaddress: ", &device.mac.map(quoted));
    page.put_some("      mtu: ", &device.mtu);
    addressing(kept, device, page);
}

fn addressing(kept: &Kept, device: &Device, page: &mut Page) {
    let (v4, v6) = (device.ipv4.method, device.ipv6.method);
    page.put("      dhcp4: ", &(v4 == Method4::Dhcp));
    if v4 == Method4::Dhcp && kept.client_id == ClientId::Mac {
        page.line("      dhcp-identifier: mac");
    }
    page.put("      dhcp6: ", &(v6 == Method6::Dhcp));
    page.put("      accept-ra: ", &matches!(v6, Method6::Auto | Method6::Either | Method6::Dhcp));
    let families = [("ipv4", v4 == Method4::LinkLocal), ("ipv6", v6 != Method6::None)];
    let families: Vec<&str> =
        families.iter().filter(|(_, wanted)| *wanted).map(|(family, _)| *family).collect();
    page.put("      link-local: ", &list(&families));
    for (key, wanted) in
        [("      dhcp4-overrides:", v4 == Method4::Dhcp), ("      dhcp6-overrides:", v6 == Method6::Dhcp)]
    {
        // What is written wins; a lease's would be asked for all the same.
        let refused = [("dns", !kept.peerdns), ("mtu", device.mtu.is_some())];
        let refused: Vec<_> = refused.into_iter().filter(|(_, refused)| wanted && *refused).collect();
        if !refused.is_empty() {
            page.line(key);
        }
        refused.iter().for_each(|(what, _)| page.put("        use-", &format!("{what}: false")));
    }
    if !kept.peerdns && matches!(v6, Method6::Auto | Method6::Either) {
        page.lose(device, "rd.peerdns=0 for IPv6");
    }
    let addresses = device.addresses();
    if !addresses.is_empty() {
        page.put("      addresses: ", &list(&addresses));
    }
    if !device.dns.is_empty() {
        page.line("      nameservers:");
        page.put("        addresses: ", &list(&device.dns));
    }
    let gateways = device.gateways();
    if !gateways.is_empty() || !device.routes.is_empty() {
        page.line("      routes:");
    }
    for Gateway { address, on_link } in gateways {
        let on_link = if on_link { ", on-link: true" } else { "" };
        page.put("        - ", &format!("{{to: \"default\", via: \"{address}\"{on_link}}}"));
    }
    for Route { to, via, .. } in &device.routes {
        let via = via.map_or("scope: link".to_owned(), |via| format!("via: \"{via}\""));
        page.put("        - ", &format!("{{to: \"{to}\", {via}}}"));
    }
    page.lose_peers(device);
}

fn quoted(text: impl std::fmt::Display) -> String {
    format!("\"{text}\"")
}

fn list<T: ToString>(items: &[T]) -> String {
    let items: Vec<String> = items.iter().map(ToString::to_string).collect();
    if items.is_empty() { "[]".into() } else { format!("[\"{}\"]", items.join("\", \"")) }
}
