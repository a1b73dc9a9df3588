//! What a request says of its signer: everything of a signature that its headers tell.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::http::header::{AUTHORIZATION, DATE, HOST};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, Uri};
use radiograph_protocol::error::{ApiError, ApiErrorKind};
use radiograph_protocol::hex::hex;
use radiograph_protocol::sigv4::{
    self, Authorization, AuthorizationError, SERVICE, SKEW_SECONDS_MAX, Scope, Signable,
    SigningTime, canonical_values,
};
use radiograph_protocol::timestamp::Timestamp;

use super::{invalid, missing, signing_time};
use crate::keys::{AccessKey, KeyRing};

const AMZ_DATE: HeaderName = HeaderName::from_static("x-amz-date");
const AMZ_SECURITY_TOKEN: HeaderName = HeaderName::from_static("x-amz-security-token");
const AMZ_CONTENT_SHA256: HeaderName = HeaderName::from_static("x-amz-content-sha256");

/// Headers of which every one that is sent must be signed.
const AMZ_PREFIX: &str = "x-amz-";

/// AWS's sentence.
const NO_MATCH: &str = "The request signature we calculated does not match the signature you provided. \
    Check your AWS Secret Access Key and signing method. Consult the service documentation for details.";

/// A signature that is still to be compared, with the key that it should be of.
#[derive(Debug)]
pub(super) struct Claim {
    key: Arc<AccessKey>,
    method: Method,
    uri: Uri,
    /// Signed headers by name, their values in canonical form.
    headers: BTreeMap<String, Vec<u8>>,
    /// `x-amz-content-sha256`, if it is sent.
    content_sha256: Option<HeaderValue>,
    time: SigningTime,
    date: String,
    region: String,
    signature: [u8; 32],
}

impl Claim {
    /// Reads the headers.
    ///
    /// # Errors
    /// When there is no signature, it cannot be verified, or its key or its time is none that is good.
    pub(super) fn of(
        method: &Method,
        uri: &Uri,
        headers: &HeaderMap,
        keys: &KeyRing,
        now: Timestamp,
    ) -> Result<Self, ApiError> {
        let authorization = text(headers, &AUTHORIZATION)?.ok_or_else(missing)?;
        let authorization = Authorization::parse(authorization).map_err(|error| match error {
            // another kind of authorization is none
            AuthorizationError::Algorithm => missing(),
            error => invalid(error),
        })?;
        let Scope {
            date,
            region,
            service,
        } = authorization.scope;
        if service != SERVICE {
            return Err(invalid(format!(
                "Credential should be scoped to correct service: '{SERVICE}'"
            )));
        }
        let key = known(keys, authorization.access_key_id, headers, now)?;
        let signed = &authorization.signed_headers;
        let time = time(headers)?;
        if time.date() != date {
            return Err(invalid(format!(
                "Date in Credential scope does not match YYYYMMDD from the date of the request: \
                 '{date}' != '{}'",
                time.date()
            )));
        }
        check_current(time, signing_time(now))?;
        check_covered(headers, signed)?;
        Ok(Self {
            key,
            method: method.clone(),
            uri: uri.clone(),
            headers: signed_headers(headers, uri, signed)?,
            content_sha256: single(headers, &AMZ_CONTENT_SHA256)?.cloned(),
            time,
            date: date.to_owned(),
            region: region.to_owned(),
            signature: authorization.signature,
        })
    }

    /// Whether the request with a body of this hash is the one that was signed.
    ///
    /// # Errors
    /// `InvalidSignatureException` when it is not.
    pub(super) fn prove(&self, body_sha256: [u8; 32]) -> Result<(), ApiError> {
        if let Some(said) = &self.content_sha256
            && !said
                .as_bytes()
                .eq_ignore_ascii_case(hex(&body_sha256).as_bytes())
        {
            let name = AMZ_CONTENT_SHA256;
            return Err(invalid(format!(
                "{name} is not the SHA-256 of the request body"
            )));
        }
        let request = Signable {
            method: self.method.as_str(),
            path: self.uri.path(),
            query: self.uri.query().unwrap_or_default(),
            headers: self
                .headers
                .iter()
                .map(|(name, values)| (name.as_str(), values.clone()))
                .collect(),
            body_sha256,
        };
        let scope = Scope {
            date: &self.date,
            region: &self.region,
            service: SERVICE,
        };
        if request.is_signed_by(&self.key.secret, self.time, scope, &self.signature) {
            Ok(())
        } else {
            Err(invalid(NO_MATCH))
        }
    }

    /// The key it should be signed with.
    pub(super) const fn key(&self) -> &Arc<AccessKey> {
        &self.key
    }

