//! Verdicts row by row, and what the typed form reads out of real and odd documents.

use proptest::prelude::*;

use super::*;
use crate::limits::{DOCUMENT_BYTES_MAX, DOCUMENT_DEPTH_MAX};

const SHOP: &str = r#"{"name":"shop","id":"3f1e0c2b9a8d7e6f","trace_id":"1-6592008a-0f1e2d3c4b5a69788796a5b4","start_time":1704067210.1,"end_time":1704067210.4}"#;

/// `SHOP` with some members replaced (`null` removes), as text.
fn shop_with(changes: serde_json::Value) -> String {
    let mut document: serde_json::Value = serde_json::from_str(SHOP).unwrap();
    let serde_json::Value::Object(changes) = changes else {
        panic!("changes are an object")
    };
    for (name, value) in changes {
        document[name] = value;
    }
    document.to_string()
}

fn verdict(text: &str) -> Option<(Option<String>, String)> {
    parse(text)
        .err()
        .map(|rejection| (rejection.id, rejection.message))
}

#[test]
#[expect(clippy::too_many_lines, reason = "one row a verdict, read as a table")]
fn each_bad_document_has_the_verdict_of_the_specification() {
    use serde_json::json;
    let child = |changes: serde_json::Value| {
        let mut child = json!({"id":"a1b2c3d4e5f60718","name":"c","start_time":1,"end_time":2});
        for (name, value) in changes.as_object().unwrap() {
            child[name] = value.clone();
        }
        shop_with(
            json!({"subsegments": [{"id":"b1b2c3d4e5f60718","name":"p","start_time":1,
            "end_time":2,"subsegments":[child]}]}),
        )
    };
    let sub = |changes: serde_json::Value| {
        let mut all = json!({"type":"subsegment","parent_id":"a1b2c3d4e5f60718"});
        for (name, value) in changes.as_object().unwrap() {
            all[name] = value.clone();
        }
        shop_with(all)
    };
    let segment = |code: &str| format!("Invalid segment. ErrorCode: {code}");
    let subsegment = |code: &str| format!("Invalid subsegment. ErrorCode: {code}, Cause: null");
    let unreadable = "Invalid entity. ErrorCode: ParseError".to_owned();
    let id = Some("3f1e0c2b9a8d7e6f".to_owned());
    let deep = format!(
        "{}{}",
        "[".repeat(DOCUMENT_DEPTH_MAX),
        "]".repeat(DOCUMENT_DEPTH_MAX)
    );
    let deep = SHOP.replace("{\"name\"", &format!("{{\"metadata\":{deep},\"name\""));
    let rows: Vec<(&str, String, Option<String>, String)> = vec![
        ("not JSON", "not json".into(), None, unreadable.clone()),
        ("empty", String::new(), None, unreadable.clone()),
        ("a number", "5".into(), None, unreadable.clone()),
        ("null", "null".into(), None, unreadable.clone()),
        (
            "two objects",
            format!("{SHOP}{SHOP}"),
            None,
            unreadable.clone(),
        ),
        (
            "cut off",
            SHOP.trim_end_matches('}').into(),
            None,
            unreadable.clone(),
        ),
        (
            "NaN",
            SHOP.replace("1704067210.1", "NaN"),
            None,
            unreadable.clone(),
        ),
        ("nested too deeply", deep, None, unreadable),
        (
            "id is a number",
            shop_with(json!({"id": 7})),
            None,
            segment("ParseError"),
        ),
        (
            "time as text",
            shop_with(json!({"start_time": "1"})),
            id.clone(),
            segment("ParseError"),
        ),
        (
            "end as text",
            shop_with(json!({"end_time": "1"})),
            id.clone(),
            segment("ParseError"),
        ),
        (
            "name is a list",
            shop_with(json!({"name": []})),
            id.clone(),
            segment("ParseError"),
        ),
        (
            "in_progress is text",
            shop_with(json!({"in_progress": "no"})),
            id.clone(),
            segment("ParseError"),
        ),
        (
            "parent_id is a number",
            sub(json!({"parent_id": 1})),
            id.clone(),
            subsegment("ParseError"),
        ),
        (
            "unknown type",
            shop_with(json!({"type": "span"})),
            id.clone(),
            segment("UnknownType"),
        ),
        (
            "no id",
            shop_with(json!({"id": null})),
            None,
            segment("MissingId"),
        ),
        (
            "short id",
            shop_with(json!({"id": "abc"})),
            Some("abc".into()),
            segment("InvalidId"),
        ),
        (
            "zero id",
            shop_with(json!({"id": "0000000000000000"})),
            Some("0000000000000000".into()),
            segment("InvalidId"),
        ),
        (
            "no name",
            shop_with(json!({"name": null})),
            id.clone(),
            segment("MissingName"),
        ),
        (
            "empty name",
            shop_with(json!({"name": ""})),
            id.clone(),
            segment("MissingName"),
        ),
        (
            "no trace_id",
            shop_with(json!({"trace_id": null})),
            id.clone(),
            segment("MissingTraceId"),
        ),
        (
            "bad trace_id",
            shop_with(json!({"trace_id": "1-5759e988"})),
            id.clone(),
            segment("InvalidTraceId"),
        ),
        (
            "no start",
            shop_with(json!({"start_time": null})),
            id.clone(),
            segment("MissingStartTime"),
        ),
        (
            "no end",
            shop_with(json!({"end_time": null})),
            id.clone(),
            segment("MissingEndTime"),
        ),
        (
            "no end, in_progress false",
            shop_with(json!({"end_time": null, "in_progress": false})),
            id.clone(),
            segment("MissingEndTime"),
        ),
        (
            "both",
            shop_with(json!({"in_progress": true})),
            id.clone(),
            segment("InProgressSegmentHasEndTime"),
        ),
        (
            "both on a subsegment",
            sub(json!({"in_progress": true})),
            id.clone(),
            subsegment("InProgressSubsegmentHasEndTime"),
        ),
        (
            "no parent",
            sub(json!({"parent_id": null})),
            id.clone(),
            subsegment("MissingParentId"),
        ),
        (
            "bad parent",
            sub(json!({"parent_id": "xyz"})),
            id.clone(),
            subsegment("InvalidParentId"),
        ),
        (
            "bad parent of a segment",
            shop_with(json!({"parent_id": "xyz"})),
            id.clone(),
            segment("InvalidParentId"),
        ),
        (
            "embedded without name",
            child(json!({"name": null})),
            id.clone(),
            subsegment("MissingName"),
        ),
        (
            "embedded without id",
            child(json!({"id": null})),
            id.clone(),
            subsegment("MissingId"),
        ),
        (
            "embedded without end",
            child(json!({"end_time": null})),
            id.clone(),
            subsegment("MissingEndTime"),
        ),
        (
            "embedded both",
            child(json!({"in_progress": true})),
            id.clone(),
            subsegment("InProgressSubsegmentHasEndTime"),
        ),
        (
            "embedded is text",
            shop_with(json!({"subsegments": ["x"]})),
            id,
            subsegment("ParseError"),
        ),
        (
            "too large",
            shop_with(json!({"metadata": {"x": "x".repeat(DOCUMENT_BYTES_MAX)}})),
            None,
            segment("InvalidSegment"),
        ),
    ];
    for (row, text, id, message) in rows {
        assert_eq!(verdict(&text), Some((id, message)), "{row}");
    }
}

