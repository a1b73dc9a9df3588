//! Emptying the memory while the daemon goes on: for hosts that freeze the process between two uses of
//! it, as AWS Lambda does.
//!
//! [`Flusher::flush`] has the kernel's queue read empty, waits until every document is delivered or on
//! disk, and says whether that came true. What a destination that is down would keep in memory for a
//! while goes to disk at once; once the time is over, so does what is being uploaded. Nothing is ever
//! dropped for it: without a disk, documents stay in memory. After a pause of the process,
//! [`Flusher::wake`] has everything tried at once that was put off.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::{Notify, watch};

use crate::call::Caller;
use crate::metrics::Metrics;

/// For the disk to take what is not delivered in time.
const DISK_MAX: Duration = Duration::from_millis(500);

/// For documents that wait on disk while their destination is up; they are safe where they are.
const REPLAY_MAX: Duration = Duration::from_secs(1);

/// How documents may stay in memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Pressure {
    /// While their destination is down, for a moment.
    Usual,
    /// Only to be uploaded.
    Prompt,
    /// Not at all, if there is a disk.
    Now,
}

/// What the stages are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Asked {
    pub(crate) pressure: Pressure,
    /// How often the process has woken from a pause.
    pub(crate) wakes: u64,
}

/// Between those who ask and the stages.
#[derive(Debug)]
pub(crate) struct Flush {
    asked: watch::Sender<Asked>,
    /// How often the receiver was asked to read the kernel's queue empty, and how often it has.
    readings_asked: AtomicU64,
    reading_asked: Notify,
    readings: watch::Sender<u64>,
    /// Something has left a stage.
    moved: Notify,
}

impl Default for Flush {
    fn default() -> Self {
        let asked = Asked {
            pressure: Pressure::Usual,
            wakes: 0,
        };
        Self {
            asked: watch::Sender::new(asked),
            readings_asked: AtomicU64::new(0),
            reading_asked: Notify::new(),
            readings: watch::Sender::new(0),
            moved: Notify::new(),
        }
    }
}

impl Flush {
    /// Sees what is asked for, from now on.
    pub(crate) fn asked(&self) -> watch::Receiver<Asked> {
        self.asked.subscribe()
    }

    /// Waits until documents may not stay in an upload.
    pub(crate) async fn is_pressing(&self) {
        let mut asked = self.asked.subscribe();
        let waited = asked.wait_for(|asked| asked.pressure == Pressure::Now);
        // The sender is here.
        drop(waited.await);
    }

    /// Says that something has left a stage.
    pub(crate) fn note_moved(&self) {
        self.moved.notify_waiters();
    }

    /// For the receiver, before it reads: how often it was asked for. One load.
    pub(crate) fn readings_asked(&self) -> u64 {
        self.readings_asked.load(Ordering::Acquire)
    }

    /// For the receiver: the kernel's queue was empty after so many requests, and what it held is with
    /// the router.
    pub(crate) fn note_reading(&self, asked: u64) {
        self.readings.send_replace(asked);
    }

    /// For the receiver, while it waits for datagrams.
    pub(crate) async fn reading_asked(&self) {
        self.reading_asked.notified().await;
    }

    fn press(&self, pressure: Pressure) {
        self.asked.send_modify(|asked| asked.pressure = pressure);
    }

    async fn read_empty(&self) {
        let mut readings = self.readings.subscribe();
        let wanted = self.readings_asked.fetch_add(1, Ordering::AcqRel) + 1;
        self.reading_asked.notify_one();
        let read = readings.wait_for(|done| *done >= wanted);
        // The sender is here.
        drop(read.await);
    }

    async fn until(&self, is_so: impl Fn() -> bool) {
        loop {
            // Before looking: it sees what moves after that.
            let moved = self.moved.notified();
            if is_so() {
                return;
            }
            moved.await;
        }
    }
}

/// Flushes a daemon and wakes it up. Clones of it are the same.
#[derive(Debug, Clone)]
pub(crate) struct Flusher {
    pub(crate) flush: Arc<Flush>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) callers: Vec<Caller>,
}

impl Flusher {
    /// Brings every document that has arrived to its destination, within that time, or to disk.
    /// Whether none is left in memory. Until the next [`Self::wake`] nothing stays there for long.
    pub(crate) async fn flush(&self, within: Duration) -> bool {
        let flush = &self.flush;
        flush.press(Pressure::Prompt);
        let is_empty = || self.metrics.in_memory() == 0;
        let emptied = async {
            flush.read_empty().await;
            flush.until(is_empty).await;
        };
        if tokio::time::timeout(within, emptied).await.is_err() {
            flush.press(Pressure::Now);
            let emptied = tokio::time::timeout(DISK_MAX, flush.until(is_empty)).await;
            flush.press(Pressure::Prompt);
            return emptied.is_ok();
        }
        let is_replayed = || !self.metrics.is_replaying();
        let replayed = flush.until(is_replayed);
        let is_in_time = tokio::time::timeout(REPLAY_MAX.min(within), replayed).await;
        tracing::debug!(replayed = is_in_time.is_ok(), "Flushed");
        true
    }

