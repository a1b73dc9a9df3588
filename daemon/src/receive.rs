//! Takes datagrams off UDP, checks their header line and collects the bodies into blocks.
//!
//! Per datagram: 1 copy, 0 allocations, 0 locks, no log line, no JSON. It never waits for anybody: a
//! block that does not fit into the intake is counted as spilled. One thread with a runtime of its
//! own, so that nothing else in the process delays it.
//!
//! Waking up is what costs (`spec/floors.md` section 1), here and in every stage behind: the thread
//! naps while datagrams come in, as long as the kernel's queue can afford it, and hands a block on
//! only when it is full or [`AGE_MAX`] old. So each stage wakes once per block.

pub(crate) mod socket;

use std::io;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use radiograph_protocol::datagram::{self, DatagramError};

use crate::clock;
use crate::documents::Documents;
use crate::flush::Flush;
use crate::intake::Intake;
use crate::log_limit::LogLimit;
use crate::metrics::{Metrics, Rejected};
use crate::shutdown::{Phase, Watch};
use socket::{BatchSocket, Found};

/// How long the first document of a block waits for others. AWS's timer runs for a second
/// (`spec/daemon.md` section 4.1); fifty milliseconds keep an idle sender's document fresh and still
/// let a burst come together.
const AGE_MAX: Duration = Duration::from_millis(50);

/// Documents of a block: ten requests to a plain endpoint, one to a Radiograph collector.
const BLOCK_DOCUMENTS_MAX: usize = 500;

/// Bytes of a block; one datagram more may lie above it.
const BLOCK_BYTES_MAX: usize = 512 << 10;

/// The longest and the shortest nap. A sender on the same host fills 1 MiB of the kernel's queue in
/// two milliseconds.
const NAP_MAX: Duration = Duration::from_millis(5);
const NAP_MIN: Duration = Duration::from_micros(200);
const NAP_PER_MEBIBYTE: Duration = Duration::from_micros(700);

/// The pause after an error of the socket; a lasting one must not become a busy loop.
const ERROR_PAUSE: Duration = Duration::from_millis(10);

/// How long the kernel's queue is read at a stop, should senders never pause.
const LAST_READ_MAX: Duration = Duration::from_millis(500);

/// Bytes of a malformed datagram that its log line quotes.
const QUOTED_BYTES_MAX: usize = 100;

