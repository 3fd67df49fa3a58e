//! What the engine says: the wait of the moment, and the lines that go with changes.

use super::six::types as six;
use super::state::{Phase, Waiting};
use super::types::{Action, Exit};
use super::{Engine, Try};
use crate::clock::Millis;
use crate::lacp::verdict::Verdict;
use crate::links::Links;

/// A wait is told when it has lasted so long; shorter ones are noise. Milliseconds.
const WORTH_TELLING: Millis = 1_000;
/// A wait that was told is news again when it has been over for so long. Milliseconds.
const FORGET: Millis = 60_000;
/// So many waits are told in that time: a partner that is another each time can say no more than that.
const MOST_WAITS: usize = 16;
/// What is undone so often is undone by somebody who insists.
const INSISTS: u32 = 4;
/// While somebody does, a change is told when it has lasted so long. Milliseconds.
const LASTING: Millis = 3_000;

impl Engine {
    /// Notes what is being waited for, and what is seen instead; the same wait goes on with its old start.
    pub(super) fn wait_seeing(&mut self, what: String, seen: String, since: Millis, limit: Option<Millis>) {
        // A limit that ends nothing is none.
        let limit = limit.filter(|_| self.config.limited && self.result.is_none());
        match &mut self.waiting {
            Some(waiting) if waiting.what == what && waiting.limit_ms == limit => waiting.seen = seen,
            _ => {
                self.waiting = Some(Waiting { what, seen, since_ms: since, limit_ms: limit });
                self.waits_told.now = None;
            }
        }
    }

    /// The same where nothing that is seen would help.
    pub(super) fn wait(&mut self, what: String, since: Millis, limit: Option<Millis>) {
        self.wait_seeing(what, String::new(), since, limit);
    }

    /// Works out the wait of the moment, and tells it once it is worth telling.
    pub(super) fn tell_waiting(&mut self, now: Millis, out: &mut Vec<Action>) {
        match self.phase {
            Phase::Settling => {}
            Phase::Online | Phase::Failed | Phase::Stopped => self.waiting = None,
            Phase::Building | Phase::Dhcp if self.is_turning() => self.wait_for_turns(),
            Phase::Building => {
                let since = self.building_since.or(self.times.settled).unwrap_or(now);
                self.wait(self.building(), since, Some(super::limits::BUILDING));
            }
            Phase::Lacp => match self.searching() {
                Some((what, since)) => self.wait(what, since, Some(self.lacp_limit())),
                None => self.wait_for_partner(now),
            },
            Phase::Dhcp if self.bonds.iter().any(|work| !work.verdict.can_send()) => {
                self.wait_for_partner(now)
            }
            Phase::Dhcp => self.wait_for_address(),
        }
        self.waits_told.past.retain(|(_, last)| now < last + FORGET);
        let Some(waiting) = &self.waiting else { return };
        let known = self.waits_told.past.iter_mut().find(|(what, _)| *what == waiting.what);
        if let Some((_, last)) = known {
            // Back after a moment: a cable that comes and goes is no news each time.
            *last = now;
            return;
        }
        if self.waits_told.past.len() >= MOST_WAITS {
            return;
        }
        let seen = *self.waits_told.now.get_or_insert(now);
        if now < seen + WORTH_TELLING {
            self.wake(seen + WORTH_TELLING);
            return;
        }
        let limit = match waiting.limit_ms {
            Some(limit) => format!(", at most {} s", limit / 1_000),
            None => String::new(),
        };
        out.push(Action::Say(log::Level::Info, format!("waiting for {}{limit}", waiting.told())));
        self.waits_told.past.push((waiting.what.clone(), now));
    }

    /// What is not in place yet while the bonds are built.
    pub(super) fn building(&self) -> String {
        let names: Vec<_> = self.plan.bonds.iter().map(|bond| bond.name.clone()).collect();
        let why: Vec<_> = self
            .refusals
            .iter()
            .map(|(what, why)| match what {
                Try::Enslave(port) => format!("{}: {why}", self.name_of(*port)),
                Try::Create(name) => format!("{name}: {why}"),
                _ => why.clone(),
            })
            .collect();
        let why = if why.is_empty() { String::new() } else { format!(" ({})", why.join("; ")) };
        format!("the ports to join {}{why}", list(&names))
    }

    fn wait_for_partner(&mut self, now: Millis) {
        let Some(which) = self.bonds.iter().position(|work| !work.verdict.can_send()) else { return };
        let since = self.bonds[which].partner_since().unwrap_or(now);
        let limit = Millis::from(self.plan.timeouts.lacp) * 1_000;
        let name = &self.plan.bonds[which].name;
        let hearing = || self.hearing(now, which);
        let (what, seen) = match &self.bonds[which].verdict {
            Verdict::NoCarrier | Verdict::NoPorts => (format!("carrier on {name}"), hearing()),
            Verdict::Negotiating { partner } => {
                (format!("LACP partner {partner} on {name} to agree"), String::new())
            }
            Verdict::Down => (format!("{name} to stay up"), "something else sets it down".into()),
            _ => (format!("an LACP partner on {name}"), hearing()),
        };
        self.wait_seeing(what, seen, since, Some(limit));
    }

