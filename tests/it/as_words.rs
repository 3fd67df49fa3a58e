//! A plan written as words again. Also used by tests/fuzz.

use std::fmt::Write;
use std::net::IpAddr;

use bondstrap::mac::Mac;
use bondstrap::plan::{
    Bond, Bridge, ClientId, Dhcp, Fallback, Interface, Ipv4, Ipv6, LogLevel, Method4, Method6, Own, Plan,
    Rename, Route, Timeouts, Vlan,
};
use bondstrap::words::plan_line;

/// The words of a plan, one way of many; none where no quoting can write it.
fn words(plan: &Plan) -> Option<String> {
    let Plan {
        version: _,
        active,
        bonds,
        vlans,
        bridges,
        interfaces,
        routes,
        dns,
        renames,
        bootdev,
        bootif,
        hostname,
        peerdns,
        timeouts,
        dhcp,
        bondstrap,
        problems: _,
    } = plan;
    let mut out = Vec::new();
    own(bondstrap, &mut out);
    if !active {
        return Some(out.join(" "));
    }
    out.extend(bonds.iter().map(bond));
    out.extend(vlans.iter().map(|Vlan { name, link, id: _ }| format!("vlan={name}:{link}")));
    out.extend(bridges.iter().map(|Bridge { name, ports }| format!("bridge={name}:{}", dashed(ports))));
    interfaces.iter().for_each(|each| interface(each, &mut out));
    for Route { to, via, dev } in routes {
        let net = format!("{}/{}", address(&to.ip()), to.prefix());
        let via = via.map(|via| address(&via)).unwrap_or_default();
        out.push(format!("rd.route={net}:{via}:{}", dev.as_deref().unwrap_or_default()));
    }
    out.extend(dns.iter().map(|server| format!("nameserver={server}")));
    out.extend(renames.iter().map(|Rename { mac, name }| format!("ifname={name}:{mac}")));
    out.extend(bootdev.iter().map(|device| format!("bootdev={}", dashed(std::slice::from_ref(device)))));
    out.extend(bootif.iter().map(|mac| format!("BOOTIF=01-{}", dashes(mac))));
    out.extend(hostname.iter().map(|name| format!("hostname={name}")));
    out.extend((!peerdns).then(|| "rd.peerdns=0".to_owned()));
    let Timeouts { iflink, carrier, lacp, dhcp: dhcp_timeout } = timeouts;
    out.push(format!("rd.net.timeout.iflink={iflink} rd.net.timeout.carrier={carrier}"));
    out.push(format!("bondstrap.lacp_timeout={lacp} rd.net.timeout.dhcp={dhcp_timeout}"));
    let Dhcp { retry, vendor_class, client_id, client_ids } = dhcp;
    out.push(format!("rd.net.dhcp.retry={retry}"));
    out.extend(vendor_class.iter().map(|class| format!("rd.net.dhcp.vendor-class=\"{class}\"")));
    let client_id = match client_id {
        ClientId::Mac => "mac",
        ClientId::Duid => "duid",
        ClientId::None => "none",
    };
    out.push(format!("bondstrap.clientid={client_id}"));
    out.extend(client_ids.iter().map(|(device, id)| format!("rd.net.dhcp.client-id=\"{device}:{id}\"")));
    let quotes = |text: &str| text.contains('"');
    let unquotable = vendor_class.as_deref().is_some_and(quotes) || client_ids.values().any(|id| quotes(id));
    // A bracket that nothing closes would find one in the options.
    let open =
        bonds.iter().flat_map(|bond| &bond.ports).any(|port| port.contains('[') && !port.contains(']'));
    (!unquotable && !open).then(|| out.join(" "))
}

fn own(own: &Own, out: &mut Vec<String>) {
    let Own { fallback, handover, log, flip, answerfile } = own;
    let fallback = match fallback {
        Fallback::None => "none",
        Fallback::ActiveBackup => "active-backup",
        Fallback::Single => "single",
    };
    let log = match log {
        LogLevel::Off => "off",
        LogLevel::Error => "error",
        LogLevel::Warn => "warn",
        LogLevel::Info => "info",
        LogLevel::Debug => "debug",
        LogLevel::Trace => "trace",
    };
    out.push(format!("bondstrap.fallback={fallback} bondstrap.log={log}"));
    out.push(format!("bondstrap.handover={} bondstrap.flip={}", handover.join(","), u8::from(*flip)));
    out.extend(answerfile.iter().map(|url| format!("bondstrap.answerfile={url}")));
}