#[test]
fn the_first_failing_check_wins() {
    let text = r#"{"type":"span","id":"x"}"#;
    assert_eq!(parse(text).unwrap_err().code, RejectionCode::UnknownType);
    let text = r#"{"id":"x","name":""}"#;
    assert_eq!(parse(text).unwrap_err().code, RejectionCode::InvalidId);
}

#[test]
fn odd_but_legal_documents_are_accepted() {
    use serde_json::json;
    let rows = [
        ("type segment", json!({"type": "segment"})),
        ("in_progress false", json!({"in_progress": false})),
        ("null parent", json!({"parent_id": null})),
        (
            "optional members of wrong types",
            json!({"http": "x", "aws": [], "cause": 5, "user": 7,
            "annotations": [1], "error": "yes", "links": {}, "subsegments": "none", "sql": true}),
        ),
        (
            "unknown members",
            json!({"Dummy": false, "x": {"y": [null]}}),
        ),
        ("end before start", json!({"end_time": 1.0})),
        ("id in upper case", json!({"id": "3F1E0C2B9A8D7E6F"})),
    ];
    for (row, changes) in rows {
        assert_eq!(verdict(&shop_with(changes)), None, "{row}");
    }
    let in_progress = shop_with(json!({"end_time": null, "in_progress": true}));
    assert_eq!(parse(&in_progress).unwrap().entity.end, None);
}

