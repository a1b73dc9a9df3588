//! What a run does to this process every ten seconds: documents acknowledged, memory, CPU by thread.

use std::collections::BTreeMap;
use std::fs;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use anyhow::Context as _;
use radiograph_collector::clock;

use super::load::Counts;
use crate::as_f64;
use crate::daemon::proc;

/// How often there is a look.
const INTERVAL: Duration = Duration::from_secs(10);

/// An interval.
#[derive(Debug, Clone, Copy)]
pub struct Interval {
    /// Seconds since the begin, at its end.
    pub at: f64,
    /// Documents acknowledged a second.
    pub rate: f64,
    /// Memory that belongs to the process at its end, in MB: mapped files are not counted.
    pub resident_mb: f64,
}

/// What was seen.
#[derive(Debug, Default)]
pub struct Watched {
    /// One after the other.
    pub intervals: Vec<Interval>,
}

impl Watched {
    /// Watches for so many seconds, and prints each interval.
    ///
    /// # Errors
    /// When `/proc` cannot be read.
    pub async fn of(
        seconds: u64,
        counts: &Arc<Counts>,
        mut tell: impl FnMut(&Interval),
    ) -> anyhow::Result<Self> {
        let begun = clock::instant();
        let until = begun + Duration::from_secs(seconds);
        let mut watched = Self::default();
        let (mut last, mut documents) = (begun, 0);
        while clock::instant() < until {
            let next = (last + INTERVAL).min(until);
            tokio::time::sleep_until(next.into()).await;
            let now = clock::instant();
            let count = counts.documents.load(Ordering::Relaxed);
            let length = now.saturating_duration_since(last).as_secs_f64();
            let interval = Interval {
                at: now.saturating_duration_since(begun).as_secs_f64(),
                rate: as_f64(count - documents) / length,
                resident_mb: as_f64(anonymous_bytes()?) / 1e6,
            };
            tell(&interval);
            watched.intervals.push(interval);
            (last, documents) = (now, count);
        }
        Ok(watched)
    }

    /// The least and the middle rate.
    #[must_use]
    pub fn rates(&self) -> (f64, f64) {
        let mut rates: Vec<f64> = self.intervals.iter().map(|each| each.rate).collect();
        rates.sort_by(f64::total_cmp);
        let at = |place: usize| rates.get(place).copied().unwrap_or_default();
        (at(0), at(rates.len() / 2))
    }

    /// By how many MB a minute memory grows over the second half, by least squares; `None` of a run
    /// that is too short to tell.
    #[must_use]
    pub fn growth(&self) -> Option<f64> {
        let half = self.intervals.get(self.intervals.len() / 2..)?;
        if half.len() < 3 {
            return None;
        }
        let count = as_f64(half.len() as u64);
        let mean = |of: &dyn Fn(&Interval) -> f64| half.iter().map(of).sum::<f64>() / count;
        let (at, resident) = (mean(&|each| each.at), mean(&|each| each.resident_mb));
        let product = |each: &Interval| (each.at - at) * (each.resident_mb - resident);
        let square = |each: &Interval| (each.at - at) * (each.at - at);
        let slope = half.iter().map(product).sum::<f64>() / half.iter().map(square).sum::<f64>();
        Some(slope * 60.0)
    }
}

/// What the committer's thread wrote so far.
#[derive(Debug, Clone, Copy, Default)]
pub struct Written {
    /// Writes, each of a commit and followed by a sync, but for the few that hold views alone.
    pub writes: u64,
    /// Bytes.
    pub bytes: u64,
}

/// What the thread that commits wrote so far.
///
/// # Errors
/// When there is no such thread.
pub fn written_by_committer() -> anyhow::Result<Written> {
    for entry in fs::read_dir("/proc/self/task")? {
        let folder = entry?.path();
        if fs::read_to_string(folder.join("comm"))?.trim() != "store-committer" {
            continue;
        }
        let io = fs::read_to_string(folder.join("io"))?;
        return Ok(Written {
            writes: field(&io, "syscw:")?,
            bytes: field(&io, "wchar:")?,
        });
    }
    anyhow::bail!("no thread commits")
}

/// CPU by kind of thread, so far.
///
/// # Errors
/// When `/proc` cannot be read.
pub fn cpu_by_kind() -> anyhow::Result<BTreeMap<String, Duration>> {
    let mut kinds = BTreeMap::<String, Duration>::new();
    for (name, _, used) in proc::cpu_by_thread(std::process::id())? {
        *kinds.entry(name).or_default() += used;
    }
    Ok(kinds)
}

fn anonymous_bytes() -> anyhow::Result<u64> {
    let status = fs::read_to_string("/proc/self/status")?;
    Ok(field(&status, "RssAnon:")? * 1024)
}

fn field(text: &str, name: &str) -> anyhow::Result<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name));
    let number = line.and_then(|line| line.split_whitespace().next());
    Ok(number.with_context(|| format!("no {name}"))?.parse()?)
}
