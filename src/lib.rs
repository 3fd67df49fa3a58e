//! bondstrap: gives an installer its network when the switch speaks nothing but LACP.

pub mod clock;
pub mod dhcp;
pub mod mac;
pub mod plan;
pub mod words;
