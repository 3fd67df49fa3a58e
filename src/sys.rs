//! All that is `unsafe` here: packet sockets, the ethtool ioctl, fork, a prctl, and tokio's registration of descriptors.
//! Everything else goes through safe crates.

use std::io;
use std::mem::{size_of, zeroed};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::task::{Context, Poll};

use nix::time::{ClockId, clock_gettime};
use tokio::io::unix::AsyncFd;

use crate::clock::Millis;
use crate::mac::Mac;

/// Milliseconds of `CLOCK_BOOTTIME`.
pub fn boottime() -> Millis {
    let time = clock_gettime(ClockId::CLOCK_BOOTTIME).unwrap_or(nix::sys::time::TimeSpec::new(0, 0));
    let millis = time.tv_sec().saturating_mul(1_000).saturating_add(time.tv_nsec() / 1_000_000);
    Millis::try_from(millis).unwrap_or(0)
}

/// Makes a descriptor known to the runtime.
///
/// # Errors
/// Where epoll does not take it.
pub fn register(fd: OwnedFd) -> io::Result<AsyncFd<OwnedFd>> {
    // SAFETY: an OwnedFd is open, owned by the AsyncFd from here on, and always gives the same descriptor.
    unsafe { AsyncFd::register(fd) }.map_err(|error| error.into_parts().1)
}

/// A packet socket on one interface, from the network header up (`SOCK_DGRAM`).
#[derive(Debug)]
pub struct PacketSocket {
    fd: AsyncFd<OwnedFd>,
    index: i32,
    protocol: u16,
}

/// One packet that came in.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Received {
    /// Bytes that it had; more than the buffer: it was cut.
    pub length: usize,
    /// A local sender left the checksum to hardware that is not there (`TP_STATUS_CSUMNOTREADY`).
    pub checksum_missing: bool,
    /// Tagged for a VLAN: not ours.
    pub tagged: bool,
    /// Sent to another host's address (`PACKET_OTHERHOST`).
    pub other_host: bool,
    /// It is on its way out (`PACKET_OUTGOING`).
    pub outgoing: bool,
    /// EtherType.
    pub protocol: u16,
}

impl PacketSocket {
    /// Opens one for `protocol` (an EtherType) on the interface with `index`, with a classic BPF `filter` of
    /// `(code, jt, jf, k)`.
    ///
    /// # Errors
    /// The kernel's, of any of the steps; `InvalidInput` where index or filter are too large.
    pub fn open(index: u32, protocol: u16, filter: &[(u16, u8, u8, u32)]) -> io::Result<Self> {
        let (fd, index) = open_packet(index, protocol, filter, &[], None)?;
        Ok(Self { fd: register(fd)?, index, protocol })
    }

    /// Takes a packet into `buffer`, or arranges to be woken when there is one.
    ///
    /// # Errors
    /// The kernel's (`ENETDOWN` where the interface went down).
    pub fn poll_receive(&self, context: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<Received>> {
        loop {
            let mut ready = std::task::ready!(self.fd.poll_read_ready(context))?;
            if let Ok(result) = ready.try_io(|fd| receive(fd.get_ref(), buffer)) {
                return Poll::Ready(result);
            }
        }
    }

    /// Sends `payload` (from the network header up) to the Ethernet address `to`.
    ///
    /// # Errors
    /// The kernel's; `ENOBUFS` while a bond has no port to send on.
    pub fn send(&self, to: Mac, payload: &[u8]) -> io::Result<()> {
        send_to(self.fd.get_ref(), &link_address(self.index, self.protocol, to), payload)
    }
}

/// A packet socket that only listens, and wakes nobody: what is queued is taken when somebody looks.
#[derive(Debug)]
pub struct Ear(OwnedFd);

impl Ear {
    /// Opens one for `protocol` (an EtherType, or `ETH_P_ALL`) on the interface with `index`. `groups`: multicast
    /// addresses that the NIC is to let in. `room`: bytes that the kernel keeps for it, what it needs around the frames
    /// included; what comes in beyond that is dropped there.
    ///
    /// # Errors
    /// The kernel's, of any of the steps; `InvalidInput` where index or filter are too large.
    pub fn open(
        index: u32,
        protocol: u16,
        filter: &[(u16, u8, u8, u32)],
        groups: &[Mac],
        room: i32,
    ) -> io::Result<Self> {
        Ok(Self(open_packet(index, protocol, filter, groups, Some(room))?.0))
    }

