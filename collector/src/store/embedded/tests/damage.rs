//! Whatever the bytes on the disk, the store opens, says what it lost, and loses nothing else.

use super::*;
use crate::store::contract::{all_totals, sample, unsettled};
use crate::store::embedded::format::{
    BLOCK_HEADER_BYTES, FILE_HEADER_BYTES, Kind, MARKER, file_header,
};
use crate::store::embedded::payload::{VIEW_FORMAT, push_document};
use crate::store::embedded::recovery::recover;
use crate::store::embedded::scan::scan_log;
use radiograph_protocol::ids::TraceId;

/// A log and where its blocks begin.
struct Log {
    bytes: Vec<u8>,
    offsets: Vec<u64>,
}

fn push(bytes: &mut Vec<u8>, kind: Kind, raw: &[u8]) {
    BlockEncoder::new().unwrap().push(kind, raw, bytes).unwrap();
}

/// A log with one block for each of these documents of trace 1.
fn log_of(documents: &[&str]) -> Log {
    let mut log = Log {
        bytes: file_header().to_vec(),
        offsets: Vec::new(),
    };
    for document in documents {
        let mut raw = Vec::new();
        push_document(&mut raw, trace(1), document);
        log.offsets.push(log.bytes.len() as u64);
        push(&mut log.bytes, Kind::Documents, &raw);
    }
    log
}

fn write_logs(logs: &[(&str, &[u8])]) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    for (name, bytes) in logs {
        let path = dir.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }
    dir
}

fn shared_over(log_dir: &Path) -> Shared {
    let files = Arc::new(SystemFiles);
    let (blocks, recent) = (BlockReader::new(0), RecentTexts::new(0));
    Shared::new(log_dir.to_owned(), files, blocks, recent)
}

/// What is left of logs, given as name and bytes.
fn recovered(logs: &[(&str, &[u8])]) -> Result<(Vec<String>, RecoveryReport), StoreError> {
    let dir = write_logs(logs);
    let shared = shared_over(dir.path());
    let report = recover(&shared, Timestamp::MIN)?;
    let mut found = shared.documents(&[trace(1)])?;
    let mut documents = found.pop().map(|found| found.documents).unwrap_or_default();
    documents.sort();
    let again = recover(&shared_over(dir.path()), Timestamp::MIN)?;
    assert_eq!(
        again,
        RecoveryReport {
            bytes_cut: 0,
            ..report
        },
        "a tail is cut once"
    );
    Ok((documents, report))
}

const NEWEST: &str = "2026-11-21/14.log";
const OLDER: &str = "2026-11-21/13.log";
const TEXTS: [&str; 3] = ["{\"id\":\"a\"}", "{\"id\":\"b\"}", "{\"id\":\"c\"}"];

#[test]
fn a_log_cut_at_any_byte_loses_what_was_cut_and_nothing_else() {
    let log = log_of(&TEXTS);
    for cut in 0..log.bytes.len() {
        let cut_at = cut as u64;
        let (documents, report) = recovered(&[(NEWEST, &log.bytes[..cut])]).unwrap();
        let ends = log.offsets.iter().skip(1).filter(|end| **end <= cut_at);
        let whole = ends.count();
        assert_eq!(documents, TEXTS[..whole], "cut at {cut}");
        let intact_bytes = match cut {
            0..FILE_HEADER_BYTES => 0,
            _ => log.offsets[whole],
        };
        assert_eq!(report.bytes_cut, cut_at - intact_bytes, "cut at {cut}");
        assert_eq!(report.regions_damaged, 0, "cut at {cut}");
    }
}

#[test]
fn any_flipped_byte_loses_one_block_at_most() {
    let log = log_of(&TEXTS);
    for at in 0..log.bytes.len() {
        let mut bytes = log.bytes.clone();
        bytes[at] ^= 0x10;
        let (documents, report) = recovered(&[(NEWEST, &bytes)]).unwrap();
        let hit = log.offsets.iter().rposition(|offset| *offset <= at as u64);
        let mut expected = TEXTS.to_vec();
        hit.map(|hit| expected.remove(hit));
        assert_eq!(documents, expected, "byte {at}");
        let is_tail = hit == Some(TEXTS.len() - 1);
        assert_eq!(report.regions_damaged, u64::from(!is_tail), "byte {at}");
        assert_eq!(report.bytes_cut > 0, is_tail, "byte {at}");
    }
}

#[test]
fn an_older_log_is_never_cut() {
    let log = log_of(&TEXTS);
    let torn = &log.bytes[..log.bytes.len() - 1];
    let (documents, report) = recovered(&[(OLDER, torn), (NEWEST, &log.bytes)]).unwrap();
    assert_eq!(documents, TEXTS);
    assert_eq!(
        (report.logs, report.regions_damaged, report.bytes_cut),
        (2, 1, 0)
    );
    assert_eq!(report.bytes_damaged, torn.len() as u64 - log.offsets[2]);
}

