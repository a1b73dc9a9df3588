//! Which headers a proxied call keeps.
//!
//! Source: `spec/daemon.md` section 5.2. What concerns one connection goes, and so does what the
//! client signed: the call is the daemon's own.

use reqwest::header::{CONNECTION, HeaderMap, HeaderName};

/// Headers of one connection (RFC 9110 section 7.6.1), of one message's framing, and those of the
/// client's identity.
const DROPPED: [&str; 16] = [
    "authorization",
    "connection",
    "content-length",
    "expect",
    "host",
    "keep-alive",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "x-amz-date",
    "x-amz-security-token",
    "x-forwarded-for",
    // An offer to this daemon (`docs/framed-segments.md`), not to whoever stands behind it.
    "x-radiograph-segments",
];

/// The headers to send on, of a call or of its answer.
pub(crate) fn passed_on(headers: &HeaderMap) -> HeaderMap {
    let is_listed = |name: &HeaderName| {
        let lists = headers
            .get_all(CONNECTION)
            .iter()
            .filter_map(|list| list.to_str().ok());
        lists
            .flat_map(|list| list.split(','))
            .any(|listed| listed.trim().eq_ignore_ascii_case(name.as_str()))
    };
    headers
        .iter()
        .filter(|(name, _)| !DROPPED.contains(&name.as_str()) && !is_listed(name))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use reqwest::header::HeaderValue;

    #[test]
    fn headers_of_the_connection_and_of_the_clients_identity_are_dropped() {
        let mut headers = HeaderMap::new();
        for name in
            DROPPED
                .iter()
                .chain(&["x-private", "content-type", "user-agent", "x-amzn-trace-id"])
        {
            headers.insert(HeaderName::from_static(name), HeaderValue::from_static("v"));
        }
        headers.insert(CONNECTION, HeaderValue::from_static("close, X-Private"));
        let passed = passed_on(&headers);
        let mut names: Vec<&str> = passed.keys().map(HeaderName::as_str).collect();
        names.sort_unstable();
        assert_eq!(names, ["content-type", "user-agent", "x-amzn-trace-id"]);
    }

    #[test]
    fn repeated_headers_stay_repeated() {
        let mut headers = HeaderMap::new();
        headers.append("accept", HeaderValue::from_static("a"));
        headers.append("accept", HeaderValue::from_static("b"));
        assert_eq!(passed_on(&headers).get_all("accept").iter().count(), 2);
    }
}
