mod advert;
mod machine;

use std::net::Ipv6Addr;

const ROUTER: Ipv6Addr = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 1);

/// An advertisement's ICMPv6 message: flags, router lifetime, options.
fn message(flags: u8, lifetime: u16, options: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = vec![134, 0, 0, 0, 64, flags];
    bytes.extend(lifetime.to_be_bytes());
    bytes.extend([0; 8]);
    bytes.extend(options.concat());
    bytes
}

/// It as a packet from `router` to all nodes, with its checksum.
fn packet(router: Ipv6Addr, mut message: Vec<u8>) -> Vec<u8> {
    let mut packet = vec![0x60, 0, 0, 0];
    packet.extend((message.len() as u16).to_be_bytes());
    packet.extend([58, 255]);
    packet.extend(router.octets());
    packet.extend("ff02::1".parse::<Ipv6Addr>().unwrap().octets());
    let words = packet[8..].chunks(2).chain(message.chunks(2));
    let sum: u32 =
        words.map(|word| u32::from(word[0]) << 8 | word.get(1).map_or(0, |low| u32::from(*low))).sum();
    let sum = sum + message.len() as u32 + 58;
    let sum = (sum & 0xffff) + (sum >> 16);
    message[2..4].copy_from_slice(&(!((sum & 0xffff) + (sum >> 16)) as u16).to_be_bytes());
    packet.extend(message);
    packet
}

fn prefix(network: &str, length: u8, flags: u8, valid: u32, preferred: u32) -> Vec<u8> {
    let mut option = vec![3, 4, length, flags];
    option.extend([valid.to_be_bytes(), preferred.to_be_bytes(), [0; 4]].concat());
    option.extend(network.parse::<Ipv6Addr>().unwrap().octets());
    option
}

fn rdnss(lifetime: u32, servers: &[&str]) -> Vec<u8> {
    let mut option = vec![25, 1 + 2 * servers.len() as u8, 0, 0];
    option.extend(lifetime.to_be_bytes());
    servers.iter().for_each(|server| option.extend(server.parse::<Ipv6Addr>().unwrap().octets()));
    option
}

fn dnssl(lifetime: u32, names: &[u8]) -> Vec<u8> {
    let mut option = vec![31, 1 + names.len().div_ceil(8) as u8, 0, 0];
    option.extend(lifetime.to_be_bytes());
    option.extend(names);
    option.resize(option.len().next_multiple_of(8), 0);
    option
}

fn mtu(mtu: u32) -> Vec<u8> {
    [vec![5, 1, 0, 0], mtu.to_be_bytes().to_vec()].concat()
}