    /// As the request has it.
    pub(super) const fn signature(&self) -> [u8; 32] {
        self.signature
    }

    /// When it was signed, as it says.
    pub(super) const fn time(&self) -> SigningTime {
        self.time
    }
}

/// The key of this id, if it is good now and the request shows the session token that belongs to it.
fn known(
    keys: &KeyRing,
    id: &str,
    headers: &HeaderMap,
    now: Timestamp,
) -> Result<Arc<AccessKey>, ApiError> {
    let unrecognized = || ApiError {
        kind: ApiErrorKind::UnrecognizedClient,
        message: "The security token included in the request is invalid.".to_owned(),
    };
    let key = keys.key(id).ok_or_else(unrecognized)?;
    let given = single(headers, &AMZ_SECURITY_TOKEN)?.map(HeaderValue::as_bytes);
    let is_shown = match (&key.session_token, given) {
        (Some(token), Some(given)) => sigv4::is_same_secret(token, given),
        (None, None) => true,
        (Some(_), None) | (None, Some(_)) => false,
    };
    if !is_shown {
        return Err(unrecognized());
    }
    if key.expires_at.is_some_and(|end| end <= now) {
        return Err(ApiError {
            kind: ApiErrorKind::ExpiredToken,
            message: "The security token included in the request is expired".to_owned(),
        });
    }
    Ok(key)
}

/// When the request was signed: `X-Amz-Date`, else `Date`.
fn time(headers: &HeaderMap) -> Result<SigningTime, ApiError> {
    if let Some(text) = text(headers, &AMZ_DATE)? {
        return SigningTime::parse(text)
            .ok_or_else(|| invalid("X-Amz-Date must be in the form YYYYMMDDTHHMMSSZ"));
    }
    let text = text(headers, &DATE)?;
    text.and_then(SigningTime::parse_date).ok_or_else(|| {
        invalid(
            "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header",
        )
    })
}

/// Tells the clock's time in the words that clients look for to correct their own.
fn check_current(time: SigningTime, now: SigningTime) -> Result<(), ApiError> {
    let minutes = SKEW_SECONDS_MAX / 60;
    if time.is_current(now) {
        Ok(())
    } else if time < now {
        let bound = now.plus_seconds(-SKEW_SECONDS_MAX);
        Err(invalid(format!(
            "Signature expired: {time} is now earlier than {bound} ({now} - {minutes} min.)"
        )))
    } else {
        let bound = now.plus_seconds(SKEW_SECONDS_MAX);
        Err(invalid(format!(
            "Signature not yet current: {time} is still later than {bound} ({now} + {minutes} min.)"
        )))
    }
}

/// Sees that nothing is left out of the signature that says whose, for whom and when the request is.
fn check_covered(headers: &HeaderMap, signed: &[String]) -> Result<(), ApiError> {
    let date = if headers.contains_key(AMZ_DATE) {
        AMZ_DATE
    } else {
        DATE
    };
    let sent = headers.keys().map(HeaderName::as_str);
    let must = sent.filter(|name| name.starts_with(AMZ_PREFIX));
    let mut must = must.chain([HOST.as_str(), date.as_str()]);
    let is_signed = |name: &str| {
        signed
            .binary_search_by(|each| each.as_str().cmp(name))
            .is_ok()
    };
    match must.find(|name| !is_signed(name)) {
        None => Ok(()),
        Some(name) => Err(invalid(format!("'{name}' must be a signed header"))),
    }
}

/// The signed headers as they came.
fn signed_headers(
    headers: &HeaderMap,
    uri: &Uri,
    signed: &[String],
) -> Result<BTreeMap<String, Vec<u8>>, ApiError> {
    let pairs = signed.iter().map(|name| {
        let values = headers.get_all(name).iter().map(HeaderValue::as_bytes);
        let values: Vec<&[u8]> = values.collect();
        let values = match (values.is_empty(), uri.authority()) {
            (false, _) => canonical_values(values),
            // HTTP/2 has it in another place
            (true, Some(host)) if name == HOST.as_str() => host.as_str().into(),
            (true, _) => return Err(invalid(format!("signed header '{name}' is not sent"))),
        };
        Ok((name.clone(), values))
    });
    pairs.collect()
}

/// The value of a header that must not be there twice.
fn single<'a>(
    headers: &'a HeaderMap,
    name: &HeaderName,
) -> Result<Option<&'a HeaderValue>, ApiError> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (value, None) => Ok(value),
        _ => Err(invalid(format!("'{name}' is sent more than once"))),
    }
}

/// The same as text.
fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Result<Option<&'a str>, ApiError> {
    let text = single(headers, name)?.map(HeaderValue::to_str).transpose();
    text.map_err(|_| invalid(format!("'{name}' is not ASCII")))
}
