//! A pin as a line. Pure.

use serde_json::Value;

/// Trace ids that are spelled out.
const SHOWN_IDS_MAX: usize = 3;

/// A pin of an answer as a line; what it does not say is left out.
pub(super) fn row(pin: &Value) -> String {
    let text = |member: &str| match pin.get(member) {
        Some(Value::String(text)) => Some(text.clone()),
        None | Some(Value::Null) => None,
        Some(other) => Some(other.to_string()),
    };
    let mut row = vec![text("PinId").unwrap_or_default()];
    match pin.get("TraceIds").and_then(Value::as_array) {
        Some(ids) => {
            let shown = ids.iter().take(SHOWN_IDS_MAX).filter_map(Value::as_str);
            let mut shown: Vec<&str> = shown.collect();
            if ids.len() > SHOWN_IDS_MAX {
                shown.push("...");
            }
            row.push(shown.join(","));
        }
        None => row.extend(
            text("StartTime")
                .zip(text("EndTime"))
                .map(|(start, end)| format!("{start}..{end}")),
        ),
    }
    row.extend(text("FilterExpression").map(|filter| format!("filter={filter:?}")));
    let at_least = match pin.get("IsCountComplete") {
        Some(Value::Bool(false)) => ">=",
        _ => "",
    };
    for (name, member) in [("traces", "TraceCount"), ("bytes", "Bytes")] {
        row.extend(text(member).map(|count| format!("{name}={at_least}{count}")));
    }
    row.extend(text("CreatedAt").map(|time| format!("created={time}")));
    row.extend(text("Note").map(|note| format!("note={note:?}")));
    row.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn each_pin_is_a_line() {
        let window = json!({"PinId": 2, "CreatedAt": 1795269600.0, "StartTime": 1.0, "EndTime": 2.5,
            "FilterExpression": "service(\"a\")", "TraceCount": 10000, "Bytes": 7,
            "IsCountComplete": false, "Note": "a\nb"});
        assert_eq!(
            row(&window),
            r#"2 1.0..2.5 filter="service(\"a\")" traces=>=10000 bytes=>=7 created=1795269600.0 note="a\nb""#
        );
        let traces = json!({"PinId": 3, "TraceIds": ["a", "b", "c", "d"], "TraceCount": 1, "Bytes": 2,
            "IsCountComplete": true});
        assert_eq!(row(&traces), "3 a,b,c,... traces=1 bytes=2");
        assert_eq!(row(&json!({})), "");
    }
}
