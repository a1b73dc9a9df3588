//! Who sends a request, by its signature (`spec/api.md` section 1.3).
//!
//! Without keys everybody may call. With keys every operation asks for a signature of one of them, sampling
//! calls included. In two steps: [`claimed`] looks at the headers before the body is read, so that callers
//! without a known key take no place of others; [`Gate::admit`] hashes the body as it was sent, compressed
//! if it was, checks the signature, and asks what the key may do. Signed headers must include `host`, the
//! date and all `x-amz-*`; a body that the client says it did not hash is refused, since anybody on the way
//! could change it. What is not signed (`Content-Type` for some clients) is no more than a hint how to read.
//!
//! A signed request that somebody has seen could be sent again for five minutes. For reads and segments that
//! gains nothing: repeats answer the same, or are no-ops. Where administrators change something,
//! [`repeats`] refuses them.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use axum::body::Body;
use axum::extract::Request;
use axum::http::request::Parts;
use bytes::Bytes;
use http_body_util::BodyExt as _;
use radiograph_protocol::error::{ApiError, ApiErrorKind};
use radiograph_protocol::sigv4::SigningTime;
use radiograph_protocol::timestamp::Timestamp;
use sha2::{Digest, Sha256};

use self::claim::Claim;
use self::repeats::Repeats;
use super::error::Failure;
use super::limits::{BODY_WITHIN, DISCARDED_BYTES_MAX};
use super::operations::Services;
use crate::clock;
use crate::keys::{AccessKey, KeyRing, Role};
use crate::metrics::Metrics;
use crate::worker::on_worker;

mod claim;
mod repeats;

/// Larger bodies are hashed where they hold up no other requests.
const INLINE_BYTES_MAX: usize = 64 << 10;

/// What lets requests in. Open by default; cheap to clone.
#[derive(Clone, Default)]
pub(crate) struct Gate(Option<Arc<Verifier>>);

struct Verifier {
    keys: KeyRing,
    repeats: Mutex<Repeats>,
}

impl Gate {
    /// Lets in what is signed with one of these keys.
    pub(crate) fn of(keys: KeyRing) -> Self {
        Self(Some(Arc::new(Verifier {
            keys,
            repeats: Mutex::default(),
        })))
    }

    /// Reads what a request says of its signer, and keeps it for [`Gate::admit`].
    ///
    /// # Errors
    /// When it says nothing that could be proven.
    fn claim(&self, request: &mut Request, now: Timestamp) -> Result<(), ApiError> {
        let Some(verifier) = &self.0 else {
            return Ok(());
        };
        let (method, uri) = (request.method(), request.uri());
        let claim = Claim::of(method, uri, request.headers(), &verifier.keys, now)?;
        request.extensions_mut().insert(Arc::new(claim));
        Ok(())
    }

    /// Lets a request in, or not; `signer` is known as soon as the signature was found to be good.
    ///
    /// # Errors
    /// When the signature is another, the key's time is over, or it may not call this operation; also
    /// where [`claimed`] was not asked before.
    pub(super) async fn admit(
        &self,
        operation: &str,
        head: &Parts,
        body: &Bytes,
        now: Timestamp,
        signer: &mut Signer,
    ) -> Result<(), Failure> {
        let Some(verifier) = &self.0 else {
            return Ok(());
        };
        let claim = head.extensions.get::<Arc<Claim>>();
        let claim = claim.ok_or_else(missing)?;
        claim.prove(sha256(body).await?)?;
        let key = claim.key();
        signer.0 = Some(Arc::clone(key));
        if !key.role.may_call(operation) {
            return Err(denied(key, operation).into());
        }
        if Role::is_only_admins(operation) {
            let mut repeats = verifier
                .repeats
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            repeats.admit(claim.signature(), claim.time(), signing_time(now))?;
        }
        Ok(())
    }
}

/// Who signed a request; nobody as long as that is not proven.
#[derive(Debug, Default)]
pub(super) struct Signer(Option<Arc<AccessKey>>);

impl Signer {
    /// The key's id.
    pub(super) fn key_id(&self) -> Option<&str> {
        self.0.as_ref().map(|key| key.id.as_str())
    }
}

/// The request, if its headers name a signer who may be proven. The body of another one is read and thrown
/// away, or the client would never see the answer.
///
/// # Errors
/// When it has no signature, or none of a key that is known and good now.
pub(super) async fn claimed(services: &Services, mut request: Request) -> Result<Request, Failure> {
    match services.gate.claim(&mut request, clock::now()) {
        Ok(()) => Ok(request),
        Err(error) => {
            // whether or not all of it came, the answer is the same
            let discarding = discard(request.into_body(), &services.metrics);
            let _ended = tokio::time::timeout(BODY_WITHIN, discarding).await;
            Err(error.into())
        }
    }
}

async fn discard(mut body: Body, metrics: &Metrics) {
    let mut length = 0_usize;
    while let Some(Ok(frame)) = body.frame().await {
        let bytes = frame.data_ref().map_or(0, Bytes::len);
        metrics.body(bytes);
        length = length.saturating_add(bytes);
        if length > DISCARDED_BYTES_MAX {
            return;
        }
    }
}

async fn sha256(body: &Bytes) -> Result<[u8; 32], Failure> {
    if body.len() <= INLINE_BYTES_MAX {
        return Ok(Sha256::digest(body).into());
    }
    let body = body.clone();
    Ok(on_worker(move || Sha256::digest(&body).into()).await?)
}

/// Whole seconds, as signatures tell the time.
const fn signing_time(now: Timestamp) -> SigningTime {
    SigningTime::from_seconds(now.seconds_floor())
}

/// AWS's sentence.
fn missing() -> ApiError {
    ApiError {
        kind: ApiErrorKind::MissingAuthenticationToken,
        message: "Missing Authentication Token".to_owned(),
    }
}

fn invalid(message: impl fmt::Display) -> ApiError {
    ApiError {
        kind: ApiErrorKind::InvalidSignature,
        message: message.to_string(),
    }
}

fn denied(key: &AccessKey, operation: &str) -> ApiError {
    let AccessKey { id, role, .. } = key;
    ApiError {
        kind: ApiErrorKind::AccessDenied,
        message: format!(
            "User: {id} is not authorized to perform: xray:{operation} because its role is {role}"
        ),
    }
}

#[cfg(test)]
mod tests;
