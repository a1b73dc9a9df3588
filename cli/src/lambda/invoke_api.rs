//! The Invoke API, version 2015-03-31: what boto3, the AWS CLI and AWS's emulator's users call.
//!
//! Bounds and errors are Lambda's: 6 MB of payload, 1 MB for an asynchronous call; a function's error is
//! a 200 with `X-Amz-Function-Error`. Response streaming (`InvokeWithResponseStream`) is not offered. An
//! asynchronous call that fails is not tried again.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http_body_util::{BodyExt, Limited};
use serde::de::IgnoredAny;
use serde_json::json;

use super::function::VERSION;
use super::invoker::{Asked, Invoker, Taken};
use super::runtime_api::text;

/// Payload of a call whose caller waits.
const SYNCHRONOUS_BYTES_MAX: usize = 6 * 1024 * 1024;
/// Payload of one whose caller does not.
const ASYNCHRONOUS_BYTES_MAX: usize = 1024 * 1024;
/// A client context, in base64 (`X-Amz-Client-Context`).
const CONTEXT_BYTES_MAX: usize = 3583;

/// The routes.
pub(super) fn router(invoker: Arc<Invoker>) -> Router {
    Router::new()
        .route("/2015-03-31/functions/{name}/invocations", post(invoke))
        .fallback(unknown)
        .with_state(invoker)
}

/// An error as the service sends it.
#[derive(Debug, PartialEq, Eq)]
struct Error {
    status: StatusCode,
    name: &'static str,
    message: String,
}

impl Error {
    const fn new(status: StatusCode, name: &'static str, message: String) -> Self {
        Self {
            status,
            name,
            message,
        }
    }

    fn bad(name: &'static str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, name, message.into())
    }
}

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        let is_users = self.status.is_client_error();
        let kind = if is_users { "User" } else { "Service" };
        let mut body = json!({"Type": kind, "Message": self.message});
        if self.status == StatusCode::TOO_MANY_REQUESTS {
            body = json!({"Type": "User", "message": self.message, "Reason": "ConcurrentInvocationLimitExceeded"});
        }
        let headers = [
            ("x-amzn-ErrorType", self.name),
            ("x-amzn-RequestId", &uuid::Uuid::new_v4().to_string()),
            ("Content-Type", "application/json"),
        ];
        (self.status, headers, body.to_string()).into_response()
    }
}

/// What the headers ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    RequestResponse,
    Event,
    DryRun,
}

async fn invoke(
    State(invoker): State<Arc<Invoker>>,
    Path(name): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    match invocation(&invoker, &name, &headers, body).await {
        Ok(response) => response,
        Err(error) => error.into_response(),
    }
}

async fn invocation(
    invoker: &Invoker,
    name: &str,
    headers: &HeaderMap,
    body: Body,
) -> Result<Response, Error> {
    let function = &invoker.shared.function;
    if !function.is_named(name) {
        let message = format!("Function not found: {name}; here is {}", function.arn());
        return Err(Error::new(
            StatusCode::NOT_FOUND,
            "ResourceNotFoundException",
            message,
        ));
    }
    let kind = kind(headers)?;
    let asked = Asked {
        trace_header: text(headers, "x-amzn-trace-id").unwrap_or_default(),
        client_context: client_context(headers)?,
        is_asynchronous: kind == Kind::Event,
        wants_log: wants_log(headers, kind)?,
    };
    if kind == Kind::DryRun {
        let id = uuid::Uuid::new_v4().to_string();
        return Ok((StatusCode::NO_CONTENT, [("x-amzn-RequestId", id)]).into_response());
    }
    let taken = invoker.take(asked, payload(body, kind)).await;
    let taken = taken.map_err(|_| {
        let message = "Rate Exceeded.".to_owned();
        Error::new(
            StatusCode::TOO_MANY_REQUESTS,
            "TooManyRequestsException",
            message,
        )
    })??;
    let trace = ("X-Amzn-Trace-Id", taken.trace_header.clone());
    let id = ("x-amzn-RequestId", taken.request_id.clone());
    if kind == Kind::Event {
        return Ok((StatusCode::ACCEPTED, [id, trace]).into_response());
    }
    let answered = answered(taken).await?;
    Ok(([id, trace], answered).into_response())
}

async fn answered(taken: Taken) -> Result<Response, Error> {
    let Ok(answer) = taken.answer.await else {
        let message = "radiograph lambda is stopping".to_owned();
        return Err(Error::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "ServiceException",
            message,
        ));
    };
    let mut response = Response::builder()
        .header(header::CONTENT_TYPE, "application/json")
        .header("X-Amz-Executed-Version", VERSION);
    if answer.is_error {
        response = response.header("X-Amz-Function-Error", "Unhandled");
    }
    if let Some(tail) = answer.log_tail {
        response = response.header("X-Amz-Log-Result", STANDARD.encode(tail));
    }
    response.body(Body::from(answer.payload)).map_err(|error| {
        Error::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "ServiceException",
            error.to_string(),
        )
    })
}

