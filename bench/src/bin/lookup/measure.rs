//! The figures.

use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use radiograph_bench::daemon::proc;
use radiograph_bench::stored::{bytes_of, files, forget};
use radiograph_bench::{as_f64, timed};
use radiograph_collector::store::embedded::{EmbeddedStore, Options};
use radiograph_collector::store::{Record, Store as _};
use radiograph_protocol::ids::TraceId;

use super::traces::{DAYS, documents, hour_start, id, write_hours};

const TRACES_PER_DAY: u64 = 20_000;
const LOG_DOCUMENTS: u64 = 200_000;
const IDS: usize = 5;
const LOOK_UPS: usize = 400;
/// About what a block of documents takes on the disk.
const BLOCK_BYTES: usize = 48 << 10;
/// How often the files are looked at while they are merged, and how often in a row nothing has changed
/// when all is done; the store looks for more to do twice a second.
const LOOK_EVERY: Duration = Duration::from_millis(100);
const UNCHANGED_LOOKS: u32 = 30;

/// Makes the data and measures.
pub(super) fn run() -> anyhow::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let mut next = |default| arguments.next().map_or(Ok(default), |text| text.parse());
    let (per_day, in_log) = (next(TRACES_PER_DAY)?, next(LOG_DOCUMENTS)?);
    let dir = tempfile::tempdir_in(".")?;
    let log_dir = dir.path().join("log");
    let mut random = fastrand::Rng::with_seed(1);
    let runtime = tokio::runtime::Builder::new_multi_thread().build()?;
    let (took, ids) = timed(|| write_hours(&log_dir, per_day / 24, &mut random));
    let ids = ids?;
    let count = per_day / 24 * 24 * DAYS.unsigned_abs();
    println!("{count} traces of 5 documents in {DAYS} days, sealed by hours in {took:.1?}");
    let before = bytes_of(&files(&log_dir)?)?;
    let (took, merged) = timed(|| merge(dir.path()));
    merged?;
    let files = files(&log_dir)?;
    let bytes = bytes_of(&files)?;
    println!(
        "merged to {} files of {:.1} MB in {took:.1?}; {:.1} B a document, {:.1} before",
        files.len(),
        as_f64(bytes) / 1e6,
        as_f64(bytes) / as_f64(count * 5),
        as_f64(before) / as_f64(count * 5)
    );
    let bench = Bench {
        dir: dir.path(),
        files,
        ids,
        runtime: &runtime,
    };
    bench.open_sealed(count)?;
    bench.look_ups(&mut random)?;
    drop(dir);
    log(&runtime, in_log, &mut random)
}

struct Bench<'a> {
    dir: &'a Path,
    files: Vec<PathBuf>,
    ids: Vec<TraceId>,
    runtime: &'a tokio::runtime::Runtime,
}

impl Bench<'_> {
    fn open_sealed(&self, traces: u64) -> anyhow::Result<()> {
        forget(&self.files)?;
        let resident = || anyhow::Ok(as_f64(proc::memory(std::process::id())?.resident));
        let before = resident()?;
        let (took, store) = timed(|| EmbeddedStore::open(self.dir, options(0, false)));
        let _open = store?;
        println!(
            "opening them cold {took:.1?}, {:.1} B of memory a trace\n",
            (resident()? - before) / as_f64(traces)
        );
        Ok(())
    }

    fn look_ups(&self, random: &mut fastrand::Rng) -> anyhow::Result<()> {
        println!("{IDS} ids at once, {LOOK_UPS} times: p50, p99, max");
        let present = |random: &mut fastrand::Rng, place: usize| {
            let at = random.usize(0..self.ids.len() / 2) * 2 + place % 2;
            self.ids.get(at).copied().unwrap_or(TraceId::from_bits(0))
        };
        let mut kinds: Vec<(&str, Vec<Vec<TraceId>>)> = Vec::new();
        for (name, place) in [("X-Ray ids", 0), ("W3C ids", 1)] {
            let wanted = (0..LOOK_UPS).map(|_| (0..IDS).map(|_| present(random, place)).collect());
            kinds.push((name, wanted.collect()));
        }
        for (name, is_of_xray) in [("X-Ray ids, absent", true), ("W3C ids, absent", false)] {
            let hours = DAYS * 24;
            let mut absent = || {
                let hour = random.i64(0..hours);
                id(random, hour, is_of_xray)
            };
            let wanted = (0..LOOK_UPS).map(|_| (0..IDS).map(|_| absent()).collect());
            kinds.push((name, wanted.collect()));
        }
        for (name, wanted) in &kinds {
            let found = if name.ends_with("absent") { 0 } else { IDS };
            self.cold(name, wanted, found)?;
            self.warm(name, wanted, found)?;
        }
        self.floor(random)
    }

    /// Nothing in the page cache or in the store's.
    fn cold(&self, name: &str, wanted: &[Vec<TraceId>], found: usize) -> anyhow::Result<()> {
        let store = EmbeddedStore::open(self.dir, options(0, false))?;
        let mut times = Vec::new();
        for ids in wanted {
            forget(&self.files)?;
            times.push(self.look_up(&store, ids, found)?);
        }
        print(&format!("{name}, cold"), times);
        Ok(())
    }

    /// As the store is after a while: the second round of a few.
    fn warm(&self, name: &str, wanted: &[Vec<TraceId>], found: usize) -> anyhow::Result<()> {
        let cache = Options::default().cache_bytes_max;
        let store = EmbeddedStore::open(self.dir, options(cache, false))?;
        let mut times = Vec::new();
        for few in wanted.chunks(10) {
            for ids in few {
                self.look_up(&store, ids, found)?;
            }
            for ids in few {
                times.push(self.look_up(&store, ids, found)?);
            }
        }
        print(&format!("{name}, warm"), times);
        Ok(())
    }

    fn look_up(
        &self,
        store: &EmbeddedStore,
        ids: &[TraceId],
        expected: usize,
    ) -> anyhow::Result<Duration> {
        let (took, found) = timed(|| self.runtime.block_on(store.documents(ids)));
        let found = found?;
        let distinct = ids.iter().collect::<std::collections::HashSet<_>>().len();
        anyhow::ensure!(found.len() == expected.min(distinct), "traces are missing");
        anyhow::ensure!(
            found.iter().all(|trace| trace.documents.len() == 5),
            "documents are missing"
        );
        Ok(took)
    }

    /// As many reads of a block, one after the other, as a present look-up needs at least.
    fn floor(&self, random: &mut fastrand::Rng) -> anyhow::Result<()> {
        let mut times = Vec::new();
        let mut block = vec![0; BLOCK_BYTES];
        let open: Result<Vec<_>, _> = self.files.iter().map(File::open).collect();
        let open = open?;
        for _ in 0..LOOK_UPS {
            forget(&self.files)?;
            let (took, read) = timed(|| {
                for _ in 0..IDS {
                    let Some(file) = random.choice(&open) else {
                        continue;
                    };
                    let end = file.metadata()?.len().saturating_sub(BLOCK_BYTES as u64);
                    file.read_exact_at(&mut block, random.u64(0..=end))?;
                }
                std::io::Result::Ok(())
            });
            read?;
            times.push(took);
        }
        print("reading as much, cold (floor)", times);
        Ok(())
    }
}

