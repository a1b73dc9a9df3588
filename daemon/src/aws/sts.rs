//! AWS's security token service: keys for a role.
//!
//! Source: API reference of STS, version 2011-06-15; `spec/daemon.md` section 7.

use std::time::Duration;

use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use reqwest::{Client, Method, StatusCode, Url};

use crate::aws::credentials::{Credentials, CredentialsError, checked, expiration};
use crate::aws::http::{self, REMOTE_MAX};
use crate::aws::sign::{Scope, sign};
use crate::aws::source::Role;
use crate::clock;

const ORIGIN: &str = "security token service";

/// Where STS is, and how it is spoken to.
#[derive(Debug, Clone)]
pub(crate) struct Sts {
    pub(crate) client: Client,
    pub(crate) url: Url,
    /// Signed for.
    pub(crate) region: String,
}

impl Sts {
    /// Exchanges keys for those of a role.
    ///
    /// # Errors
    /// When STS cannot be reached, refuses, or answers with something else.
    pub(crate) async fn assume_role(
        &self,
        role: &Role,
        keys: &Credentials,
    ) -> Result<Credentials, CredentialsError> {
        let mut form = form("AssumeRole", role);
        if let Some(external_id) = &role.external_id {
            form.push(("ExternalId", external_id.clone()));
        }
        self.keys(&form, Some(keys)).await
    }

    /// Exchanges an identity provider's token for keys of a role; such a request is not signed.
    ///
    /// # Errors
    /// As [`Sts::assume_role`].
    pub(crate) async fn assume_role_with_web_identity(
        &self,
        role: &Role,
        token: &str,
    ) -> Result<Credentials, CredentialsError> {
        let mut form = form("AssumeRoleWithWebIdentity", role);
        form.push(("WebIdentityToken", token.trim().to_owned()));
        self.keys(&form, None).await
    }

    async fn keys(
        &self,
        form: &[(&str, String)],
        signed_with: Option<&Credentials>,
    ) -> Result<Credentials, CredentialsError> {
        // A URL's query is written as a form is.
        let mut encoder = self.url.clone();
        encoder.query_pairs_mut().clear().extend_pairs(form);
        let body = encoder.query().unwrap_or_default().to_owned();
        let mut headers = HeaderMap::new();
        let form_type = "application/x-www-form-urlencoded; charset=utf-8";
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(form_type));
        if let Some(keys) = signed_with {
            let scope = Scope {
                region: &self.region,
                service: "sts",
            };
            let now = clock::since_epoch();
            let (url, body) = (&self.url, body.as_bytes());
            sign(&Method::POST, url, &mut headers, body, keys, scope, now).map_err(|_| {
                CredentialsError::Malformed {
                    origin: ORIGIN,
                    problem: "the keys to sign with hold odd characters".to_owned(),
                }
            })?;
        }
        let request = self.client.post(self.url.clone());
        let answer = http::answer(request.headers(headers).body(body), REMOTE_MAX).await;
        let (status, xml) = answer.map_err(|source| CredentialsError::Http {
            origin: ORIGIN,
            source,
        })?;
        read(status, &xml)
    }
}

fn form(action: &'static str, role: &Role) -> Vec<(&'static str, String)> {
    vec![
        ("Action", action.to_owned()),
        ("Version", "2011-06-15".to_owned()),
        ("RoleArn", role.arn.clone()),
        ("RoleSessionName", role.session_name.clone()),
        ("DurationSeconds", role.duration_seconds.to_string()),
    ]
}

fn read(status: StatusCode, xml: &str) -> Result<Credentials, CredentialsError> {
    if !status.is_success() {
        let shown = |name| element(xml, name).map(|text| text.escape_debug().to_string());
        return Err(CredentialsError::Refused {
            code: shown("Code").unwrap_or_else(|| status.to_string()),
            message: shown("Message").unwrap_or_else(|| "no message".to_owned()),
        });
    }
    let member = |name: &'static str| {
        element(xml, name).ok_or_else(|| CredentialsError::Malformed {
            origin: ORIGIN,
            problem: format!("no {name} in the answer"),
        })
    };
    let keys = Credentials::lasting(
        &member("AccessKeyId")?,
        &member("SecretAccessKey")?,
        Some(&member("SessionToken")?),
    );
    let expires_at: Duration = expiration(&member("Expiration")?, ORIGIN)?;
    checked(
        Credentials {
            expires_at: Some(expires_at),
            ..keys
        },
        ORIGIN,
    )
}

/// The text of the first element of that name. The few that are read occur once in an answer and have
/// neither attributes nor children, so that no XML parser is needed.
fn element(xml: &str, name: &str) -> Option<String> {
    let (_, rest) = xml.split_once(&format!("<{name}>"))?;
    let (text, _) = rest.split_once(&format!("</{name}>"))?;
    let mut text = text.trim().to_owned();
    for (entity, character) in [
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&quot;", "\""),
        ("&apos;", "'"),
        ("&amp;", "&"),
    ] {
        text = text.replace(entity, character);
    }
    Some(text)
}
