//! Framed segments over HTTP: offered by every answer, refused by name, and otherwise no different
//! from JSON, shown by every recording sent both ways.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

mod client;
mod support;

use std::collections::BTreeSet;

use radiograph_collector::metrics::Snapshot;
use radiograph_proto_fixtures::recordings;
use radiograph_protocol::framing;
use serde_json::{Value, json};

use client::{Answer, post};
use support::{Running, TRACE, framed, noise, segment, zstd};

const OFFER: &str = "framed-v1;documents=1000;bytes=8388608";
const MEDIA_TYPE: (&str, &str) = ("Content-Type", "application/vnd.radiograph.segments.v1");
const ZSTD: (&str, &str) = ("Content-Encoding", "zstd");

fn put_framed(to: &Running, documents: &[&[u8]]) -> Answer {
    let body = zstd(&framed(documents));
    post(to.address(), "/TraceSegments", &[MEDIA_TYPE, ZSTD], &body)
}

/// What a daemon sends to those who do not take framed bodies.
fn put_json(to: &Running, documents: &[&[u8]]) -> Answer {
    let texts = documents.iter().map(|d| String::from_utf8_lossy(d));
    let body = json!({"TraceSegmentDocuments": texts.collect::<Vec<_>>()});
    to.post("/TraceSegments", &body)
}

#[tokio::test(flavor = "multi_thread")]
async fn every_answer_offers_to_take_framed_segments_errors_too() {
    let collector = Running::start().await;
    let rows = [
        (
            "/TraceSegments",
            json!({"TraceSegmentDocuments": [segment(1)]}),
            200,
        ),
        ("/TraceSegments", json!([]), 400),
        ("/GetSamplingRules", json!({}), 200),
        ("/GetSamplingRules", json!(5), 400),
        (
            "/SamplingTargets",
            json!({"SamplingStatisticsDocuments": []}),
            200,
        ),
        ("/SamplingTargets", json!({}), 400),
        ("/TelemetryRecords", json!({"TelemetryRecords": []}), 200),
        ("/TelemetryRecords", json!({}), 400),
        ("/Nonsense", json!({}), 404),
    ];
    for (path, body, status) in rows {
        let answer = collector.post(path, &body);
        let seen = (answer.status, answer.offer.as_deref());
        assert_eq!(seen, (status, Some(OFFER)), "{path} {body}: {answer:?}");
    }
    collector.stop().await;
}

/// A row: name, path, headers, body; status and error name.
type Refused<'a> = (&'a str, &'a str, client::Headers<'a>, Vec<u8>, u16, &'a str);

