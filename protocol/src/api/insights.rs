//! GetInsightSummaries, GetInsight, GetInsightEvents and GetInsightImpactGraph.
//! Source: `spec/api.md` sections 4.6, 5 and 6.4.
//!
//! No member of an insight is ever left out: Grafana dereferences `RootCauseServiceId`, the first of
//! `TopAnomalousServices` and `EndTime`, and takes the second sentence of `Summary`, without looking.

use serde::{Deserialize, Serialize};

use super::RequestTime;
use super::traces::ServiceId;
use crate::timestamp::Timestamp;

/// Request of GetInsightSummaries.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct GetInsightSummariesRequest {
    /// Start of the window, inclusive; required.
    pub start_time: Option<RequestTime>,
    /// End of the window, exclusive; required.
    pub end_time: Option<RequestTime>,
    /// One state at most; without one, both.
    pub states: Option<Vec<String>>,
    /// The group, by name.
    pub group_name: Option<String>,
    /// The same, by ARN.
    #[serde(rename = "GroupARN")]
    pub group_arn: Option<String>,
    /// Insights of a page at most.
    pub max_results: Option<i64>,
    /// Where to go on.
    pub next_token: Option<String>,
}

/// Request of GetInsight.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct GetInsightRequest {
    /// A UUID; required.
    pub insight_id: Option<String>,
}

/// Request of GetInsightEvents.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct GetInsightEventsRequest {
    /// A UUID; required.
    pub insight_id: Option<String>,
    /// Events of a page at most.
    pub max_results: Option<i64>,
    /// Where to go on.
    pub next_token: Option<String>,
}

/// Request of GetInsightImpactGraph.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct GetInsightImpactGraphRequest {
    /// A UUID; required.
    pub insight_id: Option<String>,
    /// Start of the window, inclusive; required.
    pub start_time: Option<RequestTime>,
    /// End of the window, exclusive; required.
    pub end_time: Option<RequestTime>,
    /// Where to go on; there is one page, so every token is a wrong one.
    pub next_token: Option<String>,
}

/// Answer of GetInsightSummaries.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct GetInsightSummariesResponse {
    /// Newest first.
    pub insight_summaries: Vec<InsightSummary>,
    /// Absent on the last page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_token: Option<String>,
}

/// Answer of GetInsight.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct GetInsightResponse {
    /// The insight.
    pub insight: Insight,
}

/// Answer of GetInsightEvents.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct GetInsightEventsResponse {
    /// Newest first.
    pub insight_events: Vec<InsightEvent>,
    /// Absent on the last page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_token: Option<String>,
}

/// Answer of GetInsightImpactGraph, in one page.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct GetInsightImpactGraphResponse {
    /// As asked.
    pub insight_id: String,
    /// As asked.
    pub start_time: Timestamp,
    /// As asked.
    pub end_time: Timestamp,
    /// Where the minutes that were looked at begin.
    pub service_graph_start_time: Timestamp,
    /// Where they end.
    pub service_graph_end_time: Timestamp,
    /// Nodes, without statistics.
    pub services: Vec<InsightImpactGraphService>,
}

/// An insight.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Insight {
    /// A UUID.
    pub insight_id: String,
    /// Its group as it was then.
    #[serde(rename = "GroupARN")]
    pub group_arn: String,
    /// Its group as it was then.
    pub group_name: String,
    /// The service that faults without a callee to blame.
    pub root_cause_service_id: ServiceId,
    /// Always `FAULT` alone.
    pub categories: [&'static str; 1],
    /// `ACTIVE` or `CLOSED`.
    pub state: &'static str,
    /// Start of its first minute.
    pub start_time: Timestamp,
    /// End of its last minute; of the last one judged while it is active.
    pub end_time: Timestamp,
    /// Sentences.
    pub summary: String,
    /// Requests from outside.
    pub client_request_impact_statistics: RequestImpactStatistics,
    /// Requests that the root cause service handled.
    pub root_cause_service_request_impact_statistics: RequestImpactStatistics,
    /// Those with the most faults above what was expected, the worst first; never empty.
    pub top_anomalous_services: Vec<AnomalousService>,
}

/// An insight in a list.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct InsightSummary {
    /// All members of the insight.
    #[serde(flatten)]
    pub insight: Insight,
    /// When it changed last.
    pub last_update_time: Timestamp,
}

/// What an insight was at some time.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct InsightEvent {
    /// Sentences.
    pub summary: String,
    /// When.
    pub event_time: Timestamp,
    /// Requests from outside until then.
    pub client_request_impact_statistics: RequestImpactStatistics,
    /// Requests that the root cause service handled until then.
    pub root_cause_service_request_impact_statistics: RequestImpactStatistics,
    /// The worst first; never empty.
    pub top_anomalous_services: Vec<AnomalousService>,
}

/// Requests by outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct RequestImpactStatistics {
    /// Faults.
    pub fault_count: i64,
    /// Neither faults nor errors.
    pub ok_count: i64,
    /// All, errors included.
    pub total_count: i64,
}

/// A service that faults more than expected.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct AnomalousService {
    /// Which.
    pub service_id: ServiceId,
}

/// A node of an impact graph.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct InsightImpactGraphService {
    /// Its place in the list.
    pub reference_id: usize,
    /// Kind of compute or resource, absent when unknown.
    #[serde(rename = "Type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// Canonical name.
    pub name: String,
    /// All names; here always the one.
    pub names: Vec<String>,
    /// The account, absent when unknown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account_id: Option<String>,
    /// Outgoing edges.
    pub edges: Vec<InsightImpactGraphEdge>,
}

/// An edge of an impact graph.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct InsightImpactGraphEdge {
    /// The destination's `ReferenceId`.
    pub reference_id: usize,
}
