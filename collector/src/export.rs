//! Exports: the documents of selected traces, exactly as they were sent, as a bundle
//! (`docs/bundle.md`).
//!
//! A trace is selected by its id, or by its view: one that contributes to the window and satisfies the
//! filter. Then all of its documents go along, those outside of the window too. Traces that are not
//! settled yet have no view, or one that is behind: theirs is computed here, without what the traces
//! tell that they link to. What was acknowledged before an export began is in it.
//!
//! Memory: a page of views, the documents of a group of traces ([`groups`]), a chunk, and 16 B for
//! each trace that is not settled. A window may be of any length.

use std::collections::HashSet;
use std::sync::Arc;

use bytes::Bytes;
use radiograph_protocol::api::{self, RequestTime, decode};
use radiograph_protocol::bundle::Totals;
use radiograph_protocol::error::ApiError;
use radiograph_protocol::ids::TraceId;
use radiograph_protocol::timestamp::Timestamp;
use serde::Deserialize;
use tokio::sync::mpsc;

use self::bundling::Bundling;
use crate::error::ServiceError;
use crate::filter::{self, Expression};
use crate::groups::Groups;
use crate::groups::group_set::refused;
use crate::settle::groups::groups;
use crate::store::{ScanRange, Store, StoreError, TraceDocuments, ViewScan};
use crate::trace::link::Producers;
use crate::trace::view::{TraceView, view};
use crate::worker::on_worker;

mod bundling;

/// Trace ids in a request at most: as many as a chunk of a bundle may have.
const TRACE_IDS_MAX: usize = 1000;

/// Views looked at in one go.
const PAGE_VIEWS: usize = 500;

/// Why an export ended before its end.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ExportError {
    /// The store could not be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Whoever reads it is gone.
    #[error("nobody reads the export any more")]
    Gone,
    /// Compression did not work.
    #[error("compressing documents")]
    Compression(#[source] std::io::Error),
    /// A document that no chunk can hold; the API takes none of this length.
    #[error("a document of trace {trace_id} has {bytes} bytes, which no bundle can hold")]
    TooLarge {
        /// Its trace.
        trace_id: TraceId,
        /// Its length.
        bytes: usize,
    },
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ExportRequest {
    start_time: Option<RequestTime>,
    end_time: Option<RequestTime>,
    filter_expression: Option<String>,
    trace_ids: Option<Vec<String>>,
}

/// Which traces.
pub(crate) enum Selection {
    /// These; unknown ones are left out.
    Traces(Vec<TraceId>),
    /// Those that contribute to a window and satisfy a filter.
    Window {
        start: Timestamp,
        end: Timestamp,
        filter: Arc<Expression>,
    },
}

/// Makes exports. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Export {
    store: Arc<dyn Store>,
    groups: Groups,
}

impl Export {
    /// Of this store; filters may name its groups.
    pub(crate) const fn new(store: Arc<dyn Store>, groups: Groups) -> Self {
        Self { store, groups }
    }

    /// What the body of a request asks for. A time that is missing is the first or last there is.
    ///
    /// # Errors
    /// When it is not JSON, a member is unsound, or the store cannot be read.
    pub(crate) async fn selection(&self, body: &[u8]) -> Result<Selection, ServiceError> {
        let request: ExportRequest = decode(body)?;
        let start = request.start_time.map(|RequestTime(time)| time);
        let end = request.end_time.map(|RequestTime(time)| time);
        if let Some(texts) = request.trace_ids {
            if start.or(end).is_some() || request.filter_expression.is_some() {
                let message = "TraceIds stand alone, without times and filter";
                return Err(ApiError::invalid_request(message).into());
            }
            return Ok(Selection::Traces(trace_ids(&texts)?));
        }
        let (start, end) = (
            start.unwrap_or(Timestamp::MIN),
            end.unwrap_or(Timestamp::MAX),
        );
        if start > end {
            let message = "End time cannot be earlier than start time";
            return Err(ApiError::invalid_request(message).into());
        }
        let text = request.filter_expression.unwrap_or_default();
        let filter = if text.trim().is_empty() {
            Expression::default()
        } else {
            let groups = self.groups.load().await?;
            filter::parse(&text, |group| groups.expression(group))
                .map_err(|error| refused(&error))?
        };
        Ok(Selection::Window {
            start,
            end,
            filter: Arc::new(filter),
        })
    }

