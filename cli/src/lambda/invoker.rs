//! Takes calls for the function: decides their trace and gives them a place in the queue.

use std::sync::Arc;

use bytes::Bytes;
use radiograph_collector::clock;
use radiograph_protocol::ids::{SegmentId, TraceId};
use radiograph_protocol::timestamp::Timestamp;
use tokio::sync::{Semaphore, mpsc, oneshot};

use super::decision::{Decision, decide};
use super::documents::{Facts, Ids, Span, documents};
use super::environment::Shared;
use super::invocation::{Answer, Invocation};

/// Where calls go in.
#[derive(Debug)]
pub(super) struct Invoker {
    /// The function and the way to the daemon.
    pub(super) shared: Arc<Shared>,
    /// What waits for an environment. There is a place in it for whoever has one of `places`.
    pub(super) queue: mpsc::Sender<Invocation>,
    /// One for each invocation that may be handled or wait, bodies being read included.
    pub(super) places: Arc<Semaphore>,
}

/// What a caller asks for.
#[derive(Debug, Clone, Default)]
pub(super) struct Asked {
    /// `X-Amzn-Trace-Id`, or nothing.
    pub(super) trace_header: String,
    /// The client context as JSON.
    pub(super) client_context: Option<String>,
    /// Whether the caller does not wait.
    pub(super) is_asynchronous: bool,
    /// Whether the answer carries the end of the log.
    pub(super) wants_log: bool,
}

/// A call that was taken: its trace and ids, and where the answer will come.
#[derive(Debug)]
pub(super) struct Taken {
    /// The request's id.
    pub(super) request_id: String,
    /// `X-Amzn-Trace-Id` of the answer.
    pub(super) trace_header: String,
    /// The answer; an error when everything has stopped before.
    pub(super) answer: oneshot::Receiver<Answer>,
}

/// There is no place: too many calls are being handled and wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Throttled;

impl Invoker {
    /// Takes a call, if there is a place for it.
    ///
    /// `payload` reads the event, which happens only once there is a place; its error is handed on.
    ///
    /// # Errors
    /// [`Throttled`], which the service's segment tells too; and what `payload` fails with.
    pub(super) async fn take<E>(
        &self,
        asked: Asked,
        payload: impl Future<Output = Result<Bytes, E>>,
    ) -> Result<Result<Taken, E>, Throttled> {
        let received = clock::now();
        let ids = ids();
        let fresh = TraceId::from_bits(fresh_trace_id(received, fastrand::u128(..)));
        let function = &self.shared.function;
        let decision = decide(function.tracing, &asked.trace_header, fresh, ids.function);
        let request_id = uuid::Uuid::new_v4().to_string();
        let Ok(place) = Arc::clone(&self.places).try_acquire_owned() else {
            self.tell_throttled(&decision, ids, request_id, received)
                .await;
            return Err(Throttled);
        };
        let payload = match payload.await {
            Ok(payload) => payload,
            Err(error) => return Ok(Err(error)),
        };
        let (answer, coming) = oneshot::channel();
        let trace_header = decision.answer_header.clone();
        let invocation = Invocation {
            request_id: request_id.clone(),
            payload,
            client_context: asked.client_context,
            received,
            is_asynchronous: asked.is_asynchronous,
            wants_log: asked.wants_log,
            decision,
            ids,
            answer: Some(answer),
            _place: place,
        };
        // whoever has a place finds one in the queue; when all has stopped the answer says so
        drop(self.queue.send(invocation).await);
        Ok(Ok(Taken {
            request_id,
            trace_header,
            answer: coming,
        }))
    }

    async fn tell_throttled(
        &self,
        decision: &Decision,
        ids: Ids,
        request_id: String,
        received: Timestamp,
    ) {
        if !decision.is_recorded {
            return;
        }
        let facts = Facts {
            trace_id: decision.trace_id,
            parent: decision.parent,
            ids,
            request_id,
            service: Span {
                start: received,
                end: clock::now(),
            },
            is_asynchronous: false,
            run: None,
        };
        let documents = documents(&self.shared.function, &facts);
        self.shared.segments.send(&documents).await;
    }
}

/// The bits of a trace id as X-Ray SDKs make them: the time in seconds, then chance.
fn fresh_trace_id(now: Timestamp, random: u128) -> u128 {
    let seconds = u32::try_from(now.seconds_floor()).unwrap_or(u32::MAX);
    (u128::from(seconds) << 96) | (random >> 32)
}

fn ids() -> Ids {
    let id = || SegmentId::from_bits(fastrand::u64(1..)).unwrap_or(SegmentId::MAX);
    Ids {
        service: id(),
        function: id(),
        initialization: id(),
        invocation: id(),
        overhead: id(),
        dwell: id(),
        attempt: id(),
        exception: id(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fresh_trace_id_begins_with_its_time() {
        let bits = fresh_trace_id(Timestamp::from_seconds(0x6553_f128), u128::MAX);
        let id = TraceId::from_bits(bits).to_string();
        assert_eq!(id, "1-6553f128-ffffffffffffffffffffffff");
    }
}
