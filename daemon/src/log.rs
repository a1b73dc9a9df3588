//! Log lines as AWS's daemon writes them: `2026-11-21T12:37:34Z [Info] text` (`spec/daemon.md`
//! section 11), with our fields after the text.
//!
//! To standard output or to a file alone, which is rotated by size. Writing is synchronous; there is
//! no line per segment above debug. Where a file cannot be written, AWS's daemon has no log at all;
//! this one writes to standard output and says so. Where standard output is systemd's journal, lines go
//! there with priority and fields, their text the same.

mod rotating;
mod target;

use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;
use jiff::tz::{Offset, TimeZone};
use radiograph_admin::push_escaped;
use radiograph_admin::systemd::Journal;
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::{SubscriberInitExt, TryInitError};
use tracing_subscriber::{Registry, reload};

use crate::clock;
use crate::config::{LogConfig, LogLevel};
use target::{OpenError, Target};

/// The process's log, for what a running daemon changes in it.
#[derive(Debug)]
pub struct Log {
    level: reload::Handle<Targets, Registry>,
    target: Arc<Target>,
}

/// Begins this process's log; the lines of libraries from `warn` on. A file that cannot be opened is
/// named in a warning.
///
/// # Errors
/// When the process has a log already.
pub fn install(config: &LogConfig) -> Result<Log, TryInitError> {
    let (target, failure) = Target::open(config);
    // A file that somebody asked for is written alone.
    let journal = config
        .path
        .is_none()
        .then(|| Journal::of_stdout("radiograph-daemon"));
    let (subscriber, log) = subscriber(config.level, target, journal.flatten());
    subscriber.try_init()?;
    if let Some(error) = failure {
        warn_of(&error);
    }
    Ok(log)
}

impl Log {
    /// Logs this much from now on.
    pub fn set_level(&self, level: LogLevel) {
        if let Err(error) = self.level.reload(filter(level)) {
            tracing::error!(%error, "Log level cannot be changed");
        }
    }

    /// Opens the file again, for `logrotate` and its like, which have moved the old one away; where
    /// that cannot be done, goes on with what there is and warns. Nothing happens without a file.
    pub fn reopen(&self) {
        if let Err(error) = self.target.reopen() {
            warn_of(&error);
        }
    }
}

fn warn_of(error: &OpenError) {
    let cause = &error.source;
    tracing::warn!("{error}: {cause}; {}", error.instead);
}

fn subscriber(
    level: LogLevel,
    target: Target,
    journal: Option<Journal>,
) -> (impl Subscriber + Send + Sync, Log) {
    let (filter, level) = reload::Layer::new(filter(level));
    let target = Arc::new(target);
    // Without its own reports of failed writing, which panic where standard error is closed.
    let lines = journal.is_none().then(|| {
        tracing_subscriber::fmt::layer()
            .event_format(AwsFormat)
            .with_writer(Arc::clone(&target))
            .log_internal_errors(false)
    });
    let subscriber = tracing_subscriber::registry()
        .with(filter)
        .with(lines)
        .with(journal);
    (subscriber, Log { level, target })
}

fn filter(level: LogLevel) -> Targets {
    let ours = match level {
        LogLevel::Trace => LevelFilter::TRACE,
        LogLevel::Debug => LevelFilter::DEBUG,
        LogLevel::Info => LevelFilter::INFO,
        LogLevel::Warn => LevelFilter::WARN,
        LogLevel::Error => LevelFilter::ERROR,
    };
    Targets::new()
        .with_target("radiograph_daemon", ours)
        .with_default(ours.min(LevelFilter::WARN))
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

    #[test]
    fn the_level_can_be_changed_while_the_log_is_written() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("xray.log");
        let config = LogConfig {
            level: LogLevel::Info,
            path: Some(path.clone()),
            rotate: true,
        };
        let (target, failure) = Target::open(&config);
        assert!(failure.is_none(), "{failure:?}");
        let (subscriber, log) = subscriber(config.level, target, None);
        tracing::subscriber::with_default(subscriber, || {
            for level in [LogLevel::Info, LogLevel::Error, LogLevel::Trace] {
                log.set_level(level);
                tracing::trace!("trace at {level:?}");
                tracing::info!("info at {level:?}");
                tracing::error!(count = 1, "error at {level:?}");
                tracing::info!(target: "library", "info of a library");
            }
        });
        let text = std::fs::read_to_string(&path).unwrap();
        let lines: Vec<&str> = text
            .lines()
            .map(|line| line.split_once(' ').unwrap().1)
            .collect();
        let expected = [
            "[Info] info at Info",
            "[Error] error at Info count=1",
            "[Error] error at Error count=1",
            "[Trace] trace at Trace",
            "[Info] info at Trace",
            "[Error] error at Trace count=1",
        ];
        assert_eq!(lines, expected);
    }
}
