//! Signature version 4 as a pure function of request, keys and time.
//!
//! Source: "Signing AWS API requests" of the IAM user guide; `spec/daemon.md` sections 4.2 and 5.2 say
//! which headers are signed. Signed headers only, no pre-signed URLs; no chunked bodies.
//! Per call: the SHA-256 of the body, some 20 µs for 50 documents of 1 KB, outweighs all else, so that
//! the four steps to the day's key are not cached.

use std::fmt::Write as _;
use std::time::Duration;

use hmac::{Hmac, KeyInit, Mac};
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue, InvalidHeaderValue};
use reqwest::{Method, Url};
use sha2::{Digest, Sha256};

use crate::aws::credentials::Credentials;

const AMZ_DATE: HeaderName = HeaderName::from_static("x-amz-date");
const AMZ_SECURITY_TOKEN: HeaderName = HeaderName::from_static("x-amz-security-token");

/// Headers that are sent but not signed: what a hop between here and AWS may change or remove, and
/// what AWS's daemon leaves out.
const UNSIGNED: [&str; 14] = [
    "authorization",
    "connection",
    "expect",
    "host",
    "keep-alive",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "user-agent",
    "x-amzn-trace-id",
    "x-forwarded-for",
];

/// For what a signature is good.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Scope<'a> {
    pub(crate) region: &'a str,
    pub(crate) service: &'a str,
}

/// Signs the request by adding `Authorization`, `X-Amz-Date` and, with temporary keys,
/// `X-Amz-Security-Token`; what the headers held of these is replaced.
///
/// # Errors
/// When a key holds what no header may hold.
pub(crate) fn sign(
    method: &Method,
    url: &Url,
    headers: &mut HeaderMap,
    body: &[u8],
    credentials: &Credentials,
    scope: Scope<'_>,
    since_epoch: Duration,
) -> Result<(), InvalidHeaderValue> {
    let time = amz_date(since_epoch);
    let date = time.split('T').next().unwrap_or_default();
    headers.insert(AMZ_DATE, HeaderValue::from_str(&time)?);
    headers.remove(AMZ_SECURITY_TOKEN);
    if let Some(token) = &credentials.session_token {
        let mut token = HeaderValue::from_str(token)?;
        token.set_sensitive(true);
        headers.insert(AMZ_SECURITY_TOKEN, token);
    }
    let (canonical, signed_headers) = canonical_request(method, url, headers, body);
    let Scope { region, service } = scope;
    let scope = format!("{date}/{region}/{service}/aws4_request");
    let digest = hex(&Sha256::digest(canonical));
    let string_to_sign = format!("AWS4-HMAC-SHA256\n{time}\n{scope}\n{digest}");

    let mut key = hmac(
        format!("AWS4{}", credentials.secret_access_key).as_bytes(),
        date,
    );
    for part in [region, service, "aws4_request"] {
        key = hmac(&key, part);
    }
    let signature = hex(&hmac(&key, &string_to_sign));
    let key_id = &credentials.access_key_id;
    let mut authorization = HeaderValue::from_str(&format!(
        "AWS4-HMAC-SHA256 Credential={key_id}/{scope}, SignedHeaders={signed_headers}, \
         Signature={signature}"
    ))?;
    authorization.set_sensitive(true);
    headers.insert(AUTHORIZATION, authorization);
    Ok(())
}

/// The request as both sides write it down, and the names of the headers in it.
fn canonical_request(
    method: &Method,
    url: &Url,
    headers: &HeaderMap,
    body: &[u8],
) -> (Vec<u8>, String) {
    let mut lines: Vec<(&str, Vec<u8>)> = headers
        .keys()
        .filter(|name| !UNSIGNED.contains(&name.as_str()))
        .map(|name| (name.as_str(), canonical_values(headers, name)))
        .collect();
    lines.push(("host", host(url).into_bytes()));
    lines.sort_unstable();

    let names: Vec<&str> = lines.iter().map(|(name, _)| *name).collect();
    let signed_headers = names.join(";");
    // A path is encoded once for the wire and once more for the signature, as for all services but S3.
    let path = encoded(url.path().as_bytes(), b"/");
    let query = canonical_query(url);
    let mut canonical = format!("{method}\n{path}\n{query}\n").into_bytes();
    for (name, values) in &lines {
        canonical.extend_from_slice(name.as_bytes());
        canonical.push(b':');
        canonical.extend_from_slice(values);
        canonical.push(b'\n');
    }
    canonical.push(b'\n');
    canonical.extend_from_slice(signed_headers.as_bytes());
    canonical.push(b'\n');
    canonical.extend_from_slice(hex(&Sha256::digest(body)).as_bytes());
    (canonical, signed_headers)
}

/// All values of a header with a comma between them, each without blanks at its ends and with single
/// blanks within.
fn canonical_values(headers: &HeaderMap, name: &HeaderName) -> Vec<u8> {
    let mut joined = Vec::new();
    for (position, value) in headers.get_all(name).iter().enumerate() {
        if position > 0 {
            joined.push(b',');
        }
        let words = value.as_bytes().split(|byte| matches!(byte, b' ' | b'\t'));
        for (place, word) in words.filter(|word| !word.is_empty()).enumerate() {
            if place > 0 {
                joined.push(b' ');
            }
            joined.extend_from_slice(word);
        }
    }
    joined
}

fn canonical_query(url: &Url) -> String {
    let mut pairs: Vec<(String, String)> = url
        .query_pairs()
        .map(|(name, value)| {
            (
                encoded(name.as_bytes(), b""),
                encoded(value.as_bytes(), b""),
            )
        })
        .collect();
    pairs.sort_unstable();
    let pairs: Vec<String> = pairs
        .into_iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    pairs.join("&")
}

/// As the client writes it into `Host`: the port only where it is not the scheme's own.
fn host(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    match url.port() {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    }
}

/// Percent-encodes all but RFC 3986's unreserved bytes and those named.
fn encoded(bytes: &[u8], kept: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for &byte in bytes {
        let is_unreserved = byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
        if is_unreserved || kept.contains(&byte) {
            text.push(char::from(byte));
        } else {
            push(&mut text, format_args!("%{byte:02X}"));
        }
    }
    text
}

/// `20261121T123754Z`
fn amz_date(since_epoch: Duration) -> String {
    let seconds = i64::try_from(since_epoch.as_secs()).unwrap_or(i64::MAX);
    let time = jiff::Timestamp::from_second(seconds).unwrap_or(jiff::Timestamp::MAX);
    time.strftime("%Y%m%dT%H%M%SZ").to_string()
}

fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        push(&mut text, format_args!("{byte:02x}"));
    }
    text
}

#[expect(clippy::expect_used, reason = "a String takes whatever is written")]
fn push(text: &mut String, arguments: std::fmt::Arguments<'_>) {
    text.write_fmt(arguments).expect("a String takes all");
}

#[expect(clippy::expect_used, reason = "HMAC takes a key of any length")]
fn hmac(key: &[u8], text: &str) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("a key of any length");
    mac.update(text.as_bytes());
    mac.finalize().into_bytes().into()
}

#[cfg(test)]
mod tests;
