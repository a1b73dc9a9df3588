//! Keys that requests are signed with, and why there are none.

use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;

use crate::aws::http::HttpError;
use crate::aws::profile::ProfileError;

/// A pair of keys, with a token where they are temporary. What it prints shows no secret.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Credentials {
    pub(crate) access_key_id: String,
    pub(crate) secret_access_key: String,
    /// Only temporary keys have one.
    pub(crate) session_token: Option<String>,
    /// Since the Unix epoch; none for keys without an end.
    pub(crate) expires_at: Option<Duration>,
}

impl Credentials {
    /// Keys that do not expire, as far as one can tell from a file or a variable.
    pub(crate) fn lasting(id: &str, secret: &str, token: Option<&str>) -> Self {
        Self {
            access_key_id: id.trim().to_owned(),
            secret_access_key: secret.trim().to_owned(),
            session_token: token.map(|token| token.trim().to_owned()),
            expires_at: None,
        }
    }

    /// The key's id with its middle left out, enough to tell which key it is.
    pub(crate) fn masked_id(&self) -> String {
        let id: Vec<char> = self.access_key_id.chars().collect();
        match (id.first_chunk::<4>(), id.last_chunk::<4>()) {
            (Some(first), Some(last)) if id.len() >= 12 => {
                first.iter().chain(&['…']).chain(last).collect()
            }
            _ => "…".to_owned(),
        }
    }
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Credentials")
            .field("access_key_id", &self.masked_id())
            .field("is_temporary", &self.session_token.is_some())
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
}

/// The JSON of the container endpoint, instance metadata and `credential_process`, which differ in
/// the token's name alone.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct CredentialsDocument {
    access_key_id: String,
    secret_access_key: String,
    #[serde(alias = "Token")]
    session_token: Option<String>,
    expiration: Option<String>,
}

impl CredentialsDocument {
    /// Reads the document.
    ///
    /// # Errors
    /// [`CredentialsError::Malformed`] names what is wrong, and never the content.
    pub(crate) fn read(json: &str, origin: &'static str) -> Result<Credentials, CredentialsError> {
        let document: Self = serde_json::from_str(json).map_err(|error| {
            // The error's own text could quote a secret; line and column cannot.
            let (line, column) = (error.line(), error.column());
            CredentialsError::Malformed {
                origin,
                problem: format!("no credentials document, line {line} column {column}"),
            }
        })?;
        let expires_at = document
            .expiration
            .map(|text| expiration(&text, origin))
            .transpose()?;
        let token = document.session_token.filter(|token| !token.is_empty());
        checked(
            Credentials {
                expires_at,
                ..Credentials::lasting(
                    &document.access_key_id,
                    &document.secret_access_key,
                    token.as_deref(),
                )
            },
            origin,
        )
    }
}

/// Reads an RFC 3339 time.
pub(crate) fn expiration(text: &str, origin: &'static str) -> Result<Duration, CredentialsError> {
    let malformed = || CredentialsError::Malformed {
        origin,
        problem: "expiration is no RFC 3339 time".to_owned(),
    };
    let time: jiff::Timestamp = text.trim().parse().map_err(|_| malformed())?;
    let seconds = u64::try_from(time.as_second()).map_err(|_| malformed())?;
    Ok(Duration::from_secs(seconds))
}

/// Refuses empty keys, and what no header can hold.
pub(crate) fn checked(
    credentials: Credentials,
    origin: &'static str,
) -> Result<Credentials, CredentialsError> {
    let is_word = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic());
    let problem = if !is_word(&credentials.access_key_id) {
        "the access key id is empty or holds odd characters"
    } else if credentials.secret_access_key.is_empty() {
        "the secret access key is empty"
    } else if !credentials.session_token.as_deref().is_none_or(is_word) {
        "the session token is empty or holds odd characters"
    } else {
        return Ok(credentials);
    };
    Err(CredentialsError::Malformed {
        origin,
        problem: problem.to_owned(),
    })
}

