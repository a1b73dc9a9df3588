//! The read operations: summaries, whole traces, graphs.
//!
//! Summaries and the service graph read views; whole traces and their graph are computed from the
//! documents when asked for, so they are never older than the last acknowledgement.

use std::sync::Arc;

use radiograph_protocol::api::graph::{
    GetServiceGraphRequest, GetServiceGraphResponse, GetTraceGraphRequest, GetTraceGraphResponse,
};
use radiograph_protocol::api::traces::{
    BatchGetTracesRequest, BatchGetTracesResponse, Segment, Trace,
};
use radiograph_protocol::api::{RequestTime, required};
use radiograph_protocol::error::ApiError;
use radiograph_protocol::ids::TraceId;
use radiograph_protocol::limits::{
    GROUP_ARN_CHARS, NAME_OF_RULE_OR_GROUP_CHARS, QUERY_WINDOW_SECONDS_MAX, TRACE_ID_CHARS,
    TRACE_IDS_PER_CALL_MAX,
};
use radiograph_protocol::timestamp::{Elapsed, Timestamp};

use crate::error::ServiceError;
use crate::store::{Store, StoreError, TraceDocuments};
use crate::trace::contributions::contributions;
use crate::trace::documents::entries;
use crate::trace::graph;
use crate::trace::stitch::{parse_all, stitch};
use crate::trace::summarize::duration;
use crate::trace::totals::Totals;

pub mod summaries;
pub mod token;

/// Answers queries. Cheap to clone.
#[derive(Clone)]
pub struct Query {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) token_key: token::TokenKey,
}

impl Query {
    /// Answers from `store`; page tokens are signed with `token_key`.
    #[must_use]
    pub fn new(store: Arc<dyn Store>, token_key: token::TokenKey) -> Self {
        Self { store, token_key }
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

    /// GetTraceGraph (`spec/api.md` section 3.7); unknown traces contribute nothing.
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
        let services = on_worker(move || {
            let mut totals = Totals::default();
            for trace in &found {
                let parsed = parse_all(trace.documents.iter().map(String::as_str));
                if let Some(trace) = stitch(&parsed) {
                    totals.add(&contributions(&trace), 1);
                }
            }
            graph::services(&totals.all())
        });
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
        let (start_time, end_time) = window(request.start_time, request.end_time)?;
        check_group(request.group_name.as_deref(), request.group_arn.as_deref())?;
        let totals = self.store.totals(start_time, end_time).await?;
        Ok(GetServiceGraphResponse {
            start_time,
            end_time,
            contains_old_group_versions: false,
            services: graph::services(&totals),
        })
    }
}

/// Runs what may take a while where it holds up nobody.
async fn on_worker<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, StoreError> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|_| StoreError::Closed)
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
    let mut ids = Vec::with_capacity(texts.len());
    for text in texts {
        let id = Some(text).filter(|text| TRACE_ID_CHARS.contains(&text.chars().count()));
        let id = id
            .and_then(|text| TraceId::parse_any(text).ok())
            .ok_or_else(|| {
                let shown: String = text.chars().take(*TRACE_ID_CHARS.end()).collect();
                ApiError::invalid_request(format!("Invalid trace id {shown}: incorrect id format"))
            })?;
        if ids.contains(&id) {
            return Err(ApiError::invalid_request("Containing duplicate trace ids"));
        }
        ids.push(id);
    }
    Ok(ids)
}

/// The window `[start, end)` of a query, checked.
///
/// # Errors
/// `InvalidRequestException` with AWS's texts (`spec/api.md` section 3.5).
fn window(
    start: Option<RequestTime>,
    end: Option<RequestTime>,
) -> Result<(Timestamp, Timestamp), ApiError> {
    let RequestTime(start) = required(start, "StartTime")?;
    let RequestTime(end) = required(end, "EndTime")?;
    if start > end {
        return Err(ApiError::invalid_request(
            "End time cannot be earlier than start time",
        ));
    }
    if end.since(start) > Elapsed::from_micros(QUERY_WINDOW_SECONDS_MAX * 1_000_000) {
        return Err(ApiError::invalid_request(
            "Time range cannot be longer than 6 hours",
        ));
    }
    Ok((start, end))
}

/// Only the default group is there until groups can be made; it selects every trace.
fn check_group(name: Option<&str>, arn: Option<&str>) -> Result<(), ApiError> {
    let length = |given: Option<&str>| given.map_or(1, |given| given.chars().count());
    if name.is_some() && arn.is_some() {
        return Err(ApiError::invalid_request(
            "Provide either GroupName or GroupARN",
        ));
    }
    if !NAME_OF_RULE_OR_GROUP_CHARS.contains(&length(name))
        || !GROUP_ARN_CHARS.contains(&length(arn))
    {
        return Err(ApiError::invalid_request(
            "Group name or ARN has an invalid length",
        ));
    }
    let known = name.is_none_or(|name| name == "Default")
        && arn.is_none_or(|arn| arn.ends_with(":group/Default"));
    if known {
        Ok(())
    } else {
        Err(ApiError::invalid_request("Group not found."))
    }
}
