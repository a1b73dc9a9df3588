//! `radiograph store`: checks a data directory that no collector has, and makes it whole again.

use std::future::Future;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand};
use radiograph_collector::clock;
use radiograph_collector::store::StoreError;
use radiograph_collector::store::embedded::check::{self, Repaired, Report, Step};

use crate::output;
use crate::progress::Progress;

mod table;

use table::Table;

/// Check or repair a data directory while no collector uses it.
#[derive(Debug, Clone, Args)]
pub(crate) struct Options {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Clone, Subcommand)]
enum Action {
    /// Check every checksum, and derive every view and total again. Changes nothing.
    ///
    /// One line for each problem: the file, the place, what it costs and what to do. A tail that a killed
    /// process left, and traces that wait to be settled, are no problems. Exit code 0 when there are none,
    /// 1 when there are some, 2 when it could not be looked for.
    Verify(Target),
    /// Make damaged files anew from what is intact of them, and derive again what is derived.
    ///
    /// A file that is replaced is kept beside it, as it was, under a name that ends in .damaged. May be
    /// interrupted and started again. Checks everything at the end; the exit codes are those of verify.
    Repair(Target),
}

#[derive(Debug, Clone, Args)]
struct Target {
    /// The directory [default: radiograph-data in the user's data directory].
    #[arg(long, env = "RADIOGRAPH_DATA_DIR", value_name = "DIRECTORY")]
    data_dir: Option<PathBuf>,

    /// The result as JSON.
    #[arg(long)]
    json: bool,
}

/// Why nothing could be checked or repaired: exit code 2.
#[derive(Debug, thiserror::Error)]
#[error("--data-dir {path}")]
struct NotChecked {
    path: String,
    source: StoreError,
}

/// The exit code for what ended a command.
pub(crate) fn exit_code(error: &anyhow::Error) -> ExitCode {
    match error.downcast_ref::<NotChecked>() {
        Some(_) => ExitCode::from(2),
        None => ExitCode::FAILURE,
    }
}

/// Does what is asked for and prints what was found.
///
/// # Errors
/// Problems were found, or something could not be read or written.
pub(crate) async fn report(options: Options, stop: impl Future<Output = ()>) -> anyhow::Result<()> {
    let (target, is_repair) = match options.action {
        Action::Verify(target) => (target, false),
        Action::Repair(target) => (target, true),
    };
    let path = target
        .data_dir
        .unwrap_or_else(|| radiograph_collector::Config::default().data_dir);
    let shown = path.display().to_string();
    let work = tokio::task::spawn_blocking(move || work(&path, is_repair));
    let done = tokio::select! {
        done = work => done?,
        // either may be interrupted at any moment: what is done of a repair stays done
        () = stop => anyhow::bail!("interrupted"),
    };
    let (repaired, report) = done.map_err(|source| NotChecked {
        path: shown,
        source,
    })?;
    let table = Table {
        repaired: repaired.as_ref(),
        report: &report,
    };
    if target.json {
        output::line(serde_json::to_string_pretty(&table)?)?;
    } else {
        output::line(&table)?;
    }
    match report.problems {
        0 => Ok(()),
        1 => anyhow::bail!("1 problem"),
        problems => anyhow::bail!("{problems} problems"),
    }
}

fn work(path: &std::path::Path, is_repair: bool) -> Result<(Option<Repaired>, Report), StoreError> {
    let progress = Progress::new();
    let tell = |step: Step| {
        let (what, done, total) = (step.what, step.done, step.total);
        // what is not counted beforehand is at its end when it is there
        let percent = done.saturating_mul(100).checked_div(total).unwrap_or(100);
        progress.tell(format_args!("{what}, {} %", percent.min(100)));
    };
    let repaired = match is_repair {
        true => Some(check::repair(path, clock::now(), &tell)?),
        false => None,
    };
    let report = check::verify(path, clock::now(), &tell);
    progress.clear();
    Ok((repaired, report?))
}