/// Opening what a process leaves that died with so many documents in its logs.
fn log(
    runtime: &tokio::runtime::Runtime,
    count: u64,
    random: &mut fastrand::Rng,
) -> anyhow::Result<()> {
    let dir = tempfile::tempdir_in(".")?;
    let unsealed = || Options {
        seal_document_bytes: u64::MAX,
        ..options(0, false)
    };
    let store = EmbeddedStore::open(dir.path(), unsealed())?;
    let mut raw = 0;
    for _ in 0..count.div_ceil(2_000) {
        let mut records = Vec::new();
        for _ in 0..400 {
            let trace_id = id(random, 0, true);
            let documents = documents(random, trace_id, hour_start(0));
            records.extend(
                documents
                    .into_iter()
                    .map(|document| Record { trace_id, document }),
            );
        }
        raw += records
            .iter()
            .map(|record| record.document.len() as u64)
            .sum::<u64>();
        runtime.block_on(store.append(records))?;
    }
    drop(store);
    let files = files(&dir.path().join("log"))?;
    forget(&files)?;
    let bytes = bytes_of(&files)?;
    let (took, store) = timed(|| EmbeddedStore::open(dir.path(), unsealed()));
    let _open = store?;
    println!(
        "\nopening logs of {:.0} MB, {:.0} MB of documents: {took:.2?}; {:.2} s a GB of log, {:.2} s a GB of documents",
        as_f64(bytes) / 1e6,
        as_f64(raw) / 1e6,
        took.as_secs_f64() * 1e9 / as_f64(bytes),
        took.as_secs_f64() * 1e9 / as_f64(raw)
    );
    Ok(())
}

/// Lets the store merge until nothing has changed for as long as it looks for more to do several times.
fn merge(dir: &Path) -> anyhow::Result<()> {
    let _store = EmbeddedStore::open(dir, options(0, true))?;
    let (mut before, mut unchanged) = ((Vec::new(), 0), 0);
    while unchanged < UNCHANGED_LOOKS {
        std::thread::sleep(LOOK_EVERY);
        let mut names = files(&dir.join("log"))?;
        names.sort();
        // one of them may go while they are looked at
        let bytes = bytes_of(&names).unwrap_or_default();
        unchanged = if before == (names.clone(), bytes) {
            unchanged + 1
        } else {
            0
        };
        before = (names, bytes);
    }
    Ok(())
}

fn options(cache_bytes_max: u64, is_sealing: bool) -> Options {
    Options {
        cache_bytes_max,
        is_sealing,
        // all of it is cold by then: a day of hot and cold files waits to be merged
        clock: Arc::new(|| hour_start(DAYS * 24 + 26)),
        ..Options::default()
    }
}

fn print(name: &str, mut times: Vec<Duration>) {
    times.sort();
    let at = |part: usize| {
        let place = (times.len() * part / 100).min(times.len().saturating_sub(1));
        times.get(place).copied().unwrap_or_default().as_secs_f64() * 1e3
    };
    let (middle, most, all) = (at(50), at(99), at(100));
    println!("{name:<32} {middle:>7.2} {most:>7.2} {all:>7.2} ms");
}
