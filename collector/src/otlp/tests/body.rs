//! Datagram bodies: prefixes, bad input, refused spans.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use opentelemetry_proto::tonic::trace::v1::Span;
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use prost::Message;
use serde_json::json;

use super::build::{child, read, request, root};
use crate::otlp::{
    Converted, OtlpBody, OtlpError, Refused, decode_datagram_body, documents, is_otlp,
};

fn body(prefix: &str, spans: Vec<Span>) -> String {
    let bytes = request(spans, json!({})).encode_to_vec();
    format!("{prefix}{}", STANDARD.encode(bytes))
}

fn two_spans() -> Vec<Span> {
    let root = root(SpanKind::Server, "GET /", json!({}));
    vec![root, child(SpanKind::Internal, "compute", json!({}))]
}

#[test]
fn only_the_two_prefixes_are_otlp() {
    for text in ["T1S", "T1U", "T1SCuwH"] {
        assert!(is_otlp(text), "{text}");
    }
    for text in ["", "T", "T1", "T1C", "M1S", "t1s", "{\"id\":1}", " T1S"] {
        assert!(!is_otlp(text), "{text}");
    }
}

#[test]
fn sampled_spans_become_documents() {
    let Ok(OtlpBody::Sampled(converted)) = decode_datagram_body(&body("T1S", two_spans())) else {
        panic!("not sampled");
    };
    assert_eq!(read(&converted).len(), 2);
    assert_eq!(converted.refused, Refused::default());
}

#[test]
fn unsampled_spans_are_only_counted() {
    let decoded = decode_datagram_body(&body("T1U", two_spans())).unwrap();
    assert_eq!(decoded, OtlpBody::Unsampled { spans: 2 });
}

#[test]
fn nothing_after_the_prefix_is_an_empty_request() {
    let decoded = decode_datagram_body("T1S").unwrap();
    assert_eq!(decoded, OtlpBody::Sampled(Converted::default()));
}

#[test]
fn a_body_without_prefix_is_refused() {
    let error = decode_datagram_body("{}").unwrap_err();
    assert!(matches!(error, OtlpError::NoPrefix), "{error:?}");
}

#[test]
fn what_is_not_base64_is_refused_for_both_prefixes() {
    for text in ["T1S!", "T1U!", "T1SCg", "T1SCg==\n", "T1SC-_=", "T1Sé"] {
        let error = decode_datagram_body(text).unwrap_err();
        assert!(matches!(error, OtlpError::Base64(_)), "{text}: {error:?}");
    }
}

#[test]
fn base64_of_something_else_is_refused_for_both_prefixes() {
    for prefix in ["T1S", "T1U"] {
        let text = format!("{prefix}{}", STANDARD.encode("not protobuf"));
        let error = decode_datagram_body(&text).unwrap_err();
        assert!(matches!(error, OtlpError::Protobuf(_)), "{error:?}");
    }
}

#[test]
fn spans_with_bad_ids_are_refused_one_by_one() {
    let good = || root(SpanKind::Server, "GET /", json!({}));
    let with_trace = |trace_id| Span { trace_id, ..good() };
    let with_id = |span_id| Span { span_id, ..good() };
    let with_parent = |parent_span_id| Span {
        parent_span_id,
        ..good()
    };
    let spans = vec![
        with_trace(Vec::new()),
        with_trace(vec![1; 15]),
        with_trace(vec![0; 16]),
        good(),
        with_id(vec![1; 9]),
        with_id(vec![0; 8]),
        with_parent(vec![1; 7]),
        with_parent(vec![0; 8]),
        with_parent(Vec::new()),
    ];
    let converted = documents(&request(spans, json!({})));
    let refused = Refused {
        trace_id: 3,
        span_id: 2,
        parent_span_id: 1,
    };
    assert_eq!(converted.refused, refused);
    assert_eq!(converted.refused.spans(), 6);
    let documents = read(&converted);
    assert_eq!(documents.len(), 3);
    assert!(
        documents
            .iter()
            .all(|document| document["parent_id"].is_null()),
        "a parent of zeros is none"
    );
}
