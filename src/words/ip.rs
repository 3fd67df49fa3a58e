//! `ip=`, in its three forms.
//!
//! The positional form is the kernel's (nfsroot.rst, `ip_auto_config_setup()`), with dracut's tail; the other two are
//! dracut.cmdline(7)'s. What several `ip=` come to together is settled later.

use std::net::IpAddr;

use ipnetwork::IpNetwork;

use super::address::{self, is_meant};
use super::method::{self, METHODS, Methods, NoMethod};
use super::names;
use super::problems::{Problems, quoted};
use super::scalar;
use super::spec::{Device, IpSpec};
use super::split::{Place, Text};
use crate::plan::{Ipv4, Ipv6, Method4, Method6};

/// One `ip=`.
pub fn parse(value: Text<'_>, word: Place, baked: bool, problems: &mut Problems) -> IpSpec {
    let fields = value.fields();
    let at = |n: usize| fields.get(n).copied().filter(|field| !field.text.is_empty());
    let mut ip = Parser { spec: empty(word, baked), problems };
    match fields.as_slice() {
        [] => ip.methods(Methods { v4: Method4::Dhcp, v6: Method6::None }),
        [only] if !is_meant(only.text) => ip.method(Some(*only), false),
        [first, ..] if first.text.is_empty() || is_meant(first.text) => {
            let client = ip.client(at(0), at(3));
            ip.server(at(1));
            ip.gateway(at(2), client);
            ip.peer();
            ip.spec.hostname = at(4).and_then(|host| scalar::host(host, "ip=", ip.problems));
            ip.device(at(5));
            ip.method(at(6), client.is_some());
            ip.tail(&fields, 7);
        }
        [..] => {
            ip.device(at(0));
            ip.method(at(1), false);
            // Where that is no METHOD, the fields behind it are not what they seem to be either.
            if ip.spec.sound {
                ip.tail(&fields, 2);
            }
        }
    }
    ip.spec
}

fn empty(word: Place, baked: bool) -> IpSpec {
    IpSpec {
        place: word,
        baked,
        sound: true,
        device: None,
        ipv4: Ipv4::default(),
        ipv6: Ipv6::default(),
        method_place: word,
        gateway_place: word,
        server: None,
        mtu: None,
        set_mac: None,
        hostname: None,
        dns: Vec::new(),
        ntp: Vec::new(),
    }
}

struct Parser<'p> {
    spec: IpSpec,
    problems: &'p mut Problems,
}

