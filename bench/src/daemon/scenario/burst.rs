//! The largest burst, sent back to back to an idle process, of which nothing is lost.

use super::super::cli::Settings;
use super::super::rig::Rig;
use super::super::table::{Bar, Row, Table};
use super::super::target::Kind;
use super::{PATIENCE, size_name};

/// Sizes, bursts to try, ascending, and the bar.
const LADDERS: [(usize, &[u32], Option<Bar>); 3] = [
    (
        1_000,
        &[100, 300, 1_000, 3_000, 5_000, 10_000, 20_000, 50_000],
        Some(Bar::AtLeast(10_000.0)),
    ),
    (
        10_000,
        &[10, 100, 300, 500, 1_000, 2_000, 5_000, 10_000],
        None,
    ),
    (60_000, &[3, 30, 100, 200, 500, 1_000], None),
];

/// How often each burst must pass.
const TIMES: usize = 3;

pub(super) fn run(settings: &Settings) -> anyhow::Result<Table> {
    let mut table = Table::new(format!(
        "burst: the largest without loss, {TIMES} times running"
    ));
    for (bytes, bursts, bar) in LADDERS {
        let (floor, _) = climb(settings, Kind::Floor, bytes, bursts)?;
        for kind in settings.daemons() {
            let (largest, note) = climb(settings, kind, bytes, bursts)?;
            let name = format!("{}, {}", size_name(bytes), kind.name());
            let row = Row::new(name, largest).floor(Some(floor)).note(note);
            table.push(row.bar(bar.filter(|_| kind != Kind::Peer)));
        }
    }
    Ok(table)
}

fn climb(
    settings: &Settings,
    kind: Kind,
    bytes: usize,
    bursts: &[u32],
) -> anyhow::Result<(f64, String)> {
    let mut rig = Rig::new(settings, kind, bytes)?;
    let mut largest = 0;
    for burst in bursts {
        for _ in 0..TIMES {
            rig.load.burst(*burst);
            let loss = rig.settle(PATIENCE)?;
            if loss.lost > 0 {
                let (lost, kernel) = (loss.lost, loss.kernel);
                let note = format!("of {burst}: lost {lost}, {kernel} in the kernel");
                return Ok((f64::from(largest), note));
            }
        }
        largest = *burst;
    }
    Ok((f64::from(largest), "the largest tried".to_owned()))
}
