//! A directory with sealed files that was written once opens for ever and answers as it did then.
//! `UPDATE_GOLDEN=1 cargo test -p radiograph-collector golden` writes it anew: only together with a new
//! format or view version and under another name, once a release has written this one.

use std::fmt::Write as _;

use super::*;
use crate::store::{ScanRange, ViewScan};

const DIRECTORY: &str = "v1-sealed";
const FILES: [&str; 3] = [MERGED, SEALED, LOG];

/// What the store says, line by line.
fn answers(store: &EmbeddedStore) -> String {
    let mut answers = String::new();
    let traces: Vec<_> = (1..=15).map(trace).collect();
    for found in store.shared.documents(&traces).unwrap() {
        for document in found.documents {
            writeln!(answers, "{document}").unwrap();
        }
    }
    let scan = ViewScan {
        start: Timestamp::MIN,
        end: Timestamp::MAX,
        range: ScanRange::Started,
        after: None,
        views_max: 100,
    };
    for view in store.shared.views(&scan).unwrap().views {
        writeln!(answers, "{view:?}").unwrap();
    }
    let totals = store.shared.totals(Timestamp::MIN, Timestamp::MAX);
    writeln!(answers, "{:?}", totals.unwrap()).unwrap();
    writeln!(answers, "{:?}", store.shared.unsettled().unwrap()).unwrap();
    answers
}

#[test]
fn a_golden_directory_with_sealed_files_answers_as_it_was_recorded() {
    let golden = radiograph_proto_fixtures::root()
        .join("store")
        .join(DIRECTORY);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        let place = Place::make();
        fs::create_dir_all(golden.join("log/2026-11-21")).unwrap();
        for file in FILES {
            fs::copy(place.path().join(file), golden.join(file)).unwrap();
        }
        fs::write(golden.join("answers.txt"), answers(&place.open())).unwrap();
    }
    let place = Place {
        dir: tempfile::tempdir().unwrap(),
    };
    fs::create_dir_all(place.path().join("log/2026-11-21")).unwrap();
    for file in FILES {
        fs::copy(golden.join(file), place.path().join(file)).unwrap();
    }
    let store = place.open();
    let report = store.recovery_report();
    assert_eq!(
        (report.logs, report.sealed, report.sealed_outdated),
        (1, 2, 0)
    );
    assert_eq!(
        (
            report.regions_damaged,
            report.sealed_damaged,
            report.bytes_cut
        ),
        (0, 0, 0)
    );
    let recorded = fs::read_to_string(golden.join("answers.txt")).unwrap();
    assert_eq!(answers(&store), recorded);
    drop(store);
    assert_eq!(told(&place.verify()), Vec::<String>::new());
}
