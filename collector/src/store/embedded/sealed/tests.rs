//! Sealed files against plain maps, with damage, and with failing disks.

mod damage;
mod faults;
mod limits;
mod merging;
mod model;

use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::frame::Kind;
use super::output::Output;
use super::rows::Row;
use super::*;
use crate::store::contract::sample;
use crate::store::embedded::files::SystemFiles;
use crate::store::{ScanRange, StoreError, ViewScan};
use crate::trace::facts::{LinkFacts, SegmentAt};
use radiograph_protocol::ids::SegmentId;

const ARRIVAL: (Timestamp, Timestamp) = (
    Timestamp::from_seconds(sample::HOUR),
    Timestamp::from_seconds(sample::HOUR + 3600),
);

/// Blocks of two traces or so, so that small files have many.
const SMALL: Tuning = Tuning {
    documents_block_bytes: 400,
    views_block_bytes: 500,
    documents_level: 1,
    views_level: 1,
    index_rows: 5,
};

/// A trace with these documents, and a view that starts so many seconds into the hour, takes so many,
/// and links to the trace before it.
fn traced(number: u32, documents: &[&str], view: Option<(i64, i64)>) -> SealedTrace {
    let revision = u32::try_from(documents.len()).unwrap();
    SealedTrace {
        trace_id: sample::trace(number),
        documents: documents.iter().map(|text| (*text).to_owned()).collect(),
        view: view.map(|(start, seconds)| {
            let start = sample::HOUR + start;
            let mut view = sample::lasting(number, revision, start, seconds);
            view.facts.links = vec![link(number.saturating_sub(1), start)];
            view
        }),
        is_carried: false,
    }
}

fn link(producer: u32, start: i64) -> LinkFacts {
    LinkFacts {
        trace_id: sample::trace(producer),
        id: SegmentId::MAX,
        consumer: SegmentAt(0),
        start: Timestamp::from_seconds(start),
        end: Timestamp::from_seconds(start + 1),
        producer_revision: 7,
        producer: None,
    }
}

/// Ten traces with two documents each; the fifth has no view, the third is carried.
fn ten() -> Vec<SealedTrace> {
    let trace = |number: u32| {
        let id = format!(
            r#"{{"id":"{number:016x}","trace_id":"{}"}}"#,
            sample::trace(number)
        );
        let time = format!(
            r#"{{"start_time":17952696{number:02}.25,"n":"{}"}}"#,
            "x".repeat(70)
        );
        let start = i64::from(number * 37 % 10);
        let view = (number != 5).then_some((start, i64::from(number)));
        SealedTrace {
            is_carried: number == 3,
            ..traced(number, &[&id, &time], view)
        }
    };
    (1..=10).map(trace).collect()
}

/// A directory with a sealed file.
struct Sealed {
    dir: TempDir,
}

impl Sealed {
    fn of(traces: &[SealedTrace]) -> Self {
        let sealed = Self {
            dir: tempfile::tempdir().unwrap(),
        };
        let input = traces.iter().cloned().map(Ok);
        seal(&sealed.path(), ARRIVAL, SMALL, input).unwrap();
        sealed
    }

    fn path(&self) -> PathBuf {
        self.dir.path().join("14.sealed")
    }

    fn open(&self) -> SealedFile {
        SealedFile::open(&self.path()).unwrap()
    }
}

/// All of a file, in a form that can be compared.
#[derive(Debug, PartialEq)]
struct Contents {
    traces: Vec<StoredTrace>,
    views: Vec<TraceView>,
    totals: crate::trace::totals::Totals,
    carried: Vec<TraceId>,
    links: Vec<SealedLink>,
    meta: SealedMeta,
}

fn contents(file: &SealedFile) -> Contents {
    Contents {
        traces: file.traces().map(Result::unwrap).collect(),
        views: file.views().map(Result::unwrap).collect(),
        totals: file.totals().unwrap(),
        carried: file.carried().to_vec(),
        links: file.links().to_vec(),
        meta: file.meta().clone(),
    }
}

