//! One invocation: what the caller asked for, and what it is answered.

use bytes::Bytes;
use radiograph_protocol::timestamp::Timestamp;
use serde_json::json;
use tokio::sync::{OwnedSemaphorePermit, oneshot};

use super::decision::Decision;
use super::documents::Ids;

/// A call that waits for a process or is being handled.
#[derive(Debug)]
pub(super) struct Invocation {
    /// A UUID.
    pub(super) request_id: String,
    /// The event, which is JSON.
    pub(super) payload: Bytes,
    /// The client context as JSON, if there is one.
    pub(super) client_context: Option<String>,
    /// When the call arrived.
    pub(super) received: Timestamp,
    /// Whether the caller does not wait.
    pub(super) is_asynchronous: bool,
    /// Whether the answer carries the end of the log.
    pub(super) wants_log: bool,
    /// Its trace.
    pub(super) decision: Decision,
    /// The ids of its segments.
    pub(super) ids: Ids,
    /// Where the answer goes; taken when it is given.
    pub(super) answer: Option<oneshot::Sender<Answer>>,
    /// Its place among those that wait or are handled; held until it is over.
    pub(super) _place: OwnedSemaphorePermit,
}

/// What a function answered.
#[derive(Debug, Clone)]
pub(super) struct Answer {
    /// The response, or the error as JSON.
    pub(super) payload: Bytes,
    /// Whether it is an error.
    pub(super) is_error: bool,
    /// The end of the log, where it was asked for.
    pub(super) log_tail: Option<Vec<u8>>,
}

/// An error that the function or its process ended with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct FunctionError {
    /// The body as the caller gets it.
    pub(super) body: Bytes,
    /// `errorType`, for the log.
    pub(super) kind: Option<String>,
    /// The runtime's own description for the segment.
    pub(super) xray_cause: Option<String>,
}

/// Why an invocation has no result of the function's own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Failure {
    /// It took longer than it may.
    TimedOut,
    /// The runtime's process ended; how.
    RuntimeExited(String),
    /// An extension's process ended; how.
    ExtensionExited(String),
    /// A process could not be started; why.
    NotStarted(String),
    /// The runtime or an extension reported that it cannot begin.
    Reported(FunctionError),
    /// `radiograph lambda` is stopping.
    Stopped,
}

impl Failure {
    /// The error that the caller gets, worded as in Lambda.
    pub(super) fn error(&self, request_id: &str, timeout_seconds: u64) -> FunctionError {
        let (kind, message) = match self {
            Self::Reported(error) => return error.clone(),
            Self::TimedOut => (
                "Sandbox.Timedout",
                format!("Task timed out after {timeout_seconds}.00 seconds"),
            ),
            Self::RuntimeExited(how) => ("Runtime.ExitError", how.clone()),
            Self::ExtensionExited(how) => ("Extension.Crash", how.clone()),
            Self::NotStarted(why) => ("Runtime.InvalidEntrypoint", why.clone()),
            Self::Stopped => (
                "Sandbox.Stopped",
                "radiograph lambda was stopped".to_owned(),
            ),
        };
        FunctionError::of(kind, &format!("RequestId: {request_id} Error: {message}"))
    }

    /// The reason in the extensions' SHUTDOWN event.
    pub(super) const fn shutdown_reason(&self) -> &'static str {
        match self {
            Self::TimedOut => "timeout",
            Self::Stopped => "spindown",
            _ => "failure",
        }
    }

    /// The status in telemetry.
    pub(super) const fn status(&self) -> &'static str {
        match self {
            Self::TimedOut => "timeout",
            Self::Reported(_) => "error",
            _ => "failure",
        }
    }
}

impl FunctionError {
    /// An error of the platform's.
    pub(super) fn of(kind: &str, message: &str) -> Self {
        let body = json!({"errorType": kind, "errorMessage": message}).to_string();
        Self {
            body: body.into(),
            kind: Some(kind.to_owned()),
            xray_cause: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_read_as_lambdas() {
        for (failure, expected) in [
            (
                Failure::TimedOut,
                r#"{"errorMessage":"RequestId: r Error: Task timed out after 3.00 seconds","errorType":"Sandbox.Timedout"}"#,
            ),
            (
                Failure::RuntimeExited("Runtime exited with error: exit status 1".to_owned()),
                r#"{"errorMessage":"RequestId: r Error: Runtime exited with error: exit status 1","errorType":"Runtime.ExitError"}"#,
            ),
            (
                Failure::Reported(FunctionError::of("Error", "boom")),
                r#"{"errorMessage":"boom","errorType":"Error"}"#,
            ),
        ] {
            assert_eq!(failure.error("r", 3).body, expected);
        }
    }
}
