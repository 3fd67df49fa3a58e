//! A running root moves onto the bond: all that a boot NIC has goes to a bond that contains it, and comes back where
//! anything fails.
//!
//! `snapshot` and `message` read what the NIC has, `steps` makes of it what is to be done, with a way back for each step,
//! and `runner` does it; all that is pure. `live` is the real kernel, `watchdog` the process that goes the way back where
//! this one is killed, `guarded` brings the two together, `home` is the other direction, `prepare` looks at the machine, `check` asks whether somebody answers.

pub mod check;
pub mod foreign;
pub mod guarded;
pub mod home;
pub mod live;
pub mod memory;
pub mod message;
pub mod prepare;
pub mod route;
pub mod runner;
pub mod servers;
pub mod signals;
pub mod snapshot;
pub mod steps;
mod warn;
pub mod watchdog;

pub(crate) use warn::spec_of;

#[cfg(test)]
mod tests;
