//! Trace retrieval. Source: `spec/api.md` section 5.1.

use serde::{Deserialize, Serialize};

use super::RequestTime;
use super::graph::Service;

/// Request of StartTraceRetrieval.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct StartTraceRetrievalRequest {
    /// The traces; required.
    pub trace_ids: Option<Vec<String>>,
    /// Start of the window, inclusive; required.
    pub start_time: Option<RequestTime>,
    /// End of the window, inclusive; required.
    pub end_time: Option<RequestTime>,
}

/// Answer of StartTraceRetrieval.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct StartTraceRetrievalResponse {
    /// To ask for the result with.
    pub retrieval_token: String,
}

/// Request of ListRetrievedTraces.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ListRetrievedTracesRequest {
    /// The retrieval; required.
    pub retrieval_token: Option<String>,
    /// `XRAY`, which is the default, or `OTEL`.
    pub trace_format: Option<String>,
    /// Where to go on.
    pub next_token: Option<String>,
}

/// Answer of ListRetrievedTraces.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ListRetrievedTracesResponse {
    /// How far the retrieval is.
    pub retrieval_status: &'static str,
    /// The form of the documents.
    pub trace_format: &'static str,
    /// The traces that were found, in the order asked for; none unless the retrieval is complete.
    pub traces: Vec<RetrievedTrace>,
    /// Absent on the last page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_token: Option<String>,
}

/// A trace, or as much of it as fits on a page.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct RetrievedTrace {
    /// Trace id.
    pub id: String,
    /// Seconds; 0 while nothing has ended.
    pub duration: f64,
    /// Its segments, or spans.
    pub spans: Vec<Span>,
}

/// A segment or span.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Span {
    /// Its id.
    pub id: String,
    /// JSON text.
    pub document: String,
}

/// Request of GetRetrievedTracesGraph.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct GetRetrievedTracesGraphRequest {
    /// The retrieval; required.
    pub retrieval_token: Option<String>,
    /// Where to go on.
    pub next_token: Option<String>,
}

/// Answer of GetRetrievedTracesGraph.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct GetRetrievedTracesGraphResponse {
    /// How far the retrieval is.
    pub retrieval_status: &'static str,
    /// The nodes; none unless the retrieval is complete.
    pub services: Vec<RetrievedService>,
    /// Absent on the last page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_token: Option<String>,
}

/// A node, and what its segments link to.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct RetrievedService {
    /// The node.
    pub service: Service,
    /// The links.
    pub links: Vec<GraphLink>,
}

/// Links of one kind that the segments of a node carry in one trace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct GraphLink {
    /// What the linked traces are to it: the links' attribute `aws.xray.reserved.reference_type`,
    /// `parent` without one.
    pub reference_type: String,
    /// The trace that carries the links.
    pub source_trace_id: String,
    /// The traces that they lead to.
    pub destination_trace_ids: Vec<String>,
}

/// Request of CancelTraceRetrieval.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct CancelTraceRetrievalRequest {
    /// The retrieval; required.
    pub retrieval_token: Option<String>,
}

/// Answer of CancelTraceRetrieval: an empty object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct CancelTraceRetrievalResponse {}