    /// After a pause of the process: what waits for another attempt is tried at once. After a long one
    /// over new connections: of the old ones the other side may have forgotten.
    pub(crate) fn wake(&self, has_slept_long: bool) {
        for caller in self.callers.iter().filter(|_| has_slept_long) {
            if let Err(error) = caller.renew() {
                let error = crate::call::failure::with_causes(&error);
                tracing::warn!(error, "Connections are not renewed");
            }
        }
        self.flush.asked.send_modify(|asked| {
            asked.pressure = Pressure::Usual;
            asked.wakes = asked.wakes.wrapping_add(1);
        });
    }

    /// Datagrams and posted documents that have arrived.
    pub(crate) fn received(&self) -> u64 {
        self.metrics.received.value()
    }
}

#[cfg(test)]
mod tests {
    use tokio::task::JoinHandle;

    use super::*;
    use crate::metrics::DestinationMetrics;

    fn flusher() -> (Flusher, Arc<DestinationMetrics>) {
        let destination = Arc::new(DestinationMetrics::new("default".to_owned()));
        let flusher = Flusher {
            flush: Arc::default(),
            metrics: Arc::new(Metrics::new(vec![Arc::clone(&destination)])),
            callers: Vec::new(),
        };
        (flusher, destination)
    }

    /// A flusher whose receiver reads whenever it is asked.
    fn receiving() -> (Flusher, Arc<DestinationMetrics>) {
        let (flusher, destination) = flusher();
        let flush = Arc::clone(&flusher.flush);
        tokio::spawn(async move {
            loop {
                flush.reading_asked().await;
                flush.note_reading(flush.readings_asked());
            }
        });
        (flusher, destination)
    }

    fn begin(flusher: &Flusher, within: Duration) -> JoinHandle<bool> {
        let flusher = flusher.clone();
        tokio::spawn(async move { flusher.flush(within).await })
    }

    /// Lets every other task go as far as it can.
    async fn others_go_on() {
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
    }

    const LONG: Duration = Duration::from_secs(3600);

    #[tokio::test]
    async fn a_flush_waits_for_every_document_in_memory() {
        let (flusher, destination) = receiving();
        destination.held.add(1);
        let flushing = begin(&flusher, LONG);
        others_go_on().await;
        assert!(!flushing.is_finished());
        assert_eq!(flusher.flush.asked().borrow().pressure, Pressure::Prompt);
        destination.held.subtract(1);
        flusher.flush.note_moved();
        assert!(flushing.await.unwrap());
        flusher.wake(false);
        let asked = *flusher.flush.asked().borrow();
        let expected = Asked {
            pressure: Pressure::Usual,
            wakes: 1,
        };
        assert_eq!(asked, expected);
    }

    #[tokio::test]
    async fn a_flush_waits_for_the_receiver_though_nothing_seems_to_be_there() {
        let (flusher, _) = flusher();
        let flushing = begin(&flusher, LONG);
        others_go_on().await;
        assert!(!flushing.is_finished());
        flusher.flush.reading_asked().await;
        flusher.flush.note_reading(flusher.flush.readings_asked());
        assert!(flushing.await.unwrap());
    }

    #[tokio::test]
    async fn what_is_not_delivered_in_time_is_pressed_to_disk() {
        let (flusher, destination) = receiving();
        destination.held.add(1);
        let flushing = begin(&flusher, Duration::ZERO);
        flusher.flush.is_pressing().await;
        destination.held.subtract(1);
        flusher.flush.note_moved();
        assert!(flushing.await.unwrap());
        assert_eq!(flusher.flush.asked().borrow().pressure, Pressure::Prompt);
    }

    #[tokio::test]
    async fn a_flush_ends_though_a_document_can_go_nowhere() {
        let (flusher, destination) = receiving();
        destination.held.add(1);
        assert!(!flusher.flush(Duration::ZERO).await, "still held");
    }

    #[tokio::test]
    async fn documents_on_disk_are_waited_for_while_their_destination_is_up() {
        let (flusher, destination) = receiving();
        destination.spooled.set(7);
        let flushing = begin(&flusher, LONG);
        others_go_on().await;
        assert!(!flushing.is_finished());
        let down = (crate::clock::now(), "refused".to_owned());
        destination.set_down(Some(down));
        flusher.flush.note_moved();
        assert!(flushing.await.unwrap());
        let flushing = begin(&flusher, LONG);
        others_go_on().await;
        assert!(flushing.is_finished(), "down from the beginning");
    }
}
