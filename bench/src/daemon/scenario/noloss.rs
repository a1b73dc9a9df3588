//! Rates at which nothing may be lost, and how far each goes before it loses something.

use std::thread;
use std::time::Duration;

use super::super::cli::Settings;
use super::super::rig::{Loss, Rig};
use super::super::table::{Bar, Row, Table};
use super::super::target::Kind;
use super::{PATIENCE, size_name};
use crate::as_f64;

/// Sizes and rates of the bars.
const BARS: [(usize, u32); 2] = [(1_000, 100_000), (10_000, 10_000)];

/// Sizes and rates to try, ascending, for the highest without loss.
const LADDERS: [(usize, &[u32]); 3] = [
    (
        1_000,
        &[50_000, 100_000, 150_000, 200_000, 250_000, 300_000],
    ),
    (10_000, &[5_000, 10_000, 15_000, 20_000, 30_000, 40_000]),
    (60_000, &[500, 1_000, 2_000, 4_000, 6_000]),
];

/// How long each rung lasts.
const RUNG: Duration = Duration::from_secs(3);

/// Below it, the sender is at its own end.
const ACHIEVED_MIN: f64 = 0.95;

pub(super) fn run(settings: &Settings) -> anyhow::Result<Table> {
    let mut table =
        Table::new("noloss: segments lost, kernel drops included; highest rate without");
    for (bytes, rate) in BARS {
        let floor = measure(settings, Kind::Floor, bytes, rate, settings.lossless)?;
        for kind in settings.daemons() {
            let one = measure(settings, kind, bytes, rate, settings.lossless)?;
            let seconds = settings.lossless.as_secs();
            let name = format!(
                "lost, {} at {rate}/s for {seconds} s, {}",
                size_name(bytes),
                kind.name()
            );
            let is_ours = kind != Kind::Peer;
            let row = Row::new(name, as_f64(one.loss.lost)).floor(Some(as_f64(floor.loss.lost)));
            let row = row.bar(is_ours.then_some(Bar::AtMost(0.0)));
            table.push(row.note(one.note(rate)));
        }
    }
    let ladders = if settings.full { LADDERS.len() } else { 1 };
    for (bytes, rates) in LADDERS.iter().take(ladders) {
        let (floor, _) = climb(settings, Kind::Floor, *bytes, rates)?;
        for kind in settings.daemons() {
            let (highest, note) = climb(settings, kind, *bytes, rates)?;
            let name = format!(
                "highest/s without loss, {}, {}",
                size_name(*bytes),
                kind.name()
            );
            table.push(Row::new(name, highest).floor(Some(floor)).note(note));
        }
    }
    Ok(table)
}

/// The highest rate without loss, and what ended the climb.
fn climb(
    settings: &Settings,
    kind: Kind,
    bytes: usize,
    rates: &[u32],
) -> anyhow::Result<(f64, String)> {
    let mut highest = 0.0;
    for rate in rates {
        let one = measure(settings, kind, bytes, *rate, RUNG)?;
        if one.loss.lost > 0 {
            return Ok((highest, format!("at {rate}/s: {}", one.note(*rate))));
        }
        highest = one.achieved.round();
        if one.achieved < ACHIEVED_MIN * f64::from(*rate) {
            return Ok((highest, "as fast as the sender gets here".to_owned()));
        }
    }
    Ok((highest, "the highest tried".to_owned()))
}

struct Measured {
    loss: Loss,
    achieved: f64,
    /// The lines of its log about limits of the system.
    limits: String,
}

impl Measured {
    fn note(&self, rate: u32) -> String {
        let mut notes = vec![self.loss.note()];
        if self.achieved < ACHIEVED_MIN * f64::from(rate) {
            notes.push(format!("sender achieved only {:.0}/s", self.achieved));
        }
        if self.loss.lost > 0 {
            notes.push(self.limits.clone());
        }
        notes.retain(|note| !note.is_empty());
        notes.join("; ")
    }
}

fn measure(
    settings: &Settings,
    kind: Kind,
    bytes: usize,
    rate: u32,
    lasting: Duration,
) -> anyhow::Result<Measured> {
    let mut rig = Rig::new(settings, kind, bytes)?;
    let ((), achieved) = rig.loaded(rate, |_, _, _| {
        thread::sleep(lasting);
        Ok(())
    })?;
    let loss = rig.settle(PATIENCE)?;
    let log = rig.running.log();
    let limits = log.lines().filter(|line| line.contains("rmem_max"));
    Ok(Measured {
        loss,
        achieved,
        limits: limits.collect::<Vec<_>>().join("; "),
    })
}
