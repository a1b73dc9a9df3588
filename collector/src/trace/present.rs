//! A stored summary in the shape of the API. Source: `spec/api.md` section 6.1.

use std::collections::BTreeMap;

use radiograph_protocol::api::traces as api;
use radiograph_protocol::timestamp::{Elapsed, Timestamp, millis_as_seconds};

use super::node::NodeKey;
use super::summary::{AnnotationValue, RootCause, RootCauseEntity, Summary};
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
        http: api::Http {
            url: summary.http.url.clone(),
            status: summary.http.status,
            method: summary.http.method.clone(),
            user_agent: summary.http.user_agent.clone(),
            client_ip: summary.http.client_ip.clone(),
        },
        annotations: annotations(summary),
        users: summary
            .users
            .iter()
            .map(|(user, nodes)| api::TraceUser {
                user_name: user.clone(),
                service_ids: service_ids(nodes),
            })
            .collect(),
        service_ids: service_ids(&summary.services),
        resource_arns: named(&summary.resource_arns, |arn| api::ResourceArn { arn }),
        instance_ids: named(&summary.instance_ids, |id| api::InstanceId { id }),
        availability_zones: named(&summary.availability_zones, |name| api::AvailabilityZone {
            name,
        }),
        entry_point: summary.entry_point.as_ref().map(service_id),
        fault_root_causes: root_causes(&summary.fault_root_causes, error_entity),
        error_root_causes: root_causes(&summary.error_root_causes, error_entity),
        response_time_root_causes: root_causes(
            &summary.response_time_root_causes,
            response_time_entity,
        ),
        revision: view.revision,
        matched_event_time: matched,
    }
}

fn named<T>(values: &[String], make: impl Fn(String) -> T) -> Vec<T> {
    values.iter().cloned().map(make).collect()
}

fn service_ids(nodes: &[NodeKey]) -> Vec<api::ServiceId> {
    nodes.iter().map(service_id).collect()
}

fn service_id(node: &NodeKey) -> api::ServiceId {
    api::ServiceId {
        name: node.name.clone(),
        names: vec![node.name.clone()],
        account_id: node.account_id.clone(),
        kind: node.kind.clone(),
    }
}

fn annotations(summary: &Summary) -> BTreeMap<String, Vec<api::ValueWithServiceIds>> {
    let mut by_key: BTreeMap<String, Vec<_>> = BTreeMap::new();
    for annotation in &summary.annotations {
        let annotation_value = match &annotation.value {
            AnnotationValue::Bool(value) => api::AnnotationValue::Bool(*value),
            AnnotationValue::Number(value) => api::AnnotationValue::Number(*value),
            AnnotationValue::Text(value) => api::AnnotationValue::Text(value.clone()),
        };
        let service_ids = service_ids(&annotation.services);
        let values = by_key.entry(annotation.key.clone()).or_default();
        values.push(api::ValueWithServiceIds {
            annotation_value,
            service_ids,
        });
    }
    by_key
}

fn root_causes<E>(
    causes: &[RootCause],
    entity: impl Fn(&RootCauseEntity) -> E,
) -> Vec<api::RootCause<E>> {
    let services = |cause: &RootCause| {
        let services = cause.services.iter().map(|service| api::RootCauseService {
            name: service.node.name.clone(),
            names: vec![service.node.name.clone()],
            kind: service.node.kind.clone().unwrap_or_default(),
            account_id: service.node.account_id.clone(),
            entity_path: service.path.iter().map(&entity).collect(),
            inferred: service.inferred,
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
