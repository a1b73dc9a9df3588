//! Where the CPU goes under a load: by thread, and by function where `perf` is installed.
//!
//! For names of functions build with `CARGO_PROFILE_RELEASE_STRIP=none` and
//! `CARGO_PROFILE_RELEASE_DEBUG=line-tables-only`.

use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;

use super::super::cli::Settings;
use super::super::proc;
use super::super::rig::Rig;
use super::super::table::{Row, Table};
use super::super::target::Kind;
use super::size_name;

/// Functions shown, and below which share of the whole none is.
const FUNCTIONS_MAX: usize = 45;
const PERCENT_MIN: f64 = 0.4;

pub(super) fn run(settings: &Settings) -> anyhow::Result<Table> {
    let (rate, size) = (settings.rate, size_name(settings.bytes));
    let mut table = Table::new(format!(
        "profile: CPU seconds per million segments of {size} at {rate}/s, by thread; percent by function"
    ));
    for kind in [Kind::Floor, Kind::Plain, Kind::Collector] {
        let dir = tempfile::tempdir()?;
        let samples = dir.path().join("perf.data");
        let mut rig = Rig::new(settings, kind, settings.bytes)?;
        let ((before, after, sent), _) = rig.loaded(rate, |running, _, load| {
            // Without perf, by thread alone.
            let perf = record(running.id(), settings, &samples);
            let (before, from) = (proc::cpu_by_thread(running.id())?, load.sent());
            thread::sleep(settings.lasting);
            let (after, to) = (proc::cpu_by_thread(running.id())?, load.sent());
            if let Ok(mut perf) = perf {
                perf.wait()?;
            }
            Ok((before, after, to - from))
        })?;
        for (name, thread, used) in after {
            let earlier = before.iter().find(|each| each.1 == thread);
            let used = used.saturating_sub(earlier.map(|each| each.2).unwrap_or_default());
            let used = used.as_secs_f64() * 1e6 / f64::from(sent);
            table.push(Row::new(format!("{}, s: thread {name}", kind.name()), used));
        }
        for (name, percent) in report(&samples) {
            table.push(Row::new(format!("{}, %: {name}", kind.name()), percent));
        }
    }
    Ok(table)
}

fn record(
    process: u32,
    settings: &Settings,
    samples: &Path,
) -> std::io::Result<std::process::Child> {
    let mut perf = Command::new("perf");
    perf.args([
        "record",
        "-q",
        "-F",
        "997",
        "-p",
        &process.to_string(),
        "-o",
    ]);
    perf.arg(samples)
        .args(["--", "sleep", &settings.lasting.as_secs().to_string()]);
    perf.stdout(Stdio::null()).stderr(Stdio::null()).spawn()
}

/// Functions and their share in percent.
fn report(samples: &Path) -> Vec<(String, f64)> {
    let mut perf = Command::new("perf");
    perf.args([
        "report",
        "--stdio",
        "--no-children",
        "-s",
        "comm,dso,sym",
        "-t",
        ";",
        "-i",
    ]);
    let Ok(output) = perf.arg(samples).output() else {
        return Vec::new();
    };
    let text = String::from_utf8_lossy(&output.stdout);
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    let functions = lines.filter_map(|line| {
        let (percent, name) = line.trim().split_once(';')?;
        let percent = percent.trim().trim_end_matches('%').parse().ok()?;
        let name: Vec<&str> = name.split(';').map(str::trim).collect();
        Some((name.join(" "), percent))
    });
    let functions = functions.filter(|(_, percent)| *percent >= PERCENT_MIN);
    functions.take(FUNCTIONS_MAX).collect()
}
