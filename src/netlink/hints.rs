//! "Something has changed": events say when to look, never what is there. Links, addresses and routes are then read as a
//! whole, so an event that is lost (the socket overruns) or late does no harm.

use std::future::poll_fn;
use std::io;

use rtnetlink::sys::{
    AsyncSocket, SocketAddr, TokioSocket,
    protocols::{NETLINK_KOBJECT_UEVENT, NETLINK_ROUTE},
};

/// `RTMGRP_LINK`, `RTMGRP_IPV4_IFADDR`, `RTMGRP_IPV4_ROUTE`, `RTMGRP_IPV6_IFADDR`.
const GROUPS: u32 = 0x1 | 0x10 | 0x40 | 0x100;
/// udevd sends what it has finished with to this group (`UDEV_MONITOR_UDEV`).
const UDEV_GROUP: u32 = 2;
/// Events come in bursts: so many are taken before the links are read.
const BURST: usize = 64;

/// Sockets that wake up when links, addresses or routes change or udev has finished with one.
#[expect(missing_debug_implementations, reason = "the sockets have none")]
pub struct Hints {
    links: TokioSocket,
    udev: Option<TokioSocket>,
}

impl Hints {
    /// Subscribes. To be done before the links are read for the first time.
    ///
    /// # Errors
    /// Where the kernel gives no netlink socket; udev's is done without where it can't be had.
    pub fn open() -> io::Result<Self> {
        let open = |protocol, groups| {
            let mut socket = TokioSocket::new(protocol)?;
            socket.socket_mut().bind(&SocketAddr::new(0, groups))?;
            Ok::<_, io::Error>(socket)
        };
        Ok(Self { links: open(NETLINK_ROUTE, GROUPS)?, udev: open(NETLINK_KOBJECT_UEVENT, UDEV_GROUP).ok() })
    }

    /// Returns when something has changed; takes in what else is queued.
    pub async fn changed(&mut self) {
        let udev = self.udev.as_mut();
        tokio::select! {
            () = burst(&mut self.links) => {}
            () = async { match udev { Some(socket) => burst(socket).await, None => std::future::pending().await } } => {}
        }
    }
}

/// Waits for one datagram, then takes those that are there. Contents and errors (ENOBUFS: some were lost) mean the
/// same: look.
async fn burst(socket: &mut TokioSocket) {
    // One byte is enough: the rest of a datagram is cut off by the kernel.
    let mut byte = [0_u8; 1];
    let mut count = 0;
    poll_fn(|context| {
        loop {
            let mut buffer = &mut byte[..];
            match socket.poll_recv(context, &mut buffer) {
                std::task::Poll::Pending if count == 0 => return std::task::Poll::Pending,
                std::task::Poll::Pending => return std::task::Poll::Ready(()),
                std::task::Poll::Ready(_) => count += 1,
            }
            if count >= BURST {
                return std::task::Poll::Ready(());
            }
        }
    })
    .await;
}
