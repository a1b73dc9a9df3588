//! `kill -9` of a process that appends: whatever append returned for is there afterwards.

use super::*;
use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

/// Names the directory to the child.
const DIRECTORY: &str = "RADIOGRAPH_TEST_SPOOL_CRASH";
const TEST: &str = "spool::tests::crash::what_was_appended_survives_kill_9";

/// Appends records of three numbered documents without end, delivers every other one, and says so.
fn append_until_killed(directory: &Path) {
    let limits = Limits {
        bytes_max: 1 << 40,
        ..WIDE
    };
    let (mut spool, _) = Spool::open(directory, limits, NOW).unwrap();
    for record in 0_u64.. {
        let all = [0, 1, 2].map(|place| format!("{} {}", record * 3 + place, noise(2_000)));
        let all: Vec<&str> = all.iter().map(String::as_str).collect();
        let shed = spool.append(&texts(&all), NOW).unwrap();
        assert!(shed.is_empty());
        println!("appended {record}");
        if record % 2 == 0 {
            let taken = spool.take(NOW).unwrap().unwrap();
            for text in strings(&taken.documents) {
                println!("delivered {}", number_of(&text));
            }
            spool.done(taken.token);
        }
    }
}

fn number_of(text: &str) -> u64 {
    text.split(' ').next().unwrap().parse().unwrap()
}

#[test]
fn what_was_appended_survives_kill_9() {
    if let Some(directory) = std::env::var_os(DIRECTORY) {
        return append_until_killed(Path::new(&directory));
    }
    for wanted in [1_u64, 37, 400] {
        let directory = tempfile::tempdir().unwrap();
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args([TEST, "--exact", "--nocapture"])
            .env(DIRECTORY, directory.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (mut appended, mut delivered) = (0, BTreeSet::new());
        // To the end: what it said between the kill and its death counts too.
        for line in BufReader::new(child.stdout.take().unwrap()).lines() {
            let line = line.unwrap();
            // The first line begins with the harness's own words.
            if line.contains("appended ") {
                appended += 1;
            } else if let Some(number) = line.strip_prefix("delivered ") {
                delivered.insert(number.parse::<u64>().unwrap());
            }
            if appended == wanted {
                child.kill().unwrap();
            }
        }
        child.wait().unwrap();
        assert!(appended >= wanted);
        let (mut spool, opened) = open(directory.path());
        assert_eq!(opened.damaged_records, 0);
        let found = drain(&mut spool);
        assert_eq!(found.len() as u64, opened.documents);
        let found: Vec<u64> = found.iter().map(|text| number_of(text)).collect();
        assert!(found.is_sorted_by(|a, b| a + 1 == *b), "{found:?}");
        let is_there = |number: &u64| found.contains(number) || delivered.contains(number);
        let lost: Vec<u64> = (0..3 * appended)
            .filter(|number| !is_there(number))
            .collect();
        assert_eq!(lost, Vec::<u64>::new());
    }
}
