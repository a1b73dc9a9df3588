//! What a snapshot has to hold whatever goes on beside it.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};

use radiograph_protocol::timestamp::Timestamp;
use tokio::task::block_in_place;

use super::*;
use crate::store::contract::sample::{HOUR, trace, view};
use crate::store::embedded::{Clock, Options};
use crate::store::{Record, Store as _};

fn open(dir: &Path, hour: i64) -> EmbeddedStore {
    let now = Timestamp::from_seconds(HOUR + hour * 3600);
    let clock: Clock = Arc::new(move || now);
    let options = Options {
        clock,
        is_sealing: false,
        ..Options::default()
    };
    EmbeddedStore::open(dir, options).unwrap()
}

fn record(number: u32) -> Record {
    Record {
        trace_id: trace(number),
        document: format!("document {number}"),
    }
}

/// Writes the files of a snapshot below a directory.
fn unpack(snapshot: &Snapshot, to: &Path) {
    for file in snapshot.files() {
        let path: PathBuf = to.join(file.name());
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let mut bytes = vec![0; usize::try_from(file.bytes()).unwrap()];
        file.read(&mut bytes, 0).unwrap();
        fs::write(path, bytes).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn logs_sealed_files_views_and_records_are_all_there() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(&dir.path().join("from"), 0);
    store.append(vec![record(1)]).await.unwrap();
    store.put_views(vec![view(1, 1, HOUR)]).await.unwrap();
    block_in_place(|| store.seal_all(false)).unwrap();
    store.append(vec![record(2)]).await.unwrap();
    store.put_views(vec![view(2, 1, HOUR)]).await.unwrap();
    store.put_state("rules", 0, b"one".to_vec()).await.unwrap();
    store.put_state("rules", 1, b"two".to_vec()).await.unwrap();
    let snapshot = block_in_place(|| store.snapshot()).unwrap();
    store.append(vec![record(3)]).await.unwrap();
    let names: Vec<&str> = snapshot.files().iter().map(SnapshotFile::name).collect();
    let day = "log/2026-11-21";
    let expected = [
        format!("{day}/14-000.sealed"),
        format!("{day}/14-001.log"),
        "state.redb".to_owned(),
    ];
    assert_eq!(names, expected);
    unpack(&snapshot, &dir.path().join("to"));
    assert!(!dir.path().join("from").join(STATE_COPY).exists());
    let copy = open(&dir.path().join("to"), 0);
    let traces = [1, 2, 3].map(trace);
    assert_eq!(copy.document_counts(&traces).await.unwrap(), [1, 1, 0]);
    let window = [HOUR - 60, HOUR + 60].map(Timestamp::from_seconds);
    let totals = copy.totals(window[0], window[1]).await.unwrap();
    assert_eq!(totals, store.totals(window[0], window[1]).await.unwrap());
    let rules = copy.state("rules").await.unwrap().unwrap();
    assert_eq!((rules.version, rules.value), (2, b"two".to_vec()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_snapshot_stays_readable_when_its_files_are_sealed_and_dropped() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(&dir.path().join("from"), 0);
    store.append(vec![record(1)]).await.unwrap();
    block_in_place(|| store.seal_all(false)).unwrap();
    store.append(vec![record(2)]).await.unwrap();
    let snapshot = block_in_place(|| store.snapshot()).unwrap();
    block_in_place(|| store.seal_all(true)).unwrap();
    let later = Timestamp::from_seconds(HOUR + 7200);
    store.drop_before(later).await.unwrap();
    let traces = [1, 2].map(trace);
    assert_eq!(store.document_counts(&traces).await.unwrap(), [0, 0]);
    unpack(&snapshot, &dir.path().join("to"));
    let copy = open(&dir.path().join("to"), 0);
    assert_eq!(copy.document_counts(&traces).await.unwrap(), [1, 1]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_acknowledged_before_is_there_while_others_write_seal_and_merge() {
    let dir = tempfile::tempdir().unwrap();
    let store = Arc::new(open(&dir.path().join("from"), 0));
    let is_over = Arc::new(AtomicBool::new(false));
    let writing = tokio::spawn({
        let (store, is_over) = (Arc::clone(&store), Arc::clone(&is_over));
        async move {
            let mut number = 1000;
            while !is_over.load(Ordering::Relaxed) {
                store.append(vec![record(number)]).await.unwrap();
                number += 1;
            }
        }
    });
    let sealing = tokio::task::spawn_blocking({
        let (store, is_over) = (Arc::clone(&store), Arc::clone(&is_over));
        move || {
            while !is_over.load(Ordering::Relaxed) {
                store.seal_all(true).unwrap();
            }
        }
    });
    for round in 1..=8 {
        store.append(vec![record(round)]).await.unwrap();
        let store = Arc::clone(&store);
        let snapshot = tokio::task::spawn_blocking(move || store.snapshot());
        let snapshot = snapshot.await.unwrap().unwrap();
        let to = dir.path().join(format!("to-{round}"));
        unpack(&snapshot, &to);
        let copy = open(&to, 0);
        let traces: Vec<_> = (1..=round).map(trace).collect();
        let counts = copy.document_counts(&traces).await.unwrap();
        assert_eq!(counts, vec![1; traces.len()], "round {round}");
        let report = copy.recovery_report();
        assert_eq!((report.regions_damaged, report.bytes_cut), (0, 0));
    }
    is_over.store(true, Ordering::Relaxed);
    writing.await.unwrap();
    sealing.await.unwrap();
}
