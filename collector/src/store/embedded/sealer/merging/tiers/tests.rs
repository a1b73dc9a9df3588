//! Which files are merged when, on names and lengths alone.

use proptest::prelude::*;

use super::*;

/// 2026-11-21, 00:00 UTC.
const MIDNIGHT: i64 = 1_795_219_200;

fn at(hours: i64) -> Timestamp {
    Timestamp::from_seconds(MIDNIGHT + hours * 3600)
}

fn log(hours: i64, sequence: u32) -> LogName {
    LogName {
        hour: Hour::of(at(hours)),
        sequence,
    }
}

fn part(hours: i64, sequence: u32, bytes: u64) -> Candidate {
    Candidate {
        name: log(hours, sequence).sealed(),
        bytes,
        is_cold: false,
        is_mergeable: true,
    }
}

fn merged(part: Candidate) -> Candidate {
    Candidate {
        name: SealedName {
            generation: part.name.generation + 1,
            ..part.name
        },
        ..part
    }
}

/// Nine days of 24 files of one byte each.
fn nine_days() -> Vec<Candidate> {
    (0..9 * 24).map(|hours| part(hours, 0, 1)).collect()
}

fn days(parts: &[Candidate], now: i64) -> Option<Range<usize>> {
    next(parts, &[], at(now), Reach::Days)
}

#[test]
fn an_hour_is_merged_when_it_is_over_and_all_of_it_is_sealed() {
    let parts = [part(0, 0, 1), part(1, 0, 1), part(1, 1, 1), part(2, 0, 1)];
    let hours = |logs: &[LogName], now| next(&parts, logs, now, Reach::Hours);
    assert_eq!(hours(&[], at(2)), Some(1..3));
    assert_eq!(hours(&[], at(2).plus_micros(-1)), None, "it is not over");
    assert_eq!(hours(&[log(1, 2)], at(2)), None, "there is more of it");
    assert_eq!(hours(&[log(2, 1)], at(2)), Some(1..3));
}

#[test]
fn files_of_an_hour_that_is_not_over_are_merged_64_at_a_time_and_once() {
    let mut parts: Vec<_> = (0..64).map(|sequence| part(0, sequence, 1)).collect();
    assert_eq!(days(&parts[..63], 0), None);
    assert_eq!(days(&parts, 0), Some(0..64));
    parts.push(part(0, 64, 1));
    assert_eq!(days(&parts, 0), Some(0..64), "no more than 64");
    parts[0] = merged(parts[0]);
    assert_eq!(days(&parts, 0), Some(1..65));
    parts.remove(1);
    assert_eq!(days(&parts, 0), None, "what is merged already waits");
}

#[test]
fn a_day_is_merged_when_it_is_over_and_an_eighth_of_the_store() {
    let mut parts = nine_days();
    assert_eq!(days(&parts, 23), None, "it is not over");
    assert_eq!(days(&parts, 24), Some(0..24));
    assert_eq!(next(&parts, &[], at(24), Reach::Hours), None);
    assert_eq!(next(&parts, &[log(23, 9)], at(24), Reach::Days), None);
    parts.splice(0..24, [merged(part(23, 0, 24))]);
    assert_eq!(days(&parts, 24), None);
    assert_eq!(days(&parts, 48), Some(1..25));
    assert_eq!(days(&parts[..1 + 6 * 24], 999), None, "a seventh");
    assert_eq!(days(&parts[..1 + 7 * 24], 999), Some(1..25), "an eighth");
}

#[test]
fn a_day_part_of_which_is_cold_waits_for_the_rest() {
    let mut parts = nine_days();
    parts[0].is_cold = true;
    assert_eq!(days(&parts, 24), None);
    for part in &mut parts[..24] {
        part.is_cold = true;
    }
    assert_eq!(days(&parts, 24), Some(0..24));
}

#[test]
fn what_cannot_be_merged_stands_between_what_can() {
    let mut parts = nine_days();
    parts[3].is_mergeable = false;
    assert_eq!(days(&parts, 24), Some(0..3));
    parts.splice(0..3, [merged(part(2, 0, 3))]);
    assert_eq!(days(&parts, 24), Some(2..22));
    let logs = [log(0, 9)];
    let hour = [part(0, 8, 1), part(0, 10, 1)];
    assert_eq!(next(&hour, &logs, at(9), Reach::Days), None);
}

#[test]
fn what_is_too_large_for_one_file_becomes_several() {
    let large = |sequence, bytes| part(0, sequence, bytes);
    let parts = [
        large(0, BYTES_MAX - 1),
        large(1, 2),
        large(2, BYTES_MAX - 2),
        large(3, 1),
    ];
    assert_eq!(days(&parts, 1), Some(1..3));
    let left = [parts[0], merged(large(2, BYTES_MAX)), parts[3]];
    assert_eq!(days(&left, 1), None);
}

/// Files as they may stand: some to each hour, of any length, cold from some time on.
fn files() -> impl Strategy<Value = Vec<Candidate>> {
    let file = (0..3_u32, 0..30_i64, 1..=BYTES_MAX / 3, 0..20_u8);
    prop::collection::vec(file, 0..200).prop_map(|files| {
        let (mut hours, mut sequence) = (0, 0);
        let mut parts = Vec::new();
        for (step, skip, bytes, odds) in files {
            sequence += 1;
            if step == 0 {
                hours += if skip == 29 { 24 } else { 1 };
                sequence = 0;
            }
            parts.push(Candidate {
                is_mergeable: odds > 0,
                ..part(hours, sequence, bytes)
            });
        }
        parts
    })
}

proptest! {
    #[test]
    fn property_merging_comes_to_an_end_and_rewrites_little(
        mut parts in files(),
        is_small in any::<bool>(),
    ) {
        if is_small {
            for part in &mut parts {
                part.bytes = 1 + part.bytes % 1000;
            }
        }
        let before = parts.iter().map(|part| part.bytes).sum::<u64>();
        let mut rounds = 0;
        while let Some(range) = next(&parts, &[], Timestamp::MAX, Reach::Days) {
            let inputs = &parts[range.clone()];
            prop_assert!((2..=INPUTS_MAX).contains(&inputs.len()));
            prop_assert!(inputs.iter().all(|part| part.is_mergeable));
            let bytes = inputs.iter().map(|part| part.bytes).sum::<u64>();
            prop_assert!(bytes <= BYTES_MAX);
            prop_assert_eq!(day(&inputs[0]), day(&inputs[inputs.len() - 1]));
            let generation = inputs.iter().map(|part| part.name.generation).max().unwrap() + 1;
            prop_assert!(generation <= 5, "rewritten {generation} times");
            let name = SealedName { generation, ..inputs[inputs.len() - 1].name };
            let one = Candidate { name, bytes, ..inputs[0] };
            parts.splice(range, [one]);
            rounds += 1;
            prop_assert!(rounds <= 200);
        }
        prop_assert_eq!(parts.iter().map(|part| part.bytes).sum::<u64>(), before);
    }
}
