//! What the spool promises, one file per promise; here what all of them use, and the usual way.

mod bounds;
mod crash;
mod damage;
mod faults;
mod golden;
mod model;

use std::path::Path;

use super::*;
use crate::documents::Documents;

const NOW: u64 = 1_795_264_674_000;
const HOUR: Duration = Duration::from_secs(3600);

/// No bound that these tests would reach.
const WIDE: Limits = Limits {
    bytes_max: 1 << 30,
    age_max: HOUR,
    free_min: 0,
};

fn open(directory: &Path) -> (Spool, Opened) {
    Spool::open(directory, WIDE, NOW).unwrap()
}

fn texts(texts: &[&str]) -> Documents {
    texts.iter().map(|text| text.as_bytes()).collect()
}

/// Appends records of one document each.
fn append_each(spool: &mut Spool, all: &[&str]) {
    for text in all {
        assert!(spool.append(&texts(&[text]), NOW).unwrap().is_empty());
    }
}

fn strings(documents: &Documents) -> Vec<String> {
    let text = |document| String::from_utf8_lossy(document).into_owned();
    documents.iter().map(text).collect()
}

/// Takes all that is there, as delivered.
fn drain(spool: &mut Spool) -> Vec<String> {
    let mut all = Vec::new();
    while let Some(taken) = spool.take(NOW).unwrap() {
        all.extend(strings(&taken.documents));
        spool.done(taken.token);
    }
    all
}

/// Text that does not compress well.
fn noise(bytes: usize) -> String {
    std::iter::repeat_with(fastrand::alphanumeric)
        .take(bytes)
        .collect()
}

/// The directory's spool files, oldest first, and their bytes.
fn spool_files(directory: &Path) -> Vec<(PathBuf, u64)> {
    let numbers = recovery::numbers(directory).unwrap();
    let paths = numbers.into_iter().map(|number| path_of(directory, number));
    paths
        .map(|path| {
            let bytes = path.metadata().unwrap().len();
            (path, bytes)
        })
        .collect()
}

fn bytes_on_disk(directory: &Path) -> u64 {
    spool_files(directory).iter().map(|(_, bytes)| bytes).sum()
}

#[test]
fn documents_come_back_in_order_byte_for_byte_and_leave_nothing_behind() {
    let directory = tempfile::tempdir().unwrap();
    let (mut spool, opened) = open(directory.path());
    assert_eq!(opened, Opened::default());
    let documents: Documents = [b"{\n}".as_slice(), b"", b"\xff\xfe"].into_iter().collect();
    assert!(spool.append(&documents, NOW - 5).unwrap().is_empty());
    append_each(&mut spool, &["b", "c"]);
    assert_eq!((spool.documents(), spool.oldest_ms()), (5, Some(NOW - 5)));
    assert_eq!(spool.bytes(), bytes_on_disk(directory.path()));
    let taken = spool.take(NOW).unwrap().unwrap();
    assert_eq!((&taken.documents, taken.age_ms), (&documents, 5));
    assert_eq!(spool.documents(), 5, "taken is not done");
    spool.done(taken.token);
    assert_eq!(spool.documents(), 2);
    assert_eq!(drain(&mut spool), ["b", "c"]);
    assert_eq!(
        (spool.documents(), spool.bytes(), spool.oldest_ms()),
        (0, 0, None)
    );
    assert_eq!(spool_files(directory.path()), []);
    append_each(&mut spool, &["d"]);
    assert_eq!(drain(&mut spool), ["d"], "a spool that was empty goes on");
}

#[test]
fn several_records_may_be_out_and_what_is_given_back_comes_first() {
    let directory = tempfile::tempdir().unwrap();
    let (mut spool, _) = open(directory.path());
    append_each(&mut spool, &["a", "b", "c", "d"]);
    let take = |spool: &mut Spool| spool.take(NOW).unwrap().unwrap();
    let [a, b, c] = [(); 3].map(|()| take(&mut spool));
    spool.done(b.token);
    spool.give_back(c.token);
    spool.give_back(a.token);
    assert_eq!(spool.documents(), 3);
    assert_eq!(strings(&take(&mut spool).documents), ["a"]);
    assert_eq!(strings(&take(&mut spool).documents), ["c"]);
    assert_eq!(strings(&take(&mut spool).documents), ["d"]);
    assert_eq!(spool.take(NOW).unwrap(), None);
    for token in [a.token, a.token, b.token, c.token] {
        spool.done(token);
    }
    assert_eq!(spool.documents(), 1, "a record is done once");
}

#[test]
fn a_restart_goes_on_behind_the_longest_run_of_delivered_records() {
    let directory = tempfile::tempdir().unwrap();
    let (mut spool, _) = open(directory.path());
    append_each(&mut spool, &["a", "b", "c", "d"]);
    let tokens = [(); 3].map(|()| spool.take(NOW).unwrap().unwrap().token);
    spool.done(tokens[0]);
    spool.done(tokens[2]);
    drop(spool);
    let (mut spool, opened) = open(directory.path());
    assert_eq!((opened.documents, opened.damaged_records), (3, 0));
    append_each(&mut spool, &["e"]);
    assert_eq!(drain(&mut spool), ["b", "c", "d", "e"]);
    drop(spool);
    assert_eq!(open(directory.path()).1, Opened::default());
}

#[test]
fn a_file_number_is_never_used_again() {
    let directory = tempfile::tempdir().unwrap();
    let mut numbers = Vec::new();
    for text in ["a", "b", "c"] {
        let (mut spool, _) = open(directory.path());
        append_each(&mut spool, &[text]);
        numbers.extend(recovery::numbers(directory.path()).unwrap());
        assert_eq!(drain(&mut spool), [text]);
    }
    assert!(numbers.is_sorted_by(|a, b| a < b), "{numbers:?}");
}

#[test]
fn a_spool_that_is_open_elsewhere_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let (spool, _) = open(directory.path());
    let error = Spool::open(directory.path(), WIDE, NOW).unwrap_err();
    assert!(matches!(error, SpoolError::InUse { .. }), "{error}");
    drop(spool);
    assert_eq!(open(directory.path()).1.documents, 0);
}

#[test]
fn records_wait_when_too_many_are_ahead_of_one_that_is_stuck() {
    let directory = tempfile::tempdir().unwrap();
    let (mut spool, _) = open(directory.path());
    for _ in 0..1_030 {
        append_each(&mut spool, &["x"]);
    }
    let stuck = spool.take(NOW).unwrap().unwrap();
    let ahead = drain(&mut spool);
    assert_eq!((ahead.len(), spool.documents()), (1_023, 7));
    spool.done(stuck.token);
    assert_eq!(drain(&mut spool).len(), 6);
}

#[test]
fn an_append_bigger_than_a_record_becomes_several() {
    let directory = tempfile::tempdir().unwrap();
    let (mut spool, _) = open(directory.path());
    let document = vec![b'x'; 3 << 20];
    let documents: Documents = [document.as_slice(); 5].into_iter().collect();
    assert!(spool.append(&documents, NOW).unwrap().is_empty());
    let mut sizes = Vec::new();
    while let Some(taken) = spool.take(NOW).unwrap() {
        assert!(taken.documents.iter().all(|each| each == document));
        sizes.push(taken.documents.len());
        spool.done(taken.token);
    }
    assert_eq!(sizes, [2, 2, 1]);
}