fn corrupt_reason(error: &StoreError) -> &str {
    match error {
        StoreError::Corrupt { reason, .. } => reason,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_file_says_what_is_in_it() {
    let traces = ten();
    let sealed = Sealed::of(&traces);
    let file = sealed.open();
    let meta = file.meta();
    let documents = traces.iter().flat_map(|trace| &trace.documents);
    let bytes: usize = documents.map(String::len).sum();
    assert_eq!((meta.arrival_start, meta.arrival_end), ARRIVAL);
    assert_eq!((meta.traces, meta.documents, meta.views), (10, 20, 9));
    assert_eq!(meta.document_bytes, bytes as u64);
    assert_eq!(meta.start, Some(Timestamp::from_seconds(sample::HOUR)));
    // trace 7 starts 9 s into the hour and takes 7, trace 10 starts at once and takes 10
    assert_eq!(
        meta.latest,
        Some(Timestamp::from_seconds(sample::HOUR + 16))
    );
    assert_eq!(meta.first_trace, Some(sample::trace(1)));
    assert_eq!(meta.last_trace, Some(sample::trace(10)));
    assert_eq!(file.carried(), [sample::trace(3)]);
    assert_eq!(file.links().len(), 9);
    assert!(file.damage().is_none() && file.has_current_views());
    assert!(
        file.documents.len() > 3 && file.views.len() > 3,
        "many blocks"
    );
    let report = SealedFile::verify(&sealed.path()).unwrap();
    assert_eq!(report.problems, []);
    assert!(!output::temporary_path(&sealed.path()).exists());
}

#[test]
fn an_empty_file_can_be_sealed_and_has_nothing() {
    let sealed = Sealed::of(&[]);
    let file = sealed.open();
    assert!(!file.may_have(sample::trace(1)));
    assert_eq!(
        file.documents(sample::trace(1)).unwrap(),
        Vec::<String>::new()
    );
    assert_eq!(file.view(sample::trace(1)).unwrap(), None);
    assert_eq!(file.traces().count() + file.views().count(), 0);
    assert_eq!(SealedFile::verify(&sealed.path()).unwrap().problem_count, 0);
}

/// A file as a release with another encoding of views has written it.
pub(in super::super) fn of_another_view_format(path: &Path) {
    let marks = (Some(Timestamp::from_seconds(sample::HOUR)), false);
    let mut documents = documents::Builder::default();
    documents.push(sample::trace(1), marks, &["a".to_owned()]);
    let mut rows = rows::Builder::default();
    rows.push(&Row::of(sample::view(1, 1, sample::HOUR)).unwrap());
    let mut views = rows.streams().map(<[u8]>::to_vec);
    views[1][0] = VIEW_FORMAT + 1;
    let views = views.each_ref().map(Vec::as_slice);
    let empty = tempfile::tempdir().unwrap();
    let mut meta = seal(&empty.path().join("a"), ARRIVAL, SMALL, []).unwrap();
    meta.view_format = VIEW_FORMAT + 1;
    (meta.traces, meta.documents, meta.document_bytes, meta.views) = (1, 1, 1, 1);
    (meta.first_trace, meta.last_trace) = (Some(sample::trace(1)), Some(sample::trace(1)));
    let mut out = Output::new(&SystemFiles, path).unwrap();
    out.header(&meta).unwrap();
    let (offset, bytes) = out.frame(Kind::DOCUMENTS, 1, &documents.streams()).unwrap();
    let block = DocumentBlock {
        first: sample::trace(1),
        offset,
        bytes,
        traces: 1,
        documents: 1,
    };
    let place = out.frame(Kind::VIEWS, 1, &views).unwrap();
    let latest = Timestamp::from_seconds(sample::HOUR + 1);
    let view_block = ViewBlock::new(rows.ends.unwrap(), latest, (1, 0), place);
    let bloom = Bloom::of(1, &[bloom::hash(1, sample::trace(1).bits())]);
    out.encoded(Kind::DOCUMENT_BLOCKS, 1, &vec![block]).unwrap();
    out.encoded(Kind::VIEW_BLOCKS, 1, &vec![view_block])
        .unwrap();
    out.section(Kind::BLOOM, 1, &bloom.to_bytes()).unwrap();
    out.encoded(Kind::CARRIED, 1, &Vec::<TraceId>::new())
        .unwrap();
    out.encoded(Kind::LINKS, 1, &Vec::<SealedLink>::new())
        .unwrap();
    out.section(Kind(77), 1, b"a section of a later release")
        .unwrap();
    out.finish(meta).unwrap();
}

#[test]
fn views_of_another_encoding_count_as_absent_and_documents_do_not() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("old");
    of_another_view_format(&path);
    let file = SealedFile::open(&path).unwrap();
    assert!(!file.has_current_views() && file.damage().is_none());
    assert_eq!(file.view(sample::trace(1)).unwrap(), None);
    assert_eq!(file.views().count(), 0);
    assert_eq!(file.documents(sample::trace(1)).unwrap(), ["a"]);
    assert_eq!(SealedFile::verify(&path).unwrap().problems, []);
    let scan = ViewScan {
        start: Timestamp::MIN,
        end: Timestamp::MAX,
        range: ScanRange::Active,
        after: None,
        views_max: 1,
        filter: None,
    };
    assert_eq!(file.scan(&scan).unwrap(), SealedPage::default());
    let refused = merge(&dir.path().join("new"), SMALL, &[&file], |_, _| false).unwrap_err();
    let reason = "a damaged file, or one of another view format, cannot be merged";
    assert_eq!(corrupt_reason(&refused), reason);
}

/// Makes a file anew with what it has but for its totals, which are twice the sum of its views: no
/// checksum tells.
pub(in super::super) fn forge_totals(path: &Path) {
    let file = SealedFile::open(path).unwrap();
    let arrival = (file.meta.arrival_start, file.meta.arrival_end);
    let notes = file.meta.notes.clone();
    let mut writer =
        seal::Writer::new(&SystemFiles, path, arrival, Tuning::default(), notes).unwrap();
    let mut sums = seal::Sums::default();
    for trace in file.traces().map(Result::unwrap) {
        let marks = (trace.view_start, trace.is_carried);
        writer
            .trace(trace.trace_id, marks, &trace.documents)
            .unwrap();
    }
    for row in file.all_rows().map(Result::unwrap) {
        writer.row(&row).unwrap();
        sums.add(&row.view().unwrap());
    }
    let once = sums.totals.clone();
    sums.totals.add(&once, 1);
    writer.finish(sums).unwrap();
}

/// Writes a file anew with the search index of other views, as many.
pub(in crate::store::embedded) fn forge_index(path: &Path) {
    let file = SealedFile::open(path).unwrap();
    let arrival = (file.meta.arrival_start, file.meta.arrival_end);
    let notes = file.meta.notes.clone();
    let mut writer =
        seal::Writer::new(&SystemFiles, path, arrival, Tuning::default(), notes).unwrap();
    let mut sums = seal::Sums::default();
    for trace in file.traces().map(Result::unwrap) {
        let marks = (trace.view_start, trace.is_carried);
        writer
            .trace(trace.trace_id, marks, &trace.documents)
            .unwrap();
    }
    let mut index = terms::InOrder::new(Tuning::default().index_rows);
    for row in file.all_rows().map(Result::unwrap) {
        writer.row(&row).unwrap();
        let mut view = row.view().unwrap();
        sums.add(&view);
        view.summary.is_partial = !view.summary.is_partial;
        index.add(&view);
    }
    terms::write_all(&mut writer, index).unwrap();
    writer.finish(sums).unwrap();
}
