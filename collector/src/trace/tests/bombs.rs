//! Single documents that are as bad as the limits allow, and a little worse. Each has its named
//! outcome; what is accepted is derived from like anything else.
//! Source: `spec/api.md` section 3.1, `spec/segment-document.md` section 10.

use std::fmt::Write as _;

use radiograph_protocol::limits::{
    ANNOTATIONS_INDEXED_MAX, DOCUMENT_BYTES_MAX, DOCUMENT_DEPTH_MAX, LINKS_PER_SEGMENT_MAX,
};
use radiograph_protocol::segment::{Rejection, RejectionCode, parse};

use super::*;

fn rejection(document: &str) -> Rejection {
    parse(document).unwrap_err()
}

/// The largest document that ends with a list of these elements.
fn full(before: &str, element: impl Fn(usize) -> String, after: &str) -> (String, usize) {
    let tail = format!("{after}{}", "}");
    let mut text = segment(1, before);
    text.pop();
    for at in 0.. {
        let next = element(at);
        if text.len() + next.len() + 1 + tail.len() > DOCUMENT_BYTES_MAX {
            text.push_str(&tail);
            return (text, at);
        }
        if at > 0 {
            text.push(',');
        }
        text.push_str(&next);
    }
    unreachable!("a document has an end")
}

