//! Two collectors in this process: what is exported from one is imported into the other, and then both
//! give the same answers; backups taken meanwhile are restored.

use std::path::Path;
use std::time::{Duration, Instant};

use radiograph_collector::config::WindowMax;
use radiograph_collector::{Collector, Config, clock, start};
use serde_json::{Value, json};

use super::*;
use crate::api::Api;
use crate::{backup, export, restore};

/// Long enough for any machine; reached only by what hangs.
const DEADLINE: Duration = Duration::from_secs(120);

/// What is asked of both, and when that is settled.
const WINDOW: (i64, i64) = (1_700_000_000, 1_700_007_200);

async fn collector(dir: &Path) -> (Collector, String) {
    let config = Config {
        listen: "127.0.0.1:0".parse().unwrap(),
        data_dir: dir.to_owned(),
        query_window_max: WindowMax::NONE,
        ..Config::default()
    };
    let collector = start(config).await.unwrap();
    let endpoint = format!("http://{}", collector.address());
    (collector, endpoint)
}

fn api(endpoint: &str) -> Api {
    Api::new(endpoint, Duration::from_secs(60)).unwrap()
}

/// A trace of two segments, one called by the other, years ago.
fn documents(number: u32) -> [String; 2] {
    let start = WINDOW.0 + 60 + i64::from(number) * 7;
    let id = format!("1-6553f100-{number:024x}");
    let (root, call, callee) = (number * 4 + 1, number * 4 + 2, number * 4 + 3);
    let is_fault = number.is_multiple_of(3);
    [
        json!({"trace_id": id, "id": format!("{root:016x}"), "name": "web", "start_time": start,
            "end_time": start + 3, "fault": is_fault, "annotations": {"n": number}, "odd": [1.50, " "],
            "subsegments": [{"id": format!("{call:016x}"), "name": "api", "namespace": "remote",
                "start_time": start, "end_time": start + 2}]})
        .to_string(),
        json!({"trace_id": id, "id": format!("{callee:016x}"), "parent_id": format!("{call:016x}"),
            "name": "api", "start_time": start, "end_time": start + 1})
        .to_string(),
    ]
}

async fn put(endpoint: &str, numbers: std::ops::Range<u32>) {
    let all: Vec<String> = numbers.flat_map(documents).collect();
    for call in all.chunks(50) {
        assert_eq!(api(endpoint).put(call).await.unwrap(), Vec::<Value>::new());
    }
}

/// The answers of a collector, in an order of their own.
async fn answers(endpoint: &str) -> Vec<Value> {
    let api = api(endpoint);
    let window = json!({"StartTime": WINDOW.0, "EndTime": WINDOW.1});
    let mut answers = Vec::new();
    for (path, list) in [
        ("/TraceSummaries", "TraceSummaries"),
        ("/ServiceGraph", "Services"),
        (
            "/TimeSeriesServiceStatistics",
            "TimeSeriesServiceStatistics",
        ),
    ] {
        let each = |answer| answers.push(answer);
        api.pages(path, window.clone(), list, each).await.unwrap();
    }
    let ids: Vec<String> = answers
        .iter()
        .filter_map(|a| a["Id"].as_str().map(str::to_owned))
        .collect();
    for five in ids.chunks(5) {
        answers.push(
            api.call("/Traces", json!({"TraceIds": five}).to_string())
                .await
                .unwrap(),
        );
    }
    answers
}

