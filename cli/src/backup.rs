//! `radiograph backup`: all data of a collector at work, into a directory.
//!
//! The collector sends its files as they are at one moment, and behind them their checksums. Those are
//! written last, once every file was found to be what was sent and is on disk: a directory without
//! them is no backup.

use std::future::Future;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, bail};
use clap::Args;
use tokio::pin;

use self::unpacking::Unpacking;
use crate::api::{Api, Endpoint};
use crate::output;
use crate::progress::Progress;

pub(crate) mod sums;
mod unpacking;

/// How long a connection may take; a collector may have a file to seal first.
const CALL_MAX: Duration = Duration::from_secs(600);

/// Copy all data of a running collector into a directory.
///
/// The copy is of one moment: every document that was acknowledged before is in it, with sampling rules,
/// groups and tags. The directory is a data directory: radiograph restore copies it to where a
/// collector is to open it. It also holds SHA256SUMS, which sha256sum -c reads. Exit code 0 when the
/// backup is whole, 1 otherwise; then the directory has no SHA256SUMS.
#[derive(Debug, Clone, Args)]
pub(crate) struct Options {
    /// Empty or new directory.
    #[arg(value_name = "DIRECTORY")]
    directory: PathBuf,

    /// Where.
    #[command(flatten)]
    at: Endpoint,
}

/// Makes a backup, and says on standard error what is in it.
///
/// # Errors
/// The collector or the directory fails, or it is to stop before the backup is whole.
pub(crate) async fn report(
    options: &Options,
    stop: impl Future<Output = ()>,
) -> anyhow::Result<()> {
    let api = options.at.api(CALL_MAX)?;
    pin!(stop);
    let unpacked = tokio::select! {
        () = &mut stop => bail!("stopped before the backup was whole"),
        unpacked = backup(&api, &options.directory) => unpacked?,
    };
    let (files, mb) = (unpacked.files(), unpacked.bytes() / 1_000_000);
    let directory = options.directory.display();
    output::remark(format_args!("{files} files, {mb} MB, are in {directory}"));
    Ok(())
}

async fn backup(api: &Api, directory: &Path) -> anyhow::Result<Unpacking> {
    make_empty(directory)?;
    let mut stream = api.stream("/Backup", String::new()).await?;
    let progress = Progress::new();
    let mut unpacking = Unpacking::new(directory);
    while let Some(piece) = stream.next().await? {
        unpacking.push(&piece)?;
        let (files, mb) = (unpacking.files(), unpacking.bytes() / 1_000_000);
        progress.tell(format_args!("copying: {files} files, {mb} MB"));
    }
    progress.clear();
    unpacking.finish()?;
    Ok(unpacking)
}

/// Makes a directory, or sees that it is empty.
///
/// # Errors
/// It is not, or cannot be made or read.
pub(crate) fn make_empty(directory: &Path) -> anyhow::Result<()> {
    let named = || directory.display().to_string();
    std::fs::create_dir_all(directory).with_context(named)?;
    if std::fs::read_dir(directory)
        .with_context(named)?
        .next()
        .is_some()
    {
        bail!("{} is not empty", named());
    }
    Ok(())
}
