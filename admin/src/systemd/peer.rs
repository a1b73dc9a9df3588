//! Sends datagrams to a socket of the file system, or of Linux's abstract names.
//!
//! Whom it sends to may come and go: every datagram finds it anew. Elsewhere than on Unix there is
//! nobody to send to.

use std::io;

/// Somebody who takes datagrams.
#[cfg(unix)]
#[derive(Debug)]
pub(super) struct Peer {
    socket: std::os::unix::net::UnixDatagram,
    address: std::os::unix::net::SocketAddr,
}

#[cfg(unix)]
impl Peer {
    /// At a path, or at `@name` in the abstract namespace.
    ///
    /// # Errors
    /// When the address can be none, or there is no socket to be had.
    pub(super) fn at(address: &str) -> io::Result<Self> {
        use std::os::unix::net::{SocketAddr, UnixDatagram};

        let address = match address.strip_prefix('@') {
            Some(name) => of_name(name)?,
            None => SocketAddr::from_pathname(address)?,
        };
        let socket = UnixDatagram::unbound()?;
        // whoever hangs must not make this process hang
        socket.set_write_timeout(Some(WITHIN))?;
        Ok(Self { socket, address })
    }

    /// Sends all of it as one datagram, or nothing.
    ///
    /// # Errors
    /// What the system said.
    pub(super) fn send(&self, datagram: &[u8]) -> io::Result<()> {
        self.socket.send_to_addr(datagram, &self.address).map(drop)
    }
}

/// How long a peer that does not read keeps a sender waiting.
#[cfg(unix)]
const WITHIN: std::time::Duration = std::time::Duration::from_secs(1);

#[cfg(target_os = "linux")]
fn of_name(name: &str) -> io::Result<std::os::unix::net::SocketAddr> {
    use std::os::linux::net::SocketAddrExt as _;

    std::os::unix::net::SocketAddr::from_abstract_name(name)
}

#[cfg(all(unix, not(target_os = "linux")))]
fn of_name(_: &str) -> io::Result<std::os::unix::net::SocketAddr> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Nobody.
#[cfg(not(unix))]
#[derive(Debug)]
pub(super) enum Peer {}

#[cfg(not(unix))]
impl Peer {
    pub(super) fn at(_: &str) -> io::Result<Self> {
        Err(io::ErrorKind::Unsupported.into())
    }

    pub(super) fn send(&self, _: &[u8]) -> io::Result<()> {
        match *self {}
    }
}
