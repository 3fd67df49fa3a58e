//! Tests of the DHCPv4 client, by subject. Time is injected everywhere; nothing sleeps.

mod accept;
mod acquire;
mod crowd;
mod frame;
mod hostile;
mod keep;
mod limit;
mod lose;
mod message;
mod probe;
mod properties;
mod reboot;
mod routes;
mod text;
mod util;
mod year;
