//! Go's stack traces: pairs of lines.

use super::{Frame, position};

/// A label, then its `path:line +0x1d`. A line that no position follows is no label: the
/// `goroutine 1 [running]:` at the top, a message before it.
pub(super) fn frames(text: &str) -> Vec<Frame<'_>> {
    let mut frames = Vec::new();
    let mut label = None;
    for line in text.lines() {
        let place = line.trim();
        let place = place.rsplit_once(" +0x").map_or(place, |(place, _)| place);
        match (label.take(), position(place)) {
            (Some(label), Some((path, line))) => frames.push(Frame { path, line, label }),
            (_, _) if is_heading(line) => {}
            (_, _) => label = Some(line),
        }
    }
    frames
}

fn is_heading(line: &str) -> bool {
    line.is_empty() || line.starts_with("goroutine ") && line.ends_with(':')
}
