//! The X-Ray API over HTTP: decode, call one service, encode.
//!
//! Every operation is a POST to a fixed path with a JSON object as body (`spec/api.md` section 1.1),
//! so routing is one table: [`operations::Operation::of_path`]. Bounds: bodies of at most
//! [`REQUEST_BODY_BYTES_MAX`] bytes.

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::response::Response;
use radiograph_protocol::error::{ApiError, ApiErrorKind};
use radiograph_protocol::limits::REQUEST_BODY_BYTES_MAX;
use tracing::{debug, error, warn};

use self::error::Failure;
use self::operations::{Operation, Services};
use crate::clock;

mod error;
mod operations;

pub(crate) use operations::Services as ApiServices;

/// The application that answers every request.
pub(crate) fn router(services: Services) -> Router {
    Router::new().fallback(handle).with_state(services)
}

async fn handle(State(services): State<Services>, request: Request) -> Response {
    let started = clock::instant();
    let path = request.uri().path().to_owned();
    let request_id = uuid::Uuid::new_v4();
    let answer = answer(&services, request).await;
    let status = answer
        .as_ref()
        .map_or_else(Failure::status, |_| StatusCode::OK);
    let elapsed_ms = started.elapsed().as_millis();
    match &answer {
        Err(Failure::Ours { source, .. }) => {
            error!(path, status = status.as_u16(), error = %source, "request could not be carried out");
        }
        Err(Failure::Theirs(error)) if error.kind == ApiErrorKind::Throttled => {
            warn!(path, error = %error, "request was throttled");
        }
        Err(Failure::Theirs(error)) => debug!(path, error = %error, "request was refused"),
        Ok(_) => debug!(path, elapsed_ms, "request was answered"),
    }
    let mut response = match answer {
        Ok(body) => json(StatusCode::OK, body),
        Err(failure) => failure.response(),
    };
    // a UUID is always a legal header value
    if let Ok(id) = HeaderValue::try_from(request_id.to_string()) {
        response.headers_mut().insert("x-amzn-requestid", id);
    }
    response
}

async fn answer(services: &Services, request: Request) -> Result<Vec<u8>, Failure> {
    let path = request.uri().path();
    let operation = Operation::of_path(path).filter(|_| request.method() == Method::POST);
    let operation = operation.ok_or_else(|| ApiError {
        kind: ApiErrorKind::UnknownOperation,
        message: format!(
            "{} {path} is no operation of this service",
            request.method()
        ),
    })?;
    let body = read(request.into_body()).await?;
    operation.carry_out(services, &body).await
}

async fn read(body: Body) -> Result<Bytes, ApiError> {
    to_bytes(body, REQUEST_BODY_BYTES_MAX)
        .await
        .map_err(|cause| {
            let is_too_large = std::error::Error::source(&cause)
                .is_some_and(|source| source.to_string().contains("length limit exceeded"));
            if is_too_large {
                let message = format!("request body is larger than {REQUEST_BODY_BYTES_MAX} bytes");
                return ApiError {
                    kind: ApiErrorKind::RequestEntityTooLarge,
                    message,
                };
            }
            let message = "request body ended early".to_owned();
            ApiError {
                kind: ApiErrorKind::Serialization,
                message,
            }
        })
}

fn json(status: StatusCode, body: Vec<u8>) -> Response {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    let json = HeaderValue::from_static("application/json");
    response.headers_mut().insert(header::CONTENT_TYPE, json);
    response
}
