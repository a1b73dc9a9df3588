//! Takes datagrams off UDP, checks their header line and puts the bodies into the queue.
//!
//! Per datagram: 1 copy, 1 allocation (the body's), 0 locks, no log line, no JSON. It never waits
//! for the queue: what does not fit is counted as spilled. One thread with a runtime of its own, so
//! that nothing else in the process delays it. Waking up is what costs (`spec/floors.md` section 1):
//! after a batch it naps for a millisecond once, so that under load many datagrams share a wake-up.

pub(crate) mod socket;

use std::io;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use radiograph_protocol::datagram::{self, DatagramError};

use crate::clock;
use crate::log_limit::LogLimit;
use crate::metrics::{Metrics, Rejected};
use crate::queue::Queue;
use crate::shutdown::{Phase, Watch};
use socket::BatchSocket;

/// The pause that lets a batch come together; also the most it adds to a document's latency.
const NAP: Duration = Duration::from_millis(1);

/// How long the kernel's queue is read at a stop, should senders never pause.
const LAST_READ_MAX: Duration = Duration::from_millis(500);

/// Bytes of a malformed datagram that its log line quotes.
const QUOTED_BYTES_MAX: usize = 100;

/// The receive stage.
pub(crate) struct Receiver {
    pub(crate) queue: Arc<Queue>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) watch: Watch,
    pub(crate) limits: Limits,
}

/// Keeps senders from filling the log.
pub(crate) struct Limits {
    malformed: LogLimit,
    spilled: LogLimit,
    socket: LogLimit,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            malformed: LogLimit::ten_per_minute(),
            spilled: LogLimit::one_in_ten_seconds(),
            socket: LogLimit::one_in_ten_seconds(),
        }
    }
}

impl Receiver {
    /// Starts the thread; it ends by itself once `Stopping` is reached and the kernel's queue empty.
    pub(crate) fn spawn(self, socket: std::net::UdpSocket) -> io::Result<JoinHandle<()>> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_io()
            .build()?;
        let entered = runtime.enter();
        let socket = BatchSocket::new(socket)?;
        drop(entered);
        thread::Builder::new()
            .name("receive".to_owned())
            .spawn(move || runtime.block_on(self.run(socket)))
    }

    async fn run(self, mut socket: BatchSocket) {
        let mut has_napped = true;
        let mut last_read_ends = None;
        loop {
            let found_some = self.take_batch(&mut socket);
            let is_stopping = self.watch.has_reached(Phase::Stopping);
            if is_stopping && (!found_some || is_past(&mut last_read_ends)) {
                return;
            }
            if found_some {
                has_napped = false;
            } else if !has_napped {
                thread::sleep(NAP);
                has_napped = true;
            } else {
                tokio::select! {
                    readable = socket.readable() => self.note_socket_error(readable.err()),
                    () = self.watch.reached(Phase::Stopping) => {}
                }
            }
        }
    }

    /// Moves one batch from the socket to the queue; false when there was nothing.
    fn take_batch(&self, socket: &mut BatchSocket) -> bool {
        let mut tally = Tally::default();
        let found_some = socket.receive(|datagram| self.take(datagram, &mut tally));
        if tally.queued > 0 {
            self.queue.announce();
        }
        self.metrics.received.add(tally.received);
        self.metrics.ignored.add(tally.ignored);
        if tally.spilled > 0 {
            self.metrics.spilled.add(tally.spilled);
            self.warn_of_spillover(tally.spilled);
        }
        match found_some {
            Ok(found_some) => found_some,
            Err(error) => {
                self.note_socket_error(Some(error));
                false
            }
        }
    }

    fn take(&self, datagram: &[u8], tally: &mut Tally) {
        let split = datagram::split(datagram);
        if split == Err(DatagramError::Empty) {
            tally.ignored += 1;
            return;
        }
        tally.received += 1;
        match split {
            Ok(body) if self.queue.push(body) => tally.queued += 1,
            Ok(_) => tally.spilled += 1,
            Err(error) => self.reject(datagram, error),
        }
    }

    #[cold]
    fn reject(&self, datagram: &[u8], error: DatagramError) {
        if let Some(reason) = Rejected::frame(error) {
            self.metrics.rejected(reason, 1);
        }
        if let Some(suppressed) = self.limits.malformed.admit(clock::now(), 1) {
            let bytes = datagram.len();
            let datagram = quoted(datagram);
            tracing::warn!(
                reason = error.reason(),
                bytes,
                datagram,
                suppressed,
                "Datagram rejected"
            );
        }
    }

    fn warn_of_spillover(&self, count: usize) {
        let events = u64::try_from(count).unwrap_or(u64::MAX);
        if let Some(suppressed) = self.limits.spilled.admit(clock::now(), events) {
            let count = events.saturating_add(suppressed);
            tracing::warn!(count, "Segment dropped. Consider increasing memory limit");
        }
    }

    fn note_socket_error(&self, error: Option<io::Error>) {
        let Some(error) = error else { return };
        if let Some(suppressed) = self.limits.socket.admit(clock::now(), 1) {
            tracing::error!(%error, suppressed, "Receiving failed");
        }
        // A lasting error must not become a busy loop.
        thread::sleep(NAP);
    }
}

/// What one batch held; added to the shared counters once.
#[derive(Default)]
struct Tally {
    received: usize,
    ignored: usize,
    queued: usize,
    spilled: usize,
}

/// Whether the time for the last read is over; it begins with the first call.
fn is_past(ends: &mut Option<Instant>) -> bool {
    let now = clock::now();
    now >= *ends.get_or_insert(now + LAST_READ_MAX)
}

/// The beginning of a datagram, with everything but printable ASCII escaped.
fn quoted(datagram: &[u8]) -> String {
    let start = datagram.get(..QUOTED_BYTES_MAX).unwrap_or(datagram);
    start.escape_ascii().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quote_is_cut_to_a_hundred_bytes_and_escaped() {
        assert_eq!(quoted(b"a\x1b[31m\n\xff"), r"a\x1b[31m\n\xff");
        assert_eq!(quoted(&[b'x'; 5000]).len(), QUOTED_BYTES_MAX);
    }
}
