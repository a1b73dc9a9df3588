//! A filter expression of the command line: read before any trace is asked for, with the groups that it
//! names, and pointed at where it is wrong.
//! Source: `spec/filter-expressions.md` sections 6 and 8.

use std::cell::Cell;
use std::collections::HashMap;
use std::fmt;

use radiograph_collector::filter::{
    DEFAULT_GROUP, Expression, FilterError, GroupRef, Line, Spelled, parse_group,
};
use serde_json::{Value, json};

use crate::api::{Api, ApiError};

/// Characters shown of the line that is wrong, half of them on either side of the error.
const SHOWN_CHARS_MAX: usize = 120;

/// Why there is no expression.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ExpressionError {
    /// The text is none.
    #[error(transparent)]
    Wrong(Pointed),
    /// It names groups, and they cannot be had.
    #[error(transparent)]
    Api(#[from] ApiError),
}

/// What is wrong with a text, and where: a line of it with a caret below.
#[derive(Debug, thiserror::Error)]
pub(crate) struct Pointed {
    error: FilterError,
    line: String,
    caret: String,
}

impl Pointed {
    fn new(text: &str, error: FilterError) -> Self {
        let line = text.split('\n').nth(error.line.saturating_sub(1));
        let before = error.column.saturating_sub(1);
        let left_out = before.saturating_sub(SHOWN_CHARS_MAX / 2);
        let shown = line.unwrap_or_default().chars().skip(left_out);
        // a tab stays one in both lines, so that the caret stays below its character
        let visible = |c: char| match c {
            '\t' => c,
            _ if c.is_control() => '\u{fffd}',
            _ => c,
        };
        let line: String = shown.take(SHOWN_CHARS_MAX).map(visible).collect();
        let blank = |c: char| if c == '\t' { c } else { ' ' };
        let mut caret: String = line.chars().take(before - left_out).map(blank).collect();
        caret.push('^');
        Self { error, line, caret }
    }
}

impl fmt::Display for Pointed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.error)?;
        writeln!(f, "  {}", self.line)?;
        writeln!(f, "  {}", self.caret)?;
        write!(f, "  expected: {}", self.error.expected)
    }
}

/// Reads an expression. The API is asked for its groups when the text names one.
///
/// # Errors
/// See [`ExpressionError`].
pub(crate) async fn read(api: &Api, text: &str) -> Result<Spelled, ExpressionError> {
    let wrong = |error| ExpressionError::Wrong(Pointed::new(text, error));
    let names_groups = Cell::new(false);
    let spelled = Spelled::read(text, |_| {
        names_groups.set(true);
        Some(Expression::default())
    });
    let spelled = spelled.map_err(wrong)?;
    if !names_groups.get() {
        return Ok(spelled);
    }
    let groups = Groups::fetch(api).await?;
    Spelled::read(text, |group| groups.expression(group)).map_err(wrong)
}

/// How an expression was understood: its one spelling, then a line for each term.
pub(crate) fn understood(spelled: &Spelled) -> String {
    let expression = spelled.expression().to_string();
    if expression.is_empty() {
        return "understood as: every trace".to_owned();
    }
    let lines = spelled.outline();
    let place = |line: &Line| {
        let place = line.place.map(|(line, column)| format!("{line}:{column}"));
        place.unwrap_or_default()
    };
    let width = lines
        .iter()
        .map(|line| place(line).len())
        .max()
        .unwrap_or(0);
    let lines = lines.iter().map(|line| {
        let indent = line.depth * 2;
        format!("\n  {:width$}  {:indent$}{}", place(line), "", line.text)
    });
    format!("understood as: {expression}{}", lines.collect::<String>())
}

/// The expressions of the groups that are stored, by name and by ARN.
struct Groups(HashMap<String, String>);

impl Groups {
    async fn fetch(api: &Api) -> Result<Self, ApiError> {
        let mut known = HashMap::new();
        api.pages("/Groups", json!({}), "Groups", |group| {
            let member = |name| group.get(name).and_then(Value::as_str).unwrap_or_default();
            for name in ["GroupName", "GroupARN"] {
                let filter = member("FilterExpression").to_owned();
                known.insert(member(name).to_owned(), filter);
            }
        })
        .await?;
        Ok(Self(known))
    }

    fn expression(&self, group: GroupRef<'_>) -> Option<Expression> {
        let (GroupRef::Name(name) | GroupRef::Arn(name)) = group;
        // an ARN is never a name: names have no colon
        let is_kind = match group {
            GroupRef::Name(name) => !name.starts_with("arn:"),
            GroupRef::Arn(arn) => arn.starts_with("arn:"),
        };
        match self.0.get(name).filter(|_| is_kind) {
            Some(text) => parse_group(text).ok(),
            None => (name == DEFAULT_GROUP).then(Expression::default),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pointed(text: &str) -> String {
        let error = Spelled::read(text, |_| None).unwrap_err();
        Pointed::new(text, error).to_string()
    }

    #[test]
    fn an_error_points_at_its_column_and_says_what_was_expected() {
        assert_eq!(
            pointed("duration < "),
            "Error Location: line 1, position 12 : Invalid input symbol: 'duration < '\n  \
             duration < \n             ^\n  expected: a number"
        );
        assert_eq!(
            pointed("ok\nAND\t(foo)"),
            "Error Location: line 2, position 6 : Invalid input symbol: 'foo'\n  \
             AND\t(foo)\n     \t ^\n  expected: one of the keywords ok, error, fault, throttle, \
             partial, inferred, responsetime, duration, http.status, http.url, http.method, \
             http.useragent, http.clientip, user, availabilityzone, instance.id, resource.arn, \
             account.id, annotation.key, service(), edge(), rootcause..., group.name, group.arn, \
             '!', '('"
        );
    }

    #[test]
    fn a_long_line_is_shown_around_its_error_alone() {
        let text = format!("{}? {}", "ok ".repeat(1000), "ok ".repeat(1000));
        let shown = pointed(&text);
        let lines: Vec<&str> = shown.lines().collect();
        let caret = lines[2].chars().position(|c| c == '^').unwrap();
        assert_eq!(lines[1].chars().nth(caret), Some('?'));
        assert_eq!(lines[1].chars().count(), 2 + SHOWN_CHARS_MAX);
    }

    #[test]
    fn what_was_understood_is_a_line_per_term() {
        let spelled = Spelled::read("OK service(\"a\"){!fault}", |_| None).unwrap();
        assert_eq!(
            understood(&spelled),
            "understood as: ok AND service(\"a\") { !fault }\n        all of\n  1:1     ok\n  \
             1:4     service(\"a\")\n            not\n  1:18        fault"
        );
        let spelled = Spelled::read(" ", |_| None).unwrap();
        assert_eq!(understood(&spelled), "understood as: every trace");
    }
}
