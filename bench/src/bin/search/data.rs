//! The shop's traces of six hours as sealed files, one for each hour, merged as the store merges them.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use radiograph_bench::shop;
use radiograph_collector::store::embedded::sealed::{SealedFile, SealedTrace, Tuning, merge, seal};
use radiograph_collector::trace::link::Producers;
use radiograph_collector::trace::view::view;
use radiograph_protocol::segment;
use radiograph_protocol::timestamp::Timestamp;

/// Hours of data.
pub(super) const HOURS: u64 = 6;
/// Different values of `annotation.order`, each of a trace in so many.
pub(super) const ORDERS: u64 = 100_000;
/// 2026-11-20, 06:00 UTC.
const BEGIN: i64 = 1_795_154_400;
const DAY: &str = "2026-11-20";
const FIRST_HOUR: u64 = 6;
/// Traces of a log when it is sealed: 64 MiB of documents.
const LOG_TRACES: u64 = 12_000;

/// The first moment of the data.
pub(super) const fn begin() -> Timestamp {
    Timestamp::from_seconds(BEGIN)
}

/// The first moment after the data.
pub(super) const fn end() -> Timestamp {
    begin().plus_micros(6 * 3_600_000_000)
}

/// Writes the files of so many traces below a data directory.
pub(super) fn write(dir: &Path, traces: u64) -> anyhow::Result<()> {
    let day = dir.join("log").join(DAY);
    std::fs::create_dir_all(&day)?;
    let mut random = fastrand::Rng::with_seed(1);
    for hour in 0..HOURS {
        let start = begin().plus_micros(i64::try_from(hour)? * 3_600_000_000);
        let arrival = (start, start.plus_micros(3_600_000_000));
        let of_hour = traces / HOURS;
        let logs = of_hour.div_ceil(LOG_TRACES).max(1);
        let mut parts = Vec::new();
        for log in 0..logs {
            let path = dir.join(format!("{hour}-{log}.part"));
            let micros = 3_600_000_000 / logs;
            let from = start.plus_micros(i64::try_from(log * micros)?);
            let traces = traces_of(&mut random, (from, micros), of_hour / logs)?;
            let traces = traces.into_iter().map(Ok);
            seal(&path, arrival, Tuning::default(), traces)?;
            parts.push(path);
        }
        let path = day.join(format!("{:02}-000.sealed", FIRST_HOUR + hour));
        merge_all(&path, &parts)?;
    }
    Ok(())
}

fn merge_all(path: &Path, parts: &[PathBuf]) -> anyhow::Result<()> {
    let files: Result<Vec<_>, _> = parts.iter().map(|part| SealedFile::open(part)).collect();
    let files = files?;
    let files: Vec<_> = files.iter().collect();
    merge(path, Tuning::default(), &files, |_, _| false)?;
    for part in parts {
        std::fs::remove_file(part)?;
    }
    Ok(())
}

/// Traces that end within so many microseconds, by id.
fn traces_of(
    random: &mut fastrand::Rng,
    (from, micros): (Timestamp, u64),
    count: u64,
) -> anyhow::Result<Vec<SealedTrace>> {
    let mut traces = Vec::new();
    for _ in 0..count {
        let now = from.plus_micros(i64::try_from(random.u64(0..micros))?);
        let mut documents = shop::trace(random, now).to_vec();
        let order = format!(r#""annotations":{{"order":"o{}","#, random.u64(0..ORDERS));
        if let Some(first) = documents.first_mut() {
            *first = first.replacen(r#""annotations":{"#, &order, 1);
        }
        let first = documents.first().context("a trace without documents")?;
        let trace_id = segment::parse(first)
            .context("a document that is none")?
            .trace_id;
        let view = view(documents.iter().map(String::as_str), &Producers::default());
        traces.push(SealedTrace {
            trace_id,
            view: Some(view.context("documents without a view")?),
            documents,
            is_carried: false,
        });
    }
    traces.sort_by_key(|trace| trace.trace_id);
    Ok(traces)
}
