//! Sealed files: bytes on disk and CPU time per document by level of zstd and size of block, and what
//! merging and looking up cost. Beside it, as a floor, the same entries in plain blocks of zstd.
//! `cargo run --release -p radiograph-bench --bin sealed [traces]`

#![expect(clippy::print_stdout, reason = "a bench prints what it measured")]

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;
use radiograph_bench::{as_f64, median, timed};
use radiograph_collector::store::embedded::sealed::{
    SealedFile, SealedMeta, SealedTrace, Tuning, merge, seal,
};
use radiograph_collector::store::{ScanRange, ViewScan};
use radiograph_collector::trace::contributions;
use radiograph_collector::trace::link::Producers;
use radiograph_collector::trace::totals::Totals;
use radiograph_collector::trace::view::view;
use radiograph_protocol::ids::TraceId;
use radiograph_protocol::timestamp::Timestamp;

const TRACES: u64 = 20_000;
const LEVELS: [i32; 4] = [1, 3, 6, 9];
const BLOCKS_KIB: [usize; 4] = [64, 128, 256, 512];
const ROUNDS: usize = 5;
const LOOK_UPS: usize = 5_000;
/// Epoch seconds of the first trace; 5,000 traces follow in each second.
const START: f64 = 1_795_264_534.0;
const ARRIVAL: (Timestamp, Timestamp) = (
    Timestamp::from_seconds(1_795_262_400),
    Timestamp::from_seconds(1_795_266_000),
);
/// Services of a trace, each called by the one before it, and the method of the call.
const SERVICES: [(&str, &str); 5] = [
    ("gateway", "GET"),
    ("cart", "PUT"),
    ("payment", "POST"),
    ("stock", "GET"),
    ("mail", "POST"),
];

fn main() -> anyhow::Result<()> {
    let count = std::env::args().nth(1);
    let count = count.map_or(Ok(TRACES), |text| text.parse())?;
    let dir = tempfile::tempdir_in(".")?;
    let mut random = fastrand::Rng::with_seed(1);
    let mut traces = Vec::new();
    for number in 0..count {
        traces.push(trace(&mut random, number)?);
    }
    traces.sort_by_key(|trace| trace.trace_id);
    let documents = as_f64(
        traces
            .iter()
            .map(|trace| trace.documents.len() as u64)
            .sum(),
    );
    let texts = traces.iter().flat_map(|trace| &trace.documents);
    let bytes = as_f64(texts.map(|text| text.len() as u64).sum());
    println!(
        "{documents} documents of {:.0} bytes, {} to a trace",
        bytes / documents,
        SERVICES.len()
    );
    let bench = Bench {
        dir: dir.path(),
        documents,
        traces,
    };
    bench.levels()?;
    bench.whole()?;
    bench.merging_and_reading()?;
    recordings(&bench)
}

struct Bench<'a> {
    dir: &'a Path,
    documents: f64,
    traces: Vec<SealedTrace>,
}

