//! A small directory with a merged file, a sealed file and a log: clean as it is, and whatever is done to
//! it is told of and can be repaired.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use radiograph_protocol::ids::TraceId;
use tempfile::TempDir;

use super::derive::documents_of;
use super::*;
use crate::store::contract::sample::{HOUR, trace};
use crate::store::embedded::digest::DocumentDigest;
use crate::store::embedded::queue::{NewDocument, NewView, Work};
use crate::store::embedded::{EmbeddedStore, Options};

mod damage;
mod forged;
mod golden;
mod killed;

const NOW: Timestamp = Timestamp::from_seconds(HOUR + 60);
const MERGED: &str = "log/2026-11-21/14-001-m1.sealed";
const SEALED: &str = "log/2026-11-21/14-002.sealed";
const LOG: &str = "log/2026-11-21/14-003.log";

/// A directory.
struct Place {
    dir: TempDir,
}

impl Place {
    /// Traces 1 to 9 in the merged file, 10 to 12 and more of 2 in the sealed one, 13, 14 and more of 1 in
    /// the log, where 15 waits to be settled. Each links to the one before it.
    fn make() -> Self {
        let place = Self {
            dir: tempfile::tempdir().unwrap(),
        };
        let store = place.open();
        write(&store, 1..=6, 1);
        store.seal_all(false).unwrap();
        write(&store, 2..=3, 2);
        write(&store, 7..=9, 1);
        store.seal_all(true).unwrap();
        write(&store, 10..=12, 1);
        write(&store, 2..=2, 3);
        store.seal_all(false).unwrap();
        write(&store, 13..=14, 1);
        write(&store, 1..=1, 4);
        append(&store, trace(15), document(15, 1));
        drop(store);
        place
    }

    fn copy(&self) -> Self {
        let copy = Self {
            dir: tempfile::tempdir().unwrap(),
        };
        for (name, bytes) in self.bytes() {
            let path = copy.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, bytes).unwrap();
        }
        copy
    }

    fn path(&self) -> &Path {
        self.dir.path()
    }

    fn open(&self) -> EmbeddedStore {
        let options = Options {
            is_sealing: false,
            clock: Arc::new(|| NOW),
            ..Options::default()
        };
        EmbeddedStore::open(self.path(), options).unwrap()
    }

    /// All files.
    fn bytes(&self) -> BTreeMap<String, Vec<u8>> {
        let mut all = BTreeMap::new();
        let mut directories = vec![self.path().to_owned()];
        while let Some(directory) = directories.pop() {
            for entry in fs::read_dir(directory).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    directories.push(path);
                } else {
                    let name = path.strip_prefix(self.path()).unwrap();
                    all.insert(name.display().to_string(), fs::read(&path).unwrap());
                }
            }
        }
        all
    }

    fn change(&self, file: &str, how: impl FnOnce(&mut Vec<u8>)) {
        let path = self.path().join(file);
        let mut bytes = fs::read(&path).unwrap();
        how(&mut bytes);
        fs::write(path, bytes).unwrap();
    }

    fn verify(&self) -> Report {
        verify(self.path(), NOW, &|_| {}).unwrap()
    }

    fn repair(&self) -> Repaired {
        repair(self.path(), NOW, &|_| {}).unwrap()
    }

    /// Every document that can be read.
    fn documents(&self) -> BTreeSet<(TraceId, String)> {
        let shared = Directory::take(self.path()).unwrap().open(NOW).unwrap();
        let parts: Vec<_> = shared.index().parts.clone().iter().cloned().collect();
        let all = traces::AllTraces::new(&shared, &parts);
        let documents = all.flat_map(|trace| {
            let texts = trace.documents.into_iter();
            texts.map(move |text| (trace.trace_id, text))
        });
        documents.collect()
    }
}

fn document(number: u32, segment: u32) -> String {
    let (id, second) = (u64::from(number * 100 + segment), number + segment);
    let before = number.saturating_sub(1).max(1);
    format!(
        r#"{{"trace_id":"{}","id":"{id:016x}","name":"service-{segment}","start_time":{},"end_time":{}.5,"links":[{{"trace_id":"{}","id":"{:016x}","attributes":{{"aws.xray.reserved.reference_type":"parent"}}}}]}}"#,
        trace(number),
        HOUR + i64::from(second),
        HOUR + i64::from(second),
        trace(before),
        before * 100 + 1,
    )
}

fn append(store: &EmbeddedStore, trace_id: TraceId, document: String) {
    let digest = DocumentDigest::of(&document);
    let document = NewDocument {
        trace_id,
        digest,
        document,
        replaces: None,
    };
    store.queue.tell(Work::Append(vec![document])).unwrap();
}

