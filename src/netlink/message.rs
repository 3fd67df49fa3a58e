//! Messages that change links, as bytes. (pure)
//!
//! What is sent has few attributes, and all of them are here: rtnetlink's own messages know several hundred, which would be a
//! thirtieth of the program.

use super::attributes::put;
use super::links::{
    IFLA_ADDRESS, IFLA_IFNAME, IFLA_INFO_DATA, IFLA_INFO_KIND, IFLA_LINK, IFLA_LINKINFO, IFLA_MASTER,
    IFLA_MTU,
};
use super::socket::Request;
use crate::mac::Mac;

/// `struct ifinfomsg`: family, type, index, flags, which flags.
const HEADER: usize = 16;
const IFF_UP: u32 = 1;

/// A message about one link.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct LinkMessage(Vec<u8>);

impl LinkMessage {
    /// Of the link with this index; 0: one that is to be made.
    pub(crate) fn of(index: u32) -> Self {
        let mut body = vec![0; HEADER];
        body[4..8].copy_from_slice(&index.to_ne_bytes());
        Self(body)
    }

    /// Sets it up or down.
    pub(crate) fn up(mut self, up: bool) -> Self {
        let flags = if up { IFF_UP } else { 0 };
        self.0[8..12].copy_from_slice(&flags.to_ne_bytes());
        self.0[12..16].copy_from_slice(&IFF_UP.to_ne_bytes());
        self
    }

    fn with(mut self, kind: u16, value: &[u8]) -> Self {
        put(&mut self.0, kind, value);
        self
    }

    /// What it is called.
    pub(crate) fn name(self, name: &str) -> Self {
        self.with(IFLA_IFNAME, &[name.as_bytes(), &[0]].concat())
    }

    /// Of which bond or bridge it is a port; 0: of none.
    pub(crate) fn controller(self, index: u32) -> Self {
        self.with(IFLA_MASTER, &index.to_ne_bytes())
    }

    /// On which link it stands.
    pub(crate) fn link(self, index: u32) -> Self {
        self.with(IFLA_LINK, &index.to_ne_bytes())
    }

    /// Its address and its MTU, where they are to be others.
    pub(crate) fn shaped(self, mac: Option<Mac>, mtu: Option<u32>) -> Self {
        let message = if let Some(mac) = mac { self.with(IFLA_ADDRESS, &mac.0) } else { self };
        if let Some(mtu) = mtu { message.with(IFLA_MTU, &mtu.to_ne_bytes()) } else { message }
    }

    /// What kind of link it is, and the attributes of that kind.
    pub(crate) fn kind(self, kind: &str, data: &[u8]) -> Self {
        let mut info = Vec::new();
        put(&mut info, IFLA_INFO_KIND, kind.as_bytes());
        if !data.is_empty() {
            put(&mut info, IFLA_INFO_DATA, data);
        }
        self.with(IFLA_LINKINFO, &info)
    }

    /// The message without its netlink header.
    pub(crate) fn body(self) -> Vec<u8> {
        self.0
    }

    /// With what is to be done. `kind`: `RTM_*`; `flags`: `NLM_F_*`.
    pub(super) fn request(self, kind: u16, flags: u16) -> Request {
        Request::raw(kind, flags, self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_of_each() {
        let attributes = |message: LinkMessage| message.body()[HEADER..].to_vec();
        let down = LinkMessage::of(0x0102).up(false).body();
        assert_eq!(down[..4], [0; 4]);
        assert_eq!(down[4..8], 0x0102_u32.to_ne_bytes());
        assert_eq!((&down[8..12], &down[12..]), (&[0; 4][..], &1_u32.to_ne_bytes()[..]));
        assert_eq!(LinkMessage::of(1).up(true).body()[8..12], 1_u32.to_ne_bytes());
        assert_eq!(attributes(LinkMessage::of(1).name("eth0")), *b"\x09\0\x03\0eth0\0\0\0\0");
        assert_eq!(attributes(LinkMessage::of(1).controller(7)), [8, 0, 10, 0, 7, 0, 0, 0]);
        let shaped = LinkMessage::of(1).shaped(Some(Mac([2, 0, 0, 0, 0, 9])), Some(1_500));
        assert_eq!(attributes(shaped), [10, 0, 1, 0, 2, 0, 0, 0, 0, 9, 0, 0, 8, 0, 4, 0, 0xdc, 5, 0, 0]);
        assert_eq!(attributes(LinkMessage::of(1).shaped(None, None)), [0; 0]);
        let bond = LinkMessage::of(0).kind("bond", &[5, 0, 1, 0, 4, 0, 0, 0]);
        assert_eq!(attributes(bond), *b"\x18\0\x12\0\x08\0\x01\0bond\x0c\0\x02\0\x05\0\x01\0\x04\0\0\0");
        assert_eq!(
            attributes(LinkMessage::of(0).kind("bridge", &[])),
            *b"\x10\0\x12\0\x0a\0\x01\0bridge\0\0"
        );
    }
}
