//! Bytes, age, free disk: what happens at each bound, and that the counts add up.

use super::*;
use crate::spool::files::Files;
use proptest::prelude::*;

fn shed_of(shed: &Shed) -> Vec<(ShedReason, u64)> {
    shed.iter()
        .map(|(reason, tally)| (reason, tally.documents))
        .collect()
}

#[test]
fn the_oldest_files_go_when_the_spool_is_full() {
    let directory = tempfile::tempdir().unwrap();
    let limits = Limits {
        bytes_max: 300 << 10,
        ..WIDE
    };
    let (mut spool, _) = Spool::open(directory.path(), limits, NOW).unwrap();
    let mut shed = 0;
    for number in 0..100 {
        let text = format!("{number} {}", noise(10 << 10));
        let told = spool.append(&texts(&[&text]), NOW).unwrap();
        assert!(
            told.iter()
                .all(|(reason, _)| reason == ShedReason::SpoolFull)
        );
        shed += told.documents();
        assert!(bytes_on_disk(directory.path()) <= 300 << 10);
        assert_eq!(spool.bytes(), bytes_on_disk(directory.path()));
    }
    let left = drain(&mut spool);
    assert_eq!(shed + left.len() as u64, 100);
    assert!(left.len() > 10, "only {} are left", left.len());
    assert!(
        left[0].starts_with(&format!("{shed} ")),
        "the newest are left"
    );
}

#[test]
fn documents_that_can_never_be_held_are_given_up_and_the_others_kept() {
    let directory = tempfile::tempdir().unwrap();
    let (mut spool, _) = open(directory.path());
    let huge = "x".repeat(8 << 20);
    let shed = spool.append(&texts(&["a", &huge, "b"]), NOW).unwrap();
    assert_eq!(shed_of(&shed), [(ShedReason::TooLarge, 1)]);
    assert_eq!(shed.bytes(), 8 << 20);
    assert_eq!(drain(&mut spool), ["a", "b"]);
    drop(spool);
    let limits = Limits {
        bytes_max: 1_000,
        ..WIDE
    };
    let (mut spool, _) = Spool::open(directory.path(), limits, NOW).unwrap();
    let shed = spool.append(&texts(&[&noise(2_000)]), NOW).unwrap();
    assert_eq!(shed_of(&shed), [(ShedReason::TooLarge, 1)]);
    assert_eq!((spool.documents(), spool.bytes()), (0, 0));
}

#[test]
fn what_is_too_old_is_given_up_record_by_record() {
    let directory = tempfile::tempdir().unwrap();
    let (mut spool, _) = open(directory.path());
    for (text, time) in [("a", NOW), ("b", NOW + 1), ("c", NOW + 2), ("d", NOW + 3)] {
        assert!(spool.append(&texts(&[text]), time).unwrap().is_empty());
    }
    let hour = 3_600_000;
    assert!(
        spool.expire(NOW + hour).is_empty(),
        "exactly as old as allowed"
    );
    assert_eq!(
        shed_of(&spool.expire(NOW + hour + 1)),
        [(ShedReason::Expired, 1)]
    );
    assert_eq!(spool.documents(), 3);
    let b = spool.take(NOW + hour + 1).unwrap().unwrap();
    assert_eq!(strings(&b.documents), ["b"]);
    let d = spool.take(NOW + hour + 3).unwrap().unwrap();
    assert_eq!(
        strings(&d.documents),
        ["d"],
        "c was too old when its turn came"
    );
    spool.give_back(b.token);
    assert_eq!(
        shed_of(&spool.expire(NOW + hour + 3)),
        [(ShedReason::Expired, 2)]
    );
    // The file goes with its youngest record, which is out and may still be delivered.
    assert!(spool.expire(NOW + 2 * hour).is_empty());
    assert_eq!((spool.documents(), spool.bytes()), (1, 0));
    spool.done(d.token);
    assert_eq!(spool.documents(), 0);
}

#[test]
fn what_expired_while_nothing_ran_is_told_after_the_start() {
    let directory = tempfile::tempdir().unwrap();
    let (mut spool, _) = open(directory.path());
    append_each(&mut spool, &["a"]);
    drop(spool);
    let later = NOW + 2 * 3_600_000;
    let (mut spool, opened) = Spool::open(directory.path(), WIDE, later).unwrap();
    assert_eq!((opened.documents, spool.documents()), (1, 0));
    assert_eq!(shed_of(&spool.expire(later)), [(ShedReason::Expired, 1)]);
}

#[test]
fn a_clock_that_went_back_gives_nothing_up() {
    let directory = tempfile::tempdir().unwrap();
    let (mut spool, _) = open(directory.path());
    append_each(&mut spool, &["a"]);
    assert!(spool.expire(0).is_empty());
    let taken = spool.take(0).unwrap().unwrap();
    assert_eq!(taken.age_ms, 0);
}

