//! DHCPv6 (RFC 8415): the client as a state machine without I/O, and the formats around it.
//!
//! [`machine`] decides, and is told the time. [`lease`] is what comes of it, [`note`] what it tells besides. The socket,
//! duplicate address detection and the interface are not here.

mod accept;
pub mod lease;
pub mod machine;
mod message;
pub mod note;
mod options;

pub use lease::{Facts, Lease};
pub use machine::{Action, Config, Event, Loss, Machine, Mode, State};
pub use message::{ALL_SERVERS, CLIENT_PORT, SERVER_PORT, duid_of_mac, iaid_of_mac};
pub use note::{Heard, Note, Refusal};

#[cfg(test)]
mod tests;
