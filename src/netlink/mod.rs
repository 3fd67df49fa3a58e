//! The only door to rtnetlink: links, bonds, addresses, routes. What goes in and comes out is the engine's.

mod addresses;
mod bonds;
mod change;
pub mod hints;
mod links;

use std::io;

use rtnetlink::Handle;
use rtnetlink::packet_core::ErrorMessage;
use rtnetlink::sys::{AsyncSocket, TokioSocket, protocols::NETLINK_ROUTE};

use crate::engine::types::Refusal;
use crate::escape;

/// A connection for requests.
#[derive(Clone, Debug)]
pub struct Netlink {
    handle: Handle,
}

impl Netlink {
    /// Opens it. Must be called within a tokio runtime: the connection is a task of its own.
    ///
    /// # Errors
    /// Where the kernel gives no netlink socket.
    pub fn open() -> io::Result<Self> {
        let socket = TokioSocket::new(NETLINK_ROUTE)?;
        // Error text in the kernel's own words; kernels before 4.12 do not know these, and do without.
        let _ = socket.socket_ref().set_ext_ack(true);
        let _ = socket.socket_ref().set_cap_ack(true);
        let (connection, handle, _unsolicited) = rtnetlink::from_socket(socket);
        tokio::spawn(connection);
        Ok(Self { handle })
    }
}

/// The C library's words for an error number. nix calls 95 by its socket name only.
pub fn words_of(errno: i32) -> &'static str {
    match nix::Error::from_raw(errno) {
        nix::Error::EOPNOTSUPP => "Operation not supported",
        other => other.desc(),
    }
}

impl From<rtnetlink::Error> for Refusal {
    fn from(error: rtnetlink::Error) -> Self {
        match error {
            rtnetlink::Error::NetlinkError(message) => {
                let errno = message.raw_code().abs();
                let number = words_of(errno);
                let text =
                    extended(&message).map_or(number.to_owned(), |words| format!("{words} ({number})"));
                Self { errno, text }
            }
            // Not by its Display: that would bring the Debug of every netlink message into the binary.
            rtnetlink::Error::RequestFailed => {
                Self { errno: 0, text: "the netlink connection has ended".into() }
            }
            _ => Self { errno: 0, text: "the kernel's answer could not be understood".into() },
        }
    }
}

/// The kernel's own words: `NLMSGERR_ATTR_MSG` (1) behind the request's header, which `NETLINK_CAP_ACK` has cut
/// to 16 bytes.
fn extended(message: &ErrorMessage) -> Option<String> {
    const HEADER: usize = 16;
    const ATTR_MSG: u16 = 1;
    let mut rest = message.header.get(HEADER..)?;
    while let [l0, l1, t0, t1, ..] = *rest {
        let length = usize::from(u16::from_ne_bytes([l0, l1]));
        let value = rest.get(4..length)?;
        // The two highest bits of the type are flags (NLA_F_NESTED, NLA_F_NET_BYTEORDER).
        if u16::from_ne_bytes([t0, t1]) & 0x3fff == ATTR_MSG {
            let text = value.strip_suffix(&[0]).unwrap_or(value);
            return Some(escape::bytes(text));
        }
        rest = rest.get(length.div_ceil(4) * 4..)?;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_words_are_found_behind_the_header() {
        let mut message = ErrorMessage::default();
        message.header = vec![0; 16];
        assert_eq!(extended(&message), None);
        // NLMSGERR_ATTR_OFFS (2), then the text.
        message.header.extend([8, 0, 2, 0, 1, 0, 0, 0, 10, 0, 1, 0, b'h', b'e', b'l', b'l', 27, 0, 0, 0]);
        assert_eq!(extended(&message).as_deref(), Some("hell\\x1b"));
        message.header.truncate(30);
        assert_eq!(extended(&message), None, "cut in the middle of the text");
    }
}