#[test]
fn a_record_whose_file_was_given_up_while_it_was_out_is_counted_once() {
    let limits = Limits {
        bytes_max: 200 << 10,
        ..WIDE
    };
    for is_delivered in [true, false] {
        let directory = tempfile::tempdir().unwrap();
        let (mut spool, _) = Spool::open(directory.path(), limits, NOW).unwrap();
        append_each(&mut spool, &["a", "b"]);
        let a = spool.take(NOW).unwrap().unwrap();
        let mut shed = 0;
        while spool.index.file_mut(1).is_some() {
            shed += spool
                .append(&texts(&[&noise(40 << 10)]), NOW)
                .unwrap()
                .documents();
        }
        let before = spool.documents();
        if is_delivered {
            spool.done(a.token);
            assert!(spool.expire(NOW).is_empty());
        } else {
            spool.give_back(a.token);
            assert_eq!(shed_of(&spool.expire(NOW)), [(ShedReason::SpoolFull, 1)]);
        }
        assert!(shed >= 1, "b at least");
        assert_eq!(spool.documents(), before - 1);
    }
}

/// A disk with so many bytes free beside what the spool's directory holds.
struct Disk(u64);

impl Files for Disk {
    fn free_bytes(&self, path: &Path) -> Option<u64> {
        Some(self.0.saturating_sub(bytes_on_disk(path)))
    }
}

#[test]
fn room_is_left_free_on_the_disk_for_others() {
    let directory = tempfile::tempdir().unwrap();
    let limits = Limits {
        bytes_max: 1 << 20,
        free_min: 1 << 20,
        ..WIDE
    };
    let disk = Box::new(Disk((1 << 20) + (400 << 10)));
    let (mut spool, _) = Spool::open_with(disk, directory.path(), limits, NOW).unwrap();
    let mut shed = 0;
    for _ in 0..50 {
        let told = spool.append(&texts(&[&noise(20 << 10)]), NOW).unwrap();
        assert!(
            told.iter()
                .all(|(reason, _)| reason == ShedReason::DiskFull)
        );
        shed += told.documents();
        assert!(bytes_on_disk(directory.path()) <= 400 << 10);
    }
    assert!(shed > 0);
    assert_eq!(shed + spool.documents(), 50);
}

#[test]
fn nothing_is_given_up_in_vain_when_others_have_filled_the_disk() {
    let directory = tempfile::tempdir().unwrap();
    let (mut spool, _) = open(directory.path());
    append_each(&mut spool, &["a"]);
    drop(spool);
    let limits = Limits {
        free_min: 1 << 20,
        ..WIDE
    };
    let disk = Box::new(Disk(1 << 10));
    let (mut spool, _) = Spool::open_with(disk, directory.path(), limits, NOW).unwrap();
    let error = spool.append(&texts(&["b"]), NOW).unwrap_err();
    let SpoolError::Write { source, .. } = error else {
        panic!("{error}");
    };
    assert_eq!(source.kind(), io::ErrorKind::StorageFull);
    let free = (1 << 10) - spool.bytes();
    let text = format!("{free} bytes are free, and 1048576 are to be left so");
    assert_eq!(source.to_string(), text);
    assert!(spool.expire(NOW).is_empty());
    assert_eq!(drain(&mut spool), ["a"]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn property_the_byte_bound_holds_and_every_document_is_counted(
        bytes_max in 1_u64..(400 << 10),
        steps in proptest::collection::vec((1_usize..5, 0_usize..(30 << 10), 0_u8..4), 1..60),
    ) {
        let directory = tempfile::tempdir().unwrap();
        let limits = Limits { bytes_max, ..WIDE };
        let (mut spool, _) = Spool::open(directory.path(), limits, NOW).unwrap();
        let (mut appended, mut done, mut shed) = (0, 0, 0);
        let mut out = Vec::new();
        for (count, bytes, action) in steps {
            let text = noise(bytes);
            appended += count as u64;
            shed += spool.append(&texts(&vec![text.as_str(); count]), NOW).unwrap().documents();
            match action {
                0 => out.extend(spool.take(NOW).unwrap()),
                1 => if let Some(taken) = out.pop() {
                    done += taken.documents.len() as u64;
                    spool.done(taken.token);
                },
                2 => if let Some(taken) = out.pop() {
                    spool.give_back(taken.token);
                    shed += spool.expire(NOW).documents();
                },
                _ => {}
            }
            prop_assert!(bytes_on_disk(directory.path()) <= bytes_max);
            prop_assert_eq!(appended, done + shed + spool.documents());
        }
    }
}