#[test]
fn a_log_of_a_later_release_is_refused_by_name() {
    let mut bytes = log_of(&TEXTS).bytes;
    bytes[7] += 1;
    let crc = crc32c::crc32c(&bytes[..8]);
    bytes[8..12].copy_from_slice(&crc.to_le_bytes());
    let refused = recovered(&[(NEWEST, &bytes)]).unwrap_err();
    let StoreError::Corrupt { path, reason } = refused else {
        panic!("{refused:?}")
    };
    assert!(path.ends_with(NEWEST), "{path}");
    assert_eq!(reason, "format version 2 is not known to this release");
}

#[test]
fn views_of_another_release_count_as_absent() {
    let mut bytes = log_of(&TEXTS).bytes;
    push(&mut bytes, Kind::Views, &[VIEW_FORMAT + 1, 1, 2, 3]);
    let dir = write_logs(&[(NEWEST, &bytes)]);
    let shared = shared_over(dir.path());
    let report = recover(&shared, Timestamp::MIN).unwrap();
    assert_eq!(
        (report.view_blocks_outdated, report.regions_damaged),
        (1, 0)
    );
    assert_eq!(shared.unsettled().unwrap(), [trace(1)]);
}

#[test]
fn intact_blocks_that_make_no_sense_are_reported_and_skipped() {
    let mut bytes = file_header().to_vec();
    push(&mut bytes, Kind::Documents, b"no document");
    push(&mut bytes, Kind::Views, &[VIEW_FORMAT, 9, 9]);
    bytes.extend(&log_of(&TEXTS).bytes[FILE_HEADER_BYTES..]);
    let (documents, report) = recovered(&[(NEWEST, &bytes)]).unwrap();
    assert_eq!(documents, TEXTS);
    assert_eq!((report.regions_damaged, report.bytes_cut), (2, 0));
}

#[test]
fn a_block_behind_damage_of_any_length_is_found() {
    let log = log_of(&["{}"]);
    let block = &log.bytes[FILE_HEADER_BYTES..];
    // around the borders of the window in which the next block is looked for
    for garbage in (1..40).chain(65_500..65_560).chain([400_000]) {
        let mut bytes = file_header().to_vec();
        bytes.resize(FILE_HEADER_BYTES + garbage, b'x');
        bytes.extend(block);
        let (documents, report) = recovered(&[(NEWEST, &bytes)]).unwrap();
        assert_eq!(
            (documents.as_slice(), report.bytes_cut),
            (["{}".to_owned()].as_slice(), 0)
        );
        assert_eq!(
            (report.regions_damaged, report.bytes_damaged),
            (1, garbage as u64)
        );
    }
}

#[test]
fn markers_within_damage_do_not_mislead() {
    let mut bytes = file_header().to_vec();
    bytes.extend(MARKER.repeat(100));
    bytes.extend(&log_of(&TEXTS).bytes[FILE_HEADER_BYTES..]);
    let (documents, report) = recovered(&[(NEWEST, &bytes)]).unwrap();
    assert_eq!(
        (documents.as_slice(), report.bytes_damaged),
        (TEXTS.map(str::to_owned).as_slice(), 400)
    );
}

#[tokio::test]
async fn a_store_appends_behind_what_it_cut_and_behind_what_it_kept() {
    let log = log_of(&TEXTS);
    for bytes in [&log.bytes[..log.bytes.len() - 1], &log.bytes[..5], &[]] {
        let mut subject = Embedded::new();
        subject.close();
        fs::create_dir_all(subject.log().parent().unwrap()).unwrap();
        fs::write(subject.log(), bytes).unwrap();
        subject.open();
        append(&subject, trace(2), &["new"]).await;
        subject.reopen().await;
        assert_eq!(
            documents_of(&subject, trace(2)).await,
            ["new"],
            "{} bytes",
            bytes.len()
        );
    }
}

/// Flips a bit in the payload of the block that begins at the offset.
fn damage_block(path: &Path, offset: u64) {
    let mut bytes = fs::read(path).unwrap();
    bytes[usize::try_from(offset).unwrap() + BLOCK_HEADER_BYTES + 1] ^= 1;
    fs::write(path, bytes).unwrap();
}

fn block_offsets(path: &Path) -> Vec<u64> {
    let mut offsets = Vec::new();
    scan_log(path, |offset, _, _| offsets.push(offset)).unwrap();
    offsets
}

