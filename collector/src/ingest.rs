//! PutTraceSegments: every document is checked, the good ones are made durable, then the answer says
//! which were refused and why.
//!
//! A document is read here to be checked, and again when its trace is settled. To keep what was read until
//! then was tried: at full load it took more memory and no less CPU, since it had left the caches by then.
//!
//! Bounds: 50 documents a call, or as many as the form of the call takes; [`APPENDS_MAX`] calls whose
//! documents are on their way to the disk. When settling, sealing or merging does not follow, nothing is
//! piled up for them: from half of what may wait calls are made to wait, ever longer, and beyond it they are
//! throttled, so that daemons spool.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use radiograph_protocol::api;
use radiograph_protocol::api::traces::{
    PutTraceSegmentsRequest, PutTraceSegmentsResponse, UnprocessedTraceSegment,
};
use radiograph_protocol::error::{ApiError, ApiErrorKind};
use radiograph_protocol::ids::TraceId;
use radiograph_protocol::limits::DOCUMENTS_PER_CALL_MAX;
use radiograph_protocol::segment::{Rejection, RejectionCode, check, documents_in};
use tokio::sync::Semaphore;

use crate::error::ServiceError;
use crate::metrics::Metrics;
use crate::otlp::{self, OtlpBody};
use crate::settle::Settler;
use crate::store::{Record, Store, StoreError};
use crate::worker::on_worker;

/// Calls with more bytes than this are checked where they hold up no other request.
const CHECKED_INLINE_BYTES_MAX: usize = 64 << 10;

/// Calls whose documents are on their way to the disk, those of callers that hung up meanwhile too. As many
/// as there are places for calls, so that it takes callers who hang up on a disk that hangs to reach it.
pub const APPENDS_MAX: usize = 64;

/// How long a call waits for others' documents to reach the disk before it is throttled.
const APPENDS_WAIT_MAX: Duration = Duration::from_secs(2);

/// Load from which on calls are made to wait: the share of what may wait.
const LOAD_SLOWED: f64 = 0.5;

/// How long a call is made to wait at full load: with every place for calls taken, a few hundred of them a
/// second.
const SLOWED_BY_MAX: Duration = Duration::from_millis(250);

/// Accepts documents.
#[derive(Clone)]
pub struct Ingest {
    store: Arc<dyn Store>,
    settler: Settler,
    metrics: Arc<Metrics>,
    /// Places for appends under way.
    appends: Arc<Semaphore>,
}

impl Ingest {
    /// Documents go to `store`, their traces to `settler`.
    #[must_use]
    pub fn new(store: Arc<dyn Store>, settler: Settler, metrics: Arc<Metrics>) -> Self {
        Self {
            store,
            settler,
            metrics,
            appends: Arc::new(Semaphore::new(APPENDS_MAX)),
        }
    }

    /// Carries out PutTraceSegments as its JSON form asks for it; accepted documents are durable when
    /// it returns.
    ///
    /// # Errors
    /// When the call as a whole is refused or its documents could not be stored.
    pub async fn put_trace_segments(
        &self,
        request: PutTraceSegmentsRequest,
    ) -> Result<PutTraceSegmentsResponse, ServiceError> {
        let documents = api::required(request.trace_segment_documents, "TraceSegmentDocuments")?;
        self.put_documents(documents, DOCUMENTS_PER_CALL_MAX).await
    }

    /// Carries out PutTraceSegments for a form of it that takes up to `documents_max` documents.
    ///
    /// # Errors
    /// When the call as a whole is refused or its documents could not be stored.
    pub async fn put_documents(
        &self,
        documents: Vec<String>,
        documents_max: usize,
    ) -> Result<PutTraceSegmentsResponse, ServiceError> {
        if documents.is_empty() {
            return Err(ApiError::invalid_request("Segments can not be empty").into());
        }
        if documents.len() > documents_max {
            return Err(too_many_documents(documents_max).into());
        }
        self.keep_pace().await?;
        let checked = if bytes(&documents) <= CHECKED_INLINE_BYTES_MAX {
            Checked::of(documents, documents_max)?
        } else {
            on_worker(move || Checked::of(documents, documents_max)).await??
        };
        let trace_ids: Vec<TraceId> = checked.accepted.iter().map(|r| r.trace_id).collect();
        self.metrics
            .rejected(checked.rejected.iter().map(|rejection| rejection.code));
        self.metrics.unsampled_otlp(checked.unsampled);
        if !checked.accepted.is_empty() {
            self.append(checked.accepted, trace_ids).await?;
        }
        Ok(answer(checked.rejected))
    }

