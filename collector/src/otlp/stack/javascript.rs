//! V8's stack traces, as Node and browsers print them.

use super::{Frame, position};

/// `    at label (path:line:column)` or `    at path:line:column`; the column is dropped.
pub(super) fn frames(text: &str) -> Vec<Frame<'_>> {
    let calls = text.lines().filter_map(|line| line.strip_prefix("    at "));
    calls.map(frame).collect()
}

fn frame(call: &str) -> Frame<'_> {
    let inner = call
        .strip_suffix(')')
        .and_then(|call| call.split_once(" ("));
    let (label, place) = inner.unwrap_or(("", call));
    let (path, line) = match position(place) {
        Some((rest, number)) => position(rest).unwrap_or((rest, number)),
        None if place.contains("native") => ("native", 0),
        None => (place, 0),
    };
    Frame { path, line, label }
}
