//! The flags of `radiograph query`.

use clap::{Args, ValueEnum};

use super::moment::{Moment, moment};
use crate::api::Endpoint;

/// Traces shown at most, whatever is asked for: each costs some kilobytes until the table is printed.
const LIMIT_MAX: u32 = 100_000;

/// Show the traces that a filter expression selects, newest first.
///
/// The expression is X-Ray's; without one, every trace of the time is shown. Where it is wrong, a caret
/// points at the column, and exit code 2 says so. A time longer than the collector answers at once is
/// asked for in pieces.
#[derive(Debug, Clone, Args)]
pub(crate) struct Options {
    /// The filter expression, for instance 'service("api") { fault } AND responsetime > 1'.
    #[arg(default_value = "", hide_default_value = true)]
    pub(crate) expression: String,

    /// From when on: how long ago (30m, 6h, 7d), or a date such as 2026-01-31T12:00:00Z.
    #[arg(long, default_value = "1h", value_name = "TIME", value_parser = moment)]
    pub(crate) since: Moment,

    /// Until when, in the same forms.
    #[arg(long, default_value = "now", value_name = "TIME", value_parser = moment)]
    pub(crate) until: Moment,

    /// Show so many traces at most.
    #[arg(
        long,
        default_value = "100",
        value_name = "N",
        value_parser = clap::value_parser!(u32).range(1..=i64::from(LIMIT_MAX))
    )]
    pub(crate) limit: u32,

    /// Print each summary as a line of JSON, as the collector sent it, with ConsoleUrl added.
    #[arg(long)]
    pub(crate) json: bool,

    /// What of a trace has to lie in the time: its start, any of it, or the end of a segment.
    #[arg(long, value_enum, default_value_t = Range::TraceId)]
    pub(crate) range: Range,

    /// Say on standard error how the expression was understood, and what was read for it.
    #[arg(long)]
    pub(crate) explain: bool,

    /// Where.
    #[command(flatten)]
    pub(crate) at: Endpoint,
}

/// `TimeRangeType`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Range {
    /// The trace began then.
    TraceId,
    /// The trace was active then.
    Event,
    /// A segment of the trace ended then.
    Service,
}

impl Range {
    /// As the API spells it.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::TraceId => "TraceId",
            Self::Event => "Event",
            Self::Service => "Service",
        }
    }
}