/// The receive stage.
pub(crate) struct Receiver {
    pub(crate) intake: Arc<Intake>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) watch: Watch,
    /// Asks for the kernel's queue to be read empty.
    pub(crate) flush: Arc<Flush>,
    pub(crate) limits: Limits,
    /// What the kernel granted.
    pub(crate) receive_buffer_bytes: usize,
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
            .enable_time()
            .build()?;
        let entered = runtime.enter();
        let socket = BatchSocket::new(socket)?;
        drop(entered);
        // before the thread runs: who asks meanwhile must not take it for one that has ended
        let receiving = Receiving::begin(&self.metrics);
        thread::Builder::new()
            .name("receive".to_owned())
            .spawn(move || {
                let _receiving = receiving;
                runtime.block_on(self.run(socket));
            })
    }

    async fn run(self, mut socket: BatchSocket) {
        let nap = nap(self.receive_buffer_bytes);
        let mut open = OpenBlock::default();
        let mut last_read_ends = None;
        let mut readings = 0;
        loop {
            // Before reading: what was sent before it was asked for is then seen.
            let asked = self.flush.readings_asked();
            let found = self.take_batch(&mut socket, &mut open);
            if open.closes_at.is_some_and(|at| clock::now() >= at) {
                self.hand_on(&mut open);
            }
            if self.watch.has_reached(Phase::Stopping) {
                if found == Found::Nothing || is_past(&mut last_read_ends) {
                    return self.hand_on(&mut open);
                }
                continue;
            }
            if asked != readings && found != Found::Full {
                self.hand_on(&mut open);
                self.flush.note_reading(asked);
                readings = asked;
            }
            match found {
                Found::Full => {}
                Found::Some => thread::sleep(nap),
                Found::Nothing => self.wait(&socket, open.closes_at).await,
            }
        }
    }

    /// Until there is something to receive, the open block is due, or the daemon stops.
    async fn wait(&self, socket: &BatchSocket, closes_at: Option<Instant>) {
        let is_due = async {
            match closes_at {
                Some(at) => tokio::time::sleep_until(at.into()).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            readable = socket.readable() => self.note_socket_error(readable.err()),
            () = is_due => {}
            () = self.flush.reading_asked() => {}
            () = self.watch.reached(Phase::Stopping) => {}
        }
    }

    /// Moves one batch from the socket to the open block, and every block that gets full onwards.
    fn take_batch(&self, socket: &mut BatchSocket, open: &mut OpenBlock) -> Found {
        let mut tally = Tally::default();
        let found = socket.receive(|datagram| self.take(datagram, open, &mut tally));
        self.metrics.received.add(tally.received);
        self.metrics.ignored.add(tally.ignored);
        self.metrics.waiting.add(tally.taken);
        if open.documents.len() >= BLOCK_DOCUMENTS_MAX
            || open.documents.byte_len() >= BLOCK_BYTES_MAX
        {
            self.hand_on(open);
        }
        if tally.taken > 0 && !open.documents.is_empty() && open.closes_at.is_none() {
            open.closes_at = Some(clock::now() + AGE_MAX);
        }
        found.unwrap_or_else(|error| {
            self.note_socket_error(Some(error));
            Found::Nothing
        })
    }

    fn take(&self, datagram: &[u8], open: &mut OpenBlock, tally: &mut Tally) {
        let split = datagram::split(datagram);
        if split == Err(DatagramError::Empty) {
            tally.ignored += 1;
            return;
        }
        tally.received += 1;
        match split {
            // A block is handed on long before it could be too big for another document.
            Ok(body) => tally.taken += usize::from(open.documents.push(body)),
            Err(error) => self.reject(datagram, error),
        }
    }

    /// Gives the block to the router; what does not fit into memory is dropped and counted.
    fn hand_on(&self, open: &mut OpenBlock) {
        open.closes_at = None;
        if open.documents.is_empty() {
            return;
        }
        let mut documents = std::mem::take(&mut open.documents);
        if documents.is_loose() {
            // A few documents must not hold the memory of many.
            let (count, bytes) = (documents.len(), documents.byte_len());
            let tight = Documents::copied(count, bytes, documents.iter());
            self.intake
                .recycle(std::mem::replace(&mut documents, tight));
        }
        open.documents = Documents::in_buffer(self.intake.buffer());
        if let Err(documents) = self.intake.offer(documents) {
            let count = documents.len();
            self.metrics.spilled.add(count);
            self.metrics.waiting.subtract(count);
            self.warn_of_spillover(count);
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
        thread::sleep(ERROR_PAUSE);
    }
}

/// Says for as long as it lives that the thread runs, also when it ends by a panic.
struct Receiving(Arc<Metrics>);

impl Receiving {
    fn begin(metrics: &Arc<Metrics>) -> Self {
        metrics.set_receiving(true);
        Self(Arc::clone(metrics))
    }
}

impl Drop for Receiving {
    fn drop(&mut self) {
        self.0.set_receiving(false);
    }
}

/// Documents that are not handed on yet.
#[derive(Default)]
struct OpenBlock {
    documents: Documents,
    /// Set with its first document.
    closes_at: Option<Instant>,
}

/// What one batch held; added to the shared counters once.
#[derive(Default)]
struct Tally {
    received: usize,
    ignored: usize,
    taken: usize,
}

/// How long the kernel's queue may be left alone: its size over the speed of a fast sender.
fn nap(receive_buffer_bytes: usize) -> Duration {
    let mebibytes = u32::try_from(receive_buffer_bytes >> 20).unwrap_or(u32::MAX);
    NAP_PER_MEBIBYTE
        .saturating_mul(mebibytes)
        .clamp(NAP_MIN, NAP_MAX)
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
    fn the_nap_is_what_the_kernels_queue_affords() {
        let cases = [
            (0, 200),
            (425_984, 200),
            (2 << 20, 1_400),
            (8 << 20, 5_000),
            (64 << 20, 5_000),
        ];
        for (bytes, micros) in cases {
            assert_eq!(nap(bytes), Duration::from_micros(micros), "{bytes}");
        }
    }

    #[test]
    fn a_quote_is_cut_to_a_hundred_bytes_and_escaped() {
        assert_eq!(quoted(b"a\x1b[31m\n\xff"), r"a\x1b[31m\n\xff");
        assert_eq!(quoted(&[b'x'; 5000]).len(), QUOTED_BYTES_MAX);
    }
}