    /// Returns at once as long as what was taken is settled and sealed in time, and else after a pause.
    async fn keep_pace(&self) -> Result<(), ApiError> {
        let load = self.load();
        if let Some(pause) = pause(load) {
            self.metrics.slowed();
            tokio::time::sleep(pause).await;
        }
        if load.min(self.load()) > 1.0 {
            return Err(throttled("too much waits to be settled or sealed"));
        }
        Ok(())
    }

    /// What waits to be settled, sealed or merged, as a share of what may.
    fn load(&self) -> f64 {
        self.settler.load().max(self.store.backlog())
    }

    /// Stores the documents and has their traces settled, in a task of its own: a caller that hangs
    /// up meanwhile must not leave stored documents behind that nobody settles or counts.
    async fn append(&self, records: Vec<Record>, traces: Vec<TraceId>) -> Result<(), ServiceError> {
        let place = Arc::clone(&self.appends).acquire_owned();
        let Ok(place) = tokio::time::timeout(APPENDS_WAIT_MAX, place).await else {
            return Err(throttled("too many documents wait for the disk").into());
        };
        let place = place.map_err(|_| StoreError::Closed)?;
        let (store, settler) = (Arc::clone(&self.store), self.settler.clone());
        let metrics = Arc::clone(&self.metrics);
        let stored = tokio::spawn(async move {
            match store.append(records).await {
                Ok(()) => metrics.accepted(traces.len()),
                Err(error) => {
                    metrics.unstored(traces.len());
                    return Err(error);
                }
            }
            settler.touch(&traces);
            drop(place);
            Ok(())
        });
        Ok(stored.await.map_err(|_| StoreError::Closed)??)
    }
}

/// How long a call waits at this load: not at all up to [`LOAD_SLOWED`], then ever longer. Beyond full load
/// it is refused at once.
fn pause(load: f64) -> Option<Duration> {
    let share = (load - LOAD_SLOWED) / (1.0 - LOAD_SLOWED);
    (share > 0.0 && load <= 1.0).then(|| SLOWED_BY_MAX.mul_f64(share * share))
}

fn throttled(message: &str) -> ApiError {
    ApiError {
        kind: ApiErrorKind::Throttled,
        message: message.to_owned(),
    }
}

fn bytes(documents: &[String]) -> usize {
    documents.iter().map(String::len).sum()
}

/// The documents of one call, by verdict.
struct Checked {
    /// How many JSON documents there may be.
    documents_max: usize,
    /// JSON documents so far.
    documents: usize,
    accepted: Vec<Record>,
    rejected: Vec<Rejection>,
    /// Unsampled OTLP entities, counted and not stored.
    unsampled: usize,
}

impl Checked {
    /// Checks every text of a call: 1 to 4 ms a MiB (`spec/floors.md` section 2).
    fn of(texts: Vec<String>, documents_max: usize) -> Result<Self, ApiError> {
        let mut checked = Self {
            documents_max,
            documents: 0,
            accepted: Vec::with_capacity(texts.len()),
            rejected: Vec::new(),
            unsampled: 0,
        };
        for text in texts {
            checked.add(text)?;
        }
        Ok(checked)
    }

    /// One text of the call: a document, an array of them, or OTLP from a datagram. An array counts
    /// as that many documents.
    fn add(&mut self, text: String) -> Result<(), ApiError> {
        if otlp::is_otlp(&text) {
            self.add_otlp(&text);
        } else if text.trim_start().starts_with('[') {
            match documents_in(&text) {
                Ok(documents) => {
                    self.count(documents.len())?;
                    documents
                        .into_iter()
                        .for_each(|one| self.add_document(Cow::Borrowed(one)));
                }
                Err(rejection) => self.rejected.push(rejection),
            }
        } else {
            self.count(1)?;
            self.add_document(Cow::Owned(text));
        }
        Ok(())
    }

