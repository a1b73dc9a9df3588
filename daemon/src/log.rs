//! Log lines as AWS's daemon writes them: `2026-11-21T12:37:34Z [Info] text` (`spec/daemon.md`
//! section 11), with our fields after the text.

use std::fmt;

use jiff::Timestamp;
use jiff::tz::{Offset, TimeZone};
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt;

use crate::clock;
use crate::config::LogLevel;

/// Sends this process's log to standard output; the lines of libraries from `warn` on.
///
/// # Errors
/// When the process has a log already.
pub fn install(level: LogLevel) -> Result<(), tracing_subscriber::util::TryInitError> {
    let ours = match level {
        LogLevel::Trace => LevelFilter::TRACE,
        LogLevel::Debug => LevelFilter::DEBUG,
        LogLevel::Info => LevelFilter::INFO,
        LogLevel::Warn => LevelFilter::WARN,
        LogLevel::Error => LevelFilter::ERROR,
    };
    let filter = Targets::new()
        .with_target("radiograph_daemon", ours)
        .with_default(ours.min(LevelFilter::WARN));
    let lines = tracing_subscriber::fmt::layer().event_format(AwsFormat);
    tracing_subscriber::registry()
        .with(lines)
        .with(filter)
        .try_init()
}

struct AwsFormat;

impl<S, N> FormatEvent<S, N> for AwsFormat
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        _: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let mut text = Text::default();
        event.record(&mut text);
        let level = level_word(*event.metadata().level());
        let Text { message, fields } = text;
        let seconds = i64::try_from(clock::since_epoch().as_secs()).unwrap_or(i64::MAX);
        let time = Timestamp::from_second(seconds).unwrap_or(Timestamp::MAX);
        let zone = TimeZone::system();
        writeln!(
            writer,
            "{} [{level}] {message}{fields}",
            time_text(time, zone.to_offset(time))
        )
    }
}

/// RFC 3339 with the offset, `Z` for UTC.
fn time_text(time: Timestamp, offset: Offset) -> String {
    if offset == Offset::UTC {
        return time.to_string();
    }
    time.display_with_offset(offset).to_string()
}

const fn level_word(level: Level) -> &'static str {
    match level {
        Level::TRACE => "Trace",
        Level::DEBUG => "Debug",
        Level::INFO => "Info",
        Level::WARN => "Warn",
        Level::ERROR => "Error",
    }
}

/// An event's message and its other fields, control characters escaped: a line stays a line.
#[derive(Default)]
struct Text {
    message: String,
    fields: String,
}

impl Visit for Text {
    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "message" {
            push_escaped(&mut self.message, value);
        } else {
            push_field(&mut self.fields, field.name(), &format_args!("{value:?}"));
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if field.name() == "message" {
            push_escaped(&mut self.message, &format!("{value:?}"));
        } else {
            push_field(&mut self.fields, field.name(), value);
        }
    }
}

fn push_field(fields: &mut String, name: &str, value: &dyn fmt::Debug) {
    push_escaped(fields, &format!(" {name}={value:?}"));
}

fn push_escaped(text: &mut String, value: &str) {
    for character in value.chars() {
        if character.is_control() {
            text.extend(character.escape_default());
        } else {
            text.push(character);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_with_the_offset() {
        let time = Timestamp::from_second(1_795_264_654).unwrap();
        assert_eq!(time_text(time, Offset::UTC), "2026-11-21T12:37:34Z");
        assert_eq!(
            time_text(time, Offset::constant(2)),
            "2026-11-21T14:37:34+02:00"
        );
    }

    #[test]
    fn a_value_from_outside_cannot_begin_a_new_line() {
        let mut text = String::new();
        push_escaped(&mut text, "a\n2026-11-21T12:37:34Z [Error] b\x1b[0m");
        assert_eq!(text, r"a\n2026-11-21T12:37:34Z [Error] b\u{1b}[0m");
    }
}
