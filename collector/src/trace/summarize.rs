//! A stitched trace to its summary. Source: `spec/traces-and-graph.md` section 4.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use radiograph_protocol::limits::ANNOTATIONS_INDEXED_MAX;
use radiograph_protocol::segment;
use radiograph_protocol::timestamp::{Elapsed, Timestamp};

use super::facts::{Facts, NodeAt, SegmentAt};
use super::node::NodeKey;
use super::nodes::Nodes;
use super::root_cause;
use super::stitch::{Index, Member, Trace};
use super::summary::{Annotation, AnnotationValue, Summary};

/// Everything GetTraceSummaries needs of the trace beside its facts.
#[must_use]
pub fn summarize(trace: &Trace<'_>, nodes: &mut Nodes, facts: &Facts) -> Summary {
    let root = trace.root();
    let root_entity = root.map(|(_, member)| member.entity);
    let outcome = root_entity
        .map(segment::Entity::outcome)
        .unwrap_or_default();
    let (start, (latest, _)) = (start(trace), trace.latest());
    let counts_as_segment =
        |member: &Member<'_>| member.is_segment || member.is_orphan() || member.infers;
    Summary {
        start,
        latest,
        duration: duration(trace),
        response_time: root_entity.and_then(|root| Some(root.end?.since(root.start))),
        has_fault: outcome.fault,
        has_error: outcome.error,
        has_throttle: trace
            .members()
            .any(|(_, member)| counts_as_segment(member) && member.entity.outcome().throttle),
        is_partial: trace.is_partial(),
        root: root.and_then(|(at, _)| place_of(trace, at)),
        annotations: annotations(trace, nodes),
        services: services(nodes, facts),
        fault_root_causes: root_cause::of_flag(trace, nodes, |flags| flags.fault),
        error_root_causes: root_cause::of_flag(trace, nodes, |flags| flags.error),
        response_time_root_causes: root_cause::of_response_time(trace, nodes)
            .into_iter()
            .collect(),
    }
}

/// The place of an owner among the segments of the facts, where owners come first and in their own
/// order.
fn place_of(trace: &Trace<'_>, owner: Index) -> Option<SegmentAt> {
    let place = trace.owners().position(|(at, _)| at == owner)?;
    u32::try_from(place).ok().map(SegmentAt)
}

/// From the start to the latest end of any entity; `None` while nothing has ended.
#[must_use]
pub fn duration(trace: &Trace<'_>) -> Option<Elapsed> {
    let (latest, ended) = trace.latest();
    ended.then(|| latest.since(start(trace)))
}

/// The earliest start of the sent segments and orphans, of which every trace has one.
fn start(trace: &Trace<'_>) -> Timestamp {
    let starts = trace.owners().map(|(_, owner)| owner.entity.start);
    starts.min().unwrap_or(Timestamp::MIN)
}

/// Every node of the trace: sent, inferred, orphan and client.
fn services(nodes: &mut Nodes, facts: &Facts) -> Vec<NodeAt> {
    let mut services: Vec<NodeAt> = facts.segments.iter().map(|segment| segment.node).collect();
    for call in facts.calls.iter().filter(|call| call.source.is_none()) {
        let root = facts.segment(call.target);
        let client = root
            .and_then(|root| nodes.key(root.node))
            .map(|root| NodeKey::client_of(&root.name));
        services.extend(client.map(|client| nodes.place(client)));
    }
    nodes.sort(&mut services);
    services
}

/// The first different annotations by (entity start, entity id, key), with the nodes that gave them.
fn annotations(trace: &Trace<'_>, nodes: &Nodes) -> Vec<Annotation> {
    let mut known: BTreeMap<(&str, Value<'_>), Vec<NodeAt>> = BTreeMap::new();
    for (_, member) in trace.members() {
        for (key, value) in &member.entity.annotations {
            let entry = (&**key, Value(value));
            let is_full = known.len() >= ANNOTATIONS_INDEXED_MAX;
            if is_full && !known.contains_key(&entry) {
                continue;
            }
            known
                .entry(entry)
                .or_default()
                .extend(nodes.own(member.owner));
        }
    }
    known
        .into_iter()
        .map(|((key, value), mut services)| {
            nodes.sort(&mut services);
            Annotation {
                key: key.to_owned(),
                value: value.into(),
                services,
            }
        })
        .collect()
}

/// An annotation's value in the order of answers: by type, then by value.
struct Value<'a>(&'a segment::AnnotationValue<'a>);

impl From<Value<'_>> for AnnotationValue {
    fn from(Value(value): Value<'_>) -> Self {
        match value {
            segment::AnnotationValue::Text(text) => Self::Text(text.to_string()),
            segment::AnnotationValue::Number(number) => Self::Number(*number),
            segment::AnnotationValue::Bool(value) => Self::Bool(*value),
        }
    }
}

impl Ord for Value<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        use segment::AnnotationValue::{Bool, Number, Text};
        match (self.0, other.0) {
            (Bool(a), Bool(b)) => a.cmp(b),
            (Number(a), Number(b)) => a.total_cmp(b),
            (Text(a), Text(b)) => a.cmp(b),
            (a, b) => kind(a).cmp(&kind(b)),
        }
    }
}

const fn kind(value: &segment::AnnotationValue<'_>) -> u8 {
    match value {
        segment::AnnotationValue::Bool(_) => 0,
        segment::AnnotationValue::Number(_) => 1,
        segment::AnnotationValue::Text(_) => 2,
    }
}

impl PartialOrd for Value<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Value<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Value<'_> {}
