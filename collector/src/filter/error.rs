//! What is wrong with an expression: AWS's message for clients, and where and why for people.
//! Source: `spec/filter-expressions.md` section 8.

/// Characters of the expression that a message quotes.
const QUOTED_CHARS_MAX: usize = 200;

/// Why a text is no filter expression; displays as the message of the InvalidRequestException.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct FilterError {
    /// The text for clients.
    pub message: String,
    /// The line of the offending token, from 1.
    pub line: usize,
    /// Its column, in characters from 1; at the end of the input one past the last.
    pub column: usize,
    /// What could have stood there, in plain words.
    pub expected: String,
}

impl FilterError {
    /// `offset` is the byte where the offending token begins, `quoted` what was being read.
    pub(super) fn syntax(
        text: &str,
        offset: usize,
        quoted: &str,
        expected: impl Into<String>,
    ) -> Self {
        let (line, column) = location(text, offset);
        let quoted: String = quoted.chars().take(QUOTED_CHARS_MAX).collect();
        Self {
            message: format!(
                "Error Location: line {line}, position {column} : Invalid input symbol: '{quoted}'"
            ),
            line,
            column,
            expected: expected.into(),
        }
    }

    /// An error that has a message of its own.
    pub(super) fn other(text: &str, offset: usize, message: String, expected: String) -> Self {
        let (line, column) = location(text, offset);
        Self {
            message,
            line,
            column,
            expected,
        }
    }
}

/// Line and column of a byte, both from 1.
pub(super) fn location(text: &str, offset: usize) -> (usize, usize) {
    let before = text.get(..offset).unwrap_or(text);
    let line_start = before.rfind('\n').map_or(0, |at| at + 1);
    let line = before.matches('\n').count() + 1;
    let in_line = before.get(line_start..).unwrap_or_default();
    (line, in_line.chars().count() + 1)
}
