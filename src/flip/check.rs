//! Does somebody answer? A TCP port, an echo, or a neighbour.

use std::io;
use std::net::{IpAddr, Ipv6Addr, SocketAddr, SocketAddrV6, TcpStream, UdpSocket};
use std::os::fd::{AsRawFd, OwnedFd};
use std::time::{Duration, Instant};

use nix::sys::socket::{
    AddressFamily, MsgFlags, SockFlag, SockProtocol, SockType, SockaddrIn, SockaddrIn6, SockaddrStorage,
    recvfrom, sendto, setsockopt, socket, sockopt,
};
use nix::sys::time::{TimeVal, TimeValLike};

use super::message::{NDMSG, Neighbour, RTM_GETNEIGH};
use crate::netlink::Netlink;

/// Who is to answer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Target {
    /// A server, by its TCP port: that it refuses is an answer as well.
    Server(SocketAddr),
    /// By an ICMP echo.
    Echo(IpAddr),
    /// A neighbour, by the kernel's own probe.
    Neighbour(IpAddr),
}

/// One question is asked so long.
const TRY: Duration = Duration::from_millis(400);
/// A neighbour that does not answer is looked for again after this time.
const ASK: Duration = Duration::from_secs(1);
/// Between two looks at the neighbour table.
const LOOK: Duration = Duration::from_millis(10);

impl Target {
    /// Who that is, in words.
    pub fn name(&self) -> String {
        match self {
            Self::Server(server) => format!("the NFS server {server}"),
            Self::Echo(address) => address.to_string(),
            Self::Neighbour(address) => format!("the router {address}"),
        }
    }

    /// The neighbour whose answer is waited for by way of the kernel's table.
    pub fn neighbour(&self) -> Option<IpAddr> {
        if let Self::Neighbour(address) = self { Some(*address) } else { None }
    }

    /// Asks until somebody answers, `limit` at most. `index`: the interface by which a neighbour is reached; `stop` ends it.
    pub fn answers(
        &self,
        netlink: &Netlink,
        index: u32,
        limit: Duration,
        mut stop: impl FnMut() -> bool,
    ) -> bool {
        let end = Instant::now() + limit;
        let mut ask_at = Instant::now() + ASK;
        loop {
            if ask_at <= Instant::now() {
                ask_at += ASK;
                if let Self::Neighbour(address) = self {
                    // The kernel gives up after three probes, and by then the switch may not have opened the port.
                    let _ = ask(index, *address);
                }
            }
            let answered = match self {
                Self::Server(server) => connects(server),
                Self::Echo(address) => echoes(*address).unwrap_or(false),
                Self::Neighbour(address) => is_reachable(netlink, index, *address),
            };
            if answered || stop() || Instant::now() >= end {
                return answered;
            }
            std::thread::sleep(LOOK);
        }
    }
}

/// Has the kernel look for a neighbour again: there is something to send to it (an empty datagram to the discard port).
fn ask(index: u32, address: IpAddr) -> io::Result<usize> {
    let (any, to): (SocketAddr, SocketAddr) = match address {
        IpAddr::V4(to) => (([0, 0, 0, 0], 0).into(), (to, 9).into()),
        IpAddr::V6(to) => (([0_u16; 8], 0).into(), SocketAddrV6::new(to, 9, 0, index).into()),
    };
    let socket = UdpSocket::bind(any)?;
    // One that is not known yet must not make this wait.
    socket.set_nonblocking(true)?;
    socket.send_to(&[], to)
}

fn connects(server: &SocketAddr) -> bool {
    match TcpStream::connect_timeout(server, TRY) {
        Ok(_) => true,
        Err(error) => error.kind() == io::ErrorKind::ConnectionRefused,
    }
}

fn is_reachable(netlink: &Netlink, index: u32, address: IpAddr) -> bool {
    let Ok(table) = netlink.read_raw(RTM_GETNEIGH, &[0; NDMSG]) else { return false };
    let mut neighbours = table.iter().filter_map(|body| Neighbour::of(index, body));
    neighbours.any(|neighbour| neighbour.ip() == Some(address) && neighbour.is_reachable())
}

