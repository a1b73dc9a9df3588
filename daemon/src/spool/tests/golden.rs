//! A directory written once by this format opens for ever. `UPDATE_GOLDEN=1` writes it anew: only
//! before a release has written the format.

use super::*;
use std::fs;

/// What it holds: in file 1 a record that is delivered and two that are not, in file 2 one.
const WAITING: [&str; 4] = ["{\"id\":\"b1\"}", "T1SAAAA", "{\n\"id\": \"c\"}", "d"];

fn write(directory: &Path) {
    fs::create_dir_all(directory).unwrap();
    for entry in fs::read_dir(directory).unwrap() {
        fs::remove_file(entry.unwrap().path()).unwrap();
    }
    let (mut spool, _) = open(directory);
    append_each(&mut spool, &["{\"id\":\"a\"}"]);
    assert!(
        spool
            .append(&texts(&WAITING[..2]), NOW + 1)
            .unwrap()
            .is_empty()
    );
    assert!(
        spool
            .append(&texts(&WAITING[2..3]), NOW + 2)
            .unwrap()
            .is_empty()
    );
    let a = spool.take(NOW).unwrap().unwrap();
    spool.done(a.token);
    drop(spool);
    let (mut spool, _) = open(directory);
    assert!(
        spool
            .append(&texts(&WAITING[3..]), NOW + 3)
            .unwrap()
            .is_empty()
    );
    drop(spool);
    fs::remove_file(directory.join(LOCK_NAME)).unwrap();
}

#[test]
fn a_directory_of_format_1_opens() {
    let golden = radiograph_proto_fixtures::root().join("spool/v1");
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        write(&golden);
    }
    let copy = tempfile::tempdir().unwrap();
    for entry in fs::read_dir(&golden).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), copy.path().join(entry.file_name())).unwrap();
    }
    assert_eq!(recovery::numbers(copy.path()).unwrap(), [1, 2]);
    let (mut spool, opened) = open(copy.path());
    let expected = Opened {
        documents: 4,
        bytes: spool.bytes(),
        ..Opened::default()
    };
    assert_eq!(opened, expected);
    let mut times = Vec::new();
    let mut found = Vec::new();
    while let Some(taken) = spool.take(NOW + 10).unwrap() {
        times.push(taken.age_ms);
        found.extend(strings(&taken.documents));
        spool.done(taken.token);
    }
    assert_eq!(
        (found.as_slice(), times.as_slice()),
        (WAITING.map(str::to_owned).as_slice(), [9, 8, 7].as_slice())
    );
}

#[test]
fn the_first_bytes_of_a_file_are_those_of_format_1() {
    let golden = radiograph_proto_fixtures::root().join("spool/v1/0000000000000001.spool");
    let bytes = fs::read(golden).unwrap();
    assert_eq!(bytes[..8], *b"RGSPOOL\x01");
    assert_eq!(bytes[12..20], *b"\xFFSP\xFE\x01\0\0\0");
    assert_eq!(bytes[20..28], NOW.to_le_bytes());
}
