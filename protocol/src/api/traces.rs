//! PutTraceSegments, GetTraceSummaries and BatchGetTraces.
//! Source: `spec/api.md` sections 3.1, 3.5, 3.6 and 6.1.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::RequestTime;
use crate::timestamp::Timestamp;

/// Request of PutTraceSegments.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct PutTraceSegmentsRequest {
    /// One JSON document per text; required.
    pub trace_segment_documents: Option<Vec<String>>,
}

/// Answer of PutTraceSegments.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct PutTraceSegmentsResponse {
    /// The refused documents, those without a readable id last.
    pub unprocessed_trace_segments: Vec<UnprocessedTraceSegment>,
}

/// One refused document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct UnprocessedTraceSegment {
    /// The document's id as sent; `null` when it could not be read.
    pub id: Option<String>,
    /// Why, by AWS's name.
    pub error_code: &'static str,
    /// AWS's wording.
    pub message: String,
}

/// Request of GetTraceSummaries.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct GetTraceSummariesRequest {
    /// Start of the window, inclusive; required.
    pub start_time: Option<RequestTime>,
    /// End of the window, exclusive; required.
    pub end_time: Option<RequestTime>,
    /// `TraceId`, `Event` or `Service`.
    pub time_range_type: Option<String>,
    /// A subset is enough.
    pub sampling: Option<bool>,
    /// How to choose the subset; looked at only when `Sampling` is true.
    pub sampling_strategy: Option<SamplingStrategy>,
    /// Which traces.
    pub filter_expression: Option<String>,
    /// Where to go on.
    pub next_token: Option<String>,
    /// Radiograph's own: whether to tell what the search read. No part of what a token is bound to.
    pub radiograph_explain: Option<bool>,
}

/// How GetTraceSummaries may choose a subset.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct SamplingStrategy {
    /// `PartialScan` or `FixedRate`.
    pub name: Option<String>,
    /// Of `FixedRate`: the share to keep, 0 to 1.
    pub value: Option<f64>,
}

/// Answer of GetTraceSummaries.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct GetTraceSummariesResponse {
    /// Newest first.
    pub trace_summaries: Vec<TraceSummary>,
    /// How far back this page reached.
    pub approximate_time: Timestamp,
    /// Traces looked at for this page.
    pub traces_processed_count: usize,
    /// Absent on the last page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_token: Option<String>,
    /// What the page took; there when the request asks for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub radiograph_explained: Option<SearchExplained>,
}

/// What a page of GetTraceSummaries took. Radiograph's own; all numbers are of this page alone.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct SearchExplained {
    /// Traces that were read and held against the filter.
    pub traces_read: u64,
    /// Traces in the window that were passed over unread, since they cannot match; about as many.
    pub traces_pruned: u64,
    /// Sealed files that reach into the window, as far as the page came.
    pub files: u64,
    /// Files of which no trace was read.
    pub files_pruned: u64,
    /// Files without a search index: all their traces were read.
    pub files_unindexed: u64,
    /// Blocks of traces that were read.
    pub blocks_read: u64,
    /// Blocks of traces that were passed over.
    pub blocks_pruned: u64,
    /// Frames of search indexes that were read.
    pub index_frames_read: u64,
    /// What each term of the filter did, from left to right.
    pub clauses: Vec<ClauseExplained>,
}

/// What a term of a filter did to the traces that the search indexes know of.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct ClauseExplained {
    /// The term, as it was understood.
    pub clause: String,
    /// Traces that it was asked about.
    pub asked: u64,
    /// Traces that it kept by itself.
    pub kept: u64,
    /// Parts of indexes where it kept those that satisfy it, and no others.
    pub exact: u64,
    /// Parts of indexes where it kept others as well.
    pub inexact: u64,
    /// Parts of indexes that could not tell: it kept all.
    pub not_indexed: u64,
    /// Parts of indexes where it was not asked: the terms before it had left nothing.
    pub skipped: u64,
}

/// One trace.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct TraceSummary {
    /// Trace id.
    pub id: String,
    /// Start of the earliest segment.
    pub start_time: Timestamp,
    /// Seconds from the start to the latest end; absent while nothing has ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub duration: Option<f64>,
    /// Seconds the root took; absent without a finished root.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub response_time: Option<f64>,
    /// The root is a fault.
    pub has_fault: bool,
    /// The root is an error.
    pub has_error: bool,
    /// Some segment was throttled.
    pub has_throttle: bool,
    /// Something is unfinished or missing.
    pub is_partial: bool,
    /// The root's request.
    pub http: Http,
    /// By key, one entry per different value.
    pub annotations: BTreeMap<String, Vec<ValueWithServiceIds>>,
    /// By user.
    pub users: Vec<TraceUser>,
    /// Every node of the trace.
    pub service_ids: Vec<ServiceId>,
    /// ARNs of resources.
    #[serde(rename = "ResourceARNs")]
    pub resource_arns: Vec<ResourceArn>,
    /// EC2 instances.
    pub instance_ids: Vec<InstanceId>,
    /// Availability zones.
    pub availability_zones: Vec<AvailabilityZone>,
    /// The root's node.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub entry_point: Option<ServiceId>,
    /// How faults came about.
    pub fault_root_causes: Vec<RootCause<ErrorEntity>>,
    /// How errors came about.
    pub error_root_causes: Vec<RootCause<ErrorEntity>>,
    /// Where the time went.
    pub response_time_root_causes: Vec<RootCause<ResponseTimeEntity>>,
    /// Number of different documents.
    pub revision: u32,
    /// Only for the range types `Event` and `Service`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub matched_event_time: Option<Timestamp>,
}

