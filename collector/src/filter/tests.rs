//! Filter expressions: tables of expression × trace, the errors, and what holds of every expression.

mod errors;
mod examples;
mod odd;
mod properties;
mod reading;
mod traces;
mod why;

use super::{Expression, GroupRef};

/// Nobody has made a group.
fn no_groups(_: GroupRef<'_>) -> Option<Expression> {
    None
}