#[test]
fn a_document_of_a_mebibyte_is_read_and_one_byte_more_is_refused() {
    let around = segment(1, r#","end_time":1001,"metadata":"""#);
    let fill = "x".repeat(DOCUMENT_BYTES_MAX - around.len());
    let whole = segment(1, &format!(r#","end_time":1001,"metadata":"{fill}""#));
    assert_eq!(whole.len(), DOCUMENT_BYTES_MAX);
    let derived = derive(vec![whole.clone()]);
    assert_eq!(derived.entries[0].document, whole);
    let refused = rejection(&format!("{whole} "));
    assert_eq!(
        (refused.id, refused.code),
        (None, RejectionCode::InvalidSegment)
    );
}

#[test]
fn a_document_may_nest_as_deep_as_the_limit_and_no_deeper() {
    let nested = |levels: usize| {
        // the document itself is one level
        let (open, close) = ("[".repeat(levels - 1), "]".repeat(levels - 1));
        segment(1, &format!(r#","end_time":1001,"metadata":{open}{close}"#))
    };
    let deepest = nested(DOCUMENT_DEPTH_MAX);
    assert_eq!(derive(vec![deepest.clone()]).entries[0].document, deepest);
    assert_eq!(
        rejection(&nested(DOCUMENT_DEPTH_MAX + 1)),
        Rejection::unreadable()
    );
    assert_eq!(
        rejection(&nested(DOCUMENT_BYTES_MAX / 3)),
        Rejection::unreadable()
    );
}

#[test]
fn embedded_subsegments_nest_as_deep_as_the_limit() {
    // each is an object in an array, two levels, in the document, one level
    let nested = |subsegments: usize, inner: &str| {
        let mut members = String::from(r#","end_time":1001"#);
        for at in 0..subsegments {
            let id = id(at + 2);
            write!(
                members,
                r#","subsegments":[{{"id":"{id}","name":"level","start_time":1000,"end_time":1001"#
            )
            .unwrap();
        }
        members.push_str(inner);
        members.push_str(&"}]".repeat(subsegments));
        segment(1, &members)
    };
    let most = (DOCUMENT_DEPTH_MAX - 1) / 2;
    for inner in ["", r#","metadata":{}"#] {
        let document = nested(most, inner);
        assert_eq!(parse(&document).err(), None, "{inner}");
        let derived = derive(vec![document]);
        assert_eq!(derived.entries[0].document.matches("level").count(), most);
    }
    assert_eq!(rejection(&nested(most + 1, "")), Rejection::unreadable());
}

#[test]
fn a_mebibyte_of_annotations() {
    let element = |at: usize| format!(r#""k{at}":{at}"#);
    let (document, count) = full(r#","end_time":1001,"annotations":{ "#, element, "}");
    assert!(count > 50_000, "{count}");
    let derived = derive(vec![document.clone()]);
    let annotations = derived.summary["Annotations"].as_object().unwrap();
    assert_eq!(annotations.len(), ANNOTATIONS_INDEXED_MAX);
    assert_eq!(derived.entries[0].document, document);
}

#[test]
fn a_mebibyte_of_one_annotation_repeated() {
    let element = |at: usize| format!(r#""k":{at}"#);
    let (document, count) = full(r#","end_time":1001,"annotations":{ "#, element, "}");
    let derived = derive(vec![document]);
    let expected = serde_json::json!((count - 1) as f64);
    let value = &derived.summary["Annotations"]["k"][0]["AnnotationValue"]["NumberValue"];
    assert_eq!(value.as_f64(), expected.as_f64());
}

#[test]
fn a_mebibyte_of_members() {
    let element = |at: usize| format!(r#""x{at}":{at}"#);
    let (document, count) = full(r#","end_time":1001, "#, element, "");
    assert!(count > 50_000, "{count}");
    let derived = derive(vec![document.clone()]);
    let (returned, sent): (Value, Value) = (
        serde_json::from_str(&derived.entries[0].document).unwrap(),
        serde_json::from_str(&document).unwrap(),
    );
    assert_eq!(returned, sent);
}

#[test]
fn a_mebibyte_of_links() {
    let element = |at: usize| format!(r#"{{"trace_id":"{TRACE}","id":"{}"}}"#, id(at + 1));
    let (document, count) = full(r#","end_time":1001,"links":[ "#, element, "]");
    assert!(count > 10_000, "{count}");
    let derived = derive(vec![document]);
    assert_eq!(derived.view.facts.links.len(), LINKS_PER_SEGMENT_MAX);
}

#[test]
fn a_mebibyte_of_subsegments_that_all_call() {
    let element = |at: usize| {
        let id = id(at + 2);
        format!(
            r#"{{"id":"{id}","name":"h{at}","namespace":"remote","fault":true,"start_time":1000,"end_time":1001}}"#
        )
    };
    let (document, count) = full(r#","end_time":1001,"subsegments":[ "#, element, "]");
    assert!(count > 5_000, "{count}");
    let derived = derive(vec![document.clone()]);
    assert_eq!(derived.entries.len(), 1 + count);
    assert_eq!(derived.services.len(), 2 + count);
    assert!(derived.view_bytes() < document.len());
    let causes = derived.summary["FaultRootCauses"].as_array().unwrap();
    assert_eq!(causes.len(), crate::trace::root_cause::ROOT_CAUSES_MAX);
}

#[test]
fn two_mebibytes_of_subsegments_that_fight_over_their_ids() {
    let element = |user: char| {
        move |at: usize| {
            let id = id(at + 2);
            format!(r#"{{"id":"{id}","name":"{user}","start_time":1000,"end_time":1001}}"#)
        }
    };
    let before = r#","end_time":1001,"subsegments":[ "#;
    let (a, count) = full(before, element('a'), "]");
    let (b, _) = full(before, element('b'), "]");
    let derived = derive(vec![a, b]);
    assert_eq!(derived.entries.len(), 1);
    let document = &derived.entries[0].document;
    assert_eq!(
        document.matches(r#""name":"b""#).count(),
        count,
        "the greater text wins"
    );
}

#[test]
fn a_mebibyte_of_exceptions() {
    let element = |at: usize| {
        let id = id(at + 1);
        format!(
            r#"{{"id":"{id}","type":"E","message":"m{at}","stack":[{{"path":"p","line":null}}]}}"#
        )
    };
    let before = r#","end_time":1001,"fault":true,"cause":{"exceptions":[ "#;
    let (document, count) = full(before, element, "]}");
    assert!(count > 5_000, "{count}");
    let sent = document.len();
    // calls that failed for it: each has the segment's exceptions in its cause
    let mut documents = vec![document];
    documents.extend((2..102).map(|at| {
        subsegment(
            at,
            1,
            r#""name":"call","fault":true,"start_time":1000,"end_time":1001"#,
        )
    }));
    let derived = derive(documents);
    assert!(
        derived.view_bytes() <= sent,
        "{} of {sent}",
        derived.view_bytes()
    );
}

#[test]
fn times_beyond_any_clock_saturate() {
    for (start, end) in [
        ("-1e308", "1e308"),
        ("-9e12", "9e12"),
        ("0", "1e300"),
        ("1e300", "1e301"),
    ] {
        let document = format!(
            r#"{{"trace_id":"{TRACE}","id":"{}","name":"shop","start_time":{start},"end_time":{end},"subsegments":[{{"id":"{}","name":"call","namespace":"remote","start_time":{start},"end_time":{end}}}]}}"#,
            id(1),
            id(2)
        );
        let derived = derive(vec![document.clone()]);
        assert_eq!(derived.entries[0].document, document);
        assert_eq!(
            derived.service("shop", None)["SummaryStatistics"]["OkCount"],
            1
        );
        if start != "1e300" {
            // the call covers all of its root
            let path = &derived.summary["ResponseTimeRootCauses"][0]["Services"][0]["EntityPath"];
            assert_eq!(path[1]["Coverage"], 1.0, "{start} to {end}: {path}");
        }
    }
}

#[test]
fn numbers_that_are_none_are_refused_where_they_are_read() {
    let with = |time: &str| {
        format!(
            r#"{{"trace_id":"{TRACE}","id":"{}","name":"x","start_time":1,"end_time":{time}}}"#,
            id(1)
        )
    };
    for time in [
        "1e400",
        "-1e999999999999",
        "NaN",
        "Infinity",
        "-",
        "01",
        "1.",
        r#""1700000000""#,
    ] {
        assert_eq!(
            rejection(&with(time)).code,
            RejectionCode::ParseError,
            "{time}"
        );
    }
    // any number of digits is a number
    let digits = with(&format!("1700000000.{}", "3".repeat(100_000)));
    assert_eq!(derive(vec![digits.clone()]).entries[0].document, digits);
}

#[test]
fn numbers_come_back_digit_by_digit() {
    let members = r#","end_time":1.0010E3,"metadata":{"n":[1e400,-0.0,12345678901234567890123.4567890123456789,1E2]},"annotations":{"big":12345678901234567890}"#;
    let document = segment(1, members);
    assert_eq!(derive(vec![document.clone()]).entries[0].document, document);
}

/// JSON has no largest number, but what reads it has: outside of what is skipped such a document is
/// refused as a whole, by name.
#[test]
fn a_number_too_large_for_a_double_is_refused_where_it_is_read() {
    for members in [
        r#""annotations":{"k":1e400}"#,
        r#""http":{"response":{"status":1e400}}"#,
    ] {
        let refused = rejection(&segment(1, &format!(r#","end_time":1001,{members}"#)));
        assert_eq!(refused, Rejection::unreadable(), "{members}");
    }
}
