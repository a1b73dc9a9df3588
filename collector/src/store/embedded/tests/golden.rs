//! A directory written once by this format opens for ever. `UPDATE_GOLDEN=1` writes it anew: only
//! together with a new format or view version, and then the old one stays beside it.

use super::*;
use crate::store::contract::{all_totals, sample, unsettled};
use crate::store::embedded::format::{FORMAT_VERSION, Kind};
use crate::store::embedded::payload::VIEW_FORMAT;
use crate::store::embedded::scan::scan_log;

const LOG: &str = "log/2026-11-21/14.log";
const DOCUMENT: &str = r#"{"name":"Scorekeep","id":"70de5b6f19ff9a0a"}"#;

fn golden() -> PathBuf {
    radiograph_proto_fixtures::root().join("store/v1").join(LOG)
}

async fn write_golden() {
    let mut subject = Embedded::new();
    append(&subject, trace(1), &[DOCUMENT, "{\"name\":\"naïve\"}"]).await;
    append(&subject, trace(2), &[&"{}".repeat(50_000)]).await;
    put(&subject, &[view(1, 1, HOUR), view(2, 1, HOUR + 60)]).await;
    put(&subject, &[view(1, 2, HOUR + 1)]).await;
    append(&subject, trace(3), &[DOCUMENT]).await;
    subject.close();
    fs::create_dir_all(golden().parent().unwrap()).unwrap();
    fs::copy(subject.log(), golden()).unwrap();
}

#[tokio::test]
async fn a_directory_of_this_format_is_read_as_it_was_written() {
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        write_golden().await;
    }
    assert_eq!(
        (FORMAT_VERSION, VIEW_FORMAT),
        (1, 1),
        "the golden log is of these versions"
    );
    let mut subject = Embedded::new();
    subject.close();
    fs::create_dir_all(subject.log().parent().unwrap()).unwrap();
    fs::copy(golden(), subject.log()).unwrap();

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