/// Why there are no keys to sign with.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CredentialsError {
    /// No source is configured.
    #[error(
        "no source: environment, web identity, shared files (profile {profile}) and container \
         endpoint hold none, instance metadata is {instance}"
    )]
    None {
        /// The profile that was looked for.
        profile: String,
        /// Why instance metadata was not asked.
        instance: &'static str,
    },
    /// No source is configured but instance metadata, and that has none.
    #[error(
        "environment, web identity, shared files and container endpoint hold none, and instance \
         metadata gave none"
    )]
    Instance(#[source] HttpError),
    /// The shared files cannot be used.
    #[error(transparent)]
    Profile(#[from] ProfileError),
    /// A file that is named cannot be read.
    #[error("{origin}: {path} cannot be read")]
    Unreadable {
        /// Who names it.
        origin: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A service gave no answer, or a bad one.
    #[error("{origin}")]
    Http {
        /// Which.
        origin: &'static str,
        /// Why.
        source: HttpError,
    },
    /// STS refused.
    #[error("security token service: {code}: {message}")]
    Refused {
        /// Its error code.
        code: String,
        /// Its message.
        message: String,
    },
    /// The container endpoint is one that must not be told a secret.
    #[error(
        "AWS_CONTAINER_CREDENTIALS_FULL_URI: {uri} is not allowed; write an https URL, or http with a \
         loopback address, 169.254.170.2, 169.254.170.23 or [fd00:ec2::23]"
    )]
    ContainerHost {
        /// As configured.
        uri: String,
    },
    /// The program of `credential_process` gave no keys.
    #[error("credential_process: {problem}")]
    Process {
        /// Why.
        problem: String,
    },
    /// What a source gave is no pair of keys.
    #[error("{origin}: {problem}")]
    Malformed {
        /// Which source.
        origin: &'static str,
        /// What is wrong.
        problem: String,
    },
    /// The source gave keys whose time is over.
    #[error("the keys have expired, and the source gives no others")]
    Expired,
    /// The HTTP client for it cannot be built.
    #[error("http client for credentials")]
    Client(#[source] crate::call::CallerError),
    /// The task that loads them ended abnormally.
    #[error("loading ended abnormally")]
    Abnormal,
}

#[cfg(test)]
mod tests {
    use super::*;

    const DOCUMENT: &str = r#"{"Code":"Success","AccessKeyId":"ASIAEXAMPLEKEY","SecretAccessKey":"s3cret",
        "Token":"tok/en==","Expiration":"2026-11-21T12:00:00Z"}"#;

    #[test]
    fn a_document_gives_keys_token_and_end() {
        let read = CredentialsDocument::read(DOCUMENT, "test").unwrap();
        assert_eq!(read.access_key_id, "ASIAEXAMPLEKEY");
        assert_eq!(read.session_token.as_deref(), Some("tok/en=="));
        assert_eq!(read.expires_at, Some(Duration::from_secs(1_795_262_400)));
    }

    #[test]
    fn other_documents_are_refused_without_repeating_a_secret() {
        let cases = [
            ("{}", "no credentials document, line 1 column 2"),
            ("<html>", "no credentials document, line 1 column 1"),
            (
                r#"{"AccessKeyId":"","SecretAccessKey":"s3cret"}"#,
                "the access key id is empty or holds odd characters",
            ),
            (
                r#"{"AccessKeyId":"A\nB","SecretAccessKey":"s3cret"}"#,
                "the access key id is empty or holds odd characters",
            ),
            (
                r#"{"AccessKeyId":"A","SecretAccessKey":""}"#,
                "the secret access key is empty",
            ),
            (
                r#"{"AccessKeyId":"A","SecretAccessKey":"s3cret","Token":"a b"}"#,
                "the session token is empty or holds odd characters",
            ),
            (
                r#"{"AccessKeyId":"A","SecretAccessKey":"s3cret","Expiration":"soon"}"#,
                "expiration is no RFC 3339 time",
            ),
        ];
        for (json, problem) in cases {
            let error = CredentialsDocument::read(json, "test").unwrap_err();
            assert_eq!(error.to_string(), format!("test: {problem}"), "{json}");
        }
    }

    #[test]
    fn neither_log_nor_start_line_shows_a_secret() {
        let read = CredentialsDocument::read(DOCUMENT, "test").unwrap();
        let shown = format!("{read:?}");
        assert!(shown.contains("ASIA…EKEY"), "{shown}");
        assert!(
            !shown.contains("s3cret") && !shown.contains("tok/en"),
            "{shown}"
        );
        assert_eq!(Credentials::lasting("SHORT", "s", None).masked_id(), "…");
    }
}
