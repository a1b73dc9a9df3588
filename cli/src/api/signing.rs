//! Signs calls with the keys of the environment, as AWS's clients do.
//!
//! The variables are AWS's. Profiles are not read: who calls a collector that asks for keys can be told two
//! variables. `host` and the date are signed, which is all that a collector asks for.

use std::fmt;

use clap::Args;
use radiograph_protocol::sigv4::{self, SERVICE, Scope, Signable, SigningTime};
use radiograph_protocol::timestamp::Timestamp;
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderValue};
use reqwest::{Method, Url};
use sha2::{Digest, Sha256};

const AMZ_DATE: &str = "x-amz-date";
const AMZ_SECURITY_TOKEN: &str = "x-amz-security-token";

/// Any will do; the name is that of collectors' ARNs.
const REGION: &str = "us-east-1";

/// Keys as flags. They are hidden: on a command line everybody on the host can read them.
#[derive(Clone, Args)]
#[group(id = "signing")]
pub(super) struct Options {
    #[arg(long, env = "AWS_ACCESS_KEY_ID", hide = true, hide_env_values = true)]
    access_key_id: Option<String>,
    #[arg(
        long,
        env = "AWS_SECRET_ACCESS_KEY",
        hide = true,
        hide_env_values = true
    )]
    secret_access_key: Option<String>,
    #[arg(long, env = "AWS_SESSION_TOKEN", hide = true, hide_env_values = true)]
    session_token: Option<String>,
}

impl Options {
    /// A pair of keys, if both are there.
    pub(super) fn keys(&self) -> Option<Keys> {
        let word = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
        Some(Keys {
            id: word(&self.access_key_id)?,
            secret: word(&self.secret_access_key)?,
            session_token: word(&self.session_token),
        })
    }
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options").finish_non_exhaustive()
    }
}

/// A pair of keys.
#[derive(Clone)]
pub(super) struct Keys {
    id: String,
    secret: String,
    session_token: Option<String>,
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keys").finish_non_exhaustive()
    }
}

impl Keys {
    /// The headers that make a POST a signed one. A key that no header can hold is left out, and so is the
    /// signature of a URL that is none: the call then fails, and says why.
    pub(super) fn signed(&self, url: &str, body: &[u8], now: Timestamp) -> HeaderMap {
        self.try_signed(url, body, now).unwrap_or_default()
    }

    fn try_signed(&self, url: &str, body: &[u8], now: Timestamp) -> Option<HeaderMap> {
        let url = Url::parse(url).ok()?;
        let host = match (url.host_str()?, url.port()) {
            (host, Some(port)) => format!("{host}:{port}"),
            (host, None) => host.to_owned(),
        };
        let time = SigningTime::from_seconds(now.seconds_floor());
        let text = time.to_string();
        let mut headers = HeaderMap::new();
        headers.insert(AMZ_DATE, HeaderValue::from_str(&text).ok()?);
        let mut signed = vec![("host", host.into_bytes()), (AMZ_DATE, text.into())];
        if let Some(token) = &self.session_token {
            signed.push((AMZ_SECURITY_TOKEN, token.as_bytes().to_vec()));
            let mut token = HeaderValue::from_str(token).ok()?;
            token.set_sensitive(true);
            headers.insert(AMZ_SECURITY_TOKEN, token);
        }
        let request = Signable {
            method: Method::POST.as_str(),
            path: url.path(),
            query: url.query().unwrap_or_default(),
            headers: signed.into_iter().collect(),
            body_sha256: Sha256::digest(body).into(),
        };
        let date = time.date();
        let scope = Scope {
            date: &date,
            region: REGION,
            service: SERVICE,
        };
        let signature = request.signature(&self.secret, time, scope);
        let names = request.signed_headers();
        let value = sigv4::authorization(&self.id, scope, &names, &signature);
        let mut value = HeaderValue::from_str(&value).ok()?;
        value.set_sensitive(true);
        headers.insert(AUTHORIZATION, value);
        Some(headers)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The specification's vector (`spec/api.md` section 1.3) without its content type.
    #[test]
    fn calls_are_signed_over_host_date_token_and_body() {
        let keys = Keys {
            id: "AKIDEXAMPLE".to_owned(),
            secret: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY".to_owned(),
            session_token: Some("tok/en==".to_owned()),
        };
        let now = Timestamp::from_micros(1_704_067_200_900_000);
        let sign = |body: &[u8]| keys.signed("http://127.0.0.1:2000/Traces", body, now);
        let headers = sign(b"{}");
        assert_eq!(headers[AMZ_DATE], "20240101T000000Z");
        assert_eq!(headers[AMZ_SECURITY_TOKEN], "tok/en==");
        let value = headers[AUTHORIZATION].to_str().unwrap();
        let read = sigv4::Authorization::parse(value).unwrap();
        assert_eq!(
            read.signed_headers,
            ["host", "x-amz-date", "x-amz-security-token"]
        );
        assert_eq!(
            read.scope.to_string(),
            "20240101/us-east-1/xray/aws4_request"
        );
        assert_ne!(sign(b"{} ")[AUTHORIZATION], headers[AUTHORIZATION]);
        assert!(!format!("{keys:?}{headers:?}").contains("tok/en"));
    }

    #[test]
    fn half_a_pair_signs_nothing() {
        let options = |id: Option<&str>, secret: Option<&str>| Options {
            access_key_id: id.map(str::to_owned),
            secret_access_key: secret.map(str::to_owned),
            session_token: None,
        };
        assert!(options(Some("A"), Some("s")).keys().is_some());
        for (id, secret) in [
            (None, None),
            (Some("A"), None),
            (None, Some("s")),
            (Some(""), Some("s")),
        ] {
            assert!(options(id, secret).keys().is_none(), "{id:?} {secret:?}");
        }
    }
}
