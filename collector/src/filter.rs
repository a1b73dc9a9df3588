//! Filter expressions: which traces a query, a group or a selector means.
//!
//! Pure: text to [`Expression`], expression and view to a truth value. Work is linear in the text
//! for reading, and in text × view for evaluating. Source: `spec/filter-expressions.md`.

pub(crate) mod ast;
mod error;
mod eval;
pub(crate) mod keyword;
mod lex;
mod parse;
mod print;
mod root_cause_json;
mod selector;
mod spelled;
mod why;

pub use ast::{Expression, NodePattern};
pub use error::FilterError;
pub use selector::{Selector, parse_selector};
pub use spelled::{Line, Spelled};
pub use why::{Inside, Reason, Why};

use parse::{Groups, Parser};

/// The group that holds every trace, whatever else is stored (`spec/filter-expressions.md` section 6).
pub const DEFAULT_GROUP: &str = "Default";

/// How an expression names a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GroupRef<'a> {
    /// `group.name`.
    Name(&'a str),
    /// `group.arn`.
    Arn(&'a str),
}

/// Reads a filter expression; a blank text selects every trace.
///
/// `groups` tells the expression of a group, `None` when there is no such group. It is put in place
/// of the reference, so that nobody needs the groups afterwards; `group.name = "Default"` selects
/// every trace without asking.
///
/// # Errors
/// When the text is too long, too deep or no expression, or names a group that is not there.
pub fn parse(
    text: &str,
    groups: impl Fn(GroupRef<'_>) -> Option<Expression>,
) -> Result<Expression, FilterError> {
    Parser::new(text, Groups::Known(&groups))?.expression()
}

/// Reads the expression of a group itself, in which terms about groups are errors.
///
/// # Errors
/// When the text is too long, too deep or no expression, or speaks of groups.
pub fn parse_group(text: &str) -> Result<Expression, FilterError> {
    Parser::new(text, Groups::Refused)?.expression()
}

#[cfg(test)]
pub(crate) mod tests;
