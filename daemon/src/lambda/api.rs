//! Calls to Lambda's Extensions API (2020-01-01) and Telemetry API (2022-07-01).
//!
//! No connection is kept: one that lay idle through a freeze may be dead, and a new one on the same
//! host costs next to nothing. Only the question for the next event has no time limit: it is answered
//! when there is one.

use std::time::Duration;

use reqwest::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use reqwest::{Client, RequestBuilder, Response, StatusCode};
use serde::Deserialize;
use serde_json::json;

use crate::call::failure::with_causes;
use crate::call::{CallerError, client};
use crate::config::ExtensionConfig;
use crate::upload::attempt::read_bounded;

const NAME: HeaderName = HeaderName::from_static("lambda-extension-name");
const IDENTIFIER: HeaderName = HeaderName::from_static("lambda-extension-identifier");
const ERROR_TYPE: HeaderName = HeaderName::from_static("lambda-extension-function-error-type");

/// For every call but that for the next event.
const CALL_MAX: Duration = Duration::from_secs(2);

/// How Lambda is to collect events before it sends them: as little as it allows.
const EVENTS_MIN: u32 = 1_000;
const BYTES_MIN: u32 = 262_144;
const COLLECT_MS_MIN: u32 = 25;

/// Why a call to Lambda's APIs did not work.
#[derive(Debug, thiserror::Error)]
pub enum ApiError {
    /// There can be no client.
    #[error("http client")]
    Client(#[source] Box<CallerError>),
    /// Nobody answers.
    #[error("{address}: no answer")]
    Transport {
        /// Of the API.
        address: String,
        /// What the transport says.
        source: reqwest::Error,
    },
    /// Nobody answers in time.
    #[error("{address}: no answer within {} s", CALL_MAX.as_secs())]
    Timeout {
        /// Of the API.
        address: String,
    },
    /// The API says no.
    #[error("answered {status}: {text}")]
    Refused {
        /// With this status.
        status: StatusCode,
        /// The beginning of what it says.
        text: String,
    },
    /// The answer lacks something.
    #[error("answer without {what}")]
    Answer {
        /// What it lacks.
        what: &'static str,
    },
}

/// What is next for an extension.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// An invocation, under way until the deadline, since the Unix epoch.
    Invoke {
        request_id: String,
        deadline: Duration,
    },
    /// The environment's end, at the deadline.
    ShutDown { reason: String, deadline: Duration },
}

/// A registered extension's way to the APIs.
#[derive(Debug)]
pub(super) struct Api {
    client: Client,
    address: String,
    identifier: HeaderValue,
}

impl Api {
    /// Registers the extension for both kinds of events.
    pub(super) async fn register(config: &ExtensionConfig) -> Result<Self, ApiError> {
        let settings = client::Settings {
            idle_connections_max: 0,
            ..client::Settings::default()
        };
        let client = client::build(&settings).map_err(|error| ApiError::Client(Box::new(error)))?;
        let mut api = Self {
            client,
            address: config.runtime_api.clone(),
            identifier: HeaderValue::from_static(""),
        };
        let url = api.url("2020-01-01/extension/register");
        let body = json!({"events": ["INVOKE", "SHUTDOWN"]}).to_string();
        let request = api.client.post(url).header(NAME, config.name.as_str());
        let response = api.in_time(as_json(request, body)).await?;
        let (status, identifier) = (response.status(), response.headers().get(IDENTIFIER));
        match identifier.filter(|_| status.is_success()).cloned() {
            Some(identifier) => api.identifier = identifier,
            None if status.is_success() => {
                let what = "Lambda-Extension-Identifier";
                return Err(ApiError::Answer { what });
            }
            None => return Err(refused(response).await),
        }
        Ok(api)
    }

    /// Has platform events sent to this address; `false` where the API is there for show only, as in
    /// AWS's runtime interface emulator, which answers 202.
    pub(super) async fn subscribe(&self, uri: &str) -> Result<bool, ApiError> {
        let body = json!({
            "schemaVersion": "2022-07-01",
            "types": ["platform"],
            "buffering": {
                "maxItems": EVENTS_MIN, "maxBytes": BYTES_MIN, "timeoutMs": COLLECT_MS_MIN,
            },
            "destination": {"protocol": "HTTP", "URI": uri},
        });
        let request = self.client.put(self.url("2022-07-01/telemetry"));
        let request = request.header(IDENTIFIER, self.identifier.clone());
        let response = self.in_time(as_json(request, body.to_string())).await?;
        match response.status() {
            StatusCode::OK => Ok(true),
            StatusCode::ACCEPTED | StatusCode::NOT_FOUND => Ok(false),
            _ => Err(refused(response).await),
        }
    }

    /// Asks for the next event, and waits for it. The environment may be frozen meanwhile.
    pub(super) async fn next(&self) -> Result<Next, ApiError> {
        let request = self.client.get(self.url("2020-01-01/extension/event/next"));
        let request = request.header(IDENTIFIER, self.identifier.clone());
        let mut response = request
            .send()
            .await
            .map_err(|error| self.unanswered(error))?;
        if !response.status().is_success() {
            return Err(refused(response).await);
        }
        let body = read_bounded(&mut response).await;
        let body = body.map_err(|error| self.unanswered(error))?;
        parse(&body)
    }