/// The root's request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Default)]
#[serde(rename_all = "PascalCase")]
pub struct Http {
    /// URL.
    #[serde(rename = "HttpURL", skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// Status.
    #[serde(rename = "HttpStatus", skip_serializing_if = "Option::is_none")]
    pub status: Option<i64>,
    /// Method.
    #[serde(rename = "HttpMethod", skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    /// User agent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_agent: Option<String>,
    /// Client's address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_ip: Option<String>,
}

/// An annotation's value and who gave it.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ValueWithServiceIds {
    /// Exactly one member.
    pub annotation_value: AnnotationValue,
    /// The nodes.
    pub service_ids: Vec<ServiceId>,
}

/// An annotation's value, by its type.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub enum AnnotationValue {
    /// True or false.
    #[serde(rename = "BooleanValue")]
    Bool(bool),
    /// A number.
    #[serde(rename = "NumberValue")]
    Number(f64),
    /// Text.
    #[serde(rename = "StringValue")]
    Text(String),
}

/// A user and who named it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct TraceUser {
    /// The user.
    pub user_name: String,
    /// The nodes.
    pub service_ids: Vec<ServiceId>,
}

/// A node by name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ServiceId {
    /// Canonical name.
    pub name: String,
    /// All names; here always the one.
    pub names: Vec<String>,
    /// Absent when unknown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account_id: Option<String>,
    /// Absent when unknown.
    #[serde(rename = "Type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
}

/// An ARN.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ResourceArn {
    /// The ARN.
    #[serde(rename = "ARN")]
    pub arn: String,
}

/// An EC2 instance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct InstanceId {
    /// Its id.
    pub id: String,
}

/// An availability zone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct AvailabilityZone {
    /// Its name.
    pub name: String,
}

/// A chain of services from the entry to a culprit.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct RootCause<E> {
    /// The services on the way.
    pub services: Vec<RootCauseService<E>>,
    /// The client was hit.
    pub client_impacting: bool,
}

/// A service on the way to a culprit.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct RootCauseService<E> {
    /// Canonical name.
    pub name: String,
    /// All names; here always the one.
    pub names: Vec<String>,
    /// Empty when unknown: clients read it unguarded.
    #[serde(rename = "Type")]
    pub kind: String,
    /// Absent when unknown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account_id: Option<String>,
    /// Its segment, then the subsegments walked inside it.
    pub entity_path: Vec<E>,
    /// It sent no segment itself.
    pub inferred: bool,
}

/// An entity on the way to a fault or error.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ErrorEntity {
    /// Its name.
    pub name: String,
    /// Its own exceptions.
    pub exceptions: Vec<RootCauseException>,
    /// A call to another service.
    pub remote: bool,
}

/// An exception.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct RootCauseException {
    /// Its class, or empty.
    pub name: String,
    /// Its message, or empty.
    pub message: String,
}

/// An entity on the way to where the time went.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ResponseTimeEntity {
    /// Its name.
    pub name: String,
    /// Share of the root's response time, 0 to 1.
    pub coverage: f64,
    /// A call to another service.
    pub remote: bool,
}

/// Request of BatchGetTraces.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct BatchGetTracesRequest {
    /// The traces; required.
    pub trace_ids: Option<Vec<String>>,
}

/// Answer of BatchGetTraces.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct BatchGetTracesResponse {
    /// The traces found, in the order asked for.
    pub traces: Vec<Trace>,
    /// Ids of which nothing is known.
    pub unprocessed_trace_ids: Vec<String>,
}

/// A whole trace.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Trace {
    /// Trace id.
    pub id: String,
    /// Seconds; 0 while nothing has ended.
    pub duration: f64,
    /// Documents were dropped because the trace grew too large.
    pub limit_exceeded: bool,
    /// Its segments.
    pub segments: Vec<Segment>,
}

/// A segment of a trace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Segment {
    /// The document's id.
    pub id: String,
    /// The document, as JSON text.
    pub document: String,
}
