//! Promises about small configuration records.

use super::Subject;
use crate::store::{StateRecord, StoreError};

fn record(version: u64, value: &[u8]) -> Option<StateRecord> {
    Some(StateRecord {
        version,
        value: value.to_vec(),
    })
}

/// Nothing is there before it is put.
pub async fn an_unknown_record_is_not_there(subject: &mut dyn Subject) {
    assert_eq!(subject.store().state("rules").await.unwrap(), None);
}

/// Versions grow by one from 1; records do not share them.
pub async fn a_record_counts_its_versions(subject: &mut dyn Subject) {
    let store = subject.store();
    assert_eq!(store.put_state("rules", 0, b"a".to_vec()).await.unwrap(), 1);
    assert_eq!(store.put_state("rules", 1, Vec::new()).await.unwrap(), 2);
    assert_eq!(
        store.put_state("groups", 0, b"g".to_vec()).await.unwrap(),
        1
    );
    assert_eq!(store.state("rules").await.unwrap(), record(2, b""));
    assert_eq!(store.state("groups").await.unwrap(), record(1, b"g"));
}

/// A writer who knows another version than the one stored is told so and changes nothing.
pub async fn a_record_changed_meanwhile_is_not_overwritten(subject: &mut dyn Subject) {
    let store = subject.store();
    assert_eq!(store.put_state("rules", 0, b"a".to_vec()).await.unwrap(), 1);
    for expected_version in [0, 2] {
        let refused = store
            .put_state("rules", expected_version, b"b".to_vec())
            .await
            .unwrap_err();
        let StoreError::VersionConflict {
            key,
            expected,
            found,
        } = refused
        else {
            unreachable!("{refused}")
        };
        assert_eq!(
            (key.as_str(), expected, found),
            ("rules", expected_version, 1)
        );
    }
    let refused = store
        .put_state("groups", 1, b"b".to_vec())
        .await
        .unwrap_err();
    assert_eq!(
        refused.to_string(),
        "record groups has version 0, not the expected 1"
    );
    assert_eq!(store.state("rules").await.unwrap(), record(1, b"a"));
}

/// Compare and write are one step.
pub async fn of_concurrent_writers_of_one_version_one_wins(subject: &mut dyn Subject) {
    let writers: Vec<_> = (0..8_u8)
        .map(|writer| {
            let store = subject.store();
            tokio::spawn(async move { store.put_state("rules", 0, vec![writer]).await })
        })
        .collect();
    let mut winners = Vec::new();
    for (writer, outcome) in (0..8_u8).zip(writers) {
        match outcome.await.unwrap() {
            Ok(version) => winners.push((writer, version)),
            Err(error) => assert!(matches!(
                error,
                StoreError::VersionConflict { found: 1, .. }
            )),
        }
    }
    assert_eq!(winners.len(), 1, "{winners:?}");
    let (writer, version) = winners[0];
    assert_eq!(
        subject.store().state("rules").await.unwrap(),
        record(version, &[writer])
    );
}

/// Records are durable.
pub async fn records_survive_reopening(subject: &mut dyn Subject) {
    assert_eq!(
        subject
            .store()
            .put_state("rules", 0, b"a".to_vec())
            .await
            .unwrap(),
        1
    );
    subject.reopen().await;
    assert_eq!(
        subject.store().state("rules").await.unwrap(),
        record(1, b"a")
    );
    assert_eq!(
        subject
            .store()
            .put_state("rules", 1, b"b".to_vec())
            .await
            .unwrap(),
        2
    );
}
