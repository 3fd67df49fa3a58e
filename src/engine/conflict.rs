//! Whether somebody else has the address: the probe beside DHCP ([`crate::dhcp::v4::probe`]), driven by where the DHCP
//! machine is; and of an address of the words, which stays all the same: whoever wrote it is told.

use std::net::Ipv4Addr;

use super::Engine;
use super::types::Action;
use crate::clock::Millis;
use crate::dhcp::v4::machine::{self, Machine};
use crate::dhcp::v4::probe::{self, Probe, Step};
use crate::mac::Mac;

/// While another station has an address of the words: when it is asked again, so that `status` knows once that is gone.
/// Milliseconds.
pub(super) const AGAIN: Millis = 30_000;

/// The probe of one interface.
#[derive(Debug)]
pub(super) struct Probing {
    probe: Probe,
    /// Nothing before that.
    begins: Millis,
    /// Somebody has claimed the address since then.
    claimed: bool,
    /// Its socket is open.
    open: bool,
    /// Done with this address, until the client asks for one again.
    over: bool,
}

impl Probing {
    pub(super) fn new(address: Ipv4Addr, now: Millis) -> Self {
        Self { probe: Probe::new(address, now), begins: now, claimed: false, open: false, over: false }
    }

    pub(super) fn is_of(&self, address: Ipv4Addr) -> bool {
        self.probe.address == address
    }
}

impl Engine {
    /// Starts with the OFFER, or with an address that came without one, or that is written; ends a while after the address
    /// was set. The socket is there for so long only: a keeper that has settled is not woken by others' ARP.
    pub(super) fn drive_probe(&mut self, now: Millis, which: usize, out: &mut Vec<Action>) {
        let mac = self.mac_now(which);
        let target = &mut self.targets[which];
        let written = target.written4();
        let requested = target.machine.as_ref().and_then(Machine::requested).or(written);
        if let Some(address) = requested
            && target.probing.as_ref().is_none_or(|probing| !probing.is_of(address))
        {
            close(target.index, &mut target.probing, out);
            target.probing = Some(Probing::new(address, now));
        }
        let Some(Probing { probe, begins, claimed: _, open, over }) = &mut target.probing else { return };
        let leased = target.lease.as_ref().is_some_and(|lease| lease.address == probe.address);
        let held = leased || written == Some(probe.address);
        let Some((index, mac)) = target.index.zip(mac).filter(|_| held || requested.is_some()) else {
            close(target.index, &mut target.probing, out);
            return;
        };
        if *over {
            if requested.is_none() {
                target.probing = None;
            }
            return;
        }
        if now < *begins {
            let begins = *begins;
            return self.wake(begins);
        }
        if !std::mem::replace(open, true) {
            out.push(Action::OpenArp { index, address: probe.address });
        }
        if held {
            probe.set(now);
        }
        loop {
            match probe.step(now) {
                Step::Send => out.push(Action::Probe { index, mac, address: probe.address }),
                Step::End => {
                    (*open, *over) = (false, true);
                    out.push(Action::CloseArp(index));
                    if !leased {
                        self.heard_out(now, which, out);
                    }
                    return;
                }
                Step::Wait(at) => return self.wake(at),
            }
        }
    }

    /// An address that is written, or of our own choice, has been probed for.
    fn heard_out(&mut self, now: Millis, which: usize, out: &mut Vec<Action>) {
        let target = &mut self.targets[which];
        let Some(Probing { probe, claimed, .. }) = &target.probing else { return };
        let (address, cut_off) = (probe.address, target.cut && target.duplicate.is_some());
        if let Some(chosen) = target.chosen.as_mut().filter(|chosen| !chosen.free) {
            chosen.free = true;
            self.wake(now);
        } else if *claimed || cut_off {
            target.probing = Some(Probing::new(address, now + AGAIN));
            self.wake(now + AGAIN);
        } else if target.duplicate.take().is_some() {
            self.findings.due = true;
            let line = format!("{}: nobody else has {address} any more", target.name());
            out.push(Action::Say(log::Level::Info, line));
        }
    }

    /// An ARP packet came in: whoever claims the address while it is probed for gets it.
    pub(super) fn arp(&mut self, now: Millis, index: u32, packet: &[u8], out: &mut Vec<Action>) {
        let of_index = |target: &super::target::Target| target.index == Some(index);
        let Some(which) = self.targets.iter().position(of_index) else { return };
        let target = &self.targets[which];
        let Some(probing) = target.probing.as_ref().filter(|probing| probing.open) else { return };
        let address = probing.probe.address;
        let Some(claimant) = probe::claim(packet, address).filter(|mac| !self.is_ours(*mac)) else { return };
        if target.written4() == Some(address) {
            if !self.choose_another(now, which, claimant, out) {
                self.shared(which, address, claimant, out);
            }
            return;
        }
        let line = format!(
            "{}: {address} is in use by {claimant}: declined, and another asked for in 10 s; look what has it, or whether \
             the DHCP server gives out addresses that are taken",
            target.name()
        );
        out.push(Action::Say(log::Level::Warn, line));
        self.dhcp(now, which, machine::Event::Conflict, out);
        self.targets[which].duplicate = Some(address.into());
        self.targets[which].lost = Some(format!("{address} is in use by {claimant}"));
    }

    /// An address of the words is back, maybe at other switches.
    pub(super) fn probe_again(&mut self, which: usize, out: &mut Vec<Action>) {
        let target = &mut self.targets[which];
        close(target.index, &mut target.probing, out);
    }

    /// Another station has an address of the words. It stays: what is written is meant.
    fn shared(&mut self, which: usize, address: Ipv4Addr, claimant: Mac, out: &mut Vec<Action>) {
        let target = &mut self.targets[which];
        if let Some(probing) = &mut target.probing {
            probing.claimed = true;
        }
        if target.duplicate.replace(address.into()) != Some(address.into()) {
            self.findings.due = true;
            let line = format!("{}: {address} is in use by {claimant}, too", target.name());
            out.push(Action::Say(log::Level::Warn, line));
        }
    }

    /// The address of one of this machine's links: a switch may send back what we sent.
    fn is_ours(&self, mac: Mac) -> bool {
        let has = |link: &crate::links::Link| link.mac == Some(mac) || link.permanent == Some(mac);
        self.view.links.0.iter().any(has)
    }
}

fn close(index: Option<u32>, probing: &mut Option<Probing>, out: &mut Vec<Action>) {
    if probing.take().is_some_and(|probing| probing.open) {
        out.extend(index.map(Action::CloseArp));
    }
}
