//! The flags of `radiograph pin`, `pins` and `unpin`.

use std::convert::Infallible;
use std::str::FromStr;
use std::time::Duration;

use clap::Args;
use radiograph_protocol::timestamp::Timestamp;
use serde_json::{Value, json};

use crate::api::Endpoint;
use crate::time_span::time_span;

/// Keep traces beyond retention: some by their ids, or all that started in a window.
///
/// What is pinned stays whatever its age, until `radiograph unpin`; it counts for --retention-bytes.
/// Prints the pin: its id, what it keeps, and how much of that there is. What was dropped before stays
/// away. The service graph of a window that has passed retention shows what is pinned alone.
#[derive(Debug, Clone, Args)]
pub(crate) struct Options {
    /// Traces to keep, at most 100.
    #[arg(value_name = "TRACE-ID", required_unless_present = "since")]
    pub(crate) trace_ids: Vec<String>,

    /// Keep what started from then on: how long ago (2h, 90m), epoch seconds, or 2026-11-21T14:00:00Z.
    #[arg(long, value_name = "TIME", conflicts_with = "trace_ids")]
    pub(crate) since: Option<Moment>,

    /// And before then, in the same forms [default: now].
    #[arg(long, value_name = "TIME", requires = "since")]
    pub(crate) until: Option<Moment>,

    /// Only traces that this filter expression selects when they would be dropped.
    #[arg(long, value_name = "EXPRESSION", requires = "since")]
    pub(crate) filter: Option<String>,

    /// Why, for those who find the pin later.
    #[arg(long, value_name = "TEXT")]
    pub(crate) note: Option<String>,

    /// Where.
    #[command(flatten)]
    pub(crate) at: Endpoint,
}

/// List what is kept beyond retention, a line per pin: id, what it keeps, traces and bytes that there
/// are of it now, when it was made, and its note.
#[derive(Debug, Clone, Args)]
pub(crate) struct ListOptions {
    /// Print each pin as a line of JSON.
    #[arg(long)]
    pub(crate) json: bool,

    /// Where.
    #[command(flatten)]
    pub(crate) at: Endpoint,
}

/// Remove pins: what they kept passes with what arrived when it was stored last.
#[derive(Debug, Clone, Args)]
pub(crate) struct UnpinOptions {
    /// Ids of pins, as `radiograph pins` tells them.
    #[arg(value_name = "PIN-ID", required = true)]
    pub(crate) ids: Vec<u64>,

    /// Where.
    #[command(flatten)]
    pub(crate) at: Endpoint,
}

/// A moment as a person writes it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Moment {
    /// So long ago.
    Ago(Duration),
    /// At these epoch seconds.
    Seconds(f64),
    /// As the collector reads it, and refuses it.
    Text(String),
}

impl FromStr for Moment {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Ok(seconds) = text.parse() {
            return Ok(Self::Seconds(seconds));
        }
        Ok(match time_span(text) {
            Ok(span) => Self::Ago(span),
            Err(_) => Self::Text(text.to_owned()),
        })
    }
}

impl Moment {
    /// As it stands in a request that is sent at `now`.
    pub(crate) fn before(&self, now: Timestamp) -> Value {
        match self {
            Self::Ago(span) => {
                let micros = i64::try_from(span.as_micros()).unwrap_or(i64::MAX);
                json!(now.plus_micros(micros.saturating_neg()))
            }
            Self::Seconds(seconds) => json!(seconds),
            Self::Text(text) => json!(text),
        }
    }
}
