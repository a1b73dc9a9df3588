//! Flipped bytes, cut tails, missing files.

use super::*;

/// Every `stride`-th byte of a file is flipped, one at a time: it is told of, and repairing brings back
/// everything that can be read.
fn flip_each(file: &str, stride: usize) {
    let whole = Place::make();
    let everything = whole.documents();
    let length = whole.bytes()[file].len();
    for at in (0..length).step_by(stride) {
        let place = whole.copy();
        place.change(file, |bytes| bytes[at] ^= 0x10);
        let before = place.documents();
        let report = place.verify();
        assert!(report.problems > 0, "byte {at}");
        assert!(
            report.problems_of(file).next().is_some(),
            "byte {at}: {:#?}",
            told(&report)
        );
        let repaired = place.repair();
        let action = &repaired.actions[0];
        assert_eq!(
            (action.file.as_str(), repaired.actions.len()),
            (file, 1),
            "byte {at}"
        );
        let report = place.verify();
        assert_eq!(report.problems, 0, "byte {at}: {:#?}", told(&report));
        let after = place.documents();
        assert!(
            before.is_subset(&after) && after.is_subset(&everything),
            "byte {at}"
        );
        let is_lost = after.len() < everything.len();
        assert!(!is_lost || !action.lost.is_empty(), "byte {at}: {action}");
        assert_eq!(
            kept(&place),
            [PathBuf::from(format!("{file}.damaged"))],
            "byte {at}"
        );
        assert_eq!(place.repair(), Repaired::default(), "byte {at}");
    }
}

#[test]
fn any_flipped_byte_of_a_merged_file_is_told_of_and_repaired() {
    flip_each(MERGED, 43);
}

#[test]
fn any_flipped_byte_of_a_sealed_file_is_told_of_and_repaired() {
    flip_each(SEALED, 41);
}

#[test]
fn any_flipped_byte_of_a_log_is_told_of_and_repaired() {
    flip_each(LOG, 37);
}

/// The places between those above, without a repair.
#[test]
fn no_flipped_byte_is_passed_over() {
    let whole = Place::make();
    for file in [MERGED, SEALED, LOG] {
        let path = whole.path().join(file);
        let length = whole.bytes()[file].len();
        for at in (0..length).step_by(7) {
            whole.change(file, |bytes| bytes[at] ^= 0x01);
            let mut report = Report::default();
            if file == LOG {
                files::check_log(&path, file, true, &mut report).unwrap();
            } else {
                files::check_sealed(&path, file, &mut report).unwrap();
            }
            assert!(report.problems > 0, "{file} byte {at}");
            whole.change(file, |bytes| bytes[at] ^= 0x01);
        }
    }
}

#[test]
fn a_block_of_documents_that_is_lost_is_counted_and_all_else_is_derived_again() {
    let place = Place::make();
    // the first block begins behind the header of 28 bytes
    place.change(MERGED, |bytes| bytes[28 + 60] ^= 1);
    let lines = told(&place.verify()).join("\n");
    let lost = "11 documents of 9 traces were in blocks that are not intact";
    assert!(lines.contains(lost), "{lines}");
    let repaired = place.repair();
    assert_eq!(repaired.actions[0].lost, "11 documents");
    let report = place.verify();
    assert_eq!(
        (report.problems, report.documents),
        (0, 8),
        "{:#?}",
        told(&report)
    );
}

#[test]
fn a_cut_file_is_told_of_and_what_was_not_cut_stays() {
    let whole = Place::make();
    for file in [MERGED, SEALED] {
        let length = whole.bytes()[file].len();
        for cut in [0, 5, length / 2, length - 1] {
            let place = whole.copy();
            place.change(file, |bytes| bytes.truncate(cut));
            let before = place.documents();
            assert!(place.verify().problems > 0, "{file} cut at {cut}");
            place.repair();
            let report = place.verify();
            assert_eq!(
                report.problems,
                0,
                "{file} cut at {cut}: {:#?}",
                told(&report)
            );
            assert_eq!(place.documents(), before, "{file} cut at {cut}");
        }
    }
}

#[test]
fn a_log_that_is_not_the_newest_has_no_torn_tail() {
    let place = Place::make();
    let next = "log/2026-11-21/14-004.log";
    fs::copy(place.path().join(LOG), place.path().join(next)).unwrap();
    place.change(LOG, |bytes| bytes.truncate(bytes.len() - 7));
    let report = place.verify();
    assert_eq!(report.problems_of(LOG).count(), 1, "{:#?}", told(&report));
    place.repair();
    assert_eq!(place.verify().problems, 0);
}

#[test]
fn a_missing_file_is_told_of_and_an_empty_one_takes_its_place() {
    let place = Place::make();
    fs::remove_file(place.path().join(SEALED)).unwrap();
    let report = place.verify();
    let lines = told(&report).join("\n");
    assert!(
        lines.contains("problem: log/2026-11-21/14-002.sealed: is not there"),
        "{lines}"
    );
    let repaired = place.repair();
    assert_eq!(repaired.actions[0].file, SEALED);
    assert_eq!(
        repaired.actions[0].lost,
        "what arrived in that part of the hour"
    );
    let report = place.verify();
    assert_eq!(report.problems, 0, "{:#?}", told(&report));
    assert_eq!(report.documents, 15);
}

#[test]
fn small_records_are_checked_and_those_that_can_be_read_are_kept() {
    let whole = Place::make();
    let store = whole.open();
    for number in 0..20_u8 {
        let value = vec![number; 300];
        let version = store.state.put_state(&format!("rule/{number}"), 0, &value);
        assert_eq!(version.unwrap(), 1);
    }
    drop(store);
    assert_eq!(whole.verify().problems, 0);
    let bytes = whole.bytes()["state.redb"].clone();
    let mut is_told = 0;
    for at in (0..bytes.len()).step_by(bytes.len() / 60) {
        let place = whole.copy();
        place.change("state.redb", |bytes| bytes[at] ^= 0x10);
        // most pages of a database are free: what is in them is nothing
        is_told += usize::from(place.verify().problems > 0);
        place.repair();
        assert_eq!(place.verify().problems, 0, "byte {at}");
    }
    let place = whole.copy();
    place.change("state.redb", |bytes| bytes[0] ^= 1);
    assert_eq!(place.verify().problems, 1);
    let action = &place.repair().actions[0];
    assert_eq!(action.kept_as, "state.redb.damaged");
    assert_eq!(place.verify().problems, 0);
    fs::remove_file(place.path().join("state.redb")).unwrap();
    assert_eq!(place.verify().problems, 1);
    place.repair();
    assert_eq!(place.verify().problems, 0);
    assert!(is_told > 0, "a byte of a header was among them");
}
