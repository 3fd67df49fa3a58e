//! Changing links.

use futures_util::future;
use rtnetlink::{LinkBridge, LinkMessageBuilder, LinkUnspec, LinkVlan};

use super::Netlink;
use crate::engine::types::Refusal;
use crate::mac::Mac;

impl Netlink {
    /// Sets a link up.
    pub async fn up(&self, index: u32) -> Result<(), Refusal> {
        self.set(LinkUnspec::new_with_index(index).up()).await
    }

    /// Sets a link down.
    pub async fn down(&self, index: u32) -> Result<(), Refusal> {
        self.set(LinkUnspec::new_with_index(index).down()).await
    }

    /// Sets the port down and puts it into the bond. The two requests leave together: whoever sets the port up in
    /// between has only the time between two messages of one queue. (One message can't do both on all kernels:
    /// since a4abfa627c38 the controller is set before the flags.)
    pub async fn enslave(&self, port: u32, bond: u32) -> Result<(), Refusal> {
        let down = self.down(port);
        let join = self.set(LinkUnspec::new_with_index(port).controller(bond));
        let (down, join) = future::join(down, join).await;
        join.map_err(|refusal| down.err().unwrap_or(refusal))
    }

    /// Takes a port out of its bond.
    pub async fn release(&self, port: u32) -> Result<(), Refusal> {
        self.set(LinkUnspec::new_with_index(port).nocontroller()).await
    }

    /// Makes a VLAN interface, down.
    pub async fn create_vlan(
        &self,
        name: &str,
        lower: u32,
        id: u16,
        mac: Option<Mac>,
        mtu: Option<u32>,
    ) -> Result<(), Refusal> {
        let message = shaped(LinkVlan::new(name, lower, id), mac, mtu);
        Ok(self.handle.link().add(message.build()).execute().await?)
    }

    /// Makes a bridge, down, without ports, without the spanning tree.
    pub async fn create_bridge(&self, name: &str, mac: Option<Mac>, mtu: Option<u32>) -> Result<(), Refusal> {
        let message = shaped(LinkBridge::new(name), mac, mtu);
        Ok(self.handle.link().add(message.build()).execute().await?)
    }

    /// Makes a link a port of a bridge.
    pub async fn join(&self, port: u32, bridge: u32) -> Result<(), Refusal> {
        self.set(LinkUnspec::new_with_index(port).controller(bridge)).await
    }

    /// Changes a NIC's address or MTU. It is set down for another address: most drivers want that.
    pub async fn set_link(&self, index: u32, mac: Option<Mac>, mtu: Option<u32>) -> Result<(), Refusal> {
        if mac.is_some() {
            self.down(index).await?;
        }
        self.set(shaped(LinkUnspec::new_with_index(index), mac, mtu)).await
    }

    /// Gives a NIC another name. Before 6.2 the kernel renames only what is down.
    pub async fn rename(&self, index: u32, name: &str, up: bool) -> Result<(), Refusal> {
        if up {
            self.down(index).await?;
        }
        let renamed = self.set(LinkUnspec::new_with_index(index).name(name)).await;
        if up {
            self.up(index).await?;
        }
        renamed
    }

    /// Deletes a link.
    pub async fn delete(&self, index: u32) -> Result<(), Refusal> {
        Ok(self.handle.link().del(index).execute().await?)
    }

    async fn set(&self, message: LinkMessageBuilder<LinkUnspec>) -> Result<(), Refusal> {
        Ok(self.handle.link().set(message.build()).execute().await?)
    }
}

/// With an address and an MTU of its own.
fn shaped<T>(message: LinkMessageBuilder<T>, mac: Option<Mac>, mtu: Option<u32>) -> LinkMessageBuilder<T> {
    let message = if let Some(mac) = mac { message.address(mac.0.to_vec()) } else { message };
    if let Some(mtu) = mtu { message.mtu(mtu) } else { message }
}
