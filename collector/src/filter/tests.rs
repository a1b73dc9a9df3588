//! Filter expressions: tables of expression × trace, the errors, and what holds of every expression.

mod errors;
pub(crate) mod examples;
mod odd;
pub(crate) mod properties;
mod reading;
pub(crate) mod traces;
mod why;

use super::{Expression, GroupRef};

/// Nobody has made a group.
fn no_groups(_: GroupRef<'_>) -> Option<Expression> {
    None
}
