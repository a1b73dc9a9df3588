//! The load generator: datagrams over one connected socket, at a rate or back to back.
//!
//! One plain `send` per datagram, as SDKs do it, in bursts of what is due once a millisecond; a
//! batched send would hand the receiver batches that no application makes. The numbers go on from run
//! to run, so that the sink can tell them all apart.

use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread;
use std::time::Duration;

use super::clock;
use super::documents::Corpus;

/// How often the sender wakes up.
const TICK: Duration = Duration::from_millis(1);

/// Sends the documents of a corpus to one address.
#[derive(Debug)]
pub(crate) struct Load {
    socket: UdpSocket,
    corpus: Corpus,
    sent: Arc<AtomicU32>,
    is_over: Arc<AtomicBool>,
}

/// Follows and ends a [`Load`] that another thread runs.
#[derive(Debug, Clone)]
pub(crate) struct Handle {
    sent: Arc<AtomicU32>,
    is_over: Arc<AtomicBool>,
}

impl Handle {
    /// How many were sent; the next document has this number.
    #[must_use]
    pub(crate) fn sent(&self) -> u32 {
        self.sent.load(Ordering::Acquire)
    }

    /// Lets the load end within a tick.
    pub(crate) fn end(&self) {
        self.is_over.store(true, Ordering::Release);
    }
}

impl Load {
    /// A sender of documents of this size to this address.
    ///
    /// # Errors
    /// When there is no socket, or a document cannot be that small.
    pub(crate) fn new(
        address: SocketAddr,
        document_bytes: usize,
        seed: u64,
    ) -> anyhow::Result<Self> {
        let socket = UdpSocket::bind("127.0.0.1:0")?;
        // The receiver's queue is what is measured, so the sender's own must never be the limit.
        socket2::SockRef::from(&socket).set_send_buffer_size(4 << 20)?;
        socket.connect(address)?;
        Ok(Self {
            socket,
            corpus: Corpus::new(document_bytes, seed)?,
            sent: Arc::default(),
            is_over: Arc::default(),
        })
    }

    /// To follow and end the next paced load with.
    #[must_use]
    pub(crate) fn handle(&self) -> Handle {
        self.is_over.store(false, Ordering::Release);
        Handle {
            sent: Arc::clone(&self.sent),
            is_over: Arc::clone(&self.is_over),
        }
    }

    /// Sends so many back to back.
    pub(crate) fn burst(&mut self, count: u32) {
        let mut number = self.sent.load(Ordering::Relaxed);
        for _ in 0..count {
            let datagram = self.corpus.datagram(number);
            // An error tells of an earlier datagram that found no receiver, and sends nothing.
            if self.socket.send(datagram).is_err() {
                drop(self.socket.send(datagram));
            }
            number += 1;
        }
        self.sent.store(number, Ordering::Release);
    }

    /// Sends at this rate for this long, or until the handle ends it, and returns the rate achieved.
    pub(crate) fn paced(&mut self, per_second: u32, lasting: Duration) -> f64 {
        let started = clock::now();
        let mut sent = 0;
        loop {
            let elapsed = clock::now() - started;
            if elapsed >= lasting || self.is_over.load(Ordering::Acquire) {
                return f64::from(sent) / elapsed.as_secs_f64();
            }
            let due = (elapsed.as_micros() * u128::from(per_second)).div_ceil(1_000_000);
            let due = u32::try_from(due).unwrap_or(u32::MAX);
            self.burst(due.saturating_sub(sent));
            sent = sent.max(due);
            thread::sleep(TICK.saturating_sub(clock::now() - started - elapsed));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::daemon::mark::Marks;

    #[test]
    fn numbers_go_on_from_burst_to_paced_load() {
        let receiver = UdpSocket::bind("127.0.0.1:0").unwrap();
        let mut load = Load::new(receiver.local_addr().unwrap(), 1_000, 1).unwrap();
        load.burst(3);
        let handle = load.handle();
        let sender = thread::spawn(move || load.paced(1_000, Duration::MAX));
        let mut buffer = [0; 2_000];
        for expected in 0..10 {
            let bytes = receiver.recv(&mut buffer).unwrap();
            let mut numbers = Vec::new();
            Marks::default().each(&buffer[..bytes], |number, _| numbers.push(number));
            assert_eq!(numbers, [expected]);
        }
        handle.end();
        assert!(sender.join().unwrap() > 0.0);
        assert!(handle.sent() >= 10);
    }
}
