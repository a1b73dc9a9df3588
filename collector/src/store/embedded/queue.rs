//! The way from tasks to the committer's thread: bounded by bytes, answered once.
//!
//! A caller waits for room as a task, so that no thread is ever blocked by a full queue. A caller
//! that goes away meanwhile takes nothing back: what is in the queue will be written.

use std::sync::{Arc, Mutex, PoisonError};

use crossbeam_channel::{Receiver, Sender, bounded};
use radiograph_protocol::ids::TraceId;
use radiograph_protocol::timestamp::Timestamp;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use super::digest::DocumentDigest;
use super::hour::SealedName;
use super::index::Place;
use super::swap::Swap;
use crate::store::StoreError;
use crate::trace::totals::Totals;
use crate::trace::view::TraceView;

/// Bytes that wait at most, in KiB: eight of the largest commits.
const WAITING_KIB_MAX: u32 = 64 << 10;

/// Requests of the store's own that may wait: those of the sealer's thread and of callers that seal.
const OWN_REQUESTS_MAX: usize = 64;

/// A document to append.
pub(super) struct NewDocument {
    /// Its trace.
    pub(super) trace_id: TraceId,
    /// Its identity in the trace, computed by the caller, who has more cores than the committer.
    pub(super) digest: DocumentDigest,
    /// Its text.
    pub(super) document: String,
    /// Where it stands in a log that is going to be dropped: it is stored again, unless it stands
    /// elsewhere by now. `None` for what arrives.
    pub(super) replaces: Option<Place>,
}

/// A view to put.
pub(super) struct NewView {
    /// The view.
    pub(super) view: TraceView,
    /// The same, encoded by the caller.
    pub(super) encoded: Vec<u8>,
}

/// What the committer is asked to do.
pub(super) enum Work {
    /// Append documents, durably.
    Append(Vec<NewDocument>),
    /// Put views.
    PutViews(Vec<NewView>),
    /// Drop old partitions, after which these traces are to be looked at.
    DropBefore(Timestamp, Vec<TraceId>),
    /// Close the log that is being written: at any rate, or if its hour is over.
    CloseLog {
        /// Even in its hour.
        at_once: bool,
    },
    /// Put a sealed file in the place of what it was made from.
    Swap(Box<Swap>),
    /// Take this part's totals out of the running ones.
    Cool(SealedName, Box<Totals>),
}

/// Work with its caller waiting.
pub(super) struct Request {
    /// What to do.
    pub(super) work: Work,
    /// How large it is.
    pub(super) bytes: usize,
    reply: oneshot::Sender<Result<(), StoreError>>,
    _room: Option<OwnedSemaphorePermit>,
}

impl Request {
    /// Takes the work out.
    pub(super) const fn take(&mut self) -> Work {
        std::mem::replace(&mut self.work, Work::Append(Vec::new()))
    }

    /// Tells the caller what became of it.
    pub(super) fn answer(self, outcome: Result<(), StoreError>) {
        // a caller that went away does not want to know
        drop(self.reply.send(outcome));
    }
}

/// The callers' end.
pub(super) struct Queue {
    sender: Mutex<Option<Sender<Request>>>,
    room: Arc<Semaphore>,
}

impl Queue {
    /// A queue and its committer's end.
    pub(super) fn new() -> (Self, Receiver<Request>) {
        // each request takes at least 1 KiB of room, but for one of the store's own, so that the channel
        // is never full before it
        let length = usize::try_from(WAITING_KIB_MAX).unwrap_or(usize::MAX);
        let (sender, receiver) = bounded(length.saturating_add(OWN_REQUESTS_MAX));
        let room = Arc::new(Semaphore::new(
            usize::try_from(WAITING_KIB_MAX).unwrap_or(0),
        ));
        (
            Self {
                sender: Mutex::new(Some(sender)),
                room,
            },
            receiver,
        )
    }

    /// Hands work to the committer and waits for its answer.
    ///
    /// # Errors
    /// What the committer says; [`StoreError::Closed`] after [`Self::close`].
    pub(super) async fn ask(&self, work: Work, bytes: usize) -> Result<(), StoreError> {
        let kib = u32::try_from(bytes / 1024 + 1)
            .unwrap_or(u32::MAX)
            .min(WAITING_KIB_MAX);
        let room = Arc::clone(&self.room).acquire_many_owned(kib).await;
        let room = room.map_err(|_| StoreError::Closed)?;
        let (reply, answer) = oneshot::channel();
        self.send(Request {
            work,
            bytes,
            reply,
            _room: Some(room),
        })?;
        answer.await.unwrap_or(Err(StoreError::Closed))
    }

    /// Hands work of the store's own to the committer, past those who wait for room, and waits for its
    /// answer. Blocking.
    ///
    /// # Errors
    /// As of [`Self::ask`].
    pub(super) fn tell(&self, work: Work) -> Result<(), StoreError> {
        let (reply, answer) = oneshot::channel();
        self.send(Request {
            work,
            bytes: 0,
            reply,
            _room: None,
        })?;
        answer.blocking_recv().unwrap_or(Err(StoreError::Closed))
    }

    fn send(&self, request: Request) -> Result<(), StoreError> {
        let sender = self.sender.lock().unwrap_or_else(PoisonError::into_inner);
        let sender = sender.as_ref().ok_or(StoreError::Closed)?;
        sender.try_send(request).map_err(|_| StoreError::Closed)
    }

    /// Takes no more work; the committer ends after what waits.
    pub(super) fn close(&self) {
        self.sender
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn callers_wait_for_room_and_nothing_is_refused() {
        let (queue, receiver) = Queue::new();
        let queue = Arc::new(queue);
        let half = usize::try_from(WAITING_KIB_MAX).unwrap() * 1024 / 2 - 1;
        let callers: Vec<_> = (0..4)
            .map(|_| {
                let queue = Arc::clone(&queue);
                tokio::spawn(async move { queue.ask(Work::Append(Vec::new()), half).await })
            })
            .collect();
        while receiver.len() < 2 {
            tokio::task::yield_now().await;
        }
        tokio::task::yield_now().await;
        assert_eq!(receiver.len(), 2, "two halves fill the queue");
        let committer = std::thread::spawn(move || {
            let requests = receiver.iter().take(4);
            requests.map(|request| request.answer(Ok(()))).count()
        });
        for caller in callers {
            assert!(matches!(caller.await.unwrap(), Ok(())));
        }
        assert_eq!(committer.join().unwrap(), 4);
    }

    #[tokio::test]
    async fn a_closed_queue_refuses_work() {
        let (queue, _receiver) = Queue::new();
        queue.close();
        let refused = queue.ask(Work::Append(Vec::new()), 0).await;
        assert!(matches!(refused, Err(StoreError::Closed)), "{refused:?}");
    }

    #[tokio::test]
    async fn work_that_nobody_answers_is_refused() {
        let (queue, receiver) = Queue::new();
        drop(receiver);
        let refused = queue
            .ask(Work::DropBefore(Timestamp::MIN, Vec::new()), 0)
            .await;
        assert!(matches!(refused, Err(StoreError::Closed)), "{refused:?}");
    }
}
