//! The X-Ray API over HTTP: decode, call one service, encode.
//!
//! Every operation is a POST to a fixed path with a JSON object as body (`spec/api.md` section 1.1),
//! so routing is one table: [`operations::Operation::of_path`]. Segments alone may come in another
//! form, which every answer offers: [`segments`]. Bounds stand in [`limits`]; [`received`] is where a
//! request meets them, from its body as sent to what an operation reads.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::response::Response;
use axum::routing::post;
use bytes::Bytes;
use radiograph_protocol::error::{ApiError, ApiErrorKind};
use radiograph_protocol::framing::{OFFER_HEADER, Offer};
use uuid::Uuid;

use self::auth::Signer;
use self::body::encoding::Encoding;
use self::connections::Peer;
use self::error::Failure;
use self::limits::rate::{Caller, RateLimit};
use self::log::{Answered, RequestLog};
use self::operations::{Operation, Services};
use self::segments::Form;
use crate::clock;
use crate::config::RequestRate;

mod adaptive;
mod auth;
mod body;
mod connections;
mod error;
mod insights;
mod limits;
mod log;
mod operations;
mod pins;
mod retrieval;
mod rules;
mod segments;
mod settings;
mod tags;
mod tls;
mod transfer;

pub(crate) use auth::Gate;
pub(crate) use connections::Connections;
pub(crate) use limits::{Limits, OTHER_REQUESTS_MAX, REQUESTS_MAX};
pub(crate) use operations::Services as ApiServices;
pub use tls::TlsError;
pub(crate) use tls::{RELOAD_EVERY, Tls};
pub(crate) use transfer::Transfer;

/// The application that answers every request.
pub(crate) fn router(services: Services, rate_limit: RequestRate) -> Router {
    let api = Api {
        services,
        log: Arc::default(),
        rate_limit: Arc::new(RateLimit::new(rate_limit)),
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
    rate_limit: Arc<RateLimit>,
}

async fn handle(State(api): State<Api>, request: Request) -> Response {
    let (started, id) = (clock::instant(), Uuid::new_v4());
    let mut signer = Signer::default();
    let path = request.uri().path();
    let operation = Operation::of_path(path).filter(|_| request.method() == Method::POST);
    let answer = match operation {
        Some(operation) => answer(&api, operation, request, &mut signer).await,
        None => Err(unknown(request.method(), path).into()),
    };
    let answered = Answered {
        id,
        operation: operation.map(Operation::name),
        key_id: signer.key_id(),
        elapsed: started.elapsed(),
        answer: &answer,
    };
    api.log.answered(&api.services.metrics, &answered);
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
    api: &Api,
    operation: Operation,
    request: Request,
    signer: &mut Signer,
) -> Result<Vec<u8>, Failure> {
    let services = &api.services;
    let request = auth::claimed(services, request).await?;
    // the semaphore is never closed; without a permit the bound would not hold
    let places = match operation {
        Operation::PutTraceSegments => &services.places,
        _ => &services.other_places,
    };
    let _place = places.acquire().await.map_err(|_| ApiError {
        kind: ApiErrorKind::ServiceUnavailable,
        message: "the collector is stopping".to_owned(),
    })?;
    let (form, body) = received(api, operation.name(), request, signer).await?;
    operation.carry_out(services, form, body).await
}

/// What an operation reads of a request, which is within all limits then.
///
/// The body is read before anything is refused: an answer to a request that is still being sent would
/// be lost in the reset of its connection.
async fn received(
    api: &Api,
    operation: &str,
    request: Request,
    signer: &mut Signer,
) -> Result<(Form, Bytes), Failure> {
    let (head, body) = request.into_parts();
    let body = body::read_in_time(body, &api.services.metrics).await?;
    // what was signed is the body as sent
    let gate = &api.services.gate;
    let admitted = gate.admit(operation, &head, &body, clock::now(), signer);
    let admitted = admitted.await;
    // who is not let in counts by address, so that guessing is limited as well
    let key_id = signer.key_id().filter(|_| admitted.is_ok());
    let caller = key_id.map_or_else(
        || {
            let peer = head.extensions.get().map(|Peer(address)| address.ip());
            Caller::at(peer.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED)))
        },
        |key_id| Caller::Key(key_id.into()),
    );
    api.rate_limit.admit(caller, clock::instant())?;
    admitted?;
    let form = Form::of(&head.headers)?;
    let body = Encoding::of(&head.headers)?.decoded(body).await?;
    Ok((form, body))
}

fn json(status: StatusCode, body: Vec<u8>) -> Response {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    let json = HeaderValue::from_static("application/json");
    response.headers_mut().insert(header::CONTENT_TYPE, json);
    response
}
