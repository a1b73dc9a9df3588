//! A directory with sealed files that was written once opens for ever and answers as it did then.
//! `UPDATE_GOLDEN=1 cargo test -p radiograph-collector golden` writes it anew: only together with a new
//! format or view version and under another name, once a release has written this one.

use std::fmt::Write as _;

use super::*;
use crate::filter::parse;
use crate::store::{ScanRange, ViewScan};

/// What the newest form is in, with a search index.
const NEWEST: &str = "v1-search";
/// Sealed before there was a search index.
const WITHOUT_INDEX: &str = "v1-sealed";
const FILES: [&str; 3] = [MERGED, SEALED, LOG];

fn everything() -> ViewScan {
    ViewScan {
        start: Timestamp::MIN,
        end: Timestamp::MAX,
        range: ScanRange::Started,
        after: None,
        views_max: 100,
        filter: None,
    }
}

/// What the store says, line by line.
fn answers(store: &EmbeddedStore) -> String {
    let mut answers = String::new();
    let traces: Vec<_> = (1..=15).map(trace).collect();
    for found in store.shared.documents(&traces).unwrap() {
        for document in found.documents {
            writeln!(answers, "{document}").unwrap();
        }
    }
    for view in store.shared.views(&everything()).unwrap().views {
        writeln!(answers, "{view:?}").unwrap();
    }
    let totals = store.shared.totals(Timestamp::MIN, Timestamp::MAX);
    writeln!(answers, "{:?}", totals.unwrap()).unwrap();
    writeln!(answers, "{:?}", store.shared.unsettled().unwrap()).unwrap();
    answers
}

fn golden(directory: &str) -> PathBuf {
    radiograph_proto_fixtures::root()
        .join("store")
        .join(directory)
}

#[test]
fn a_golden_directory_with_sealed_files_answers_as_it_was_recorded() {
    let newest = golden(NEWEST);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        let place = Place::make();
        fs::create_dir_all(newest.join("log/2026-11-21")).unwrap();
        for file in FILES {
            fs::copy(place.path().join(file), newest.join(file)).unwrap();
        }
        fs::write(newest.join("answers.txt"), answers(&place.open())).unwrap();
    }
    answers_as_recorded(&newest, 0);
}

#[test]
fn a_golden_directory_without_search_indexes_answers_as_it_was_recorded() {
    answers_as_recorded(&golden(WITHOUT_INDEX), 2);
}

fn answers_as_recorded(golden: &Path, files_unindexed: u64) {
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
    let everything = ViewScan {
        filter: Some(Arc::new(parse("!partial OR partial", |_| None).unwrap())),
        ..everything()
    };
    let page = store.shared.views(&everything).unwrap();
    assert_eq!((page.views.len(), page.work.files), (14, 2));
    assert_eq!(page.work.files_unindexed, files_unindexed);
    drop(store);
    assert_eq!(told(&place.verify()), Vec::<String>::new());
}
