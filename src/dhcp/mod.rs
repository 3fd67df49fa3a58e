//! DHCP.

pub mod names;
pub mod v4;
pub mod v6;
