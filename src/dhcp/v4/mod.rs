//! DHCPv4 (RFC 2131): the client as a state machine without I/O, and the formats around it.
//!
//! [`machine`] decides, and is told the time. [`lease`] is what comes of it, [`note`] what it tells besides.
//! [`frame`] puts a message into an IPv4 packet and takes it out, [`probe`] asks whether somebody else has the address.
//! Sockets and the interface are not here.

mod accept;
pub mod frame;
pub mod lease;
pub mod machine;
mod message;
pub mod note;
mod options;
pub mod probe;
mod routes;

pub use lease::{Lease, Route};
pub use machine::{Action, Config, Event, Loss, Machine, State};
pub use message::{client_id_of_duid, client_id_of_mac, client_id_of_words};
pub use note::{Heard, Note, Refusal};

#[cfg(test)]
mod tests;
