//! Takes Lambda's telemetry events and notes which request the function was done with last.
//!
//! Plain HTTP/1.1. Lambda sends to `sandbox.localdomain`, a name that only its environments have;
//! elsewhere the loopback address stands for it. Bounds: 16 connections, more wait in the kernel; 2 MiB
//! a batch. Connections have no time limit: after a thaw it would be over, and an event be lost.
//! Source: AWS Lambda developer guide, Telemetry API event schema.

use std::convert::Infallible;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Empty, Limited};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use serde::Deserialize;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};

/// How Lambda calls the environment from within.
const SANDBOX: &str = "sandbox.localdomain";

/// For that name to be found; in Lambda it stands in a file.
const RESOLVE_MAX: Duration = Duration::from_millis(500);

/// Twice what Lambda collects, which is 1 MiB at most.
const BATCH_BYTES_MAX: usize = 2 << 20;

const CONNECTIONS_MAX: usize = 16;

/// The pause after a connection could not be taken: trying at once would fail at once.
const ERROR_PAUSE: Duration = Duration::from_millis(100);

/// Listens on a free port; the URI is what Lambda is to send to.
pub(super) async fn listen() -> std::io::Result<(TcpListener, String)> {
    let found = tokio::time::timeout(RESOLVE_MAX, tokio::net::lookup_host((SANDBOX, 0))).await;
    let found = found.ok().and_then(Result::ok);
    if let Some(address) = found.and_then(|mut found| found.find(SocketAddr::is_ipv4))
        // Outside Lambda the name may be somebody else's.
        && let Ok(listener) = TcpListener::bind(address).await
    {
        let port = listener.local_addr()?.port();
        return Ok((listener, format!("http://{SANDBOX}:{port}")));
    }
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let address = listener.local_addr()?;
    Ok((listener, format!("http://{address}")))
}

/// Takes events for as long as the process lives.
pub(super) async fn serve(listener: TcpListener, done: watch::Sender<String>) {
    let (done, places) = (Arc::new(done), Arc::new(Semaphore::new(CONNECTIONS_MAX)));
    loop {
        let Ok(place) = Arc::clone(&places).acquire_owned().await else {
            return;
        };
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                tracing::warn!(%error, "Telemetry connection cannot be taken");
                tokio::time::sleep(ERROR_PAUSE).await;
                continue;
            }
        };
        let done = Arc::clone(&done);
        tokio::spawn(async move {
            let service = service_fn(|request| answer(request, &done));
            let connection = hyper::server::conn::http1::Builder::new();
            let served = connection.serve_connection(TokioIo::new(stream), service);
            if let Err(error) = served.await {
                tracing::debug!(%error, "Telemetry connection ended early");
            }
            drop(place);
        });
    }
}

async fn answer(
    request: Request<Incoming>,
    done: &watch::Sender<String>,
) -> Result<Response<Empty<Bytes>>, Infallible> {
    let body = Limited::new(request.into_body(), BATCH_BYTES_MAX);
    let status = match body.collect().await {
        Ok(body) => match last_done(&body.to_bytes()) {
            Ok(Some(request_id)) => {
                done.send_replace(request_id);
                StatusCode::OK
            }
            Ok(None) => StatusCode::OK,
            Err(error) => {
                tracing::debug!(%error, "Telemetry is unreadable");
                StatusCode::BAD_REQUEST
            }
        },
        Err(error) => {
            tracing::debug!(%error, "Telemetry did not arrive");
            StatusCode::BAD_REQUEST
        }
    };
    let mut answer = Response::new(Empty::new());
    *answer.status_mut() = status;
    Ok(answer)
}

/// An event; what a record holds depends on the type.
#[derive(Deserialize)]
struct Event {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    record: Value,
}

/// The request of the last `platform.runtimeDone` in a batch, however the function ended.
fn last_done(batch: &[u8]) -> Result<Option<String>, serde_json::Error> {
    let events: Vec<Event> = serde_json::from_slice(batch)?;
    let mut done = events
        .iter()
        .rev()
        .filter(|event| event.kind == "platform.runtimeDone");
    Ok(done
        .find_map(|event| event.record.get("requestId")?.as_str())
        .map(str::to_owned))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_the_runtime_is_found_among_other_events() {
        let batch = br#"[
            {"time":"2022-10-12T00:00:15.064Z","type":"platform.start",
             "record":{"requestId":"6d67","version":"$LATEST"}},
            {"time":"2022-10-12T00:01:15.000Z","type":"platform.runtimeDone",
             "record":{"requestId":"6d68","status":"success",
              "metrics":{"durationMs":140.0,"producedBytes":16}}},
            {"time":"2022-10-12T00:03:50.000Z","type":"function","record":"[INFO] Hello"},
            {"time":"2022-10-12T00:03:51.000Z","type":"platform.something"}
        ]"#;
        assert_eq!(last_done(batch).unwrap().as_deref(), Some("6d68"));
        let failed = br#"[{"type":"platform.runtimeDone",
            "record":{"requestId":"6d69","status":"timeout"}}]"#;
        assert_eq!(last_done(failed).unwrap().as_deref(), Some("6d69"));
    }

    #[test]
    fn a_batch_without_it_tells_nothing_and_what_is_no_batch_is_an_error() {
        for batch in ["[]", r#"[{"type":"platform.runtimeDone","record":7}]"#] {
            assert_eq!(last_done(batch.as_bytes()).unwrap(), None, "{batch}");
        }
        for batch in ["", "{}", "[7]", r#"[{"record":{}}]"#] {
            assert!(last_done(batch.as_bytes()).is_err(), "{batch}");
        }
    }
}
