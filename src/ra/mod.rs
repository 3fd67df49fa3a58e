//! Router advertisements (RFC 4861, RFC 8106): heard beside the kernel, which makes addresses and routes of them. What it
//! keeps to itself is read here: name servers, search list, flags, and whether there is a router at all.
//!
//! [`machine`] asks for them and remembers, and is told the time. [`packet`] is the frame, [`advert`] what stands in it.
//! Sockets and the interface are not here.

pub mod advert;
pub mod machine;
pub mod packet;

#[cfg(test)]
mod tests;
