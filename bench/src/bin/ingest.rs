//! PutTraceSegments with a sync before every answer, settling, sealing and merging included: documents
//! acknowledged per second, how long callers wait, memory, CPU by thread, and bytes on disk once
//! everything is sealed and merged. Beside it what the disk alone and the CPU alone allow.
//!
//! Drives the service in this process, without HTTP: callers and floors share its cores, and what
//! callers hold in memory (11 MB at most) is counted too.
//! `cargo run --release -p radiograph-bench --bin ingest -- [--seconds 300] [--rate 25000]`

#![cfg_attr(
    target_os = "linux",
    expect(clippy::print_stdout, reason = "a bench prints what it measured")
)]

/// As in the collector's binary.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[cfg(target_os = "linux")]
mod run {
    use std::path::{Path, PathBuf};
    use std::sync::Arc;
    use std::sync::atomic::Ordering;

    use clap::Parser;
    use radiograph_bench::as_f64;
    use radiograph_bench::daemon::proc;
    use radiograph_bench::ingest::floor::{cpu_alone, disk_alone};
    use radiograph_bench::ingest::load::{Counts, DOCUMENTS_PER_CALL, Load};
    use radiograph_bench::ingest::watch::{Watched, Written, cpu_by_kind, written_by_committer};
    use radiograph_bench::timed;
    use radiograph_collector::ingest::Ingest;
    use radiograph_collector::metrics::Metrics;
    use radiograph_collector::settle::Settler;
    use radiograph_collector::settle::schedule::Schedule;
    use radiograph_collector::store::Store;
    use radiograph_collector::store::embedded::{EmbeddedStore, Options};

    /// Measures how fast documents become durable.
    #[derive(Debug, Parser)]
    struct Args {
        /// How long the load lasts
        #[arg(long, value_name = "N", default_value_t = 20)]
        seconds: u64,
        /// Documents a second; 0 for as many as are taken
        #[arg(long, value_name = "N", default_value_t = 0)]
        rate: u32,
        /// Callers, each waiting for its answer
        #[arg(long, value_name = "N", default_value_t = 32)]
        callers: u32,
        /// Seal nothing meanwhile
        #[arg(long)]
        logs: bool,
        /// Where to make the store, in a folder of its own
        #[arg(long, value_name = "PATH", default_value = ".")]
        dir: PathBuf,
    }

    /// Measures, and prints the table.
    pub(super) fn main() -> anyhow::Result<()> {
        let args = Args::parse();
        proc::pin(proc::MEASURED_CORES)?;
        let busy = std::fs::read_to_string("/proc/loadavg")?;
        let busy = busy.split(' ').next().unwrap_or_default();
        println!(
            "on {} cores; load average before: {busy}",
            proc::MEASURED_CORES
        );
        let dir = tempfile::tempdir_in(&args.dir)?;
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(proc::MEASURED_CORES)
            .thread_name("collector")
            .enable_all()
            .build()?;
        let store = open(&args, &dir.path().join("data"))?;
        let measured = runtime.block_on(load(&args, &store))?;
        let peak = proc::memory(std::process::id())?.peak;
        drop(runtime);
        let log_dir = dir.path().join("data").join("log");
        let unmerged = size_of(&log_dir)?;
        let (sealing, sealed) = timed(|| store.seal_all(true));
        sealed?;
        let merged = size_of(&log_dir)?;
        store.close();
        measured.print(&args);
        let documents = measured.documents;
        println!("memory, peak               {:>10.1} MB", as_f64(peak) / 1e6);
        println!(
            "on disk                    {:>10.1} B per document",
            as_f64(unmerged) / documents
        );
        println!(
            "  all sealed and merged    {:>10.1} B per document, after {:.1} s more",
            as_f64(merged) / documents,
            sealing.as_secs_f64()
        );
        floors(&measured, &dir.path().join("floor"))
    }

    fn open(args: &Args, path: &Path) -> anyhow::Result<Arc<EmbeddedStore>> {
        let options = Options {
            is_sealing: !args.logs,
            ..Options::default()
        };
        Ok(Arc::new(EmbeddedStore::open(path, options)?))
    }

    struct Measured {
        counts: Arc<Counts>,
        watched: Watched,
        views: f64,
        documents: f64,
        seconds: f64,
        written: Written,
        /// By kind of thread, in microseconds a document.
        cpu: Vec<(String, f64)>,
    }

