//! The X-Ray API over HTTP: decode, call one service, encode.
//!
//! Every operation is a POST to a fixed path with a JSON object as body (`spec/api.md` section 1.1),
//! so routing is one table: [`operations::Operation::of_path`]. Segments alone may come in another
//! form, which every answer offers: [`segments`]. Bounds: [`REQUESTS_MAX`] and [`OTHER_REQUESTS_MAX`] requests under
//! way, each with a body of at most [`REQUEST_BODY_BYTES_MAX`] bytes that arrives within [`BODY_WITHIN`].

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::response::Response;
use axum::routing::post;
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt as _;
use radiograph_protocol::error::{ApiError, ApiErrorKind};
use radiograph_protocol::framing::{OFFER_HEADER, Offer};
use radiograph_protocol::limits::REQUEST_BODY_BYTES_MAX;
use uuid::Uuid;

use self::error::Failure;
use self::log::{Answered, RequestLog};
use self::operations::{Operation, Services};
use self::segments::Form;
use crate::clock;
use crate::metrics::Metrics;

mod adaptive;
mod error;
mod log;
mod operations;
mod pins;
mod retrieval;
mod segments;
mod settings;
mod transfer;

pub(crate) use operations::Services as ApiServices;
pub(crate) use transfer::Transfer;

/// Calls of PutTraceSegments under way; others wait with their bodies unread, so that memory is bounded by
/// this many bodies. Enough for group commits to fill: 64 calls of 50 documents.
pub(crate) const REQUESTS_MAX: usize = 64;

/// Other requests under way. Places of their own, so that a slow disk, for which documents wait, keeps no
/// reader waiting.
pub(crate) const OTHER_REQUESTS_MAX: usize = 32;

/// How long a body may take, so that slow clients do not keep the places of others.
const BODY_WITHIN: Duration = Duration::from_secs(10);

/// Bytes of a body that is too large which are read all the same.
const DISCARDED_BYTES_MAX: usize = 64 << 20;

/// The application that answers every request.
pub(crate) fn router(services: Services) -> Router {
    let api = Api {
        services,
        log: Arc::default(),
    };
    // another method is no operation of this path
    Router::new()
        .route("/Export", post(transfer::export).fallback(handle))
        .route("/Backup", post(transfer::backup).fallback(handle))
        .fallback(handle)
        .with_state(api)
}

/// What every request is handed.
#[derive(Clone)]
struct Api {
    services: Services,
    log: Arc<RequestLog>,
}

async fn handle(State(Api { services, log }): State<Api>, request: Request) -> Response {
    let (started, id) = (clock::instant(), Uuid::new_v4());
    let path = request.uri().path();
    let operation = Operation::of_path(path).filter(|_| request.method() == Method::POST);
    let answer = match operation {
        Some(operation) => answer(&services, operation, request).await,
        None => Err(unknown(request.method(), path).into()),
    };
    let answered = Answered {
        id,
        operation: operation.map(Operation::name),
        elapsed: started.elapsed(),
        answer: &answer,
    };
    log.answered(&services.metrics, &answered);
    let response = match answer {
        Ok(body) => json(StatusCode::OK, body),
        Err(failure) => failure.response(),
    };
    with_headers(response, id)
}

/// What every answer has.
fn with_headers(mut response: Response, id: Uuid) -> Response {
    // a UUID is always a legal header value
    if let Ok(id) = HeaderValue::try_from(id.to_string()) {
        response.headers_mut().insert("x-amzn-requestid", id);
    }
    // on errors too: daemons take an answer without it for one of a collector that reads JSON alone
    if let Ok(offer) = HeaderValue::try_from(Offer::LARGEST.to_string()) {
        response.headers_mut().insert(OFFER_HEADER, offer);
    }
    response
}

fn unknown(method: &Method, path: &str) -> ApiError {
    ApiError {
        kind: ApiErrorKind::UnknownOperation,
        message: format!("{method} {path} is no operation of this service"),
    }
}

async fn answer(
    services: &Services,
    operation: Operation,
    request: Request,
) -> Result<Vec<u8>, Failure> {
    // the semaphore is never closed; without a permit the bound would not hold
    let places = match operation {
        Operation::PutTraceSegments => &services.places,
        _ => &services.other_places,
    };
    let _place = places.acquire().await.map_err(|_| ApiError {
        kind: ApiErrorKind::ServiceUnavailable,
        message: "the collector is stopping".to_owned(),
    })?;
    let (head, body) = request.into_parts();
    let body = read_in_time(body, &services.metrics).await?;
    operation
        .carry_out(services, Form::of(&head.headers)?, body)
        .await
}

/// The whole body, if it comes in time.
async fn read_in_time(body: Body, metrics: &Metrics) -> Result<Bytes, Failure> {
    let reading = tokio::time::timeout(BODY_WITHIN, read(body, metrics));
    let body = reading.await.map_err(|_| ApiError {
        kind: ApiErrorKind::RequestTimeout,
        message: format!(
            "request body did not arrive within {} s",
            BODY_WITHIN.as_secs()
        ),
    })?;
    Ok(body?)
}

/// The whole body. What is too large is read to its end and thrown away, as far as
/// [`DISCARDED_BYTES_MAX`]: a server that answers and closes while the client still writes resets the
/// connection, and the client never sees the answer.
async fn read(mut body: Body, metrics: &Metrics) -> Result<Bytes, ApiError> {
    let (mut whole, mut length) = (BytesMut::new(), 0_usize);
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| ApiError {
            kind: ApiErrorKind::Serialization,
            message: "request body ended early".to_owned(),
        })?;
        let Ok(data) = frame.into_data() else {
            continue;
        };
        length = length.saturating_add(data.len());
        metrics.body(data.len());
        if length <= REQUEST_BODY_BYTES_MAX {
            whole.extend_from_slice(&data);
        } else if length > DISCARDED_BYTES_MAX {
            break;
        } else {
            whole.clear();
        }
    }
    if length > REQUEST_BODY_BYTES_MAX {
        return Err(too_large(REQUEST_BODY_BYTES_MAX));
    }
    Ok(whole.freeze())
}

fn too_large(bytes_max: usize) -> ApiError {
    ApiError {
        kind: ApiErrorKind::RequestEntityTooLarge,
        message: format!("request body is larger than {bytes_max} bytes"),
    }
}

fn json(status: StatusCode, body: Vec<u8>) -> Response {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    let json = HeaderValue::from_static("application/json");
    response.headers_mut().insert(header::CONTENT_TYPE, json);
    response
}
