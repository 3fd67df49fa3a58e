//! The real kernel. Nothing here opens a file of a disk, nor a path that begins at the root, which may be one: sockets, and
//! descriptors that are open already. (The kernel asks a server again for `/proc` itself where that is a directory of NFS.)

use std::fs::File;
use std::io::{self, Read, Write};
use std::net::IpAddr;
use std::os::fd::{AsFd, OwnedFd};
use std::time::{Duration, Instant};

use nix::fcntl::{OFlag, openat};
use nix::sys::stat::Mode as FileMode;

use super::check::Target;
use super::message::{
    Device, NLM_F_CREATE, RTM_DELADDR, RTM_DELLINK, RTM_DELROUTE, RTM_DELRULE, RTM_NEWADDR, RTM_NEWLINK,
    RTM_NEWROUTE, RTM_NEWRULE, RTM_SETLINK, delete,
};
use super::prepare::read;
use super::runner::{Kernel, Kind, Trouble};
use super::signals::Signals;
use super::snapshot::Snapshot;
use super::steps::{Op, Setting};
use crate::engine::types::Refusal;
use crate::lacp::verdict::{Verdict, verdict};
use crate::mac::Mac;
use crate::netlink::Netlink;
use crate::netlink::raw::Raw;
use crate::plan::Mode;
use crate::run::announce::announcement;
use crate::sys::send_frame;

/// A port that something else sets up all the time gets in, or this ends it.
const TRIES: u32 = 20;
/// Between two tries.
const AGAIN: Duration = Duration::from_millis(5);
/// Between two looks at a link: short at first, as it is the time that everybody waits.
const SHORTEST: Duration = Duration::from_millis(1);
const LONGEST: Duration = Duration::from_millis(20);

/// How long is waited.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limits {
    /// For carrier, and for an answer.
    pub carrier: Duration,
    /// For the LACP partner.
    pub partner: Duration,
}

/// A connection to the kernel.
#[expect(missing_debug_implementations, reason = "the signals have none")]
pub struct Live {
    netlink: Netlink,
    limits: Limits,
    targets: Vec<Target>,
    /// Index of the interface by which a neighbour is reached.
    on: u32,
    /// /proc/sys/net.
    sysctl: Option<File>,
    signals: Option<Signals>,
    watchdog: Option<OwnedFd>,
    goes_back: bool,
    /// When each step began.
    begun: Vec<Instant>,
}

impl Live {
    /// For whoever flips. `watchdog`: where the steps are told; `signals` end it between two of them.
    ///
    /// # Errors
    /// Where the kernel gives no socket.
    pub fn worker(
        limits: Limits,
        targets: Vec<Target>,
        on: u32,
        watchdog: OwnedFd,
        signals: Signals,
    ) -> io::Result<Self> {
        let mut live = Self::back_only(limits, on)?;
        (live.targets, live.signals, live.watchdog) = (targets, Some(signals), Some(watchdog));
        Ok(live)
    }

    /// For the way back.
    ///
    /// # Errors
    /// Where the kernel gives no socket.
    pub fn back_only(limits: Limits, on: u32) -> io::Result<Self> {
        let netlink = Netlink::open()?;
        Ok(Self {
            netlink,
            limits,
            targets: Vec::new(),
            on,
            sysctl: File::open("/proc/sys/net").ok(),
            signals: None,
            watchdog: None,
            goes_back: false,
            begun: Vec::new(),
        })
    }

    /// Tells the watchdog; gives the descriptor's end up with `self`.
    pub fn tell(&self, byte: u8) {
        if let Some(watchdog) = &self.watchdog {
            // A watchdog that was killed is no reason to end here.
            let _ = nix::unistd::write(watchdog.as_fd(), &[byte]);
        }
    }

    /// How long each step took that was followed by another, in milliseconds.
    pub fn took(&self) -> Vec<u128> {
        self.begun.windows(2).map(|pair| (pair[1] - pair[0]).as_millis()).collect()
    }

