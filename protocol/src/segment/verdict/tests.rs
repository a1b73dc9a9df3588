//! Checking and reading give one verdict, whatever stands where.

use std::collections::HashSet;

use proptest::prelude::*;

use super::{check, parse};

/// A segment with every block that is read.
const DOCUMENT: &str = r#"{"id":"3f1e0c2b9a8d7e6f","trace_id":"1-6592008a-0f1e2d3c4b5a69788796a5b4","name":"shop","start_time":1.5,"end_time":2,"http":{"request":{"url":"http://a"},"response":{"status":200}},"aws":{"xray":{"sdk":"x"},"ec2":{"instance_id":"i"}},"cause":{"exceptions":[{"message":"m"}]},"annotations":{"a":1},"links":[{"attributes":{}}],"metadata":{"m":{}},"subsegments":[{"id":"a1b2c3d4e5f60718","name":"call","start_time":1,"in_progress":true,"sql":{"url":"u"},"subsegments":[{"id":"a1b2c3d4e5f60719","name":"call","start_time":1,"end_time":2}]}]}"#;

const MEMBERS: [&str; 26] = [
    "id",
    "trace_id",
    "parent_id",
    "type",
    "name",
    "start_time",
    "end_time",
    "in_progress",
    "user",
    "error",
    "http",
    "request",
    "status",
    "traced",
    "aws",
    "table_names",
    "ec2",
    "xray",
    "sql",
    "cause",
    "exceptions",
    "annotations",
    "links",
    "attributes",
    "subsegments",
    "unknown",
];

/// Values of every type, some of which no reader takes: a half of a pair of surrogates, a number beyond all
/// doubles, an escape in a name, what is no JSON.
const VALUES: [&str; 20] = [
    "null",
    "true",
    "0",
    "-1.5",
    "1e308",
    "1e999",
    r#""""#,
    r#""a1b2c3d4e5f60718""#,
    r#""\ud800""#,
    r#""é""#,
    r#""subsegment""#,
    "[]",
    "[1e999]",
    r#"["\udc00"]"#,
    "[null,{},[]]",
    "{}",
    r#"{"a":"\ud800"}"#,
    r#"{"url":1e999,"status":"\ud800"}"#,
    r#"{"\ud800":1}"#,
    "tru",
];

/// The document with a member more, at the beginning or the end of one of its objects.
fn with_member(place: usize, member: &str, value: &str) -> String {
    let braces: Vec<(usize, char)> = DOCUMENT
        .char_indices()
        .filter(|(_, c)| "{}".contains(*c))
        .collect();
    let (at, brace) = braces[place % braces.len()];
    let is_empty = |rest: &str| rest.starts_with('}');
    match brace {
        '{' => {
            let (before, rest) = DOCUMENT.split_at(at + 1);
            let comma = if is_empty(rest) { "" } else { "," };
            format!("{before}\"{member}\":{value}{comma}{rest}")
        }
        _ => {
            let (before, rest) = DOCUMENT.split_at(at);
            let comma = if before.ends_with('{') { "" } else { "," };
            format!("{before}{comma}\"{member}\":{value}{rest}")
        }
    }
}

#[test]
fn checking_and_reading_give_one_verdict_on_any_value_anywhere() {
    let mut verdicts = HashSet::new();
    for place in 0..DOCUMENT.matches(['{', '}']).count() {
        for member in MEMBERS {
            for value in VALUES {
                let text = with_member(place, member, value);
                let checked = check(&text);
                assert_eq!(
                    checked,
                    parse(&text).map(|document| document.trace_id),
                    "{text}"
                );
                verdicts.insert(checked.map_err(|rejection| rejection.code));
            }
        }
    }
    assert!(
        verdicts.len() > 10,
        "accepted, and refused for many reasons: {verdicts:?}"
    );
}

proptest! {
    #[test]
    fn property_checking_and_reading_give_one_verdict(
        text in r#"[\[\]{}:,"\\0-9a-z_ .ä-]{0,80}"#,
        at in 0..DOCUMENT.len(),
    ) {
        let cut = DOCUMENT.char_indices().map(|(place, _)| place).find(|place| *place >= at).unwrap_or(0);
        let (before, rest) = DOCUMENT.split_at(cut);
        for text in [text.clone(), format!("{before}{text}{rest}"), format!("{before}{text}")] {
            prop_assert_eq!(check(&text), parse(&text).map(|document| document.trace_id), "{}", text);
        }
    }
}
