//! Signature version 4 as pure functions: what the daemon signs with and the collector verifies by.
//!
//! Source: `spec/api.md` section 1.3 and "Signing AWS API requests" of the IAM user guide. Signatures in
//! the `Authorization` header only: no pre-signed URLs, no chunked bodies. A body counts as it is on the
//! wire, compressed if it is. Per signature: five HMACs over a few hundred bytes; the SHA-256 of the body,
//! which the caller makes, outweighs them.

use std::collections::BTreeMap;
use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

pub use self::authorization::{Authorization, AuthorizationError, SIGNED_HEADERS_MAX};
pub use self::canonical::canonical_values;
pub use self::time::SigningTime;
use crate::hex::hex;

mod authorization;
mod canonical;
mod time;

/// The one algorithm there is.
pub const ALGORITHM: &str = "AWS4-HMAC-SHA256";

/// The service's name in scopes.
pub const SERVICE: &str = "xray";

/// How far signer's and verifier's clock may be apart, in seconds, either way (`spec/api.md` 1.3).
pub const SKEW_SECONDS_MAX: i64 = 300;

/// The last part of every scope.
const TERMINATOR: &str = "aws4_request";

/// For what a signature is good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scope<'a> {
    /// `20261121`: a day's signatures have a key of their own.
    pub date: &'a str,
    /// As the signer calls it; any will do here.
    pub region: &'a str,
    /// [`SERVICE`] for X-Ray.
    pub service: &'a str,
}

impl fmt::Display for Scope<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            date,
            region,
            service,
        } = self;
        write!(f, "{date}/{region}/{service}/{TERMINATOR}")
    }
}

/// What of a request its signature covers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signable<'a> {
    /// `POST`
    pub method: &'a str,
    /// As on the wire.
    pub path: &'a str,
    /// As on the wire, without the question mark; empty when there is none.
    pub query: &'a str,
    /// The signed headers: names in lower case, values as [`canonical_values`] writes them.
    pub headers: BTreeMap<&'a str, Vec<u8>>,
    /// SHA-256 of the body as on the wire.
    pub body_sha256: [u8; 32],
}

impl Signable<'_> {
    /// The signed headers' names as `SignedHeaders` lists them.
    #[must_use]
    pub fn signed_headers(&self) -> String {
        let names: Vec<&str> = self.headers.keys().copied().collect();
        names.join(";")
    }

    /// The signature of a request that is signed at this time.
    #[must_use]
    pub fn signature(&self, secret: &str, time: SigningTime, scope: Scope<'_>) -> [u8; 32] {
        self.mac(secret, time, scope).finalize().into_bytes().into()
    }

    /// Whether this is its signature; takes as long wherever the first difference is.
    #[must_use]
    pub fn is_signed_by(
        &self,
        secret: &str,
        time: SigningTime,
        scope: Scope<'_>,
        signature: &[u8; 32],
    ) -> bool {
        self.mac(secret, time, scope)
            .verify_slice(signature)
            .is_ok()
    }

    fn mac(&self, secret: &str, time: SigningTime, scope: Scope<'_>) -> Hmac<Sha256> {
        let digest = hex(&Sha256::digest(canonical::request(self)));
        let mut mac = keyed(&signing_key(secret, scope));
        mac.update(format!("{ALGORITHM}\n{time}\n{scope}\n{digest}").as_bytes());
        mac
    }
}

/// The `Authorization` header of a signed request.
#[must_use]
pub fn authorization(
    access_key_id: &str,
    scope: Scope<'_>,
    signed_headers: &str,
    signature: &[u8; 32],
) -> String {
    let signature = hex(signature);
    format!(
        "{ALGORITHM} Credential={access_key_id}/{scope}, SignedHeaders={signed_headers}, \
         Signature={signature}"
    )
}

/// Whether two secrets are the same; takes as long wherever the first difference is.
#[must_use]
pub fn is_same_secret(expected: &str, given: &[u8]) -> bool {
    let mut mac = keyed(expected.as_bytes());
    mac.update(given);
    let mut same = keyed(expected.as_bytes());
    same.update(expected.as_bytes());
    mac.verify_slice(&same.finalize().into_bytes()).is_ok()
}

fn signing_key(secret: &str, scope: Scope<'_>) -> [u8; 32] {
    let mut key = hmac(format!("AWS4{secret}").as_bytes(), scope.date);
    for part in [scope.region, scope.service, TERMINATOR] {
        key = hmac(&key, part);
    }
    key
}

fn hmac(key: &[u8], text: &str) -> [u8; 32] {
    let mut mac = keyed(key);
    mac.update(text.as_bytes());
    mac.finalize().into_bytes().into()
}

#[expect(clippy::expect_used, reason = "HMAC takes a key of any length")]
fn keyed(key: &[u8]) -> Hmac<Sha256> {
    Hmac::new_from_slice(key).expect("a key of any length")
}

#[cfg(test)]
mod tests;
