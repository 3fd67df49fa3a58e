//! IPv6's sockets: a packet socket that hears router advertisements, and UDP for DHCPv6. And the kernel's settings.

use std::future::poll_fn;
use std::io;
use std::net::{Ipv6Addr, SocketAddr, SocketAddrV6, UdpSocket};
use std::os::fd::AsRawFd;
use std::path::Path;
use std::task::Poll;

use nix::net::if_::if_indextoname;
use nix::sys::socket::{self, AddressFamily, MsgFlags, SockFlag, SockType, SockaddrIn6, setsockopt, sockopt};
use tokio::io::ReadBuf;

use super::place::Place;
use crate::dhcp::v6::{ALL_SERVERS, CLIENT_PORT, SERVER_PORT};
use crate::engine::six::types::{Action, Incoming};
use crate::engine::types::Refusal;
use crate::netlink::Netlink;
use crate::ra::packet::{self, ALL_ROUTERS_MAC, IPV6};
use crate::sys::PacketSocket;

/// The kernel's settings of each interface.
pub(super) const CONF: &str = "/proc/sys/net/ipv6/conf";
/// Largest packet taken: jumbo frames and a little more. Bytes.
const LARGEST: usize = 9_728;

/// Open sockets, by interface.
#[derive(Debug, Default)]
pub(super) struct Packets6 {
    routers: Vec<(u32, PacketSocket)>,
    dhcp: Vec<(u32, tokio::net::UdpSocket)>,
    buffer: Vec<u8>,
}

/// What came, before it is borrowed.
enum Came {
    Advertisement { checksum_missing: bool },
    Datagram { from: Ipv6Addr },
}

impl Packets6 {
    /// Does what IPv6 needs done.
    pub(super) fn perform(&mut self, netlink: &Netlink, action: &Action) -> Result<(), Refusal> {
        match action {
            // As it needs no socket: see `network()`.
            Action::Setting { .. } => Ok(()),
            Action::OpenRouters(index) => {
                self.routers.retain(|(other, _)| other != index);
                self.routers.push((*index, PacketSocket::open(*index, IPV6, packet::FILTER)?));
                Ok(())
            }
            Action::OpenDhcp(index) => {
                self.dhcp.retain(|(other, _)| other != index);
                self.dhcp.push((*index, tokio::net::UdpSocket::from_std(dhcp_socket(&name_of(*index)?)?)?));
                Ok(())
            }
            Action::Close(index) => {
                self.keep(|other| other != *index);
                Ok(())
            }
            Action::Solicit { index, mac, from } => {
                let (_, socket) = self.routers.iter().find(|(other, _)| other == index).ok_or_else(closed)?;
                Ok(socket.send(ALL_ROUTERS_MAC, &packet::solicitation(*mac, *from))?)
            }
            Action::Send { index, payload } => {
                let (_, socket) = self.dhcp.iter().find(|(other, _)| other == index).ok_or_else(closed)?;
                // Not tokio's: that refuses to send before it has once waited for room.
                let to = SockaddrIn6::from(servers(*index));
                socket::sendto(socket.as_raw_fd(), payload, &to, MsgFlags::empty())
                    .map_err(io::Error::from)?;
                Ok(())
            }
            Action::SetAddress { index, address, preferred, valid } => {
                netlink.set_address6(*index, *address, *preferred, *valid)
            }
        }
    }

    /// Closes those of interfaces that are no more.
    pub(super) fn keep(&mut self, is_there: impl Fn(u32) -> bool) {
        self.routers.retain(|(index, _)| is_there(*index));
        self.dhcp.retain(|(index, _)| is_there(*index));
    }

    /// Waits for something that may be for us.
    pub(super) async fn next(&mut self) -> (u32, Incoming<'_>) {
        if !self.routers.is_empty() || !self.dhcp.is_empty() {
            self.buffer.resize(LARGEST, 0);
        }
        let Self { routers, dhcp, buffer } = self;
        let (index, length, came) = poll_fn(|context| {
            for (index, socket) in routers.iter() {
                while let Poll::Ready(result) = socket.poll_receive(context, buffer) {
                    match result {
                        Ok(got) if got.tagged || got.other_host || got.length > LARGEST => {}
                        Ok(got) => {
                            let came = Came::Advertisement { checksum_missing: got.checksum_missing };
                            return Poll::Ready((*index, got.length, came));
                        }
                        // The interface went down: told once by the kernel, and seen in the links.
                        Err(error) => log::debug!("receiving on interface {index}: {error}"),
                    }
                }
            }
            for (index, socket) in dhcp.iter() {
                let mut filled = ReadBuf::new(buffer);
                while let Poll::Ready(result) = socket.poll_recv_from(context, &mut filled) {
                    match result {
                        // One that fills the buffer may have been cut.
                        Ok(SocketAddr::V6(from)) if filled.filled().len() < LARGEST => {
                            let came = Came::Datagram { from: *from.ip() };
                            return Poll::Ready((*index, filled.filled().len(), came));
                        }
                        Ok(_) => {}
                        Err(error) => log::debug!("receiving on interface {index}: {error}"),
                    }
                    filled.clear();
                }
            }
            Poll::Pending
        })
        .await;
        let bytes = &self.buffer[..length];
        match came {
            Came::Advertisement { checksum_missing } => {
                (index, Incoming::Advertisement { packet: bytes, checksum_missing })
            }
            Came::Datagram { from } => (index, Incoming::Datagram { from, payload: bytes }),
        }
    }
}

fn closed() -> io::Error {
    io::ErrorKind::NotConnected.into()
}

fn name_of(index: u32) -> io::Result<String> {
    Ok(if_indextoname(index).map_err(io::Error::from)?.to_string_lossy().into_owned())
}

/// All servers and relays of a link.
fn servers(index: u32) -> SocketAddrV6 {
    SocketAddrV6::new(ALL_SERVERS, SERVER_PORT, 0, index)
}

/// Port 546 of an interface. Answers are fetched by the kernel, which also answers for our link-local address.
fn dhcp_socket(interface: &str) -> io::Result<UdpSocket> {
    let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
    let socket = socket::socket(AddressFamily::Inet6, SockType::Datagram, flags, None)?;
    // Another client on this machine may have port 546 too.
    setsockopt(&socket, sockopt::ReuseAddr, &true)?;
    setsockopt(&socket, sockopt::Ipv6V6Only, &true)?;
    setsockopt(&socket, sockopt::BindToDevice, &interface.into())?;
    let any = SockaddrIn6::from(SocketAddrV6::new(Ipv6Addr::UNSPECIFIED, CLIENT_PORT, 0, 0));
    socket::bind(socket.as_raw_fd(), &any)?;
    Ok(UdpSocket::from(socket))
}

/// Sends one message to all servers of a link.
pub(super) fn send_once(interface: &str, payload: &[u8]) -> io::Result<UdpSocket> {
    let index = nix::net::if_::if_nametoindex(interface)?;
    let socket = dhcp_socket(interface)?;
    socket.send_to(payload, servers(index))?;
    Ok(socket)
}

/// Writes a setting of the kernel.
pub(super) fn set(conf: &Place, index: u32, name: &str, value: u32) -> io::Result<()> {
    conf.write(Path::new(&name_of(index)?).join(name), &value.to_string())
}