/// The answers once so many traces are settled.
async fn settled(endpoint: &str, traces: usize) -> Vec<Value> {
    let began: Instant = clock::instant();
    loop {
        let answers = answers(endpoint).await;
        let roots = answers
            .iter()
            .filter(|answer| answer["IsPartial"] == json!(false));
        let requests = answers
            .iter()
            .find(|answer| answer["Name"] == "web" && answer["Root"] == true);
        let requests = requests.and_then(|web| web["SummaryStatistics"]["TotalCount"].as_u64());
        if roots.count() == traces && requests == Some(traces as u64) {
            return answers;
        }
        assert!(
            clock::instant().duration_since(began) < DEADLINE,
            "not settled: {answers:?}"
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn run(words: &[&str]) -> anyhow::Result<()> {
    use clap::Parser as _;
    let words = std::iter::once(&"radiograph").chain(words);
    let arguments = crate::args::Arguments::try_parse_from(words)?;
    let never = std::future::pending();
    match arguments.command {
        Some(crate::args::Command::Export(options)) => export::report(&options, never).await,
        Some(crate::args::Command::Import(options)) => report(&options, never).await,
        Some(crate::args::Command::Backup(options)) => backup::report(&options, never).await,
        Some(crate::args::Command::Restore(options)) => restore::report(&options),
        _ => bail!("another command"),
    }
}

async fn imported(file: &Path, endpoint: &str) -> Counts {
    let sending = Sending {
        api: api(endpoint),
        patience: Duration::from_secs(60),
    };
    let mut counts = Counts::default();
    import(file, &sending, &mut counts).await.unwrap();
    counts
}

#[tokio::test(flavor = "multi_thread")]
async fn an_imported_bundle_gives_the_same_answers_and_can_be_imported_again() {
    let dir = tempfile::tempdir().unwrap();
    let (from, from_at) = collector(&dir.path().join("from")).await;
    let (to, to_at) = collector(&dir.path().join("to")).await;
    put(&from_at, 0..120).await;
    let expected = settled(&from_at, 120).await;
    let file = dir.path().join("all.xray");
    let path = file.to_str().unwrap();
    run(&["export", path, "--endpoint", &from_at])
        .await
        .unwrap();
    // some are there already
    put(&to_at, 0..20).await;
    let counts = imported(&file, &to_at).await;
    assert_eq!(counts.to_string(), "200 sent, 40 already there, 0 rejected");
    assert_eq!(settled(&to_at, 120).await, expected);
    let again = imported(&file, &to_at).await;
    assert_eq!(again.to_string(), "0 sent, 240 already there, 0 rejected");
    run(&["import", path, "--endpoint", &to_at]).await.unwrap();

    let faults = dir.path().join("faults.xray");
    let path = faults.to_str().unwrap();
    run(&["export", path, "--filter", "fault", "--endpoint", &from_at])
        .await
        .unwrap();
    let counts = imported(&faults, &to_at).await;
    assert_eq!(counts.to_string(), "0 sent, 80 already there, 0 rejected");
    from.stop().await;
    to.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restored_backup_has_all_that_was_acknowledged_and_the_same_totals() {
    let dir = tempfile::tempdir().unwrap();
    let (from, from_at) = collector(&dir.path().join("from")).await;
    put(&from_at, 0..60).await;
    let group = json!({"GroupName": "slow", "FilterExpression": "fault"}).to_string();
    let group = api(&from_at).call("/CreateGroup", group).await.unwrap();
    let expected = settled(&from_at, 60).await;
    // others go on, in a window of their own
    let writing = tokio::spawn({
        let endpoint = from_at.clone();
        async move {
            for number in 2000..2200 {
                put(&endpoint, number..number + 1).await;
            }
        }
    });
    let copy = dir.path().join("copy");
    run(&["backup", copy.to_str().unwrap(), "--endpoint", &from_at])
        .await
        .unwrap();
    writing.await.unwrap();
    let again = run(&["backup", copy.to_str().unwrap(), "--endpoint", &from_at]).await;
    assert!(again.unwrap_err().to_string().contains("is not empty"));
    from.stop().await;
    let to_dir = dir.path().join("to");
    run(&[
        "restore",
        copy.to_str().unwrap(),
        "--data-dir",
        to_dir.to_str().unwrap(),
    ])
    .await
    .unwrap();
    let (to, to_at) = collector(&to_dir).await;
    assert_eq!(settled(&to_at, 60).await, expected);
    let wanted = json!({"GroupName": "slow"}).to_string();
    assert_eq!(api(&to_at).call("/GetGroup", wanted).await.unwrap(), group);
    to.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_whole_bundle_is_refused_by_name() {
    let dir = tempfile::tempdir().unwrap();
    let (collector, endpoint) = collector(&dir.path().join("data")).await;
    put(&endpoint, 0..3).await;
    let file = dir.path().join("x.xray");
    let path = file.to_str().unwrap();
    run(&["export", path, "--endpoint", &endpoint])
        .await
        .unwrap();
    let whole = fs::read(&file).unwrap();
    for (row, bytes, expected) in [
        ("cut", whole[..whole.len() - 1].to_vec(), "ends early"),
        ("empty", Vec::new(), "ends early"),
        ("text", b"{\"a\":1}".to_vec(), "not a bundle"),
        (
            "longer",
            [whole.clone(), vec![0]].concat(),
            "behind the bundle's end",
        ),
    ] {
        fs::write(&file, bytes).unwrap();
        let error = format!(
            "{:#}",
            run(&["import", path, "--endpoint", &endpoint])
                .await
                .unwrap_err()
        );
        assert!(error.contains(expected), "{row}: {error}");
    }
    let error = run(&[
        "export",
        "--filter",
        "service(",
        path,
        "--endpoint",
        &endpoint,
    ])
    .await;
    assert!(
        error
            .unwrap_err()
            .to_string()
            .contains("InvalidRequestException")
    );
    let bad = dir.path().join("none/x.xray");
    let error = run(&["export", bad.to_str().unwrap(), "--endpoint", &endpoint]).await;
    assert!(error.unwrap_err().to_string().contains("making a file"));
    collector.stop().await;
}

#[tokio::test]
async fn a_collector_that_is_not_there_is_given_up() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("x.xray");
    let mut bundle = Vec::new();
    let mut writer = radiograph_protocol::bundle::Writer::begin(&mut bundle);
    let payload = crate::bundle::payload(&[b"{}".to_vec()]).unwrap();
    assert!(writer.chunk(1, 6, &payload, &mut bundle));
    writer.end(1, &mut bundle);
    fs::write(&file, bundle).unwrap();
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", closed.local_addr().unwrap());
    drop(closed);
    let words = [
        "import",
        file.to_str().unwrap(),
        "--patience",
        "200ms",
        "--endpoint",
        &endpoint,
    ];
    let error = format!("{:#}", run(&words).await.unwrap_err());
    assert!(
        error.contains("sending documents: /TraceSegments: no answer"),
        "{error}"
    );
}
