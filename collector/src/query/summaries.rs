//! GetTraceSummaries. Source: `spec/api.md` section 3.5, `spec/traces-and-graph.md` section 10.
//!
//! A page reads a bounded number of views and of parts of search indexes, whatever the filter: one that
//! selects little gives pages with few traces or none, each with a token to go on.

use std::sync::Arc;

use radiograph_protocol::api::traces::{
    ClauseExplained, GetTraceSummariesRequest, GetTraceSummariesResponse, SamplingStrategy,
    SearchExplained, TraceSummary,
};
use radiograph_protocol::error::ApiError;
use radiograph_protocol::ids::TraceId;
use radiograph_protocol::timestamp::Timestamp;
use sha2::{Digest, Sha256};

use super::Query;
use super::token::digest;
use super::window::{WindowMax, window};

use crate::error::ServiceError;
use crate::filter::{self, Expression};
use crate::groups::GroupSet;
use crate::groups::group_set::refused;
use crate::settings::indexing;
use crate::store::{Cursor, ScanRange, ScanWork, ViewPage, ViewScan};
use crate::trace::facts::{EntityFacts, SegmentKind};
use crate::trace::present::trace_summary;
use crate::trace::view::TraceView;
use crate::worker::on_worker;

/// Summaries in one page.
pub const PAGE_TRACES_MAX: usize = 500;

/// Views looked at for one page, so that a request which matches little does not stay open; the page
/// then carries a token and may be empty. Views are read [`PAGE_TRACES_MAX`] at a time, however few
/// are missing to a full page.
pub const PAGE_SCAN_MAX: usize = 2000;

/// Blocks and frames of search indexes that the store reads for one page, about: it ends with the call of
/// the store that reaches this, which has a bound of its own.
const PAGE_READS_MAX: u64 = 1000;

/// What of a trace has to lie in the window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum RangeType {
    TraceId,
    Event,
    Service,
}

impl RangeType {
    fn read(name: Option<&str>) -> Result<Self, ApiError> {
        match name {
            None | Some("TraceId") => Ok(Self::TraceId),
            Some("Event") => Ok(Self::Event),
            Some("Service") => Ok(Self::Service),
            Some(_) => Err(ApiError::invalid_request(
                "TimeRangeType must be one of [TraceId, Event, Service]",
            )),
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::TraceId => "TraceId",
            Self::Event => "Event",
            Self::Service => "Service",
        }
    }

    const fn scan(self) -> ScanRange {
        match self {
            Self::TraceId => ScanRange::Started,
            Self::Event | Self::Service => ScanRange::Active,
        }
    }
}

/// A request whose members are all sound.
struct Search {
    start: Timestamp,
    end: Timestamp,
    range: RangeType,
    filter: Arc<Expression>,
    /// The share of traces to keep.
    rate: Option<f64>,
    /// The share of traces that the indexing rule lets be found, when it is not all of them.
    indexed: Option<f64>,
    /// Binds page tokens to the search. Neither the rate nor the strategy is part of it: Grafana
    /// changes them between pages.
    digest: [u8; 16],
}

impl Search {
    /// `groups` are those that the filter may name.
    fn read(
        request: &GetTraceSummariesRequest,
        window_max: WindowMax,
        groups: Option<&GroupSet>,
        indexed: Option<f64>,
    ) -> Result<Self, ApiError> {
        let (start, end) = window(request.start_time, request.end_time, window_max)?;
        let range = RangeType::read(request.time_range_type.as_deref())?;
        let text = filter_text(request).unwrap_or_default();
        let filter = filter::parse(text, |group| groups?.expression(group))
            .map_err(|error| refused(&error))?;
        let rate = match (&request.sampling_strategy, request.sampling) {
            (Some(strategy), Some(true)) => rate(strategy, range)?,
            _ => None,
        };
        let digest = digest(&[
            "GetTraceSummaries",
            &start.to_string(),
            &end.to_string(),
            range.name(),
            text,
        ]);
        Ok(Self {
            start,
            end,
            range,
            filter: Arc::new(filter),
            rate,
            indexed,
            digest,
        })
    }

