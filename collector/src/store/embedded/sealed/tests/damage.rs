//! Whatever the bytes, a file opens or says why not, and loses the blocks that were hit at most.

use std::fs;

use proptest::prelude::*;

use super::*;

/// The traces and the views that stand in the bytes from `from` to `until`.
fn inside(file: &SealedFile, from: u64, until: u64) -> (Vec<TraceId>, Vec<TraceId>) {
    let is_hit = |offset: u64, bytes: u32| offset < until && from < offset + u64::from(bytes);
    let (mut documents, mut views) = (Vec::new(), Vec::new());
    for block in file
        .documents
        .iter()
        .filter(|block| is_hit(block.offset, block.bytes))
    {
        let streams = file
            .block(Kind::DOCUMENTS, (block.offset, block.bytes))
            .unwrap();
        let heads = documents::heads(&streams).unwrap();
        documents.extend(heads.iter().map(|head| head.trace_id));
    }
    for block in file
        .views
        .iter()
        .filter(|block| is_hit(block.offset, block.bytes))
    {
        let rows = file.rows(block).unwrap();
        views.extend(rows.heads.iter().map(|head| head.cursor.trace_id));
    }
    (documents, views)
}

/// Everything but what was hit is there; what was hit is an error or, in a file that says that it is
/// damaged, not there.
fn check(file: &SealedFile, traces: &[SealedTrace], hit: &(Vec<TraceId>, Vec<TraceId>), at: usize) {
    for trace in traces {
        let trace_id = trace.trace_id;
        match file.documents(trace_id) {
            Ok(documents) if documents == trace.documents => {}
            Ok(documents) => {
                assert!(
                    documents.is_empty() && file.damage().regions > 0,
                    "byte {at}"
                );
                assert!(hit.0.contains(&trace_id), "byte {at}");
            }
            Err(error) => {
                assert!(
                    corrupt_reason(&error).starts_with("no intact block at "),
                    "byte {at}"
                );
                assert!(hit.0.contains(&trace_id), "byte {at}");
            }
        }
        if hit.0.contains(&trace_id) || hit.1.contains(&trace_id) {
            continue;
        }
        assert_eq!(file.view(trace_id).unwrap(), trace.view, "byte {at}");
    }
    if hit.0.is_empty() {
        let carried: Vec<_> = traces.iter().filter(|trace| trace.is_carried).collect();
        assert_eq!(file.carried().len(), carried.len(), "byte {at}");
    }
    if hit.1.is_empty() {
        let views = traces.iter().filter_map(|trace| trace.view.as_ref());
        assert_eq!(file.links().len(), views.count(), "byte {at}");
    }
}

#[test]
fn any_flipped_byte_loses_one_block_at_most_and_is_reported() {
    let traces = ten();
    let sealed = Sealed::of(&traces);
    let whole = sealed.open();
    let totals = whole.totals().unwrap();
    let bytes = fs::read(sealed.path()).unwrap();
    let damaged = tempfile::tempdir().unwrap();
    let path = damaged.path().join("damaged");
    for at in 0..bytes.len() {
        let mut flipped = bytes.clone();
        flipped[at] ^= 0x10;
        fs::write(&path, &flipped).unwrap();
        let file = SealedFile::open(&path).unwrap();
        let hit = inside(&whole, at as u64, at as u64 + 1);
        check(&file, &traces, &hit, at);
        if hit.1.is_empty() {
            assert_eq!(file.totals().unwrap(), totals, "byte {at}");
        }
        let report = SealedFile::verify(&path).unwrap();
        assert!(report.problem_count > 0, "byte {at}");
    }
}

