//! `radiograph torture`: daemon and collector under kills, pauses, cuts and full disks, and whether
//! what was acknowledged is there afterwards.
//!
//! The plan of faults, the documents, the books and the comparison are pure; processes and sockets
//! are in [`rig`], [`process`], [`relay`] and [`senders`]. Only what the API and the admin address answer is looked
//! at, never a file of the store, so that whatever breaks there shows as it would to a user.

mod books;
mod compare;
mod counts;
mod finish;
mod fold;
mod limit;
mod options;
mod plan;
mod process;
mod programs;
mod relay;
mod rig;
mod senders;
mod shared;
mod stored;
mod table;
mod tally;
mod traffic;
mod watch;

use std::fs;
use std::future::Future;
use std::path::PathBuf;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use radiograph_collector::clock;
use tempfile::TempDir;
use tokio::time::sleep;

use crate::api::Api;
use crate::output;
use crate::progress::Progress;

use options::Bounds;
pub(crate) use options::Options;
use plan::Plan;
use rig::Rig;
use senders::Senders;
use table::Table;
use traffic::Traffic;

/// How long one call may take: longer than the longest pause of a process.
const CALL_MAX: Duration = Duration::from_secs(10);

/// Runs the torture until its end or until `stop` ends, checks, and prints the table.
///
/// # Errors
/// Something was found that must not be, or it could not be looked for.
pub(crate) async fn report(
    options: &Options,
    stop: impl Future<Output = ()>,
) -> anyhow::Result<()> {
    let bounds = options.bounds()?;
    programs::check(options)?;
    let seed = options.seed.unwrap_or_else(|| fastrand::u64(..));
    let directory = Directory::make(options.dir.clone())?;
    let place = directory.path().display().to_string();
    output::remark(format_args!("torture with --seed {seed} in {place}"));
    match run(options, bounds, seed, &directory, pin!(stop)).await {
        Ok(0) => Ok(()),
        Ok(violations) => {
            directory.keep();
            bail!("{violations} violations; --seed {seed} repeats the run, its data is in {place}")
        }
        Err(error) => {
            directory.keep();
            Err(error.context(format!(
                "torture with --seed {seed}, its data is in {place}"
            )))
        }
    }
}

/// The run; how many violations it found.
async fn run(
    options: &Options,
    bounds: Bounds,
    seed: u64,
    directory: &Directory,
    mut stop: Pin<&mut impl Future<Output = ()>>,
) -> anyhow::Result<u64> {
    let began = clock::instant();
    let traffic = Traffic::new(seed, clock::now());
    let api = Api::new("", CALL_MAX)?;
    let progress = Progress::new();
    let mut rig = Rig::start(options, directory.path()).await?;
    let shared = Arc::clone(&rig.shared);
    let watching = tokio::spawn(watch::watch(Arc::clone(&shared), api.clone()));
    let mut senders = Senders::start(&shared, traffic, &api, options.rate);

    let plan = Plan::new(seed, &options.kinds(), options.every);
    let is_stopped = torture(&mut rig, plan, bounds, &progress, stop.as_mut()).await?;
    shared.relay.heal();
    progress.tell("waiting for the spool to be empty");
    let checking = async {
        let delivered = finish::deliver(&mut rig, &mut senders, &api).await?;
        let traces = senders.traces();
        // calls that are still not acknowledged have been told of
        drop(senders);
        watching.abort();
        rig.reopen().await?;
        let collector = shared.relay.collector().context("there is no collector")?;
        let api = api.at(format!("http://{collector}"));
        let closed = shared.books().close();
        let checked = finish::check(&api, &traffic, &closed, traces, &progress).await;
        rig.revive().await?;
        let (verdict, settled) = checked?;
        anyhow::Ok((delivered, verdict, settled))
    };
    let (delivered, verdict, settled) = tokio::select! {
        checked = checking => checked?,
        // who stops the faults wants the check, who stops the check wants neither
        () = stop, if !is_stopped => bail!("stopped before everything was checked"),
    };
    progress.clear();
    let table = Table {
        seed,
        tally: &shared.tally(),
        books: &shared.books(),
        verdict: &verdict,
        delivered,
        settled,
        time: clock::instant().saturating_duration_since(began),
    };
    output::line(&table)?;
    Ok(table.violations())
}

/// Lets one fault after another happen until a bound is reached; true when `stop` came before.
async fn torture(
    rig: &mut Rig,
    plan: Plan,
    bounds: Bounds,
    progress: &Progress,
    mut stop: Pin<&mut impl Future<Output = ()>>,
) -> anyhow::Result<bool> {
    let began = clock::instant();
    for step in plan {
        let time = clock::instant().saturating_duration_since(began);
        let kills = rig.shared.tally().kills();
        let is_over = bounds.kills.is_some_and(|most| kills >= most)
            || bounds.time.is_some_and(|most| time >= most);
        if is_over {
            break;
        }
        tokio::select! {
            biased;
            () = &mut stop => return Ok(true),
            () = sleep(step.wait) => {}
        }
        rig.revive().await?;
        tracing::debug!(fault = ?step.fault, "fault");
        rig.suffer(step.fault).await?;
        let (acknowledged, sent) = {
            let books = rig.shared.books();
            (books.acknowledged_documents(), books.datagrams())
        };
        let violations = rig.shared.tally().violations.len();
        progress.tell(format_args!(
            "{} s, {kills} kills, {acknowledged} documents acknowledged, {sent} datagrams sent, \
             {violations} violations",
            time.as_secs()
        ));
    }
    Ok(false)
}

/// Where a run's data lies.
#[derive(Debug)]
enum Directory {
    Given(PathBuf),
    Temporary(TempDir),
}

impl Directory {
    fn make(given: Option<PathBuf>) -> anyhow::Result<Self> {
        let Some(path) = given else {
            let made = tempfile::Builder::new()
                .prefix("radiograph-torture-")
                .tempdir();
            return Ok(Self::Temporary(made.context("temporary directory")?));
        };
        let shown = path.display();
        fs::create_dir_all(&path).with_context(|| format!("--dir {shown}"))?;
        let mut entries = fs::read_dir(&path).with_context(|| format!("--dir {shown}"))?;
        if entries.next().is_some() {
            bail!("--dir {shown} is not empty");
        }
        Ok(Self::Given(path))
    }

    fn path(&self) -> &std::path::Path {
        match self {
            Self::Given(path) => path,
            Self::Temporary(made) => made.path(),
        }
    }

    /// Leaves a temporary directory where it is.
    fn keep(self) {
        if let Self::Temporary(made) = self {
            drop(made.keep());
        }
    }
}
