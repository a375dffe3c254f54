//! What a service manager is told: sd_notify(3). Without one, nothing.

use std::ffi::OsStr;
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram};

/// That what an earlier run accepted is searchable, so that whoever waits for the start may go on.
pub(super) fn ready() {
    tell("READY=1");
}

pub(super) fn stopping() {
    tell("STOPPING=1");
}

/// One line for `systemctl status`.
pub(super) fn status(line: &str) {
    tell(&format!("STATUS={}", line.replace('\n', " ")));
}

fn tell(message: &str) {
    let Some(socket) = std::env::var_os("NOTIFY_SOCKET") else { return };
    if let Err(error) = send(&socket, message) {
        tracing::warn!(?socket, %error, "the service manager cannot be told {message:?}");
    }
}

/// A path, or with an @ at its beginning a name in Linux's abstract space.
fn send(socket: &OsStr, message: &str) -> std::io::Result<()> {
    let address = match socket.as_bytes().strip_prefix(b"@") {
        Some(name) => SocketAddr::from_abstract_name(name)?,
        None => SocketAddr::from_pathname(socket)?,
    };
    UnixDatagram::unbound()?.send_to_addr(message.as_bytes(), &address).map(drop)
}
