//! Classless static routes (RFC 3442): options 121 and 249.

use std::net::Ipv4Addr;

use ipnetwork::Ipv4Network;

use super::lease::Route;

/// The routes of an option, in its order. None if any of it is malformed: then the whole option is ignored.
pub(super) fn decode(mut option: &[u8]) -> Option<Vec<Route>> {
    let mut routes = Vec::new();
    while let Some((&width, rest)) = option.split_first() {
        if width > 32 {
            return None;
        }
        // Only the bytes of the destination that the width reaches into are sent.
        let (significant, rest) = rest.split_at_checked(usize::from(width).div_ceil(8))?;
        let (via, rest) = rest.split_first_chunk::<4>()?;
        let mut octets = [0; 4];
        octets.iter_mut().zip(significant).for_each(|(octet, byte)| *octet = *byte);
        let to = Ipv4Network::new(octets.into(), width).ok()?;
        // Host bits: masked, as RFC 3442 asks of the client.
        let to = Ipv4Network::new(to.network(), width).ok()?;
        let via = Ipv4Addr::from(*via);
        routes.push(Route { to, via: (!via.is_unspecified()).then_some(via) });
        option = rest;
    }
    (!routes.is_empty()).then_some(routes)
}