#[test]
fn an_array_counts_as_its_elements_and_an_empty_one_has_no_id() {
    assert_eq!(
        documents_in(" [ ]").unwrap_err().code,
        RejectionCode::MissingId
    );
    assert_eq!(
        documents_in("[1").unwrap_err().code,
        RejectionCode::ParseError
    );
    let two = format!("[{SHOP}, 5]");
    assert_eq!(documents_in(&two).unwrap(), vec![SHOP, "5"]);
    assert_eq!(documents_in(SHOP).unwrap(), vec![SHOP]);
}

#[test]
fn the_last_of_repeated_members_wins() {
    let text = SHOP.replace(
        r#""name":"shop""#,
        r#""name":"first","user":"a","name":"shop","user":"b""#,
    );
    let document = parse(&text).unwrap();
    assert_eq!(document.entity.name, "shop");
    assert_eq!(document.entity.user.as_deref(), Some("b"));
    let members = raw::Members::of(&text).unwrap();
    assert_eq!(members.value("name").unwrap().get(), "\"shop\"");
    assert_eq!(members.iter().next().unwrap().0, "name");
}

#[test]
fn the_last_of_repeated_members_wins_among_many_as_well() {
    for count in [2, 32, 33, 1000] {
        let members: Vec<String> = (0..count - 1).map(|at| format!("\"m{at}\":{at}")).collect();
        let text = format!("{{{},\"m0\":\"last\"}}", members.join(","));
        let members = raw::Members::of(&text).unwrap();
        assert_eq!(members.iter().count(), count - 1, "{count}");
        let (name, value) = members.iter().next().unwrap();
        assert_eq!((name, value.get()), ("m0", "\"last\""), "{count}");
    }
}

#[test]
fn many_brackets_side_by_side_are_not_deep() {
    for count in [DOCUMENT_DEPTH_MAX, 255, 256, 5000] {
        let text = shop_with(serde_json::json!({"metadata": vec![[0; 0]; count]}));
        assert_eq!(verdict(&text), None, "{count}");
        let deep = format!("{}{}", "[".repeat(count), "]".repeat(count));
        let text = SHOP.replace("{\"name\"", &format!("{{\"metadata\":{deep},\"name\""));
        assert_eq!(
            parse(&text).unwrap_err().code,
            RejectionCode::ParseError,
            "{count}"
        );
    }
}

#[test]
fn a_bad_embedded_subsegment_does_not_hide_that_the_rest_is_no_json() {
    let text = shop_with(serde_json::json!({"subsegments": [5]}));
    assert_eq!(
        parse(&text).unwrap_err().id.as_deref(),
        Some("3f1e0c2b9a8d7e6f")
    );
    for broken in [text.replace("[5]", "[5,x]"), format!("{text},")] {
        assert_eq!(parse(&broken), Err(Rejection::unreadable()), "{broken}");
    }
}

#[test]
fn names_are_cut_at_a_character_boundary() {
    let text = shop_with(serde_json::json!({"name": "ä".repeat(250)}));
    assert_eq!(parse(&text).unwrap().entity.name.chars().count(), 200);
}

#[test]
fn flags_are_united_with_the_http_status() {
    let outcome = |changes| parse(&shop_with(changes)).unwrap().entity.outcome();
    let status = |status: i64| serde_json::json!({"http": {"response": {"status": status}}});
    let flags = |error, throttle, fault| Flags {
        error,
        throttle,
        fault,
    };
    assert_eq!(outcome(status(200)), flags(false, false, false));
    assert_eq!(outcome(status(404)), flags(true, false, false));
    assert_eq!(outcome(status(429)), flags(true, true, false));
    assert_eq!(outcome(status(503)), flags(false, false, true));
    assert_eq!(
        outcome(serde_json::json!({"throttle": true})),
        flags(true, true, false)
    );
    assert_eq!(
        outcome(serde_json::json!({"error": true, "http": {"response": {"status": 500}}})),
        flags(true, false, true)
    );
}

