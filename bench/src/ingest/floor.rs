//! What the disk alone and the CPU alone allow, in the same run.

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::time::Duration;

use anyhow::Context as _;
use nix::time::{ClockId, clock_gettime};
use radiograph_protocol::segment::parse;

use super::load::calls;
use super::watch::Written;
use crate::{as_f64, timed};

/// Documents that the CPU's floor is measured with, on each core.
const DOCUMENTS: u64 = 50_000;
/// Bytes of a block that is compressed, as a log has them.
const BLOCK_BYTES: usize = 64 << 10;

/// The same bytes in the same number of writes, each synced.
///
/// # Errors
/// When the disk refuses.
pub fn disk_alone(path: &Path, written: Written) -> anyhow::Result<Duration> {
    let length = usize::try_from(written.bytes / written.writes.max(1))?;
    // nothing that a disk could compress
    let chunk: Vec<u8> = (0..length).map(|_| fastrand::u8(..)).collect();
    let mut file = File::create(path)?;
    let (took, result) = timed(|| {
        for _ in 0..written.writes {
            file.write_all(&chunk)?;
            file.sync_data()?;
        }
        anyhow::Ok(())
    });
    result?;
    Ok(took)
}

/// What a core, or several, get done of nothing but a part of the work.
#[derive(Debug, Clone, Copy, Default)]
pub struct CpuAlone {
    /// Documents a second that are parsed and compressed, on all cores together.
    pub rate: f64,
    /// CPU that parsing and compressing one takes, in microseconds.
    pub micros: f64,
    /// CPU that making one takes, in microseconds.
    pub making_micros: f64,
}

/// Parses and compresses made documents on so many cores at once.
///
/// # Errors
/// When a document cannot be parsed or compressed.
pub fn cpu_alone(cores: u64) -> anyhow::Result<CpuAlone> {
    let threads: Vec<_> = (0..cores)
        .map(|core| std::thread::spawn(move || one_core(core)))
        .collect();
    let mut all = CpuAlone::default();
    for thread in threads {
        let one = thread.join().ok().context("a core")??;
        all.rate += one.rate;
        all.micros += one.micros / as_f64(cores);
        all.making_micros += one.making_micros / as_f64(cores);
    }
    Ok(all)
}

fn one_core(core: u64) -> anyhow::Result<CpuAlone> {
    let mut random = fastrand::Rng::with_seed(1_000 + core);
    let begun = thread_cpu()?;
    let mut documents = Vec::new();
    while (documents.len() as u64) < DOCUMENTS {
        documents.extend(calls(&mut random).into_iter().flatten());
    }
    let made = thread_cpu()?;
    let (took, result) = timed(|| parse_and_compress(&documents));
    result?;
    let worked = thread_cpu()?;
    let each = |used: Duration| used.as_secs_f64() * 1e6 / as_f64(documents.len() as u64);
    Ok(CpuAlone {
        rate: as_f64(documents.len() as u64) / took.as_secs_f64(),
        micros: each(worked.saturating_sub(made)),
        making_micros: each(made.saturating_sub(begun)),
    })
}

fn thread_cpu() -> anyhow::Result<Duration> {
    Ok(clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID)?.into())
}

fn parse_and_compress(documents: &[String]) -> anyhow::Result<()> {
    let mut compressor = zstd::bulk::Compressor::new(1)?;
    let mut block = Vec::with_capacity(BLOCK_BYTES);
    let mut compressed = Vec::with_capacity(zstd::zstd_safe::compress_bound(2 * BLOCK_BYTES));
    for document in documents {
        anyhow::ensure!(parse(document).is_ok(), "a document that is none");
        if block.len() + document.len() > BLOCK_BYTES {
            compressor.compress_to_buffer(&block, &mut compressed)?;
            block.clear();
        }
        block.extend(document.as_bytes());
    }
    Ok(())
}