    /// Tells Lambda that the extension cannot start. That it cannot be told either is logged.
    pub(super) async fn init_error(&self, message: &str) {
        self.report("2020-01-01/extension/init/error", "Extension.Init", message)
            .await;
    }

    /// Tells Lambda that the extension ends without having been asked to.
    pub(super) async fn exit_error(&self, message: &str) {
        self.report("2020-01-01/extension/exit/error", "Extension.Exit", message)
            .await;
    }

    async fn report(&self, path: &str, error_type: &'static str, message: &str) {
        let body = json!({"errorMessage": message, "errorType": error_type, "stackTrace": []});
        let request = self.client.post(self.url(path));
        let request = request
            .header(IDENTIFIER, self.identifier.clone())
            .header(ERROR_TYPE, error_type);
        let told = match self.in_time(as_json(request, body.to_string())).await {
            Ok(response) if response.status().is_success() => return,
            Ok(response) => refused(response).await,
            Err(error) => error,
        };
        let error = with_causes(&told);
        tracing::warn!(error, "Lambda cannot be told of the extension's error");
    }

    async fn in_time(&self, request: RequestBuilder) -> Result<Response, ApiError> {
        match tokio::time::timeout(CALL_MAX, request.send()).await {
            Ok(response) => response.map_err(|error| self.unanswered(error)),
            Err(_) => Err(ApiError::Timeout {
                address: self.address.clone(),
            }),
        }
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}/{path}", self.address)
    }

    fn unanswered(&self, source: reqwest::Error) -> ApiError {
        ApiError::Transport {
            address: self.address.clone(),
            source: source.without_url(),
        }
    }
}

fn as_json(request: RequestBuilder, body: String) -> RequestBuilder {
    let json = HeaderValue::from_static("application/json");
    request.header(CONTENT_TYPE, json).body(body)
}

/// The beginning of what the API says against it; there may be no answer's end to wait for.
async fn refused(mut response: Response) -> ApiError {
    const CHARACTERS_MAX: usize = 200;
    let status = response.status();
    let body = tokio::time::timeout(CALL_MAX, read_bounded(&mut response)).await;
    let body = body.ok().and_then(Result::ok).unwrap_or_default();
    let text = String::from_utf8_lossy(&body);
    let text = text.chars().filter(|each| !each.is_control());
    ApiError::Refused {
        status,
        text: text.take(CHARACTERS_MAX).collect(),
    }
}

/// The members of an event that matter here.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct EventBody {
    event_type: String,
    deadline_ms: u64,
    #[serde(default)]
    request_id: String,
    #[serde(default)]
    shutdown_reason: String,
}

fn parse(body: &[u8]) -> Result<Next, ApiError> {
    let what = "an event";
    let event: EventBody = serde_json::from_slice(body).map_err(|_| ApiError::Answer { what })?;
    let deadline = Duration::from_millis(event.deadline_ms);
    match event.event_type.as_str() {
        "INVOKE" => Ok(Next::Invoke {
            request_id: event.request_id,
            deadline,
        }),
        "SHUTDOWN" => Ok(Next::ShutDown {
            reason: event.shutdown_reason,
            deadline,
        }),
        _ => Err(ApiError::Answer {
            what: "a known type of event",
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_read_as_lambda_documents_them() {
        let invoke = br#"{"eventType":"INVOKE","deadlineMs":1676051031000,
            "requestId":"3da1f2dc-3222-475e-9205-e2e6c6318895",
            "invokedFunctionArn":"arn:aws:lambda:us-east-1:123456789012:function:ExtensionTest",
            "tracing":{"type":"X-Amzn-Trace-Id","value":"Root=1-5;Parent=7;Sampled=1"}}"#;
        let deadline = Duration::from_millis(1_676_051_031_000);
        let request_id = "3da1f2dc-3222-475e-9205-e2e6c6318895".to_owned();
        let expected = Next::Invoke {
            request_id,
            deadline,
        };
        assert_eq!(parse(invoke).unwrap(), expected);
        let shutdown =
            br#"{"eventType":"SHUTDOWN","shutdownReason":"SPINDOWN","deadlineMs":1676051031000}"#;
        let reason = "SPINDOWN".to_owned();
        let expected = Next::ShutDown { reason, deadline };
        assert_eq!(parse(shutdown).unwrap(), expected);
    }

    #[test]
    fn what_is_no_event_is_refused_with_what_it_lacks() {
        let cases: [(&[u8], &str); 5] = [
            (b"", "answer without an event"),
            (b"[]", "answer without an event"),
            (b"{\"eventType\":\"INVOKE\"}", "answer without an event"),
            (
                b"{\"eventType\":\"INVOKE\",\"deadlineMs\":-1}",
                "answer without an event",
            ),
            (
                b"{\"eventType\":\"SNAP\",\"deadlineMs\":1}",
                "answer without a known type of event",
            ),
        ];
        for (body, message) in cases {
            assert_eq!(parse(body).unwrap_err().to_string(), message, "{body:?}");
        }
    }
}
