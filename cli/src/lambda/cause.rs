//! Why an invocation failed, as the `cause` of a segment: pure.
//!
//! Runtime interface clients describe the exception twice: in the body (`errorType`, `errorMessage`,
//! `stackTrace`) and in the header `Lambda-Runtime-Function-XRay-Error-Cause`, made for this segment.
//! The header wins; programs of one's own often send only the body. Everything is cut to what a
//! datagram holds (`spec/segment-document.md` sections 6 and 13).

use radiograph_protocol::ids::SegmentId;
use serde_json::{Map, Value, json};

/// Exceptions in one cause.
const EXCEPTIONS_MAX: usize = 3;
/// Frames of one exception; how many were left out is said in `truncated`.
const FRAMES_MAX: usize = 25;
/// Bytes of a message.
const MESSAGE_BYTES_MAX: usize = 2048;
/// Bytes of a path, a label, a type.
const NAME_BYTES_MAX: usize = 256;

/// The `cause` of a failed invocation: from the X-Ray header if it can be read, else from the body.
pub(super) fn cause(header: Option<&str>, body: &[u8], exception: SegmentId) -> Value {
    let from_header = header.and_then(|text| serde_json::from_str::<Value>(text).ok());
    from_header
        .and_then(|value| described(&value, exception))
        .unwrap_or_else(|| from_body(body, exception))
}

fn described(value: &Value, exception: SegmentId) -> Option<Value> {
    let exceptions = value.get("exceptions")?.as_array()?;
    if exceptions.is_empty() {
        return None;
    }
    let exceptions: Vec<Value> = (0_u64..)
        .zip(exceptions.iter().take(EXCEPTIONS_MAX))
        .map(|(at, described)| {
            let frames = described.get("stack").and_then(Value::as_array);
            let frames = frames.map(Vec::as_slice).unwrap_or_default();
            let stack = frames.iter().map(frame).collect();
            self::exception(
                later(exception, at),
                text(described, "type"),
                text(described, "message"),
                stack,
            )
        })
        .collect();
    let mut cause = Map::new();
    if let Some(directory) = text(value, "working_directory") {
        let directory = cut(directory, NAME_BYTES_MAX);
        cause.insert("working_directory".to_owned(), directory.into());
    }
    cause.insert("exceptions".to_owned(), exceptions.into());
    Some(cause.into())
}

fn from_body(body: &[u8], exception: SegmentId) -> Value {
    let value: Value = serde_json::from_slice(body).unwrap_or_default();
    let lines = ["stackTrace", "trace"]
        .iter()
        .find_map(|key| value.get(*key)?.as_array());
    let stack = lines
        .map(Vec::as_slice)
        .unwrap_or_default()
        .iter()
        .filter_map(Value::as_str)
        .map(|line| json!({"label": cut(line.trim(), NAME_BYTES_MAX)}))
        .collect();
    let described = self::exception(
        exception,
        text(&value, "errorType"),
        text(&value, "errorMessage"),
        stack,
    );
    json!({"exceptions": [described]})
}

fn exception(
    id: SegmentId,
    kind: Option<&str>,
    message: Option<&str>,
    mut stack: Vec<Value>,
) -> Value {
    let truncated = stack.len().saturating_sub(FRAMES_MAX);
    stack.truncate(FRAMES_MAX);
    let mut exception = Map::new();
    exception.insert("id".to_owned(), json!(id));
    if let Some(kind) = kind {
        exception.insert("type".to_owned(), cut(kind, NAME_BYTES_MAX).into());
    }
    if let Some(message) = message {
        exception.insert("message".to_owned(), cut(message, MESSAGE_BYTES_MAX).into());
    }
    if truncated > 0 {
        exception.insert("truncated".to_owned(), truncated.into());
    }
    if !stack.is_empty() {
        exception.insert("stack".to_owned(), stack.into());
    }
    exception.into()
}

