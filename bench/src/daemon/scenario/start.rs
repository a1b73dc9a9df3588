//! From start to bound socket.

use super::super::cli::Settings;
use super::super::sink::control::Sink;
use super::super::table::{Bar, Row, Table};
use super::super::target::{Kind, Running};
use crate::median;

/// Starts of which the middle counts.
const STARTS: usize = 15;

pub(super) fn run(settings: &Settings) -> anyhow::Result<Table> {
    let mut table = Table::new(format!("start: ms to the bound socket, median of {STARTS}"));
    let floor = measure(settings, Kind::Floor)?;
    for kind in settings.daemons() {
        let bar = (kind != Kind::Peer).then_some(Bar::Below(10.0));
        let row = Row::new(kind.name(), measure(settings, kind)?);
        table.push(row.floor(Some(floor)).bar(bar));
    }
    Ok(table)
}

fn measure(settings: &Settings, kind: Kind) -> anyhow::Result<f64> {
    let sink = Sink::start(false)?;
    let dir = tempfile::tempdir()?;
    let start = || Running::start(kind, &settings.binaries, sink.port(), dir.path());
    let starts = (0..STARTS).map(|_| Ok(start()?.start));
    let starts = starts.collect::<anyhow::Result<Vec<_>>>()?;
    Ok(median(starts).as_secs_f64() * 1e3)
}
