//! Python's tracebacks: most recent call last, the first cause at the top.

use std::borrow::Cow;

use super::{Frame, Thrown};

/// What stands between a cause and the exception raised while handling it, or raised from it.
const SEPARATORS: [&str; 2] = [
    "During handling of the above exception, another exception occurred:",
    "The above exception was the direct cause of the following exception:",
];

/// The exception and its chain of causes.
pub(super) fn read(text: &str) -> Vec<Thrown<'_>> {
    let lines: Vec<&str> = text.lines().collect();
    let blocks = lines.rsplit(|line| SEPARATORS.contains(line));
    blocks
        .enumerate()
        .map(|(index, block)| {
            let (kind, message) = if index == 0 {
                ("", Cow::Borrowed(""))
            } else {
                told(block)
            };
            let stack = block.iter().rev().filter_map(|line| frame(line)).collect();
            Thrown {
                kind,
                message,
                stack,
            }
        })
        .collect()
}

/// `  File "path", line n, in label`.
fn frame(line: &str) -> Option<Frame<'_>> {
    let place = line.strip_prefix("  File \"")?;
    let (place, label) = place.rsplit_once(", in ")?;
    let (path, line) = place.rsplit_once("\", line ")?;
    let line = line.parse().ok()?;
    Some(Frame { path, line, label })
}

/// Type and message of a cause: the lines after its last frame that are not indented, since the
/// frame's source and the marks under it are.
fn told<'a>(block: &[&'a str]) -> (&'a str, Cow<'a, str>) {
    let last_frame = block.iter().rposition(|line| frame(line).is_some());
    let after = last_frame.map_or(0, |at| at + 1);
    let mut lines = block.iter().skip(after);
    let Some(first) = lines.find(|line| !line.starts_with(' ') && !line.is_empty()) else {
        return ("", Cow::Borrowed(""));
    };
    let (kind, message) = first.split_once(": ").unwrap_or((first, ""));
    let more: Vec<&str> = lines.copied().collect();
    let more = more.join("\n");
    let more = more.trim_end();
    let message = match more {
        "" => Cow::Borrowed(message),
        _ => Cow::Owned(format!("{message}\n{more}")),
    };
    (kind, message)
}
