//! Which documents a span becomes (sections 1, 2 and 9).

use opentelemetry_proto::tonic::trace::v1::Span;
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use serde_json::{Value, json};

use super::build::{START, TRACE, both, child, convert, hex, link, only, only_of, root};

#[test]
fn kind_parent_and_local_root_decide_what_a_span_becomes() {
    let (segment, subsegment) = (&["segment"][..], &["subsegment"][..]);
    let two = &["segment", "subsegment"][..];
    let rows = [
        // kind, as a root, under a parent, as local root under a parent
        (SpanKind::Server, segment, segment, segment),
        (SpanKind::Consumer, segment, segment, two),
        (SpanKind::Internal, segment, subsegment, segment),
        (SpanKind::Unspecified, segment, subsegment, two),
        (SpanKind::Client, two, subsegment, two),
        (SpanKind::Producer, two, subsegment, two),
    ];
    let types = |span| -> Vec<String> {
        let documents = convert(vec![span], json!({}));
        let types = documents.iter().map(|document| match &document["type"] {
            Value::String(kind) => kind.clone(),
            _ => "segment".to_owned(),
        });
        types.collect()
    };
    let local = json!({"aws.span.kind": "LOCAL_ROOT"});
    for (kind, as_root, under_parent, as_local_root) in rows {
        assert_eq!(types(root(kind, "x", json!({}))), as_root, "{kind:?}");
        assert_eq!(types(child(kind, "x", json!({}))), under_parent, "{kind:?}");
        let span = child(kind, "x", local.clone());
        assert_eq!(types(span), as_local_root, "{kind:?}");
    }
}

#[test]
fn another_span_kind_keeps_a_root_call_one_segment() {
    let span = root(SpanKind::Client, "x", json!({"aws.span.kind": "CLIENT"}));
    assert!(only(span)["type"].is_null());
}

#[test]
fn a_subsegment_has_the_ids_of_its_span_and_parent() {
    let document = only(child(SpanKind::Internal, "compute", json!({})));
    assert_eq!(document["trace_id"], TRACE);
    assert_eq!(document["id"], hex(0xa2));
    assert_eq!(document["parent_id"], hex(0xa1));
}

#[test]
fn a_service_segment_stands_between_the_parent_and_the_call() {
    let span = child(
        SpanKind::Client,
        "x",
        json!({"aws.span.kind": "LOCAL_ROOT"}),
    );
    let [service, call] = both(span);
    // first 16 digits of SHA-256 of "segment:1-6592008a-…:00000000000000a2"
    assert_eq!(service["id"], "b4ac43be8adaf27d");
    assert_eq!(service["parent_id"], hex(0xa1));
    assert_eq!(call["id"], hex(0xa2));
    assert_eq!(call["parent_id"], service["id"]);
    assert_eq!(call["namespace"], "remote");
    assert!(service["namespace"].is_null());
}

#[test]
fn a_service_segment_tells_nothing_of_the_call() {
    let attributes = json!({
        "http.method": "GET", "http.url": "http://pay/", "http.status_code": 500,
        "aws.operation": "Send", "aws.region": "eu-west-1", "aws.request_id": "r",
        "messaging.url": "https://queue", "aws.table_name": "t", "aws.s3.bucket": "b",
        "aws.remote.service": "pay", "aws.remote.operation": "charge", "remoteTarget": "x",
        "K8s.RemoteNamespace": "n", "tier": "gold", "plain": 1,
        "aws.xray.annotations": [
            "aws.remote.service", "aws.remote.operation", "remoteTarget",
            "K8s.RemoteNamespace", "tier"
        ],
    });
    let [service, call] = both(root(SpanKind::Client, "POST", attributes));
    assert_eq!(service["name"], "shop");
    assert!(service["http"].is_null());
    assert_eq!(
        service["aws"],
        json!({"xray": {"auto_instrumentation": false}})
    );
    assert_eq!(service["annotations"], json!({"tier": "gold"}));
    let metadata = json!({"default": {"otel.resource.service.name": "shop"}});
    assert_eq!(service["metadata"], metadata);
    assert_eq!(service["fault"], true, "the flags are the call's");
    assert_eq!(call["name"], "pay");
    assert_eq!(call["aws"]["queue_url"], "https://queue");
    assert_eq!(call["http"]["response"]["status"], 500);
    let repeated = ["aws.remote.service", "aws.remote.operation", "remoteTarget"];
    for key in repeated {
        assert!(call["annotations"][key].is_string(), "{key}");
    }
    assert_eq!(call["metadata"]["default"], json!({"plain": 1}));
}

#[test]
fn links_go_to_the_service_of_a_consumer_and_to_the_call_of_others() {
    let local = json!({"aws.span.kind": "LOCAL_ROOT"});
    for (kind, on_service) in [(SpanKind::Consumer, true), (SpanKind::Producer, false)] {
        let span = Span {
            links: vec![link(7, json!({}))],
            ..child(kind, "x", local.clone())
        };
        let [service, call] = both(span);
        assert_eq!(service["links"].is_array(), on_service, "{kind:?}");
        assert_eq!(call["links"].is_array(), !on_service, "{kind:?}");
    }
}

#[test]
fn twenty_good_links_are_kept_with_their_attributes() {
    let mut links = vec![link(0, json!({}))];
    links.extend((1..=25).map(|id| link(id, json!({"n": 1.5, "list": ["a", 2]}))));
    let document = only(Span {
        links,
        ..root(SpanKind::Consumer, "x", json!({}))
    });
    let links = document["links"].as_array().unwrap();
    assert_eq!(links.len(), 20);
    let first = json!({
        "trace_id": TRACE, "id": hex(1), "attributes": {"n": 1.5, "list": ["a", 2]}
    });
    assert_eq!(links[0], first, "the link without an id is passed over");
}

#[test]
fn times_are_epoch_seconds_and_an_end_before_the_start_is_the_start() {
    let ends = [
        (START + 1_500_000_000, 1_700_000_041.5),
        (START - 1, 1_700_000_040.0),
        (0, 1_700_000_040.0),
    ];
    for (end_time_unix_nano, end) in ends {
        let document = only(Span {
            end_time_unix_nano,
            ..root(SpanKind::Server, "x", json!({}))
        });
        assert_eq!(document["start_time"], json!(1_700_000_040.0));
        assert_eq!(document["end_time"], json!(end));
    }
}

#[test]
fn a_span_in_progress_has_no_end() {
    let document = only(root(
        SpanKind::Server,
        "x",
        json!({"aws.xray.inprogress": true}),
    ));
    assert_eq!(document["in_progress"], true);
    assert!(document["end_time"].is_null());
    assert!(
        document["metadata"]["default"].is_null(),
        "the attribute disappears"
    );

    for value in [json!(false), json!("true")] {
        let attributes = json!({"aws.xray.inprogress": value});
        let document = only(root(SpanKind::Server, "x", attributes));
        assert!(document["in_progress"].is_null(), "{value}");
        assert!(document["end_time"].is_number(), "{value}");
    }
}

#[test]
fn the_mark_of_a_span_in_progress_is_never_an_annotation() {
    let resource = json!({"aws.xray.exporter.config.index_all_attributes": true});
    let span = root(SpanKind::Server, "x", json!({"aws.xray.inprogress": true}));
    assert!(only_of(span, resource)["annotations"].is_null());
}
