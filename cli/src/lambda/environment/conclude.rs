//! What is written, sent and answered when an invocation is over.

use std::time::Duration;

use radiograph_collector::clock;
use radiograph_protocol::timestamp::Timestamp;
use serde_json::{Value, json};

use super::{Course, Environment, give};
use crate::lambda::cause::cause;
use crate::lambda::documents::{Facts, Run, Span, documents};
use crate::lambda::function::VERSION;
use crate::lambda::invocation::Invocation;
use crate::lambda::log::{self, Report};
use crate::lambda::telemetry::Kind;

impl Environment {
    /// Ends the invocation's log, sends its segments, and answers if that has not happened yet.
    pub(super) async fn conclude(&mut self, mut invocation: Invocation, course: Course) {
        let done = clock::now();
        self.current = None;
        self.flush().await;
        self.write_report(&invocation, &course, done);
        if invocation.decision.is_recorded {
            let facts = facts(&invocation, &course, done);
            let documents = documents(&self.shared.function, &facts);
            self.shared.segments.send(&documents).await;
        }
        let tail = invocation.wants_log.then(|| self.log.tail());
        give(&mut invocation, &course.result, tail);
    }

    fn write_report(&self, invocation: &Invocation, course: &Course, done: Timestamp) {
        let request_id = invocation.request_id.as_str();
        let status = status(course);
        let begun = course.invocation.map_or(done, |span| span.start);
        let duration = lasted(Span {
            start: begun,
            end: done,
        });
        let report = Report {
            request_id,
            duration,
            initialization: course.initialization.map(lasted),
            memory_mb: self.shared.function.memory_mb,
            memory_used_mb: self.memory_used_mb(),
            status: (status != "success").then_some(status),
            trace: invocation
                .decision
                .is_recorded
                .then_some((invocation.decision.trace_id, invocation.ids.function)),
        };
        if status == "timeout" {
            let seconds = self.shared.function.timeout.as_secs();
            self.log.platform(&format!(
                "{} {request_id} Task timed out after {seconds}.00 seconds",
                crate::lambda::function::rfc3339(done)
            ));
        }
        self.log.platform(&log::end(request_id));
        self.log.platform(&log::report(&report));
        if !course.is_done_told {
            self.telemetry_of_runtime(invocation, course);
        }
        self.telemetry_of_end(invocation, course, &report);
    }

    /// `platform.start`.
    pub(super) fn telemetry_of_start(&self, invocation: &Invocation) {
        let record = json!({
            "requestId": invocation.request_id,
            "version": VERSION,
            "tracing": tracing(invocation),
        });
        self.telemetry
            .emit(Kind::Platform, "platform.start", &record);
    }

    /// `platform.runtimeDone`.
    pub(super) fn telemetry_of_runtime(&self, invocation: &Invocation, course: &Course) {
        let produced = course
            .result
            .as_ref()
            .map_or(0, |answer| answer.payload.len());
        let ran = course.invocation.map_or(Duration::ZERO, lasted);
        let mut done = json!({
            "requestId": invocation.request_id,
            "status": status(course),
            "tracing": tracing(invocation),
            "metrics": {"durationMs": millis(ran), "producedBytes": produced},
        });
        add_error_type(&mut done, course);
        self.telemetry
            .emit(Kind::Platform, "platform.runtimeDone", &done);
    }

    /// `platform.report`.
    fn telemetry_of_end(&self, invocation: &Invocation, course: &Course, report: &Report<'_>) {
        let mut metrics = json!({
            "durationMs": millis(report.duration),
            "billedDurationMs": millis(report.duration).ceil(),
            "memorySizeMB": report.memory_mb,
        });
        if let (Some(used), Some(metrics)) = (report.memory_used_mb, metrics.as_object_mut()) {
            metrics.insert("maxMemoryUsedMB".to_owned(), used.into());
        }
        if let (Some(initialization), Some(metrics)) =
            (report.initialization, metrics.as_object_mut())
        {
            metrics.insert("initDurationMs".to_owned(), millis(initialization).into());
        }
        let mut report = json!({
            "requestId": invocation.request_id,
            "status": status(course),
            "tracing": tracing(invocation),
            "metrics": metrics,
        });
        add_error_type(&mut report, course);
        self.telemetry
            .emit(Kind::Platform, "platform.report", &report);
    }
}

/// What kind of error the function has failed with, if it has.
fn add_error_type(record: &mut Value, course: &Course) {
    let error = course.result.as_ref().err();
    let kind = error.and_then(|error| error.kind.as_ref());
    if let (Some(kind), Some(record)) = (kind, record.as_object_mut()) {
        record.insert("errorType".to_owned(), kind.as_str().into());
    }
}

/// How it ended, in telemetry's words. What broke after the runtime had answered does not count.
fn status(course: &Course) -> &'static str {
    match (&course.result, &course.broken) {
        (Ok(_), _) => "success",
        (Err(_), Some(failure)) if !course.has_answered => failure.status(),
        (Err(_), _) => "error",
    }
}

fn facts(invocation: &Invocation, course: &Course, done: Timestamp) -> Facts {
    let cause = course.result.as_ref().err().map(|error| {
        cause(
            error.xray_cause.as_deref(),
            &error.body,
            invocation.ids.exception,
        )
    });
    Facts {
        trace_id: invocation.decision.trace_id,
        parent: invocation.decision.parent,
        ids: invocation.ids,
        request_id: invocation.request_id.clone(),
        service: Span {
            start: invocation.received,
            end: course.invocation.map_or(done, |span| span.end),
        },
        is_asynchronous: invocation.is_asynchronous,
        run: Some(Run {
            initialization: course.initialization,
            invocation: course.invocation,
            done,
            cause,
        }),
    }
}

fn tracing(invocation: &Invocation) -> Value {
    json!({
        "spanId": invocation.ids.function,
        "type": "X-Amzn-Trace-Id",
        "value": invocation.decision.runtime_header,
    })
}

fn lasted(span: Span) -> Duration {
    let micros = span.end.since(span.start).micros();
    Duration::from_micros(u64::try_from(micros).unwrap_or(0))
}

/// Milliseconds with three decimals.
fn millis(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1e6).round() / 1000.0
}
