//! Time as the pure parts see it: an argument, never a clock of their own.

/// Milliseconds of `CLOCK_BOOTTIME` (it goes on while the machine is suspended, as leases do).
pub type Millis = u64;
