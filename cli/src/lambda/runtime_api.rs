//! The Runtime API, version 2018-06-01, as runtime interface clients speak it.
//!
//! Streamed responses (`Lambda-Runtime-Function-Response-Mode: streaming`) are taken and handed on when
//! they are complete; an error in their trailers counts. There is no SnapStart: `restore/next` is 404.

use std::net::SocketAddr;

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use bytes::Bytes;
use http_body_util::{BodyExt, Limited};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::mpsc;

use super::call::{Call, Refusal, RuntimeResult, ask};
use super::extensions_api;
use super::invocation::FunctionError;

/// Lambda's limit of a response: 6 MB and some room for what wraps it.
pub(super) const RESPONSE_BYTES_MAX: usize = 6 * 1024 * 1024 + 100;

/// Where a runtime says what kind of error it was.
const ERROR_TYPE: &str = "lambda-runtime-function-error-type";
/// Where a runtime describes the exception for the segment.
const XRAY_CAUSE: &str = "lambda-runtime-function-xray-error-cause";

/// Listens on a free loopback port and serves the processes of one environment.
///
/// # Errors
/// There is no port to be had.
pub(super) async fn serve(calls: mpsc::Sender<Call>) -> std::io::Result<SocketAddr> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let address = listener.local_addr()?;
    let router = Router::new()
        .route("/2018-06-01/runtime/invocation/next", get(next))
        .route(
            "/2018-06-01/runtime/invocation/{id}/response",
            post(response),
        )
        .route("/2018-06-01/runtime/invocation/{id}/error", post(error))
        .route("/2018-06-01/runtime/init/error", post(init_error))
        .merge(extensions_api::routes())
        .fallback(unknown)
        .with_state(calls);
    // it ends with the process: runtimes hang on `next` for as long as there is nothing to do
    tokio::spawn(async move { axum::serve(listener, router).await });
    Ok(address)
}

async fn next(State(calls): State<mpsc::Sender<Call>>) -> Response {
    let Some(event) = ask(&calls, Call::Next).await else {
        return gone();
    };
    let mut response = Response::builder()
        .header(header::CONTENT_TYPE, "application/json")
        .header("Lambda-Runtime-Aws-Request-Id", event.request_id)
        .header("Lambda-Runtime-Deadline-Ms", event.deadline_ms)
        .header("Lambda-Runtime-Invoked-Function-Arn", event.function_arn)
        .header("Lambda-Runtime-Trace-Id", event.trace_header);
    if let Some(context) = event.client_context {
        response = response.header("Lambda-Runtime-Client-Context", context);
    }
    response
        .body(Body::from(event.payload))
        .unwrap_or_else(|_| gone())
}

async fn response(
    State(calls): State<mpsc::Sender<Call>>,
    Path(request_id): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let result = match Limited::new(body, RESPONSE_BYTES_MAX).collect().await {
        Ok(collected) => {
            let trailers = collected.trailers().cloned().unwrap_or_default();
            match (text(&headers, ERROR_TYPE), text(&trailers, ERROR_TYPE)) {
                (Some(_), _) => {
                    RuntimeResult::Error(function_error(&headers, collected.to_bytes()))
                }
                (None, Some(kind)) => {
                    RuntimeResult::Error(FunctionError::of(&kind, "the response broke off"))
                }
                (None, None) => RuntimeResult::Response(collected.to_bytes()),
            }
        }
        Err(_) => RuntimeResult::TooLarge,
    };
    let is_too_large = matches!(result, RuntimeResult::TooLarge);
    let taken = ask(&calls, |reply| Call::Result {
        request_id,
        result,
        reply,
    })
    .await;
    if is_too_large && matches!(taken, Some(Ok(()))) {
        return refused(&Refusal {
            status: 413,
            kind: "RequestEntityTooLarge",
            message: format!("Exceeded maximum allowed payload size ({RESPONSE_BYTES_MAX} bytes)."),
        });
    }
    accepted(taken)
}

async fn error(
    State(calls): State<mpsc::Sender<Call>>,
    Path(request_id): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let result = match bounded(body).await {
        Some(body) => RuntimeResult::Error(function_error(&headers, body)),
        None => RuntimeResult::TooLarge,
    };
    accepted(
        ask(&calls, |reply| Call::Result {
            request_id,
            result,
            reply,
        })
        .await,
    )
}

async fn init_error(
    State(calls): State<mpsc::Sender<Call>>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let error = function_error(&headers, bounded(body).await.unwrap_or_default());
    accepted(ask(&calls, |reply| Call::InitError { error, reply }).await)
}

/// The body, unless it is longer than a response may be.
pub(super) async fn bounded(body: Body) -> Option<Bytes> {
    let collected = Limited::new(body, RESPONSE_BYTES_MAX).collect().await;
    Some(collected.ok()?.to_bytes())
}

/// The error that a runtime or an extension reports; without a body, what the header says.
pub(super) fn function_error(headers: &HeaderMap, body: Bytes) -> FunctionError {
    let from_body = || {
        let value: Value = serde_json::from_slice(&body).ok()?;
        Some(value.get("errorType")?.as_str()?.to_owned())
    };
    let kind = text(headers, ERROR_TYPE).or_else(from_body);
    if body.is_empty() {
        let kind = kind.unwrap_or_else(|| "Runtime.Unknown".to_owned());
        return FunctionError::of(&kind, "no message was given");
    }
    FunctionError {
        kind,
        xray_cause: text(headers, XRAY_CAUSE),
        body,
    }
}

/// A header's value, if it is text.
pub(super) fn text(headers: &HeaderMap, name: &str) -> Option<String> {
    // clients send exceptions' messages as they are, in UTF-8
    let bytes = headers.get(name)?.as_bytes();
    Some(String::from_utf8_lossy(bytes).into_owned())
}

/// The answer to a call that only tells something.
pub(super) fn accepted(taken: Option<Result<(), Refusal>>) -> Response {
    match taken {
        Some(Ok(())) => (StatusCode::ACCEPTED, axum_json(&json!({"status": "OK"}))).into_response(),
        Some(Err(refusal)) => refused(&refusal),
        None => gone(),
    }
}

/// The answer to a call that is not taken.
pub(super) fn refused(refusal: &Refusal) -> Response {
    let status = StatusCode::from_u16(refusal.status).unwrap_or(StatusCode::BAD_REQUEST);
    let body = json!({"errorMessage": refusal.message, "errorType": refusal.kind});
    (status, axum_json(&body)).into_response()
}

/// The answer when the environment has ended meanwhile.
pub(super) fn gone() -> Response {
    refused(&Refusal {
        status: 500,
        kind: "ContainerError",
        message: "the environment is being stopped".to_owned(),
    })
}

/// JSON with its content type.
pub(super) fn axum_json(value: &Value) -> impl IntoResponse + use<> {
    (
        [(header::CONTENT_TYPE, "application/json")],
        value.to_string(),
    )
}

async fn unknown() -> Response {
    refused(&Refusal {
        status: 404,
        kind: "NotFound",
        message: "no such call of the Runtime, Extensions or Telemetry API".to_owned(),
    })
}
