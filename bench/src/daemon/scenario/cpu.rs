//! CPU seconds per million segments at fixed rates: the floor, and every daemon beside it.

use std::thread;
use std::time::Duration;

use anyhow::Context as _;

use super::super::cli::Settings;
use super::super::proc;
use super::super::rig::{Loss, Rig};
use super::super::table::{Bar, Row, Table};
use super::super::target::Kind;
use super::{PATIENCE, size_name};
use crate::{as_f64, median_of};

/// Sizes, rates, and whether the issue sets a bar there.
const LOADS: [(usize, &[u32], bool); 3] = [
    (1_000, &[1_000, 10_000, 50_000, 100_000], true),
    (10_000, &[1_000, 10_000], false),
    (60_000, &[1_000], false),
];

/// Load before anything is measured: pools fill, buffers grow.
const WARM_UP: Duration = Duration::from_secs(1);

/// Below it, a rate counts as not achieved.
const ACHIEVED_MIN: f64 = 0.98;

/// What one run under load has shown.
#[derive(Debug, Clone)]
struct Used {
    /// CPU seconds per million documents delivered: what is lost is not cheap.
    per_million: f64,
    /// The sender's rate.
    achieved: f64,
    /// What became of the documents.
    loss: Loss,
    /// Requests with framed bodies, of all requests.
    framed: (u64, u64),
}

pub(super) fn run(settings: &Settings) -> anyhow::Result<Table> {
    let mut table = Table::new("cpu: CPU seconds per million segments");
    let mut daemons = settings.daemons();
    daemons.insert(1, Kind::Collector);
    for (bytes, rates, has_bar) in LOADS {
        for rate in rates {
            let measure = |kind| middle(settings, kind, bytes, *rate);
            let floor = measure(Kind::Floor)?;
            for kind in &daemons {
                let used = measure(*kind)?;
                let bar = match kind {
                    Kind::Plain if has_bar => Some(Bar::TimesFloor(2.0)),
                    Kind::Collector if has_bar => Some(Bar::BelowFloor),
                    _ => None,
                };
                let name = format!("{} at {rate}/s, {}", size_name(bytes), kind.name());
                let row = Row::new(name, used.per_million).bar(bar);
                let row = row.floor(Some(floor.per_million));
                table.push(row.note(note(*kind, *rate, &used, &floor)));
            }
        }
    }
    Ok(table)
}

fn note(kind: Kind, rate: u32, used: &Used, floor: &Used) -> String {
    let mut notes = vec![used.loss.note()];
    if kind == Kind::Collector {
        let (framed, requests) = used.framed;
        notes.push(format!("{framed} of {requests} requests framed"));
    }
    for (whose, used) in [("", used), ("the floor's ", floor)] {
        if used.achieved < ACHIEVED_MIN * f64::from(rate) {
            notes.push(format!(
                "{whose}sender achieved only {:.0}/s",
                used.achieved
            ));
        }
    }
    if floor.loss.lost > 0 {
        notes.push(format!("floor {}", floor.loss.note()));
    }
    notes.retain(|note| !note.is_empty());
    notes.join("; ")
}

/// The middle of several measurements.
fn middle(settings: &Settings, kind: Kind, bytes: usize, rate: u32) -> anyhow::Result<Used> {
    let measured = (0..settings.rounds).map(|_| measure(settings, kind, bytes, rate));
    let measured = measured.collect::<anyhow::Result<Vec<_>>>()?;
    median_of(measured, |used| used.per_million).context("no round")
}

/// One measurement.
///
/// # Errors
/// When something does not start, or ends.
fn measure(settings: &Settings, kind: Kind, bytes: usize, rate: u32) -> anyhow::Result<Used> {
    let mut rig = Rig::new(settings, kind, bytes)?;
    let (used, achieved) = rig.loaded(rate, |running, sink, _| {
        thread::sleep(WARM_UP);
        let (cpu, delivered) = (proc::cpu(running.id())?, sink.count()?);
        thread::sleep(settings.lasting);
        let cpu = proc::cpu(running.id())?.saturating_sub(cpu);
        let delivered = sink.count()?.saturating_sub(delivered);
        Ok(cpu.as_secs_f64() * 1e6 / as_f64(delivered))
    })?;
    let loss = rig.settle(PATIENCE)?;
    let summary = rig.sink.summary(0, u32::MAX)?;
    Ok(Used {
        per_million: used,
        achieved,
        loss,
        framed: (summary.framed, summary.requests),
    })
}