impl Parser<'_> {
    fn error(&mut self, place: Place, message: String) {
        self.problems.error(place, message);
        self.spec.sound = false;
    }

    /// An address of a host. 0.0.0.0 and `[::]` are as good as nothing, as to the kernel (`in_aton() == ANY`).
    fn host_address(&mut self, field: Text<'_>, name: &str) -> Option<IpAddr> {
        match address::ip(field.text) {
            Some(address) if address.is_unspecified() => None,
            Some(address) if address::is_of_a_host(address) => Some(address),
            found => {
                let shown = quoted(field.text);
                let right = match found {
                    Some(IpAddr::V4(v4)) if address::is_netmask(v4) && !v4.is_broadcast() => {
                        "it is a netmask, count the fields: CLIENT:SERVER:GW:MASK"
                    }
                    _ => "write such as 192.0.2.10, or IPv6 in brackets",
                };
                self.error(field.place, format!("ip=: {name} {shown} is not the address of a host: {right}"));
                None
            }
        }
    }

    /// CLIENT and MASK.
    fn client(&mut self, client: Option<Text<'_>>, mask: Option<Text<'_>>) -> Option<IpAddr> {
        let (bare, own_prefix) = client.map(address::split_prefix).unwrap_or_default();
        let address = client.and_then(|client| self.host_address(Text { text: &bare, ..client }, "CLIENT"));
        let (Some(client), Some(address)) = (client, address) else {
            let unset = matches!(mask.map(|mask| mask.text), None | Some("0.0.0.0"));
            if let Some(mask) = mask.filter(|_| !unset && client.is_none()) {
                let message = format!("ip=: MASK {} is left out, as there is no CLIENT", quoted(mask.text));
                self.problems.warning(mask.place, message);
            }
            return None;
        };
        // A mask of zeros is none to the kernel.
        let mask = mask.filter(|mask| mask.text != "0.0.0.0");
        let written = own_prefix.map(|text| self.prefix(text, address));
        let masked = mask.map(|text| self.prefix(text, address));
        let prefix = match (written, masked, address) {
            (Some(prefix), None, _) | (None, Some(prefix), _) => prefix?,
            (Some(prefix), Some(mask_prefix), _) => {
                let (prefix, mask_prefix) = (prefix?, mask_prefix?);
                if prefix != mask_prefix {
                    let place = mask.map_or(client.place, |mask| mask.place);
                    let message =
                        format!("ip=: CLIENT says /{prefix} and MASK says /{mask_prefix}: write one of them");
                    self.error(place, message);
                    return None;
                }
                prefix
            }
            (None, None, IpAddr::V6(_)) => 64,
            (None, None, IpAddr::V4(v4)) => {
                let Some(prefix) = address::class_prefix(v4) else {
                    let message = format!("ip=: {v4} has no MASK and is of no class: write {v4}/24 or so");
                    self.error(client.place, message);
                    return None;
                };
                let message = format!(
                    "ip=: no MASK, so {v4} gets that of its class: write {v4}/{prefix} if that is right"
                );
                self.problems.warning(client.place, message);
                prefix
            }
        };
        match address::network(address, prefix)? {
            IpNetwork::V4(network) => self.spec.ipv4.addresses.push(network),
            IpNetwork::V6(network) => self.spec.ipv6.addresses.push(network),
        }
        Some(address)
    }

    fn prefix(&mut self, text: Text<'_>, of: IpAddr) -> Option<u8> {
        let prefix = address::prefix(text.text, of);
        if prefix.is_none() {
            let right = if of.is_ipv4() { "255.255.255.0 or 24" } else { "a number up to 128" };
            let shown = quoted(text.text);
            self.error(text.place, format!("ip=: {shown} is not a netmask or prefix: write such as {right}"));
        }
        prefix
    }

    /// GW; its family must be CLIENT's.
    fn gateway(&mut self, gateway: Option<Text<'_>>, client: Option<IpAddr>) {
        let Some(field) = gateway else { return };
        let Some(address) = self.host_address(field, "GW") else { return };
        if client.is_some_and(|client| client.is_ipv4() != address.is_ipv4()) {
            let message =
                format!("ip=: GW {address} is of another family than CLIENT: write one ip= for each family");
            self.error(field.place, message);
            return;
        }
        if client == Some(address) {
            let message = format!("ip=: GW {address} is CLIENT itself: write the address of the router");
            return self.error(field.place, message);
        }
        self.spec.gateway_place = field.place;
        match address {
            IpAddr::V4(v4) => self.spec.ipv4.gateway = Some(v4),
            IpAddr::V6(v6) => self.spec.ipv6.gateway = Some(v6),
        }
    }

    /// SERVER. A prefix behind it, as dracut.cmdline(7) has it for a peer, says nothing that CLIENT's does not.
    fn server(&mut self, field: Option<Text<'_>>) {
        let Some(field) = field else { return };
        let (bare, prefix) = address::split_prefix(field);
        self.spec.server = self.host_address(Text { text: &bare, ..field }, "SERVER");
        if let Some(prefix) = prefix {
            let message = format!(
                "ip=: the prefix {} of SERVER is left out: write it behind CLIENT, or as MASK",
                quoted(prefix.text)
            );
            self.problems.warning(prefix.place, message);
        }
    }

    /// SERVER is a point-to-point peer only where the prefix leaves no room for anybody else.
    fn peer(&mut self) {
        let spec = &mut self.spec;
        match spec.server {
            Some(IpAddr::V4(peer)) if spec.ipv4.addresses.iter().any(|a| a.prefix() == 32) => {
                spec.ipv4.peer = Some(peer);
            }
            Some(IpAddr::V6(peer)) if spec.ipv6.addresses.iter().any(|a| a.prefix() == 128) => {
                spec.ipv6.peer = Some(peer);
            }
            _ => {}
        }
    }

    fn device(&mut self, field: Option<Text<'_>>) {
        let Some(field) = field else { return };
        if method::parse(field.text) != Err(NoMethod::Unknown) {
            // The slip of a field too few, which would go unseen: the device would be one of this name.
            let shown = quoted(field.text);
            let right = "count the fields, CLIENT:SERVER:GW:MASK:HOST:DEV:METHOD or DEV:METHOD";
            return self.error(field.place, format!("ip=: METHOD {shown} stands where DEV belongs: {right}"));
        }
        match device(field, "ip=", self.problems) {
            Some(device) => self.spec.device = Some((device, field.place)),
            None => self.spec.sound = false,
        }
    }

    /// METHOD; without one and without CLIENT it is dhcp.
    fn method(&mut self, field: Option<Text<'_>>, has_client: bool) {
        let Some(field) = field else {
            let v4 = if has_client { Method4::None } else { Method4::Dhcp };
            return self.methods(Methods { v4, v6: Method6::None });
        };
        self.spec.method_place = field.place;
        let shown = quoted(field.text);
        match method::parse(field.text) {
            Ok(methods) => self.methods(methods),
            Err(NoMethod::NotSupported) => {
                self.error(
                    field.place,
                    format!("ip=: METHOD {shown} is not supported: write one of {METHODS}"),
                );
            }
            Err(NoMethod::Unknown) => {
                let message =
                    format!("ip=: {shown} is not a METHOD: write one of {METHODS}{}", hint(field.text));
                self.error(field.place, message);
            }
        }
    }

    /// An address in a family without a method makes it static.
    fn methods(&mut self, Methods { v4, v6 }: Methods) {
        let spec = &mut self.spec;
        let is_static = v4 == Method4::None && !spec.ipv4.addresses.is_empty();
        spec.ipv4.method = if is_static { Method4::Static } else { v4 };
        let is_static = v6 == Method6::None && !spec.ipv6.addresses.is_empty();
        spec.ipv6.method = if is_static { Method6::Static } else { v6 };
    }

    /// What stands behind METHOD: `MTU:MAC` or `DNS1:DNS2:NTP`.
    fn tail(&mut self, fields: &[Text<'_>], from: usize) {
        let at = |n: usize| fields.get(from + n).copied().filter(|field| !field.text.is_empty());
        let looks_like_address = |field: Text<'_>| field.text.contains('.') || field.text.starts_with('[');
        let used = if at(0).or(at(1)).or(at(2)).is_some_and(looks_like_address) {
            for (field, name) in [(at(0), "DNS1"), (at(1), "DNS2")] {
                let server = field.and_then(|field| self.service(field, name));
                self.spec.dns.extend(server.filter(|server| !self.spec.dns.contains(server)));
            }
            let server = at(2).and_then(|field| self.service(field, "NTP"));
            self.spec.ntp.extend(server);
            3
        } else {
            if let Some(field) = at(0) {
                let mtu = address::mtu(field, "ip=", self.problems);
                self.spec.sound &= mtu.is_some();
                self.spec.mtu = mtu.map(|mtu| (mtu, field.place));
            }
            1 + self.mac(fields, from + 1)
        };
        if let Some(surplus) = fields.iter().skip(from + used).find(|field| !field.text.is_empty()) {
            let message = format!(
                "ip=: {} is one field too many and left out: behind METHOD write MTU:MAC or DNS1:DNS2:NTP",
                quoted(surplus.text)
            );
            self.problems.warning(surplus.place, message);
        }
    }

    /// A MAC, in one field with dashes or in six; gives the number of fields that it takes.
    fn mac(&mut self, fields: &[Text<'_>], from: usize) -> usize {
        let Some(first) = fields.get(from).filter(|field| !field.text.is_empty()) else { return 1 };
        let six: Vec<&str> = fields.iter().skip(from).take(6).map(|field| field.text).collect();
        let (text, used) = match six.len() {
            6 if first.text.len() == 2 => (six.join(":"), 6),
            _ => (first.text.to_owned(), 1),
        };
        match address::station_mac(&text) {
            Some(mac) => self.spec.set_mac = Some((mac, first.place)),
            None => {
                let message = format!(
                    "ip=: {} is not a MAC that a NIC can have: write such as 02-00-00-00-00-01",
                    quoted(&text)
                );
                self.error(first.place, message);
            }
        }
        used
    }

    /// A name or time server; a bad one is left out.
    fn service(&mut self, field: Text<'_>, name: &str) -> Option<IpAddr> {
        let address = address::ip(field.text);
        if address.is_some_and(|address| address.is_unspecified()) {
            return None;
        }
        let good = address.filter(|address| !address.is_multicast());
        if good.is_none() {
            let message = format!(
                "ip=: {name} {} is not an address and left out: write such as 192.0.2.53, or IPv6 in brackets",
                quoted(field.text)
            );
            self.problems.warning(field.place, message);
        }
        good
    }
}

/// A device: its name, its MAC with dashes, or `BOOTIF`.
pub fn device(field: Text<'_>, word: &str, problems: &mut Problems) -> Option<Device> {
    if field.text == "BOOTIF" {
        return Some(Device::Bootif);
    }
    if let Some(mac) = names::dashed_mac(field.text) {
        return Some(Device::Mac(mac));
    }
    names::interface(field, word, problems).map(Device::Name)
}

/// What may have been meant by something that is not a METHOD.
fn hint(text: &str) -> String {
    let hex = !text.is_empty() && text.len() <= 4 && text.bytes().all(|b| b.is_ascii_hexdigit());
    if hex {
        return "; IPv6 addresses need brackets".into();
    }
    if names::looks_like_nic(text) || text.starts_with("bond") {
        return format!("; for a device write ip={text}:dhcp");
    }
    String::new()
}
