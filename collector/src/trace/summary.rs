//! What GetTraceSummaries tells of one trace, in the form in which it is stored.
//! Source: `spec/traces-and-graph.md` sections 4 and 5.

use radiograph_protocol::timestamp::{Elapsed, Timestamp};
use serde::{Deserialize, Serialize};

use super::facts::{NodeAt, SegmentAt};

/// Summary of one trace, as far as its facts do not tell it. Lists are sorted and free of repeats.
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
    /// The root segment; `None` when the trace has sent none.
    pub root: Option<SegmentAt>,
    /// The indexed annotations, by key, type and value.
    pub annotations: Vec<Annotation>,
    /// Every node of the trace, clients included, ordered by name, type and account.
    pub services: Vec<NodeAt>,
    /// How faults came about.
    pub fault_root_causes: Vec<RootCause>,
    /// How errors came about, throttled ones included.
    pub error_root_causes: Vec<RootCause>,
    /// Where the response time went; at most one.
    pub response_time_root_causes: Vec<RootCause>,
}

/// One different (key, type, value), with the nodes whose segments gave it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Annotation {
    /// The key.
    pub key: String,
    /// The value.
    pub value: AnnotationValue,
    /// The nodes, ordered by name, type and account.
    pub services: Vec<NodeAt>,
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
    pub node: NodeAt,
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
