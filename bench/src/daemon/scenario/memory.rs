//! Memory: after five idle seconds, and at most under load.

use std::thread;
use std::time::Duration;

use super::super::cli::Settings;
use super::super::proc;
use super::super::rig::{Loss, Rig};
use super::super::table::{Bar, Row, Table};
use super::super::target::Kind;
use super::{PATIENCE, size_name};
use crate::as_f64;

const IDLE: Duration = Duration::from_secs(5);

/// Sizes, rates and the bar for the peak.
const LOADS: [(usize, u32, Option<Bar>); 2] = [
    (1_000, 50_000, Some(Bar::AtMost(40.0))),
    (10_000, 10_000, None),
];

pub(super) fn run(settings: &Settings) -> anyhow::Result<Table> {
    let mut table = Table::new("memory: MB resident");
    for (bytes, rate, bar) in LOADS {
        let (floor_idle, floor_peak, _) = measure(settings, Kind::Floor, bytes, rate)?;
        for kind in settings.daemons() {
            let is_ours = kind != Kind::Peer;
            let (idle, peak, loss) = measure(settings, kind, bytes, rate)?;
            if bytes == 1_000 {
                let row = Row::new(format!("idle, {}", kind.name()), idle);
                let bar = is_ours.then_some(Bar::AtMost(8.0));
                table.push(row.floor(Some(floor_idle)).bar(bar));
            }
            let name = format!("peak, {} at {rate}/s, {}", size_name(bytes), kind.name());
            let row = Row::new(name, peak)
                .floor(Some(floor_peak))
                .note(loss.note());
            table.push(row.bar(bar.filter(|_| is_ours)));
        }
    }
    Ok(table)
}

/// Megabytes idle and at most.
fn measure(
    settings: &Settings,
    kind: Kind,
    bytes: usize,
    rate: u32,
) -> anyhow::Result<(f64, f64, Loss)> {
    let mut rig = Rig::new(settings, kind, bytes)?;
    thread::sleep(IDLE);
    let idle = proc::memory(rig.running.id())?.resident;
    rig.loaded(rate, |_, _, _| {
        thread::sleep(settings.lasting);
        Ok(())
    })?;
    let loss = rig.settle(PATIENCE)?;
    let peak = proc::memory(rig.running.id())?.peak;
    Ok((as_f64(idle) / 1e6, as_f64(peak) / 1e6, loss))
}
