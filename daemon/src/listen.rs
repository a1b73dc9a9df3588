//! Addresses to listen on, for UDP and TCP alike.
//!
//! Source: `spec/daemon.md` section 2.3. `:2000` is all interfaces; `0.0.0.0` means IPv6 too, since
//! clients that say `localhost` may arrive on `::1`. Names are resolved once, at start.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use socket2::{Domain, Socket, Type};

/// Why an address cannot be listened on.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// No `host:port`.
    #[error("{address}: missing port in address; write host:port")]
    MissingPort {
        /// The address as configured.
        address: String,
    },
    /// The name is unknown, or the port no number.
    #[error("{address}: address cannot be resolved")]
    Unresolvable {
        /// The address as configured.
        address: String,
        /// What the resolver said, if it said anything.
        source: Option<io::Error>,
    },
    /// The address is taken, foreign, or not allowed.
    #[error("{address}: cannot listen there")]
    Bind {
        /// The address as resolved.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
}

/// The address that `host:port` stands for; of a name with several, the first of IPv4.
pub(crate) async fn resolve(address: &str) -> Result<SocketAddr, ListenError> {
    let with_host = match address.strip_prefix(':') {
        Some(_) => format!("0.0.0.0{address}"),
        None => address.to_owned(),
    };
    if !with_host.contains(':') {
        return Err(ListenError::MissingPort {
            address: address.to_owned(),
        });
    }
    let unresolvable = |source| ListenError::Unresolvable {
        address: address.to_owned(),
        source,
    };
    let found = tokio::net::lookup_host(with_host).await;
    let found: Vec<SocketAddr> = found.map_err(|error| unresolvable(Some(error)))?.collect();
    let ipv4 = found.iter().find(|each| each.is_ipv4());
    ipv4.or_else(|| found.first())
        .copied()
        .ok_or_else(|| unresolvable(None))
}

/// A bound socket and the address to show: as asked for, with the port it got.
pub(crate) fn bind(address: SocketAddr, kind: Type) -> Result<(Socket, SocketAddr), ListenError> {
    let bound = if address.ip() == IpAddr::V4(Ipv4Addr::UNSPECIFIED) {
        let both = SocketAddr::new(Ipv6Addr::UNSPECIFIED.into(), address.port());
        // Hosts without IPv6 get IPv4 alone.
        bind_one(both, kind).or_else(|_| bind_one(address, kind))
    } else {
        bind_one(address, kind)
    };
    bound
        .and_then(|socket| {
            let local = socket.local_addr()?;
            let port = local
                .as_socket()
                .map_or_else(|| address.port(), |local| local.port());
            Ok((socket, SocketAddr::new(address.ip(), port)))
        })
        .map_err(|source| ListenError::Bind { address, source })
}

fn bind_one(address: SocketAddr, kind: Type) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), kind, None)?;
    if address.ip() == IpAddr::V6(Ipv6Addr::UNSPECIFIED) {
        socket.set_only_v6(false)?;
    }
    // For TCP only: a restarted daemon must not wait for old connections. For UDP it would let two
    // daemons share the port and each lose half.
    #[cfg(unix)]
    if kind == Type::STREAM {
        socket.set_reuse_address(true)?;
    }
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    Ok(socket)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn addresses_are_read_as_the_aws_daemon_reads_them() {
        let cases = [
            ("127.0.0.1:2000", "127.0.0.1:2000"),
            (":2000", "0.0.0.0:2000"),
            ("[::1]:2000", "[::1]:2000"),
            ("localhost:2000", "127.0.0.1:2000"),
        ];
        for (text, address) in cases {
            assert_eq!(
                resolve(text).await.unwrap(),
                address.parse().unwrap(),
                "{text}"
            );
        }
    }

    #[tokio::test]
    async fn addresses_without_a_port_are_refused() {
        let error = resolve("2000").await.unwrap_err();
        assert_eq!(
            error.to_string(),
            "2000: missing port in address; write host:port"
        );
        for text in ["127.0.0.1:x", "127.0.0.1:70000", "[::1]"] {
            let error = resolve(text).await.unwrap_err();
            assert!(
                matches!(error, ListenError::Unresolvable { .. }),
                "{text}: {error}"
            );
        }
    }

    #[test]
    fn a_taken_address_is_refused_for_both_protocols() {
        for kind in [Type::DGRAM, Type::STREAM] {
            let (socket, address) = bind("127.0.0.1:0".parse().unwrap(), kind).unwrap();
            if kind == Type::STREAM {
                socket.listen(1).unwrap();
            }
            let error = bind(address, kind).unwrap_err();
            assert!(matches!(error, ListenError::Bind { .. }), "{error}");
        }
    }

    #[test]
    fn the_wildcard_of_ipv4_takes_datagrams_of_both_families() {
        let (socket, address) = bind("0.0.0.0:0".parse().unwrap(), Type::DGRAM).unwrap();
        socket.set_nonblocking(false).unwrap();
        assert_eq!(address.ip(), IpAddr::V4(Ipv4Addr::UNSPECIFIED));
        assert_ne!(address.port(), 0);
        let receiver: std::net::UdpSocket = socket.into();
        for (local, target) in [("127.0.0.1:0", "127.0.0.1"), ("[::1]:0", "::1")] {
            let Ok(sender) = std::net::UdpSocket::bind(local) else {
                // A host without this family has nothing to send from.
                continue;
            };
            let target = SocketAddr::new(target.parse().unwrap(), address.port());
            sender.send_to(b"x", target).unwrap();
            let mut buffer = [0; 8];
            assert_eq!(receiver.recv(&mut buffer).unwrap(), 1, "{local}");
        }
    }
}
