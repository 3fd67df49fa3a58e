//! DHCP clients: state machines without I/O.

pub mod v4;
