//! What is wrong, and what to do about it: from what is seen and heard to sentences. (pure)
//!
//! The verdict of `lacp` says whether traffic passes; this says why not, or what else is not as it should be. A port has
//! one trouble, the first of those that fit: a port of another speed is not blamed for its key as well.

mod address;
mod ports;
mod sentence;

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::clock::Millis;
use crate::lacp::frame::Lacpdu;
use crate::links::LacpState;
use crate::lldp::neighbour::Neighbour;
use crate::mac::Mac;

pub use sentence::{finding, list};

/// Carrier, and nothing to be seen of what should follow: so long is patience. Milliseconds.
pub const PATIENCE: Millis = 5_000;
/// Both sides speak and do not come to an agreement (IEEE 802.1AX-2020 6.4.17: Churn_Detection_Time). Milliseconds.
pub const CHURN: Millis = 60_000;

/// A trouble as it is told: on the screen, in the log, in `state.json`.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Finding {
    /// Its name, which stays the same: `no-carrier`, `keys-differ` …
    pub kind: String,
    /// The ports or the interface that have it.
    pub ports: Vec<String>,
    /// What is seen.
    pub sentence: String,
    /// What to do about it.
    pub advice: String,
}

impl Finding {
    /// Both in one line.
    pub fn line(&self) -> String {
        format!("{}; {}", self.sentence, self.advice)
    }
}

/// A kind of trouble.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Kind {
    /// No carrier.
    NoCarrier,
    /// The ports of one bond have several speeds.
    SpeedsDiffer,
    /// Carrier, and none of our LACPDUs leaves.
    NoneSent,
    /// Our own LACPDUs come back.
    Looped,
    /// The switch ports are in several LAGs of one switch.
    KeysDiffer,
    /// They are on several switches that are not one LACP system.
    SystemsDiffer,
    /// The other side speaks, and hears nothing of ours.
    Unanswered,
    /// The partner is in sync, and does not collect.
    NotCollecting,
    /// Both speak, and never agree.
    Churned,
    /// Nothing is heard, and we do not speak first either.
    BothPassive,
    /// Nothing of LACP is heard, and each port gets its own copy of a broadcast.
    PlainPorts,
    /// Nothing of LACP is heard, and DHCP answers.
    NoLag,
    /// Nothing is heard.
    NothingHeard,
    /// Traffic passes without an agreement.
    Fallback,
    /// DHCP does not answer, and the switch port is in another VLAN.
    OtherVlan,
    /// DHCP does not answer.
    DhcpSilent,
    /// DHCP answers, and not as it could be used.
    DhcpRefused,
    /// The lease has no router.
    NoRouter,
    /// Another station has our address.
    DuplicateAddress,
    /// The router does not answer.
    RouterSilent,
}

/// What makes a LAG: one system, and one key of it.
pub type Lag = (Mac, u16);

/// One port of a bond, as it is seen and heard.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Port<'a> {
    /// Its name.
    pub name: &'a str,
    /// Since when it has carrier; none: it has none.
    pub carrier_since: Option<Millis>,
    /// It passes traffic both ways.
    pub passes: bool,
    /// Mbit/s, where the driver tells it.
    pub speed: Option<u32>,
    /// LACPDUs of ours have left it.
    pub sent: bool,
    /// Since when LACPDUs of others have come in, by the bonding driver's word, and nothing has passed; none: they
    /// do not.
    pub heard_since: Option<Millis>,
    /// One came in since there is carrier.
    pub ever_heard: bool,
    /// The last that came in.
    pub theirs: Option<&'a Lacpdu>,
    /// System and key of the other side, where they are known.
    pub lag: Option<Lag>,
    /// Since when the other side has named the partner that it names there.
    pub names_since: Option<Millis>,
    /// Our state, as the bonding driver has it.
    pub actor: LacpState,
    /// Since when the partner has said that it is in sync, and not that it collects.
    pub held_since: Option<Millis>,
    /// A DHCP server's answer has come in here.
    pub dhcp: bool,
    /// A broadcast among them, of which another port got a copy too.
    pub flooded: bool,
    /// Who is at the other end.
    pub neighbour: Option<&'a Neighbour>,
}

/// One bond.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Bond<'a> {
    /// Its name.
    pub name: &'a str,
    /// It speaks LACP.
    pub lacp: bool,
    /// Since when it has been up with ports; none: it is not.
    pub up_since: Option<Millis>,
    /// As what it presents itself.
    pub system: Option<Mac>,
    /// Its ports.
    pub ports: Vec<Port<'a>>,
    /// It carries an address that is in use, and there is no agreement.
    pub forwards_alone: bool,
}

/// How the router is known to the kernel (`NUD_*`).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Router {
    /// Nobody has asked for it yet.
    #[default]
    Unknown,
    /// It has just answered.
    Reachable,
    /// It has answered at some time, and nothing speaks against it.
    Stale,
    /// It was asked, and does not answer.
    Silent,
}

/// One interface that is to be addressed.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Interface<'a> {
    /// Its name.
    pub name: &'a str,
    /// VLAN id that the words give it.
    pub vlan: Option<u16>,
    /// Since when DHCP can be asked; none: it can't be now.
    pub since: Option<Millis>,
    /// It waits for a lease.
    pub wants_lease: bool,
    /// DISCOVERs sent.
    pub discovers: u32,
    /// Somebody has answered a DISCOVER.
    pub answered: bool,
    /// Answers that could not be used, with reasons.
    pub refused: Vec<String>,
    /// All of them were for other clients.
    pub foreign_only: bool,
    /// It has a lease that leads nowhere beyond its subnet.
    pub no_router: bool,
    /// An address that another station has.
    pub duplicate: Option<IpAddr>,
    /// The default router.
    pub router: Option<(IpAddr, Router)>,
    /// Neighbours of the ports below it that carry traffic.
    pub neighbours: Vec<&'a Neighbour>,
}

/// A kind, and the ports that have it; from [`Kind::OtherVlan`] on: the interface.
pub type Trouble = (Kind, Vec<usize>);

/// Everything that is wrong with a bond, the ports by their place in it.
pub fn of_bond(now: Millis, bond: &Bond<'_>) -> Vec<Trouble> {
    ports::judge(now, bond)
}

/// Everything that is wrong with an interface.
pub fn of_interface(now: Millis, interface: &Interface<'_>) -> Vec<Kind> {
    address::judge(now, interface)
}
