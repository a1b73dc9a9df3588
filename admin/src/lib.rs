//! What the daemon and the collector tell of themselves, each in its own words and both in one form:
//! `/livez`, `/readyz` and `/metrics` on an address of their own, the health check that asks there,
//! log lines that do not repeat without end, and what systemd wants to hear.
//!
//! Nothing here knows what either server counts or when it is ready: that is for them to answer
//! ([`Answers`]). Time is handed in. Source: `spec/daemon.md` section 13.

pub mod address;
pub mod health;
pub mod log_limit;
pub mod process;
mod server;
pub mod systemd;
pub mod text;

pub use server::{Admin, Answers, Verdict, lines};

use std::error::Error;

/// An error and its causes in one line.
#[must_use]
pub fn with_causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

/// Adds a text to a log line with its control characters escaped: a line stays a line.
pub fn push_escaped(text: &mut String, value: &str) {
    for character in value.chars() {
        if character.is_control() {
            text.extend(character.escape_default());
        } else {
            text.push(character);
        }
    }
}