impl Bench<'_> {
    /// Documents alone and views alone at every level and size of block.
    fn levels(&self) -> anyhow::Result<()> {
        let without_views: Vec<_> = self
            .traces
            .iter()
            .cloned()
            .map(|trace| SealedTrace {
                view: None,
                ..trace
            })
            .collect();
        let without_documents: Vec<_> = self
            .traces
            .iter()
            .cloned()
            .map(|trace| SealedTrace {
                documents: Vec::new(),
                ..trace
            })
            .collect();
        for (name, traces) in [("documents", without_views), ("views", without_documents)] {
            println!("\n{name} alone: bytes and CPU time per document");
            for block_kib in BLOCKS_KIB {
                for level in LEVELS {
                    let tuning = Tuning {
                        documents_block_bytes: block_kib << 10,
                        views_block_bytes: block_kib << 10,
                        documents_level: level,
                        views_level: level,
                        ..Tuning::default()
                    };
                    let path = self.dir.join("level");
                    let (took, _) = self.seal(&path, tuning, &traces)?;
                    println!(
                        "  {block_kib:>3} KiB, level {level}  {:>7.1} B  {:>6.2} µs",
                        as_f64(path.metadata()?.len()) / self.documents,
                        self.per_document(took)
                    );
                }
            }
        }
        Ok(())
    }

    /// A file as the store makes it, beside the same documents as plain blocks of zstd.
    fn whole(&self) -> anyhow::Result<()> {
        let tuning = Tuning::default();
        let path = self.path(0);
        let texts: Vec<&str> = self
            .traces
            .iter()
            .flat_map(|trace| trace.documents.iter().map(String::as_str))
            .collect();
        let mut plain = 0;
        let (mut floors, mut sealings, mut totals) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            let (took, bytes) = cpu(|| plain_blocks(&texts, tuning.documents_block_bytes))?;
            plain = bytes;
            floors.push(took);
            let (took, meta) = self.seal(&path, tuning, &self.traces)?;
            anyhow::ensure!(meta.views == meta.traces, "views are missing");
            sealings.push(took);
            totals.push(cpu(|| Ok(self.totals()))?.0);
        }
        let size = as_f64(path.metadata()?.len());
        let floor = self.per_document(median(floors));
        let sealing = self.per_document(median(sealings));
        println!("\nthe defaults: {tuning:?}");
        println!(
            "documents in plain zstd 1 {:>8.1} B per document, {floor:.2} µs (floor)",
            as_f64(plain) / self.documents
        );
        println!(
            "all on disk               {:>8.1} B per document",
            size / self.documents
        );
        println!(
            "sealing                   {sealing:>8.2} µs of CPU per document, of that totals {:.2} µs",
            self.per_document(median(totals))
        );
        println!("ratio to the floor        {:>8.2}", sealing / floor);
        Ok(())
    }

    fn totals(&self) -> Totals {
        let mut totals = Totals::default();
        for view in self.traces.iter().filter_map(|trace| trace.view.as_ref()) {
            contributions::add(view, &mut totals, 1);
        }
        totals
    }

    fn merging_and_reading(&self) -> anyhow::Result<()> {
        // every fourth trace, so that all inputs take part in all of the merge
        for part in 0..4 {
            let traces = self.traces.iter().skip(part).step_by(4).cloned();
            let traces: Vec<_> = traces.collect();
            self.seal(&self.path(part + 1), Tuning::default(), &traces)?;
        }
        let parts: Result<Vec<_>, _> = (1..=4)
            .map(|part| SealedFile::open(&self.path(part)))
            .collect();
        let parts = parts?;
        let parts: Vec<&SealedFile> = parts.iter().collect();
        let merged = self.path(5);
        let (took, _) = cpu(|| Ok(merge(&merged, Tuning::default(), &parts, |_, _| false)?))?;
        println!(
            "merging four files        {:>8.2} µs of CPU per document",
            self.per_document(took)
        );
        let (opened, file) = timed(|| SealedFile::open(&merged));
        let file = file?;
        println!(
            "opening                   {:>8.2} ms",
            opened.as_secs_f64() * 1e3
        );
        let step = (self.traces.len() / LOOK_UPS).max(1);
        let wanted: Vec<_> = self.traces.iter().step_by(step).collect();
        let (took, found) = timed(|| {
            let found = wanted.iter().map(|trace| file.documents(trace.trace_id));
            found
                .map(|found| found.map(|found| found.len()))
                .sum::<Result<usize, _>>()
        });
        let per_look_up = |took: Duration| took.as_secs_f64() * 1e6 / as_f64(wanted.len() as u64);
        anyhow::ensure!(
            found? == wanted.len() * SERVICES.len(),
            "documents are missing"
        );
        println!(
            "documents of a trace      {:>8.1} µs, warm",
            per_look_up(took)
        );
        let (took, absent) = timed(|| {
            let absent = wanted
                .iter()
                .map(|trace| TraceId::from_bits(!trace.trace_id.bits()));
            absent.filter(|trace_id| file.may_have(*trace_id)).count()
        });
        println!(
            "a trace that is not there {:>8.3} µs, {absent} of {} by mistake taken to be",
            per_look_up(took),
            wanted.len()
        );
        let (took, page) = timed(|| file.scan(&page_of_views()));
        anyhow::ensure!(page?.rows.len() == 100, "views are missing");
        println!(
            "a page of 100 views       {:>8.2} ms, warm",
            took.as_secs_f64() * 1e3
        );
        let (took, report) = timed(|| SealedFile::verify(&merged));
        anyhow::ensure!(report?.problem_count == 0, "the file is damaged");
        println!(
            "verifying                 {:>8.2} µs per document",
            self.per_document(took)
        );
        Ok(())
    }

    fn seal(
        &self,
        path: &Path,
        tuning: Tuning,
        traces: &[SealedTrace],
    ) -> anyhow::Result<(Duration, SealedMeta)> {
        let input: Vec<_> = traces.iter().cloned().map(Ok).collect();
        cpu(|| Ok(seal(path, ARRIVAL, tuning, input)?))
    }

    fn path(&self, number: usize) -> PathBuf {
        self.dir.join(format!("{number}.sealed"))
    }

    fn per_document(&self, took: Duration) -> f64 {
        took.as_secs_f64() * 1e6 / self.documents
    }
}

