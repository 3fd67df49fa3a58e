//! What came of DHCP so far, in words: for `status` and for the sentence of an `up` that gave up.

use std::collections::BTreeMap;

use super::Engine;
use super::state::Account;
use super::target::Target;
use crate::dhcp::v4::machine::Machine;
use crate::dhcp::v4::note::{Heard, Refused};

/// Most kinds of refused answers told in one sentence.
const MOST_TOLD: usize = 4;

impl Engine {
    /// Of each interface with a DHCP client.
    pub(super) fn accounts(&self) -> BTreeMap<String, Account> {
        let account = |target: &Target| Some((target.name().to_owned(), target.account()?));
        self.targets.iter().filter_map(account).collect()
    }
}

impl Target {
    /// Numbers that strangers can drive up are rounded: the state is written when it changes, and a flood must not have
    /// it written for each frame.
    fn account(&self) -> Option<Account> {
        let heard = self.machine.as_ref()?.heard();
        Some(Account {
            discovers: heard.discovers,
            requests: heard.requests,
            offers: roughly(heard.offers),
            naks: roughly(heard.naks),
            since_ms: heard.first_discover,
            heard: self.reasons(Heard::KINDS),
        })
    }

    /// What was heard, and why it did not do: a clause each, with so many kinds of refused answers at most.
    fn reasons(&self, most: usize) -> Vec<String> {
        let Some(machine) = &self.machine else { return Vec::new() };
        let heard = machine.heard();
        let mut all: Vec<String> = self.lost.iter().cloned().chain(clauses(&heard, most)).collect();
        if all.is_empty() && heard.offers > 0 && machine.lease().is_none() {
            all.push("an offer came, and no answer to the REQUEST for it yet".into());
        }
        all
    }

    /// Answers that did not do.
    pub(super) fn refusals(&self) -> Vec<String> {
        self.machine.as_ref().map_or_else(Vec::new, |machine| clauses(&machine.heard(), MOST_TOLD))
    }

    /// All of these were for other clients.
    pub(super) fn hears_foreign_only(&self) -> bool {
        let Some(heard) = self.machine.as_ref().map(Machine::heard) else { return false };
        let of_ours = heard.nak.is_some() || heard.silent.is_some() || heard.refused_more > 0;
        heard.foreign > 0 && heard.offers == 0 && heard.refused.is_empty() && !of_ours
    }

    /// The same for a sentence.
    pub(super) fn heard(&self) -> String {
        let reasons = self.reasons(MOST_TOLD);
        if reasons.is_empty() { "no answer".to_owned() } else { reasons.join("; ") }
    }
}

fn clauses(heard: &Heard, most: usize) -> Vec<String> {
    let server = |server: Option<std::net::Ipv4Addr>| server.map_or("a server".into(), |ip| ip.to_string());
    let mut all = Vec::new();
    if let Some((who, says)) = &heard.nak {
        let words = if says.is_empty() { String::new() } else { format!(" (\"{says}\")") };
        all.push(format!("{} refused the address{words}{}", server(*who), times(heard.naks)));
    }
    if let Some(silent) = heard.silent {
        all.push(format!("{silent} offered an address and then kept silent"));
    }
    let refused = |kind: &Refused| {
        format!("answer of {} refused: {}{}", server(kind.server), kind.why, times(kind.count))
    };
    // Those of a server that names itself first: they are of the one that is meant, more likely.
    let named = heard.refused.iter().filter(|kind| kind.server.is_some());
    let kinds: Vec<&Refused> =
        named.chain(heard.refused.iter().filter(|kind| kind.server.is_none())).collect();
    all.extend(kinds.iter().take(most).map(|kind| refused(kind)));
    let more = kinds.iter().skip(most).map(|kind| kind.count);
    let more = more.fold(heard.refused_more, u32::saturating_add);
    if more > 0 {
        all.push(format!("answers refused for yet other reasons{}", times(more)));
    }
    if all.is_empty() && heard.offers == 0 && heard.foreign > 0 {
        all.push(format!("answers to other clients only{}", times(heard.foreign)));
    }
    all
}

/// ` (4 times)`; nothing for once.
pub(super) fn times(count: u32) -> String {
    match count {
        0 | 1 => String::new(),
        2..10 => format!(" ({count} times)"),
        _ => format!(" ({} times or more)", roughly(count)),
    }
}

/// Only the first digit counts: a million changes fifty times.
pub(super) fn roughly(count: u32) -> u32 {
    let unit = 10_u32.pow(count.checked_ilog10().unwrap_or(0));
    count / unit * unit
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dhcp::v4::Refusal;
    use std::net::Ipv4Addr;

    #[test]
    fn numbers_that_change_seldom() {
        for (count, rough) in
            [(0, 0), (9, 9), (10, 10), (19, 10), (20, 20), (99, 90), (4_294_967_295, 4_000_000_000)]
        {
            assert_eq!(roughly(count), rough, "{count}");
        }
        let mut all: Vec<u32> = (0..1_000_000).map(roughly).collect();
        all.dedup();
        assert!(all.len() <= 56, "{}", all.len());
    }

    #[test]
    fn every_reason_is_a_clause() {
        let ip = |last| Some(Ipv4Addr::new(192, 0, 2, last));
        let refused = |last, count| Refused { server: ip(last), why: Refusal::ShortLease(1), count };
        let mut heard = Heard { foreign: 30, ..Heard::default() };
        assert_eq!(clauses(&heard, 4), ["answers to other clients only (30 times or more)"]);
        heard.nak = Some((ip(1), "no\\x1b[2J".into()));
        heard.naks = 3;
        heard.silent = ip(2);
        heard.refused = (3..9).map(|last| refused(last, last.into())).collect();
        heard.refused_more = 100;
        let expected = [
            "192.0.2.1 refused the address (\"no\\x1b[2J\") (3 times)",
            "192.0.2.2 offered an address and then kept silent",
            "answer of 192.0.2.3 refused: a lease of 1 s is too short (10 s at least) (3 times)",
            "answer of 192.0.2.4 refused: a lease of 1 s is too short (10 s at least) (4 times)",
            "answer of 192.0.2.5 refused: a lease of 1 s is too short (10 s at least) (5 times)",
            "answer of 192.0.2.6 refused: a lease of 1 s is too short (10 s at least) (6 times)",
            "answers refused for yet other reasons (100 times or more)",
        ];
        assert_eq!(clauses(&heard, 4), expected);
        heard.nak = Some((None, String::new()));
        heard.naks = 1;
        assert_eq!(clauses(&heard, 4)[0], "a server refused the address");
    }
}