fn kind(headers: &HeaderMap) -> Result<Kind, Error> {
    match text(headers, "x-amz-invocation-type").as_deref() {
        None | Some("RequestResponse") => Ok(Kind::RequestResponse),
        Some("Event") => Ok(Kind::Event),
        Some("DryRun") => Ok(Kind::DryRun),
        Some(other) => Err(Error::bad(
            "InvalidParameterValueException",
            format!("InvocationType {other} is not RequestResponse, Event or DryRun"),
        )),
    }
}

fn wants_log(headers: &HeaderMap, kind: Kind) -> Result<bool, Error> {
    match text(headers, "x-amz-log-type").as_deref() {
        None | Some("None") => Ok(false),
        Some("Tail") => Ok(kind == Kind::RequestResponse),
        Some(other) => Err(Error::bad(
            "InvalidParameterValueException",
            format!("LogType {other} is not None or Tail"),
        )),
    }
}

/// The client context as JSON; the header has it in base64.
fn client_context(headers: &HeaderMap) -> Result<Option<String>, Error> {
    let Some(given) = text(headers, "x-amz-client-context") else {
        return Ok(None);
    };
    let name = "InvalidRequestContentException";
    if given.len() > CONTEXT_BYTES_MAX {
        let message = format!("Client context must be at most {CONTEXT_BYTES_MAX} bytes");
        return Err(Error::bad(name, message));
    }
    let decoded = STANDARD
        .decode(given)
        .ok()
        .and_then(|bytes| String::from_utf8(bytes).ok());
    // in a header it must be one line, which JSON written anew is
    let value = decoded.and_then(|json| serde_json::from_str::<serde_json::Value>(&json).ok());
    match value {
        Some(value) => Ok(Some(value.to_string())),
        None => Err(Error::bad(name, "Client context must be JSON in base64")),
    }
}

async fn payload(body: Body, kind: Kind) -> Result<Bytes, Error> {
    let bytes_max = match kind {
        Kind::Event => ASYNCHRONOUS_BYTES_MAX,
        Kind::RequestResponse | Kind::DryRun => SYNCHRONOUS_BYTES_MAX,
    };
    let Ok(collected) = Limited::new(body, bytes_max).collect().await else {
        let message = format!(
            "Request must be smaller than {bytes_max} bytes for the InvokeFunction operation"
        );
        let status = StatusCode::PAYLOAD_TOO_LARGE;
        return Err(Error::new(status, "RequestTooLargeException", message));
    };
    checked(collected.to_bytes())
        .map_err(|message| Error::bad("InvalidRequestContentException", message))
}

/// The event; nothing is the empty object, as in Lambda.
///
/// # Errors
/// It is not JSON; the sentence that Lambda answers.
pub(super) fn checked(payload: Bytes) -> Result<Bytes, String> {
    if payload.is_empty() {
        return Ok(Bytes::from_static(b"{}"));
    }
    match serde_json::from_slice::<IgnoredAny>(&payload) {
        Ok(IgnoredAny) => Ok(payload),
        Err(error) => Err(format!("Could not parse request body into json: {error}")),
    }
}

async fn unknown() -> Response {
    let message = "only POST /2015-03-31/functions/NAME/invocations is offered".to_owned();
    Error::new(StatusCode::NOT_FOUND, "UnknownOperationException", message).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| {
                let name = axum::http::HeaderName::from_static(name);
                (name, value.parse().unwrap())
            })
            .collect()
    }

    #[test]
    fn headers_that_lambda_does_not_know_are_refused_by_name() {
        let other = [("x-amz-invocation-type", "Later")];
        assert_eq!(
            kind(&headers(&other)).unwrap_err().name,
            "InvalidParameterValueException"
        );
        let other = [("x-amz-log-type", "All")];
        let refused = wants_log(&headers(&other), Kind::RequestResponse).unwrap_err();
        assert_eq!(refused.name, "InvalidParameterValueException");
        for context in ["%", "bm8=", &"e".repeat(CONTEXT_BYTES_MAX + 1)] {
            let refused = client_context(&headers(&[("x-amz-client-context", context)]));
            assert_eq!(
                refused.unwrap_err().name,
                "InvalidRequestContentException",
                "{context}"
            );
        }
    }

    #[test]
    fn a_client_context_becomes_one_line_of_json() {
        let given = STANDARD.encode("{\n\"custom\": {}}");
        let read = client_context(&headers(&[("x-amz-client-context", &given)])).unwrap();
        assert_eq!(read.as_deref(), Some(r#"{"custom":{}}"#));
    }

    #[test]
    fn an_event_is_json_or_nothing() {
        assert_eq!(checked(Bytes::new()).unwrap(), "{}");
        assert_eq!(checked(Bytes::from_static(b"3")).unwrap(), "3");
        let refused = checked(Bytes::from_static(b"{")).unwrap_err();
        assert!(
            refused.starts_with("Could not parse request body into json:"),
            "{refused}"
        );
    }
}
