//! Messages as bytes, both ways: what is read is kept whole and can be sent again with little changed in it.

use super::Netlink;
use super::socket::Request;
use crate::engine::types::Refusal;

/// A message to rtnetlink without its header.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Raw {
    /// `RTM_*`.
    pub kind: u16,
    /// `NLM_F_*` beside REQUEST and ACK.
    pub flags: u16,
    /// The family's header and the attributes.
    pub body: Vec<u8>,
}

/// So many messages go out at once: their answers must fit into the socket's buffer.
const BURST: usize = 64;

impl Netlink {
    /// Reads a whole table, as the kernel tells it: the bodies of its messages. `query`: the family's header.
    ///
    /// # Errors
    /// What the kernel said.
    pub fn read_raw(&self, kind: u16, query: &[u8]) -> Result<Vec<Vec<u8>>, Refusal> {
        self.requests.dump(kind, query)
    }

    /// Sends messages as close together as can be; an answer for each.
    pub fn send_raw(&self, messages: &[&Raw]) -> Vec<Result<(), Refusal>> {
        let request = |raw: &&Raw| Request::raw(raw.kind, raw.flags, raw.body.clone());
        let bursts = messages.chunks(BURST);
        bursts.flat_map(|burst| self.requests.all(&burst.iter().map(request).collect::<Vec<_>>())).collect()
    }
}
