//! EC2 instance metadata, version 2: every question carries a token that was asked for first.
//!
//! Source: "Use the Instance Metadata Service" of the EC2 user guide. No fall-back to version 1, which
//! a tricked web server can be made to ask. Per question 1 s and one more try, except where nobody can
//! be connected to: most hosts are no EC2 instance.

use reqwest::{Client, Method, RequestBuilder};

use crate::aws::credentials::{Credentials, CredentialsDocument, CredentialsError};
use crate::aws::http::{self, HttpError, LOCAL_MAX};
use crate::config::Variables;

const ORIGIN: &str = "instance metadata";

/// For as long as the questions of one purpose take.
const TOKEN_TTL_SECONDS: &str = "60";

/// Whether it must not be asked.
pub(crate) fn is_disabled(variables: &Variables) -> bool {
    variables
        .get("AWS_EC2_METADATA_DISABLED")
        .is_some_and(|value| value.eq_ignore_ascii_case("true"))
}

/// A conversation with instance metadata.
#[derive(Debug)]
pub(crate) struct Instance {
    client: Client,
    base: String,
    token: String,
}

impl Instance {
    /// Asks for a token.
    ///
    /// # Errors
    /// When nobody answers, as on any other host.
    pub(crate) async fn greet(client: Client, variables: &Variables) -> Result<Self, HttpError> {
        let base = base(variables);
        let url = format!("{base}/latest/api/token");
        let request = || {
            client
                .request(Method::PUT, &url)
                .header("x-aws-ec2-metadata-token-ttl-seconds", TOKEN_TTL_SECONDS)
                .header("content-length", "0")
        };
        let token = twice(request).await?;
        let token = token.trim().to_owned();
        Ok(Self {
            client,
            base,
            token,
        })
    }

    /// The document at `path`, which begins with a slash.
    ///
    /// # Errors
    /// When there is none.
    pub(crate) async fn document(&self, path: &str) -> Result<String, HttpError> {
        let url = format!("{}/latest{path}", self.base);
        let request = || {
            self.client
                .get(&url)
                .header("x-aws-ec2-metadata-token", &self.token)
        };
        twice(request).await
    }

    /// The region of the instance.
    pub(crate) async fn region(&self) -> Option<String> {
        let json = self
            .document("/dynamic/instance-identity/document")
            .await
            .ok()?;
        let document: serde_json::Value = serde_json::from_str(&json).ok()?;
        Some(document.get("region")?.as_str()?.to_owned())
    }

    /// Keys of the instance profile.
    ///
    /// # Errors
    /// When it has none, or the answer holds none.
    pub(crate) async fn credentials(&self) -> Result<Credentials, CredentialsError> {
        let folder = "/meta-data/iam/security-credentials/";
        let roles = self.document(folder).await;
        let roles = roles.map_err(CredentialsError::Instance)?;
        let role = roles.lines().next().unwrap_or_default().trim();
        let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b"+=,.@-_".contains(&byte);
        if role.is_empty() || !role.bytes().all(is_name) {
            return Err(CredentialsError::Malformed {
                origin: ORIGIN,
                problem: "no role is attached to the instance".to_owned(),
            });
        }
        let json = self.document(&format!("{folder}{role}")).await;
        let json = json.map_err(CredentialsError::Instance)?;
        let code: Option<Code> = serde_json::from_str(&json).ok();
        match code.and_then(|code| code.code) {
            Some(code) if code != "Success" => Err(CredentialsError::Malformed {
                origin: ORIGIN,
                problem: format!("role {role}: {}", code.escape_debug()),
            }),
            _ => CredentialsDocument::read(&json, ORIGIN),
        }
    }
}

#[derive(serde::Deserialize)]
struct Code {
    #[serde(rename = "Code")]
    code: Option<String>,
}

fn base(variables: &Variables) -> String {
    if let Some(base) = variables.get("AWS_EC2_METADATA_SERVICE_ENDPOINT") {
        return base.trim_end_matches('/').to_owned();
    }
    let mode = variables.get("AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE");
    let is_ipv6 = mode.is_some_and(|mode| mode.eq_ignore_ascii_case("ipv6"));
    let base = if is_ipv6 {
        "http://[fd00:ec2::254]"
    } else {
        "http://169.254.169.254"
    };
    base.to_owned()
}

async fn twice(request: impl Fn() -> RequestBuilder) -> Result<String, HttpError> {
    match http::success(request(), LOCAL_MAX).await {
        Err(error) if error.is_passing() => http::success(request(), LOCAL_MAX).await,
        answer => answer,
    }
}
