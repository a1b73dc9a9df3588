//! What a trace has where a term looks, in words. Long values and lists are cut: they come from outside.

use std::cell::RefCell;
use std::collections::BTreeSet;

use super::super::ast::{Comparison, Expression};
use super::super::eval::Fields;
use super::super::eval::call::{self, Ends};
use super::super::eval::trace::TraceFields;
use crate::filter::NodePattern;
use crate::trace::node::NodeKey;
use crate::trace::summary::AnnotationValue;
use crate::trace::view::TraceView;

/// Values that are told; of the others only how many there are.
const VALUES_MAX: usize = 8;

/// Characters told of a value.
const VALUE_CHARS_MAX: usize = 200;

/// What a keyword finds outside of all braces.
pub(super) fn field(view: &TraceView, comparison: &Comparison) -> String {
    self::comparison(&TraceFields(view), comparison)
}

/// What a keyword finds.
pub(super) fn comparison(fields: &(impl Fields + ?Sized), comparison: &Comparison) -> String {
    match comparison {
        Comparison::Flag(keyword, _) => fields
            .flag(*keyword)
            .map_or_else(missing, |is| format!("is {is}")),
        Comparison::Number(keyword, _) => fields
            .number(*keyword)
            .map_or_else(missing, |number| format!("is {number}")),
        Comparison::Text(keyword, _) => {
            let values = RefCell::new(BTreeSet::new());
            fields.any_text(*keyword, &|value| {
                values.borrow_mut().insert(quoted(value));
                false
            });
            let values = values.into_inner();
            if values.is_empty() {
                return missing();
            }
            let several = if values.len() > 1 { "is each of" } else { "is" };
            format!("{several} {}", list(values.into_iter()))
        }
    }
}

fn missing() -> String {
    "there is no value".to_owned()
}

/// Whether a term holds.
pub(super) fn verdict(holds: bool) -> String {
    format!("is {holds}")
}

/// The values of an annotation with their types, or the keys there are.
pub(super) fn annotation(view: &TraceView, key: &str) -> String {
    let annotations = &view.summary.annotations;
    let its = annotations
        .iter()
        .filter(|annotation| annotation.key == key);
    let values: Vec<String> = its.map(|annotation| value(&annotation.value)).collect();
    if !values.is_empty() {
        let several = if values.len() > 1 { "is each of" } else { "is" };
        return format!("{several} {}", list(values.into_iter()));
    }
    let keys: BTreeSet<&str> = annotations.iter().map(|each| each.key.as_str()).collect();
    if keys.is_empty() {
        return "no such annotation; the trace has none".to_owned();
    }
    let keys = list(keys.into_iter().map(cut));
    format!("no such annotation; keys: {keys}")
}

fn value(value: &AnnotationValue) -> String {
    match value {
        AnnotationValue::Bool(is) => format!("{is} (Boolean)"),
        AnnotationValue::Number(number) => format!("{number} (number)"),
        AnnotationValue::Text(text) => format!("{} (string)", quoted(text)),
    }
}

/// The services there are instead.
pub(super) fn no_service(view: &TraceView) -> String {
    let services = view.summary.services.iter();
    let services: BTreeSet<String> = services.map(|at| node(view.node(*at))).collect();
    format!("no such service; services: {}", list(services.into_iter()))
}

/// The calls there are instead.
pub(super) fn no_call(view: &TraceView) -> String {
    let mut calls = BTreeSet::new();
    call::any(view, &NodePattern::Any, &NodePattern::Any, |ends| {
        calls.insert(call(ends));
        false
    });
    if calls.is_empty() {
        return "no such call; the trace has none".to_owned();
    }
    format!("no such call; calls: {}", list(calls.into_iter()))
}

/// How many root causes there are.
pub(super) fn causes(view: &TraceView) -> String {
    let summary = &view.summary;
    format!(
        "the trace has {} root causes of faults, {} of errors, {} of its response time",
        summary.fault_root_causes.len(),
        summary.error_root_causes.len(),
        summary.response_time_root_causes.len(),
    )
}

/// What a group selects.
pub(super) fn group(expression: &Expression) -> String {
    match &expression.clause {
        Some(clause) => cut(&clause.to_string()),
        None => "every trace".to_owned(),
    }
}

/// A node by its name, type and account.
pub(super) fn node(node: &NodeKey) -> String {
    let name = cut(&node.name);
    let parts = [node.kind.as_deref(), node.account_id.as_deref()];
    let parts: Vec<String> = parts.into_iter().flatten().map(cut).collect();
    if parts.is_empty() {
        return name;
    }
    format!("{name} ({})", parts.join(", "))
}

/// A call by its two ends.
pub(super) fn call(ends: &Ends<'_>) -> String {
    let (source, target) = ends.nodes();
    let target = node(target);
    match source {
        Some(source) => format!("{} -> {target}", node(source)),
        None => format!("client -> {target}"),
    }
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", cut(text))
}

/// The beginning of a text; what a terminal would obey is replaced.
pub(super) fn cut(text: &str) -> String {
    let mut chars = text.chars();
    let visible = |c: char| if c.is_control() { '\u{fffd}' } else { c };
    let mut cut: String = chars.by_ref().take(VALUE_CHARS_MAX).map(visible).collect();
    if chars.next().is_some() {
        cut.push('\u{2026}');
    }
    cut
}

fn list(mut values: impl ExactSizeIterator<Item = String>) -> String {
    let told: Vec<String> = values.by_ref().take(VALUES_MAX).collect();
    let told = told.join(", ");
    match values.len() {
        0 => told,
        more => format!("{told} and {more} more"),
    }
}
