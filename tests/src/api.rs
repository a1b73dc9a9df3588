//! A client of the X-Ray API that checks what every answer must have, so that no test forgets.

use std::net::SocketAddr;
use std::sync::Once;

use reqwest::blocking::{Client, Response};
use serde_json::{Value, json};

use crate::DEADLINE;

/// The API at one address.
pub struct Api {
    client: Client,
    address: SocketAddr,
}

/// An answer: status, error name if there is one, body.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// `x-amzn-ErrorType`.
    pub error: Option<String>,
    /// The body.
    pub body: Value,
}

impl Api {
    /// A client for this address.
    pub fn new(address: SocketAddr) -> Self {
        let client = http();
        Self { client, address }
    }

    /// Sends a body as it is and returns the answer; `None` when the connection breaks.
    pub fn try_post(&self, path: &str, body: impl Into<reqwest::blocking::Body>) -> Option<Answer> {
        let url = format!("http://{}{path}", self.address);
        let response = self
            .client
            .post(url)
            .header("Content-Type", "application/json")
            .body(body);
        answer(response.send().ok()?)
    }

    /// Sends a JSON body and returns the answer.
    #[track_caller]
    pub fn post(&self, path: &str, body: &Value) -> Answer {
        self.try_post(path, body.to_string())
            .unwrap_or_else(|| panic!("no answer from {path}"))
    }

    /// Sends a JSON body and returns the body of the answer, which has to be a success.
    #[track_caller]
    pub fn ok(&self, path: &str, body: &Value) -> Value {
        let answer = self.post(path, body);
        assert_eq!(answer.status, 200, "{path} {body}: {answer:?}");
        answer.body
    }

    /// PutTraceSegments; returns `UnprocessedTraceSegments`.
    #[track_caller]
    pub fn put(&self, documents: &[String]) -> Value {
        let body = json!({"TraceSegmentDocuments": documents});
        self.ok("/TraceSegments", &body)["UnprocessedTraceSegments"].clone()
    }

    /// BatchGetTraces for any number of ids; documents are parsed. Unknown ids are left out.
    #[track_caller]
    pub fn traces(&self, ids: &[String]) -> Vec<Value> {
        let mut traces = Vec::new();
        for five in ids.chunks(5) {
            let mut answer = self.ok("/Traces", &json!({"TraceIds": five}));
            for trace in answer["Traces"].as_array_mut().expect("a list") {
                for segment in trace["Segments"].as_array_mut().expect("a list") {
                    let document = segment["Document"].as_str().expect("text");
                    segment["Document"] = serde_json::from_str(document).expect("JSON");
                }
                traces.push(trace.take());
            }
        }
        traces
    }

    /// All pages of GetTraceSummaries.
    #[track_caller]
    pub fn summaries(&self, start: f64, end: f64) -> Vec<Value> {
        let mut summaries = Vec::new();
        let mut token = Value::Null;
        loop {
            let request = json!({"StartTime": start, "EndTime": end, "NextToken": token});
            let mut page = self.ok("/TraceSummaries", &request);
            summaries.append(page["TraceSummaries"].as_array_mut().expect("a list"));
            token = page["NextToken"].take();
            if token.is_null() {
                return summaries;
            }
        }
    }
}

/// An HTTP client that waits for any answer as long as a test does.
pub fn http() -> Client {
    static PROVIDER: Once = Once::new();
    PROVIDER.call_once(|| {
        rustls::crypto::ring::default_provider()
            .install_default()
            .expect("the first one");
    });
    let client = Client::builder().timeout(DEADLINE);
    client.build().expect("a client")
}

/// Checks what every answer must have (`spec/api.md` sections 1.1 and 1.5).
fn answer(response: Response) -> Option<Answer> {
    let status = response.status().as_u16();
    let header = |name: &str| {
        response
            .headers()
            .get(name)
            .map(|value| value.to_str().expect("text").to_owned())
    };
    let id = header("x-amzn-RequestId").expect("a request id");
    assert_eq!(
        (id.len(), id.matches('-').count()),
        (36, 4),
        "request id {id}"
    );
    assert_eq!(header("Content-Type").as_deref(), Some("application/json"));
    let error = header("x-amzn-ErrorType");
    let body: Value = serde_json::from_str(&response.text().ok()?).expect("a JSON body");
    assert!(body.is_object(), "{body}");
    if status == 200 {
        assert_eq!(error, None);
    } else {
        assert_eq!(body["__type"].as_str(), error.as_deref(), "{body}");
        assert!(body["Message"].is_string(), "{body}");
    }
    Some(Answer {
        status,
        error,
        body,
    })
}
