//! What is measured, and how: the data is written by one process and searched by another, so that the
//! memory told is that of searching.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use clap::Parser;
use radiograph_bench::daemon::proc;
use radiograph_bench::stored::{bytes_of, files, forget};
use radiograph_bench::{as_f64, median, timed};
use radiograph_collector::filter::{self, Expression};
use radiograph_collector::groups::Groups;
use radiograph_collector::query::Query;
use radiograph_collector::query::token::TokenKey;
use radiograph_collector::query::window::WindowMax;
use radiograph_collector::store::embedded::{EmbeddedStore, Options};
use radiograph_collector::store::{ScanRange, Store, ViewScan};
use radiograph_protocol::api::RequestTime;
use radiograph_protocol::api::traces::{GetTraceSummariesRequest, GetTraceSummariesResponse};

use super::data;

/// Filters, each with what it stands for.
const FILTERS: [(&str, &str); 7] = [
    ("selective, 1 in 100,000", r#"annotation.order = "o777""#),
    ("broad", "ok"),
    ("numeric, nothing", "responsetime > 5"),
    ("numeric, some", "responsetime > 0.065"),
    ("service and flag", r#"service("payment") { fault }"#),
    ("edge", r#"edge("cart", "payment")"#),
    ("nothing", r#"annotation.order = "nowhere""#),
];
const WARM_RUNS: usize = 9;
const COLD_RUNS: usize = 3;

/// What the command line says.
#[derive(Parser)]
struct Args {
    /// Traces in the six hours.
    #[arg(long, default_value_t = 200_000)]
    traces: u64,
    /// A data directory to write to and keep; one for the time of the bench by default.
    #[arg(long)]
    dir: Option<PathBuf>,
    /// Searches what a former run wrote to `--dir`.
    #[arg(long, requires = "dir")]
    again: bool,
    /// Bytes of the store's cache of blocks.
    #[arg(long, default_value_t = 32 << 20)]
    cache_bytes: u64,
}

pub(super) fn run() -> anyhow::Result<()> {
    let args = Args::parse();
    if let (true, Some(dir)) = (args.again, &args.dir) {
        return Bench::new(dir, args.cache_bytes)?.run();
    }
    let own = tempfile::tempdir_in(".")?;
    let dir = args.dir.as_deref().unwrap_or_else(|| own.path());
    let (took, written) = timed(|| data::write(dir, args.traces));
    written?;
    let bytes = bytes_of(&files(&dir.join("log"))?)?;
    println!(
        "{} traces in 6 h, sealed and merged by hours in {took:.1?}: {:.1} MB, {:.1} B a trace",
        args.traces,
        as_f64(bytes) / 1e6,
        as_f64(bytes) / as_f64(args.traces)
    );
    let mut again = Command::new(std::env::current_exe()?);
    again.arg("--again").arg("--dir").arg(dir);
    again.arg("--cache-bytes").arg(args.cache_bytes.to_string());
    anyhow::ensure!(again.status()?.success(), "the searches did not end well");
    Ok(())
}

struct Bench {
    dir: PathBuf,
    files: Vec<PathBuf>,
    cache_bytes: u64,
    runtime: tokio::runtime::Runtime,
}

impl Bench {
    fn new(dir: &Path, cache_bytes: u64) -> anyhow::Result<Self> {
        Ok(Self {
            dir: dir.to_owned(),
            files: files(&dir.join("log"))?,
            cache_bytes,
            runtime: tokio::runtime::Builder::new_multi_thread().build()?,
        })
    }

    fn run(&self) -> anyhow::Result<()> {
        let opened = self.open()?;
        println!(
            "memory with the store open {:.1} MB",
            mb(memory()?.resident)
        );
        drop(opened);
        println!(
            "{:<24} {:>9} {:>9} {:>9} {:>7} {:>7} {:>7} {:>7}",
            "first page of", "cold ms", "warm ms", "all ms", "found", "blocks", "frames", "pages"
        );
        for (name, text) in FILTERS {
            self.filter(name, text)?;
        }
        println!(
            "peak memory with all these searches {:.1} MB",
            mb(memory()?.peak)
        );
        for (name, text) in FILTERS {
            self.unpruned(name, text)?;
        }
        println!(
            "peak memory with reading every view {:.1} MB",
            mb(memory()?.peak)
        );
        Ok(())
    }

    fn filter(&self, name: &str, text: &str) -> anyhow::Result<()> {
        let mut cold = Vec::new();
        for _ in 0..COLD_RUNS {
            let (_store, query) = self.open()?;
            forget(&self.files)?;
            cold.push(self.page(&query, text, None)?.0);
        }
        let (_store, query) = self.open()?;
        self.page(&query, text, None)?;
        let mut warm = Vec::new();
        for _ in 0..WARM_RUNS {
            warm.push(self.page(&query, text, None)?.0);
        }
        let (all, pages) = self.pages(&query, text)?;
        let (_, page) = self.page(&query, text, None)?;
        let read = page.radiograph_explained.context("nothing is explained")?;
        println!(
            "{name:<24} {:>9.2} {:>9.2} {:>9.2} {:>7} {:>7} {:>7} {pages:>7}",
            ms(median(cold)),
            ms(median(warm)),
            ms(all),
            page.trace_summaries.len(),
            read.blocks_read,
            read.index_frames_read,
        );
        Ok(())
    }

    fn open(&self) -> anyhow::Result<(Arc<EmbeddedStore>, Query)> {
        let options = Options {
            cache_bytes_max: self.cache_bytes,
            is_sealing: false,
            clock: Arc::new(data::end),
            ..Options::default()
        };
        let store = Arc::new(EmbeddedStore::open(&self.dir, options)?);
        let shared: Arc<dyn Store> = Arc::<EmbeddedStore>::clone(&store);
        let (region, account) = ("us-east-1".to_owned(), "000000000000".to_owned());
        let groups = Groups::new(Arc::clone(&shared), region, account);
        let query = Query::new(shared, TokenKey::new([1; 32]), groups, WindowMax::default());
        Ok((store, query))
    }

    fn page(
        &self,
        query: &Query,
        text: &str,
        next_token: Option<String>,
    ) -> anyhow::Result<(Duration, GetTraceSummariesResponse)> {
        let request = GetTraceSummariesRequest {
            start_time: Some(RequestTime(data::begin())),
            end_time: Some(RequestTime(data::end())),
            filter_expression: Some(text.to_owned()),
            radiograph_explain: Some(true),
            next_token,
            ..GetTraceSummariesRequest::default()
        };
        let (took, page) = timed(|| self.runtime.block_on(query.trace_summaries(request)));
        Ok((took, page?))
    }

    /// Pages until one has something or none is left: a page may be empty though more follow.
    fn pages(&self, query: &Query, text: &str) -> anyhow::Result<(Duration, u32)> {
        let (mut took, mut pages, mut token) = (Duration::ZERO, 0, None);
        loop {
            let (one, page) = self.page(query, text, token)?;
            took += one;
            pages += 1;
            token = page.next_token;
            if token.is_none() || !page.trace_summaries.is_empty() {
                return Ok((took, pages));
            }
        }
    }

    /// Every view, until as many match as a page has, or the window ends.
    fn unpruned(&self, name: &str, text: &str) -> anyhow::Result<()> {
        let (store, query) = self.open()?;
        let (_, page) = self.page(&query, text, None)?;
        let wanted = page.trace_summaries.len().max(1);
        let filter = filter::parse(text, |_| None)?;
        let (took, read) = timed(|| self.read_every_view(&*store, &filter, wanted));
        println!(
            "{name:<24} {:>9.2} ms reading {} views (peer)",
            ms(took),
            read?
        );
        Ok(())
    }

    fn read_every_view(
        &self,
        store: &dyn Store,
        filter: &Expression,
        wanted: usize,
    ) -> anyhow::Result<u64> {
        let (mut read, mut found, mut after) = (0, 0, None);
        loop {
            let scan = ViewScan {
                start: data::begin(),
                end: data::end(),
                range: ScanRange::Started,
                after,
                views_max: 500,
                filter: None,
            };
            let page = self.runtime.block_on(store.views(scan))?;
            read += page.views.len() as u64;
            found += page
                .views
                .iter()
                .filter(|view| filter.matches(view))
                .count();
            after = page.next;
            if after.is_none() || found >= wanted {
                return Ok(read);
            }
        }
    }
}

fn ms(took: Duration) -> f64 {
    took.as_secs_f64() * 1e3
}

fn memory() -> anyhow::Result<proc::Memory> {
    proc::memory(std::process::id())
}

fn mb(bytes: u64) -> f64 {
    as_f64(bytes) / 1e6
}
