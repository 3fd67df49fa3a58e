//! What `down` gives back without an engine.

use std::io;
use std::net::Ipv4Addr;
use std::time::Duration;

use super::place::Place;
use super::{packets, packets6, perform, seed};
use crate::dhcp::v4::lease::Lease;
use crate::dhcp::v4::machine::{self, Machine};
use crate::dhcp::v6::{self, Lease as Lease6};
use crate::engine::state::{Client, State};
use crate::handover::files::Files;
use crate::handover::store::Store;
use crate::netlink::Netlink;
use crate::sys::{boottime, unsent};

/// Sends away everything that `found` asks for, without an engine: for `down`.
pub async fn give_back(state: &State, store: &Store) -> io::Result<Vec<String>> {
    let netlink = Netlink::open()?;
    let links = netlink.links().map_err(|refusal| io::Error::other(refusal.text))?;
    let files = Files::new(std::path::Path::new("/"), store.path());
    let conf = Place::at(packets6::CONF);
    let mut trouble = Vec::new();
    for action in crate::engine::undo::actions(&state.found, &links) {
        if let Err(refusal) = perform::network(&netlink, &files, &conf, &action) {
            trouble.push(refusal.text);
        }
    }
    Ok(trouble)
}

/// Gives a lease back to its server (RFC 2131 §4.4.6), without an engine: for `down`. Nobody answers to that.
pub async fn release(interface: &str, lease: &Lease, client: &Client) {
    let now = boottime();
    let config = machine::Config {
        mac: client.mac,
        seed: seed(),
        client_id: client.client_id.clone(),
        hostname: None,
        vendor_class: None,
        among: 1,
        mtu: 1500,
        previous: Some(lease.clone()),
    };
    let mut machine = Machine::new(config, now);
    // It takes the lease up as its own; what it would send for that is not sent.
    machine.step(now, machine::Event::Start);
    for action in machine.step(now, machine::Event::Release) {
        if let machine::Action::Unicast { from, to, payload } = action
            && let Err(error) = depart(interface, from, to, &payload).await
        {
            log::warn!("{interface}: the lease could not be given back: {error}");
        }
    }
}

/// Sends the last message of an interface, and waits until it is out: ARP may have to ask for the server first.
async fn depart(interface: &str, from: Ipv4Addr, to: Ipv4Addr, payload: &[u8]) -> io::Result<()> {
    /// A server that answers ARP does so in this time.
    const LIMIT: Duration = Duration::from_secs(1);
    const LEAVING: Duration = Duration::from_millis(100);
    let socket = packets::unicast(interface, from, to, payload)?;
    let sent = async {
        while unsent(&socket)? > 0 {
            // The kernel tells nobody when a datagram leaves.
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        // It has left the socket; the NIC and the switch need a moment before the link may go.
        tokio::time::sleep(LEAVING).await;
        Ok(())
    };
    let late = || io::Error::new(io::ErrorKind::TimedOut, format!("{to} does not answer ARP"));
    tokio::time::timeout(LIMIT, sent).await.unwrap_or_else(|_| Err(late()))
}

/// The same of a DHCPv6 lease (RFC 8415 §18.2.7). The server's answer is not waited for.
pub async fn release6(interface: &str, lease: &Lease6, duid: &[u8], iaid: u32) {
    /// The NIC and the switch need a moment before the link may go.
    const LEAVING: Duration = Duration::from_millis(100);
    let now = boottime();
    let (duid, previous) = (duid.to_vec(), Some(lease.clone()));
    let config = v6::Config { mode: v6::Mode::Stateful, seed: seed(), duid, iaid, among: 1, previous };
    let mut machine = v6::Machine::new(config, now);
    // It takes the lease up as its own; what it would send for that is not sent.
    machine.step(now, v6::Event::Start);
    for action in machine.step(now, v6::Event::Release) {
        if let v6::Action::Send(payload) = action {
            match packets6::send_once(interface, &payload) {
                Ok(_) => tokio::time::sleep(LEAVING).await,
                Err(error) => {
                    log::warn!("{interface}: the DHCPv6 lease could not be given back: {error}");
                }
            }
        }
    }
}
