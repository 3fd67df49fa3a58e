//! LACP as the kernel's bonding driver speaks it; what it says of itself is judged here.

pub mod verdict;
