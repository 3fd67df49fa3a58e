//! DHCP, and what both versions of it have in common.

pub(crate) mod limit;
pub mod names;
pub mod rng;
pub(crate) mod text;
pub mod v4;
pub mod v6;
