//! LACP as the kernel's bonding driver speaks it; what it says of itself, and what is heard on the wire, is judged here.

pub mod auto;
pub mod frame;
pub mod verdict;
