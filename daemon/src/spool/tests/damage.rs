//! Files that were cut, flipped, replaced or taken away.

use super::*;
use proptest::prelude::*;
use std::fs;
use std::ops::Range;

const TEXTS: [&str; 4] = [
    "{\"id\":\"a\"}",
    "{\"id\":\"b\"}",
    "{\"id\":\"c\"}",
    "{\"id\":\"d\"}",
];

/// A spool file with a record for each text, and where each record lies.
fn sample() -> (Vec<u8>, Vec<Range<usize>>) {
    let directory = tempfile::tempdir().unwrap();
    let (mut spool, _) = open(directory.path());
    let mut ends = vec![format::FILE_HEADER_BYTES];
    for text in TEXTS {
        append_each(&mut spool, &[text]);
        ends.push(usize::try_from(spool.bytes()).unwrap());
    }
    let bytes = fs::read(path_of(directory.path(), 1)).unwrap();
    (
        bytes,
        ends.windows(2).map(|ends| ends[0]..ends[1]).collect(),
    )
}

fn directory_with(bytes: &[u8]) -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    fs::write(path_of(directory.path(), 1), bytes).unwrap();
    directory
}

#[test]
fn a_file_cut_at_any_byte_keeps_every_whole_record() {
    let (bytes, records) = sample();
    for end in 0..bytes.len() {
        let directory = directory_with(&bytes[..end]);
        let whole: Vec<_> = records.iter().filter(|record| record.end <= end).collect();
        let (mut spool, opened) = open(directory.path());
        let kept = whole.last().map_or(0, |record| record.end);
        // A file without a record goes; that its header was whole is no loss.
        let cut = if end == 12 {
            0
        } else {
            end - kept.max(if end < 12 { 0 } else { 12 })
        };
        assert_eq!(
            (opened.documents, opened.cut_bytes, opened.damaged_records),
            (whole.len() as u64, cut as u64, 0),
            "cut at {end}"
        );
        append_each(&mut spool, &["new"]);
        let mut expected = TEXTS[..whole.len()].to_vec();
        expected.push("new");
        drop(spool);
        let (mut spool, opened) = open(directory.path());
        assert_eq!(opened.cut_bytes, 0, "told once; cut at {end}");
        assert_eq!(drain(&mut spool), expected, "cut at {end}");
    }
}

#[test]
fn a_flipped_byte_costs_its_record_and_no_other() {
    let (good, records) = sample();
    for place in 0..good.len() {
        let mut bytes = good.clone();
        bytes[place] ^= 0x81;
        let directory = directory_with(&bytes);
        let (mut spool, opened) = open(directory.path());
        let hit = records.iter().position(|record| record.contains(&place));
        let mut expected = TEXTS.to_vec();
        if let Some(hit) = hit {
            expected.remove(hit);
        }
        assert_eq!(drain(&mut spool), expected, "byte {place}");
        let shed = spool.expire(NOW);
        assert_eq!(
            opened.documents,
            expected.len() as u64 + shed.documents(),
            "byte {place}"
        );
        assert_eq!(opened.damaged_records + shed.documents(), 1, "byte {place}");
        assert_eq!((spool.documents(), spool.bytes()), (0, 0), "byte {place}");
    }
}

#[test]
fn damage_that_appears_while_the_spool_is_open_is_counted_too() {
    let (good, records) = sample();
    // Header and payload of the second record, then everything behind the first.
    let cases = [
        ("header", records[1].start, 1, 1),
        ("payload", records[1].end - 1, 1, 1),
        (
            "the rest",
            records[1].start,
            good.len() - records[1].start,
            3,
        ),
    ];
    for (name, place, length, lost) in cases {
        let directory = directory_with(&good);
        let (mut spool, opened) = open(directory.path());
        assert_eq!(opened.documents, 4);
        let mut bytes = good.clone();
        bytes[place..place + length].fill(0xAA);
        fs::write(path_of(directory.path(), 1), &bytes).unwrap();
        assert_eq!(drain(&mut spool).len(), 4 - lost, "{name}");
        let shed = spool.expire(NOW);
        let told: Vec<_> = shed
            .iter()
            .map(|(reason, tally)| (reason, tally.documents))
            .collect();
        assert_eq!(told, [(ShedReason::Damaged, lost as u64)], "{name}");
        assert_eq!(spool.documents(), 0, "{name}");
    }
}

#[test]
fn a_file_that_was_taken_away_is_counted_as_damaged() {
    let directory = tempfile::tempdir().unwrap();
    let (mut spool, _) = open(directory.path());
    append_each(&mut spool, &["a", "b"]);
    fs::remove_file(path_of(directory.path(), 1)).unwrap();
    assert_eq!(drain(&mut spool), Vec::<String>::new());
    let shed = spool.expire(NOW);
    assert_eq!(
        shed.iter().next().map(|(reason, _)| reason),
        Some(ShedReason::Damaged)
    );
    assert_eq!((shed.documents(), spool.documents()), (2, 0));
    append_each(&mut spool, &["c"]);
    assert_eq!(drain(&mut spool), ["c"]);
}

