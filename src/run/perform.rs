//! One action, done.

use std::io;

use super::place::Place;
use super::{World, announce, hardware, modules, notify, packets6};
use crate::engine::six::types as six;
use crate::engine::types::{Action, Refusal};
use crate::escape;
use crate::handover::files::Files;
use crate::netlink::{Netlink, words_of};
use crate::report;
use crate::sys::PacketSocket;

impl From<io::Error> for Refusal {
    fn from(error: io::Error) -> Self {
        // The bare words, without "(os error 95)".
        let text = error.raw_os_error().map(|errno| words_of(errno).to_owned());
        Self { errno: error.raw_os_error().unwrap_or(0), text: text.unwrap_or_else(|| error.to_string()) }
    }
}

impl World {
    /// Does it. [`Action::Finish`] is the loop's own.
    pub(super) async fn perform(&mut self, action: &Action) -> Result<(), Refusal> {
        log::trace!("{action:?}");
        match action {
            Action::LoadModule(name) => tokio::select! {
                loaded = modules::load(&self.modules, name) => loaded,
                // Whoever ends us does not wait for a module.
                signal = self.signals.next() => {
                    self.signalled = Some(signal);
                    Err(Refusal { errno: 0, text: format!("loading {name} was interrupted by {signal}") })
                }
            },
            Action::OpenDhcp(index) => Ok(self.packets.open(*index)?),
            Action::CloseDhcp(index) => {
                self.packets.close(*index);
                self.arp.close(*index);
                Ok(())
            }
            Action::OpenArp { index, address } => Ok(self.arp.open(*index, *address)?),
            Action::CloseArp(index) => {
                self.arp.close(*index);
                Ok(())
            }
            Action::Probe { index, mac, address } => Ok(self.arp.probe(*index, *mac, *address)?),
            Action::Broadcast { index, payload } => Ok(self.packets.broadcast(*index, payload)?),
            Action::Unicast { index, from, to, payload } => {
                let name = nix::net::if_::if_indextoname(*index).map_err(io::Error::from)?;
                Ok(self.packets.unicast(*index, &name.to_string_lossy(), *from, *to, payload)?)
            }
            Action::Six(six::Action::Setting { .. }) => {
                network(&self.netlink, &self.files, &self.conf, action)
            }
            Action::Six(action) => Ok(self.packets6.perform(&self.netlink, action)?),
            Action::Say(level, text) => {
                // Names of links and words of servers are in it: nothing of that may act on a terminal.
                let text = escape::printable(text);
                log::log!(target: "bondstrap", *level, "{text}");
                if *level <= log::Level::Info {
                    notify::status(&text);
                }
                Ok(())
            }
            Action::Online => {
                notify::ready();
                self.let_go();
                Ok(())
            }
            Action::LetGo => {
                self.let_go();
                Ok(())
            }
            other => network(&self.netlink, &self.files, &self.conf, other),
        }
    }

    /// The terminal is that of whoever called `up`, and `up` returns.
    fn let_go(&self) {
        if self.settings.detach {
            report::log::close_stderr(self.null.as_ref());
        }
    }
}

/// What needs netlink and files only. `conf`: [`packets6::CONF`].
pub(super) fn network(
    netlink: &Netlink,
    files: &Files,
    conf: &Place,
    action: &Action,
) -> Result<(), Refusal> {
    match action {
        Action::CreateBond { name, mode, options, mac, mtu } => {
            netlink.create_bond(name, *mode, options, *mac, *mtu)
        }
        Action::TakeOver { index, mode, options, mac, mtu } => {
            netlink.take_over(*index, *mode, options, *mac, *mtu)
        }
        Action::SetOptions { index, options } => netlink.set_options(*index, options),
        Action::Enslave { port, bond } => netlink.enslave(*port, *bond),
        Action::Release(port) => netlink.release(*port),
        Action::Quiet { index, quiet } => Ok(hardware::set_quiet(conf, *index, *quiet)?),
        Action::Up(index) => netlink.up(*index),
        Action::CreateVlan { name, lower, id, mac, mtu } => {
            netlink.create_vlan(name, *lower, *id, *mac, *mtu)
        }
        Action::CreateBridge { name, mac, mtu } => netlink.create_bridge(name, *mac, *mtu),
        Action::Join { port, bridge } => netlink.join(*port, *bridge),
        Action::SetLink { index, mac, mtu } => netlink.set_link(*index, *mac, *mtu),
        Action::Rename { index, name, up } => netlink.rename(*index, name, *up),
        Action::Down(index) => netlink.down(*index),
        Action::Delete(index) => netlink.delete(*index),
        Action::AddAddress { index, address, peer, lifetime } => {
            netlink.add_address(*index, *address, *peer, *lifetime)
        }
        Action::RestoreAddress(found) => netlink.restore_address(found),
        Action::RestoreDefault(found) => netlink.restore_default(found),
        Action::DelAddress { index, address } => netlink.del_address(*index, *address),
        Action::AddRoute { index, to, via, onlink, source } => {
            netlink.add_route(*index, *to, *via, *onlink, *source)
        }
        Action::DelRoute { index, to, via } => netlink.del_route(*index, *to, *via),
        Action::Announce { index, mac, address } => {
            // A filter that lets nothing in: this socket only speaks.
            const NOTHING: &[(u16, u8, u8, u32)] = &[(0x06, 0, 0, 0)];
            let (kind, to, packet) = announce::announcement(*mac, *address);
            Ok(PacketSocket::open(*index, kind, NOTHING)?.send(to, &packet)?)
        }
        Action::Resolver { servers, scoped, search } => Ok(files.set_resolver(servers, scoped, search)?),
        Action::HostName { name, only_if_unset } => Ok(files.set_host_name(name, *only_if_unset)?),
        Action::RestoreFiles => Ok(files.restore()?),
        Action::Six(six::Action::Setting { index, name, value }) => {
            Ok(packets6::set(conf, *index, name, *value)?)
        }
        Action::LoadModule(_)
        | Action::Six(_)
        | Action::OpenDhcp(_)
        | Action::CloseDhcp(_)
        | Action::OpenArp { .. }
        | Action::CloseArp(_)
        | Action::Probe { .. }
        | Action::Broadcast { .. }
        | Action::Unicast { .. }
        | Action::Say(..)
        | Action::Online
        | Action::LetGo
        | Action::Finish => Ok(()),
    }
}
