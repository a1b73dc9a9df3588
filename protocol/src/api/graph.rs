//! GetServiceGraph and GetTraceGraph. Source: `spec/api.md` sections 3.7, 3.8 and 6.2.

use serde::{Deserialize, Serialize, Serializer};

use super::RequestTime;
use crate::timestamp::Timestamp;

/// Request of GetServiceGraph.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct GetServiceGraphRequest {
    /// Start of the window, inclusive; required.
    pub start_time: Option<RequestTime>,
    /// End of the window, exclusive; required.
    pub end_time: Option<RequestTime>,
    /// Restricts to the traces of a group.
    pub group_name: Option<String>,
    /// The same, by ARN.
    #[serde(rename = "GroupARN")]
    pub group_arn: Option<String>,
}

/// Answer of GetServiceGraph.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct GetServiceGraphResponse {
    /// As asked.
    pub start_time: Timestamp,
    /// As asked.
    pub end_time: Timestamp,
    /// Always false: groups are applied when they are asked for.
    pub contains_old_group_versions: bool,
    /// The nodes.
    pub services: Vec<Service>,
}

/// Request of GetTraceGraph.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct GetTraceGraphRequest {
    /// The traces; required.
    pub trace_ids: Option<Vec<String>>,
}

/// Answer of GetTraceGraph.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct GetTraceGraphResponse {
    /// The nodes.
    pub services: Vec<Service>,
}

/// A node.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Service {
    /// Its place in the list.
    pub reference_id: usize,
    /// Canonical name.
    pub name: String,
    /// All names; here always the one.
    pub names: Vec<String>,
    /// A graph root belongs to it; absent otherwise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub root: Option<bool>,
    /// The account, absent when unknown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account_id: Option<String>,
    /// Kind of compute or resource, absent when unknown.
    #[serde(rename = "Type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// `active`, `passive` or `unknown`.
    pub state: &'static str,
    /// First start, whole seconds rounded down.
    pub start_time: f64,
    /// Last end, whole seconds rounded up.
    pub end_time: f64,
    /// Outgoing edges.
    pub edges: Vec<Edge>,
    /// Absent on client nodes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub summary_statistics: Option<SummaryStatistics>,
    /// Absent on client nodes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub duration_histogram: Option<Vec<HistogramEntry>>,
    /// Absent on client nodes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub response_time_histogram: Option<Vec<HistogramEntry>>,
}

/// An outgoing edge.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Edge {
    /// The destination's `ReferenceId`.
    pub reference_id: usize,
    /// First start of a caller, whole seconds rounded down.
    pub start_time: f64,
    /// Last end of a caller, whole seconds rounded up.
    pub end_time: f64,
    /// The callers' view; an empty object on link edges.
    #[serde(serialize_with = "object_or_empty")]
    pub summary_statistics: Option<SummaryStatistics>,
    /// The callers' view.
    pub response_time_histogram: Vec<HistogramEntry>,
    /// Other names the callers used.
    pub aliases: Vec<Alias>,
    /// `link` when the edge stands for messages between traces; absent otherwise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub edge_type: Option<&'static str>,
    /// How old the messages were when they were taken up, on link edges alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub received_event_age_histogram: Option<Vec<HistogramEntry>>,
}

fn object_or_empty<S: Serializer>(
    statistics: &Option<SummaryStatistics>,
    to: S,
) -> Result<S::Ok, S::Error> {
    match statistics {
        Some(statistics) => statistics.serialize(to),
        None => to.collect_map(std::iter::empty::<((), ())>()),
    }
}

/// A name that a caller used for a callee.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Alias {
    /// The name.
    pub name: String,
    /// The name, as a list.
    pub names: Vec<String>,
    /// What its type would have been.
    #[serde(rename = "Type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
}

/// Requests by outcome.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct SummaryStatistics {
    /// Neither errors nor faults.
    pub ok_count: i64,
    /// Client errors.
    pub error_statistics: ErrorStatistics,
    /// Faults.
    pub fault_statistics: FaultStatistics,
    /// All requests.
    pub total_count: i64,
    /// Sum in seconds, rounded to milliseconds.
    pub total_response_time: f64,
}

/// Client errors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ErrorStatistics {
    /// Throttled.
    pub throttle_count: i64,
    /// Others.
    pub other_count: i64,
    /// Both.
    pub total_count: i64,
}

/// Faults.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct FaultStatistics {
    /// All of them.
    pub other_count: i64,
    /// All of them.
    pub total_count: i64,
}

/// One value of a histogram.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct HistogramEntry {
    /// Seconds.
    pub value: f64,
    /// Requests.
    pub count: i64,
}
