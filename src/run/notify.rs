//! sd_notify(3): one datagram to the service manager, if there is one.

use std::io;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::sync::OnceLock;

/// The socket of `$NOTIFY_SOCKET`, connected at the first call: its path is not walked again once an initramfs has entered
/// its root, or the root is out of reach.
fn manager() -> Option<&'static io::Result<UnixDatagram>> {
    static MANAGER: OnceLock<Option<io::Result<UnixDatagram>>> = OnceLock::new();
    let connect = || {
        let path = std::env::var_os("NOTIFY_SOCKET")?;
        let address = match path.as_bytes().strip_prefix(b"@") {
            Some(name) => SocketAddr::from_abstract_name(name),
            None => SocketAddr::from_pathname(&path),
        };
        Some(address.and_then(|address| {
            let socket = UnixDatagram::unbound()?;
            socket.connect_addr(&address)?;
            Ok(socket)
        }))
    };
    MANAGER.get_or_init(connect).as_ref()
}

/// It is online, or there is nothing to do. Nobody there to be told: nothing to do.
pub(super) fn ready() {
    let sent = match manager() {
        Some(Ok(socket)) => socket.send(b"READY=1").map_err(|error| error.to_string()),
        Some(Err(error)) => Err(error.to_string()),
        None => return,
    };
    if let Err(error) = sent {
        log::warn!("the service manager was not told: {error}");
    }
}

/// What is going on, for whoever looks at the service, or waits for it at boot.
pub(super) fn status(line: &str) {
    if let Some(Ok(socket)) = manager() {
        // Worth no wait and no word of its own.
        let _ = socket.send(format!("STATUS={line}").as_bytes());
    }
}
