//! The two sockets of a daemon: passed to the process by systemd, or bound here.
//!
//! A passed socket must be at the address that somebody configured; without such an address the daemon
//! serves where it was passed. What was not passed is bound as configured.

use std::net::SocketAddr;

use radiograph_admin::systemd::passed::{self, Passed, PassedError};
use tokio::net::TcpListener;

use super::{StartError, parts};
use crate::config::Config;
use crate::listen::{self, ListenError};
use crate::receive::socket::{self, Bound};

/// Names the unit in what is told to its owner.
const UNIT: &str = "radiograph-daemon.socket";

/// Where segments arrive, and sampling calls.
pub(super) struct Sockets {
    pub(super) datagrams: Bound,
    pub(super) connections: TcpListener,
    /// Of the connections.
    pub(super) tcp_address: SocketAddr,
}

/// Takes what was passed and binds the rest; within a tokio runtime.
pub(super) async fn open(config: &Config, passed: Passed) -> Result<Sockets, StartError> {
    let udp = listen::resolve(&config.bind)
        .await
        .map_err(StartError::Udp)?;
    let datagrams = match passed.datagrams {
        Some(given) => {
            let at = given.local_addr().map_err(PassedError::from)?;
            let configured = config.bind_is_explicit.then_some(udp);
            same("the UDP address (Socket.UDPAddress)", configured, at)?;
            socket::taken(given, at)
        }
        None => socket::bind(udp).map_err(StartError::Udp)?,
    };
    let tcp = listen::resolve(&config.bind_tcp)
        .await
        .map_err(StartError::Tcp)?;
    let (connections, tcp_address) = match passed.connections {
        Some(given) => {
            let at = given.local_addr().map_err(PassedError::from)?;
            let configured = config.bind_tcp_is_explicit.then_some(tcp);
            same("the TCP address (Socket.TCPAddress)", configured, at)?;
            let unusable = |source| {
                StartError::Tcp(ListenError::Bind {
                    address: at,
                    source,
                })
            };
            (TcpListener::from_std(given).map_err(unusable)?, at)
        }
        None => parts::listen_tcp(tcp).map_err(StartError::Tcp)?,
    };
    Ok(Sockets {
        datagrams,
        connections,
        tcp_address,
    })
}

/// Never another address than the one that somebody wrote down.
fn same(
    setting: &'static str,
    configured: Option<SocketAddr>,
    at: SocketAddr,
) -> Result<(), PassedError> {
    match configured {
        Some(wanted) if !passed::is_served(wanted, at) => Err(PassedError::Differs {
            setting,
            configured: wanted.to_string(),
            passed: at,
            unit: UNIT,
        }),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener as StdListener, UdpSocket};

    use super::*;

    fn passed() -> (Passed, SocketAddr, SocketAddr) {
        let datagrams = UdpSocket::bind("127.0.0.1:0").unwrap();
        let connections = StdListener::bind("127.0.0.1:0").unwrap();
        datagrams.set_nonblocking(true).unwrap();
        connections.set_nonblocking(true).unwrap();
        let udp = datagrams.local_addr().unwrap();
        let tcp = connections.local_addr().unwrap();
        let passed = Passed {
            datagrams: Some(datagrams),
            connections: Some(connections),
        };
        (passed, udp, tcp)
    }

    #[tokio::test]
    async fn passed_sockets_are_served_where_no_other_address_is_configured() {
        let (passed, udp, tcp) = passed();
        let opened = open(&Config::default(), passed).await.ok().unwrap();
        assert_eq!((opened.datagrams.address, opened.tcp_address), (udp, tcp));
        assert_ne!(opened.datagrams.receive_buffer_bytes, 0);
    }

    #[tokio::test]
    async fn an_address_that_somebody_configured_is_served_or_the_start_refused() {
        let explicit = |bind: &str, bind_tcp: &str| Config {
            bind: bind.to_owned(),
            bind_tcp: bind_tcp.to_owned(),
            bind_is_explicit: true,
            bind_tcp_is_explicit: true,
            ..Config::default()
        };
        let (given, udp, tcp) = passed();
        let same = explicit(&udp.to_string(), &tcp.to_string());
        assert!(open(&same, given).await.is_ok());
        let (given, udp, _) = passed();
        let refused = open(&explicit("127.0.0.1:1", "127.0.0.1:0"), given).await;
        let expected = format!(
            "the UDP address (Socket.UDPAddress) is 127.0.0.1:1, but the socket unit passes {udp}: give both \
             the same address (systemctl edit radiograph-daemon.socket), or disable the socket unit \
             (systemctl disable --now radiograph-daemon.socket)"
        );
        assert_eq!(refused.err().unwrap().to_string(), expected);
        let (given, udp, tcp) = passed();
        let refused = open(&explicit(&udp.to_string(), "127.0.0.1:1"), given).await;
        let text = refused.err().unwrap().to_string();
        let expected = format!(
            "the TCP address (Socket.TCPAddress) is 127.0.0.1:1, but the socket unit passes {tcp}"
        );
        assert!(text.starts_with(&expected), "{text}");
    }
}
