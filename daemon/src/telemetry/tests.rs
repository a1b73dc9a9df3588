//! Records against a small HTTP server. The minute is shortened; nothing is timed.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, Mutex};

use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpListener;

use super::*;
use crate::config::{Config, Destination};
use crate::shutdown;

/// Far beyond what any wait here takes on a busy machine.
const DEADLINE: Duration = Duration::from_secs(60);

/// Remembers every call and answers with the status of the moment.
#[derive(Clone)]
struct Sink {
    address: SocketAddr,
    status: Arc<AtomicU16>,
    calls: Arc<Mutex<Vec<(String, HeaderMap, Value)>>>,
}

impl Sink {
    async fn start(status: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let sink = Self {
            address: listener.local_addr().unwrap(),
            status: Arc::new(AtomicU16::new(status)),
            calls: Arc::default(),
        };
        let serving = sink.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let sink = serving.clone();
                let service = service_fn(move |request| {
                    let sink = sink.clone();
                    async move { Ok::<_, Infallible>(sink.answer(request).await) }
                });
                let connection = hyper::server::conn::http1::Builder::new()
                    .serve_connection(TokioIo::new(stream), service);
                tokio::spawn(connection);
            }
        });
        sink
    }

    async fn answer(&self, request: Request<Incoming>) -> Response<Full<Bytes>> {
        let line = format!("{} {}", request.method(), request.uri().path());
        let headers = request.headers().clone();
        let body = request.into_body().collect().await.unwrap().to_bytes();
        let body = serde_json::from_slice(&body).unwrap();
        self.calls.lock().unwrap().push((line, headers, body));
        let mut response = Response::new(Full::new(Bytes::from_static(b"{}")));
        *response.status_mut() = self.status.load(Ordering::SeqCst).try_into().unwrap();
        response
    }

    /// The counts of received segments in each call's records.
    fn received_counts(&self) -> Vec<Vec<u64>> {
        let calls = self.calls.lock().unwrap();
        let counts = |body: &Value| {
            let records = body["TelemetryRecords"].as_array().unwrap();
            let count = |record: &Value| record["SegmentsReceivedCount"].as_u64().unwrap();
            records.iter().map(count).collect()
        };
        calls.iter().map(|(_, _, body)| counts(body)).collect()
    }
}

async fn telemetry(address: SocketAddr) -> Telemetry {
    drop(rustls::crypto::ring::default_provider().install_default());
    let destination = Destination {
        endpoint: Some(format!("http://{address}")),
        ..Destination::default()
    };
    let caller = Caller::new(&destination, &Config::default()).await.unwrap();
    let identity = Identity {
        hostname: "host".to_owned(),
        ..Identity::default()
    };
    Telemetry::new(caller, identity, 0)
}

fn received(received: u64) -> Counters {
    Counters {
        received,
        ..Counters::default()
    }
}

#[tokio::test]
async fn a_call_has_the_path_and_headers_of_aws() {
    let sink = Sink::start(200).await;
    telemetry(sink.address).await.last(received(3)).await;
    let calls = sink.calls.lock().unwrap();
    let [(line, headers, body)] = calls.as_slice() else {
        panic!("not one call: {calls:?}");
    };
    assert_eq!(line, "POST /TelemetryRecords");
    assert_eq!(headers.get(CONTENT_TYPE).unwrap(), "application/json");
    let time = headers.get("x-amzn-xray-timestamp").unwrap();
    let (seconds, nanos) = time.to_str().unwrap().split_once('.').unwrap();
    assert!(seconds.parse::<u64>().unwrap() > 1_700_000_000);
    assert_eq!(nanos.len(), 9);
    assert_eq!(body["Hostname"], "host");
    let records = body["TelemetryRecords"].as_array().unwrap();
    assert_eq!(records.len(), 1);
    assert_eq!(records[0]["SegmentsReceivedCount"], 3);
    assert!(records[0]["Timestamp"].as_f64().unwrap() > 1.7e9);
}

#[tokio::test]
async fn nothing_is_sent_before_the_first_datagram_and_then_zeros_too() {
    let sink = Sink::start(200).await;
    let mut telemetry = telemetry(sink.address).await;
    for counters in [received(0), received(0), received(2), received(2)] {
        telemetry.note(counters);
        assert!(!telemetry.send_oldest().await);
    }
    telemetry.last(received(3)).await;
    assert_eq!(sink.received_counts(), [vec![2], vec![0], vec![1]]);
}