    async fn load(args: &Args, store: &Arc<EmbeddedStore>) -> anyhow::Result<Measured> {
        let shared = Arc::clone(store) as Arc<dyn Store>;
        let metrics = Arc::new(Metrics::default());
        let settler = Settler::new(Schedule::default());
        let settling = settler
            .start(Arc::clone(&shared), Arc::clone(&metrics))
            .await?;
        let ingest = Ingest::new(shared, settler, Arc::clone(&metrics));
        let counts = Arc::new(Counts::default());
        let load = Load {
            callers: args.callers,
            rate: args.rate,
        };
        let mut callers = load.start(&ingest, &counts);
        let watched = Watched::of(args.seconds, &counts, |interval| {
            println!(
                "  {:>4.0} s {:>9.0} documents per second {:>7.1} MB",
                interval.at, interval.rate, interval.resident_mb
            );
        });
        let watched = watched.await?;
        let documents = as_f64(counts.documents.load(Ordering::Relaxed));
        let written = written_by_committer()?;
        let cpu = cpu_by_kind()?.into_iter();
        let cpu = cpu.map(|(kind, used)| (kind, used.as_secs_f64() * 1e6 / documents));
        let cpu = cpu.collect();
        callers.shutdown().await;
        settling.abort();
        Ok(Measured {
            seconds: watched.intervals.last().map_or(1.0, |last| last.at),
            counts,
            watched,
            views: as_f64(metrics.snapshot().views_settled),
            documents,
            written,
            cpu,
        })
    }

    impl Measured {
        fn print(&self, args: &Args) {
            let Self {
                counts, documents, ..
            } = self;
            let rate = match args.rate {
                0 => "as fast as they are taken".to_owned(),
                rate => format!("{rate} documents per second"),
            };
            println!(
                "{} callers, {DOCUMENTS_PER_CALL} documents a call, {rate}, {:.0} s",
                args.callers, self.seconds
            );
            let (least, median) = self.watched.rates();
            println!(
                "documents acknowledged     {:>10.0} per second; by 10 s: least {least:.0}, median {median:.0}",
                documents / self.seconds
            );
            println!(
                "views settled              {:>10.0} per second",
                self.views / self.seconds
            );
            println!(
                "calls refused              {:>10}",
                counts.refused.load(Ordering::Relaxed)
            );
            println!(
                "a document                 {:>10.0} B",
                as_f64(counts.bytes.load(Ordering::Relaxed)) / documents
            );
            let millis = |share| counts.latency(share).as_secs_f64() * 1e3;
            println!(
                "a call takes               {:>10.1} ms in the median, 99 % below {:.1} ms",
                millis(0.5),
                millis(0.99)
            );
            let cpu: f64 = self.cpu.iter().map(|(_, used)| used).sum();
            println!("CPU                        {cpu:>10.1} µs per document");
            for (kind, used) in self.cpu.iter().filter(|(_, used)| *used > 0.05) {
                println!("  {kind:<24} {used:>10.1} µs");
            }
            if let Some(growth) = self.watched.growth() {
                println!(
                    "memory grows               {growth:>+10.1} MB a minute, over the second half"
                );
            }
        }
    }

    fn floors(measured: &Measured, path: &Path) -> anyhow::Result<()> {
        let disk = disk_alone(path, measured.written)?;
        let Written { writes, bytes } = measured.written;
        println!(
            "disk alone                 {:>10.0} documents per second: the same {writes} writes of {:.0} KB, each synced",
            measured.documents / disk.as_secs_f64(),
            as_f64(bytes) / as_f64(writes.max(1)) / 1e3
        );
        let mut making = 0.0;
        for cores in [1, 2] {
            let alone = cpu_alone(cores)?;
            println!(
                "parse and compress alone   {:>10.0} documents per second on {cores} of 2 cores, {:.1} µs of CPU each",
                alone.rate, alone.micros
            );
            making = alone.making_micros;
        }
        println!(
            "making documents           {making:>10.1} µs of CPU each, the callers' part above"
        );
        Ok(())
    }

    fn size_of(folder: &Path) -> anyhow::Result<u64> {
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
}

#[cfg(target_os = "linux")]
fn main() -> anyhow::Result<()> {
    run::main()
}

#[cfg(not(target_os = "linux"))]
fn main() -> std::process::ExitCode {
    std::process::ExitCode::FAILURE
}
