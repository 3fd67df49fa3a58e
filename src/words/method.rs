//! METHOD of `ip=`.

use crate::plan::{Method4, Method6};

/// What a METHOD asks of the two families.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Methods {
    /// IPv4.
    pub v4: Method4,
    /// IPv6.
    pub v6: Method6,
}

/// Why a text is not a METHOD that can be followed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum NoMethod {
    /// Peers know it, we don't.
    NotSupported,
    /// Nobody knows it.
    Unknown,
}

/// All that can be written.
pub const METHODS: &str =
    "dhcp, dhcp6, auto6, either6, link6, link-local, dhcp,dhcp6, auto, or none with an address";

/// The METHOD that a text names, in any case of letters: dracut.cmdline(7), and `auto` and `link-local` of
/// NetworkManager's initrd generator. `none`, `off` and nothing ask for no method; an address makes them static.
pub fn parse(text: &str) -> Result<Methods, NoMethod> {
    let (v4, v6) = match text.to_ascii_lowercase().as_str() {
        "dhcp" | "on" | "any" | "single-dhcp" => (Method4::Dhcp, Method6::None),
        "dhcp6" => (Method4::None, Method6::Dhcp),
        "auto6" => (Method4::None, Method6::Auto),
        "either6" => (Method4::None, Method6::Either),
        "link6" => (Method4::None, Method6::LinkLocal),
        "link-local" => (Method4::LinkLocal, Method6::LinkLocal),
        "dhcp,dhcp6" | "dhcp6,dhcp" => (Method4::Dhcp, Method6::Dhcp),
        "auto" => (Method4::Dhcp, Method6::Auto),
        "none" | "off" | "" => (Method4::None, Method6::None),
        "bootp" | "rarp" | "both" | "ibft" => return Err(NoMethod::NotSupported),
        _ => return Err(NoMethod::Unknown),
    };
    Ok(Methods { v4, v6 })
}
