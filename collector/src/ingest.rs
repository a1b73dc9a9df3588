//! PutTraceSegments: every document is checked, the good ones are made durable, then the answer says
//! which were refused and why.
//!
//! Bounds: 50 documents a call, or as many as the form of the call takes; while more than
//! [`crate::settle::UNSETTLED_TRACES_MAX`] traces wait to be settled, calls are throttled instead of
//! remembered.

use std::borrow::Cow;
use std::sync::Arc;

use radiograph_protocol::api;
use radiograph_protocol::api::traces::{
    PutTraceSegmentsRequest, PutTraceSegmentsResponse, UnprocessedTraceSegment,
};
use radiograph_protocol::error::{ApiError, ApiErrorKind};
use radiograph_protocol::ids::TraceId;
use radiograph_protocol::limits::DOCUMENTS_PER_CALL_MAX;
use radiograph_protocol::segment::{Rejection, RejectionCode, documents_in, parse};

use crate::error::ServiceError;
use crate::metrics::Metrics;
use crate::otlp::{self, OtlpBody};
use crate::settle::Settler;
use crate::store::{Record, Store, StoreError};
use crate::worker::on_worker;

/// Calls with more bytes than this are checked where they hold up no other request.
const CHECKED_INLINE_BYTES_MAX: usize = 64 << 10;

/// Accepts documents.
#[derive(Clone)]
pub struct Ingest {
    store: Arc<dyn Store>,
    settler: Settler,
    metrics: Arc<Metrics>,
}

impl Ingest {
    /// Documents go to `store`, their traces to `settler`.
    #[must_use]
    pub fn new(store: Arc<dyn Store>, settler: Settler, metrics: Arc<Metrics>) -> Self {
        Self {
            store,
            settler,
            metrics,
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
        if self.settler.is_overloaded() {
            let message = "too many traces wait to be settled".to_owned();
            return Err(ApiError {
                kind: ApiErrorKind::Throttled,
                message,
            }
            .into());
        }
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

    /// Stores the documents and has their traces settled, in a task of its own: a caller that hangs
    /// up meanwhile must not leave stored documents behind that nobody settles or counts.
    async fn append(&self, records: Vec<Record>, traces: Vec<TraceId>) -> Result<(), StoreError> {
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
            Ok(())
        });
        stored.await.map_err(|_| StoreError::Closed)?
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
        match parse(&text).map(|document| document.trace_id) {
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

    #[tokio::test]
    async fn calls_are_throttled_while_more_traces_wait_than_may() {
        let dir = tempfile::tempdir().unwrap();
        let store = Arc::new(EmbeddedStore::open(dir.path(), Options::default()).unwrap());
        let settler = Settler::new(Schedule::default());
        let ingest = Ingest::new(store, settler.clone(), Arc::default());
        let request = || PutTraceSegmentsRequest {
            trace_segment_documents: Some(vec!["not json".to_owned()]),
        };
        let waiting: Vec<TraceId> = (1..=UNSETTLED_TRACES_MAX as u128)
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
    }
}
