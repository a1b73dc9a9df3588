//! .NET's stack traces.

use super::Frame;

/// `at label in path:line n` or, without symbols, `at label(args)`.
pub(super) fn frames(text: &str) -> Vec<Frame<'_>> {
    let calls = text
        .lines()
        .filter_map(|line| line.trim().strip_prefix("at "));
    calls.filter_map(frame).collect()
}

fn frame(call: &str) -> Option<Frame<'_>> {
    let end = call.find(") in ").map(|at| at + 1);
    let Some((label, place)) = end
        .or_else(|| call.find(" in "))
        .map(|at| call.split_at(at))
    else {
        let (label, _) = call.split_at(call.rfind(')')? + 1);
        return Some(Frame {
            path: "",
            line: 0,
            label,
        });
    };
    let place = place.strip_prefix(" in ").unwrap_or(place);
    let (path, line) = place.rsplit_once(":line ").unwrap_or((place, ""));
    let line = line.parse().unwrap_or(0);
    Some(Frame { path, line, label })
}