    /// Whether the trace is selected, and if it is, the instant to show for it.
    fn select(&self, view: &TraceView) -> Option<Option<Timestamp>> {
        let is_in = |share: Option<f64>, use_of_hash| {
            share.is_none_or(|share| hash_of(view.trace_id, use_of_hash) < share)
        };
        let is_kept = is_in(self.indexed, UseOfHash::Indexing) && is_in(self.rate, UseOfHash::Rate);
        if !is_kept || !self.filter.matches(view) {
            return None;
        }
        let inside = |time: &Timestamp| (self.start..self.end).contains(time);
        let sent = || {
            let segments = view.facts.segments.iter();
            let sent = segments.filter(|segment| segment.kind == SegmentKind::Sent);
            sent.filter_map(|segment| view.entity(segment.entity))
        };
        let is_selected = match self.range {
            RangeType::TraceId => return Some(None),
            RangeType::Event => true,
            RangeType::Service => sent().filter_map(|entity| entity.end).any(|e| inside(&e)),
        };
        let ends = sent().map(EntityFacts::end_or_start);
        let matched = ends.filter(inside).max().unwrap_or(self.start);
        is_selected.then_some(Some(matched))
    }
}

/// The filter expression, unless it is absent or blank and selects every trace.
fn filter_text(request: &GetTraceSummariesRequest) -> Option<&str> {
    let text = request.filter_expression.as_deref()?;
    (!text.trim().is_empty()).then_some(text)
}

fn rate(strategy: &SamplingStrategy, range: RangeType) -> Result<Option<f64>, ApiError> {
    match strategy.name.as_deref() {
        None | Some("PartialScan") => Ok(None),
        Some("FixedRate") if range != RangeType::Event => Err(ApiError::invalid_request(format!(
            "Cannot use FixedRate with input time range type: {}. \
                 Please try using time range type: Event",
            range.name()
        ))),
        Some("FixedRate") => match strategy.value.filter(|rate| (0.0..=1.0).contains(rate)) {
            Some(rate) => Ok(Some(rate)),
            None => Err(ApiError::invalid_request(
                "Sampling rate must be specified and its value must be between [0, 1]",
            )),
        },
        Some(_) => Err(ApiError::invalid_request(
            "SamplingStrategy Name must be one of [PartialScan, FixedRate]",
        )),
    }
}

/// What a share of the traces is chosen for. Different bits for each, so that a rate of 10 % takes a
/// tenth of what is indexed, and not all of it or nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum UseOfHash {
    Rate,
    Indexing,
}

/// A number in [0, 1) that belongs to the trace for ever, so that pages and repeated calls agree.
fn hash_of(trace_id: TraceId, use_of_hash: UseOfHash) -> f64 {
    let digest = Sha256::digest(trace_id.bits().to_be_bytes());
    let from = match use_of_hash {
        UseOfHash::Rate => 0,
        UseOfHash::Indexing => 4,
    };
    let bits = digest
        .iter()
        .skip(from)
        .take(4)
        .fold(0_u32, |bits, byte| (bits << 8) | u32::from(*byte));
    f64::from(bits) / (f64::from(u32::MAX) + 1.0)
}

/// A page in the making.
#[derive(Default)]
struct Page {
    found: Vec<TraceSummary>,
    looked_at: usize,
    work: ScanWork,
}

impl Page {
    const fn is_full(&self) -> bool {
        self.found.len() >= PAGE_TRACES_MAX
            || self.looked_at >= PAGE_SCAN_MAX
            || self.work.reads() >= PAGE_READS_MAX
    }

    /// Traces that were decided about: those that cannot match as well, which were not read.
    fn processed(&self) -> usize {
        let pruned = usize::try_from(self.work.views_pruned).unwrap_or(usize::MAX);
        self.looked_at.saturating_add(pruned)
    }

