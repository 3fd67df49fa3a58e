//! What the user sees: the log, the line of the moment, the status.

pub mod layout;
pub mod log;
mod ports;
pub mod screen;
pub mod status;
