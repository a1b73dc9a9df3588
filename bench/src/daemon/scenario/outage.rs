//! A destination that goes away under load and comes back: what is lost, how fast the backlog is
//! replayed, and what live documents wait meanwhile.

use std::thread;
use std::time::Duration;

use super::super::cli::Settings;
use super::super::clock;
use super::super::rig::{Loss, Rig};
use super::super::sink::Mode;
use super::super::sink::tally::Summary;
use super::super::table::{Bar, Row, Table};
use super::super::target::Kind;
use super::latency::milliseconds;
use crate::as_f64;

/// Segments a second, before, during and after the outage.
const RATE: u32 = 5_000;

/// Load before the outage, and after the last document of it has arrived.
const AROUND: Duration = Duration::from_secs(5);

/// How long the destination may be back without anything of the outage arriving. Retries back off
/// for 30 s at most (`spec/daemon.md` section 4.3).
const PATIENCE: Duration = Duration::from_secs(45);

/// How often the sink is asked.
const LOOK: Duration = Duration::from_millis(20);

/// The share of the backlog by which the replay's rate is measured: what a single request in back-off
/// holds up shows in the time until all has arrived.
const MOST: f64 = 0.99;

/// Replay must be this many times the live rate.
const REPLAY_TIMES_MIN: f64 = 5.0;

/// What live documents may wait during the replay: what any document may when idle.
const LIVE_MEDIAN_MAX: f64 = 100.0;

pub(super) fn run(settings: &Settings) -> anyhow::Result<Table> {
    let seconds = settings.outage.as_secs();
    let mut table = Table::new(format!("outage: {seconds} s at {RATE}/s"));
    for kind in settings.daemons() {
        let is_ours = kind != Kind::Peer;
        let one = measure(settings, kind)?;
        let mut push = |what: &str, figure: f64, bar: Option<Bar>, note: String| {
            let row = Row::new(format!("{what}, {}", kind.name()), figure);
            table.push(row.bar(bar.filter(|_| is_ours)).note(note));
        };
        push(
            "segments lost",
            as_f64(one.loss.lost),
            Some(Bar::AtMost(0.0)),
            format!(
                "{}; {} came twice",
                one.loss.note(),
                one.replayed.duplicates
            ),
        );
        let since_first = |nanos: u64| milliseconds(nanos.saturating_sub(one.first_nanos)) / 1e3;
        let most = since_first(one.replayed.most_nanos);
        push(
            "replayed per second",
            as_f64(one.replayed.delivered) * MOST / most,
            Some(Bar::AtLeast(REPLAY_TIMES_MIN * f64::from(RATE))),
            format!("99 % of {} in {most:.1} s", one.replayed.delivered),
        );
        let all = since_first(one.replayed.last_nanos);
        push("s until all of it", all, None, String::new());
        let noticed = milliseconds(one.first_nanos.saturating_sub(one.back_nanos)) / 1e3;
        push("s until the first delivery", noticed, None, String::new());
        for (when, live) in [("before", &one.before), ("during replay", &one.live)] {
            let bar = (when != "before").then_some(Bar::Below(LIVE_MEDIAN_MAX));
            let median = milliseconds(live.latency_median_nanos);
            let note = format!(
                "of {}; 99 % {:.0} ms",
                live.delivered,
                milliseconds(live.latency_p99_nanos)
            );
            push(&format!("ms to delivery, live, {when}"), median, bar, note);
        }
    }
    Ok(table)
}

struct Measured {
    loss: Loss,
    /// Sent before the outage.
    before: Summary,
    /// Sent during the outage.
    replayed: Summary,
    /// Sent between the first delivery after the outage and most of what it held up.
    live: Summary,
    /// When the destination was back.
    back_nanos: u64,
    /// When it first got something again.
    first_nanos: u64,
}

fn measure(settings: &Settings, kind: Kind) -> anyhow::Result<Measured> {
    let mut rig = Rig::new(settings, kind, 1_000)?;
    let (turns, _) = rig.loaded(RATE, |_, sink, load| {
        thread::sleep(AROUND);
        let away = load.sent();
        sink.becomes(Mode::Refuse)?;
        thread::sleep(settings.outage);
        let arrived = sink.count()?;
        sink.becomes(Mode::Answer)?;
        let (back, back_nanos) = (load.sent(), clock::now_nanos());
        await_arrivals(|| Ok(sink.count()?.saturating_sub(arrived)), 1)?;
        let (first, first_nanos) = (load.sent(), clock::now_nanos());
        let backlog = u64::from(back - away);
        await_arrivals(|| sink.arrived(away, back), backlog - backlog / 100)?;
        let most = load.sent();
        await_arrivals(|| sink.arrived(away, back), backlog)?;
        thread::sleep(AROUND);
        Ok((away, back, first, most, back_nanos, first_nanos))
    })?;
    let loss = rig.settle(PATIENCE)?;
    let (away, back, first, most, back_nanos, first_nanos) = turns;
    Ok(Measured {
        loss,
        // What was under way when the destination went belongs to neither.
        before: rig.sink.summary(0, away.saturating_sub(RATE / 2))?,
        replayed: rig.sink.summary(away, back)?,
        live: rig.sink.summary(first, most)?,
        back_nanos,
        first_nanos,
    })
}

/// Waits until so many have arrived, or nothing more comes.
fn await_arrivals(
    mut arrived: impl FnMut() -> anyhow::Result<u64>,
    all: u64,
) -> anyhow::Result<()> {
    let (mut so_far, mut since) = (arrived()?, clock::now());
    while so_far < all && clock::now() - since < PATIENCE {
        thread::sleep(LOOK);
        let now = arrived()?;
        if now > so_far {
            (so_far, since) = (now, clock::now());
        }
    }
    Ok(())
}