    /// Sends the bundle.
    ///
    /// # Errors
    /// See [`ExportError`]; what was sent by then is no whole bundle.
    pub(crate) async fn stream(
        &self,
        selection: Selection,
        out: mpsc::Sender<Bytes>,
    ) -> Result<Totals, ExportError> {
        let mut bundle = Bundling::begin(out);
        match selection {
            Selection::Traces(traces) => {
                let counts = self.store.document_counts(&traces).await?;
                let known = traces.into_iter().zip(counts);
                let known = known.filter(|(_, documents)| *documents > 0);
                self.traces(known, |_| true, &mut bundle).await?;
            }
            Selection::Window { start, end, filter } => {
                self.window((start, end), &filter, &mut bundle).await?;
            }
        }
        bundle.end().await
    }

    async fn window(
        &self,
        (start, end): (Timestamp, Timestamp),
        filter: &Arc<Expression>,
        bundle: &mut Bundling,
    ) -> Result<(), ExportError> {
        // before the views: what is settled meanwhile has been looked at then
        let unsettled = self.store.unsettled().await?;
        let counts = self.store.document_counts(&unsettled).await?;
        let mut seen: HashSet<TraceId> = HashSet::with_capacity(unsettled.len());
        seen.extend(&unsettled);
        let wanted = Arc::clone(filter);
        let is_selected = move |trace: &TraceDocuments| {
            let texts = trace.documents.iter().map(String::as_str);
            let view = view(texts, &Producers::default());
            view.is_some_and(|view| {
                view.earliest() < end && view.summary.latest >= start && wanted.matches(&view)
            })
        };
        self.traces(unsettled.into_iter().zip(counts), is_selected, bundle)
            .await?;
        let mut after = None;
        loop {
            let scan = ViewScan {
                start,
                end,
                range: ScanRange::Contributing,
                after,
                views_max: PAGE_VIEWS,
                filter: Some(Arc::clone(filter)),
            };
            let page = self.store.views(scan).await?;
            let filter = Arc::clone(filter);
            let (matching, next) = on_worker(move || {
                let matching = page.views.iter().filter(|view| filter.matches(view));
                let matching: Vec<(TraceId, u32)> = matching.map(|view| of(view)).collect();
                (matching, page.next)
            })
            .await?;
            let fresh = matching.into_iter().filter(|(id, _)| !seen.contains(id));
            self.traces(fresh, |_| true, bundle).await?;
            after = next;
            if after.is_none() {
                return Ok(());
            }
        }
    }

    /// The documents of those of these traces that are selected by them; with each its number of
    /// documents, or about that.
    async fn traces(
        &self,
        traces: impl Iterator<Item = (TraceId, u32)>,
        is_selected: impl Fn(&TraceDocuments) -> bool + Clone + Send + 'static,
        bundle: &mut Bundling,
    ) -> Result<(), ExportError> {
        bundle.look_for_reader()?;
        for group in groups(traces) {
            let documents = self.store.documents(&group).await?;
            let is_selected = is_selected.clone();
            let selected = on_worker(move || {
                let mut documents = documents;
                documents.retain(|trace| is_selected(trace));
                documents
            })
            .await?;
            for trace in selected {
                bundle.trace(trace).await?;
            }
        }
        Ok(())
    }
}

fn of(view: &TraceView) -> (TraceId, u32) {
    (view.trace_id, view.revision)
}

fn trace_ids(texts: &[String]) -> Result<Vec<TraceId>, ApiError> {
    if !(1..=TRACE_IDS_MAX).contains(&texts.len()) {
        let message = format!("TraceIds must have 1 to {TRACE_IDS_MAX} members");
        return Err(ApiError::invalid_request(message));
    }
    texts.iter().map(|text| api::trace_id(text)).collect()
}

#[cfg(test)]
mod tests;
