//! The bonding driver's options: which there are, in which modes, and what they can be set to.
//!
//! From `bond_opts[]` in the kernel's drivers/net/bonding/bond_options.c and `IFLA_BOND_*` in if_link.h. This is for
//! validation; how an option goes over netlink is not known here.

use crate::plan::Mode;

/// One option.
#[derive(Debug)]
pub struct BondOption {
    /// The kernel's name.
    pub name: &'static str,
    /// `IFLA_BOND_*`.
    pub attribute: u16,
    /// Bit n: allowed in the mode with number n.
    modes: u8,
    /// What it can be set to.
    pub value: Value,
}

/// What an option can be set to.
#[derive(Debug)]
pub enum Value {
    /// A number from the first to the second; some have names too.
    Number(u64, u64, &'static [(&'static str, u64)]),
    /// `0` or `1`, also `off` and `on`.
    Switch,
    /// One of these names; a number stands for the name in that place.
    Name(&'static [&'static str]),
    /// IPv4 addresses.
    Ipv4List,
    /// IPv6 addresses.
    Ipv6List,
    /// One of the ports.
    Port,
    /// A station's MAC address.
    Mac,
}

/// `BOND_MAX_ARP_TARGETS`, `BOND_MAX_NS_TARGETS`: longer lists the kernel refuses.
pub const MOST_TARGETS: usize = 16;

const fn only(modes: &[Mode]) -> u8 {
    let mut bits = 0;
    let mut i = 0;
    while i < modes.len() {
        bits |= 1 << modes[i] as u8;
        i += 1;
    }
    bits
}

const ANY: u8 = 0x7f;
const LACP: u8 = only(&[Mode::Lacp]);
const ONE_ACTIVE: u8 = only(&[Mode::ActiveBackup, Mode::BalanceTlb, Mode::BalanceAlb]);
const ARP: u8 = ANY & !only(&[Mode::Lacp, Mode::BalanceTlb, Mode::BalanceAlb]);

const INT_MAX: u64 = i32::MAX as u64;
const NATURAL: Value = Value::Number(0, INT_MAX, &[("off", 0), ("maxval", INT_MAX)]);
const NOTICES: Value = Value::Number(0, 255, &[("off", 0), ("default", 1), ("maxval", 255)]);

const fn option(attribute: u16, name: &'static str, modes: u8, value: Value) -> BondOption {
    BondOption { name, attribute, modes, value }
}

/// All options but `mode`, by attribute number.
#[rustfmt::skip]
pub static ALL: [BondOption; 32] = [
    option(2, "active_slave", ONE_ACTIVE, Value::Port),
    option(3, "miimon", ANY, NATURAL),
    option(4, "updelay", ANY, NATURAL),
    option(5, "downdelay", ANY, NATURAL),
    option(6, "use_carrier", ANY, Value::Switch),
    option(7, "arp_interval", ARP, NATURAL),
    option(8, "arp_ip_target", ANY, Value::Ipv4List),
    option(9, "arp_validate", ARP,
        Value::Name(&["none", "active", "backup", "all", "filter", "filter_active", "filter_backup"])),
    option(10, "arp_all_targets", ANY, Value::Name(&["any", "all"])),
    option(11, "primary", ONE_ACTIVE, Value::Port),
    option(12, "primary_reselect", ANY, Value::Name(&["always", "better", "failure"])),
    option(13, "fail_over_mac", ANY, Value::Name(&["none", "active", "follow"])),
    option(14, "xmit_hash_policy", ANY,
        Value::Name(&["layer2", "layer3+4", "layer2+3", "encap2+3", "encap3+4", "vlan+srcmac"])),
    option(15, "resend_igmp", ANY, NOTICES),
    option(16, "num_grat_arp", ANY, NOTICES),
    option(17, "all_slaves_active", ANY, Value::Switch),
    option(18, "min_links", ANY, NATURAL),
    option(19, "lp_interval", ANY, Value::Number(1, INT_MAX, &[("minval", 1), ("maxval", INT_MAX)])),
    option(20, "packets_per_slave", only(&[Mode::BalanceRr]),
        Value::Number(0, 65535, &[("default", 1), ("maxval", 65535)])),
    option(21, "lacp_rate", LACP, Value::Name(&["slow", "fast"])),
    option(22, "ad_select", ANY, Value::Name(&["stable", "bandwidth", "count", "actor_port_prio"])),
    option(24, "ad_actor_sys_prio", LACP, Value::Number(1, 65535, &[("minval", 1), ("maxval", 65535)])),
    option(25, "ad_user_port_key", LACP, Value::Number(0, 1023, &[("minval", 0), ("maxval", 1023)])),
    option(26, "ad_actor_system", LACP, Value::Mac),
    option(27, "tlb_dynamic_lb", only(&[Mode::BalanceTlb, Mode::BalanceAlb]), Value::Switch),
    option(28, "peer_notif_delay", ANY, Value::Number(0, 300_000, &[("off", 0), ("maxval", 300_000)])),
    option(29, "lacp_active", LACP, Value::Switch),
    option(30, "arp_missed_max", ARP, Value::Number(1, 255, &[("minval", 1), ("maxval", 255)])),
    option(31, "ns_ip6_target", ANY, Value::Ipv6List),
    option(32, "coupled_control", LACP, Value::Switch),
    option(33, "broadcast_neighbor", LACP, Value::Switch),
    option(34, "lacp_strict", LACP, Value::Switch),
];

