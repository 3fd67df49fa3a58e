//! Who must be reachable: the servers of NFS mounts. (pure)

use std::net::{IpAddr, SocketAddr};

/// The port of NFS where a mount names none.
const NFS: u16 = 2049;

/// The servers of all NFS mounts in a `/proc/mounts`, each once; those over RDMA answer on no TCP port.
pub fn of(mounts: &str) -> Vec<SocketAddr> {
    at(mounts, |_| true)
}

/// That of the root alone; empty: the root is another one.
pub fn of_root(mounts: &str) -> Vec<SocketAddr> {
    at(mounts, |place| place == "/")
}

fn at(mounts: &str, is_meant: impl Fn(&str) -> bool) -> Vec<SocketAddr> {
    let mut servers = Vec::new();
    for line in mounts.lines() {
        let mut fields = line.split(' ');
        let (Some(place), Some(kind), Some(options)) = (fields.nth(1), fields.next(), fields.next()) else {
            continue;
        };
        if !matches!(kind, "nfs" | "nfs4") || !is_meant(place) {
            continue;
        }
        let value =
            |name: &str| options.split(',').find_map(|option| option.strip_prefix(name)?.strip_prefix('='));
        let Some(address) = value("addr").and_then(|text| text.parse::<IpAddr>().ok()) else { continue };
        let port = value("port").and_then(|text| text.parse().ok()).filter(|port| *port != 0).unwrap_or(NFS);
        let server = SocketAddr::new(address, port);
        if !value("proto").is_some_and(|proto| proto.starts_with("rdma")) && !servers.contains(&server) {
            servers.push(server);
        }
    }
    servers
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_and_their_ports() {
        let mounts = "\
            sysfs /sys sysfs rw,addr=192.0.2.9 0 0\n\
            192.0.2.1:/root / nfs ro,vers=3,rsize=65536,hard,nolock,proto=tcp,timeo=600,mountaddr=192.0.2.7,mountport=892,addr=192.0.2.1 0 0\n\
            server:/home /home nfs4 rw,vers=4.2,proto=tcp6,port=20490,clientaddr=2001:db8::2,addr=2001:db8::1 0 0\n\
            server:/home/b /home/b nfs4 rw,vers=4.2,port=20490,addr=2001:db8::1 0 0\n\
            fast:/x /x nfs rw,proto=rdma,port=20049,addr=192.0.2.3 0 0\n\
            odd:/y /y nfs rw,addr=nonsense,port=x 0 0\n\
            zero:/z /z nfs rw,port=0,addr=192.0.2.4 0 0\n\nnfs\n";
        let expected = ["192.0.2.1:2049", "[2001:db8::1]:20490", "192.0.2.4:2049"];
        assert_eq!(of(mounts), expected.map(|text| text.parse().unwrap()));
        assert_eq!(of_root(mounts), ["192.0.2.1:2049".parse().unwrap()]);
    }
}
