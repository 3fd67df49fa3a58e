//! Changing links.

use super::attributes::put;
use super::links::IFLA_VLAN_ID;
use super::message::LinkMessage;
use super::{NEW, Netlink, RTM_DELLINK, RTM_NEWLINK, RTM_SETLINK};
use crate::engine::types::Refusal;
use crate::mac::Mac;

impl Netlink {
    /// Sets a link up.
    pub fn up(&self, index: u32) -> Result<(), Refusal> {
        self.set(LinkMessage::of(index).up(true))
    }

    /// Sets a link down.
    pub fn down(&self, index: u32) -> Result<(), Refusal> {
        self.set(LinkMessage::of(index).up(false))
    }

    /// Sets the port down and puts it into the bond. The two requests leave together: whoever sets the port up in
    /// between has only the time between two messages of one queue. (One message can't do both on all kernels:
    /// since a4abfa627c38 the controller is set before the flags.)
    pub fn enslave(&self, port: u32, bond: u32) -> Result<(), Refusal> {
        let messages = [
            LinkMessage::of(port).up(false).request(RTM_SETLINK, 0),
            LinkMessage::of(port).controller(bond).request(RTM_SETLINK, 0),
        ];
        let mut answers = self.requests.all(&messages);
        match (answers.pop(), answers.pop()) {
            (Some(Err(_)), Some(Err(down))) => Err(down),
            (join, _) => join.unwrap_or(Ok(())),
        }
    }

    /// Takes a port out of its bond.
    pub fn release(&self, port: u32) -> Result<(), Refusal> {
        self.set(LinkMessage::of(port).controller(0))
    }

    /// Makes a VLAN interface, down.
    pub fn create_vlan(
        &self,
        name: &str,
        lower: u32,
        id: u16,
        mac: Option<Mac>,
        mtu: Option<u32>,
    ) -> Result<(), Refusal> {
        let mut data = Vec::new();
        put(&mut data, IFLA_VLAN_ID, &id.to_ne_bytes());
        let message = LinkMessage::of(0).name(name).link(lower).shaped(mac, mtu).kind("vlan", &data);
        self.requests.one(message.request(RTM_NEWLINK, NEW))
    }

    /// Makes a bridge, down, without ports, without the spanning tree.
    pub fn create_bridge(&self, name: &str, mac: Option<Mac>, mtu: Option<u32>) -> Result<(), Refusal> {
        let message = LinkMessage::of(0).name(name).shaped(mac, mtu).kind("bridge", &[]);
        self.requests.one(message.request(RTM_NEWLINK, NEW))
    }

    /// Makes a link a port of a bridge.
    pub fn join(&self, port: u32, bridge: u32) -> Result<(), Refusal> {
        self.set(LinkMessage::of(port).controller(bridge))
    }

    /// Changes a NIC's address or MTU. It is set down for another address: most drivers want that.
    pub fn set_link(&self, index: u32, mac: Option<Mac>, mtu: Option<u32>) -> Result<(), Refusal> {
        if mac.is_some() {
            self.down(index)?;
        }
        self.set(LinkMessage::of(index).shaped(mac, mtu))
    }

    /// Gives a NIC another name. Before 6.2 the kernel renames only what is down.
    pub fn rename(&self, index: u32, name: &str, up: bool) -> Result<(), Refusal> {
        if up {
            self.down(index)?;
        }
        let renamed = self.set(LinkMessage::of(index).name(name));
        if up {
            self.up(index)?;
        }
        renamed
    }

    /// Deletes a link.
    pub fn delete(&self, index: u32) -> Result<(), Refusal> {
        self.requests.one(LinkMessage::of(index).request(RTM_DELLINK, 0))
    }

    fn set(&self, message: LinkMessage) -> Result<(), Refusal> {
        self.requests.one(message.request(RTM_SETLINK, 0))
    }
}
