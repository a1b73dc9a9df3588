//! Stack traces: the text that each language prints, read into frames, innermost first.
//!
//! Reads what is there and never fails: a line that is no frame is passed over. A position is split
//! from the right, since paths hold colons themselves (`node:internal/…`, `C:\…`).
//! Source: `spec/otel-mapping.md` section 5.

use std::borrow::Cow;

mod dotnet;
mod go;
mod java;
mod javascript;
mod python;

/// One exception of a stack trace.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Thrown<'a> {
    /// Its type; empty for the first, which the event itself names.
    pub(super) kind: &'a str,
    /// Its message; empty for the first.
    pub(super) message: Cow<'a, str>,
    /// Where it was thrown.
    pub(super) stack: Vec<Frame<'a>>,
}

/// One frame; what is not known is empty or 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Frame<'a> {
    pub(super) path: &'a str,
    pub(super) line: u32,
    pub(super) label: &'a str,
}

/// The exception that the stack trace belongs to, then the one that caused it, and so on. Always at
/// least one, without frames for a language that is not known here.
pub(super) fn read<'a>(language: &str, text: &'a str) -> Vec<Thrown<'a>> {
    match language {
        // PHP's SDK prints what Java would
        "java" | "php" => java::read(text),
        "python" => python::read(text),
        // Node's and browsers' SDKs call the language by these names
        "javascript" | "nodejs" | "webjs" => vec![thrown(javascript::frames(text))],
        "dotnet" => vec![thrown(dotnet::frames(text))],
        "go" => vec![thrown(go::frames(text))],
        _ => vec![Thrown::default()],
    }
}

const fn thrown(stack: Vec<Frame<'_>>) -> Thrown<'_> {
    Thrown {
        kind: "",
        message: Cow::Borrowed(""),
        stack,
    }
}

/// `path:line`; `None` when the text does not end in a number. A blank before the number is what stacks
/// have that were segments before (`spec/otel-mapping.md` section 11).
fn position(text: &str) -> Option<(&str, u32)> {
    let (path, line) = text.rsplit_once(':')?;
    let line = line.strip_prefix(' ').unwrap_or(line);
    let is_number = !line.is_empty() && line.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| (path, line.parse().unwrap_or(0)))
}

#[cfg(test)]
mod tests;
