//! Changing links.

use futures_util::future;
use rtnetlink::{LinkMessageBuilder, LinkUnspec, LinkVlan};

use super::Netlink;
use crate::engine::types::Refusal;

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
    pub async fn create_vlan(&self, name: &str, lower: u32, id: u16) -> Result<(), Refusal> {
        Ok(self.handle.link().add(LinkVlan::new(name, lower, id).build()).execute().await?)
    }

    /// Deletes a link.
    pub async fn delete(&self, index: u32) -> Result<(), Refusal> {
        Ok(self.handle.link().del(index).execute().await?)
    }

    async fn set(&self, message: LinkMessageBuilder<LinkUnspec>) -> Result<(), Refusal> {
        Ok(self.handle.link().set(message.build()).execute().await?)
    }
}
