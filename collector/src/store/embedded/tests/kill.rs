//! A process that is killed leaves the directory as it is at that moment; so does a copy of it.

use super::*;
use crate::store::contract::unsettled;

/// Copies the logs, newest last, as they are while somebody writes.
fn copy_logs(from: &Path, to: &Path) {
    for path in files_below(&from.join("log")) {
        let target = to.join(path.strip_prefix(from).unwrap());
        fs::create_dir_all(target.parent().unwrap()).unwrap();
        fs::copy(path, target).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_of_a_directory_in_use_has_all_that_was_acknowledged_before() {
    let subject = Embedded::new();
    let acknowledged = Arc::new(AtomicI64::new(0));
    let is_done = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let writer = {
        let (store, acknowledged) = (subject.store(), Arc::clone(&acknowledged));
        let is_done = Arc::clone(&is_done);
        tokio::spawn(async move {
            while !is_done.load(Ordering::SeqCst) {
                let number = acknowledged.load(Ordering::SeqCst);
                let document = format!("{number} {}", "x".repeat(2000));
                let record = Record {
                    trace_id: trace(1),
                    document,
                };
                store.append(vec![record]).await.unwrap();
                store.put_views(vec![view(1, 1, HOUR)]).await.unwrap();
                acknowledged.store(number + 1, Ordering::SeqCst);
            }
        })
    };
    for copies in 1..=8 {
        while acknowledged.load(Ordering::SeqCst) < copies * 5 {
            tokio::task::yield_now().await;
        }
        let before = acknowledged.load(Ordering::SeqCst);
        let copy = tempfile::tempdir().unwrap();
        copy_logs(subject.dir.path(), copy.path());
        let store = EmbeddedStore::open(copy.path(), Options::default()).unwrap();
        assert_eq!(store.recovery_report().regions_damaged, 0);
        let found = store.documents(&[trace(1)]).await.unwrap();
        let numbers = found[0]
            .documents
            .iter()
            .filter_map(|text| text.split(' ').next());
        let mut numbers: Vec<i64> = numbers.map(|number| number.parse().unwrap()).collect();
        numbers.sort_unstable();
        let after = acknowledged.load(Ordering::SeqCst);
        let count = i64::try_from(numbers.len()).unwrap();
        assert!(
            (before..=after + 1).contains(&count),
            "{before} <= {count} <= {after}"
        );
        assert_eq!(numbers, (0..count).collect::<Vec<_>>());
    }
    is_done.store(true, Ordering::SeqCst);
    writer.await.unwrap();
}

#[tokio::test]
async fn a_trace_is_unsettled_after_a_kill_between_its_document_and_its_view() {
    let subject = Embedded::new();
    append(&subject, trace(1), &["a"]).await;
    let mut killed = Embedded::new();
    killed.close();
    copy_logs(subject.dir.path(), killed.dir.path());
    killed.open();
    assert_eq!(unsettled(&killed).await, [trace(1)].into());
    put(&subject, &[view(1, 1, HOUR)]).await;
    killed.close();
    copy_logs(subject.dir.path(), killed.dir.path());
    killed.open();
    assert_eq!(unsettled(&killed).await, [].into());
}