#[test]
fn a_file_cut_at_any_length_keeps_what_was_not_cut() {
    let traces = ten();
    let sealed = Sealed::of(&traces);
    let whole = sealed.open();
    let bytes = fs::read(sealed.path()).unwrap();
    let damaged = tempfile::tempdir().unwrap();
    let path = damaged.path().join("cut");
    let first = &whole.documents[0];
    let first_end = usize::try_from(first.offset).unwrap() + usize::try_from(first.bytes).unwrap();
    for cut in 0..bytes.len() {
        fs::write(&path, &bytes[..cut]).unwrap();
        match SealedFile::open(&path) {
            Err(error) => {
                assert_eq!(
                    corrupt_reason(&error),
                    "nothing in it is intact",
                    "cut at {cut}"
                );
                assert!(cut < first_end, "cut at {cut}");
            }
            Ok(file) => {
                assert!(!file.damage().is_none(), "cut at {cut}");
                let hit = inside(&whole, cut as u64, u64::MAX);
                for trace in &traces {
                    if !hit.0.contains(&trace.trace_id) {
                        let documents = file.documents(trace.trace_id).unwrap();
                        assert_eq!(documents, trace.documents, "cut at {cut}");
                    }
                }
                let views = file.views().map(Result::unwrap).count();
                assert_eq!(views, 9 - hit.1.len(), "cut at {cut}");
            }
        }
    }
}

#[test]
fn without_its_filter_a_file_finds_everything_by_searching() {
    let traces = ten();
    let sealed = Sealed::of(&traces);
    let mut file = sealed.open();
    file.bloom = None;
    assert!(file.may_have(sample::trace(77)));
    check(&file, &traces, &(Vec::new(), Vec::new()), 0);
    assert_eq!(
        file.documents(sample::trace(77)).unwrap(),
        Vec::<String>::new()
    );
}

#[test]
fn a_damaged_block_is_one_error_among_the_traces_and_refuses_a_merge() {
    let sealed = Sealed::of(&ten());
    let whole = sealed.open();
    let block = whole.documents[1].clone();
    let hit = inside(&whole, block.offset, block.offset + 1);
    let mut bytes = fs::read(sealed.path()).unwrap();
    bytes[usize::try_from(block.offset).unwrap() + 60] ^= 1;
    fs::write(sealed.path(), &bytes).unwrap();
    let file = sealed.open();
    let (read, failed): (Vec<_>, Vec<_>) = file.traces().partition(Result::is_ok);
    assert_eq!((read.len(), failed.len()), (10 - hit.0.len(), 1));
    let target = tempfile::tempdir().unwrap();
    let path = target.path().join("merged");
    let refused = merge(&path, SMALL, &[&file], |_, _| false).unwrap_err();
    let reason = format!("no intact block at {}", block.offset);
    assert_eq!(corrupt_reason(&refused), reason);
    assert_eq!(fs::read_dir(target.path()).unwrap().count(), 0);
}

#[test]
fn a_file_of_a_later_release_is_refused_by_its_version() {
    let sealed = Sealed::of(&ten());
    let mut bytes = fs::read(sealed.path()).unwrap();
    bytes[7] = 9;
    let crc = crc32c::crc32c(&bytes[..24]).to_le_bytes();
    bytes[24..28].copy_from_slice(&crc);
    fs::write(sealed.path(), &bytes).unwrap();
    let Err(refused) = SealedFile::open(&sealed.path()) else {
        panic!("opened")
    };
    let reason = "format version 9 is not known to this release";
    assert_eq!(corrupt_reason(&refused), reason);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn property_no_bytes_make_a_reader_panic(
        noise in prop::collection::vec(any::<u8>(), 0..300),
        at: prop::sample::Index,
        is_inserted: bool,
    ) {
        let sealed = Sealed::of(&ten());
        let mut bytes = fs::read(sealed.path()).unwrap();
        let from = at.index(bytes.len());
        let until = if is_inserted { from } else { (from + noise.len()).min(bytes.len()) };
        bytes.splice(from..until, noise.iter().copied());
        for bytes in [bytes, noise] {
            fs::write(sealed.path(), &bytes).unwrap();
            let Ok(file) = SealedFile::open(&sealed.path()) else { continue };
            let _any: Vec<_> = (1..=10).map(|number| file.documents(sample::trace(number))).collect();
            let _any: Vec<_> = (1..=10).map(|number| file.view(sample::trace(number))).collect();
            let _any = (file.totals(), file.traces().count(), file.views().count());
            let _any = SealedFile::verify(&sealed.path());
        }
    }
}
