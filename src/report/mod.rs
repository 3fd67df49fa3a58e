//! What the user sees: the log, the status, and how bytes from outside are shown.

pub mod escape;
pub mod log;
pub mod screen;
pub mod status;