    fn wait_for_address(&mut self) {
        let Some((which, target)) = self.awaited().next() else { return };
        let since = target.begun().unwrap_or(self.times.started);
        let limit = Millis::from(self.plan.timeouts.dhcp) * 1_000 * Millis::from(self.plan.dhcp.retry.max(1));
        let what = if target.link(&self.view.links).is_none() {
            format!("{} to appear", target.name())
        } else if *self.verdict_below(which) == Verdict::NoCarrier {
            format!("carrier on {}", target.name())
        } else if target.wants_lease() && !target.done {
            format!("a DHCP lease on {}", target.name())
        } else if !target.six.is_done() {
            self.six_wait(which)
        } else {
            format!("the LACP partner of {} to distribute", target.name())
        };
        self.wait(what, since, Some(limit));
    }

    /// Says something once for each kind of trouble.
    pub(super) fn tell_once(&mut self, kind: &'static str, sentence: String, out: &mut Vec<Action>) {
        if self.told.insert(kind) {
            self.sentence = sentence.clone();
            out.push(Action::Say(log::Level::Error, format!("{sentence}; still trying")));
        }
    }

    /// What these kinds of trouble were told of has passed: nobody is to see that any more, nor be given it as the answer.
    pub(super) fn is_over_with(&mut self, kinds: &[&'static str]) -> bool {
        let told = kinds.iter().filter(|kind| self.told.remove(*kind)).count() > 0;
        if told {
            self.sentence.clear();
            self.result = self.result.filter(|exit| *exit == Exit::Online);
        }
        told
    }

    /// What was said of a partner that is missing follows what is seen since: `status` shows it beside that.
    pub(super) fn tell_partner_again(&mut self, now: Millis) {
        let late = self.bonds.iter().position(|work| !work.verdict.can_send());
        if let Some(which) = late.filter(|_| self.told.contains("partner") && !self.config.limited) {
            self.sentence = self.partner_sentence(now, which);
        }
    }

    /// Something else has undone what was in place. Told each time at first; where it goes on, one sentence says so, and
    /// no more until that has been quiet for a while.
    pub(super) fn tell_undone(&mut self, now: Millis, what: &Try, line: String, out: &mut Vec<Action>) {
        let text = match self.undone.happened(now, what) {
            1..INSISTS => line,
            INSISTS => format!(
                "{line}; this happens again and again, so it is put right at growing distance (30 s in the end) and told \
                 no more: look what else configures the network"
            ),
            _ => return,
        };
        out.push(Action::Say(log::Level::Warn, text));
    }

    /// Something else undoes what is in place so often that the to and fro of it is not told any more.
    pub(super) fn insists(&self, now: Millis) -> bool {
        self.undone.any_often(now, INSISTS)
    }

    /// Tells a change of the bond's ability, once.
    pub(super) fn tell_verdict(&mut self, now: Millis, which: usize, out: &mut Vec<Action>) {
        let verdict = self.bonds[which].verdict.clone();
        if self.bonds[which].told.as_ref() == Some(&verdict) {
            return;
        }
        let lasts_at = self.bonds[which].verdict_since + LASTING;
        if now < lasts_at && self.insists(now) {
            self.wake(lasts_at);
            return;
        }
        let name = &self.plan.bonds[which].name;
        let was_ready = matches!(self.bonds[which].told, Some(Verdict::Ready { .. }));
        let line = match &verdict {
            Verdict::Ready { ports, partner: Some(partner) } => Some((
                log::Level::Info,
                format!("{name}: LACP partner {partner}, traffic passes on {}", list(ports)),
            )),
            Verdict::Ready { ports, partner: None } => {
                Some((log::Level::Info, format!("{name}: carrier on {}", list(ports))))
            }
            other if was_ready => {
                Some((log::Level::Warn, format!("{name}: traffic passes no more: {}", describe(other))))
            }
            _ => None,
        };
        self.bonds[which].told = Some(verdict);
        self.tell_partner_again(now);
        if let Some((level, line)) = line {
            if matches!(self.bonds[which].verdict, Verdict::Ready { .. }) {
                // It is back: a later loss is worth a sentence of its own.
                self.is_over_with(&["partner"]);
            }
            out.push(Action::Say(level, line));
        }
    }

    /// The line with which the work is done.
    pub(super) fn online_sentence(&self, now: Millis) -> String {
        let addresses: Vec<_> = self.all_addresses().iter().map(ToString::to_string).collect();
        let place = self.targets.first().map_or("", |target| target.name());
        let after = now.saturating_sub(self.times.started);
        let leased = self.targets.iter().any(|target| target.lease().is_some());
        let no_partner = self.bonds.iter().any(|work| matches!(work.verdict, Verdict::NoPartner));
        let how = match () {
            () if self.single.is_some() => "; fallback: one port without a bond, as there is no LACP partner",
            () if (0..self.bonds.len()).any(|which| self.is_fallen(which)) => {
                "; fallback: active-backup, as there is no LACP partner"
            }
            () if leased && no_partner => {
                "; no LACP partner, the switch forwards all the same (LACP fallback?)"
            }
            () => "",
        };
        format!(
            "online: {} on {place}, {}.{:02} s after the start{how}",
            if addresses.is_empty() { "no address asked for".into() } else { list(&addresses) },
            after / 1_000,
            after % 1_000 / 10
        )
    }
}

/// Waits that are worth a line, and those that had one.
#[derive(Debug, Default)]
pub(super) struct WaitsTold {
    /// When the wait of the moment was first seen.
    now: Option<Millis>,
    /// What was told, and when that was last the wait of the moment.
    past: Vec<(String, Millis)>,
}

/// A verdict in words.
pub(super) fn describe(verdict: &Verdict) -> String {
    match verdict {
        Verdict::Ready { ports, .. } => format!("traffic passes on {}", list(ports)),
        Verdict::Distributing { partner } => {
            format!("waiting for partner {partner} to collect and distribute")
        }
        Verdict::Negotiating { partner } => format!("negotiating with partner {partner}"),
        Verdict::NoPartner => "carrier, but no LACP partner".into(),
        Verdict::NoCarrier => "no carrier on any port".into(),
        Verdict::NoPorts => "no ports".into(),
        Verdict::Down => "something else has set it down".into(),
    }
}

/// The same of what IPv6 needs.
fn name6(action: &six::Action, link: impl Fn(u32) -> String) -> String {
    match action {
        six::Action::Setting { index, name, value } => {
            format!("setting {name} of {} to {value}, which IPv6 needs", link(*index))
        }
        six::Action::OpenRouters(index) => format!("hearing router advertisements on {}", link(*index)),
        six::Action::OpenDhcp(index) => format!("the DHCPv6 socket on {}", link(*index)),
        six::Action::Close(index) => format!("closing the IPv6 sockets of {}", link(*index)),
        six::Action::Solicit { index, .. } => format!("asking for routers on {}", link(*index)),
        six::Action::Send { index, .. } => format!("sending a DHCPv6 message on {}", link(*index)),
        six::Action::SetAddress { index, address, .. } => {
            format!("the address {address} on {}", link(*index))
        }
    }
}

/// What an action was about, for a line that says it failed.
pub(super) fn name(action: &Action, links: &Links) -> String {
    let link =
        |index: u32| links.get(index).map_or_else(|| format!("interface {index}"), |link| link.name.clone());
    match action {
        Action::Release(index) => format!("taking {} out of its bond", link(*index)),
        Action::Up(index) => format!("setting {} up", link(*index)),
        Action::CreateBond { name, .. } => format!("making {name} again"),
        Action::RestoreAddress(address) => format!("{} on {}", address.address, link(address.index)),
        Action::RestoreDefault(route) => format!("the default route over {}", link(route.index)),
        Action::Delete(index) => format!("deleting {}", link(*index)),
        Action::Down(index) => format!("setting {} down", link(*index)),
        Action::SetLink { index, mac, mtu } => {
            let mac = mac.map_or(String::new(), |mac| format!(" MAC {mac}"));
            let mtu = mtu.map_or(String::new(), |mtu| format!(" MTU {mtu}"));
            format!("giving {}{mac}{mtu}", link(*index))
        }
        Action::Rename { index, name, .. } => format!("renaming {} to {name}", link(*index)),
        Action::Join { port, bridge } => format!("making {} a port of {}", link(*port), link(*bridge)),
        Action::DelAddress { index, address } => format!("removing {address} from {}", link(*index)),
        Action::AddRoute { index, to, via, .. } => {
            let via = via.map_or(String::new(), |via| format!(" via {via}"));
            format!("the route to {to}{via} on {}", link(*index))
        }
        Action::DelRoute { index, to, .. } => format!("removing the route to {to} from {}", link(*index)),
        Action::Announce { index, address, .. } => format!("announcing {address} on {}", link(*index)),
        Action::Broadcast { index, .. } => format!("sending a DHCP message on {}", link(*index)),
        Action::Unicast { index, to, .. } => format!("sending a DHCP message to {to} on {}", link(*index)),
        Action::Six(action) => name6(action, link),
        Action::Resolver { .. } => "writing resolv.conf".into(),
        Action::HostName { name, .. } => format!("setting the host name {name}"),
        Action::RestoreFiles => "restoring resolv.conf and the host name".into(),
        _ => "a step of the work".into(),
    }
}

/// `a, b and c` would cost words: `a, b, c`; of sixty the first.
pub(super) fn list(names: &[String]) -> String {
    crate::trouble::list(names.iter().cloned())
}