/// Appends a segment to each of these traces and settles them and those that link to them.
fn write(store: &EmbeddedStore, numbers: std::ops::RangeInclusive<u32>, segment: u32) {
    for number in numbers.clone() {
        append(store, trace(number), document(number, segment));
    }
    loop {
        let unsettled = store.shared.unsettled().unwrap();
        let touched = numbers.clone().map(trace);
        let linking = store.shared.linking_to(touched).unwrap();
        let all: BTreeSet<_> = unsettled.into_iter().chain(linking).collect();
        if all.is_empty() {
            break;
        }
        for trace_id in all {
            let documents = documents_of(&store.shared, trace_id);
            let (derived, _) = derive::derive(&store.shared, &documents);
            let derive::Derived::View(view) = derived else {
                panic!("{derived:?}")
            };
            let encoded = postcard::to_stdvec(&*view).unwrap();
            let view = NewView {
                view: *view,
                encoded,
            };
            store.queue.tell(Work::PutViews(vec![view])).unwrap();
        }
    }
}

fn told(report: &Report) -> Vec<String> {
    report.findings.iter().map(ToString::to_string).collect()
}

#[test]
fn a_directory_as_it_was_written_is_clean_and_is_not_changed_by_being_checked() {
    let place = Place::make();
    let before = place.bytes();
    let names: Vec<_> = before.keys().map(String::as_str).collect();
    assert_eq!(names, ["LOCK", MERGED, SEALED, LOG, "state.redb"]);
    let report = place.verify();
    assert_eq!(told(&report), Vec::<String>::new());
    assert_eq!((report.logs, report.sealed, report.problems), (1, 2, 0));
    assert_eq!((report.traces, report.documents), (15, 19));
    assert_eq!((report.views, report.pending, report.unparsed), (14, 1, 0));
    assert_eq!(place.bytes(), before);
    let repaired = place.repair();
    assert_eq!(repaired, Repaired::default());
}

#[test]
fn what_a_dying_process_leaves_and_files_of_others_are_notes() {
    let place = Place::make();
    let half_made = format!("{SEALED}.part");
    fs::write(place.path().join(&half_made), b"half").unwrap();
    fs::write(place.path().join("log/notes.txt"), b"mine").unwrap();
    place.change(LOG, |bytes| {
        bytes.truncate(bytes.len() - 7);
    });
    let before = place.bytes();
    let report = place.verify();
    assert_eq!(place.bytes(), before);
    assert_eq!(report.problems, 0, "{:#?}", told(&report));
    let lines = told(&report).join("\n");
    for part in [
        "14-003.log at ",
        " bytes is torn, as a process that dies leaves it; nothing that was acknowledged",
        "note: log/2026-11-21/14-002.sealed.part: is a file that a process died over",
        "note: log/notes.txt: is no file of the store",
    ] {
        assert!(lines.contains(part), "{part}: {lines}");
    }
    let documents = place.documents();
    assert_eq!(place.repair().actions, []);
    assert_eq!(place.documents(), documents);
    let lines = told(&place.verify());
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert_eq!(place.bytes()["log/notes.txt"], b"mine");
}

#[test]
fn a_directory_in_use_is_refused_and_so_is_one_that_is_none() {
    let place = Place::make();
    let store = place.open();
    let refused = verify(place.path(), NOW, &|_| {}).unwrap_err();
    assert!(matches!(refused, StoreError::InUse { .. }), "{refused:?}");
    let refused = repair(place.path(), NOW, &|_| {}).unwrap_err();
    assert!(matches!(refused, StoreError::InUse { .. }), "{refused:?}");
    drop(store);
    let empty = tempfile::tempdir().unwrap();
    let refused = verify(empty.path(), NOW, &|_| {}).unwrap_err();
    assert!(matches!(refused, StoreError::Io { .. }), "{refused:?}");
    assert_eq!(fs::read_dir(empty.path()).unwrap().count(), 0);
}

#[test]
fn progress_goes_up_to_its_end() {
    let place = Place::make();
    let steps = std::cell::RefCell::new(Vec::new());
    verify(place.path(), NOW, &|step| steps.borrow_mut().push(step)).unwrap();
    let steps = steps.into_inner();
    let files: Vec<_> = steps
        .iter()
        .filter(|step| step.what == "checking files")
        .collect();
    assert_eq!(files.len(), 3);
    let last = files.last().unwrap();
    assert!(last.total > 0 && last.done == last.total, "{last:?}");
}

/// Every path below the directory that ends in `.damaged`.
fn kept(place: &Place) -> Vec<PathBuf> {
    let names = place.bytes().into_keys();
    let kept = names.filter(|name| name.ends_with(".damaged"));
    kept.map(PathBuf::from).collect()
}
