//! Names and namespaces (section 3).

use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use serde_json::{Value, json};

use super::build::{both, child, only, only_of, root};

fn name(kind: SpanKind, attributes: Value) -> String {
    let document = only_of(
        child(kind, "GET /", attributes),
        json!({"service.name": "shop"}),
    );
    document["name"].as_str().unwrap().to_owned()
}

#[test]
fn the_first_choice_that_is_there_names_a_document() {
    let all = json!({
        "aws.local.service": "local", "aws.remote.service": "remote", "peer.service": "peer",
        "aws.service": "S3", "db.name": "orders", "db.connection_string": "postgresql://db1:5432",
        "rpc.service": "rpc", "http.host": "host", "net.peer.name": "peer.name",
        "server.address": "server",
    });
    let order = [
        ("aws.local.service", [Some("local"), None, None]),
        ("aws.remote.service", [None, Some("remote"), None]),
        ("peer.service", [Some("peer"); 3]),
        ("aws.service", [Some("S3"); 3]),
        ("db.name", [Some("orders@db1"); 3]),
    ];
    let kinds = [SpanKind::Server, SpanKind::Client, SpanKind::Internal];
    let mut left = all;
    for (key, names) in order {
        for (kind, expected) in kinds.into_iter().zip(names) {
            if let Some(expected) = expected {
                assert_eq!(name(kind, left.clone()), expected, "{key} {kind:?}");
            }
        }
        left[key] = json!("");
    }
    assert_eq!(name(SpanKind::Server, left.clone()), "shop");
    let last = [
        ("rpc.service", "rpc"),
        ("http.host", "host"),
        ("net.peer.name", "peer.name"),
        ("server.address", "server"),
    ];
    for (key, expected) in last {
        assert_eq!(name(SpanKind::Client, left.clone()), expected);
        left[key] = json!("");
    }
    assert_eq!(name(SpanKind::Client, left.clone()), "GET /");
    assert_eq!(name(SpanKind::Internal, left), "GET /");
}

#[test]
fn segments_other_than_servers_are_named_by_the_service_before_the_peer() {
    let resource = json!({"service.name": "shop"});
    let attributes = json!({"peer.service": "peer", "aws.remote.service": "remote"});
    for kind in [
        SpanKind::Consumer,
        SpanKind::Internal,
        SpanKind::Unspecified,
    ] {
        let document = only_of(root(kind, "x", attributes.clone()), resource.clone());
        assert_eq!(document["name"], "shop", "{kind:?}");
        let local = json!({"aws.local.service": "local"});
        assert_eq!(
            only_of(root(kind, "x", local), resource.clone())["name"],
            "local"
        );
    }
    let local_root = json!({"aws.span.kind": "LOCAL_ROOT", "aws.local.service": "local"});
    assert_eq!(
        only(child(SpanKind::Internal, "x", local_root))["name"],
        "local"
    );
}

#[test]
fn a_prefix_of_the_remote_service_is_cut_for_sdk_spans_alone() {
    let cases = [
        ("AWS.SDK.S3", "aws-api", "S3"),
        ("AWS::SQS", "aws-api", "SQS"),
        ("AWS.SDK.S3", "grpc", "AWS.SDK.S3"),
        ("AWS.SDK.", "aws-api", "peer"),
    ];
    for (remote, system, expected) in cases {
        let attributes =
            json!({"aws.remote.service": remote, "rpc.system": system, "peer.service": "peer"});
        assert_eq!(name(SpanKind::Client, attributes), expected);
    }
}

#[test]
fn a_database_is_named_with_its_host_if_that_is_known() {
    let cases = [
        (json!({"db.name": "orders"}), "orders"),
        (
            json!({"db.name": "orders", "db.connection_string": "localhost:5432"}),
            "orders",
        ),
        (
            json!({"db.name": "o", "db.connection_string": "jdbc:mysql://u:p@db1:3306/x?a=b"}),
            "o@db1",
        ),
        (
            json!({"db.name": "o", "db.connection_string": "mysql://[::1]:3306"}),
            "o@::1",
        ),
        (
            json!({"db.name": "o", "db.connection_string": "mongodb://a:1,b:2/"}),
            "o",
        ),
        (
            json!({"db.name": "o", "db.connection_string": "mysql://"}),
            "o",
        ),
        (
            json!({"db.namespace": "orders", "server.address": "db2"}),
            "orders@db2",
        ),
        (json!({"db.namespace": "orders"}), "orders"),
    ];
    for (attributes, expected) in cases {
        assert_eq!(
            name(SpanKind::Client, attributes.clone()),
            expected,
            "{attributes}"
        );
    }
}

#[test]
fn the_spans_own_name_loses_what_names_may_not_hold() {
    let long = "é".repeat(150);
    let cases = [
        ("GET /cart?x=(1)*", "GET /cartx=1"),
        ("größe 数 ٣ _.:/%&#=+-@", "größe 数 ٣ _.:/%&#=+-@"),
        ("a\tb\nc\\d", "abcd"),
        ("?;*()!$~^<>", "span"),
        ("", "span"),
        (&long, &"é".repeat(100)),
    ];
    for (own, expected) in cases {
        assert_eq!(
            only(child(SpanKind::Internal, own, json!({})))["name"],
            expected
        );
    }
    let odd = "a".to_owned() + &long;
    let cut = only(child(SpanKind::Internal, &odd, json!({})));
    assert_eq!(
        cut["name"],
        "a".to_owned() + &"é".repeat(99),
        "cut at the boundary of a character"
    );
}

#[test]
fn the_namespace_is_aws_for_sdks_remote_for_calls_and_none_within() {
    let aws_api = json!({"rpc.system": "aws-api"});
    let cases = [
        (SpanKind::Client, json!({}), json!("remote")),
        (SpanKind::Producer, json!({}), json!("remote")),
        (SpanKind::Internal, json!({}), json!(null)),
        (SpanKind::Unspecified, json!({}), json!(null)),
        (SpanKind::Client, aws_api.clone(), json!("aws")),
        (SpanKind::Internal, aws_api, json!("aws")),
        (
            SpanKind::Client,
            json!({"rpc.system.name": "aws-api"}),
            json!("aws"),
        ),
        (SpanKind::Client, json!({"aws.service": "S3"}), json!("aws")),
        (
            SpanKind::Internal,
            json!({"aws.service": "S3"}),
            json!("aws"),
        ),
        (
            SpanKind::Client,
            json!({"aws.service": "S3", "peer.service": "p"}),
            json!("remote"),
        ),
    ];
    for (kind, attributes, expected) in cases {
        let document = only(child(kind, "x", attributes.clone()));
        assert_eq!(document["namespace"], expected, "{kind:?} {attributes}");
    }
}

#[test]
fn segments_have_no_namespace_and_the_call_of_a_local_root_has_one() {
    let aws_api = json!({"rpc.system": "aws-api", "aws.service": "S3"});
    assert!(only(root(SpanKind::Server, "x", aws_api.clone()))["namespace"].is_null());
    let [service, call] = both(root(SpanKind::Client, "x", aws_api));
    assert!(service["namespace"].is_null());
    assert_eq!(call["namespace"], "aws");
    let consumer = json!({"aws.span.kind": "LOCAL_ROOT", "aws.remote.service": "queue"});
    let [_, call] = both(child(SpanKind::Consumer, "x", consumer));
    assert_eq!(
        (&call["namespace"], &call["name"]),
        (&json!("remote"), &json!("queue"))
    );
}
