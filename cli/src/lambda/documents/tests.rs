//! Documents against `golden.json`, which lies beside this file; `UPDATE_GOLDEN=1` rewrites it.

use std::fs;
use std::path::Path;

use super::*;
use crate::lambda::cause::cause;
use crate::lambda::function::example;

fn id(bits: u64) -> SegmentId {
    SegmentId::from_bits(bits).unwrap()
}

fn span(start: i64, end: i64) -> Span {
    let at = |millis: i64| Timestamp::from_micros((1_700_000_040_000 + millis) * 1000);
    Span {
        start: at(start),
        end: at(end),
    }
}

fn ids() -> Ids {
    Ids {
        service: id(1),
        function: id(2),
        initialization: id(3),
        invocation: id(4),
        overhead: id(5),
        dwell: id(6),
        attempt: id(7),
        exception: id(8),
    }
}

fn facts(run: Option<Run>) -> Facts {
    Facts {
        trace_id: TraceId::parse("1-6553f128-000000000000000000000005").unwrap(),
        parent: None,
        ids: ids(),
        request_id: "04b18ae7-3d34-4c77-9382-60c2532fcdae".to_owned(),
        service: span(0, 2500),
        is_asynchronous: false,
        run,
    }
}

fn warm() -> Run {
    Run {
        initialization: None,
        invocation: Some(span(2200, 2500)),
        done: span(2600, 2600).end,
        cause: None,
    }
}

fn boom() -> Value {
    cause(
        None,
        br#"{"errorType":"Error","errorMessage":"boom"}"#,
        id(8),
    )
}

#[test]
fn documents_are_the_golden_ones() {
    let cold = Run {
        initialization: Some(span(150, 2150)),
        ..warm()
    };
    let failed = Run {
        cause: Some(boom()),
        ..warm()
    };
    let never = Run {
        initialization: Some(span(150, 2150)),
        invocation: None,
        done: span(0, 2160).end,
        cause: Some(boom()),
    };
    let joined = Facts {
        parent: Some(id(0xc)),
        ..facts(Some(warm()))
    };
    let asynchronous = Facts {
        is_asynchronous: true,
        ..facts(Some(failed.clone()))
    };
    let cases = [
        ("first invocation", facts(Some(cold))),
        ("later invocation of a traced caller", joined),
        ("failed", facts(Some(failed))),
        ("initialization failed", facts(Some(never))),
        ("asynchronous and failed", asynchronous),
        ("throttled", facts(None)),
    ];
    let made: Map<String, Value> = cases
        .into_iter()
        .map(|(name, facts)| {
            let documents: Vec<Value> = documents(&example(), &facts)
                .iter()
                .map(|text| serde_json::from_str(text).unwrap())
                .collect();
            (name.to_owned(), documents.into())
        })
        .collect();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/lambda/documents/golden.json");
    let text = serde_json::to_string_pretty(&made).unwrap() + "\n";
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(&path, &text).unwrap();
    }
    assert_eq!(text, fs::read_to_string(&path).unwrap());
}

#[test]
fn a_document_fits_a_datagram_whatever_the_exceptions_are() {
    let frame = json!({"path": "\u{1}".repeat(300), "label": "\u{1}".repeat(300), "line": 1});
    let exception = json!({"message": "\u{1}".repeat(9000), "stack": vec![frame; 40]});
    let header = json!({"exceptions": vec![exception; 5]}).to_string();
    let run = Run {
        cause: Some(cause(Some(&header), b"", id(8))),
        ..warm()
    };
    let documents = documents(&example(), &facts(Some(run)));
    assert!(
        documents[1].len() < DOCUMENT_BYTES_MAX,
        "{}",
        documents[1].len()
    );
    assert!(documents[1].contains("message"));
}
