//! Requests for credentials and metadata: small answers, short waits, no redirects.

use std::time::Duration;

use reqwest::{Client, RequestBuilder, StatusCode};

use crate::call::CallerError;
use crate::call::client;
use crate::config::Variables;

/// Bytes of an answer that are read; the longest, credentials with a token, is a tenth of it.
const ANSWER_BYTES_MAX: usize = 64 << 10;

/// Until the answer of a service on this host has been read.
pub(crate) const LOCAL_MAX: Duration = Duration::from_secs(1);

/// Until the answer of STS has been read.
pub(crate) const REMOTE_MAX: Duration = Duration::from_secs(5);

/// Why a request got no usable answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum HttpError {
    /// The transport failed.
    #[error("transport")]
    Transport(#[from] reqwest::Error),
    /// There was no answer in time.
    #[error("no answer within {} s", limit.as_secs())]
    Timeout {
        /// How long it took at least.
        limit: Duration,
    },
    /// The answer says no.
    #[error("answered {status}")]
    Status {
        /// With this status.
        status: StatusCode,
    },
    /// The answer is longer than any good one.
    #[error("answer longer than {ANSWER_BYTES_MAX} bytes")]
    TooLong,
}

impl HttpError {
    /// Whether another try may do better. What cannot be connected to is not there: most hosts have no
    /// instance metadata, and the first try has taken its time.
    pub(crate) fn is_passing(&self) -> bool {
        match self {
            Self::Transport(error) => !error.is_connect(),
            Self::Status { status } => status.is_server_error(),
            Self::Timeout { .. } | Self::TooLong => false,
        }
    }
}

/// Sends the request and reads the whole answer.
pub(crate) async fn answer(
    request: RequestBuilder,
    limit: Duration,
) -> Result<(StatusCode, String), HttpError> {
    let exchange = async {
        let mut response = request.send().await.map_err(reqwest::Error::without_url)?;
        let mut body = Vec::new();
        while let Some(chunk) = response
            .chunk()
            .await
            .map_err(reqwest::Error::without_url)?
        {
            body.extend_from_slice(&chunk);
            if body.len() > ANSWER_BYTES_MAX {
                return Err(HttpError::TooLong);
            }
        }
        let text = String::from_utf8_lossy(&body).into_owned();
        Ok((response.status(), text))
    };
    tokio::time::timeout(limit, exchange)
        .await
        .unwrap_or(Err(HttpError::Timeout { limit }))
}

/// Like [`answer`], where any status but success is an error.
pub(crate) async fn success(request: RequestBuilder, limit: Duration) -> Result<String, HttpError> {
    let (status, text) = answer(request, limit).await?;
    if status.is_success() {
        Ok(text)
    } else {
        Err(HttpError::Status { status })
    }
}

/// A client for services of this host: plain HTTP, never through a proxy, no certificates loaded.
///
/// # Errors
/// As [`client::build`].
pub(crate) fn local_client() -> Result<Client, CallerError> {
    client::build(&client::Settings {
        connect_max: LOCAL_MAX,
        ..client::Settings::default()
    })
}

/// The stock client, for STS: `HTTPS_PROXY` and `NO_PROXY` hold, a destination's settings do not.
///
/// # Errors
/// As [`client::build`].
pub(crate) fn stock_client(variables: &Variables) -> Result<Client, CallerError> {
    client::build(&client::Settings {
        has_tls: true,
        ca_file: client::ca_file(None, variables),
        proxy_address: variables.get("HTTPS_PROXY").map(str::to_owned),
        no_proxy: client::no_proxy(variables),
        ..client::Settings::default()
    })
}
