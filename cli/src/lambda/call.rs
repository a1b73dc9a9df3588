//! What processes ask of their environment over HTTP, and what they are told.
//!
//! The APIs decode and encode; the environment, one task, decides. So no state is shared.

use bytes::Bytes;
use serde_json::Value;
use tokio::sync::{mpsc, oneshot};

use super::invocation::FunctionError;
use super::telemetry::Subscription;

/// Where an answer goes.
pub(super) type Reply<T> = oneshot::Sender<T>;

/// Calls that wait for the environment's task; more wait in their connections.
pub(super) const CALLS_MAX: usize = 64;

/// A call, or the news that a process has ended.
#[derive(Debug)]
pub(super) enum Call {
    /// `invocation/next`.
    Next(Reply<Event>),
    /// `invocation/{id}/response` and `.../error`.
    Result {
        /// The id in the path.
        request_id: String,
        /// What came of it.
        result: RuntimeResult,
        /// Whether it is taken.
        reply: Reply<Result<(), Refusal>>,
    },
    /// `init/error`.
    InitError {
        /// The error.
        error: FunctionError,
        /// Whether it is taken.
        reply: Reply<Result<(), Refusal>>,
    },
    /// `extension/register`.
    Register {
        /// `Lambda-Extension-Name`.
        name: String,
        /// The events it wants.
        events: Vec<String>,
        /// Its identifier, and what function this is.
        reply: Reply<Result<Registered, Refusal>>,
    },
    /// `extension/event/next`.
    ExtensionNext {
        /// `Lambda-Extension-Identifier`.
        id: String,
        /// The event.
        reply: Reply<Result<Value, Refusal>>,
    },
    /// `extension/init/error` and `extension/exit/error`.
    ExtensionError {
        /// `Lambda-Extension-Identifier`.
        id: String,
        /// The error.
        error: FunctionError,
        /// Whether it is taken.
        reply: Reply<Result<(), Refusal>>,
    },
    /// `PUT telemetry`.
    Subscribe {
        /// `Lambda-Extension-Identifier`.
        id: String,
        /// What is wanted, and where.
        subscription: Subscription,
        /// Whether it is taken.
        reply: Reply<Result<(), Refusal>>,
    },
    /// A process ended.
    Exited {
        /// Which.
        serial: u64,
        /// How, in Lambda's words.
        how: String,
    },
}

/// What an extension gets for `register`.
#[derive(Debug)]
pub(super) struct Registered {
    /// `Lambda-Extension-Identifier`, a UUID.
    pub(super) id: String,
    /// The function, as JSON.
    pub(super) function: Value,
}

/// What a runtime gets for `next`.
#[derive(Debug)]
pub(super) struct Event {
    /// The invocation.
    pub(super) request_id: String,
    /// Epoch milliseconds.
    pub(super) deadline_ms: i64,
    /// The function.
    pub(super) function_arn: String,
    /// `Lambda-Runtime-Trace-Id`.
    pub(super) trace_header: String,
    /// JSON.
    pub(super) client_context: Option<String>,
    /// The event's body.
    pub(super) payload: Bytes,
}

/// What a runtime made of an invocation.
#[derive(Debug)]
pub(super) enum RuntimeResult {
    /// The function's response.
    Response(Bytes),
    /// The function's error.
    Error(FunctionError),
    /// A response beyond the limit.
    TooLarge,
}

/// A call that is not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refusal {
    /// HTTP status.
    pub(super) status: u16,
    /// `errorType`.
    pub(super) kind: &'static str,
    /// `errorMessage`.
    pub(super) message: String,
}

impl Refusal {
    /// Another call was expected now.
    pub(super) fn wrong_state(what: &str) -> Self {
        Self {
            status: 403,
            kind: "InvalidStateTransition",
            message: format!("Transition to {what} is not allowed now"),
        }
    }
}

/// Asks the environment and waits for what it says; nothing when it has gone or let go of the question.
pub(super) async fn ask<T>(
    calls: &mpsc::Sender<Call>,
    call: impl FnOnce(Reply<T>) -> Call,
) -> Option<T> {
    let (reply, answer) = oneshot::channel();
    calls.send(call(reply)).await.ok()?;
    answer.await.ok()
}
