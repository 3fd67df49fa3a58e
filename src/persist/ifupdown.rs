//! ifupdown: the whole of interfaces(5). Checked against ifupdown 0.8.41 and ifenslave 2.13.

use ipnetwork::IpNetwork;

use super::page::{self, Page};
use super::{Device, Kept, Kind, Rendered, options};
use crate::plan::{Method4, Method6, Route};

pub(super) fn render(kept: &Kept, done: &mut Rendered) -> Result<(), String> {
    if let Some(nameless) = kept.devices.iter().find(|device| !device.named) {
        return Err(format!(
            "ifupdown knows NICs by name only, and of {} no name is known here: persist where bondstrap up is at work, or write names",
            nameless.id
        ));
    }
    let mut page = Page::default();
    page.line("source /etc/network/interfaces.d/*");
    page.line("\nauto lo\niface lo inet loopback");
    for device in &kept.devices {
        // A port needs no stanza: the bond's names it.
        if !matches!(device.kind, Kind::Port(_)) {
            one(kept, device, &mut page);
        }
    }
    done.add("etc/network/interfaces".into(), 0o644, page);
    Ok(())
}

fn one(kept: &Kept, device: &Device, page: &mut Page) {
    let name = &device.id;
    page.put("\nauto ", name);
    let mut stanzas = Stanzas { kept, device, page, any: false };
    let v4 = match device.ipv4.method {
        Method4::None => None,
        Method4::Dhcp => Some("dhcp"),
        Method4::Static => Some("static"),
        Method4::LinkLocal => Some("ipv4ll"),
    };
    let v6 = match device.ipv6.method {
        Method6::None => None,
        Method6::Auto | Method6::Either => Some("auto"),
        Method6::Dhcp => Some("dhcp"),
        Method6::Static => Some("static"),
        Method6::LinkLocal => Some("manual"),
    };
    let both = device.addresses();
    let (four, six): (Vec<_>, Vec<_>) = both.into_iter().partition(IpNetwork::is_ipv4);
    stanzas.family("inet", v4, &four);
    stanzas.family("inet6", v6, &six);
    if !stanzas.any {
        stanzas.begin("inet", "manual");
    }
    if !device.dns.is_empty() {
        page.line("    # read by resolvconf, or by what stands in for it, if that is installed");
        page.put("    dns-nameservers ", &device.dns.join(" "));
    }
    // Not every method has an option for it, and of a bond it is only now that it can be set.
    if let Some(mtu) = device.mtu {
        page.put("    up ip link set dev ", &format!("{name} mtu {mtu}"));
    }
    for Route { to, via, .. } in &device.routes {
        let via = via.map_or(String::new(), |via| format!(" via {via}"));
        page.put("    up ip route add ", &format!("{to}{via} dev {name}"));
    }
    let hears = matches!(device.ipv6.method, Method6::Auto | Method6::Either | Method6::Dhcp);
    let by_lease = device.ipv4.method == Method4::Dhcp || hears;
    if !kept.peerdns && by_lease {
        page.lose(device, "rd.peerdns=0");
    }
    if device.ipv4.method == Method4::Dhcp {
        page.line(
            "    # dhclient sends no client identifier: a server that goes by it may give another address",
        );
    }
}

/// The stanzas of one interface: each address beyond the first needs one of its own.
struct Stanzas<'a> {
    kept: &'a Kept,
    device: &'a Device,
    page: &'a mut Page,
    any: bool,
}

impl Stanzas<'_> {
    fn family(&mut self, family: &str, method: Option<&str>, addresses: &[IpNetwork]) {
        let Some(method) = method else { return };
        let v4 = family == "inet";
        if method != "static" {
            self.begin(family, method);
        }
        for (number, address) in addresses.iter().enumerate() {
            self.begin(family, "static");
            self.page.put("    address ", address);
            if number == 0 && v4 {
                self.page.put_some("    pointopoint ", &self.device.peer(true));
            } else if let Some(peer) = self.device.peer(v4).filter(|_| number == 0) {
                self.page.lose(self.device, &format!("the peer {peer}"));
            }
            if number == 0 {
                self.gateway(v4, "    gateway ");
            }
        }
        if addresses.is_empty() {
            let name = &self.device.id;
            let to = if v4 { "0.0.0.0/0" } else { "::/0" };
            if self.device.gateways().iter().any(|gateway| gateway.address.is_ipv4() == v4) {
                self.gateway(v4, &format!("    up ip route replace {to} dev {name} onlink via "));
            }
        }
    }

    fn gateway(&mut self, v4: bool, key: &str) {
        for gateway in self.device.gateways().iter().filter(|gateway| gateway.address.is_ipv4() == v4) {
            self.page.put(key, &gateway.address);
        }
    }

    /// A stanza; the first one has what makes the interface.
    fn begin(&mut self, family: &str, method: &str) {
        let Self { kept, device, page, any } = self;
        page.put("iface ", &format!("{} {family} {method}", device.id));
        if std::mem::replace(any, true) {
            return;
        }
        page.put_some("    hwaddress ", &device.mac);
        match &device.kind {
            Kind::Nic | Kind::Port(_) => {}
            Kind::Bond(mode, _) => {
                for port in kept.ports(&device.id) {
                    if let Some(mac) = &port.permanent {
                        page.put("    # ", &format!("{}: {mac}", port.id));
                    }
                }
                page.put("    bond-slaves ", &kept.port_ids(&device.id).join(" "));
                page.put("    bond-mode ", &mode.name());
                page::options(page, device, "    ", &options::ifupdown);
            }
            // ifupdown makes what is called so by itself.
            Kind::Vlan(id, link) if device.id == format!("{link}.{id}") => {
                page.put("    vlan-raw-device ", link);
            }
            Kind::Vlan(id, link) => {
                let name = &device.id;
                let add = format!("ip link add link {link} name {name} type vlan id {id}");
                page.put("    pre-up ip link show ", &format!("{name} >/dev/null 2>&1 || {add}"));
                page.put("    post-down ip link del ", name);
            }
        }
    }
}
