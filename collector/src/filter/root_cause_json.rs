//! `rootcause.json = #[...]`: root causes against objects in the form in which clients read them.
//! Source: `spec/filter-expressions.md` section 5, `spec/api.md` section 6.1.

use radiograph_protocol::timestamp::millis_as_seconds;
use serde_json::{Map, Value};

use crate::trace::summary::{RootCause, RootCauseEntity, RootCauseService};
use crate::trace::view::TraceView;

type Object = Map<String, Value>;

/// What the entities of a cause tell beside their names.
#[derive(Clone, Copy)]
enum Tells {
    Exceptions,
    Coverage,
}

/// Whether one of the objects matches one root cause of any category.
pub(super) fn any(view: &TraceView, objects: &[Object]) -> bool {
    let summary = &view.summary;
    let categories = [
        (&summary.fault_root_causes, Tells::Exceptions),
        (&summary.error_root_causes, Tells::Exceptions),
        (&summary.response_time_root_causes, Tells::Coverage),
    ];
    categories.into_iter().any(|(causes, tells)| {
        causes.iter().any(|cause| {
            objects
                .iter()
                .any(|object| is_cause(object, view, cause, tells))
        })
    })
}

/// Every field must be there and equal; one that is left out does not count.
fn is_cause(object: &Object, view: &TraceView, cause: &RootCause, tells: Tells) -> bool {
    object.iter().all(|(field, value)| match field.as_str() {
        "Services" => each(value, &cause.services, |object, service| {
            is_service(object, view, service, tells)
        }),
        "ClientImpacting" => value.as_bool() == Some(cause.client_impacting),
        _ => false,
    })
}

fn is_service(object: &Object, view: &TraceView, service: &RootCauseService, tells: Tells) -> bool {
    let node = view.node(service.node);
    object.iter().all(|(field, value)| match field.as_str() {
        "Name" => value.as_str() == Some(&node.name),
        "Names" => match value.as_array().map(Vec::as_slice) {
            Some([name]) => name.as_str() == Some(&node.name),
            _ => false,
        },
        // in root causes alone a type that is not known is there, and empty
        "Type" => value.as_str() == Some(node.kind.as_deref().unwrap_or_default()),
        "AccountId" => node.account_id.is_some() && value.as_str() == node.account_id.as_deref(),
        "Inferred" => value.as_bool() == Some(service.inferred),
        "EntityPath" => each(value, &service.path, |object, entity| {
            is_entity(object, entity, tells)
        }),
        _ => false,
    })
}

fn is_entity(object: &Object, entity: &RootCauseEntity, tells: Tells) -> bool {
    object
        .iter()
        .all(|(field, value)| match (field.as_str(), tells) {
            ("Name", _) => value.as_str() == Some(&entity.name),
            ("Remote", _) => value.as_bool() == Some(entity.remote),
            ("Coverage", Tells::Coverage) => {
                let coverage = millis_as_seconds(entity.coverage_permille);
                value
                    .as_f64()
                    .is_some_and(|value| value.total_cmp(&coverage).is_eq())
            }
            ("Exceptions", Tells::Exceptions) => each(value, &entity.exceptions, is_exception),
            _ => false,
        })
}

fn is_exception(object: &Object, (name, message): &(String, String)) -> bool {
    object.iter().all(|(field, value)| match field.as_str() {
        "Name" => value.as_str() == Some(name),
        "Message" => value.as_str() == Some(message),
        _ => false,
    })
}

/// Whether a JSON list is as long as a list, and each of its objects matches.
fn each<T>(value: &Value, list: &[T], matches: impl Fn(&Object, &T) -> bool) -> bool {
    value.as_array().is_some_and(|objects| {
        let mut pairs = objects.iter().zip(list);
        objects.len() == list.len()
            && pairs.all(|(object, item)| object.as_object().is_some_and(|o| matches(o, item)))
    })
}
