//! What is left for others: `state.json`, resolv.conf, the host name. Contents are rendered purely; files are
//! replaced whole or not at all.

pub mod atomic;
pub mod files;
pub mod root;
pub mod store;
