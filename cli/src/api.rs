//! A client of the X-Ray API, for commands that look at a collector from outside.
//!
//! It sends what AWS's clients send, signed where there are keys in the environment: collectors of one's
//! own take calls without as long as they have no keys file. Answers are read as JSON; what they must hold
//! is the caller's to judge.

use std::time::Duration;

use anyhow::Context;
use clap::Args;
use radiograph_collector::clock;
use reqwest::redirect::Policy;
use reqwest::{Client, RequestBuilder, header};
use serde_json::{Value, json};

mod signing;
mod transfer;

use signing::Keys;
pub(crate) use transfer::Stream;

/// The API at one address. Cheap to clone; clones share connections.
#[derive(Debug, Clone)]
pub(crate) struct Api {
    client: Client,
    /// Without a `/` at its end.
    endpoint: String,
    /// What calls are signed with.
    keys: Option<Keys>,
}

/// The flags that say where a collector is, and who calls.
#[derive(Debug, Clone, Args)]
pub(crate) struct Endpoint {
    /// The collector's X-Ray API.
    #[arg(
        long,
        env = "RADIOGRAPH_ENDPOINT",
        default_value = "http://127.0.0.1:2080",
        value_name = "URL"
    )]
    pub(crate) endpoint: String,

    /// What calls are signed with.
    #[command(flatten)]
    keys: signing::Options,
}

impl Endpoint {
    /// A client for it; each call may take so long.
    ///
    /// # Errors
    /// The client cannot be built.
    pub(crate) fn api(&self, call_max: Duration) -> anyhow::Result<Api> {
        let keys = self.keys.keys();
        Ok(Api {
            keys,
            ..Api::new(&self.endpoint, call_max)?
        })
    }
}

/// Why a call has no good answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ApiError {
    /// The connection could not be made or broke, or the answer took too long.
    #[error("{path}: no answer")]
    NoAnswer {
        /// The operation.
        path: &'static str,
        /// What went wrong.
        #[source]
        source: reqwest::Error,
    },
    /// An answer that is no success.
    #[error("{path}: {status} {name}: {message}")]
    Refused {
        /// The operation.
        path: &'static str,
        /// The HTTP status.
        status: u16,
        /// The error's name, if it has one.
        name: String,
        /// What it says.
        message: String,
    },
    /// A success that is not JSON, or is not what the operation answers.
    #[error("{path}: answer is not understood: {reason}")]
    Odd {
        /// The operation.
        path: &'static str,
        /// What is wrong with it.
        reason: String,
    },
}

impl Api {
    /// A client for this URL that signs nothing; each call may take so long.
    ///
    /// # Errors
    /// The client cannot be built.
    pub(crate) fn new(endpoint: &str, call_max: Duration) -> anyhow::Result<Self> {
        // an error means that one is installed already, which is what is wanted
        drop(rustls::crypto::ring::default_provider().install_default());
        let client = Client::builder()
            .timeout(call_max)
            .redirect(Policy::none())
            .build()
            .context("HTTP client")?;
        Ok(Self {
            client,
            endpoint: endpoint.trim_end_matches('/').to_owned(),
            keys: None,
        })
    }

    /// The same client for another address.
    pub(crate) fn at(&self, endpoint: String) -> Self {
        Self {
            client: self.client.clone(),
            endpoint,
            keys: self.keys.clone(),
        }
    }

    /// One call; the body of a success.
    ///
    /// # Errors
    /// See [`ApiError`].
    pub(crate) async fn call(&self, path: &'static str, body: String) -> Result<Value, ApiError> {
        let no_answer = |source| ApiError::NoAnswer { path, source };
        let call = self.post(path, "application/json", body.into_bytes());
        let response = call.send().await.map_err(no_answer)?;
        let status = response.status();
        let bytes = response.bytes().await.map_err(no_answer)?;
        let body: Option<Value> = serde_json::from_slice(&bytes).ok();
        if !status.is_success() {
            return Err(refused(path, status.as_u16(), body.as_ref()));
        }
        body.ok_or_else(|| odd(path, "it is not JSON"))
    }

    /// A call, signed where there are keys.
    fn post(
        &self,
        path: &'static str,
        content_type: &'static str,
        body: Vec<u8>,
    ) -> RequestBuilder {
        let url = format!("{}{path}", self.endpoint);
        let call = self
            .client
            .post(&url)
            .header(header::CONTENT_TYPE, content_type);
        let call = match &self.keys {
            Some(keys) => call.headers(keys.signed(&url, &body, clock::now())),
            None => call,
        };
        call.body(body)
    }

    /// A plain GET of a text, for `/metrics`.
    ///
    /// # Errors
    /// See [`ApiError`].
    pub(crate) async fn text(&self, path: &'static str) -> Result<String, ApiError> {
        let no_answer = |source| ApiError::NoAnswer { path, source };
        let url = format!("{}{path}", self.endpoint);
        let response = self.client.get(url).send().await.map_err(no_answer)?;
        let response = response.error_for_status().map_err(no_answer)?;
        response.text().await.map_err(no_answer)
    }

    /// The members of a list in all pages of an operation.
    ///
    /// # Errors
    /// See [`ApiError`].
    pub(crate) async fn pages(
        &self,
        path: &'static str,
        mut request: Value,
        list: &str,
        mut each: impl FnMut(Value),
    ) -> Result<(), ApiError> {
        loop {
            let mut page = self.call(path, request.to_string()).await?;
            let Some(Value::Array(members)) = page.get_mut(list).map(Value::take) else {
                return Err(odd(path, format!("there is no list {list}")));
            };
            members.into_iter().for_each(&mut each);
            match page.get_mut("NextToken").map(Value::take) {
                None | Some(Value::Null) => return Ok(()),
                Some(token) => {
                    if let Some(request) = request.as_object_mut() {
                        request.insert("NextToken".to_owned(), token);
                    }
                }
            }
        }
    }

    /// PutTraceSegments; `UnprocessedTraceSegments` as it came.
    ///
    /// # Errors
    /// See [`ApiError`].
    pub(crate) async fn put(&self, documents: &[String]) -> Result<Vec<Value>, ApiError> {
        const PATH: &str = "/TraceSegments";
        let body = json!({"TraceSegmentDocuments": documents}).to_string();
        let mut answer = self.call(PATH, body).await?;
        match answer.get_mut("UnprocessedTraceSegments").map(Value::take) {
            Some(Value::Array(unprocessed)) => Ok(unprocessed),
            _ => Err(odd(PATH, "there is no list UnprocessedTraceSegments")),
        }
    }
}

/// An answer that is an error.
fn refused(path: &'static str, status: u16, body: Option<&Value>) -> ApiError {
    let text = |key| body.and_then(|body| body.get(key)?.as_str());
    ApiError::Refused {
        path,
        status,
        name: text("__type").unwrap_or_default().to_owned(),
        message: text("Message").unwrap_or_default().to_owned(),
    }
}

/// An answer that cannot be understood.
fn odd(path: &'static str, reason: impl Into<String>) -> ApiError {
    ApiError::Odd {
        path,
        reason: reason.into(),
    }
}