/// What recorded documents of real SDKs compress to beside the made ones: both as few documents in
/// one plain block, since there are not more of them.
fn recordings(bench: &Bench<'_>) -> anyhow::Result<()> {
    let recorded: Vec<String> = radiograph_proto_fixtures::recordings()
        .iter()
        .filter(|recording| recording.name.starts_with("aws-xray-sdk-"))
        .flat_map(|recording| recording.datagrams.clone())
        .filter_map(|datagram| Some(datagram.split_once('\n')?.1.to_owned()))
        .filter(|document| (700..2_000).contains(&document.len()))
        .collect();
    let recorded: Vec<&str> = recorded.iter().map(String::as_str).collect();
    let made = bench.traces.iter().flat_map(|trace| &trace.documents);
    let made: Vec<&str> = made.map(String::as_str).take(recorded.len()).collect();
    println!(
        "\n{} documents in one plain block of zstd 1",
        recorded.len()
    );
    for (name, texts) in [("recorded", recorded), ("made", made)] {
        let raw: usize = texts.iter().map(|text| text.len()).sum();
        let stored = as_f64(plain_blocks(&texts, usize::MAX)?);
        println!(
            "{name:<9} {:>6.0} B a document, {:>6.1} B compressed",
            as_f64(raw as u64) / as_f64(texts.len() as u64),
            stored / as_f64(texts.len() as u64)
        );
    }
    Ok(())
}

/// Length of these texts in blocks compressed at level 1, as logs have them.
fn plain_blocks(texts: &[&str], block_bytes: usize) -> anyhow::Result<u64> {
    let mut compressor = zstd::bulk::Compressor::new(1)?;
    let (mut stored, mut block) = (0, Vec::new());
    for text in texts {
        if !block.is_empty() && block.len() + text.len() > block_bytes {
            stored += compressor.compress(&block)?.len();
            block.clear();
        }
        block.extend(text.as_bytes());
    }
    stored += compressor.compress(&block)?.len();
    Ok(u64::try_from(stored)?)
}

/// The CPU time that `work` takes; where there is no such clock, the time.
fn cpu<T>(work: impl FnOnce() -> anyhow::Result<T>) -> anyhow::Result<(Duration, T)> {
    #[cfg(target_os = "linux")]
    {
        use nix::time::{ClockId, clock_gettime};
        let before = Duration::from(clock_gettime(ClockId::CLOCK_PROCESS_CPUTIME_ID)?);
        let result = work()?;
        let after = Duration::from(clock_gettime(ClockId::CLOCK_PROCESS_CPUTIME_ID)?);
        Ok((after.saturating_sub(before), result))
    }
    #[cfg(not(target_os = "linux"))]
    {
        let (took, result) = timed(work);
        Ok((took, result?))
    }
}

/// A trace of five services, a segment and three subsegments each, with its view. Ids are random;
/// times, users, items, addresses and lengths differ; the services on Node.js write milliseconds, those
/// on Python all digits that a double has.
fn trace(random: &mut fastrand::Rng, number: u64) -> anyhow::Result<SealedTrace> {
    let start = START + as_f64(number) / 5_000.0 + random.f64() * 0.01;
    let second = 1_795_264_534 + u128::from(number / 5_000);
    let trace_id = TraceId::from_bits((second << 96) | (random.u128(..) >> 32));
    let mut made = Maker {
        trace: trace_id.to_string(),
        parent: String::new(),
        start,
        user: random.u32(0..100_000),
        item: random.u32(0..1_000_000),
        address: format!("198.51.{}.{}", random.u8(..), random.u8(..)),
        random,
    };
    let documents: Vec<String> = (0..SERVICES.len())
        .map(|place| made.document(place))
        .collect();
    let view = view(documents.iter().map(String::as_str), &Producers::default());
    Ok(SealedTrace {
        trace_id,
        documents,
        view: Some(view.context("documents without a view")?),
        is_carried: false,
    })
}

struct Maker<'r> {
    random: &'r mut fastrand::Rng,
    trace: String,
    /// What calls the next document: its id, and when.
    parent: String,
    start: f64,
    user: u32,
    item: u32,
    address: String,
}

