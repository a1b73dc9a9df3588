//! Flags and cause (section 5); stack traces by themselves are tested in `stack`.

use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use serde_json::{Value, json};

use super::build::{child, event, failed, only, only_of, root, with_events};

#[test]
fn the_http_status_wins_over_the_status_of_the_span() {
    // status, then error, throttle and fault without and with the span status ERROR
    let rows = [
        (json!(null), [false, false, false], [false, false, true]),
        (json!(200), [false, false, false], [false, false, true]),
        (json!(399), [false, false, false], [false, false, true]),
        (json!(400), [true, false, false], [true, false, false]),
        (json!("404"), [true, false, false], [true, false, false]),
        (json!(429), [true, true, false], [true, true, false]),
        (json!(499), [true, false, false], [true, false, false]),
        (json!(500), [false, false, true], [false, false, true]),
        (json!(599), [false, false, true], [false, false, true]),
        (json!(600), [false, false, false], [false, false, true]),
    ];
    for (status, plain, error) in rows {
        for key in ["http.status_code", "http.response.status_code"] {
            let span = root(SpanKind::Server, "x", json!({key: status}));
            for (span, expected) in [(span.clone(), plain), (failed(span, ""), error)] {
                let document = only(span);
                let flags = ["error", "throttle", "fault"].map(|flag| document[flag].clone());
                assert_eq!(flags, expected.map(Value::Bool), "{key} {status}");
            }
        }
    }
}

#[test]
fn every_exception_event_is_an_exception_with_an_id_of_its_own() {
    let boom = |kind| {
        event(
            "exception",
            json!({"exception.type": kind, "exception.message": "m"}),
        )
    };
    let events = vec![boom("A"), event("note", json!({})), boom("B")];
    let document = only(with_events(root(SpanKind::Server, "x", json!({})), events));
    let exceptions = document["cause"]["exceptions"].as_array().unwrap();
    let first = json!({"type": "A", "message": "m", "remote": false, "id": "64d0b8f8025913c7"});
    let second = json!({"type": "B", "message": "m", "remote": false, "id": "3adb6b492a9d3dcd"});
    assert_eq!(exceptions, &[first, second]);
    assert_eq!(document["fault"], false, "exceptions set no flag");
    let others = document["metadata"]["otel"]["events"].as_array().unwrap();
    assert_eq!(others.len(), 1);
    assert_eq!(others[0]["name"], "note");
}

#[test]
fn an_exception_is_remote_when_the_span_is_a_call() {
    let kinds = [
        (SpanKind::Client, true),
        (SpanKind::Producer, true),
        (SpanKind::Internal, false),
    ];
    for (kind, is_remote) in kinds {
        let events = vec![event("exception", json!({}))];
        let document = only(with_events(child(kind, "x", json!({})), events));
        let exception = &document["cause"]["exceptions"][0];
        assert_eq!(exception["remote"], is_remote, "{kind:?}");
        assert!(exception["type"].is_null() && exception["message"].is_null());
    }
}

#[test]
fn causes_in_a_stack_trace_are_linked() {
    let text = "a.A: outer\n\tat p.C.m(C.java:1)\nCaused by: b.B: inner\n\tat p.D.n(D.java:2)\n";
    let events = vec![
        event(
            "exception",
            json!({"exception.type": "a.A", "exception.stacktrace": text}),
        ),
        event("exception", json!({"exception.type": "c.C"})),
    ];
    let span = with_events(child(SpanKind::Client, "x", json!({})), events);
    let document = only_of(span, json!({"telemetry.sdk.language": "java"}));
    let exceptions = document["cause"]["exceptions"].as_array().unwrap();
    assert_eq!(exceptions.len(), 3);
    assert_eq!(exceptions[0]["cause"], exceptions[1]["id"]);
    let inner = json!([{"path": "D.java", "line": 2, "label": "p.D.n"}]);
    assert_eq!(exceptions[1]["stack"], inner);
    assert_eq!(
        (&exceptions[1]["type"], &exceptions[1]["message"]),
        (&json!("b.B"), &json!("inner"))
    );
    assert!(
        exceptions[1]["cause"].is_null(),
        "the next event is another matter"
    );
    assert_eq!(exceptions[1]["remote"], true);
    assert_ne!(exceptions[2]["id"], exceptions[1]["id"]);
    assert!(document["metadata"]["otel"]["events"].is_null());
}

#[test]
fn a_stack_trace_that_cannot_be_read_is_kept_with_its_event() {
    let text = "boom.rb:1:in `m'";
    for language in ["ruby", "java"] {
        let attributes = json!({"exception.type": "E", "exception.stacktrace": text});
        let events = vec![event("exception", attributes.clone())];
        let span = with_events(root(SpanKind::Server, "x", json!({})), events);
        let document = only_of(span, json!({"telemetry.sdk.language": language}));
        assert_eq!(document["cause"]["exceptions"][0]["type"], "E");
        assert!(document["cause"]["exceptions"][0]["stack"].is_null());
        let kept = &document["metadata"]["otel"]["events"][0];
        assert_eq!(kept["attributes"], attributes, "{language}");
    }
}

#[test]
fn failed_attempts_of_an_sdk_are_exceptions() {
    let attempt = json!({"http.response.status_code": 503, "aws.http.error_message": "slow down"});
    let events = vec![
        event("HTTP request failure", attempt.clone()),
        event(
            "HTTP request failure",
            json!({"http.response.status_code": 500}),
        ),
    ];
    let call = |system| {
        let span = child(SpanKind::Client, "x", json!({"rpc.system": system}));
        only(with_events(span, events.clone()))
    };
    let document = call("aws-api");
    let exceptions = document["cause"]["exceptions"].as_array().unwrap();
    assert_eq!(
        exceptions.len(),
        1,
        "an attempt without message is another event"
    );
    assert_eq!(exceptions[0]["type"], "aws.http.error.event");
    assert_eq!(exceptions[0]["message"], "503@1700000040.500000@slow down");
    assert_eq!(exceptions[0]["remote"], true);
    assert_eq!(
        document["metadata"]["otel"]["events"]
            .as_array()
            .unwrap()
            .len(),
        1
    );

    let other = call("grpc");
    assert!(other["cause"].is_null());
    assert_eq!(
        other["metadata"]["otel"]["events"]
            .as_array()
            .unwrap()
            .len(),
        2
    );
}

#[test]
fn the_status_message_stands_in_for_exceptions() {
    let text = json!({"http.status_text": "Bad Gateway"});
    let cause = |document: &Value| document["cause"]["exceptions"].clone();
    let document = only(failed(root(SpanKind::Server, "x", text.clone()), "broken"));
    assert_eq!(
        cause(&document),
        json!([{"message": "broken", "id": "64d0b8f8025913c7"}])
    );
    assert_eq!(document["metadata"]["default"], text, "not used, not lost");

    let document = only(failed(root(SpanKind::Server, "x", text.clone()), ""));
    assert_eq!(
        cause(&document),
        json!([{"message": "Bad Gateway", "id": "64d0b8f8025913c7"}])
    );
    assert!(document["metadata"]["default"].is_null());

    assert!(only(failed(root(SpanKind::Server, "x", json!({})), ""))["cause"].is_null());
    assert!(
        only(root(SpanKind::Server, "x", text))["cause"].is_null(),
        "no ERROR, no cause"
    );

    let events = vec![event("exception", json!({"exception.type": "E"}))];
    let span = with_events(root(SpanKind::Server, "x", json!({})), events);
    assert_eq!(cause(&only(failed(span, "broken")))[0]["type"], "E");
}