    fn count(&mut self, documents: usize) -> Result<(), ApiError> {
        self.documents += documents;
        if self.documents > self.documents_max {
            Err(too_many_documents(self.documents_max))
        } else {
            Ok(())
        }
    }

    fn add_document(&mut self, text: Cow<'_, str>) {
        match check(&text) {
            Ok(trace_id) => {
                self.accepted.push(Record {
                    trace_id,
                    document: text.into_owned(),
                });
            }
            Err(rejection) => self.rejected.push(rejection),
        }
    }

    fn add_otlp(&mut self, text: &str) {
        match otlp::decode_datagram_body(text) {
            Ok(OtlpBody::Sampled(converted)) => {
                for document in converted.documents {
                    self.add_document(Cow::Owned(document));
                }
                let refused = converted.refused;
                self.reject(refused.trace_id, RejectionCode::InvalidTraceId);
                self.reject(refused.span_id, RejectionCode::InvalidId);
                self.reject(refused.parent_span_id, RejectionCode::InvalidParentId);
            }
            Ok(OtlpBody::Unsampled { spans }) => self.unsampled += spans,
            Err(_) => self.rejected.push(Rejection::unreadable()),
        }
    }

    /// One entry for all of one datagram that were refused for one reason: they have no readable id
    /// to tell them apart.
    fn reject(&mut self, count: usize, code: RejectionCode) {
        if count > 0 {
            let message = format!("Invalid segment. ErrorCode: {code}");
            self.rejected.push(Rejection {
                id: None,
                code,
                message,
            });
        }
    }
}

/// The refusal of a call with more documents than its form takes.
pub(crate) fn too_many_documents(documents_max: usize) -> ApiError {
    ApiError::invalid_request(format!("Exceeding maximum segment count: {documents_max}"))
}

