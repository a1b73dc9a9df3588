//! The unit of partition and of retention: one UTC hour of arrival, and the names of its files.
//!
//! `log/2026-11-21/14.log` holds what arrived from 14:00 on, `14-001.log` what came once that was full,
//! and `14-000.sealed` what stood in the first of them. Never a time out of a document or a trace id:
//! those are whatever a client says.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use jiff::civil::Date;
use jiff::tz::Offset;
use radiograph_protocol::timestamp::Timestamp;

const SECONDS: i64 = 3600;

/// How the names of files end that were set aside as damaged, for a person to look at. They go when
/// their hour does.
pub(super) const DAMAGED: &str = ".damaged";

/// Hours since the Unix epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Hour(u32);

impl Hour {
    /// The last hour that has a name: 9999-12-29T23, clear of the end of the calendar.
    const LAST: Self = Self(70_389_479);

    /// The hour of a time; a clock set before 1970 or after 9999 gives the nearest hour with a name.
    pub(super) fn of(time: Timestamp) -> Self {
        let hours = time.seconds_floor().div_euclid(SECONDS).max(0);
        Self(u32::try_from(hours).unwrap_or(u32::MAX)).min(Self::LAST)
    }

    /// The first moment of the hour.
    pub(super) fn start(self) -> Timestamp {
        Timestamp::from_seconds(i64::from(self.0) * SECONDS)
    }

    /// The first moment after the hour.
    pub(super) fn end(self) -> Timestamp {
        Timestamp::from_seconds((i64::from(self.0) + 1) * SECONDS)
    }

    /// The directory of the hour's day.
    pub(super) fn day_dir(self, log_dir: &Path) -> PathBuf {
        log_dir.join(self.civil().date().to_string())
    }

    fn civil(self) -> jiff::civil::DateTime {
        let time = jiff::Timestamp::from_second(i64::from(self.0) * SECONDS);
        Offset::UTC.to_datetime(time.unwrap_or(jiff::Timestamp::UNIX_EPOCH))
    }

    /// The hour of a day's directory and a number of hours; `None` when there is none.
    fn parse(day: &str, hour: &str) -> Option<Self> {
        let date: Date = day.parse().ok()?;
        let hour: i8 = hour.parse().ok()?;
        let time = Offset::UTC
            .to_timestamp(date.at(hour.clamp(0, 23), 0, 0, 0))
            .ok()?;
        Some(Self::of(Timestamp::from_seconds(time.as_second())))
    }
}

/// The name of a log: its hour, and its number among those of the hour, in order of their making.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct LogName {
    /// What arrived in this hour stands there.
    pub(super) hour: Hour,
    /// From 0.
    pub(super) sequence: u32,
}

impl LogName {
    /// The file: `14.log` is an hour's first, `14-001.log` the next.
    pub(super) fn path(self, log_dir: &Path) -> PathBuf {
        let hour = self.hour.civil().hour();
        let name = match self.sequence {
            0 => format!("{hour:02}.log"),
            sequence => format!("{hour:02}-{sequence:03}.log"),
        };
        self.hour.day_dir(log_dir).join(name)
    }

    /// The name of the sealed file that takes its place.
    pub(super) const fn sealed(self) -> SealedName {
        SealedName {
            last: self,
            generation: 0,
        }
    }

    fn parse(day: &str, file: &str) -> Option<Self> {
        let stem = file.strip_suffix(".log")?;
        let (hour, sequence) = stem.split_once('-').unwrap_or((stem, "0"));
        let found = Self {
            hour: Hour::parse(day, hour)?,
            sequence: sequence.parse().ok()?,
        };
        // only what `path` writes, so that no file of others is taken for ours
        (found.path(Path::new("")) == Path::new(day).join(file)).then_some(found)
    }
}

/// The name of a sealed file. Ordered as what they hold arrived.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct SealedName {
    /// The last of the logs that it holds.
    pub(super) last: LogName,
    /// 0 for what was sealed from a log; what was merged is one above the greatest of its inputs.
    pub(super) generation: u32,
}

impl SealedName {
    /// The file: `14-000.sealed` from a log, `14-003-m1.sealed` from several sealed files.
    pub(super) fn path(self, log_dir: &Path) -> PathBuf {
        let (hour, sequence) = (self.last.hour.civil().hour(), self.last.sequence);
        let name = match self.generation {
            0 => format!("{hour:02}-{sequence:03}.sealed"),
            generation => format!("{hour:02}-{sequence:03}-m{generation}.sealed"),
        };
        self.last.hour.day_dir(log_dir).join(name)
    }

    /// The same below the directory of logs, as other files refer to it.
    pub(super) fn relative(self) -> String {
        self.path(Path::new("")).display().to_string()
    }

