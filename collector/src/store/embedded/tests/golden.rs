//! A directory that was written once opens for ever. `UPDATE_GOLDEN=1` writes the newest one anew: only
//! together with a new format or view version, under a name of its own, and the old ones stay beside
//! it. `store/v1` is of format 1 and view format 1, `store/v1-views2` of format 1 and view format 2.

use super::*;
use crate::store::contract::{all_totals, sample, unsettled};
use crate::store::embedded::format::{FORMAT_VERSION, Kind};
use crate::store::embedded::payload::VIEW_FORMAT;
use crate::store::embedded::scan::scan_log;

const NEWEST: &str = "v1-views2";
const LOG: &str = "log/2026-11-21/14.log";
const DOCUMENT: &str = r#"{"name":"Scorekeep","id":"70de5b6f19ff9a0a"}"#;

fn golden(directory: &str) -> PathBuf {
    radiograph_proto_fixtures::root()
        .join("store")
        .join(directory)
        .join(LOG)
}

/// A store over a copy of a golden directory, still closed.
fn closed_over(directory: &str) -> Embedded {
    let mut subject = Embedded::new();
    subject.close();
    fs::create_dir_all(subject.log().parent().unwrap()).unwrap();
    fs::copy(golden(directory), subject.log()).unwrap();
    subject
}

async fn write_golden() {
    let mut subject = Embedded::new();
    append(&subject, trace(1), &[DOCUMENT, "{\"name\":\"naïve\"}"]).await;
    append(&subject, trace(2), &[&"{}".repeat(50_000)]).await;
    put(&subject, &[view(1, 1, HOUR), view(2, 1, HOUR + 60)]).await;
    put(&subject, &[view(1, 2, HOUR + 1)]).await;
    append(&subject, trace(3), &[DOCUMENT]).await;
    subject.close();
    fs::create_dir_all(golden(NEWEST).parent().unwrap()).unwrap();
    fs::copy(subject.log(), golden(NEWEST)).unwrap();
}

#[tokio::test]
async fn a_directory_of_this_format_is_read_as_it_was_written() {
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        write_golden().await;
    }
    assert_eq!(
        (FORMAT_VERSION, VIEW_FORMAT),
        (1, 2),
        "the golden log is of these versions"
    );
    let mut subject = closed_over(NEWEST);

    let mut kinds = Vec::new();
    let scan = scan_log(&subject.log(), |_, header, _| kinds.push(header.kind)).unwrap();
    assert_eq!((scan.damaged, scan.bad_tail), (Vec::new(), None));
    use Kind::{Documents, Views};
    assert_eq!(kinds, [Documents, Documents, Views, Views, Documents]);

    subject.open();
    let report = subject.embedded().recovery_report();
    assert_eq!(
        report,
        RecoveryReport {
            logs: 1,
            blocks: 5,
            ..RecoveryReport::default()
        }
    );
    assert_eq!(
        documents_of(&subject, trace(1)).await,
        [DOCUMENT, "{\"name\":\"naïve\"}"]
    );
    assert_eq!(
        documents_of(&subject, trace(2)).await,
        ["{}".repeat(50_000)]
    );
    assert_eq!(documents_of(&subject, trace(3)).await, [DOCUMENT]);
    let views = [view(2, 1, HOUR + 60), view(1, 2, HOUR + 1)];
    assert_eq!(all_views(&subject).await, views);
    assert_eq!(all_totals(&subject).await, sample::sum(&views));
    assert_eq!(unsettled(&subject).await, [trace(3)].into());
}

#[tokio::test]
async fn a_directory_with_views_of_an_earlier_release_keeps_its_documents_and_settles_them_again() {
    let mut subject = closed_over("v1");
    subject.open();
    let report = subject.embedded().recovery_report();
    assert_eq!(
        report,
        RecoveryReport {
            logs: 1,
            blocks: 3,
            view_blocks_outdated: 2,
            ..RecoveryReport::default()
        }
    );
    assert_eq!(
        documents_of(&subject, trace(1)).await,
        [DOCUMENT, "{\"name\":\"naïve\"}"]
    );
    assert_eq!(all_views(&subject).await, []);
    let everything = [trace(1), trace(2), trace(3)];
    assert_eq!(unsettled(&subject).await, everything.into());
}
