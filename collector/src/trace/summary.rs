//! What GetTraceSummaries tells of one trace, in the form in which it is stored.
//! Source: `spec/traces-and-graph.md` sections 4 and 5.

use radiograph_protocol::timestamp::{Elapsed, Timestamp};
use serde::{Deserialize, Serialize};

use super::node::NodeKey;

/// Summary of one trace. Lists are sorted and free of repeats.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// Earliest start of the sent segments and orphans.
    pub start: Timestamp,
    /// Latest end (start of an unfinished one) of any entity.
    pub latest: Timestamp,
    /// Latest end of any entity − start; `None` while nothing has ended.
    pub duration: Option<Elapsed>,
    /// End − start of the root segment; `None` without a finished root.
    pub response_time: Option<Elapsed>,
    /// The root is a fault.
    pub has_fault: bool,
    /// The root is a client error.
    pub has_error: bool,
    /// Some segment or orphan was throttled.
    pub has_throttle: bool,
    /// Something is unfinished, or its parent or called service is missing.
    pub is_partial: bool,
    /// Of the root's `http`.
    pub http: HttpSummary,
    /// The indexed annotations, by key, type and value.
    pub annotations: Vec<Annotation>,
    /// Users with the nodes that named them.
    pub users: Vec<(String, Vec<NodeKey>)>,
    /// Every node of the trace, clients included.
    pub services: Vec<NodeKey>,
    /// Resource ARNs of sent segments.
    pub resource_arns: Vec<String>,
    /// EC2 instance ids.
    pub instance_ids: Vec<String>,
    /// Availability zones.
    pub availability_zones: Vec<String>,
    /// The root's node.
    pub entry_point: Option<NodeKey>,
    /// How faults came about.
    pub fault_root_causes: Vec<RootCause>,
    /// How errors came about, throttled ones included.
    pub error_root_causes: Vec<RootCause>,
    /// Where the response time went; at most one.
    pub response_time_root_causes: Vec<RootCause>,
    /// Start and end of each sent segment, for the time range type `Service`.
    pub segments: Vec<(Timestamp, Option<Timestamp>)>,
}

/// `Http` of a summary.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct HttpSummary {
    /// `HttpURL`.
    pub url: Option<String>,
    /// `HttpStatus`.
    pub status: Option<i64>,
    /// `HttpMethod`.
    pub method: Option<String>,
    /// `UserAgent`.
    pub user_agent: Option<String>,
    /// `ClientIp`.
    pub client_ip: Option<String>,
}

/// One different (key, type, value), with the nodes whose segments gave it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Annotation {
    /// The key.
    pub key: String,
    /// The value.
    pub value: AnnotationValue,
    /// The nodes.
    pub services: Vec<NodeKey>,
}

/// The value of an annotation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum AnnotationValue {
    /// `BooleanValue`.
    Bool(bool),
    /// `NumberValue`.
    Number(f64),
    /// `StringValue`.
    Text(String),
}

/// A chain from an entry service to a culprit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RootCause {
    /// The services on the way.
    pub services: Vec<RootCauseService>,
    /// Whether the client was hit.
    pub client_impacting: bool,
}

/// One service on the way to a culprit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RootCauseService {
    /// The service.
    pub node: NodeKey,
    /// It sent no segment itself.
    pub inferred: bool,
    /// Its own segment, then the subsegments walked inside it.
    pub path: Vec<RootCauseEntity>,
}

/// One entity on the way to a culprit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RootCauseEntity {
    /// Its name; canonical for calls of AWS services.
    pub name: String,
    /// It is a call to another service.
    pub remote: bool,
    /// Name and message of its own exceptions (faults and errors).
    pub exceptions: Vec<(String, String)>,
    /// Share of the root's response time, 0 to 1 in thousandths (response time).
    pub coverage_permille: i64,
}
