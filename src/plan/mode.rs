//! The modes of the bonding driver.

use serde::{Serialize, Serializer};

/// Bonding mode; the discriminant is the kernel's number (`BOND_MODE_*`).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[repr(u8)]
pub enum Mode {
    /// Round robin over all ports.
    BalanceRr = 0,
    /// One port at a time.
    ActiveBackup = 1,
    /// By hash, static aggregation.
    BalanceXor = 2,
    /// Everything on every port.
    Broadcast = 3,
    /// IEEE 802.1AX (formerly 802.3ad) dynamic aggregation: LACP.
    #[default]
    Lacp = 4,
    /// Transmit load balancing.
    BalanceTlb = 5,
    /// Adaptive load balancing.
    BalanceAlb = 6,
}

impl Mode {
    /// All modes, by number.
    pub const ALL: [Self; 7] = [
        Self::BalanceRr,
        Self::ActiveBackup,
        Self::BalanceXor,
        Self::Broadcast,
        Self::Lacp,
        Self::BalanceTlb,
        Self::BalanceAlb,
    ];

    /// The kernel's name (`bond_mode_tbl`).
    pub fn name(self) -> &'static str {
        match self {
            Self::BalanceRr => "balance-rr",
            Self::ActiveBackup => "active-backup",
            Self::BalanceXor => "balance-xor",
            Self::Broadcast => "broadcast",
            Self::Lacp => "802.3ad",
            Self::BalanceTlb => "balance-tlb",
            Self::BalanceAlb => "balance-alb",
        }
    }
}

impl Serialize for Mode {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}
