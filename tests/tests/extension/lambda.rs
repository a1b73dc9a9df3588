//! A stand-in for Lambda's Extensions API (2020-01-01) and Telemetry API (2022-07-01), as the developer
//! guide describes them, and for the function: what it is asked, and what it tells.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use radiograph_tests::{DEADLINE, eventually, now};
use serde_json::{Value, json};

use crate::http::{Answer, Request, post, serve};

const IDENTIFIER: &str = "11111111-2222-4333-8444-555555555555";

/// What this Lambda is like.
#[derive(Clone, Copy)]
pub(crate) enum Kind {
    /// As AWS's.
    Whole,
    /// As AWS's runtime interface emulator: the Telemetry API answers 202 and does nothing.
    WithoutTelemetry,
    /// Takes a subscription and never tells anything.
    Silent,
    /// Refuses to register.
    Refusing,
    /// Registers, and fails at the first question for an event.
    Failing,
}

#[derive(Default)]
struct State {
    registered: Option<(String, Value)>,
    telemetry: Option<String>,
    /// Events that nobody has asked for yet.
    events: VecDeque<Value>,
    /// What the probe saw each time when the next event was asked for.
    asked: Vec<usize>,
    reports: Vec<(String, String, Value)>,
}

/// Lambda's side of one environment.
pub(crate) struct Lambda {
    pub(crate) address: SocketAddr,
    shared: Arc<(Mutex<State>, Condvar)>,
}

impl Lambda {
    /// Serves; `probe` is asked at each question for the next event, before it is answered.
    pub(crate) fn start(kind: Kind, probe: impl Fn() -> usize + Send + Sync + 'static) -> Self {
        let shared = Arc::<(Mutex<State>, Condvar)>::default();
        let handler = Arc::clone(&shared);
        let address = serve(move |request| answer(kind, &request, &handler, &probe));
        Self { address, shared }
    }

    /// Hands out an invocation of a function that may take so long.
    pub(crate) fn invoke(&self, request_id: &str, timeout_seconds: f64) {
        self.event(json!({
            "eventType": "INVOKE",
            "deadlineMs": millis(now() + timeout_seconds),
            "requestId": request_id,
            "invokedFunctionArn": "arn:aws:lambda:us-east-1:123456789012:function:f",
            "tracing": {"type": "X-Amzn-Trace-Id", "value": "Root=1-1-1;Parent=2;Sampled=1"},
        }));
    }

    /// Takes the environment down.
    pub(crate) fn shut_down(&self) {
        self.event(json!({
            "eventType": "SHUTDOWN",
            "shutdownReason": "SPINDOWN",
            "deadlineMs": millis(now() + 2.0),
        }));
    }

    fn event(&self, event: Value) {
        self.shared.0.lock().unwrap().events.push_back(event);
        self.shared.1.notify_all();
    }

    /// Tells that the function is done, among other events.
    pub(crate) fn tell_done(&self, request_id: &str) {
        let uri = self.shared.0.lock().unwrap().telemetry.clone().unwrap();
        let events = json!([
            {"time": "2026-11-22T00:00:00.000Z", "type": "platform.start",
             "record": {"requestId": request_id, "version": "$LATEST"}},
            {"time": "2026-11-22T00:00:00.100Z", "type": "platform.runtimeDone",
             "record": {"requestId": request_id, "status": "success",
                        "metrics": {"durationMs": 100.0, "producedBytes": 2}}},
        ]);
        let address = uri.strip_prefix("http://").unwrap();
        assert_eq!(post(address, &events.to_string()), "HTTP/1.1 200 OK");
    }

    /// Waits until the next event was asked for so many times; what the probe saw the last time.
    pub(crate) fn asked(&self, times: usize) -> usize {
        eventually(&format!("question {times} for the next event"), || {
            let state = self.shared.0.lock().unwrap();
            state.asked.get(times - 1).copied()
        })
    }

