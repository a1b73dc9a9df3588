//! Recorded traffic and the example of the specification, whole. `UPDATE_GOLDEN=1` rewrites the
//! expected documents in `proto-fixtures/golden/otlp`; the difference is then read by a person.

use std::fs;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::trace::v1::Span;
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use prost::Message;
use radiograph_proto_fixtures::{recording, root as fixtures};
use serde_json::{Value, json};

use super::build::{child, convert, event, failed, id_bytes, read, root, with_events};
use crate::otlp::{OtlpBody, decode_datagram_body, documents};

#[expect(
    clippy::disallowed_methods,
    reason = "the switch of golden tests is no configuration"
)]
fn is_update() -> bool {
    std::env::var("UPDATE_GOLDEN").is_ok()
}

fn assert_golden(name: &str, documents: &[Value]) {
    assert!(!documents.is_empty(), "nothing to compare");
    let folder = fixtures().join("golden").join("otlp");
    let path = folder.join(format!("{name}.json"));
    let actual = serde_json::to_string_pretty(documents).unwrap() + "\n";
    if is_update() {
        fs::create_dir_all(folder).unwrap();
        fs::write(&path, &actual).unwrap();
    }
    let expected = fs::read_to_string(&path).unwrap();
    assert_eq!(actual, expected, "{}", path.display());
}

/// The bodies of a recording's datagrams.
fn bodies(name: &str) -> Vec<String> {
    let datagrams = recording(name).datagrams.into_iter();
    let bodies = datagrams.map(|datagram| datagram.split_once('\n').unwrap().1.to_owned());
    bodies.collect()
}

/// The requests of a recording of POST /v1/traces.
fn posted(name: &str) -> Vec<ExportTraceServiceRequest> {
    let path = fixtures().join("otlp-http").join(format!("{name}.jsonl"));
    let text = fs::read_to_string(path).unwrap();
    let requests = text.lines().map(|line| {
        let line: Value = serde_json::from_str(line).unwrap();
        let bytes = STANDARD.decode(line["body_base64"].as_str().unwrap());
        ExportTraceServiceRequest::decode(&*bytes.unwrap()).unwrap()
    });
    requests.collect()
}

#[test]
fn recorded_sampled_datagrams_become_the_golden_documents() {
    for name in ["js", "py_sampled"] {
        let mut all = Vec::new();
        for body in bodies(&format!("otlp-udp/{name}")) {
            let Ok(OtlpBody::Sampled(converted)) = decode_datagram_body(&body) else {
                panic!("{name}: not sampled");
            };
            assert_eq!(converted.refused.spans(), 0);
            all.extend(read(&converted));
        }
        assert_golden(name, &all);
    }
}

#[test]
fn recorded_unsampled_datagrams_hold_one_span_each() {
    let decoded: Vec<_> = bodies("otlp-udp/py_unsampled")
        .iter()
        .map(|body| decode_datagram_body(body).unwrap())
        .collect();
    assert_eq!(decoded, vec![OtlpBody::Unsampled { spans: 1 }; 6]);
}

#[test]
fn recorded_posts_become_the_golden_documents() {
    for name in ["js_protobuf", "py_protobuf"] {
        let requests = posted(name);
        let all = requests
            .iter()
            .flat_map(|request| read(&documents(request)));
        assert_golden(name, &all.collect::<Vec<_>>());
    }
}

/// The five spans of section 10.
#[test]
fn the_example_of_the_specification_becomes_the_golden_documents() {
    let cart = json!({
        "http.method": "GET", "http.url": "http://shop.example.com/cart",
        "http.status_code": 503, "tier": "gold", "aws.xray.annotations": ["tier"],
        "enduser.id": "u1",
    });
    let charge = json!({
        "http.method": "POST", "http.url": "http://pay.example.com/charge",
        "http.status_code": 429, "net.peer.name": "pay.example.com",
    });
    let get_item = json!({
        "rpc.system": "aws-api", "rpc.service": "DynamoDB", "rpc.method": "GetItem",
        "aws.dynamodb.table_names": ["carts"],
    });
    let select = json!({
        "db.system": "postgresql", "db.name": "orders",
        "db.connection_string": "postgresql://db1:5432", "db.statement": "select ?",
    });
    let boom = json!({"exception.type": "ValueError", "exception.message": "boom"});
    let compute = child(SpanKind::Internal, "compute", json!({}));
    let compute = failed(with_events(compute, vec![event("exception", boom)]), "");
    let with_id = |id, span| Span {
        span_id: id_bytes(id),
        ..span
    };
    let spans = vec![
        root(SpanKind::Server, "GET /cart", cart),
        with_id(0xa2, child(SpanKind::Client, "POST", charge)),
        with_id(0xa3, child(SpanKind::Client, "GetItem", get_item)),
        with_id(0xa4, child(SpanKind::Client, "SELECT shop", select)),
        with_id(0xa5, compute),
    ];
    let resource = json!({
        "service.name": "shop", "cloud.provider": "aws", "cloud.platform": "aws_ecs",
        "aws.ecs.launchtype": "fargate",
    });
    let documents = convert(spans, resource);
    let told: Vec<_> = documents
        .iter()
        .map(|document| ["name", "namespace", "origin"].map(|member| document[member].clone()))
        .collect();
    let origin = "AWS::ECS::Fargate";
    let expected = [
        json!(["shop", null, origin]),
        json!(["pay.example.com", "remote", origin]),
        json!(["DynamoDB", "aws", origin]),
        json!(["orders@db1", "remote", origin]),
        json!(["compute", null, origin]),
    ];
    assert_eq!(json!(told), json!(expected));
    assert_golden("example", &documents);
}
