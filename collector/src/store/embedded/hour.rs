//! The unit of partition and of retention: one UTC hour of arrival, one log file.
//!
//! `log/2026-11-21/14.log` holds what arrived from 14:00 to 15:00. Never a time out of a document or
//! a trace id: those are whatever a client says.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use jiff::civil::Date;
use jiff::tz::Offset;
use radiograph_protocol::timestamp::Timestamp;

const SECONDS: i64 = 3600;

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

    /// The first moment after the hour.
    pub(super) fn end(self) -> Timestamp {
        Timestamp::from_seconds((i64::from(self.0) + 1) * SECONDS)
    }

    /// The directory of the hour's day.
    pub(super) fn day_dir(self, log_dir: &Path) -> PathBuf {
        log_dir.join(self.civil().date().to_string())
    }

    /// The hour's log file.
    pub(super) fn path(self, log_dir: &Path) -> PathBuf {
        self.day_dir(log_dir)
            .join(format!("{:02}.log", self.civil().hour()))
    }

    fn civil(self) -> jiff::civil::DateTime {
        let time = jiff::Timestamp::from_second(i64::from(self.0) * SECONDS);
        Offset::UTC.to_datetime(time.unwrap_or(jiff::Timestamp::UNIX_EPOCH))
    }

    /// The hour whose names these are; `None` for anything that [`Self::path`] does not write.
    fn parse(day: &str, file: &str) -> Option<Self> {
        let date: Date = day.parse().ok()?;
        let hour: i8 = file.strip_suffix(".log")?.parse().ok()?;
        let time = Offset::UTC
            .to_timestamp(date.at(hour.clamp(0, 23), 0, 0, 0))
            .ok()?;
        let found = Self::of(Timestamp::from_seconds(time.as_second()));
        let path = found.path(Path::new(""));
        (path == Path::new(day).join(file)).then_some(found)
    }
}

/// The hours that have a log file, oldest first. Files with other names are left alone.
///
/// # Errors
/// When a directory cannot be read.
pub(super) fn hours_in(log_dir: &Path) -> io::Result<Vec<Hour>> {
    let mut hours = Vec::new();
    for day in fs::read_dir(log_dir)? {
        let day = day?;
        if !day.file_type()?.is_dir() {
            continue;
        }
        for file in fs::read_dir(day.path())? {
            let (day, file) = (day.file_name(), file?.file_name());
            let names = day.to_str().zip(file.to_str());
            hours.extend(names.and_then(|(day, file)| Hour::parse(day, file)));
        }
    }
    hours.sort();
    Ok(hours)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_hour_is_named_after_its_utc_day_and_read_back() {
        let hour = Hour::of(Timestamp::from_seconds(1_795_271_400));
        assert_eq!(
            hour.path(Path::new("log")),
            Path::new("log/2026-11-21/14.log")
        );
        assert_eq!(Hour::parse("2026-11-21", "14.log"), Some(hour));
        assert_eq!(hour.end(), Timestamp::from_seconds(1_795_273_200));
    }

    #[test]
    fn other_names_are_no_hours() {
        for (day, file) in [
            ("2026-11-21", "24.log"),
            ("2026-11-21", "1.log"),
            ("2026-11-21", "-1.log"),
            ("2026-11-21", "14.log~"),
            ("2026-11-31", "14.log"),
            ("20261121", "14.log"),
            ("lost+found", "14.log"),
        ] {
            assert_eq!(Hour::parse(day, file), None, "{day}/{file}");
        }
    }

    #[test]
    fn a_clock_out_of_range_gives_the_nearest_hour_with_a_name() {
        let first = Hour::of(Timestamp::MIN);
        let last = Hour::of(Timestamp::MAX);
        assert_eq!(first.path(Path::new("")), Path::new("1970-01-01/00.log"));
        assert_eq!(last.path(Path::new("")), Path::new("9999-12-29/23.log"));
        assert_eq!(Hour::parse("9999-12-29", "23.log"), Some(last));
    }
}