    /// A signal that has come since it was looked for last.
    pub fn signalled(&self) -> Option<&'static str> {
        self.signals.as_ref()?.ending()
    }

    fn stopped(&self) -> Result<(), Trouble> {
        match self.signalled() {
            Some(name) if !self.goes_back => {
                Err(Trouble { kind: Kind::Stopped, text: format!("stopped by {name}") })
            }
            _ => Ok(()),
        }
    }

    fn send(&self, messages: &[Raw]) -> Result<(), Trouble> {
        let answers = self.netlink.send_raw(&messages.iter().collect::<Vec<_>>());
        let refused = |(raw, answer): (&Raw, Result<(), Refusal>)| {
            let refusal =
                answer.err().filter(|refusal| !is_done_already(raw.kind, refusal.errno, self.goes_back))?;
            // Somebody else has made a link since the index was chosen.
            let taken = raw.kind == RTM_NEWLINK && raw.flags & NLM_F_CREATE != 0;
            let kind = if taken && refusal.errno == libc::EBUSY { Kind::Taken } else { Kind::Refused };
            Some(Trouble { kind, text: format!("the kernel refused {}: {}", what(raw.kind), refusal.text) })
        };
        messages.iter().zip(answers).find_map(refused).map_or(Ok(()), Err)
    }

    /// Others' links may have its index by now.
    fn delete(&self, bond: &Device) -> Result<(), Trouble> {
        let links = self.netlink.links().map_err(|refusal| Trouble {
            kind: Kind::Refused,
            text: format!("the links can't be read: {}", refusal.text),
        })?;
        let is_ours = |link: &crate::links::Link| link.name == bond.name && link.bond().is_some();
        if links.get(bond.index).is_some_and(is_ours) {
            return self.send(&[delete(bond.index)]);
        }
        Ok(())
    }

    fn join(&self, messages: &[Raw; 2]) -> Result<(), Trouble> {
        let mut tries = 0;
        loop {
            let joined = self.send(messages);
            tries += 1;
            if joined.is_ok() || tries >= TRIES {
                return joined;
            }
            self.stopped()?;
            std::thread::sleep(AGAIN);
        }
    }

    /// Waits until `ready` of a fresh look at the links. What it says instead is what was seen.
    fn wait(
        &self,
        limit: Duration,
        mut ready: impl FnMut(&crate::links::Links) -> Result<(), String>,
    ) -> Result<(), Trouble> {
        let end = Instant::now() + limit;
        let mut gap = SHORTEST;
        loop {
            let seen = match self.netlink.links() {
                Ok(links) => match ready(&links) {
                    Ok(()) => return Ok(()),
                    Err(seen) => seen,
                },
                Err(refusal) => format!("the links can't be read: {}", refusal.text),
            };
            self.stopped()?;
            if Instant::now() >= end {
                return Err(Trouble {
                    kind: Kind::NoPartner,
                    text: format!("{seen} within {} s", limit.as_secs()),
                });
            }
            std::thread::sleep(gap);
            gap = (gap * 2).min(LONGEST);
        }
    }

    fn running(&self, index: u32) -> Result<(), Trouble> {
        self.wait(self.limits.carrier, |links| match links.get(index) {
            Some(link) if link.running => Ok(()),
            Some(link) => Err(format!("no carrier on {}", link.name)),
            None => Err("the link is gone, and did not come back".into()),
        })
    }

    fn partner(&self, index: u32) -> Result<(), Trouble> {
        self.wait(self.limits.partner, |links| {
            let Some(bond) = links.get(index) else {
                return Err("the bond is gone, and did not come back".into());
            };
            match verdict(bond, Mode::Lacp, links, &[]) {
                Verdict::Ready { .. } if bond.running => Ok(()),
                Verdict::Ready { .. } => Err(format!("no carrier on {}", bond.name)),
                Verdict::Distributing { partner } | Verdict::Negotiating { partner } => {
                    Err(format!("the LACP partner {partner} of {} did not agree", bond.name))
                }
                Verdict::NoPartner => Err(format!("no LACP partner on {}", bond.name)),
                Verdict::NoCarrier | Verdict::Down | Verdict::NoPorts => {
                    Err(format!("no carrier on any port of {}", bond.name))
                }
            }
        })
    }

    fn still(&self, then: &Snapshot) -> Result<(), Trouble> {
        let tables = read(&self.netlink).map_err(|refusal| Trouble {
            kind: Kind::Refused,
            text: format!("the kernel's tables can't be read: {}", refusal.text),
        })?;
        if Snapshot::of(&then.nic, &tables).is_still(then) {
            return Ok(());
        }
        let text = format!("{} has other addresses, routes or rules by now", then.nic.name);
        Err(Trouble { kind: Kind::Taken, text })
    }

    fn check(&self) -> Result<(), Trouble> {
        for target in &self.targets {
            let mut stopped = Ok(());
            let stop = || {
                stopped = self.stopped();
                stopped.is_err()
            };
            if target.answers(&self.netlink, self.on, self.limits.carrier, stop) {
                continue;
            }
            stopped?;
            let limit = self.limits.carrier.as_secs();
            let text = format!("{} did not answer within {limit} s", target.name());
            return Err(Trouble { kind: Kind::Silent, text });
        }
        Ok(())
    }
}