    fn explained(&self) -> SearchExplained {
        let work = &self.work;
        let clauses = work.clauses.iter().map(|clause| ClauseExplained {
            clause: clause.clause.clone(),
            asked: clause.rows_asked,
            kept: clause.rows_kept,
            exact: clause.exact,
            inexact: clause.inexact,
            not_indexed: clause.not_indexed,
            skipped: clause.skipped,
        });
        SearchExplained {
            traces_read: self.looked_at as u64,
            traces_pruned: work.views_pruned,
            files: work.files,
            files_pruned: work.files_pruned,
            files_unindexed: work.files_unindexed,
            blocks_read: work.blocks_read,
            blocks_pruned: work.blocks_pruned,
            index_frames_read: work.frames_read,
            clauses: clauses.collect(),
        }
    }

    /// Looks at these views until it is full, and tells where to go on.
    fn with(mut self, search: &Search, views: &ViewPage) -> (Self, Option<Cursor>) {
        let is_read =
            |page: &Self| page.found.len() >= PAGE_TRACES_MAX || page.looked_at >= PAGE_SCAN_MAX;
        for (place, view) in views.views.iter().enumerate() {
            self.looked_at += 1;
            if let Some(matched) = search.select(view) {
                self.found.push(trace_summary(view, matched));
            }
            if is_read(&self) && place + 1 < views.views.len() {
                let next = Cursor {
                    start: view.summary.start,
                    trace_id: view.trace_id,
                };
                self.work.add(&views.work);
                return (self, Some(next));
            }
        }
        self.work.add(&views.work);
        (self, views.next)
    }
}

impl Query {
    /// GetTraceSummaries: newest first, a bounded page at a time.
    ///
    /// # Errors
    /// When a member is missing or unsound, or the store cannot be read.
    pub async fn trace_summaries(
        &self,
        request: GetTraceSummariesRequest,
    ) -> Result<GetTraceSummariesResponse, ServiceError> {
        let groups = match filter_text(&request) {
            Some(_) => Some(self.groups.load().await?),
            None => None,
        };
        let is_to_be_explained = request.radiograph_explain == Some(true);
        let indexed = indexing::share(&*self.store).await?;
        let search = Search::read(&request, self.window_max, groups.as_ref(), indexed)?;
        let search = Arc::new(search);
        // an empty token is what hand-written loops send on their first call
        let token = request.next_token.as_deref();
        let mut after = match token.filter(|token| !token.is_empty()) {
            Some(token) => Some(self.place(token, search.digest)?),
            None => None,
        };
        let mut page = Page::default();
        let next = loop {
            let scan = ViewScan {
                start: search.start,
                end: search.end,
                range: search.range.scan(),
                after,
                views_max: PAGE_TRACES_MAX.min(PAGE_SCAN_MAX - page.looked_at),
                filter: search
                    .filter
                    .clause
                    .is_some()
                    .then(|| Arc::clone(&search.filter)),
            };
            let views = self.store.views(scan).await?;
            let search = Arc::clone(&search);
            (page, after) = on_worker(move || page.with(&search, &views)).await?;
            if after.is_none() || page.is_full() {
                break after;
            }
        };
        Ok(GetTraceSummariesResponse {
            approximate_time: next.map_or(search.start, |next: Cursor| next.start),
            traces_processed_count: page.processed(),
            radiograph_explained: is_to_be_explained.then(|| page.explained()),
            trace_summaries: page.found,
            next_token: next.map(|next| {
                let place = (next.start, next.trace_id);
                self.token_key.sign(&place, search.digest)
            }),
        })
    }

    /// The place that a token of a search stands for.
    fn place(&self, token: &str, digest: [u8; 16]) -> Result<Cursor, ApiError> {
        let (start, trace_id) = self.token_key.verify(token, digest)?;
        Ok(Cursor { start, trace_id })
    }
}

#[cfg(test)]
mod tests;
