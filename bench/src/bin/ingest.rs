//! PutTraceSegments with a sync before every answer: documents per second into the embedded store,
//! beside what the disk alone does with the same bytes, synced every 256 KiB; and what is on the disk
//! once everything is sealed and merged. With `logs`, nothing is sealed meanwhile.
//! `cargo run --release -p radiograph-bench --bin ingest [seconds [logs]]`

#![expect(clippy::print_stdout, reason = "a bench prints what it measured")]

use std::fs::File;
use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::Context as _;
use radiograph_bench::{as_f64, three_service_trace, timed};
use radiograph_collector::ingest::Ingest;
use radiograph_collector::metrics::Metrics;
use radiograph_collector::settle::Settler;
use radiograph_collector::settle::schedule::Schedule;
use radiograph_collector::store::Store;
use radiograph_collector::store::embedded::{EmbeddedStore, Options};
use radiograph_protocol::api::traces::PutTraceSegmentsRequest;
use tokio::task::JoinHandle;

const CALLERS: u64 = 32;
const TRACES_PER_CALL: u64 = 16;
const THROTTLED_PAUSE: Duration = Duration::from_millis(20);

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let seconds = std::env::args()
        .nth(1)
        .map_or(Ok(10), |text| text.parse())?;
    let is_sealing = std::env::args().nth(2).as_deref() != Some("logs");
    let dir = tempfile::tempdir_in(".")?;
    let options = Options {
        is_sealing,
        ..Options::default()
    };
    let store = EmbeddedStore::open(&dir.path().join("data"), options)?;
    let store = Arc::new(store);
    let shared = Arc::clone(&store) as Arc<dyn Store>;
    let metrics = Arc::new(Metrics::default());
    let settler = Settler::new(Schedule::default());
    let settling = settler
        .start(Arc::clone(&shared), Arc::clone(&metrics))
        .await?;
    let ingest = Ingest::new(shared, settler, Arc::clone(&metrics));

    let sent_bytes = Arc::new(AtomicU64::new(0));
    let until = tokio::time::sleep(Duration::from_secs(seconds));
    let callers = callers(&ingest, &sent_bytes);
    until.await;
    callers.iter().for_each(JoinHandle::abort);
    settling.abort();
    let accepted = metrics.snapshot().accepted;
    let views = metrics.snapshot().views_settled;
    let log_dir = dir.path().join("data").join("log");
    let stored = size_of(&log_dir)?;
    let peak = peak_memory_bytes();
    let (sealing, sealed) = {
        let store = Arc::clone(&store);
        tokio::task::spawn_blocking(move || timed(|| store.seal_all(true))).await?
    };
    sealed?;
    let sealed = size_of(&log_dir)?;
    store.close();

    let disk = disk_alone(&dir.path().join("floor"), stored)?;
    let (accepted, stored) = (as_f64(accepted), as_f64(stored));
    let seconds = as_f64(seconds);
    println!(
        "{CALLERS} callers, {} documents a call, {seconds} s",
        TRACES_PER_CALL * 3
    );
    println!(
        "documents acknowledged     {:>10.0} per second",
        accepted / seconds
    );
    println!(
        "views settled              {:>10.0} per second",
        as_f64(views) / seconds
    );
    println!(
        "bytes sent                 {:>10.1} MB",
        as_f64(sent_bytes.load(Ordering::Relaxed)) / 1e6
    );
    print_disk(stored / accepted, as_f64(sealed) / accepted, sealing);
    if let Some(peak) = peak {
        println!("peak memory                {:>10.1} MB", as_f64(peak) / 1e6);
    }
    println!(
        "disk alone, the same bytes {:>10.0} documents per second",
        accepted / disk.as_secs_f64()
    );
    Ok(())
}

/// Bytes per document, as written and after compaction.
fn print_disk(written: f64, sealed: f64, sealing: Duration) {
    println!("bytes on disk              {written:>10.1} per document, views included");
    let seconds = sealing.as_secs_f64();
    println!("  sealed and merged        {sealed:>10.1} per document, after {seconds:.1} s more");
}

/// Tasks that call PutTraceSegments one call after another, and count the bytes of what succeeded.
fn callers(ingest: &Ingest, sent_bytes: &Arc<AtomicU64>) -> Vec<JoinHandle<()>> {
    let next = Arc::new(AtomicU64::new(0));
    let caller = |_| {
        let (ingest, next) = (ingest.clone(), Arc::clone(&next));
        let sent_bytes = Arc::clone(sent_bytes);
        tokio::spawn(async move {
            loop {
                let from = next.fetch_add(TRACES_PER_CALL, Ordering::Relaxed);
                let documents: Vec<String> = (from..from + TRACES_PER_CALL)
                    .flat_map(three_service_trace)
                    .collect();
                let bytes: usize = documents.iter().map(String::len).sum();
                let request = PutTraceSegmentsRequest {
                    trace_segment_documents: Some(documents),
                };
                match ingest.put_trace_segments(request).await {
                    Ok(_) => {
                        sent_bytes.fetch_add(bytes as u64, Ordering::Relaxed);
                    }
                    // throttled, since settling does not follow: back off as a client would
                    Err(_) => tokio::time::sleep(THROTTLED_PAUSE).await,
                }
            }
        })
    };
    (0..CALLERS).map(caller).collect()
}

/// The same bytes in writes of 256 KiB with a sync after each: more than one group commit carries.
fn disk_alone(path: &std::path::Path, bytes: u64) -> anyhow::Result<Duration> {
    let chunk = vec![0xA5_u8; 256 << 10];
    let mut file = File::create(path)?;
    let (took, result) = timed(|| {
        let mut left = bytes;
        while left > 0 {
            let length = usize::try_from(left)?.min(chunk.len());
            file.write_all(chunk.get(..length).context("a chunk")?)?;
            file.sync_data()?;
            left -= length as u64;
        }
        anyhow::Ok(())
    });
    result?;
    Ok(took)
}

/// The most memory this process has had in use so far, where Linux tells.
fn peak_memory_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: u64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kib * 1024)
}

fn size_of(folder: &std::path::Path) -> anyhow::Result<u64> {
    let mut bytes = 0;
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        bytes += match entry.metadata()? {
            metadata if metadata.is_dir() => size_of(&entry.path())?,
            metadata => metadata.len(),
        };
    }
    Ok(bytes)
}