fn frame(given: &Value) -> Value {
    let mut frame = Map::new();
    for key in ["path", "label"] {
        if let Some(text) = text(given, key) {
            frame.insert(key.to_owned(), cut(text, NAME_BYTES_MAX).into());
        }
    }
    if let Some(line) = given.get("line").and_then(Value::as_i64) {
        frame.insert("line".to_owned(), line.into());
    }
    frame.into()
}

/// Exceptions of one cause need an id each.
fn later(first: SegmentId, at: u64) -> SegmentId {
    SegmentId::from_bits(first.bits().wrapping_add(at)).unwrap_or(first)
}

fn text<'a>(value: &'a Value, key: &str) -> Option<&'a str> {
    value.get(key)?.as_str()
}

/// The text, or as much of its beginning as so many bytes hold.
pub(super) fn cut(text: &str, bytes_max: usize) -> &str {
    let mut end = bytes_max.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn id() -> SegmentId {
        SegmentId::from_bits(0xe).unwrap()
    }

    #[test]
    fn the_clients_own_description_wins_and_its_exceptions_get_ids() {
        let header = r#"{"working_directory":"/srv","exceptions":[{"message":"boom","type":"ValueError",
            "stack":[{"label":"handler","path":"/srv/app.py","line":3}]},{"type":"KeyError"}],"paths":["/srv/app.py"]}"#;
        let body = br#"{"errorMessage":"other","errorType":"Other"}"#;
        let expected = json!({"working_directory": "/srv", "exceptions": [
            {"id": "000000000000000e", "message": "boom", "type": "ValueError",
             "stack": [{"label": "handler", "path": "/srv/app.py", "line": 3}]},
            {"id": "000000000000000f", "type": "KeyError"}]});
        assert_eq!(cause(Some(header), body, id()), expected);
    }

    #[test]
    fn without_a_description_the_body_tells_what_it_can() {
        let exceptions = |exception: Value| json!({"exceptions": [exception]});
        for (name, header, body, expected) in [
            (
                "body alone",
                None,
                r#"{"errorMessage":"boom","errorType":"Error","stackTrace":["  at a","  at b"]}"#,
                json!({"id": "000000000000000e", "message": "boom", "type": "Error",
                    "stack": [{"label": "at a"}, {"label": "at b"}]}),
            ),
            (
                "unreadable header",
                Some("{"),
                r#"{"errorType":"Error"}"#,
                json!({"id": "000000000000000e", "type": "Error"}),
            ),
            (
                "no exceptions in the header",
                Some(r#"{"exceptions":[]}"#),
                r#"{"errorType":"Error"}"#,
                json!({"id": "000000000000000e", "type": "Error"}),
            ),
            (
                "nothing readable",
                None,
                "boom",
                json!({"id": "000000000000000e"}),
            ),
        ] {
            assert_eq!(
                cause(header, body.as_bytes(), id()),
                exceptions(expected),
                "{name}"
            );
        }
    }

    #[test]
    fn long_descriptions_are_cut_and_say_so() {
        let frames: Vec<Value> = (0..60).map(|line| json!({"line": line})).collect();
        let header = json!({"exceptions": [{"message": "ä".repeat(5000), "stack": frames}]});
        let cause = cause(Some(&header.to_string()), b"", id());
        let exception = &cause["exceptions"][0];
        assert_eq!(
            exception["message"].as_str().unwrap().len(),
            MESSAGE_BYTES_MAX
        );
        assert_eq!(exception["stack"].as_array().unwrap().len(), FRAMES_MAX);
        assert_eq!(exception["truncated"], json!(60 - FRAMES_MAX));
    }

    proptest! {
        #[test]
        fn property_any_header_and_body_give_a_cause(header in ".*", body in ".*") {
            let cause = cause(Some(&header), body.as_bytes(), id());
            prop_assert!(cause["exceptions"][0]["id"].is_string());
        }
    }
}