#[tokio::test]
async fn a_view_damaged_under_an_open_store_fails_reads_and_views_but_not_appends() {
    let mut subject = Embedded::with(0, Arc::new(SystemFiles));
    append(&subject, trace(1), &["a"]).await;
    put(&subject, &[view(1, 1, HOUR)]).await;
    damage_block(&subject.log(), block_offsets(&subject.log())[1]);
    let refused = subject
        .store()
        .put_views(vec![view(1, 1, HOUR)])
        .await
        .unwrap_err();
    assert!(matches!(refused, StoreError::Corrupt { .. }), "{refused:?}");
    let scan = ViewScan {
        start: Timestamp::MIN,
        end: Timestamp::MAX,
        range: crate::store::ScanRange::Started,
        after: None,
        views_max: 1,
        filter: None,
    };
    let refused = subject.store().views(scan).await.unwrap_err();
    assert!(matches!(refused, StoreError::Corrupt { .. }), "{refused:?}");
    append(&subject, trace(1), &["b"]).await;
    subject.close();
    subject.open();
    assert_eq!(subject.embedded().recovery_report().regions_damaged, 1);
    assert_eq!(documents_of(&subject, trace(1)).await, ["a", "b"]);
    assert_eq!(unsettled(&subject).await, [trace(1)].into());
}

#[tokio::test]
async fn a_partition_with_a_damaged_view_is_dropped_and_the_totals_stay_right() {
    let mut subject = Embedded::with(0, Arc::new(SystemFiles));
    put(&subject, &[view(1, 1, HOUR)]).await;
    subject.arrive_at(Timestamp::from_seconds(HOUR + 3600));
    put(&subject, &[view(2, 1, HOUR)]).await;
    damage_block(&subject.log(), block_offsets(&subject.log())[0]);
    subject
        .store()
        .drop_before(Timestamp::from_seconds(HOUR + 3600))
        .await
        .unwrap();
    assert_eq!(all_views(&subject).await, [view(2, 1, HOUR)]);
    assert_eq!(all_totals(&subject).await, sample::sum(&[view(2, 1, HOUR)]));
}

#[tokio::test]
async fn digests_of_a_sealed_file_are_of_what_is_left_in_it() {
    let mut subject = Embedded::with(0, Arc::new(SystemFiles));
    let next_hour = Timestamp::from_seconds(HOUR + 3600);
    append(&subject, trace(1), &["a"]).await;
    append(&subject, trace(1), &["b"]).await;
    let first = block_offsets(&subject.log())[0];
    subject.arrive_at(next_hour);
    // both stand elsewhere too from now on, and one is lost here
    append(&subject, trace(2), &["later"]).await;
    subject.store().keep(&[trace(1)], next_hour).await.unwrap();
    damage_block(&subject.log(), first);
    sealing::seal_all(subject.embedded(), false, Timestamp::MIN).await;
    let shared = &subject.embedded().shared;
    let parts = shared.index().parts.clone();
    let name = parts.iter().next().unwrap().name;
    let left = shared.lately().of(name, trace(1));
    assert_eq!(left, Some(vec![DocumentDigest::of("b")]));
    assert_eq!(documents_of(&subject, trace(1)).await, ["a", "b"]);
}

#[tokio::test]
async fn a_document_of_another_trace_is_never_handed_out() {
    let subject = Embedded::with(0, Arc::new(SystemFiles));
    append(&subject, trace(1), &["a"]).await;
    let mut bytes = file_header().to_vec();
    let mut raw = Vec::new();
    push_document(&mut raw, TraceId::from_bits(7), "a");
    push(&mut bytes, Kind::Documents, &raw);
    fs::write(subject.log(), bytes).unwrap();
    let refused = subject.store().documents(&[trace(1)]).await.unwrap_err();
    let StoreError::Corrupt { reason, .. } = refused else {
        panic!("{refused:?}")
    };
    assert_eq!(reason, "no document of the trace at 0 in the block at 12");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn property_any_bytes_open_and_nothing_is_made_up(
        edits in prop::collection::vec((any::<prop::sample::Index>(), any::<Vec<u8>>(), any::<bool>()), 0..4),
        cut in any::<prop::sample::Index>(),
    ) {
        let mut bytes = log_of(&TEXTS).bytes;
        for (at, new, is_inserted) in edits {
            let at = at.index(bytes.len());
            let end = if is_inserted { at } else { bytes.len().min(at + new.len()) };
            bytes.splice(at..end, new);
        }
        bytes.truncate(cut.index(bytes.len() * 2));
        let (documents, _) = recovered(&[(NEWEST, &bytes)]).unwrap();
        prop_assert!(documents.iter().all(|found| TEXTS.contains(&found.as_str())));
    }
}