impl BondOption {
    /// The option of this name; `num_unsol_na` is another name of `num_grat_arp` (bonding.rst).
    pub fn named(name: &str) -> Option<&'static Self> {
        let name = if name == "num_unsol_na" { "num_grat_arp" } else { name };
        ALL.iter().find(|option| option.name == name)
    }

    /// True if the kernel takes the option in this mode (`unsuppmodes`).
    pub fn allowed_in(&self, mode: Mode) -> bool {
        self.modes & (1 << mode as u8) != 0
    }
}

/// The mode that a text names: the kernel's names and numbers, and `lacp`, in any case of letters.
pub fn mode(text: &str) -> Option<Mode> {
    if text.eq_ignore_ascii_case("lacp") {
        return Some(Mode::Lacp);
    }
    Mode::ALL.into_iter().find(|mode| {
        mode.name().eq_ignore_ascii_case(text) || text.len() == 1 && text == (*mode as u8).to_string()
    })
}

/// What can be written for a mode.
pub const MODES: &str = "802.3ad (or lacp, 4), active-backup (1), balance-rr (0), balance-xor (2), broadcast (3), \
                         balance-tlb (5) or balance-alb (6)";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn table_is_in_the_order_of_the_attributes() {
        assert!(ALL.windows(2).all(|pair| pair[0].attribute < pair[1].attribute));
    }

    #[test]
    fn modes_that_do_not_take_all() {
        // Numbers of the modes, as `unsuppmodes` leaves them.
        let restricted: Vec<(&str, String)> = ALL
            .iter()
            .map(|option| {
                let modes = Mode::ALL.into_iter().filter(|mode| option.allowed_in(*mode));
                (option.name, modes.map(|mode| (mode as u8).to_string()).collect())
            })
            .filter(|(_, modes): &(&str, String)| modes != "0123456")
            .collect();
        let expected = [
            ("active_slave", "156"),
            ("arp_interval", "0123"),
            ("arp_validate", "0123"),
            ("primary", "156"),
            ("packets_per_slave", "0"),
            ("lacp_rate", "4"),
            ("ad_actor_sys_prio", "4"),
            ("ad_user_port_key", "4"),
            ("ad_actor_system", "4"),
            ("tlb_dynamic_lb", "56"),
            ("lacp_active", "4"),
            ("arp_missed_max", "0123"),
            ("coupled_control", "4"),
            ("broadcast_neighbor", "4"),
            ("lacp_strict", "4"),
        ];
        assert_eq!(restricted, expected.map(|(name, modes)| (name, modes.to_owned())));
    }

    #[test]
    fn modes_and_options() {
        for (name, mode, expected) in [
            ("lacp_rate", Mode::Lacp, true),
            ("lacp_rate", Mode::ActiveBackup, false),
            ("arp_interval", Mode::Lacp, false),
            ("arp_interval", Mode::BalanceXor, true),
            ("arp_validate", Mode::BalanceAlb, false),
            ("primary", Mode::BalanceTlb, true),
            ("primary", Mode::Lacp, false),
            ("packets_per_slave", Mode::BalanceRr, true),
            ("packets_per_slave", Mode::Broadcast, false),
            ("miimon", Mode::Broadcast, true),
            ("num_unsol_na", Mode::ActiveBackup, true),
        ] {
            assert_eq!(
                BondOption::named(name).map(|o| o.allowed_in(mode)),
                Some(expected),
                "{name} {mode:?}"
            );
        }
    }

    #[test]
    fn spellings_of_modes() {
        for (text, expected) in [
            ("802.3AD", Some(Mode::Lacp)),
            ("LACP", Some(Mode::Lacp)),
            ("4", Some(Mode::Lacp)),
            ("04", None),
            ("7", None),
            ("Active-Backup", Some(Mode::ActiveBackup)),
            ("", None),
            ("balance-slb", None),
        ] {
            assert_eq!(mode(text), expected, "{text}");
        }
    }
}