#[tokio::test(flavor = "multi_thread")]
#[rustfmt::skip]
async fn every_refused_body_has_the_error_its_daemon_expects() {
    let collector = Running::start().await;
    let one = segment(1);
    let good = framed(&[one.as_bytes()]);
    let (serialization, media) = ("SerializationException", "UnsupportedMediaTypeException");
    let invalid = "InvalidRequestException";
    let v2 = ("Content-Type", "application/vnd.radiograph.segments.v2");
    let brotli = ("Content-Encoding", "br");
    let path = "/TraceSegments";
    let torn = good[..good.len() - 1].to_vec();
    let bomb = zstd(&vec![0; framing::BODY_BYTES_MAX + 1]);
    let too_large = zstd(&noise(framing::BODY_BYTES_MAX + 1, 0));
    let too_many = zstd(&framed(&[one.as_bytes(); framing::DOCUMENTS_MAX + 1]));
    let large = vec![0; framing::BODY_BYTES_MAX + 1];
    let rows: [Refused<'_>; 11] = [
        ("another version", path, &[v2], good.clone(), 415, media),
        ("another encoding", path, &[MEDIA_TYPE, brotli], good.clone(), 415, media),
        ("another operation", "/GetSamplingRules", &[MEDIA_TYPE], good.clone(), 415, media),
        ("not zstd", path, &[MEDIA_TYPE, ZSTD], good.clone(), 400, serialization),
        ("torn", path, &[MEDIA_TYPE], torn, 400, serialization),
        ("framed, but not said", path, &[], good.clone(), 400, serialization),
        ("no documents", path, &[MEDIA_TYPE], Vec::new(), 400, invalid),
        ("1001 documents", path, &[MEDIA_TYPE, ZSTD], too_many, 400, invalid),
        ("a bomb", path, &[MEDIA_TYPE, ZSTD], bomb, 400, serialization),
        ("too large decompressed", path, &[MEDIA_TYPE, ZSTD], too_large, 413, "RequestEntityTooLarge"),
        ("too large as sent", path, &[MEDIA_TYPE], large, 413, "RequestEntityTooLarge"),
    ];
    for (row, path, headers, body, status, error) in rows {
        let answer = post(collector.address(), path, headers, &body);
        let seen = (
            answer.status,
            answer.error.as_deref(),
            answer.offer.as_deref(),
        );
        assert_eq!(
            seen,
            (status, Some(error), Some(OFFER)),
            "{row}: {answer:?}"
        );
    }
    let counters = collector.metrics();
    let nothing_was_taken = Snapshot {
        requests: counters.requests.clone(),
        body_bytes: counters.body_bytes,
        ..Snapshot::default()
    };
    assert_eq!(counters, nothing_was_taken);
    collector.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_documents_are_taken_in_one_call_and_json_keeps_its_fifty() {
    let collector = Running::start().await;
    let all: Vec<String> = (1..=1000).map(segment).collect();
    let all: Vec<&[u8]> = all.iter().map(String::as_bytes).collect();
    let answer = put_framed(&collector, &all);
    assert_eq!(answer.body, json!({"UnprocessedTraceSegments": []}));
    assert_eq!(collector.metrics().accepted, 1000);
    let refused = put_json(&collector, &all[..51]);
    let message = &refused.body["Message"];
    assert_eq!(message, "Exceeding maximum segment count: 50");
    // an array counts as its elements
    let array = format!("[{}]", vec![segment(1); 1001].join(","));
    let refused = put_framed(&collector, &[array.as_bytes()]);
    let message = &refused.body["Message"];
    assert_eq!(message, "Exceeding maximum segment count: 1000");
    collector.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_largest_body_is_stored_even_when_each_of_its_bytes_becomes_three() {
    let collector = Running::start().await;
    let padded = |id| {
        let segment = segment(id);
        let open = segment.strip_suffix('}').unwrap();
        let mut document = format!("{open},\"metadata\":{{\"x\":\"").into_bytes();
        // bytes that are never part of UTF-8
        document.extend(noise(310_000 - document.len(), 0xf8));
        document.extend_from_slice(b"\"}}");
        document
    };
    let documents: Vec<Vec<u8>> = (1..=27).map(padded).collect();
    let documents: Vec<&[u8]> = documents.iter().map(Vec::as_slice).collect();
    let bytes = framed(&documents).len();
    assert!(bytes > framing::BODY_BYTES_MAX - 310_000 && bytes <= framing::BODY_BYTES_MAX);
    let answer = put_framed(&collector, &documents);
    assert_eq!(answer.body, json!({"UnprocessedTraceSegments": []}));
    assert_eq!(collector.metrics().accepted, 27);
    collector.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_documents_get_the_same_verdicts_in_both_forms() {
    let (plain, by_frames) = (Running::start().await, Running::start().await);
    let (before, after) = ("{\"name\":\"sh", segment(2).replace("{\"name\":\"sh", ""));
    let not_utf8 = [before.as_bytes(), b"\xff\xe2\x82", after.as_bytes()].concat();
    let array = format!("[{},{{}}]", segment(3));
    let odd: Vec<&[u8]> = vec![
        b"",
        b"not json",
        b"\xff\xfe",
        b"[]",
        b"T1S!",
        b"T1UAAAA",
        b"{\"id\":\"7\"}",
        array.as_bytes(),
        &not_utf8,
        b"\0",
    ];
    let answer = put_json(&plain, &odd);
    assert_eq!(put_framed(&by_frames, &odd), answer);
    let refused = answer.body["UnprocessedTraceSegments"].as_array().unwrap();
    assert_eq!(refused.len(), 9, "{refused:?}");
    let traces = by_frames.traces(&[TRACE.to_owned()]);
    assert!(
        traces.to_string().contains("sh\u{fffd}\u{fffd}"),
        "{traces}"
    );
    assert_eq!(traces, plain.traces(&[TRACE.to_owned()]));
    assert_eq!(documents_counted(&by_frames), documents_counted(&plain));
    plain.stop().await;
    by_frames.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_recording_is_answered_and_stored_alike_in_both_forms() {
    let (plain, by_frames) = (Running::start().await, Running::start().await);
    let (mut trace_ids, mut accepted) = (BTreeSet::new(), 0);
    for recording in recordings() {
        let bodies = recording.datagrams.iter();
        let bodies: Vec<&[u8]> = bodies
            .map(|datagram| radiograph_protocol::datagram::split(datagram.as_bytes()).unwrap())
            .collect();
        for bodies in bodies.chunks(50) {
            let answer = put_json(&plain, bodies);
            assert_eq!(answer.status, 200, "{}: {answer:?}", recording.name);
            assert_eq!(put_framed(&by_frames, bodies), answer, "{}", recording.name);
        }
        let texts = bodies.iter().map(|body| std::str::from_utf8(body).unwrap());
        for document in texts.filter_map(|text| radiograph_protocol::segment::parse(text).ok()) {
            trace_ids.insert(document.trace_id.to_string());
            accepted += 1;
        }
    }
    assert!(accepted > 200, "only {accepted} documents were sent");
    assert_eq!(documents_counted(&by_frames), documents_counted(&plain));
    assert!(plain.metrics().accepted >= accepted);
    let trace_ids: Vec<String> = trace_ids.into_iter().collect();
    for ids in trace_ids.chunks(5) {
        let traces = plain.traces(ids);
        assert_eq!(traces.as_array().unwrap().len(), ids.len(), "{ids:?}");
        assert_eq!(by_frames.traces(ids), traces);
    }
    plain.stop().await;
    by_frames.stop().await;
}

/// The counters of documents; those of settling depend on the moment.
fn documents_counted(collector: &Running) -> Value {
    let Snapshot {
        accepted,
        rejected,
        unsampled_otlp,
        ..
    } = collector.metrics();
    json!([accepted, rejected, unsampled_otlp])
}
