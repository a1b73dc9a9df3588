//! A process that is killed leaves the directory as it is at that moment; so does a copy of it.

use std::io;

use super::sealing::seal_all;
use super::*;
use crate::store::contract::{all_totals, sample, unsettled};
use crate::store::embedded::sealer::Reach;

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

/// Files whose directory is copied after each step that changes it, and in the middle of each write.
#[derive(Default)]
struct Witness {
    /// What is copied, from when on there is something here.
    dir: Mutex<Option<PathBuf>>,
    copies: Mutex<Vec<TempDir>>,
}

impl Witness {
    fn copy(&self) {
        if let Some(dir) = &*lock_of(&self.dir) {
            let copy = tempfile::tempdir().unwrap();
            copy_logs(dir, copy.path());
            lock_of(&self.copies).push(copy);
        }
    }

    fn step<T>(&self, step: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
        let done = step();
        self.copy();
        done
    }
}

impl Files for Witness {
    fn open_log(&self, path: &Path) -> io::Result<File> {
        self.step(|| SystemFiles.open_log(path))
    }

    fn write_at(&self, file: &File, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.step(|| SystemFiles.write_at(file, &bytes[..bytes.len() / 2], offset))?;
        self.step(|| SystemFiles.write_at(file, bytes, offset))
    }

    fn cut(&self, file: &File, end: u64) -> io::Result<()> {
        self.step(|| SystemFiles.cut(file, end))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.step(|| SystemFiles.rename(from, to))
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.step(|| SystemFiles.remove(path))
    }
}

/// Two logs in each of three hours, not sealed: a trace for each log, and one that has a document and a view
/// in all of them.
async fn three_hours(subject: &mut Embedded) {
    for number in 0..6_u32 {
        subject.arrive_at(Timestamp::from_seconds(HOUR + i64::from(number / 2) * 3600));
        append(subject, trace(number + 2), &["a", "b"]).await;
        append(subject, trace(1), &[&number.to_string()]).await;
        let start = HOUR + i64::from(number);
        let views = [view(number + 2, 2, start), view(1, number + 1, start)];
        put(subject, &views).await;
        let queue = Arc::clone(&subject.embedded().queue);
        let closing = move || queue.tell(Work::CloseLog { at_once: true });
        tokio::task::spawn_blocking(closing).await.unwrap().unwrap();
    }
}

/// Every answer is what it was.
async fn is_whole(subject: &Embedded, views: &[TraceView], after: &str) {
    for number in 2..8 {
        assert_eq!(
            documents_of(subject, trace(number)).await,
            ["a", "b"],
            "{after}"
        );
    }
    let all = ["0", "1", "2", "3", "4", "5"];
    assert_eq!(documents_of(subject, trace(1)).await, all, "{after}");
    assert_eq!(all_views(subject).await, views, "{after}");
    assert_eq!(all_totals(subject).await, sample::sum(views), "{after}");
    assert_eq!(unsettled(subject).await, [].into(), "{after}");
}

#[tokio::test]
async fn a_kill_after_any_step_of_sealing_and_merging_changes_no_answer() {
    let files = Arc::new(Witness::default());
    let mut subject = Embedded::with(32 << 20, Arc::clone(&files) as Arc<dyn Files>);
    three_hours(&mut subject).await;
    let views = all_views(&subject).await;
    is_whole(&subject, &views, "the beginning").await;
    *lock_of(&files.dir) = Some(subject.dir.path().to_owned());
    seal_all(subject.embedded(), true, Timestamp::MIN).await;
    subject.arrive_at(Timestamp::from_seconds(HOUR + 2 * 86_400));
    let sealer = subject.embedded().sealer.clone();
    let cooling = move || {
        sealer.seal_all(false, Timestamp::MAX)?;
        sealer.merge_all(Reach::Days)?;
        sealer.merge_day_whole()
    };
    tokio::task::spawn_blocking(cooling).await.unwrap().unwrap();
    *lock_of(&files.dir) = None;
    let left = files_below(&subject.dir.path().join("log"));
    assert_eq!(left.len(), 1, "{left:?}");

    let copies = std::mem::take(&mut *lock_of(&files.copies));
    // six logs, three hours and the day: each made, written, renamed, and what it replaces removed
    assert!(copies.len() > 10 * 5, "{}", copies.len());
    let now = subject.now.load(Ordering::SeqCst);
    for (step, copy) in copies.into_iter().enumerate() {
        let mut killed = Embedded::new();
        killed.close();
        killed.dir = copy;
        killed.arrive_at(Timestamp::from_micros(now));
        killed.open();
        is_whole(&killed, &views, &format!("a kill after step {step}")).await;
        seal_all(killed.embedded(), true, Timestamp::MAX).await;
        is_whole(&killed, &views, &format!("sealing after step {step}")).await;
    }
}
