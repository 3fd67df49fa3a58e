//! What the kernel knows of routers, from its table of neighbours (ARP, neighbour discovery).

use std::net::IpAddr;

use super::attributes::{self, of};
use super::{Netlink, RTM_GETNEIGH};
use crate::engine::types::Refusal;
use crate::trouble::Router;

/// `struct ndmsg`.
const NDMSG: usize = 12;
const NDA_DST: u16 = 1;
/// REACHABLE, PERMANENT.
const NUD_REACHABLE: u16 = 0x02 | 0x80;
/// STALE, DELAY, PROBE: it has answered at some time, and nothing speaks against it.
const NUD_STALE: u16 = 0x04 | 0x08 | 0x10;
const NUD_FAILED: u16 = 0x20;

impl Netlink {
    /// How the kernel knows these, each an address on the interface with that index. What it has no entry for is left out.
    ///
    /// # Errors
    /// What the kernel said.
    pub fn routers(&self, wanted: &[(u32, IpAddr)]) -> Result<Vec<(u32, IpAddr, Router)>, Refusal> {
        if wanted.is_empty() {
            return Ok(Vec::new());
        }
        let messages = self.requests.dump(RTM_GETNEIGH, &[0; NDMSG])?;
        let all = messages.iter().filter_map(|message| neighbour(message));
        Ok(all.filter(|(index, address, _)| wanted.contains(&(*index, *address))).collect())
    }
}

fn neighbour(message: &[u8]) -> Option<(u32, IpAddr, Router)> {
    let [_, _, _, _, i0, i1, i2, i3, s0, s1, _, _] = *message.first_chunk::<NDMSG>()?;
    let state = u16::from_ne_bytes([s0, s1]);
    let seen = match () {
        () if state & NUD_REACHABLE != 0 => Router::Reachable,
        () if state & NUD_STALE != 0 => Router::Stale,
        () if state & NUD_FAILED != 0 => Router::Silent,
        // Being asked for the first time (INCOMPLETE).
        () => Router::Unknown,
    };
    let (_, address) = of(&message[NDMSG..]).find(|(kind, _)| *kind == NDA_DST)?;
    Some((u32::from_ne_bytes([i0, i1, i2, i3]), attributes::address(address)?, seen))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states() {
        let entry = |state: u16| {
            let index = 7_u32.to_ne_bytes();
            let head = [&[2, 0, 0, 0][..], &index, &state.to_ne_bytes(), &[0, 1]].concat();
            let attribute = [&8_u16.to_ne_bytes()[..], &1_u16.to_ne_bytes(), &[192, 0, 2, 1]].concat();
            neighbour(&[head, attribute].concat())
        };
        let router: IpAddr = [192, 0, 2, 1].into();
        for (state, expected) in [
            (0x01, Router::Unknown),
            (0x02, Router::Reachable),
            (0x04, Router::Stale),
            (0x08, Router::Stale),
            (0x10, Router::Stale),
            (0x80, Router::Reachable),
            (0x20, Router::Silent),
        ] {
            assert_eq!(entry(state), Some((7, router, expected)), "{state:#x}");
        }
        assert_eq!(neighbour(&[0; 11]), None);
        assert_eq!(neighbour(&[0; 12]), None);
    }
}
