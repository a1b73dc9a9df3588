//! From datagram to delivery when idle: one document at a time, at random distances.

use std::thread;
use std::time::Duration;

use super::super::cli::Settings;
use super::super::rig::Rig;
use super::super::sink::tally::Summary;
use super::super::table::{Bar, Row, Table};
use super::super::target::Kind;
use super::PATIENCE;
use crate::as_f64;

/// Milliseconds between two documents.
const PAUSE_MILLISECONDS: std::ops::Range<u64> = 100..300;

pub(super) fn run(settings: &Settings) -> anyhow::Result<Table> {
    let mut table = Table::new("latency: ms from datagram to delivery when idle, 1 KB");
    let documents = if settings.full { 300 } else { 50 };
    let floor = measure(settings, Kind::Floor, documents)?;
    for kind in settings.daemons() {
        let summary = measure(settings, kind, documents)?;
        let bar = (kind != Kind::Peer).then_some(Bar::Below(100.0));
        let note = format!("{} of {documents} delivered", summary.delivered);
        let row = Row::new(
            format!("median, {}", kind.name()),
            milliseconds(summary.latency_median_nanos),
        );
        let row = row.floor(Some(milliseconds(floor.latency_median_nanos)));
        table.push(row.bar(bar).note(note));
        let row = Row::new(
            format!("99 %, {}", kind.name()),
            milliseconds(summary.latency_p99_nanos),
        );
        table.push(row.floor(Some(milliseconds(floor.latency_p99_nanos))));
    }
    Ok(table)
}

fn measure(settings: &Settings, kind: Kind, documents: u32) -> anyhow::Result<Summary> {
    let mut rig = Rig::new(settings, kind, 1_000)?;
    let mut random = fastrand::Rng::with_seed(settings.seed);
    for _ in 0..documents {
        thread::sleep(Duration::from_millis(random.u64(PAUSE_MILLISECONDS)));
        rig.load.burst(1);
    }
    rig.settle(PATIENCE)?;
    rig.sink.summary(0, documents)
}

/// Nanoseconds as milliseconds.
pub(super) fn milliseconds(nanos: u64) -> f64 {
    as_f64(nanos) / 1e6
}