    /// Takes one frame, from the network header up.
    ///
    /// # Errors
    /// The kernel's; `WouldBlock` where nothing is queued.
    pub fn take(&self, buffer: &mut [u8]) -> io::Result<Received> {
        receive(&self.0, buffer)
    }
}

/// A packet socket from the network header up, and its index. The order matters: filter and flags first, bind last, so
/// that nothing of another interface is ever queued.
fn open_packet(
    index: u32,
    protocol: u16,
    filter: &[(u16, u8, u8, u32)],
    groups: &[Mac],
    room: Option<i32>,
) -> io::Result<(OwnedFd, i32)> {
    let too_large = |_| io::Error::from(io::ErrorKind::InvalidInput);
    let index = i32::try_from(index).map_err(too_large)?;
    // Protocol 0 until it is bound: it receives nothing.
    // SAFETY: takes no pointers.
    let raw = check(unsafe {
        libc::socket(libc::AF_PACKET, libc::SOCK_DGRAM | libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC, 0)
    })?;
    // SAFETY: `raw` was just given to us, and to nobody else.
    let fd = unsafe { OwnedFd::from_raw_fd(raw) };
    let mut program: Vec<libc::sock_filter> =
        filter.iter().map(|&(code, jt, jf, k)| libc::sock_filter { code, jt, jf, k }).collect();
    if !program.is_empty() {
        let length = u16::try_from(program.len()).map_err(too_large)?;
        let attach = libc::sock_fprog { len: length, filter: program.as_mut_ptr() };
        set_option(&fd, libc::SOL_SOCKET, libc::SO_ATTACH_FILTER, &attach)?;
    }
    set_option(&fd, libc::SOL_PACKET, libc::PACKET_AUXDATA, &1_i32)?;
    if let Some(room) = room {
        set_option(&fd, libc::SOL_SOCKET, libc::SO_RCVBUF, &room)?;
    }
    for group in groups {
        let mut mr_address = [0; 8];
        mr_address[..6].copy_from_slice(&group.0);
        let request = libc::packet_mreq {
            mr_ifindex: index,
            mr_type: libc::PACKET_MR_MULTICAST as u16,
            mr_alen: 6,
            mr_address,
        };
        set_option(&fd, libc::SOL_PACKET, libc::PACKET_ADD_MEMBERSHIP, &request)?;
    }
    let address = link_address(index, protocol, Mac::ZERO);
    // SAFETY: `address` is a whole sockaddr_ll, and the length says so.
    check(unsafe { libc::bind(fd.as_raw_fd(), (&raw const address).cast(), size_of_u32(&address)) })?;
    Ok((fd, index))
}

fn link_address(index: i32, protocol: u16, mac: Mac) -> libc::sockaddr_ll {
    // SAFETY: sockaddr_ll is plain integers; all zero is a value of it.
    let mut address: libc::sockaddr_ll = unsafe { zeroed() };
    address.sll_family = libc::AF_PACKET as u16;
    address.sll_protocol = protocol.to_be();
    address.sll_ifindex = index;
    address.sll_halen = 6;
    address.sll_addr[..6].copy_from_slice(&mac.0);
    address
}

fn receive(fd: &OwnedFd, buffer: &mut [u8]) -> io::Result<Received> {
    /// Room for one tpacket_auxdata with its header; u64 for the alignment that cmsghdr wants.
    type Control = [u64; 16];
    // SAFETY: plain integers all; zero is a value of each.
    let (mut from, mut control): (libc::sockaddr_ll, Control) = unsafe { (zeroed(), zeroed()) };
    let mut part = libc::iovec { iov_base: buffer.as_mut_ptr().cast(), iov_len: buffer.len() };
    // SAFETY: plain integers and pointers; null is a value of each.
    let mut message: libc::msghdr = unsafe { zeroed() };
    message.msg_name = (&raw mut from).cast();
    message.msg_namelen = size_of_u32(&from);
    message.msg_iov = &raw mut part;
    message.msg_iovlen = 1;
    message.msg_control = control.as_mut_ptr().cast();
    message.msg_controllen = size_of::<Control>() as _;
    // SAFETY: every pointer in `message` is to a local or to `buffer`, with its true length.
    let length = unsafe { libc::recvmsg(fd.as_raw_fd(), &raw mut message, libc::MSG_TRUNC) };
    let length = usize::try_from(length).map_err(|_| io::Error::last_os_error())?;
    let mut received = Received {
        length,
        checksum_missing: false,
        tagged: false,
        other_host: from.sll_pkttype == libc::PACKET_OTHERHOST,
        outgoing: from.sll_pkttype == libc::PACKET_OUTGOING,
        protocol: u16::from_be(from.sll_protocol),
    };
    // SAFETY: `message` is as recvmsg filled it; the CMSG functions stay within msg_controllen.
    let mut header = unsafe { libc::CMSG_FIRSTHDR(&raw const message) };
    while !header.is_null() {
        // SAFETY: not null, so it points to a whole header within `control`.
        let (level, kind) = unsafe { ((*header).cmsg_level, (*header).cmsg_type) };
        if level == libc::SOL_PACKET && kind == libc::PACKET_AUXDATA {
            // SAFETY: the kernel put a whole tpacket_auxdata there; it may not be aligned for it.
            let data = unsafe { libc::CMSG_DATA(header).cast::<libc::tpacket_auxdata>().read_unaligned() };
            received.checksum_missing = data.tp_status & libc::TP_STATUS_CSUMNOTREADY != 0;
            // VID 0 is a priority tag: the frame is of the untagged network.
            received.tagged =
                data.tp_status & libc::TP_STATUS_VLAN_VALID != 0 && data.tp_vlan_tci & 0x0fff != 0;
        }
        // SAFETY: as for CMSG_FIRSTHDR.
        header = unsafe { libc::CMSG_NXTHDR(&raw const message, header) };
    }
    Ok(received)
}

/// The permanent address by ethtool: kernels before 5.6 have no IFLA_PERM_ADDRESS.
pub fn permanent_mac(name: &str) -> Option<Mac> {
    /// `struct ethtool_perm_addr` with room for 32 bytes (MAX_ADDR_LEN).
    #[repr(C)]
    struct PermAddr {
        cmd: u32,
        size: u32,
        data: [u8; 32],
    }
    const ETHTOOL_GPERMADDR: u32 = 0x20;
    const SIOCETHTOOL: u32 = 0x8946;
    let socket = std::net::UdpSocket::bind((std::net::Ipv4Addr::UNSPECIFIED, 0)).ok()?;
    let mut request = PermAddr { cmd: ETHTOOL_GPERMADDR, size: 32, data: [0; 32] };
    // SAFETY: ifreq is plain integers and unions of such; zero is a value of it.
    let mut interface: libc::ifreq = unsafe { zeroed() };
    if name.len() >= interface.ifr_name.len() {
        return None;
    }
    for (to, from) in interface.ifr_name.iter_mut().zip(name.bytes()) {
        *to = from as libc::c_char;
    }
    interface.ifr_ifru.ifru_data = (&raw mut request).cast();
    // SAFETY: the name ends in zero, and `request` has room for the 32 bytes that it announces.
    check(unsafe { libc::ioctl(socket.as_raw_fd(), SIOCETHTOOL as _, &raw mut interface) }).ok()?;
    let length = usize::try_from(request.size).ok()?;
    Mac::from_bytes(request.data.get(..length)?).filter(|mac| !mac.is_zero())
}

/// Bytes that a UDP socket has taken and not yet sent: they wait for ARP.
pub fn unsent(socket: &std::net::UdpSocket) -> io::Result<usize> {
    let mut bytes: libc::c_int = 0;
    // SAFETY: TIOCOUTQ writes one int to where the pointer says.
    check(unsafe { libc::ioctl(socket.as_raw_fd(), libc::TIOCOUTQ, &raw mut bytes) })?;
    Ok(usize::try_from(bytes).unwrap_or(0))
}

/// A process of its own that does `work` and ends: what it gives is the exit code. Gives its process id.
///
/// To be called while this process has one thread: of others the new one would have the locks and not the threads.
///
/// # Errors
/// The kernel's.
pub fn fork(work: impl FnOnce() -> i32) -> io::Result<nix::unistd::Pid> {
    // SAFETY: with one thread all of memory is in a sound state, so the child may do whatever this process may.
    match unsafe { nix::unistd::fork() }? {
        nix::unistd::ForkResult::Parent { child } => Ok(child),
        nix::unistd::ForkResult::Child => std::process::exit(work()),
    }
}

/// Memory for this process is found without writing to a disk first (`PR_SET_IO_FLUSHER`), or as ever again. For children
/// that are forked later, too.
///
/// # Errors
/// The kernel's: it is too old, or CAP_SYS_RESOURCE is missing.
pub fn flush_no_io(on: bool) -> io::Result<()> {
    const PR_SET_IO_FLUSHER: libc::c_int = 57;
    // SAFETY: takes no pointers; the arguments that it does not use have to be zero.
    check(unsafe { libc::prctl(PR_SET_IO_FLUSHER, libc::c_ulong::from(on), 0_u64, 0_u64, 0_u64) })?;
    Ok(())
}

/// Sends one frame without a runtime: `payload` (from the network header up) to the Ethernet address `to`.
///
/// # Errors
/// The kernel's.
pub fn send_frame(index: u32, protocol: u16, to: Mac, payload: &[u8]) -> io::Result<()> {
    let index = i32::try_from(index).map_err(|_| io::Error::from(io::ErrorKind::InvalidInput))?;
    // SAFETY: takes no pointers.
    let raw = check(unsafe { libc::socket(libc::AF_PACKET, libc::SOCK_DGRAM | libc::SOCK_CLOEXEC, 0) })?;
    // SAFETY: `raw` was just given to us, and to nobody else.
    let fd = unsafe { OwnedFd::from_raw_fd(raw) };
    send_to(&fd, &link_address(index, protocol, to), payload)
}

fn send_to(fd: &OwnedFd, address: &libc::sockaddr_ll, payload: &[u8]) -> io::Result<()> {
    // SAFETY: `payload` and `address` live through the call, each with its true length.
    let sent = unsafe {
        libc::sendto(
            fd.as_raw_fd(),
            payload.as_ptr().cast(),
            payload.len(),
            0,
            (&raw const *address).cast(),
            size_of_u32(address),
        )
    };
    if sent < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

fn set_option<T>(fd: &OwnedFd, level: i32, name: i32, value: &T) -> io::Result<()> {
    // SAFETY: `value` lives through the call, and the length is its own.
    check(unsafe {
        libc::setsockopt(fd.as_raw_fd(), level, name, (&raw const *value).cast(), size_of_u32(value))
    })?;
    Ok(())
}

fn size_of_u32<T>(_: &T) -> u32 {
    size_of::<T>() as u32
}

fn check(result: i32) -> io::Result<i32> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ethtool_tells_the_address_that_is_burnt_in() {
        assert_eq!(permanent_mac("lo"), None, "it has none");
        assert_eq!(permanent_mac("nobody-has-this"), None);
        assert_eq!(permanent_mac("longer-than-any-name-is"), None);
        // addr_assign_type 0: the address is still the one that the device came with (NET_ADDR_PERM).
        let text = |name: &str, file: &str| std::fs::read_to_string(format!("/sys/class/net/{name}/{file}"));
        for entry in std::fs::read_dir("/sys/class/net").unwrap().flatten() {
            let name = entry.file_name().into_string().unwrap();
            let Ok(address) = text(&name, "address") else { continue };
            let own = address.trim().parse::<Mac>().ok().filter(|mac| !mac.is_zero());
            if text(&name, "addr_assign_type").is_ok_and(|kind| kind.trim() == "0") {
                assert_eq!(permanent_mac(&name), own, "{name}");
            }
        }
    }
}
