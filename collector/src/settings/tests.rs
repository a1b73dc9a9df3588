//! Settings on a real store: what a restart leaves, and who wins of several.

use radiograph_protocol::api::decode;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::*;
use crate::store::embedded::{EmbeddedStore, Options};

const NOW: Timestamp = Timestamp::from_seconds(1_700_000_000);

/// Settings in a directory, which may be opened again once the store is closed.
fn open(dir: &TempDir) -> (Settings, Arc<EmbeddedStore>) {
    let store = Arc::new(EmbeddedStore::open(dir.path(), Options::default()).unwrap());
    (Settings::new(Arc::clone(&store) as _), store)
}

async fn put(settings: &Settings, revision: Option<&str>) -> Result<String, String> {
    let body = json!({
        "PolicyName": "p", "PolicyDocument": "{}", "PolicyRevisionId": revision,
    });
    let request = decode(body.to_string().as_bytes()).unwrap();
    let put = settings.put_policy(request, NOW).await;
    put.map(|answer| answer.resource_policy.policy_revision_id)
        .map_err(|error| error.to_string())
}

/// Everything that reading answers.
async fn all(settings: &Settings) -> Value {
    let policies = ListResourcePoliciesRequest::default();
    json!([
        settings.encryption().await.unwrap(),
        settings.policies(policies).await.unwrap(),
        settings.indexing_rules().await.unwrap(),
        settings.destination().await.unwrap(),
    ])
}

#[tokio::test]
async fn a_fresh_store_has_the_settings_of_a_fresh_account() {
    let dir = tempfile::tempdir().unwrap();
    let (settings, _store) = open(&dir);
    let all_traces = json!({"DesiredSamplingPercentage": 100.0, "ActualSamplingPercentage": 100.0});
    let expected = json!([
        {
            "EncryptionConfig": {"Status": "ACTIVE", "Type": "NONE"},
            "RadiographEncryptsAtRest": false,
        },
        {"ResourcePolicies": []},
        {"IndexingRules": [{"Name": "Default", "Rule": {"Probabilistic": all_traces}}]},
        {"Destination": "XRay", "Status": "ACTIVE"},
    ]);
    assert_eq!(all(&settings).await, expected);
}

#[tokio::test]
async fn every_setting_is_there_after_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let (settings, store) = open(&dir);
    let key = br#"{"Type":"KMS","KeyId":"alias/a"}"#;
    let answer = settings.put_encryption(decode(key).unwrap()).await.unwrap();
    assert_eq!(answer.encryption_config.status, "UPDATING");
    assert_eq!(put(&settings, None).await, Ok("1".to_owned()));
    let rule = br#"{"Name":"Default","Rule":{"Probabilistic":{"DesiredSamplingPercentage":10.5}}}"#;
    let rule = decode(rule).unwrap();
    settings.update_indexing_rule(rule, NOW).await.unwrap();
    let to_logs = decode(br#"{"Destination":"CloudWatchLogs"}"#).unwrap();
    settings.update_destination(to_logs).await.unwrap();

    let before = all(&settings).await;
    let some = json!({"DesiredSamplingPercentage": 10.5, "ActualSamplingPercentage": 10.5});
    let expected = json!([
        {
            "EncryptionConfig": {"KeyId": "alias/a", "Status": "ACTIVE", "Type": "KMS"},
            "RadiographEncryptsAtRest": false,
        },
        {"ResourcePolicies": [{
            "PolicyName": "p",
            "PolicyDocument": "{}",
            "PolicyRevisionId": "1",
            "LastUpdatedTime": 1_700_000_000.0,
        }]},
        {"IndexingRules": [{
            "Name": "Default",
            "ModifiedAt": 1_700_000_000.0,
            "Rule": {"Probabilistic": some},
        }]},
        {"Destination": "CloudWatchLogs", "Status": "ACTIVE"},
    ]);
    assert_eq!(before, expected);
    store.close();
    drop((settings, store));
    let (settings, _store) = open(&dir);
    assert_eq!(all(&settings).await, before);
    assert_eq!(put(&settings, Some("1")).await, Ok("2".to_owned()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_that_replace_one_revision_one_wins() {
    let dir = tempfile::tempdir().unwrap();
    let (settings, _store) = open(&dir);
    for (revision, next) in [("0", "1"), ("1", "2")] {
        let calls: Vec<_> = (0..16)
            .map(|_| {
                let settings = settings.clone();
                tokio::spawn(async move { put(&settings, Some(revision)).await })
            })
            .collect();
        let mut won = 0;
        for call in calls {
            match call.await.unwrap() {
                Ok(got) => {
                    assert_eq!(got, next);
                    won += 1;
                }
                Err(error) => {
                    let expected = "InvalidPolicyRevisionIdException: \
                                    Policy revision id does not match the latest revision";
                    assert_eq!(error, expected);
                }
            }
        }
        assert_eq!(won, 1, "revision {revision}");
    }
}