#[test]
fn traced_is_read_in_both_places() {
    let child = |child: serde_json::Value| {
        let mut all =
            serde_json::json!({"id":"a1b2c3d4e5f60718","name":"c","start_time":1,"end_time":2});
        for (name, value) in child.as_object().unwrap() {
            all[name] = value.clone();
        }
        let text = shop_with(serde_json::json!({"subsegments": [all]}));
        parse(&text).unwrap().entity.subsegments[0].traced
    };
    assert!(child(serde_json::json!({"traced": true})));
    assert!(child(
        serde_json::json!({"http": {"request": {"traced": true}}})
    ));
    assert!(!child(serde_json::json!({})));
}

#[test]
fn every_recorded_document_is_accepted_but_those_that_repeat_a_broken_header() {
    let (mut accepted, mut refused) = (0, Vec::new());
    for recording in radiograph_proto_fixtures::recordings() {
        for datagram in &recording.datagrams {
            let (_, body) = datagram.split_once('\n').unwrap();
            if body.starts_with('{') {
                match parse(body) {
                    Ok(_) => accepted += 1,
                    Err(rejection) => refused.push((recording.name.clone(), rejection.code)),
                }
            }
        }
    }
    // two requests carried `Root=bogus;Parent=zz`, one a trace id with a blank behind it
    let python = || "aws-xray-sdk-python/flask_headers".to_owned();
    let expected = vec![
        (
            "aws-xray-sdk-node/express_headers".to_owned(),
            RejectionCode::InvalidParentId,
        ),
        (python(), RejectionCode::InvalidTraceId),
        (python(), RejectionCode::InvalidTraceId),
    ];
    assert_eq!(refused, expected);
    assert_eq!(
        accepted, 506,
        "525 recorded datagrams, 16 of them OTLP, 3 refused"
    );
}

proptest! {
    #[test]
    fn property_no_text_makes_the_checks_panic(text in r#"[\[\]{}:,"\\0-9a-z_ .ä-]{0,200}"#) {
        let _verdict = documents_in(&text).map(|all| all.into_iter().map(parse).count());
    }

    #[test]
    fn property_any_cut_of_a_document_is_unreadable(length in 0..SHOP.len()) {
        prop_assert_eq!(parse(SHOP.get(..length).unwrap()).unwrap_err().code, RejectionCode::ParseError);
    }

    #[test]
    fn property_members_come_back_unchanged(number in "-?[1-9][0-9]{0,30}(\\.[0-9]{1,20})?(e[0-9]{1,2})?") {
        let text = SHOP.replace("{\"name\"", &format!("{{\"metadata\":{number},\"name\""));
        prop_assert!(parse(&text).is_ok());
        let members = raw::Members::of(&text).unwrap();
        prop_assert_eq!(members.value("metadata").unwrap().get(), number);
    }
}

#[test]
fn the_deepest_level_counts_wherever_it_lies() {
    // 1 level, two for each embedded subsegment, and one for the object in the innermost
    let nested = |embedded: usize, innermost: &str| {
        let mut text = format!(
            r#"{{"id":"00000000000000ff","name":"deep","start_time":1,"end_time":2,{innermost}}}"#
        );
        for _ in 1..embedded {
            text = format!(
                r#"{{"id":"00000000000000ff","name":"deep","start_time":1,"end_time":2,"subsegments":[{text}]}}"#
            );
        }
        SHOP.replace("{\"name\"", &format!("{{\"subsegments\":[{text}],\"name\""))
    };
    for innermost in [r#""http":{}"#, r#""metadata":{}"#] {
        assert_eq!(
            parse(&nested(63, innermost)).map(|_| ()),
            Ok(()),
            "{innermost}"
        );
        let too_deep = nested(64, innermost);
        assert_eq!(
            parse(&too_deep).map(|_| ()),
            Err(Rejection::unreadable()),
            "{innermost}"
        );
    }
}
