//! Changing links.

use rtnetlink::{LinkBridge, LinkMessageBuilder, LinkUnspec, LinkVlan};

use super::socket::Request;
use super::{NEW, Netlink, RTM_DELLINK, RTM_NEWLINK, RTM_SETLINK};
use crate::engine::types::Refusal;
use crate::mac::Mac;

impl Netlink {
    /// Sets a link up.
    pub fn up(&self, index: u32) -> Result<(), Refusal> {
        self.set(LinkUnspec::new_with_index(index).up())
    }

    /// Sets a link down.
    pub fn down(&self, index: u32) -> Result<(), Refusal> {
        self.set(LinkUnspec::new_with_index(index).down())
    }

    /// Sets the port down and puts it into the bond. The two requests leave together: whoever sets the port up in
    /// between has only the time between two messages of one queue. (One message can't do both on all kernels:
    /// since a4abfa627c38 the controller is set before the flags.)
    pub fn enslave(&self, port: u32, bond: u32) -> Result<(), Refusal> {
        let messages = [
            LinkUnspec::new_with_index(port).down().build(),
            LinkUnspec::new_with_index(port).controller(bond).build(),
        ];
        let mut answers = self.requests.all(&messages.map(|message| Request::new(RTM_SETLINK, 0, &message)));
        match (answers.pop(), answers.pop()) {
            (Some(Err(_)), Some(Err(down))) => Err(down),
            (join, _) => join.unwrap_or(Ok(())),
        }
    }

    /// Takes a port out of its bond.
    pub fn release(&self, port: u32) -> Result<(), Refusal> {
        self.set(LinkUnspec::new_with_index(port).nocontroller())
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
        let message = shaped(LinkVlan::new(name, lower, id), mac, mtu);
        self.requests.one(Request::new(RTM_NEWLINK, NEW, &message.build()))
    }

    /// Makes a bridge, down, without ports, without the spanning tree.
    pub fn create_bridge(&self, name: &str, mac: Option<Mac>, mtu: Option<u32>) -> Result<(), Refusal> {
        let message = shaped(LinkBridge::new(name), mac, mtu);
        self.requests.one(Request::new(RTM_NEWLINK, NEW, &message.build()))
    }

    /// Makes a link a port of a bridge.
    pub fn join(&self, port: u32, bridge: u32) -> Result<(), Refusal> {
        self.set(LinkUnspec::new_with_index(port).controller(bridge))
    }

    /// Changes a NIC's address or MTU. It is set down for another address: most drivers want that.
    pub fn set_link(&self, index: u32, mac: Option<Mac>, mtu: Option<u32>) -> Result<(), Refusal> {
        if mac.is_some() {
            self.down(index)?;
        }
        self.set(shaped(LinkUnspec::new_with_index(index), mac, mtu))
    }

    /// Gives a NIC another name. Before 6.2 the kernel renames only what is down.
    pub fn rename(&self, index: u32, name: &str, up: bool) -> Result<(), Refusal> {
        if up {
            self.down(index)?;
        }
        let renamed = self.set(LinkUnspec::new_with_index(index).name(name));
        if up {
            self.up(index)?;
        }
        renamed
    }

    /// Deletes a link.
    pub fn delete(&self, index: u32) -> Result<(), Refusal> {
        let message = LinkUnspec::new_with_index(index).build();
        self.requests.one(Request::new(RTM_DELLINK, 0, &message))
    }

    fn set(&self, message: LinkMessageBuilder<LinkUnspec>) -> Result<(), Refusal> {
        self.requests.one(Request::new(RTM_SETLINK, 0, &message.build()))
    }
}

/// With an address and an MTU of its own.
fn shaped<T>(message: LinkMessageBuilder<T>, mac: Option<Mac>, mtu: Option<u32>) -> LinkMessageBuilder<T> {
    let message = if let Some(mac) = mac { message.address(mac.0.to_vec()) } else { message };
    if let Some(mtu) = mtu { message.mtu(mtu) } else { message }
}
