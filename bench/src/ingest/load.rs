//! Callers of PutTraceSegments. A call carries a document each of 50 traces, all of one service, as its
//! daemon would send them: the five documents of a trace come in five calls, one after the other.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use radiograph_collector::clock;
use radiograph_collector::ingest::Ingest;
use radiograph_protocol::api::traces::PutTraceSegmentsRequest;
use tokio::task::JoinSet;

use crate::shop::{self, DOCUMENTS_PER_TRACE};

/// Documents of a call: as many as PutTraceSegments takes.
pub const DOCUMENTS_PER_CALL: usize = 50;
/// How long a caller that was refused waits before it calls again.
const REFUSED_PAUSE: Duration = Duration::from_millis(20);

/// What callers count.
#[derive(Debug, Default)]
pub struct Counts {
    /// Documents acknowledged.
    pub documents: AtomicU64,
    /// Bytes of these documents.
    pub bytes: AtomicU64,
    /// Calls that were throttled or failed.
    pub refused: AtomicU64,
    /// How long each call that succeeded took, in microseconds, from when it was due.
    latencies: Mutex<Vec<u32>>,
}

impl Counts {
    /// The latency that this share of the calls stays below.
    #[must_use]
    pub fn latency(&self, share: f64) -> Duration {
        let latencies = self.latencies.lock();
        let mut sorted = latencies.unwrap_or_else(PoisonError::into_inner).clone();
        sorted.sort_unstable();
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss,
            reason = "a place in a list that memory holds"
        )]
        let place = (sorted.len() as f64 * share) as usize;
        let micros = sorted.get(place.min(sorted.len().saturating_sub(1)));
        Duration::from_micros(micros.copied().unwrap_or(0).into())
    }
}

/// The load.
#[derive(Debug, Clone, Copy)]
pub struct Load {
    /// Callers, each of which waits for the answer to its last call.
    pub callers: u32,
    /// Documents a second; 0 for as many as are taken.
    pub rate: u32,
}

impl Load {
    /// Calls until it is dropped.
    #[must_use]
    pub fn start(self, ingest: &Ingest, counts: &Arc<Counts>) -> JoinSet<()> {
        let begun = clock::instant();
        let next = Arc::new(AtomicU64::new(0));
        let mut callers = JoinSet::new();
        for number in 0..self.callers {
            let caller = Caller {
                ingest: ingest.clone(),
                counts: Arc::clone(counts),
                next: Arc::clone(&next),
                begun,
                rate: self.rate,
                random: fastrand::Rng::with_seed(number.into()),
            };
            callers.spawn(caller.run());
        }
        callers
    }
}

struct Caller {
    ingest: Ingest,
    counts: Arc<Counts>,
    /// Number of the next call of all callers.
    next: Arc<AtomicU64>,
    begun: Instant,
    rate: u32,
    random: fastrand::Rng,
}

impl Caller {
    async fn run(mut self) {
        loop {
            for documents in calls(&mut self.random) {
                let due = self.due().await;
                let bytes: usize = documents.iter().map(String::len).sum();
                let request = PutTraceSegmentsRequest {
                    trace_segment_documents: Some(documents),
                };
                if self.ingest.put_trace_segments(request).await.is_err() {
                    self.counts.refused.fetch_add(1, Ordering::Relaxed);
                    tokio::time::sleep(REFUSED_PAUSE).await;
                    continue;
                }
                let took = clock::instant().saturating_duration_since(due);
                let documents = &self.counts.documents;
                documents.fetch_add(DOCUMENTS_PER_CALL as u64, Ordering::Relaxed);
                self.counts.bytes.fetch_add(bytes as u64, Ordering::Relaxed);
                let latencies = self.counts.latencies.lock();
                let mut latencies = latencies.unwrap_or_else(PoisonError::into_inner);
                latencies.push(u32::try_from(took.as_micros()).unwrap_or(u32::MAX));
            }
        }
    }

    /// Waits until the next call is due, and tells when that was.
    async fn due(&self) -> Instant {
        if self.rate == 0 {
            return clock::instant();
        }
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let documents = number.saturating_mul(DOCUMENTS_PER_CALL as u64);
        let due = self.begun + Duration::from_micros(documents * 1_000_000 / u64::from(self.rate));
        tokio::time::sleep_until(due.into()).await;
        due
    }
}

/// The calls that carry all documents of 50 traces.
pub fn calls(random: &mut fastrand::Rng) -> [Vec<String>; DOCUMENTS_PER_TRACE] {
    let mut calls = std::array::from_fn(|_| Vec::with_capacity(DOCUMENTS_PER_CALL));
    let now = clock::now();
    for _ in 0..DOCUMENTS_PER_CALL {
        for (call, document) in calls.iter_mut().zip(shop::trace(random, now)) {
            call.push(document);
        }
    }
    calls
}