    /// How often the next event was asked for.
    pub(crate) fn times_asked(&self) -> usize {
        self.shared.0.lock().unwrap().asked.len()
    }

    /// Name and events it registered with.
    pub(crate) fn registered(&self) -> Option<(String, Value)> {
        self.shared.0.lock().unwrap().registered.clone()
    }

    /// Whether it subscribed to telemetry.
    pub(crate) fn is_subscribed(&self) -> bool {
        self.shared.0.lock().unwrap().telemetry.is_some()
    }

    /// Path, type and body of each error it reported.
    pub(crate) fn reports(&self) -> Vec<(String, String, Value)> {
        self.shared.0.lock().unwrap().reports.clone()
    }
}

fn answer(
    kind: Kind,
    request: &Request,
    shared: &(Mutex<State>, Condvar),
    probe: &dyn Fn() -> usize,
) -> Answer {
    let plain = |status: u16, body: Value| Answer(status, Vec::new(), body.to_string());
    let body = || serde_json::from_slice::<Value>(&request.body).unwrap();
    let line = request.line.as_str();
    if line == "POST /2020-01-01/extension/register" {
        if matches!(kind, Kind::Refusing) {
            return plain(403, json!({"errorType": "Extension.NoSuchExtension"}));
        }
        let name = request.header("lambda-extension-name").to_owned();
        shared.0.lock().unwrap().registered = Some((name, body()["events"].clone()));
        let identifier = ("Lambda-Extension-Identifier", IDENTIFIER.to_owned());
        let function = json!({"functionName": "f", "functionVersion": "$LATEST", "handler": "h"});
        return Answer(200, vec![identifier], function.to_string());
    }
    if request.header("lambda-extension-identifier") != IDENTIFIER {
        return plain(
            403,
            json!({"errorType": "Extension.UnknownExtensionIdentifier"}),
        );
    }
    match line {
        "PUT /2022-07-01/telemetry" => subscribe(kind, &body(), shared),
        "GET /2020-01-01/extension/event/next" if matches!(kind, Kind::Failing) => {
            plain(500, json!({"errorType": "Container.Error"}))
        }
        "GET /2020-01-01/extension/event/next" => {
            let seen = probe();
            let mut state = shared.0.lock().unwrap();
            state.asked.push(seen);
            loop {
                if let Some(event) = state.events.pop_front() {
                    return plain(200, event);
                }
                let waited = shared.1.wait_timeout(state, DEADLINE).unwrap();
                state = waited.0;
                assert!(
                    !waited.1.timed_out(),
                    "the test has ended without a SHUTDOWN"
                );
            }
        }
        "POST /2020-01-01/extension/init/error" | "POST /2020-01-01/extension/exit/error" => {
            let (_, path) = line.rsplit_once("extension/").unwrap();
            let error_type = request.header("lambda-extension-function-error-type");
            let report = (path.to_owned(), error_type.to_owned(), body());
            shared.0.lock().unwrap().reports.push(report);
            plain(202, json!({"status": "OK"}))
        }
        _ => plain(404, json!({"message": line})),
    }
}

fn subscribe(kind: Kind, body: &Value, shared: &(Mutex<State>, Condvar)) -> Answer {
    if matches!(kind, Kind::WithoutTelemetry) {
        let body = json!({
            "errorMessage": "Telemetry API is not supported",
            "errorType": "Telemetry.NotSupported",
        });
        return Answer(202, Vec::new(), body.to_string());
    }
    assert_eq!(body["schemaVersion"], "2022-07-01");
    assert_eq!(body["types"], json!(["platform"]));
    assert_eq!(body["destination"]["protocol"], "HTTP");
    let uri = body["destination"]["URI"].as_str().unwrap().to_owned();
    shared.0.lock().unwrap().telemetry = Some(uri);
    Answer(200, Vec::new(), "\"OK\"".to_owned())
}

fn millis(seconds: f64) -> u64 {
    u64::try_from(Duration::from_secs_f64(seconds).as_millis()).unwrap()
}
