//! The Extensions API, version 2020-01-01, and the subscription of the Telemetry API, version 2022-07-01.

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post, put};
use serde::Deserialize;
use serde_json::json;
use tokio::sync::mpsc;

use super::call::{Call, Refusal, Registered, ask};
use super::runtime_api::{accepted, axum_json, bounded, function_error, gone, refused, text};
use super::telemetry::Subscription;

const NAME: &str = "lambda-extension-name";
const ID: &str = "lambda-extension-identifier";
const ERROR_TYPE: &str = "lambda-extension-function-error-type";

/// The routes of both.
pub(super) fn routes() -> Router<mpsc::Sender<Call>> {
    Router::new()
        .route("/2020-01-01/extension/register", post(register))
        .route("/2020-01-01/extension/event/next", get(next))
        .route("/2020-01-01/extension/init/error", post(error))
        .route("/2020-01-01/extension/exit/error", post(error))
        .route("/2022-07-01/telemetry", put(subscribe))
        .route("/2022-07-01/telemetry/", put(subscribe))
}

#[derive(Deserialize)]
struct Registration {
    #[serde(default)]
    events: Vec<String>,
}

async fn register(
    State(calls): State<mpsc::Sender<Call>>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let Some(name) = text(&headers, NAME).filter(|name| !name.is_empty()) else {
        return refused(&Refusal {
            status: 403,
            kind: "Extension.InvalidExtensionName",
            message: "Empty extension name".to_owned(),
        });
    };
    let body = bounded(body).await.unwrap_or_default();
    let Ok(Registration { events }) = serde_json::from_slice(&body) else {
        return invalid("the body is not {\"events\":[...]}");
    };
    let registered = ask(&calls, |reply| Call::Register {
        name,
        events,
        reply,
    })
    .await;
    match registered {
        None => gone(),
        Some(Err(refusal)) => refused(&refusal),
        Some(Ok(Registered { id, function })) => {
            ([("Lambda-Extension-Identifier", id)], axum_json(&function)).into_response()
        }
    }
}

async fn next(State(calls): State<mpsc::Sender<Call>>, headers: HeaderMap) -> Response {
    let id = match identifier(&headers) {
        Ok(id) => id,
        Err(refusal) => return refused(&refusal),
    };
    match ask(&calls, |reply| Call::ExtensionNext { id, reply }).await {
        None => gone(),
        Some(Err(refusal)) => refused(&refusal),
        Some(Ok(event)) => {
            let id = uuid::Uuid::new_v4().to_string();
            let header = [("Lambda-Extension-Event-Identifier", id)];
            (header, axum_json(&event)).into_response()
        }
    }
}

async fn error(
    State(calls): State<mpsc::Sender<Call>>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let id = match identifier(&headers) {
        Ok(id) => id,
        Err(refusal) => return refused(&refusal),
    };
    let body = bounded(body).await.unwrap_or_default();
    let mut error = function_error(&headers, body);
    if let Some(kind) = text(&headers, ERROR_TYPE) {
        error.kind = Some(kind);
    }
    accepted(ask(&calls, |reply| Call::ExtensionError { id, error, reply }).await)
}

async fn subscribe(
    State(calls): State<mpsc::Sender<Call>>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let id = match identifier(&headers) {
        Ok(id) => id,
        Err(refusal) => return refused(&refusal),
    };
    let body = bounded(body).await.unwrap_or_default();
    let subscription = match Subscription::read(&body) {
        Ok(subscription) => subscription,
        Err(reason) => return invalid(&reason),
    };
    let taken = ask(&calls, |reply| Call::Subscribe {
        id,
        subscription,
        reply,
    });
    match taken.await {
        None => gone(),
        Some(Err(refusal)) => refused(&refusal),
        Some(Ok(())) => (
            StatusCode::OK,
            [(header::CONTENT_TYPE, "application/json")],
            json!("OK").to_string(),
        )
            .into_response(),
    }
}

fn identifier(headers: &HeaderMap) -> Result<String, Refusal> {
    let refusal = |kind, message: &str| Refusal {
        status: 403,
        kind,
        message: message.to_owned(),
    };
    let id = text(headers, ID).ok_or_else(|| {
        refusal(
            "Extension.MissingExtensionIdentifier",
            "Missing Lambda-Extension-Identifier header",
        )
    })?;
    match uuid::Uuid::parse_str(&id) {
        Ok(_) => Ok(id),
        Err(_) => Err(refusal(
            "Extension.InvalidExtensionIdentifier",
            "Invalid Lambda-Extension-Identifier",
        )),
    }
}

fn invalid(reason: &str) -> Response {
    refused(&Refusal {
        status: 400,
        kind: "InvalidRequestFormat",
        message: reason.to_owned(),
    })
}
