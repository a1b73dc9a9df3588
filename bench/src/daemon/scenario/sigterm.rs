//! A stop under load with a slow destination, and a new start with what it left on disk.

use std::thread;
use std::time::Duration;

use super::super::cli::Settings;
use super::super::rig::Rig;
use super::super::sink::Mode;
use super::super::table::{Bar, Row, Table};
use super::super::target::Kind;
use crate::as_f64;

/// Segments a second until the signal, and on after it, as applications do.
const RATE: u32 = 5_000;

/// How long a call takes.
const DELAY: Mode = Mode::Delay(500);

/// Load before the signal.
const LOAD: Duration = Duration::from_secs(6);

/// How long a stop may take: AWS's daemon takes 16 s with a hanging endpoint.
const STOP_MAX: Duration = Duration::from_secs(60);

/// How long nothing may arrive after the new start.
const PATIENCE: Duration = Duration::from_secs(10);

pub(super) fn run(settings: &Settings) -> anyhow::Result<Table> {
    let mut table = Table::new(format!(
        "sigterm: stop at {RATE}/s, 500 ms a call, then start again"
    ));
    for kind in settings.daemons() {
        let bar = (kind != Kind::Peer).then_some(Bar::AtMost(0.0));
        let mut rig = Rig::new(settings, kind, 1_000)?;
        rig.sink.becomes(DELAY)?;
        let ((sent, stop), _) = rig.loaded(RATE, |running, _, load| {
            thread::sleep(LOAD);
            // What comes after the signal is nobody's promise: the socket may be closed.
            let sent = load.sent();
            running.terminate()?;
            Ok((sent, running.wait(STOP_MAX)?))
        })?;
        let at_stop = rig.sink.arrived(0, sent)?;
        rig.sink.becomes(Mode::Answer)?;
        rig.restart(settings)?;
        rig.settle(PATIENCE)?;
        let lost = u64::from(sent) - rig.sink.arrived(0, sent)?;
        let held = u64::from(sent) - at_stop;
        let row = Row::new(format!("segments lost, {}", kind.name()), as_f64(lost)).bar(bar);
        table.push(row.note(format!("of {sent}; {held} not delivered when it ended")));
        table.push(Row::new(
            format!("s to stop, {}", kind.name()),
            stop.as_secs_f64(),
        ));
    }
    Ok(table)
}
