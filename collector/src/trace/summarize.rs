//! A stitched trace to its summary. Source: `spec/traces-and-graph.md` section 4.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use radiograph_protocol::limits::ANNOTATIONS_INDEXED_MAX;
use radiograph_protocol::segment;
use radiograph_protocol::timestamp::{Elapsed, Timestamp};

use super::contributions::{has_client, latest};
use super::node::{self, NodeKey};
use super::root_cause;
use super::stitch::{Member, Trace};
use super::summary::{Annotation, AnnotationValue, HttpSummary, Summary};

/// Everything GetTraceSummaries and filters need of the trace.
#[must_use]
pub fn summarize(trace: &Trace<'_>) -> Summary {
    let root = trace.root();
    let root_entity = root.map(|(_, member)| member.entity);
    let outcome = root_entity
        .map(segment::Entity::outcome)
        .unwrap_or_default();
    let (start, (latest, _)) = (start(trace), latest(trace));
    let counts_as_segment =
        |member: &Member<'_>| member.is_segment || member.is_orphan() || member.infers;
    let mut hosts = Hosts::default();
    for (_, member) in trace.members().filter(|(_, member)| member.is_segment) {
        hosts.add(member.entity);
    }
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
        http: root_entity.map(http).unwrap_or_default(),
        annotations: annotations(trace),
        users: users(trace),
        services: services(trace).into_iter().collect(),
        resource_arns: hosts.resource_arns.into_iter().collect(),
        instance_ids: hosts.instance_ids.into_iter().collect(),
        availability_zones: hosts.availability_zones.into_iter().collect(),
        entry_point: root.map(|(at, _)| trace.node_of(at)),
        fault_root_causes: root_cause::of_flag(trace, |flags| flags.fault),
        error_root_causes: root_cause::of_flag(trace, |flags| flags.error),
        response_time_root_causes: root_cause::of_response_time(trace).into_iter().collect(),
        segments: trace
            .members()
            .filter(|(_, member)| member.is_segment)
            .map(|(_, member)| (member.entity.start, member.entity.end))
            .collect(),
    }
}

/// From the start to the latest end of any entity; `None` while nothing has ended.
#[must_use]
pub fn duration(trace: &Trace<'_>) -> Option<Elapsed> {
    let (latest, ended) = latest(trace);
    ended.then(|| latest.since(start(trace)))
}

/// The earliest start of the sent segments and orphans, of which every trace has one.
fn start(trace: &Trace<'_>) -> Timestamp {
    let starts = trace.owners().map(|(_, owner)| owner.entity.start);
    starts.min().unwrap_or(Timestamp::MIN)
}

#[derive(Default)]
struct Hosts {
    resource_arns: BTreeSet<String>,
    instance_ids: BTreeSet<String>,
    availability_zones: BTreeSet<String>,
}

impl Hosts {
    fn add(&mut self, entity: &segment::Entity<'_>) {
        let aws = entity.aws.as_deref();
        let ec2 = aws.and_then(|aws| aws.ec2.as_ref());
        let ecs = aws.and_then(|aws| aws.ecs.as_ref());
        let owned = |text: &std::borrow::Cow<'_, str>| text.to_string();
        self.resource_arns
            .extend(entity.resource_arn.as_ref().map(owned));
        self.instance_ids
            .extend(ec2.and_then(|host| host.instance_id.as_ref()).map(owned));
        for host in [ec2, ecs].into_iter().flatten() {
            self.availability_zones
                .extend(host.availability_zone.as_ref().map(owned));
        }
    }
}

fn http(root: &segment::Entity<'_>) -> HttpSummary {
    let Some(http) = root.http.as_deref() else {
        return HttpSummary::default();
    };
    let request = http.request.clone().unwrap_or_default();
    HttpSummary {
        url: request.url.map(Into::into),
        status: http.status(),
        method: request.method.map(Into::into),
        user_agent: request.user_agent.map(Into::into),
        client_ip: request.client_ip.map(Into::into),
    }
}

/// Every node of the trace: sent, inferred, orphan and client.
fn services(trace: &Trace<'_>) -> BTreeSet<NodeKey> {
    let mut nodes = BTreeSet::new();
    for (at, owner) in trace.owners() {
        let node = trace.node_of(at);
        if has_client(owner) {
            nodes.insert(NodeKey::client_of(&node.name));
        }
        nodes.insert(node);
    }
    let calls = trace.members().filter(|(_, member)| member.infers);
    nodes.extend(calls.map(|(_, call)| node::of_inferred(call.entity)));
    nodes
}

fn users(trace: &Trace<'_>) -> Vec<(String, Vec<NodeKey>)> {
    let mut users: BTreeMap<String, BTreeSet<NodeKey>> = BTreeMap::new();
    for (at, member) in trace.members().filter(|(_, member)| member.is_segment) {
        if let Some(user) = &member.entity.user {
            users
                .entry(user.to_string())
                .or_default()
                .insert(trace.node_of(at));
        }
    }
    users
        .into_iter()
        .map(|(user, nodes)| (user, nodes.into_iter().collect()))
        .collect()
}

/// The first different annotations by (entity start, entity id, key), with the nodes that gave them.
fn annotations(trace: &Trace<'_>) -> Vec<Annotation> {
    let mut known: BTreeMap<(String, Value), BTreeSet<NodeKey>> = BTreeMap::new();
    for (_, member) in trace.members() {
        let mut own: Vec<_> = member.entity.annotations.iter().collect();
        own.sort_by(|(a, _), (b, _)| a.cmp(b));
        for (key, value) in own {
            let entry = (key.to_string(), Value::from(value));
            let is_full = known.len() >= ANNOTATIONS_INDEXED_MAX;
            if is_full && !known.contains_key(&entry) {
                continue;
            }
            known
                .entry(entry)
                .or_default()
                .insert(trace.node_of(member.owner));
        }
    }
    known
        .into_iter()
        .map(|((key, value), nodes)| Annotation {
            key,
            value: value.0,
            services: nodes.into_iter().collect(),
        })
        .collect()
}

/// An annotation's value in the order of answers: by type, then by value.
struct Value(AnnotationValue);

impl From<&segment::AnnotationValue<'_>> for Value {
    fn from(value: &segment::AnnotationValue<'_>) -> Self {
        Self(match value {
            segment::AnnotationValue::Text(text) => AnnotationValue::Text(text.to_string()),
            segment::AnnotationValue::Number(number) => AnnotationValue::Number(*number),
            segment::AnnotationValue::Bool(value) => AnnotationValue::Bool(*value),
        })
    }
}

impl Ord for Value {
    fn cmp(&self, other: &Self) -> Ordering {
        use AnnotationValue::{Bool, Number, Text};
        match (&self.0, &other.0) {
            (Bool(a), Bool(b)) => a.cmp(b),
            (Number(a), Number(b)) => a.total_cmp(b),
            (Text(a), Text(b)) => a.cmp(b),
            (a, b) => kind(a).cmp(&kind(b)),
        }
    }
}

const fn kind(value: &AnnotationValue) -> u8 {
    match value {
        AnnotationValue::Bool(_) => 0,
        AnnotationValue::Number(_) => 1,
        AnnotationValue::Text(_) => 2,
    }
}

impl PartialOrd for Value {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Value {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Value {}
