//! `radiograph import`: the documents of a bundle into a collector, as a daemon would send them.
//!
//! Chunk by chunk: the collector is asked which documents it has, and sent the others. So an import
//! that was cut off goes on when it is begun again. What is throttled or not answered is tried again,
//! each time later, as long as a call succeeds now and then.

use std::future::Future;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Duration;
use std::{fs, io};

use anyhow::{Context, bail};
use clap::Args;
use radiograph_protocol::bundle::{Part, Reader};
use tokio::pin;

use self::count::Counts;
use self::sending::Sending;
use crate::api::Endpoint;
use crate::output;
use crate::progress::Progress;
use crate::time_span::time_span;

mod count;
mod sending;

/// How long a call may take.
const CALL_MAX: Duration = Duration::from_secs(60);

/// Bytes that are read in one go.
const PIECE_BYTES: usize = 64 << 10;

/// Send the segment documents of a bundle to a collector.
///
/// Documents that the collector has already are not sent again, so an import that was cut off can be
/// begun anew. Documents of any age are taken; the collector's retention counts from their import.
/// Exit code 0 when all documents of the bundle are in the collector, 1 otherwise.
#[derive(Debug, Clone, Args)]
pub(crate) struct Options {
    /// The bundle to read; - is standard input.
    #[arg(value_name = "FILE")]
    file: PathBuf,

    /// Where.
    #[command(flatten)]
    at: Endpoint,

    /// Give up when the collector has taken nothing for so long.
    #[arg(long, default_value = "60s", value_name = "TIME", value_parser = time_span)]
    patience: Duration,
}

/// Imports, and says on standard output what became of the documents.
///
/// # Errors
/// The file is no whole bundle, the collector fails, or it refused documents.
pub(crate) async fn report(
    options: &Options,
    stop: impl Future<Output = ()>,
) -> anyhow::Result<()> {
    let sending = Sending {
        api: options.at.api(CALL_MAX)?,
        patience: options.patience,
    };
    let mut counts = Counts::default();
    pin!(stop);
    let imported = tokio::select! {
        () = &mut stop => Err(anyhow::anyhow!("stopped before all was imported; begun again, it goes on")),
        imported = import(&options.file, &sending, &mut counts) => imported,
    };
    // what was done by then, even if it is not all
    output::line(&counts).context("standard output")?;
    imported?;
    if counts.rejected() > 0 {
        bail!("the collector rejected {} documents", counts.rejected());
    }
    Ok(())
}

async fn import(file: &Path, sending: &Sending, counts: &mut Counts) -> anyhow::Result<()> {
    let reading = || format!("reading {}", file.display());
    let mut input: Box<dyn Read + Send> = if file == Path::new("-") {
        Box::new(io::stdin())
    } else {
        Box::new(fs::File::open(file).with_context(reading)?)
    };
    let progress = Progress::new();
    let mut reader = Reader::default();
    let mut piece = vec![0; PIECE_BYTES];
    loop {
        let bytes = input.read(&mut piece).with_context(reading)?;
        if bytes == 0 {
            break;
        }
        reader.push(piece.get(..bytes).unwrap_or_default());
        while let Some(part) = reader.next_part().with_context(reading)? {
            if let Part::Chunk {
                documents,
                raw_bytes,
                payload,
            } = part
            {
                let documents = crate::bundle::documents(documents, raw_bytes, &payload)
                    .with_context(reading)?;
                sending.chunk(documents, payload, counts).await?;
                progress.tell(format_args!("importing: {counts}"));
            }
        }
    }
    progress.clear();
    reader.finish().with_context(reading)
}

#[cfg(test)]
mod tests;
