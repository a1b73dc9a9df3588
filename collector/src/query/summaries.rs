//! GetTraceSummaries. Source: `spec/api.md` section 3.5, `spec/traces-and-graph.md` section 10.
//!
//! Filter expressions are not evaluated yet: a request that carries one is refused, never answered
//! with traces that it may not select.

use radiograph_protocol::api::traces::{
    GetTraceSummariesRequest, GetTraceSummariesResponse, SamplingStrategy, TraceSummary,
};
use radiograph_protocol::error::ApiError;
use radiograph_protocol::ids::TraceId;
use radiograph_protocol::timestamp::Timestamp;
use sha2::{Digest, Sha256};

use super::token::digest;
use super::{Query, window};
use crate::error::ServiceError;
use crate::store::{Cursor, ScanRange, ViewScan};
use crate::trace::present::trace_summary;
use crate::trace::view::TraceView;

/// Summaries in one page.
pub const PAGE_TRACES_MAX: usize = 500;

/// Views looked at for one page, so that a request which matches little does not stay open; the page
/// then carries a token and may be empty.
pub const PAGE_SCAN_MAX: usize = 2000;

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
    /// The share of traces to keep.
    rate: Option<f64>,
}

impl Search {
    fn read(request: &GetTraceSummariesRequest) -> Result<Self, ApiError> {
        let (start, end) = window(request.start_time, request.end_time)?;
        let range = RangeType::read(request.time_range_type.as_deref())?;
        if request
            .filter_expression
            .as_ref()
            .is_some_and(|text| !text.trim().is_empty())
        {
            let message = "Filter expressions are not supported by this version; \
                           leave FilterExpression out to get every trace of the window";
            return Err(ApiError::invalid_request(message));
        }
        let rate = match (&request.sampling_strategy, request.sampling) {
            (Some(strategy), Some(true)) => rate(strategy, range)?,
            _ => None,
        };
        Ok(Self {
            start,
            end,
            range,
            rate,
        })
    }

    /// Neither the rate nor the strategy is part of it: Grafana changes them between pages.
    fn digest(&self) -> [u8; 16] {
        digest(&[
            &self.start.to_string(),
            &self.end.to_string(),
            self.range.name(),
        ])
    }

    /// Whether the trace is selected, and if it is, the instant to show for it.
    fn select(&self, view: &TraceView) -> Option<Option<Timestamp>> {
        if self.rate.is_some_and(|rate| hash_of(view.trace_id) >= rate) {
            return None;
        }
        let inside = |time: &Timestamp| (self.start..self.end).contains(time);
        let segments = &view.summary.segments;
        let is_selected = match self.range {
            RangeType::TraceId => return Some(None),
            RangeType::Event => true,
            RangeType::Service => segments
                .iter()
                .filter_map(|(_, end)| *end)
                .any(|e| inside(&e)),
        };
        let ends = segments.iter().map(|(start, end)| end.unwrap_or(*start));
        let matched = ends.filter(inside).max().unwrap_or(self.start);
        is_selected.then_some(Some(matched))
    }
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

/// A number in [0, 1) that belongs to the trace for ever, so that pages and repeated calls agree.
fn hash_of(trace_id: TraceId) -> f64 {
    let digest = Sha256::digest(trace_id.bits().to_be_bytes());
    let bits = digest
        .iter()
        .take(4)
        .fold(0_u32, |bits, byte| (bits << 8) | u32::from(*byte));
    f64::from(bits) / (f64::from(u32::MAX) + 1.0)
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
        let search = Search::read(&request)?;
        let digest = search.digest();
        // an empty token is what hand-written loops send on their first call
        let token = request
            .next_token
            .as_deref()
            .filter(|token| !token.is_empty());
        let mut after = match token {
            Some(token) => Some(self.token_key.verify(token, digest)?),
            None => None,
        };
        let (mut found, mut looked_at): (Vec<TraceSummary>, usize) = (Vec::new(), 0);
        let next = loop {
            let scan = ViewScan {
                start: search.start,
                end: search.end,
                range: search.range.scan(),
                after,
                views_max: PAGE_TRACES_MAX - found.len(),
            };
            let page = self.store.views(scan).await?;
            looked_at += page.views.len();
            for view in &page.views {
                if let Some(matched) = search.select(view) {
                    found.push(trace_summary(view, matched));
                }
            }
            after = page.next;
            if after.is_none() || found.len() >= PAGE_TRACES_MAX || looked_at >= PAGE_SCAN_MAX {
                break after;
            }
        };
        Ok(GetTraceSummariesResponse {
            trace_summaries: found,
            approximate_time: next.map_or(search.start, |next: Cursor| next.start),
            traces_processed_count: looked_at,
            next_token: next.map(|next| self.token_key.sign(next, digest)),
        })
    }
}

#[cfg(test)]
mod tests;
