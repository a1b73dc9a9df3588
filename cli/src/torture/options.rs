//! The flags of `radiograph torture`.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};

use super::plan::Kind;
use crate::time_span::time_span;

/// Kills made unless told otherwise.
const KILLS_DEFAULT: u64 = 20;

/// Torture a daemon and a collector of their own, and check that nothing acknowledged is lost.
///
/// Starts both on free ports with data directories of their own, sends numbered documents by UDP
/// through the daemon and by HTTP to the collector, and meanwhile kills, stops, pauses and restarts
/// both and cuts their connection. At the end everything is read back: every acknowledged document
/// must be there once, every trace settled, the service graph the sum of its requests, the daemon's
/// counters must add up. What a killed daemon held in memory may be lost, and is bounded and counted.
///
/// A full disk is played by a limit on the size of files (Linux, no rights needed): writes are torn and
/// refused with "file too large". For a disk that is really full, give --dir on a small file system
/// of its own, for instance a tmpfs, and --only without the full-... kinds.
///
/// Exit code 0 when nothing was found, 1 otherwise; then the data stays and its place is named. The
/// same --seed and --only give the same faults and the same documents.
#[derive(Debug, Clone, Args)]
pub(crate) struct Options {
    /// End after so many kills -9 [default: 20, unless --seconds is given].
    #[arg(long, value_name = "N")]
    pub(crate) kills: Option<u64>,

    /// End after so many seconds.
    #[arg(long, value_name = "N")]
    pub(crate) seconds: Option<u64>,

    /// Documents per second, half of them by UDP and half by HTTP.
    #[arg(long, default_value = "400", value_name = "N", value_parser = clap::value_parser!(u32).range(1..=20_000))]
    pub(crate) rate: u32,

    /// Time from one fault to the next, on average.
    #[arg(long, default_value = "500ms", value_name = "TIME", value_parser = time_span)]
    pub(crate) every: Duration,

    /// Repeats a run; printed at the start of each.
    #[arg(long, value_name = "N")]
    pub(crate) seed: Option<u64>,

    /// Only these kinds of faults; several with commas between.
    #[arg(long, value_name = "KINDS", value_enum, value_delimiter = ',')]
    pub(crate) only: Vec<Kind>,

    /// Empty or new directory for data and logs; it is kept [default: a temporary one, kept when
    /// something fails].
    #[arg(long, value_name = "DIRECTORY")]
    pub(crate) dir: Option<PathBuf>,

    /// The daemon's binary [default: radiograph-daemon beside this one].
    #[arg(long, value_name = "FILE")]
    pub(crate) daemon: Option<PathBuf>,

    /// The collector's binary [default: radiograph-collector beside this one].
    #[arg(long, value_name = "FILE")]
    pub(crate) collector: Option<PathBuf>,
}

/// When the faults are over: at the first bound that is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Bounds {
    pub(super) kills: Option<u64>,
    pub(super) time: Option<Duration>,
}

impl Options {
    /// The kinds of faults: all that this system can do unless told otherwise.
    pub(super) fn kinds(&self) -> Vec<Kind> {
        if !self.only.is_empty() {
            return self.only.clone();
        }
        let all = Kind::value_variants().iter().copied();
        all.filter(|kind| cfg!(target_os = "linux") || !kind.is_full())
            .collect()
    }

    /// When to end.
    ///
    /// # Errors
    /// A run that would never end.
    pub(super) fn bounds(&self) -> anyhow::Result<Bounds> {
        let kills = match (self.kills, self.seconds) {
            (None, None) => Some(KILLS_DEFAULT),
            (kills, _) => kills,
        };
        let can_kill = self.kinds().iter().any(|kind| kind.is_kill());
        if self.seconds.is_none() && !can_kill {
            anyhow::bail!("--only has no kind that kills: say with --seconds how long it goes on");
        }
        Ok(Bounds {
            kills,
            time: self.seconds.map(Duration::from_secs),
        })
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        options: Options,
    }

    fn options(line: &str) -> Options {
        let words = std::iter::once("torture").chain(line.split_whitespace());
        Line::try_parse_from(words).unwrap().options
    }

    #[test]
    fn a_run_ends_after_kills_or_seconds_and_by_itself_after_twenty_kills() {
        let bounds = |line| options(line).bounds().unwrap();
        let time = |seconds| Some(Duration::from_secs(seconds));
        for (line, kills, time) in [
            ("", Some(20), None),
            ("--kills 3", Some(3), None),
            ("--seconds 9", None, time(9)),
            ("--seconds 9 --kills 3", Some(3), time(9)),
            ("--seconds 9 --only cut", None, time(9)),
        ] {
            assert_eq!(bounds(line), Bounds { kills, time }, "{line}");
        }
    }

    #[test]
    fn a_run_that_would_never_end_is_refused() {
        for line in ["--only cut", "--only pause-daemon,cut --kills 3"] {
            let error = options(line).bounds().unwrap_err().to_string();
            assert!(error.contains("--seconds"), "{line}: {error}");
        }
    }

    #[test]
    fn kinds_are_all_or_those_asked_for() {
        assert!(options("").kinds().len() > 6);
        let two = [Kind::KillDaemon, Kind::Cut];
        assert_eq!(options("--only kill-daemon,cut").kinds(), two);
    }
}