impl Maker<'_> {
    fn id(&mut self) -> String {
        format!("{:016x}", self.random.u64(..))
    }

    fn one_of(&mut self, choices: &[&'static str]) -> &'static str {
        self.random.choice(choices).copied().unwrap_or_default()
    }

    fn document(&mut self, place: usize) -> String {
        let (name, method) = SERVICES.get(place).copied().unwrap_or_default();
        let (start, parent) = (self.start, std::mem::take(&mut self.parent));
        let (subsegments, end) = self.subsegments(place);
        let is_node = place.is_multiple_of(2);
        let parent = match place {
            0 => String::new(),
            _ => format!(r#""parent_id":"{parent}","#),
        };
        let (status, flag) = match self.random.u32(0..100) {
            0 => (500, r#""fault":true,"#),
            1..4 => (404, r#""error":true,"#),
            _ => (200, ""),
        };
        let agent = match place {
            0 => self.one_of(&[
                "Mozilla/5.0 (X11; Linux x86_64; rv:144.0) Gecko/20100101 Firefox/144.0",
                "curl/8.5.0",
                "okhttp/4.12.0",
            ]),
            _ => "python-requests/2.34.2",
        };
        let (sdk, version) = if is_node {
            ("Node.js", "3.12.0")
        } else {
            ("Python", "2.15.0")
        };
        let (id, length, items) = (
            self.id(),
            self.random.u32(100..20_000),
            self.random.u32(1..20),
        );
        let tier = self.one_of(&["gold", "silver", "none"]);
        let (start, end) = (digits(start, is_node), digits(end, is_node));
        let Self {
            trace,
            user,
            item,
            address,
            ..
        } = self;
        format!(
            r#"{{"id":"{id}","trace_id":"{trace}",{parent}"name":"{name}","origin":"AWS::ECS::Container","start_time":{start},"end_time":{end},{flag}"http":{{"request":{{"method":"{method}","url":"http://{name}.internal/{name}/{item}","user_agent":"{agent}","client_ip":"{address}"}},"response":{{"status":{status},"content_length":{length}}}}},"aws":{{"xray":{{"sdk":"X-Ray for {sdk}","sdk_version":"{version}"}}}},"annotations":{{"tier":"{tier}","items":{items}}},"user":"u{user}","subsegments":[{subsegments}]}}"#
        )
    }

    /// A query, the call of the next service, and something local; and when the last of them ends.
    fn subsegments(&mut self, place: usize) -> (String, f64) {
        let (name, method) = SERVICES.get(place).copied().unwrap_or_default();
        let (next, _) = SERVICES
            .get((place + 1) % SERVICES.len())
            .copied()
            .unwrap_or_default();
        let mut end = self.start;
        let mut written = Vec::new();
        for call in 0..3 {
            let start = end + self.random.f64() * 0.004;
            end = start + 0.001 + self.random.f64() * 0.03;
            let id = self.id();
            let what = match call {
                0 => {
                    let operation = self.one_of(&["GetItem", "Query", "PutItem"]);
                    let (retries, length) =
                        (self.random.u32(0..12) / 10, self.random.u32(20..4_000));
                    format!(
                        r#""name":"DynamoDB","namespace":"aws","aws":{{"operation":"{operation}","region":"eu-central-1","table_name":"{name}s","retries":{retries}}},"http":{{"response":{{"status":200,"content_length":{length}}}}}"#
                    )
                }
                1 => {
                    self.parent.clone_from(&id);
                    self.start = start + self.random.f64() * 0.001;
                    let item = self.item;
                    format!(
                        r#""name":"{next}.internal","namespace":"remote","http":{{"request":{{"method":"{method}","url":"http://{next}.internal/{next}/{item}"}},"response":{{"status":200}}}}"#
                    )
                }
                _ => format!(
                    r#""name":"{}""#,
                    self.one_of(&["render", "encode", "check"])
                ),
            };
            let (start, end) = (
                digits(start, place.is_multiple_of(2)),
                digits(end, place.is_multiple_of(2)),
            );
            written.push(format!(
                r#"{{"id":"{id}",{what},"start_time":{start},"end_time":{end}}}"#
            ));
        }
        (written.join(","), end)
    }
}

fn digits(time: f64, is_node: bool) -> String {
    if is_node {
        format!("{time:.3}")
    } else {
        format!("{time:.7}")
    }
}

/// A page of 100 views.
const fn page_of_views() -> ViewScan {
    ViewScan {
        start: ARRIVAL.0,
        end: ARRIVAL.1,
        range: ScanRange::Active,
        after: None,
        views_max: 100,
        filter: None,
    }
}
