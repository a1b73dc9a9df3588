//! Pages of ListRetrievedTraces: at most 5 traces with at most 100 segments or spans each.
//!
//! A trace with more than that ends its page, and the next page goes on with it. When documents of the
//! trace came in between, it begins anew, so that something is told twice rather than left out.
//! Source: `spec/api.md` section 5.1.

use radiograph_protocol::api::retrieval::{RetrievedTrace, Span};
use radiograph_protocol::limits::{RETRIEVED_SPANS_PER_PAGE_MAX, RETRIEVED_TRACES_PER_PAGE_MAX};
use serde::{Deserialize, Serialize};

use super::request::Format;
use super::retrieval_set::Retrieval;
use crate::otlp::from_segments;
use crate::store::{Store, StoreError, TraceDocuments};
use crate::trace::documents::entries;
use crate::trace::stitch::{Parsed, Trace, parse_all, stitch};
use crate::trace::summarize::duration;
use crate::worker::on_worker;

/// Where a page begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(super) struct Place {
    /// Place of the trace among the ids of the retrieval.
    trace: usize,
    /// Segments of it that earlier pages have.
    spans: usize,
    /// Documents that it had then.
    revision: u32,
}

/// A page.
#[derive(Debug, Default)]
pub(super) struct Page {
    pub(super) traces: Vec<RetrievedTrace>,
    /// Where the next one begins; `None` behind the last.
    pub(super) next: Option<Place>,
}

/// The page that begins at `place`.
///
/// # Errors
/// When the store cannot be read.
pub(super) async fn page(
    store: &dyn Store,
    retrieval: &Retrieval,
    format: Format,
    mut place: Place,
) -> Result<Page, StoreError> {
    let mut page = Page::default();
    loop {
        let room = RETRIEVED_TRACES_PER_PAGE_MAX.saturating_sub(page.traces.len());
        let left = retrieval.trace_ids.get(place.trace..).unwrap_or_default();
        if left.is_empty() {
            return Ok(page);
        }
        if room == 0 {
            page.next = Some(place);
            return Ok(page);
        }
        let ids: Vec<_> = left.iter().take(room).copied().collect();
        let found = store.documents(&ids).await?;
        let asked = retrieval.clone();
        let (traces, next) = on_worker(move || read(&asked, &found, format, place)).await?;
        page.traces.extend(traces);
        if next.is_some() {
            page.next = next;
            return Ok(page);
        }
        place = Place {
            trace: place.trace.saturating_add(ids.len()),
            ..Place::default()
        };
    }
}

/// What the page has of these traces, and where to go on with the last one if it is not whole.
fn read(
    retrieval: &Retrieval,
    found: &[TraceDocuments],
    format: Format,
    from: Place,
) -> (Vec<RetrievedTrace>, Option<Place>) {
    let mut traces = Vec::new();
    for documents in found {
        let mut ids = retrieval.trace_ids.iter();
        let place = ids.position(|id| *id == documents.trace_id);
        let parsed = parse_all(documents.documents.iter().map(String::as_str));
        let (Some(place), Some(trace)) = (place, stitch(&parsed)) else {
            continue;
        };
        if !is_in_window(&trace, retrieval) {
            continue;
        }
        let is_continued = from.trace == place && from.revision == trace.revision;
        let first = if is_continued { from.spans } else { 0 };
        let (spans, is_whole) = spans(&trace, &parsed, format, first);
        traces.push(RetrievedTrace {
            id: documents.trace_id.to_string(),
            duration: duration(&trace).unwrap_or_default().seconds_ms(),
            spans,
        });
        if !is_whole {
            let next = Place {
                trace: place,
                spans: first.saturating_add(RETRIEVED_SPANS_PER_PAGE_MAX),
                revision: trace.revision,
            };
            return (traces, Some(next));
        }
    }
    (traces, None)
}

/// Whether any moment of the trace lies in the window, whose ends belong to it.
pub(super) fn is_in_window(trace: &Trace<'_>, retrieval: &Retrieval) -> bool {
    let earliest = trace
        .members()
        .next()
        .map(|(_, member)| member.entity.start);
    let (latest, _) = trace.latest();
    earliest.is_some_and(|earliest| earliest <= retrieval.end) && latest >= retrieval.start
}

/// The segments or spans from the one at `first` on, as many as a page may have, and whether these are
/// all that were left.
fn spans(
    trace: &Trace<'_>,
    documents: &[Parsed<'_>],
    format: Format,
    first: usize,
) -> (Vec<Span>, bool) {
    let end = first.saturating_add(RETRIEVED_SPANS_PER_PAGE_MAX);
    match format {
        Format::XRay => {
            let entries = entries(trace, documents);
            let is_whole = entries.len() <= end;
            let spans = entries.into_iter().map(|entry| Span {
                id: entry.id,
                document: entry.document,
            });
            let page = spans.skip(first).take(RETRIEVED_SPANS_PER_PAGE_MAX);
            (page.collect(), is_whole)
        }
        Format::Otel => {
            let is_whole = trace.members().count() <= end;
            let spans = from_segments::spans(trace, documents, first..end);
            let spans = spans.iter().map(|span| Span {
                id: span.id.to_string(),
                document: span.json(),
            });
            (spans.collect(), is_whole)
        }
    }
}
