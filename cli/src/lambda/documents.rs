//! The two segments that the Lambda service sends for an invocation: facts in, documents out.
//!
//! Source: `spec/traces-and-graph.md` example 4, and documents that AWS's service was seen to send.
//! `AWS::Lambda` lasts from the call to its answer; `AWS::Lambda::Function` from the moment the event
//! was handed over until runtime and extensions asked for the next, so it may end later. In a first
//! invocation `Initialization` lies before its own segment. An asynchronous call's segment has the
//! subsegments `Dwell Time` and `Attempt #1`, which is the function's parent. Inferred: the `Invocation`
//! subsegment beside what the function's SDK attaches to the segment itself, and that a failed function
//! is a fault of the service's segment too, although the call is answered with 200: a summary's flags are
//! those of the root, so the trace would not be found otherwise.

use radiograph_protocol::ids::{SegmentId, TraceId};
use radiograph_protocol::timestamp::Timestamp;
use serde_json::{Map, Value, json};

use super::function::Function;

/// A datagram holds 65,507 bytes with its header line; AWS's SDKs stay below 64,000.
const DOCUMENT_BYTES_MAX: usize = 60_000;

/// The ids of everything that the documents describe, drawn beforehand.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ids {
    /// `AWS::Lambda`.
    pub(super) service: SegmentId,
    /// `AWS::Lambda::Function`, which the runtime is told as parent.
    pub(super) function: SegmentId,
    /// `Initialization`.
    pub(super) initialization: SegmentId,
    /// `Invocation`.
    pub(super) invocation: SegmentId,
    /// `Overhead`.
    pub(super) overhead: SegmentId,
    /// `Dwell Time` of an asynchronous call.
    pub(super) dwell: SegmentId,
    /// `Attempt #1` of an asynchronous call.
    pub(super) attempt: SegmentId,
    /// The exception in the cause.
    pub(super) exception: SegmentId,
}

/// From when to when something lasted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Span {
    /// Its beginning.
    pub(super) start: Timestamp,
    /// Its end.
    pub(super) end: Timestamp,
}

/// What is known of an invocation once it is over.
#[derive(Debug, Clone)]
pub(super) struct Facts {
    /// The trace.
    pub(super) trace_id: TraceId,
    /// The caller's subsegment.
    pub(super) parent: Option<SegmentId>,
    /// Ids to use.
    pub(super) ids: Ids,
    /// The request's id.
    pub(super) request_id: String,
    /// From the call's arrival to its answer; of an asynchronous call until the function was done.
    pub(super) service: Span,
    /// Whether the caller did not wait.
    pub(super) is_asynchronous: bool,
    /// What happened to the function; nothing when the call was throttled.
    pub(super) run: Option<Run>,
}

/// What happened to the function.
#[derive(Debug, Clone)]
pub(super) struct Run {
    /// The initialization that the invocation began with, if it did.
    pub(super) initialization: Option<Span>,
    /// From the event's hand-over to the response or failure; absent when initialization failed.
    pub(super) invocation: Option<Span>,
    /// When runtime and extensions had asked for the next, or were killed.
    pub(super) done: Timestamp,
    /// The cause of a failure.
    pub(super) cause: Option<Value>,
}

/// The documents: first the service's, then, if it ran, the function's.
pub(super) fn documents(function: &Function, facts: &Facts) -> Vec<String> {
    let mut documents = vec![service(function, facts).to_string()];
    if let Some(run) = &facts.run {
        documents.push(bounded(self::function(function, facts, run)));
    }
    documents
}

