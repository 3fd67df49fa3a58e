//! Tests of the DHCPv4 client, by subject. Time is injected everywhere; nothing sleeps.

mod acquire;
mod util;
