//! Sends the documents to the daemon, as the Lambda service would.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::Context;
use tokio::net::{UdpSocket, lookup_host};

/// The line before each document (`spec/segment-document.md` section 13).
const HEADER: &str = "{\"format\":\"json\",\"version\":1}\n";

/// The way to one daemon.
#[derive(Debug)]
pub(super) struct Segments {
    socket: UdpSocket,
    address: SocketAddr,
    was_refused: AtomicBool,
}

impl Segments {
    /// Resolves the address once, as SDKs do; IPv4 goes first, since SDKs know nothing else.
    ///
    /// # Errors
    /// The name is unknown, or there is no socket to be had.
    pub(super) async fn connect(address: &str) -> anyhow::Result<Self> {
        let unknown = || format!("--daemon-address {address}: no such host");
        let found: Vec<SocketAddr> = lookup_host(address).await.with_context(unknown)?.collect();
        let ipv4 = found.iter().find(|address| address.is_ipv4());
        let address = *ipv4.or_else(|| found.first()).with_context(unknown)?;
        let local = if address.is_ipv4() {
            "0.0.0.0:0"
        } else {
            "[::]:0"
        };
        let socket = UdpSocket::bind(local).await.context("UDP socket")?;
        // connected, so that the kernel tells when nobody listens
        let connected = socket.connect(address).await;
        connected.with_context(|| format!("--daemon-address {address}"))?;
        Ok(Self {
            socket,
            address,
            was_refused: AtomicBool::new(false),
        })
    }

    /// Where the documents go.
    pub(super) const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Sends them. A daemon may start late or be none: that is said once, and no invocation fails of it.
    pub(super) async fn send(&self, documents: &[String]) {
        for document in documents {
            let datagram = format!("{HEADER}{document}");
            let mut sent = self.socket.send(datagram.as_bytes()).await;
            if matches!(&sent, Err(error) if error.kind() == ErrorKind::ConnectionRefused) {
                // what was refused is an earlier datagram; this one has not been sent yet
                self.tell_refused();
                sent = self.socket.send(datagram.as_bytes()).await;
            }
            if let Err(error) = sent {
                tracing::warn!(%error, bytes = datagram.len(), "segment not sent");
            }
        }
        if let Ok(Some(_)) = self.socket.take_error() {
            self.tell_refused();
        }
    }

    fn tell_refused(&self) {
        if !self.was_refused.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                remote = %self.address,
                "nobody listens for segments: start radiograph, or name the daemon with --daemon-address"
            );
        }
    }
}
