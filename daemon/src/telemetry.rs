//! PutTelemetryRecords: one destination is told every minute what became of the segments.
//!
//! Source: `spec/daemon.md` section 6. Nothing is sent before the first datagram has arrived; from
//! then on every minute has a record, one of zeros too, and so has the stop. Bounds: 30 records wait
//! for a destination that is away, the oldest goes first; a call takes 2 s, and so does the stop.
//! Failures are lines at debug: a destination that is away is the uploads' to tell.

mod record;

use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;
use radiograph_protocol::timestamp::Timestamp;
use reqwest::Method;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};

use crate::call::{self, CallError, Caller};
use crate::clock;
use crate::metrics::{Counters, Failure};
use crate::shutdown::{Phase, Watch};
use crate::upload;
pub(crate) use record::Identity;
use record::{BackendConnectionErrors, TelemetryRecord};

/// From the end of one sending to the next record.
const INTERVAL: Duration = Duration::from_secs(60);

/// Records that wait at most.
const RECORDS_MAX: usize = 30;

/// Records in one call.
const RECORDS_PER_CALL: usize = 10;

/// For one call, connecting included, and for all of them at the stop.
const CALL_MAX: Duration = Duration::from_secs(2);

/// The records of one destination.
#[derive(Debug)]
pub(crate) struct Telemetry {
    caller: Caller,
    identity: Identity,
    destination: usize,
    interval: Duration,
    previous: Counters,
    waiting: VecDeque<TelemetryRecord>,
    /// Of the calls made here, since the last record.
    errors: BackendConnectionErrors,
}

/// Why records were not taken.
#[derive(Debug, thiserror::Error)]
enum SendError {
    #[error(transparent)]
    Call(#[from] CallError),
    #[error("answered with status {0}")]
    Status(u16),
    #[error("no answer in time")]
    Timeout(#[from] tokio::time::error::Elapsed),
    #[error("record is no JSON")]
    Json(#[from] serde_json::Error),
}

impl Telemetry {
    /// For the destination of that place in [`Counters::destinations`], to which `caller` goes.
    pub(crate) fn new(caller: Caller, identity: Identity, destination: usize) -> Self {
        Self {
            caller,
            identity: identity.within_limits(),
            destination,
            interval: INTERVAL,
            previous: Counters::default(),
            waiting: VecDeque::new(),
            errors: BackendConnectionErrors::default(),
        }
    }

    /// Sends a record every minute until the daemon stops; then hands itself back for
    /// [`Self::last`]. A call that is under way ends first, within 2 s.
    pub(crate) async fn run(mut self, snapshot: impl Fn() -> Counters, watch: Watch) -> Self {
        loop {
            tokio::select! {
                biased;
                () = watch.reached(Phase::Stopping) => return self,
                () = tokio::time::sleep(self.interval) => {}
            }
            self.note(snapshot());
            while self.send_oldest().await && !watch.has_reached(Phase::Stopping) {}
        }
    }

    /// Sends what waits and the record of the last interval, for at most 2 s; to be called with the
    /// final counters.
    pub(crate) async fn last(&mut self, counters: Counters) {
        self.note(counters);
        let sending = async { while self.send_oldest().await {} };
        let ended = tokio::time::timeout(CALL_MAX, sending).await;
        let count = self.waiting.len();
        if count > 0 {
            let in_time = ended.is_ok();
            tracing::debug!(count, in_time, "Telemetry records are given up");
        }
    }

    /// Makes a record of what happened since the last one, once anything has ever arrived.
    fn note(&mut self, counters: Counters) {
        if counters.received == 0 {
            return;
        }
        let end = since_epoch();
        let mut record = record::record(&self.previous, &counters, self.destination, end);
        record
            .backend_connection_errors
            .add(std::mem::take(&mut self.errors));
        self.previous = counters;
        self.waiting.push_back(record);
        while self.waiting.len() > RECORDS_MAX {
            self.waiting.pop_front();
            tracing::debug!("Oldest telemetry record is dropped");
        }
    }

    /// Sends the oldest records; whether that went well and more wait.
    async fn send_oldest(&mut self) -> bool {
        let count = self.waiting.len().min(RECORDS_PER_CALL);
        if count == 0 {
            return false;
        }
        match self.send(count).await {
            Ok(()) => {
                self.waiting.drain(..count);
                !self.waiting.is_empty()
            }
            Err(error) => {
                self.errors.count(failure_of(&error));
                tracing::debug!(
                    count,
                    waiting = self.waiting.len(),
                    error = call::failure::with_causes(&error),
                    "Sending telemetry records failed"
                );
                false
            }
        }
    }

    async fn send(&self, count: usize) -> Result<(), SendError> {
        let records: Vec<&TelemetryRecord> = self.waiting.iter().take(count).collect();
        let body = Bytes::from(record::body(&self.identity, &records)?);
        let call = self
            .caller
            .call(Method::POST, "/TelemetryRecords", headers(), body);
        // The answer's body says nothing: it is not read.
        let status = tokio::time::timeout(CALL_MAX, call).await??.status();
        if status.is_success() {
            return Ok(());
        }
        Err(SendError::Status(status.as_u16()))
    }
}

fn headers() -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    if let Ok(time) = HeaderValue::try_from(upload::attempt::xray_timestamp(clock::since_epoch())) {
        headers.insert(HeaderName::from_static("x-amzn-xray-timestamp"), time);
    }
    headers
}

fn failure_of(error: &SendError) -> Failure {
    match error {
        SendError::Call(error) => call::failure_of(error),
        SendError::Status(400..=499) => Failure::Http4xx,
        SendError::Status(500..=599) => Failure::Http5xx,
        SendError::Timeout(_) => Failure::Timeout,
        SendError::Status(_) | SendError::Json(_) => Failure::Other,
    }
}

fn since_epoch() -> Timestamp {
    let micros = clock::since_epoch().as_micros();
    Timestamp::from_micros(i64::try_from(micros).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests;