fn service(function: &Function, facts: &Facts) -> Value {
    let status = match (&facts.run, facts.is_asynchronous) {
        (None, _) => 429,
        (Some(_), true) => 202,
        (Some(_), false) => 200,
    };
    let mut document = entity(facts.ids.service, &function.name, facts.service);
    document.extend(members(json!({
        "trace_id": facts.trace_id,
        "http": {"response": {"status": status}},
        "aws": {"request_id": facts.request_id},
        "origin": "AWS::Lambda",
        "resource_arn": function.arn(),
    })));
    if let Some(parent) = facts.parent {
        document.insert("parent_id".to_owned(), json!(parent));
    }
    match &facts.run {
        None => document.extend(members(json!({"error": true, "throttle": true}))),
        Some(run) => {
            if run.cause.is_some() {
                document.insert("fault".to_owned(), true.into());
            }
            if facts.is_asynchronous {
                document.insert("subsegments".to_owned(), attempts(facts, run));
            }
        }
    }
    document.into()
}

/// How an asynchronous call waited and was tried.
fn attempts(facts: &Facts, run: &Run) -> Value {
    let begun = run
        .initialization
        .or(run.invocation)
        .map_or(facts.service.end, |span| span.start);
    let waited = Span {
        start: facts.service.start,
        end: begun,
    };
    let tried = Span {
        start: begun,
        end: facts.service.end,
    };
    let mut attempt = entity(facts.ids.attempt, "Attempt #1", tried);
    attempt.insert("http".to_owned(), json!({"response": {"status": 200}}));
    if run.cause.is_some() {
        attempt.insert("fault".to_owned(), true.into());
    }
    json!([entity(facts.ids.dwell, "Dwell Time", waited), attempt])
}

fn function(function: &Function, facts: &Facts, run: &Run) -> Value {
    let parent = if facts.is_asynchronous {
        facts.ids.attempt
    } else {
        facts.ids.service
    };
    let start = match (run.invocation, run.initialization) {
        (Some(invocation), _) => invocation.start,
        (None, Some(initialization)) => initialization.start,
        (None, None) => run.done,
    };
    let whole = Span {
        start,
        end: run.done,
    };
    let mut document = entity(facts.ids.function, &function.name, whole);
    document.extend(members(json!({
        "trace_id": facts.trace_id,
        "parent_id": parent,
        "origin": "AWS::Lambda::Function",
        "aws": {
            "account_id": function.account_id,
            "function_arn": function.arn(),
            "resource_names": [function.name],
            "request_id": facts.request_id,
            "cloudwatch_logs": [{"log_group": function.log_group()}],
        },
        "subsegments": subsegments(function, facts, run),
    })));
    if let Some(cause) = &run.cause {
        document.extend(members(json!({"fault": true, "cause": cause})));
    }
    document.into()
}

fn subsegments(function: &Function, facts: &Facts, run: &Run) -> Vec<Value> {
    let failed = run.cause.is_some();
    let overhead = run.invocation.map(|invocation| Span {
        start: invocation.end,
        end: run.done,
    });
    let ids = &facts.ids;
    [
        (
            ids.initialization,
            "Initialization",
            run.initialization,
            failed && run.invocation.is_none(),
        ),
        (ids.invocation, "Invocation", run.invocation, failed),
        (ids.overhead, "Overhead", overhead, false),
    ]
    .into_iter()
    .filter_map(|(id, name, span, is_fault)| {
        let mut subsegment = entity(id, name, span?);
        subsegment.insert("aws".to_owned(), json!({"function_arn": function.arn()}));
        if is_fault {
            subsegment.insert("fault".to_owned(), true.into());
        }
        Some(subsegment.into())
    })
    .collect()
}

fn entity(id: SegmentId, name: &str, span: Span) -> Map<String, Value> {
    members(json!({"id": id, "name": name, "start_time": span.start, "end_time": span.end}))
}

fn members(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(members) => members,
        _ => Map::new(),
    }
}

/// The document without the stacks of its exceptions if it is too long with them.
fn bounded(mut document: Value) -> String {
    let text = document.to_string();
    if text.len() <= DOCUMENT_BYTES_MAX {
        return text;
    }
    let exceptions = document.pointer_mut("/cause/exceptions");
    for exception in exceptions
        .and_then(Value::as_array_mut)
        .into_iter()
        .flatten()
    {
        if let Some(members) = exception.as_object_mut() {
            members.remove("stack");
        }
    }
    document.to_string()
}

#[cfg(test)]
mod tests;