/// One echo request (RFC 792, RFC 4443), and the wait for its reply.
fn echoes(to: IpAddr) -> io::Result<bool> {
    let (family, protocol, kind) = match to {
        IpAddr::V4(_) => (AddressFamily::Inet, SockProtocol::Icmp, 8),
        IpAddr::V6(_) => (AddressFamily::Inet6, SockProtocol::IcmpV6, 128),
    };
    let socket: OwnedFd = socket(family, SockType::Raw, SockFlag::SOCK_CLOEXEC, protocol)?;
    let id = (std::process::id() as u16).to_be_bytes();
    let mut request = [kind, 0, 0, 0, id[0], id[1], 0, 1];
    if to.is_ipv4() {
        // For IPv6 the kernel does it.
        let sum: u32 =
            request.chunks_exact(2).map(|pair| u32::from(u16::from_be_bytes([pair[0], pair[1]]))).sum();
        let sum = (sum & 0xffff) + (sum >> 16);
        request[2..4].copy_from_slice(&(!(sum as u16)).to_be_bytes());
    }
    match SocketAddr::new(to, 0) {
        SocketAddr::V4(to) => sendto(socket.as_raw_fd(), &request, &SockaddrIn::from(to), MsgFlags::empty())?,
        SocketAddr::V6(to) => {
            sendto(socket.as_raw_fd(), &request, &SockaddrIn6::from(to), MsgFlags::empty())?
        }
    };
    let end = Instant::now() + TRY;
    let mut buffer = [0; 256];
    while let Some(left) = end.checked_duration_since(Instant::now()).filter(|left| !left.is_zero()) {
        let patience = TimeVal::microseconds(left.as_micros().max(1) as i64);
        setsockopt(&socket, sockopt::ReceiveTimeout, &patience)?;
        let (length, from) = recvfrom::<SockaddrStorage>(socket.as_raw_fd(), &mut buffer)?;
        let packet = buffer.get(..length).unwrap_or_default();
        if from.and_then(|from| sender(&from)) == Some(to) && is_reply(packet, to, id) {
            return Ok(true);
        }
    }
    Ok(false)
}

fn sender(from: &SockaddrStorage) -> Option<IpAddr> {
    let four = from.as_sockaddr_in().map(|from| IpAddr::V4(from.ip()));
    four.or_else(|| from.as_sockaddr_in6().map(|from| IpAddr::V6(Ipv6Addr::from(from.ip().octets()))))
}

/// An IPv4 raw socket gives the IP header as well.
fn is_reply(packet: &[u8], from: IpAddr, id: [u8; 2]) -> bool {
    let (start, kind) = match from {
        IpAddr::V4(_) => (packet.first().map_or(0, |byte| usize::from(byte & 0xf) * 4), 0),
        IpAddr::V6(_) => (0, 129),
    };
    packet.get(start..start + 6).is_some_and(|reply| reply[0] == kind && reply[4..6] == id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reply_is_one_to_this_question() {
        let [four, six]: [IpAddr; 2] = ["192.0.2.1", "2001:db8::1"].map(|text| text.parse().unwrap());
        let mut packet = vec![0x46; 24];
        packet.extend([0, 0, 9, 9, 7, 8, 0, 1]);
        assert!(is_reply(&packet, four, [7, 8]));
        assert!(!is_reply(&packet, four, [7, 9]), "to another process");
        assert!(!is_reply(&packet[..28], four, [7, 8]), "cut");
        packet[24] = 8;
        assert!(!is_reply(&packet, four, [7, 8]), "a request");
        assert!(is_reply(&[129, 0, 0, 0, 7, 8, 0, 1], six, [7, 8]));
        assert!(!is_reply(&[], four, [7, 8]));
    }
}
