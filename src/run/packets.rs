//! The DHCP client's sockets: one packet socket for each interface, and UDP for what goes to the server alone.

use std::future::poll_fn;
use std::io;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::task::Poll;

use nix::sys::socket::{setsockopt, sockopt};
use std::net::UdpSocket;

use crate::dhcp::v4::frame::{self, CLIENT_PORT, SERVER_PORT};
use crate::mac::Mac;
use crate::sys::PacketSocket;

/// EtherType of IPv4.
const IPV4: u16 = 0x0800;
/// Largest packet taken: jumbo frames and a little more. Bytes.
const LARGEST: usize = 9_728;

/// Open sockets, by interface.
#[derive(Debug)]
pub(super) struct Packets {
    sockets: Vec<(u32, PacketSocket)>,
    /// What the last unicast was sent from: as long as it is open, the kernel does not tell the server that nobody
    /// listens on port 68. The answer itself comes by the packet socket.
    unicast: Vec<(u32, UdpSocket)>,
    buffer: Vec<u8>,
}

impl Default for Packets {
    fn default() -> Self {
        Self { sockets: Vec::new(), unicast: Vec::new(), buffer: vec![0; LARGEST] }
    }
}

impl Packets {
    /// Opens a socket on an interface, in place of an older one.
    pub(super) fn open(&mut self, index: u32) -> io::Result<()> {
        self.close(index);
        self.sockets.push((index, PacketSocket::open(index, IPV4, frame::FILTER)?));
        Ok(())
    }

    /// Closes the interface's socket.
    pub(super) fn close(&mut self, index: u32) {
        self.sockets.retain(|(other, _)| *other != index);
        self.unicast.retain(|(other, _)| *other != index);
    }

    /// Closes those of interfaces that are no more.
    pub(super) fn keep(&mut self, is_there: impl Fn(u32) -> bool) {
        self.sockets.retain(|(index, _)| is_there(*index));
        self.unicast.retain(|(index, _)| is_there(*index));
    }

    /// Sends a message from 0.0.0.0 to everybody.
    pub(super) fn broadcast(&self, index: u32, payload: &[u8]) -> io::Result<()> {
        let (_, socket) =
            self.sockets.iter().find(|(other, _)| *other == index).ok_or(io::ErrorKind::NotConnected)?;
        let packet = frame::encode(Ipv4Addr::UNSPECIFIED, Ipv4Addr::BROADCAST, payload)
            .ok_or(io::ErrorKind::InvalidInput)?;
        socket.send(Mac([0xff; 6]), &packet)
    }

    /// Sends a message from the leased address to the server.
    pub(super) fn unicast(
        &mut self,
        index: u32,
        interface: &str,
        from: Ipv4Addr,
        to: Ipv4Addr,
        payload: &[u8],
    ) -> io::Result<()> {
        self.unicast.retain(|(other, _)| *other != index);
        self.unicast.push((index, unicast(interface, from, to, payload)?));
        Ok(())
    }

    /// Waits for a message: the interface and the UDP payload. What is not for us is dropped here.
    pub(super) async fn next(&mut self) -> (u32, &[u8]) {
        let (sockets, buffer) = (&self.sockets, &mut self.buffer);
        let (index, length, checksum_missing) = poll_fn(|context| {
            for (index, socket) in sockets {
                while let Poll::Ready(result) = socket.poll_receive(context, buffer) {
                    match result {
                        Ok(got) if got.tagged || got.other_host || got.length > LARGEST => {}
                        Ok(got) => {
                            if frame::decode(&buffer[..got.length], got.checksum_missing).is_ok() {
                                return Poll::Ready((*index, got.length, got.checksum_missing));
                            }
                        }
                        // The interface went down: told once by the kernel, and seen in the links.
                        Err(error) => log::debug!("receiving on interface {index}: {error}"),
                    }
                }
            }
            Poll::Pending
        })
        .await;
        let packet = &self.buffer[..length];
        (index, frame::decode(packet, checksum_missing).map_or(&[][..], |datagram| datagram.payload))
    }
}

/// Sends a message from the leased address to the server, by the kernel's own routes and ARP.
pub(super) fn unicast(
    interface: &str,
    from: Ipv4Addr,
    to: Ipv4Addr,
    payload: &[u8],
) -> io::Result<UdpSocket> {
    // Another client on this machine may have port 68 too.
    let socket = nix::sys::socket::socket(
        nix::sys::socket::AddressFamily::Inet,
        nix::sys::socket::SockType::Datagram,
        nix::sys::socket::SockFlag::SOCK_CLOEXEC | nix::sys::socket::SockFlag::SOCK_NONBLOCK,
        None,
    )?;
    setsockopt(&socket, sockopt::ReuseAddr, &true)?;
    setsockopt(&socket, sockopt::BindToDevice, &interface.into())?;
    let address = nix::sys::socket::SockaddrIn::from(SocketAddrV4::new(from, CLIENT_PORT));
    nix::sys::socket::bind(std::os::fd::AsRawFd::as_raw_fd(&socket), &address)?;
    let socket = UdpSocket::from(socket);
    socket.send_to(payload, (to, SERVER_PORT))?;
    Ok(socket)
}
