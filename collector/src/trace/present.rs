//! A stored summary in the shape of the API. Source: `spec/api.md` section 6.1.

use std::collections::{BTreeMap, BTreeSet};

use radiograph_protocol::api::traces as api;
use radiograph_protocol::timestamp::{Elapsed, Timestamp, millis_as_seconds};

use super::facts::{HostFacts, HttpFacts, NodeAt};
use super::node::NodeKey;
use super::summary::{AnnotationValue, RootCause, RootCauseEntity};
use super::view::TraceView;

/// One element of `TraceSummaries`; `matched` is the matching instant of the range types `Event`
/// and `Service`.
#[must_use]
pub fn trace_summary(view: &TraceView, matched: Option<Timestamp>) -> api::TraceSummary {
    let summary = &view.summary;
    api::TraceSummary {
        id: view.trace_id.to_string(),
        start_time: summary.start,
        duration: summary.duration.map(Elapsed::seconds_ms),
        response_time: summary.response_time.map(Elapsed::seconds_ms),
        has_fault: summary.has_fault,
        has_error: summary.has_error,
        has_throttle: summary.has_throttle,
        is_partial: summary.is_partial,
        http: view.http().map(http).unwrap_or_default(),
        annotations: annotations(view),
        users: users(view),
        service_ids: service_ids(view, &summary.services),
        resource_arns: listed(view, |host| host.resource_arn.as_slice())
            .map(|arn| api::ResourceArn { arn })
            .collect(),
        instance_ids: listed(view, |host| host.instance_id.as_slice())
            .map(|id| api::InstanceId { id })
            .collect(),
        availability_zones: listed(view, |host| &host.availability_zones)
            .map(|name| api::AvailabilityZone { name })
            .collect(),
        entry_point: view.root().map(|root| service_id(view.node(root.node))),
        fault_root_causes: root_causes(view, &summary.fault_root_causes, error_entity),
        error_root_causes: root_causes(view, &summary.error_root_causes, error_entity),
        response_time_root_causes: root_causes(
            view,
            &summary.response_time_root_causes,
            response_time_entity,
        ),
        revision: view.revision,
        matched_event_time: matched,
    }
}

fn http(http: &HttpFacts) -> api::Http {
    api::Http {
        url: http.url.clone(),
        status: http.status,
        method: http.method.clone(),
        user_agent: http.user_agent.clone(),
        client_ip: http.client_ip.clone(),
    }
}

/// Different values that the hosts of segments give, sorted.
fn listed<'v>(
    view: &'v TraceView,
    of: impl Fn(&'v HostFacts) -> &'v [String],
) -> impl Iterator<Item = String> {
    let hosts = view.facts.segments.iter().filter_map(|s| s.host.as_deref());
    let values: BTreeSet<&String> = hosts.flat_map(of).collect();
    values.into_iter().cloned()
}

/// Users with the nodes that named them, both sorted.
fn users(view: &TraceView) -> Vec<api::TraceUser> {
    let mut users: BTreeMap<&str, BTreeSet<&NodeKey>> = BTreeMap::new();
    for segment in &view.facts.segments {
        let user = segment.host.as_ref().and_then(|host| host.user.as_deref());
        if let Some(user) = user {
            users
                .entry(user)
                .or_default()
                .insert(view.node(segment.node));
        }
    }
    let users = users.into_iter().map(|(user, nodes)| api::TraceUser {
        user_name: user.to_owned(),
        service_ids: nodes.into_iter().map(service_id).collect(),
    });
    users.collect()
}

fn service_ids(view: &TraceView, nodes: &[NodeAt]) -> Vec<api::ServiceId> {
    nodes.iter().map(|at| service_id(view.node(*at))).collect()
}

/// A node as answers name it.
pub(crate) fn service_id(node: &NodeKey) -> api::ServiceId {
    api::ServiceId {
        name: node.name.clone(),
        names: vec![node.name.clone()],
        account_id: node.account_id.clone(),
        kind: node.kind.clone(),
    }
}

fn annotations(view: &TraceView) -> BTreeMap<String, Vec<api::ValueWithServiceIds>> {
    let mut by_key: BTreeMap<String, Vec<_>> = BTreeMap::new();
    for annotation in &view.summary.annotations {
        let annotation_value = match &annotation.value {
            AnnotationValue::Bool(value) => api::AnnotationValue::Bool(*value),
            AnnotationValue::Number(value) => api::AnnotationValue::Number(*value),
            AnnotationValue::Text(value) => api::AnnotationValue::Text(value.clone()),
        };
        let service_ids = service_ids(view, &annotation.services);
        let values = by_key.entry(annotation.key.clone()).or_default();
        values.push(api::ValueWithServiceIds {
            annotation_value,
            service_ids,
        });
    }
    by_key
}

fn root_causes<E>(
    view: &TraceView,
    causes: &[RootCause],
    entity: impl Fn(&RootCauseEntity) -> E,
) -> Vec<api::RootCause<E>> {
    let services = |cause: &RootCause| {
        let services = cause.services.iter().map(|service| {
            let node = view.node(service.node);
            api::RootCauseService {
                name: node.name.clone(),
                names: vec![node.name.clone()],
                kind: node.kind.clone().unwrap_or_default(),
                account_id: node.account_id.clone(),
                entity_path: service.path.iter().map(&entity).collect(),
                inferred: service.inferred,
            }
        });
        services.collect()
    };
    causes
        .iter()
        .map(|cause| api::RootCause {
            services: services(cause),
            client_impacting: cause.client_impacting,
        })
        .collect()
}

fn error_entity(entity: &RootCauseEntity) -> api::ErrorEntity {
    let exceptions = entity
        .exceptions
        .iter()
        .map(|(name, message)| api::RootCauseException {
            name: name.clone(),
            message: message.clone(),
        });
    api::ErrorEntity {
        name: entity.name.clone(),
        exceptions: exceptions.collect(),
        remote: entity.remote,
    }
}

fn response_time_entity(entity: &RootCauseEntity) -> api::ResponseTimeEntity {
    api::ResponseTimeEntity {
        name: entity.name.clone(),
        coverage: millis_as_seconds(entity.coverage_permille),
        remote: entity.remote,
    }
}