#[test]
fn a_file_that_cannot_be_read_is_given_up_after_five_attempts() {
    let directory = tempfile::tempdir().unwrap();
    let (mut spool, _) = open(directory.path());
    append_each(&mut spool, &["a", "b"]);
    drop(spool);
    let (mut spool, _) = open(directory.path());
    append_each(&mut spool, &["c"]);
    // It can be opened, and then neither read nor removed as a file.
    let path = path_of(directory.path(), 1);
    fs::remove_file(&path).unwrap();
    fs::create_dir(&path).unwrap();
    spool.reader = None;
    for _ in 1..5 {
        let error = spool.take(NOW).unwrap_err();
        assert!(matches!(error, SpoolError::Read { .. }), "{error}");
        assert_eq!(spool.documents(), 3);
    }
    assert_eq!(drain(&mut spool), ["c"]);
    let shed = spool.expire(NOW);
    let told: Vec<_> = shed
        .iter()
        .map(|(reason, tally)| (reason, tally.documents))
        .collect();
    assert_eq!(told, [(ShedReason::Damaged, 2)]);
    assert_eq!(spool.documents(), 0);
}

#[test]
fn a_damaged_position_only_delivers_again() {
    let directory = tempfile::tempdir().unwrap();
    let (mut spool, _) = open(directory.path());
    append_each(&mut spool, &["a", "b"]);
    let a = spool.take(NOW).unwrap().unwrap();
    spool.done(a.token);
    drop(spool);
    fs::write(directory.path().join(position::FILE_NAME), [0xAA; 64]).unwrap();
    let (mut spool, opened) = open(directory.path());
    assert!(opened.is_position_damaged);
    assert_eq!(drain(&mut spool), ["a", "b"]);
}

#[test]
fn files_that_are_not_ours_are_left_alone() {
    let (bytes, _) = sample();
    let mut later = bytes;
    later[7] = 2;
    let crc = crc32c::crc32c(&later[..8]).to_le_bytes();
    later[8..12].copy_from_slice(&crc);
    let directory = directory_with(&later);
    let notes = directory.path().join("notes.txt");
    fs::write(&notes, "mine").unwrap();
    let (mut spool, opened) = open(directory.path());
    assert_eq!((opened.skipped_files, opened.documents), (1, 0));
    append_each(&mut spool, &["a"]);
    assert_eq!(drain(&mut spool), ["a"]);
    assert_eq!(fs::read(&notes).unwrap(), b"mine");
    assert_eq!(fs::read(path_of(directory.path(), 1)).unwrap(), later);
}

#[test]
fn the_fuzz_entry_reads_what_a_start_would() {
    let (bytes, records) = sample();
    assert_eq!(fuzz_record_reader(&bytes), 4);
    assert_eq!(fuzz_record_reader(&bytes[..records[2].end + 5]), 3);
    assert_eq!(fuzz_record_reader(b""), 0);
    assert_eq!(
        fuzz_record_reader(&bytes[records[1].clone()]),
        0,
        "shorter than a header in front"
    );
}

proptest! {
    #[test]
    fn property_whatever_the_bytes_the_counts_add_up_and_the_spool_goes_on(
        flips in proptest::collection::vec((0_usize..1_000, any::<u8>()), 0..6),
        cut in 0_usize..1_000,
        inserted in proptest::collection::vec(any::<u8>(), 0..80),
        repeated in any::<bool>(),
    ) {
        let (mut bytes, records) = sample();
        let length = bytes.len();
        flips.iter().for_each(|(place, bits)| bytes[place % length] ^= bits);
        let place = cut % length;
        let tail = bytes.split_off(place);
        bytes.extend(inserted);
        if repeated {
            bytes.extend_from_slice(&sample().0[records[1].clone()]);
        }
        bytes.extend(tail);
        let directory = directory_with(&bytes);
        let (mut spool, opened) = open(directory.path());
        append_each(&mut spool, &["new"]);
        let found = drain(&mut spool);
        prop_assert_eq!(found.last().map(String::as_str), Some("new"));
        let shed = spool.expire(NOW);
        prop_assert_eq!(opened.documents + 1, found.len() as u64 + shed.documents());
        prop_assert_eq!((spool.documents(), bytes_on_disk(directory.path())), (0, 0));
        let read = fuzz_record_reader(&bytes);
        // The file's header says another version only if somebody made it say so.
        prop_assert_eq!(read as u64 + 1, found.len() as u64);
    }
}