    fn parse(day: &str, file: &str) -> Option<Self> {
        let (hour, rest) = file.strip_suffix(".sealed")?.split_once('-')?;
        let (sequence, generation) = rest.split_once("-m").unwrap_or((rest, "0"));
        let found = Self {
            last: LogName {
                hour: Hour::parse(day, hour)?,
                sequence: sequence.parse().ok()?,
            },
            generation: generation.parse().ok()?,
        };
        (found.path(Path::new("")) == Path::new(day).join(file)).then_some(found)
    }
}

/// The files of a directory of logs.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// Logs, oldest first.
    pub(super) logs: Vec<LogName>,
    /// Sealed files, oldest first.
    pub(super) sealed: Vec<SealedName>,
    /// Sealed files that a process died over.
    pub(super) half_made: Vec<PathBuf>,
}

/// Logs, and files that were set aside as damaged, of hours that were over at `time`. A directory that
/// cannot be read has none.
pub(super) fn left_before(log_dir: &Path, time: Timestamp) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for day in fs::read_dir(log_dir).into_iter().flatten().flatten() {
        for file in fs::read_dir(day.path()).into_iter().flatten().flatten() {
            let (day, name) = (day.file_name(), file.file_name());
            let names = day.to_str().zip(name.to_str());
            let log = names.and_then(|(day, name)| {
                let Some(stem) = name.strip_suffix(DAMAGED) else {
                    return LogName::parse(day, name);
                };
                let sealed = || SealedName::parse(day, stem).map(|sealed| sealed.last);
                LogName::parse(day, stem).or_else(sealed)
            });
            if log.is_some_and(|log| log.hour.end() <= time) {
                found.push(file.path());
            }
        }
    }
    found
}

/// What is in a directory of logs. Files with other names are left alone.
///
/// # Errors
/// When a directory cannot be read.
pub(super) fn files_in(log_dir: &Path) -> io::Result<Found> {
    let mut found = Found::default();
    for day in fs::read_dir(log_dir)? {
        let day = day?;
        if !day.file_type()?.is_dir() {
            continue;
        }
        for file in fs::read_dir(day.path())? {
            let file = file?;
            let (day, name) = (day.file_name(), file.file_name());
            let Some((day, name)) = day.to_str().zip(name.to_str()) else {
                continue;
            };
            found.logs.extend(LogName::parse(day, name));
            found.sealed.extend(SealedName::parse(day, name));
            let half_made = name.strip_suffix(".part");
            if half_made.is_some_and(|name| SealedName::parse(day, name).is_some()) {
                found.half_made.push(file.path());
            }
        }
    }
    found.logs.sort_unstable();
    found.sealed.sort_unstable();
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log(seconds: i64, sequence: u32) -> LogName {
        LogName {
            hour: Hour::of(Timestamp::from_seconds(seconds)),
            sequence,
        }
    }

    #[test]
    fn files_are_named_after_the_utc_day_and_read_back() {
        let first = log(1_795_271_400, 0);
        let later = log(1_795_271_400, 1234);
        let merged = SealedName {
            last: later,
            generation: 2,
        };
        let path = |path: PathBuf| path.display().to_string();
        assert_eq!(path(first.path(Path::new("log"))), "log/2026-11-21/14.log");
        assert_eq!(
            later.path(Path::new("")),
            Path::new("2026-11-21/14-1234.log")
        );
        assert_eq!(first.sealed().relative(), "2026-11-21/14-000.sealed");
        assert_eq!(merged.relative(), "2026-11-21/14-1234-m2.sealed");
        assert_eq!(LogName::parse("2026-11-21", "14.log"), Some(first));
        assert_eq!(LogName::parse("2026-11-21", "14-1234.log"), Some(later));
        assert_eq!(
            SealedName::parse("2026-11-21", "14-1234-m2.sealed"),
            Some(merged)
        );
        assert_eq!(first.hour.end(), Timestamp::from_seconds(1_795_273_200));
        assert!(first.sealed() < merged && later.sealed() < merged);
    }

    #[test]
    fn other_names_are_none_of_ours() {
        for (day, file) in [
            ("2026-11-21", "24.log"),
            ("2026-11-21", "1.log"),
            ("2026-11-21", "-1.log"),
            ("2026-11-21", "14-1.log"),
            ("2026-11-21", "14-000.log"),
            ("2026-11-21", "14.sealed"),
            ("2026-11-21", "14-001-m0.sealed"),
            ("2026-11-21", "14-001-m01.sealed"),
            ("2026-11-21", "14.log~"),
            ("2026-11-31", "14.log"),
            ("20261121", "14.log"),
            ("lost+found", "14.log"),
        ] {
            let found = (LogName::parse(day, file), SealedName::parse(day, file));
            assert_eq!(found, (None, None), "{day}/{file}");
        }
    }

    #[test]
    fn a_clock_out_of_range_gives_the_nearest_hour_with_a_name() {
        let named = |time, name: &str| {
            let hour = Hour::of(time);
            let log = LogName { hour, sequence: 0 };
            assert_eq!(log.path(Path::new("")), Path::new(name));
        };
        named(Timestamp::MIN, "1970-01-01/00.log");
        named(Timestamp::MAX, "9999-12-29/23.log");
    }
}