/// Entries without an id go last: daemons stop reading at the first one (`spec/api.md` section 3.1).
fn answer(mut rejected: Vec<Rejection>) -> PutTraceSegmentsResponse {
    rejected.sort_by_key(|rejection| rejection.id.is_none());
    let entries = rejected
        .into_iter()
        .map(|rejection| UnprocessedTraceSegment {
            id: rejection.id,
            error_code: rejection.code.name(),
            message: rejection.message,
        });
    PutTraceSegmentsResponse {
        unprocessed_trace_segments: entries.collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settle::UNSETTLED_TRACES_MAX;
    use crate::settle::schedule::Schedule;
    use crate::store::embedded::{EmbeddedStore, Options};
    use crate::store::{
        DoomedPage, DoomedPlace, Kept, OversizedView, StateRecord, TraceDocuments, ViewPage,
        ViewScan,
    };
    use crate::trace::totals::{MinuteTotals, Totals, Wanted};
    use crate::trace::view::TraceView;
    use radiograph_protocol::timestamp::Timestamp;

    #[tokio::test]
    async fn calls_are_throttled_while_more_traces_wait_than_may() {
        let dir = tempfile::tempdir().unwrap();
        let store = Arc::new(EmbeddedStore::open(dir.path(), Options::default()).unwrap());
        let settler = Settler::new(Schedule::default());
        let metrics = Arc::<Metrics>::default();
        let ingest = Ingest::new(store, settler.clone(), Arc::clone(&metrics));
        let request = || PutTraceSegmentsRequest {
            trace_segment_documents: Some(vec!["not json".to_owned()]),
        };
        let waiting: Vec<TraceId> = (1..=u128::from(UNSETTLED_TRACES_MAX))
            .map(TraceId::from_bits)
            .collect();
        settler.touch(&waiting);
        assert!(ingest.put_trace_segments(request()).await.is_ok());
        settler.touch(&[TraceId::from_bits(0)]);
        let refused = ingest.put_trace_segments(request()).await;
        let Err(ServiceError::Refused(error)) = refused else {
            panic!("{refused:?}");
        };
        assert_eq!(error.name(), "ThrottledException");
        assert_eq!(metrics.snapshot().slowed, 1, "the one at the bound");
    }

    #[test]
    fn pauses_grow_from_half_load_on_and_end_with_full_load() {
        let millis = |load: f64| pause(load).map(|pause| pause.as_millis());
        assert_eq!([0.0, 0.5, 1.01].map(millis), [None, None, None]);
        assert_eq!(
            [0.6, 0.75, 1.0].map(millis),
            [Some(10), Some(62), Some(250)]
        );
    }

    /// Waits for a commit that never comes.
    struct Hanging(Arc<EmbeddedStore>);

    #[async_trait::async_trait]
    impl Store for Hanging {
        async fn append(&self, _: Vec<Record>) -> Result<(), StoreError> {
            std::future::pending().await
        }

        fn health(&self) -> Result<(), StoreError> {
            Ok(())
        }

        async fn documents(&self, ids: &[TraceId]) -> Result<Vec<TraceDocuments>, StoreError> {
            self.0.documents(ids).await
        }

        async fn document_counts(&self, ids: &[TraceId]) -> Result<Vec<u32>, StoreError> {
            self.0.document_counts(ids).await
        }

        async fn put_views(&self, views: Vec<TraceView>) -> Result<Vec<OversizedView>, StoreError> {
            self.0.put_views(views).await
        }

        async fn views(&self, scan: ViewScan) -> Result<ViewPage, StoreError> {
            self.0.views(scan).await
        }

        async fn totals(
            &self,
            start: Timestamp,
            end: Timestamp,
        ) -> Result<MinuteTotals, StoreError> {
            self.0.totals(start, end).await
        }

        async fn minutes(
            &self,
            start: Timestamp,
            end: Timestamp,
            wanted: Wanted,
        ) -> Result<Totals, StoreError> {
            self.0.minutes(start, end, wanted).await
        }

        async fn linking_to(&self, ids: &[TraceId]) -> Result<Vec<TraceId>, StoreError> {
            self.0.linking_to(ids).await
        }

        async fn unsettled(&self) -> Result<Vec<TraceId>, StoreError> {
            self.0.unsettled().await
        }

        async fn drop_before(&self, time: Timestamp) -> Result<(), StoreError> {
            self.0.drop_before(time).await
        }

        async fn doomed(
            &self,
            time: Timestamp,
            after: Option<DoomedPlace>,
            traces_max: usize,
        ) -> Result<DoomedPage, StoreError> {
            self.0.doomed(time, after, traces_max).await
        }

        async fn keep(&self, ids: &[TraceId], time: Timestamp) -> Result<Kept, StoreError> {
            self.0.keep(ids, time).await
        }

        async fn state(&self, key: &str) -> Result<Option<StateRecord>, StoreError> {
            self.0.state(key).await
        }

        async fn put_state(
            &self,
            key: &str,
            expected: u64,
            value: Vec<u8>,
        ) -> Result<u64, StoreError> {
            self.0.put_state(key, expected, value).await
        }
    }

    #[tokio::test(start_paused = true)]
    async fn callers_who_hang_up_on_a_disk_that_hangs_leave_no_more_behind_than_may() {
        let dir = tempfile::tempdir().unwrap();
        let store = Arc::new(EmbeddedStore::open(dir.path(), Options::default()).unwrap());
        let ingest = Ingest::new(
            Arc::new(Hanging(store)),
            Settler::new(Schedule::default()),
            Arc::default(),
        );
        let document = r#"{"trace_id":"1-6592008a-000000000000000000000001","id":"0000000000000001","name":"a","start_time":1.0,"end_time":2.0}"#;
        let put = || ingest.put_documents(vec![document.to_owned()], 1);
        for _ in 0..APPENDS_MAX {
            let hung_up = tokio::time::timeout(Duration::from_secs(1), put()).await;
            assert!(hung_up.is_err(), "it was answered");
        }
        let refused = put().await;
        let Err(ServiceError::Refused(error)) = refused else {
            panic!("{refused:?}");
        };
        assert_eq!(error.name(), "ThrottledException");
    }
}
