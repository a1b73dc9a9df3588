//! The demo's UDP socket: paces, holds back, and notices when nobody listens.
//!
//! A datagram costs one copy and one system call. Held-back datagrams are bounded by time: each
//! leaves at the first trace after it is due, at most 3 seconds later than it was made.

use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::time::Duration;

use anyhow::Context;
use radiograph_protocol::timestamp::Timestamp;
use tokio::net::{UdpSocket, lookup_host};
use tokio::time::sleep;

use super::documents::Datagram;

/// Datagrams sent back to back. Linux's default receive buffer holds 25 of 4 KB (`spec/daemon.md`
/// section 2.2) and the demo's are smaller; a reader that naps for a few milliseconds loses none.
const BURST_DATAGRAMS: u64 = 8;

/// The pause after a burst: the shortest that timers give.
const PAUSE: Duration = Duration::from_millis(1);

/// Sends datagrams to one daemon.
#[derive(Debug)]
pub(super) struct Sender {
    socket: UdpSocket,
    address: SocketAddr,
    sent: u64,
    /// Datagrams to send when their time has come.
    held: Vec<(Timestamp, String)>,
}

impl Sender {
    /// Resolves `address` once, as SDKs do, and takes a socket of its family.
    ///
    /// # Errors
    /// The name is unknown, or there is no socket to be had.
    pub(super) async fn connect(address: &str) -> anyhow::Result<Self> {
        let unknown = || format!("--daemon-address {address}: no such host");
        let address = lookup_host(address)
            .await
            .with_context(unknown)?
            .next()
            .with_context(unknown)?;
        let local = if address.is_ipv4() {
            "0.0.0.0:0"
        } else {
            "[::]:0"
        };
        let socket = UdpSocket::bind(local).await.context("UDP socket")?;
        // connected, so that the kernel tells when nobody listens
        socket
            .connect(address)
            .await
            .with_context(|| format!("--daemon-address {address}"))?;
        Ok(Self {
            socket,
            address,
            sent: 0,
            held: Vec::new(),
        })
    }

    /// Where the datagrams go.
    pub(super) const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Datagrams handed to the kernel so far.
    pub(super) const fn sent(&self) -> u64 {
        self.sent
    }

    /// Sends a trace's datagrams and what was held back until `now`. False when nobody listened to
    /// at least one of them.
    ///
    /// # Errors
    /// The socket refuses a datagram for another reason.
    pub(super) async fn send(
        &mut self,
        datagrams: Vec<Datagram>,
        now: Timestamp,
    ) -> anyhow::Result<bool> {
        let mut delivered = true;
        for (_, text) in self
            .held
            .extract_if(.., |(due, _)| *due <= now)
            .collect::<Vec<_>>()
        {
            delivered &= self.send_one(&text).await?;
        }
        for Datagram { text, held } in datagrams {
            if held.micros() > 0 {
                self.held.push((now.plus_micros(held.micros()), text));
            } else {
                delivered &= self.send_one(&text).await?;
            }
        }
        Ok(delivered && !self.was_refused()?)
    }

    /// Sends everything that is held back.
    ///
    /// # Errors
    /// As [`Self::send`].
    pub(super) async fn release_all(&mut self) -> anyhow::Result<()> {
        self.send(Vec::new(), Timestamp::MAX).await?;
        Ok(())
    }

    async fn send_one(&mut self, text: &str) -> anyhow::Result<bool> {
        let mut delivered = true;
        loop {
            match self.socket.send(text.as_bytes()).await {
                Ok(_) => break,
                // an earlier datagram was refused; this one has not been sent yet
                Err(error) if error.kind() == ErrorKind::ConnectionRefused => delivered = false,
                Err(error) => return Err(self.in_words(error)),
            }
        }
        self.sent += 1;
        if self.sent.is_multiple_of(BURST_DATAGRAMS) {
            sleep(PAUSE).await;
        }
        Ok(delivered)
    }

    fn was_refused(&self) -> anyhow::Result<bool> {
        match self.socket.take_error().context("UDP socket")? {
            None => Ok(false),
            Some(error) if error.kind() == ErrorKind::ConnectionRefused => Ok(true),
            Some(error) => Err(self.in_words(error)),
        }
    }

    fn in_words(&self, error: io::Error) -> anyhow::Error {
        anyhow::Error::new(error).context(format!("sending to {}", self.address))
    }
}
