//! bondstrap: gives an installer its network when the switch speaks nothing but LACP.
//!
//! The modules follow the way of the data: `words` → `plan` → `settle` → `engine` (with `lacp` and `dhcp` in it) →
//! `netlink` and `handover`. `run` is the only loop; `commands` stand above it all.

pub mod clock;
pub mod commands;
pub mod dhcp;
pub mod engine;
pub mod escape;
pub mod flip;
pub mod handover;
pub mod installer;
pub mod lacp;
pub mod links;
pub mod lldp;
pub mod mac;
pub mod netlink;
pub mod persist;
pub mod plan;
pub mod ra;
pub mod report;
pub mod run;
pub mod settle;
pub mod sys;
pub mod trouble;
pub mod words;