#[tokio::test]
async fn a_daemon_that_received_nothing_sends_nothing_at_its_end() {
    let sink = Sink::start(200).await;
    telemetry(sink.address).await.last(received(0)).await;
    assert_eq!(sink.received_counts(), Vec::<Vec<u64>>::new());
}

#[tokio::test]
async fn failed_records_are_sent_again_ten_in_a_call_oldest_first() {
    let sink = Sink::start(503).await;
    let mut telemetry = telemetry(sink.address).await;
    let mut total = 0;
    for minute in 1..=12 {
        total += minute;
        telemetry.note(received(total));
        assert!(!telemetry.send_oldest().await);
    }
    sink.calls.lock().unwrap().clear();
    sink.status.store(200, Ordering::SeqCst);
    telemetry.last(received(total + 13)).await;
    let expected: [Vec<u64>; 2] = [(1..=10).collect(), (11..=13).collect()];
    assert_eq!(sink.received_counts(), expected);
    // Each failed call is in the record after it.
    let calls = sink.calls.lock().unwrap();
    let records = calls.iter().flat_map(|(_, _, body)| {
        let records = body["TelemetryRecords"].as_array().unwrap();
        records.iter().map(|record| {
            let errors = &record["BackendConnectionErrors"];
            errors["HTTPCode5XXCount"].as_u64().unwrap()
        })
    });
    let failed: Vec<u64> = records.collect();
    assert_eq!(failed, [[0].as_slice(), [1; 12].as_slice()].concat());
}

#[tokio::test]
async fn thirty_records_wait_and_the_oldest_is_dropped_for_the_next() {
    let sink = Sink::start(200).await;
    let mut telemetry = telemetry(sink.address).await;
    let mut total = 0;
    for minute in 1..=32 {
        total += minute;
        telemetry.note(received(total));
    }
    assert_eq!(telemetry.waiting.len(), RECORDS_MAX);
    while telemetry.send_oldest().await {}
    let expected: [Vec<u64>; 3] = [(3..=12).collect(), (13..=22).collect(), (23..=32).collect()];
    assert_eq!(sink.received_counts(), expected);
}

#[tokio::test]
async fn a_destination_that_refuses_the_connection_is_counted_as_such() {
    // Bound and not listening: connections are refused, and nobody else gets the port.
    let reserved =
        socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    let any: SocketAddr = "127.0.0.1:0".parse().unwrap();
    reserved.bind(&any.into()).unwrap();
    let address = reserved.local_addr().unwrap().as_socket().unwrap();
    let mut telemetry = telemetry(address).await;
    telemetry.last(received(1)).await;
    let mut expected = BackendConnectionErrors::default();
    expected.count(Failure::ConnectionRefused);
    assert_eq!(telemetry.errors, expected);
    assert_eq!(telemetry.waiting.len(), 1, "kept");
}

#[tokio::test]
async fn a_destination_that_never_answers_does_not_hold_up_the_stop() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut telemetry = telemetry(listener.local_addr().unwrap()).await;
    let ended = tokio::time::timeout(DEADLINE, telemetry.last(received(1))).await;
    assert_eq!(ended, Ok(()));
    assert_eq!(telemetry.waiting.len(), 1);
}

#[tokio::test]
async fn the_loop_sends_a_record_per_interval_until_the_daemon_stops() {
    let sink = Sink::start(200).await;
    let mut telemetry = telemetry(sink.address).await;
    telemetry.interval = Duration::from_millis(1);
    let (phases, watch) = shutdown::phases();
    let running = tokio::spawn(telemetry.run(|| received(5), watch));
    let three = async {
        while sink.calls.lock().unwrap().len() < 3 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(DEADLINE, three).await.unwrap();
    phases.enter(Phase::Stopping);
    let mut telemetry = tokio::time::timeout(DEADLINE, running)
        .await
        .unwrap()
        .unwrap();
    let before = sink.calls.lock().unwrap().len();
    telemetry.last(received(6)).await;
    let counts = sink.received_counts();
    assert_eq!(counts.len(), before + 1);
    assert_eq!(counts.first(), Some(&vec![5]));
    assert_eq!(counts.get(1), Some(&vec![0]));
    assert_eq!(counts.last(), Some(&vec![1]));
}