impl Kernel for Live {
    fn begin(&mut self, step: usize) {
        self.begun.push(Instant::now());
        self.tell(u8::try_from(step).unwrap_or(super::watchdog::LAST));
    }

    fn turn_back(&mut self) {
        self.goes_back = true;
    }

    fn perform(&mut self, op: &Op) -> Result<(), Trouble> {
        self.stopped()?;
        match op {
            Op::Send(messages) => self.send(messages),
            Op::Join { messages, .. } => self.join(messages),
            Op::Delete(bond) => self.delete(bond),
            Op::Write(settings) => {
                for setting in settings {
                    // Kernels differ in what they take of each other's values; nothing of it is worth a network.
                    let _ = self.sysctl.as_ref().map(|root| write(root, setting));
                }
                Ok(())
            }
            Op::Running(index) => self.running(*index),
            Op::Partner(index) => self.partner(*index),
            Op::Still(then) => self.still(then),
            Op::Rest(millis) => {
                std::thread::sleep(Duration::from_millis(*millis));
                Ok(())
            }
            Op::Announce { index, mac, addresses } => {
                addresses.iter().for_each(|address| announce(*index, *mac, *address));
                Ok(())
            }
            Op::Check => self.check(),
        }
    }
}

/// Writes it, if it is not so already.
fn write(root: &File, setting: &Setting) -> io::Result<()> {
    let open = |flags: OFlag| {
        let fd = openat(root, setting.path.as_str(), flags | OFlag::O_CLOEXEC, FileMode::empty())?;
        Ok::<_, io::Error>(File::from(fd))
    };
    let mut is = Vec::new();
    let read = open(OFlag::O_RDONLY).and_then(|mut file| file.read_to_end(&mut is));
    if read.is_ok() && is.trim_ascii() == setting.value.as_bytes() {
        return Ok(());
    }
    open(OFlag::O_WRONLY)?.write_all(setting.value.as_bytes())
}

/// Whoever does not hear it asks.
fn announce(index: u32, mac: Mac, address: IpAddr) {
    let (protocol, to, payload) = announcement(mac, address);
    let _ = send_frame(index, protocol, to, &payload);
}

/// What was to be made is there, or what was to go is not. Another's bond in place of ours is nothing of that kind.
fn is_done_already(kind: u16, errno: i32, goes_back: bool) -> bool {
    match kind {
        RTM_NEWLINK => goes_back && errno == libc::EEXIST,
        RTM_NEWADDR | RTM_NEWROUTE | RTM_NEWRULE => errno == libc::EEXIST,
        RTM_DELADDR | RTM_DELROUTE | RTM_DELRULE | RTM_DELLINK => {
            matches!(errno, libc::ENOENT | libc::ESRCH | libc::ENODEV | libc::EADDRNOTAVAIL)
        }
        _ => false,
    }
}

/// A message in words.
fn what(kind: u16) -> &'static str {
    match kind {
        RTM_NEWLINK => "the bond",
        RTM_DELLINK => "to delete the bond",
        RTM_SETLINK => "to change the link",
        RTM_NEWADDR => "the address",
        RTM_DELADDR => "to remove the address",
        RTM_NEWROUTE => "the route",
        RTM_DELROUTE => "to remove the route",
        RTM_NEWRULE => "the rule",
        RTM_DELRULE => "to remove the rule",
        _ => "the neighbour",
    }
}
