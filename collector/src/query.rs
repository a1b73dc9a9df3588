//! The read operations: summaries, whole traces, graphs.
//!
//! Summaries, and graphs and series of a group, read views; the other graphs and series read running
//! totals. Whole traces and their graph are computed from the documents when asked for, so they are
//! never older than the last acknowledgement.

use std::sync::Arc;

use radiograph_protocol::api::graph::{
    GetServiceGraphRequest, GetServiceGraphResponse, GetTraceGraphRequest, GetTraceGraphResponse,
};
use radiograph_protocol::api::traces::{
    BatchGetTracesRequest, BatchGetTracesResponse, Segment, Trace,
};
use radiograph_protocol::api::{self, required};
use radiograph_protocol::error::ApiError;
use radiograph_protocol::ids::TraceId;
use radiograph_protocol::limits::TRACE_IDS_PER_CALL_MAX;
use radiograph_protocol::timestamp::Timestamp;

use self::window::{WindowMax, window};
use crate::error::ServiceError;
use crate::filter::Expression;
use crate::groups::Groups;
use crate::store::{Store, StoreError, TraceDocuments};
use crate::trace::documents::entries;
use crate::trace::graph;
use crate::trace::stitch::{parse_all, stitch};
use crate::trace::summarize::duration;
use crate::trace::totals::{MinuteTotals, Totals};
use crate::worker::on_worker;

mod fold;
#[cfg(test)]
mod sample;
pub mod series;
pub mod summaries;
pub mod token;
mod trace_graph;
pub mod window;

/// Answers queries. Cheap to clone.
#[derive(Clone)]
pub struct Query {
    store: Arc<dyn Store>,
    token_key: token::TokenKey,
    groups: Groups,
    window_max: WindowMax,
}

impl Query {
    /// Answers from `store` and its groups; page tokens are signed with `token_key`, and windows of
    /// summaries and graphs may be as long as `window_max`.
    #[must_use]
    pub const fn new(
        store: Arc<dyn Store>,
        token_key: token::TokenKey,
        groups: Groups,
        window_max: WindowMax,
    ) -> Self {
        Self {
            store,
            token_key,
            groups,
            window_max,
        }
    }

    /// BatchGetTraces (`spec/api.md` section 3.6).
    ///
    /// # Errors
    /// When the ids are malformed, repeated or too many, or the store cannot be read.
    pub async fn batch_get_traces(
        &self,
        request: BatchGetTracesRequest,
    ) -> Result<BatchGetTracesResponse, ServiceError> {
        let ids = trace_ids(&required(request.trace_ids, "TraceIds")?)?;
        let found = self.store.documents(&ids).await?;
        let known: Vec<TraceId> = found.iter().map(|trace| trace.trace_id).collect();
        let unknown = ids
            .iter()
            .filter(|id| !known.contains(id))
            .map(ToString::to_string);
        let unprocessed_trace_ids = unknown.collect();
        let traces = on_worker(move || found.iter().filter_map(whole_trace).collect()).await?;
        Ok(BatchGetTracesResponse {
            traces,
            unprocessed_trace_ids,
        })
    }

    /// GetTraceGraph (`spec/api.md` section 3.7), with link edges among the traces asked for; unknown
    /// traces contribute nothing.
    ///
    /// # Errors
    /// As [`Query::batch_get_traces`]; also when no id is given.
    pub async fn trace_graph(
        &self,
        request: GetTraceGraphRequest,
    ) -> Result<GetTraceGraphResponse, ServiceError> {
        let ids = trace_ids(&required(request.trace_ids, "TraceIds")?)?;
        if ids.is_empty() {
            return Err(ApiError::invalid_request("Zero trace ids provided").into());
        }
        let found = self.store.documents(&ids).await?;
        let services = on_worker(move || graph::services(&trace_graph::totals(&found)));
        Ok(GetTraceGraphResponse {
            services: services.await?,
        })
    }

    /// GetServiceGraph (`spec/api.md` section 3.8).
    ///
    /// # Errors
    /// When the window is missing, inverted or too long, the group unknown, or the store unreadable.
    pub async fn service_graph(
        &self,
        request: GetServiceGraphRequest,
    ) -> Result<GetServiceGraphResponse, ServiceError> {
        let (start_time, end_time) = window(request.start_time, request.end_time, self.window_max)?;
        let (name, arn) = (request.group_name.as_deref(), request.group_arn.as_deref());
        let restriction = match (name, arn) {
            (None, None) => None,
            _ => self.groups.load().await?.restriction(name, arn)?,
        };
        let totals = self
            .group_totals(restriction, (start_time, end_time))
            .await?;
        Ok(GetServiceGraphResponse {
            start_time,
            end_time,
            contains_old_group_versions: false,
            services: on_worker(move || graph::services(&totals)).await?,
        })
    }

    /// What the traces of a group, all of them without a filter, contribute to the minutes of
    /// `[start, end)`.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub(crate) async fn group_totals(
        &self,
        filter: Option<Expression>,
        (start, end): (Timestamp, Timestamp),
    ) -> Result<MinuteTotals, StoreError> {
        let Some(filter) = filter else {
            return self.store.totals(start, end).await;
        };
        let add = move |sum: &mut MinuteTotals, totals: &Totals| {
            sum.add(&totals.window(start, end), 1);
        };
        self.fold((start, end), vec![filter], MinuteTotals::default(), add)
            .await
    }
}

fn whole_trace(documents: &TraceDocuments) -> Option<Trace> {
    let parsed = parse_all(documents.documents.iter().map(String::as_str));
    let trace = stitch(&parsed)?;
    let segments = entries(&trace, &parsed).into_iter();
    Some(Trace {
        id: documents.trace_id.to_string(),
        duration: duration(&trace).unwrap_or_default().seconds_ms(),
        limit_exceeded: false,
        segments: segments
            .map(|entry| Segment {
                id: entry.id,
                document: entry.document,
            })
            .collect(),
    })
}

fn trace_ids(texts: &[String]) -> Result<Vec<TraceId>, ApiError> {
    if texts.len() > TRACE_IDS_PER_CALL_MAX {
        let message = format!("Exceeding maximum query size: {TRACE_IDS_PER_CALL_MAX}");
        return Err(ApiError::invalid_request(message));
    }
    api::distinct_trace_ids(texts)
}

#[cfg(test)]
mod tests;
