//! Java's stack traces, which PHP's SDK prints as well.

use std::borrow::Cow;

use super::{Frame, Thrown, position};

const FRAME: &str = "\tat ";
const CAUSE: &str = "Caused by: ";

/// The exception and its chain of causes. Suppressed exceptions and their causes are indented and so
/// passed over, like the `... 12 more` of frames in common.
pub(super) fn read(text: &str) -> Vec<Thrown<'_>> {
    let mut chain = Vec::new();
    let mut current = Thrown::default();
    let mut is_message = false;
    // the first line holds the type and message, which the event gives
    for line in text.lines().skip(1) {
        if let Some(cause) = line.strip_prefix(CAUSE) {
            let (kind, message) = cause.split_once(':').unwrap_or((cause, ""));
            let next = Thrown {
                kind: kind.trim_end(),
                message: Cow::Borrowed(message.trim_start()),
                stack: Vec::new(),
            };
            chain.push(std::mem::replace(&mut current, next));
            is_message = true;
        } else if line.starts_with('\t') {
            is_message = false;
            current.stack.extend(frame(line));
        } else if is_message {
            let message = current.message.to_mut();
            message.push('\n');
            message.push_str(line);
        }
    }
    chain.push(current);
    chain
}

/// `at label(path:line)`, the label without the class loader or module before a slash.
fn frame(line: &str) -> Option<Frame<'_>> {
    let call = line.strip_prefix(FRAME)?.strip_suffix(')')?;
    let (label, place) = call.split_once('(')?;
    let label = label.split_once('/').map_or(label, |(_, label)| label);
    let (path, line) = position(place).unwrap_or((place, 0));
    Some(Frame { path, line, label })
}
