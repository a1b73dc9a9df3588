//! Sockets that systemd bound before it started the server, and keeps open while there is none.
//!
//! Source: sd_listen_fds(3). A server serves at most one address per protocol, so at most one socket
//! of each kind may be passed: one too many would take segments that nobody reads.

use std::io;
use std::net::{SocketAddr, TcpListener, UdpSocket};

/// Sockets whose number is beyond doubt a mistake.
const SOCKETS_MAX: usize = 16;

/// What was passed to this process.
#[derive(Debug, Default)]
pub struct Passed {
    /// For UDP.
    pub datagrams: Option<UdpSocket>,
    /// For TCP; it listens.
    pub connections: Option<TcpListener>,
}

/// Why passed sockets cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum PassedError {
    /// More than a server can have.
    #[error(
        "{text} sockets were passed (LISTEN_FDS), at most one of UDP and one of TCP can be served"
    )]
    TooMany {
        /// Their number, as it was told.
        text: String,
    },
    /// A second one of its kind.
    #[error(
        "two {kind} sockets were passed, {first} and {second}: remove one from the socket unit, nobody would read it"
    )]
    Two {
        /// `UDP` or `TCP`.
        kind: &'static str,
        /// The address of the first.
        first: String,
        /// The address of the second.
        second: String,
    },
    /// Neither UDP nor TCP.
    #[error(
        "passed socket {number} is neither one of UDP nor one of TCP: remove it from the socket unit"
    )]
    Kind {
        /// Its place in the list, from 1 on.
        number: usize,
        /// What the system said.
        source: io::Error,
    },
    /// The server has no use for it.
    #[error(
        "a UDP socket was passed, {address}, which nothing here reads: remove it from the socket unit"
    )]
    Unread {
        /// Its address.
        address: String,
    },
    /// Another address than the configured one.
    #[error(
        "{setting} is {configured}, but the socket unit passes {passed}: give both the same address \
         (systemctl edit {unit}), or disable the socket unit (systemctl disable --now {unit})"
    )]
    Differs {
        /// The setting's name.
        setting: &'static str,
        /// What it says.
        configured: String,
        /// The socket's address.
        passed: SocketAddr,
        /// The socket unit's name.
        unit: &'static str,
    },
    /// The system does not let it be used.
    #[error("passed socket cannot be used")]
    Unusable(#[from] io::Error),
}

impl Passed {
    /// Takes what this process was started with; a second call finds nothing. Call it before there are
    /// threads: it takes the variables out of the environment.
    ///
    /// # Errors
    /// When a socket among them would stay unread.
    pub fn of_this_process() -> Result<Self, PassedError> {
        let own = std::process::id();
        let is_ours = super::variable("LISTEN_PID").and_then(|text| text.parse().ok()) == Some(own);
        let Some(text) = super::variable("LISTEN_FDS").filter(|_| is_ours) else {
            return Ok(Self::default());
        };
        if text.parse::<usize>().is_ok_and(|count| count > SOCKETS_MAX) {
            return Err(PassedError::TooMany { text });
        }
        take()
    }

    /// Only a socket for TCP, as for a server that reads no datagrams.
    ///
    /// # Errors
    /// When there is one for UDP.
    pub fn connections_alone(self) -> Result<Option<TcpListener>, PassedError> {
        match self.datagrams {
            Some(socket) => Err(PassedError::Unread {
                address: address(&socket.local_addr()),
            }),
            None => Ok(self.connections),
        }
    }
}

#[cfg(unix)]
fn take() -> Result<Passed, PassedError> {
    let mut given = listenfd::ListenFd::from_env();
    let mut passed = Passed::default();
    for index in 0..given.len() {
        if let Ok(Some(socket)) = given.take_udp_socket(index) {
            socket.set_nonblocking(true)?;
            let second = address(&socket.local_addr());
            if let Some(first) = passed.datagrams.replace(socket) {
                let first = address(&first.local_addr());
                return Err(PassedError::Two {
                    kind: "UDP",
                    first,
                    second,
                });
            }
            continue;
        }
        let taken = given.take_tcp_listener(index);
        let listener = taken.map_err(|source| PassedError::Kind {
            number: index + 1,
            source,
        })?;
        let Some(listener) = listener else { continue };
        listener.set_nonblocking(true)?;
        let second = address(&listener.local_addr());
        if let Some(first) = passed.connections.replace(listener) {
            let first = address(&first.local_addr());
            return Err(PassedError::Two {
                kind: "TCP",
                first,
                second,
            });
        }
    }
    Ok(passed)
}

#[cfg(not(unix))]
fn take() -> Result<Passed, PassedError> {
    Ok(Passed::default())
}

fn address(local: &io::Result<SocketAddr>) -> String {
    local
        .as_ref()
        .map_or_else(ToString::to_string, ToString::to_string)
}

/// Whether a socket at `passed` serves what `configured` asks for. Port 0 asks for any; the wildcards of
/// both families ask for every address.
#[must_use]
pub fn is_served(configured: SocketAddr, passed: SocketAddr) -> bool {
    let same_port = configured.port() == 0 || configured.port() == passed.port();
    let both_any = configured.ip().is_unspecified() && passed.ip().is_unspecified();
    same_port && (both_any || configured.ip() == passed.ip())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_socket_serves_its_own_address_and_each_wildcard_the_others() {
        let cases = [
            ("127.0.0.1:2000", "127.0.0.1:2000", true),
            ("127.0.0.1:0", "127.0.0.1:2000", true),
            ("0.0.0.0:2000", "[::]:2000", true),
            ("[::]:2000", "0.0.0.0:2000", true),
            ("127.0.0.1:2000", "127.0.0.1:2001", false),
            ("127.0.0.1:2000", "0.0.0.0:2000", false),
            ("0.0.0.0:2000", "127.0.0.1:2000", false),
            ("[::1]:2000", "127.0.0.1:2000", false),
        ];
        for (configured, passed, expected) in cases {
            let served = is_served(configured.parse().unwrap(), passed.parse().unwrap());
            assert_eq!(served, expected, "{configured} by {passed}");
        }
    }

    #[test]
    fn a_datagram_socket_is_refused_where_nothing_reads_it() {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let address = socket.local_addr().unwrap();
        let passed = Passed {
            datagrams: Some(socket),
            connections: None,
        };
        let error = passed.connections_alone().unwrap_err();
        let expected = format!(
            "a UDP socket was passed, {address}, which nothing here reads: remove it from the socket unit"
        );
        assert_eq!(error.to_string(), expected);
        assert!(Passed::default().connections_alone().unwrap().is_none());
    }
}
