//! The sockets that hear who claims an address: open only while one is probed for, and only for that address.

use std::future::poll_fn;
use std::io;
use std::net::Ipv4Addr;
use std::task::Poll;

use crate::dhcp::v4::probe::{self, ARP};
use crate::mac::Mac;
use crate::sys::PacketSocket;

/// ARP for IPv4 over Ethernet; what is behind it is padding. Bytes.
const PACKET: usize = 28;

/// Open sockets, by interface.
#[derive(Debug, Default)]
pub(super) struct Arp {
    sockets: Vec<(u32, PacketSocket)>,
}

impl Arp {
    /// Opens a socket on an interface, in place of an older one.
    pub(super) fn open(&mut self, index: u32, address: Ipv4Addr) -> io::Result<()> {
        self.close(index);
        self.sockets.push((index, PacketSocket::open(index, ARP, &probe::filter(address))?));
        Ok(())
    }

    /// Closes the interface's socket.
    pub(super) fn close(&mut self, index: u32) {
        self.sockets.retain(|(other, _)| *other != index);
    }

    /// Closes those of interfaces that are no more.
    pub(super) fn keep(&mut self, is_there: impl Fn(u32) -> bool) {
        self.sockets.retain(|(index, _)| is_there(*index));
    }

    /// Asks everybody on the link.
    pub(super) fn probe(&self, index: u32, mac: Mac, address: Ipv4Addr) -> io::Result<()> {
        let socket = self.sockets.iter().find(|(other, _)| *other == index);
        let (_, socket) = socket.ok_or(io::ErrorKind::NotConnected)?;
        socket.send(Mac([0xff; 6]), &probe::packet(mac, address))
    }

    /// Waits for a packet: the interface, and what it says. May be dropped at any point.
    pub(super) async fn next(&self) -> (u32, [u8; PACKET]) {
        let mut packet = [0; PACKET];
        let index = poll_fn(|context| {
            for (index, socket) in &self.sockets {
                while let Poll::Ready(result) = socket.poll_receive(context, &mut packet) {
                    match result {
                        // What is tagged is of a VLAN's link: where there is none here, the kernel has taken the tag off, and
                        // gives it to nobody.
                        Ok(got) if got.tagged || got.other_host || got.length < PACKET => {}
                        Ok(_) => return Poll::Ready(*index),
                        // The interface went down: told once by the kernel, and seen in the links.
                        Err(error) => log::debug!("receiving ARP on interface {index}: {error}"),
                    }
                }
            }
            Poll::Pending
        })
        .await;
        (index, packet)
    }
}