fn bond(bond: &Bond) -> String {
    let Bond { name, mode, ports, options, mtu, mac: _ } = bond;
    let mut word = format!("bond={name}:{}:mode={}", dashed(ports), mode.name());
    for (option, value) in &options.0 {
        let value = match *option {
            "arp_ip_target" => value.replace(',', ";"),
            "ns_ip6_target" => {
                value.split(',').map(|address| format!("[{address}]")).collect::<Vec<_>>().join(";")
            }
            "ad_actor_system" | "primary" | "active_slave" => value.replace(':', "-"),
            _ => value.clone(),
        };
        write!(word, ",{option}={value}").expect("a String takes everything");
    }
    if let Some(mtu) = mtu {
        write!(word, ":{mtu}").expect("a String takes everything");
    }
    word
}

/// One word for each thing that is said of it.
fn interface(interface: &Interface, out: &mut Vec<String>) {
    let Interface { name, match_mac: _, ipv4, ipv6, server, mtu, set_mac, hostname, dns, ntp } = interface;
    let device = dashed(std::slice::from_ref(name));
    let Ipv4 { method: method4, addresses: addresses4, gateway: gateway4, peer: peer4 } = ipv4;
    let Ipv6 { method: method6, addresses: addresses6, gateway: gateway6, peer: peer6 } = ipv6;
    let method4 = match method4 {
        Method4::None | Method4::Static => "none",
        Method4::Dhcp => "dhcp",
        Method4::LinkLocal => "link-local",
    };
    let method6 = match method6 {
        Method6::None | Method6::Static => "none",
        Method6::Auto => "auto6",
        Method6::Dhcp => "dhcp6",
        Method6::Either => "either6",
        // That of IPv4 means both.
        Method6::LinkLocal if method4 == "link-local" => method4,
        Method6::LinkLocal => "link6",
    };
    for method in [method4, method6] {
        out.push(format!("ip=:::::{device}:{method}"));
    }
    for network in addresses4 {
        let peer = peer4.filter(|_| network.prefix() == 32).map(|peer| peer.to_string()).unwrap_or_default();
        out.push(format!("ip={network}:{peer}::::{device}:{method4}"));
    }
    for network in addresses6 {
        let peer =
            peer6.filter(|_| network.prefix() == 128).map(|peer| format!("[{peer}]")).unwrap_or_default();
        out.push(format!("ip=[{}]/{}:{peer}::::{device}:{method6}", network.ip(), network.prefix()));
    }
    out.extend(gateway4.iter().map(|gateway| format!("ip=::{gateway}:::{device}:none")));
    out.extend(gateway6.iter().map(|gateway| format!("ip=::[{gateway}]:::{device}:none")));
    out.extend(server.iter().map(|server| format!("ip=:{}::::{device}:none", address(server))));
    out.extend(hostname.iter().map(|host| format!("ip=::::{host}:{device}:none")));
    out.extend(mtu.iter().map(|mtu| format!("ip=:::::{device}:none:{mtu}")));
    out.extend(set_mac.iter().map(|mac| format!("ip=:::::{device}:none::{mac}")));
    out.extend(dns.iter().map(|server| format!("ip=:::::{device}:none:{}", address(server))));
    out.extend(ntp.iter().map(|server| format!("ip=:::::{device}:none:::{}", address(server))));
}

fn address(address: &IpAddr) -> String {
    if address.is_ipv6() { format!("[{address}]") } else { address.to_string() }
}

fn dashes(mac: &Mac) -> String {
    mac.to_string().replace(':', "-")
}

/// Ports with commas between, MACs with dashes. No name has a colon.
fn dashed(ports: &[String]) -> String {
    ports.join(",").replace(':', "-")
}

/// Checks that the plan comes back; true if it could be written. What it came from may have had problems, its own words
/// have no error.
pub(crate) fn comes_back(plan: &Plan) -> Result<bool, String> {
    let Some(words) = words(plan).filter(|_| !plan.has_errors()) else { return Ok(false) };
    let mut again = plan_line(words.as_bytes());
    if again.has_errors() {
        return Err(format!("{:?} of {words}", again.problems));
    }
    again.problems.clone_from(&plan.problems);
    if again != *plan {
        return Err(format!("the plan of {words} is\n{again:?}\nand not\n{plan:?}"));
    }
    Ok(true)
}
