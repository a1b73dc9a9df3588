//! The X-Ray API of the collector under test.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use reqwest::StatusCode;
use serde_json::Value;

use crate::books::Books;

const CALL_MAX: Duration = Duration::from_secs(30);

/// A client that keeps the books of its calls.
#[derive(Debug, Clone)]
pub(crate) struct Api {
    client: reqwest::Client,
    base: String,
    books: Arc<Books>,
}

/// What a call came to.
pub(crate) enum Answer {
    Good(Value),
    /// To be tried again.
    Throttled,
    /// Not answered; entered into the books already.
    Failed,
}

impl Api {
    pub(crate) fn new(address: SocketAddr, books: Arc<Books>) -> Self {
        Self {
            client: reqwest::Client::new(),
            base: format!("http://{address}"),
            books,
        }
    }

    /// Calls an operation.
    pub(crate) async fn call(&self, path: &str, body: &Value) -> Answer {
        let mark = self.books.mark();
        match self.try_call(path, body).await {
            Ok((StatusCode::OK, answer)) => Answer::Good(answer),
            Ok((StatusCode::TOO_MANY_REQUESTS, _)) => Answer::Throttled,
            Ok((status, answer)) => {
                let failed = || format!("{path} answered {status}: {answer}");
                self.books.failed(mark, failed);
                Answer::Failed
            }
            Err(error) => {
                self.books.failed(mark, || format!("{path}: {error:?}"));
                Answer::Failed
            }
        }
    }

    async fn try_call(&self, path: &str, body: &Value) -> reqwest::Result<(StatusCode, Value)> {
        let call = self.client.post(format!("{}{path}", self.base));
        let call = call.timeout(CALL_MAX).body(body.to_string());
        let answer = call.send().await?;
        let status = answer.status();
        let bytes = answer.bytes().await?;
        let text = String::from_utf8_lossy(&bytes);
        let value = serde_json::from_str(&text);
        Ok((status, value.unwrap_or_else(|_| Value::from(text))))
    }
}
