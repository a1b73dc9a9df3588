//! Tags of both kinds of resources in a store that is opened again.

use std::sync::Arc;

use radiograph_protocol::api::decode;
use radiograph_protocol::api::groups::{CreateGroupRequest, GroupRequest};
use radiograph_protocol::api::sampling::DeleteSamplingRuleRequest;
use radiograph_protocol::api::tags::Tag;
use radiograph_protocol::timestamp::Timestamp;
use serde_json::json;
use tempfile::TempDir;

use super::*;
use crate::sampling::{ACCOUNT_DEFAULT, LEASE_DEFAULT, REGION_DEFAULT};
use crate::store::embedded::{EmbeddedStore, Options};

const RULE_ARN: &str = "arn:aws:xray:us-east-1:000000000000:sampling-rule/pay";
const NOW: Timestamp = Timestamp::from_seconds(1_704_067_200);

async fn open(dir: &TempDir) -> Tags {
    let store = Arc::new(EmbeddedStore::open(dir.path(), Options::default()).unwrap());
    let home = (REGION_DEFAULT, ACCOUNT_DEFAULT);
    let (region, account) = (home.0.to_owned(), home.1.to_owned());
    let groups = Groups::new(Arc::clone(&store) as _, region, account);
    let rules = Rules::open(store, home, LEASE_DEFAULT, 25).await.unwrap();
    Tags::new(groups, rules)
}

async fn create_rule(tags: &Tags, first: &[Tag]) {
    let body = json!({
        "SamplingRule": {
            "RuleName": "pay", "ResourceARN": "*", "Priority": 5, "FixedRate": 0.5,
            "ReservoirSize": 1, "ServiceName": "*", "ServiceType": "*", "Host": "*",
            "HTTPMethod": "*", "URLPath": "*", "Version": 1
        },
        "Tags": first
    });
    let request = decode(body.to_string().as_bytes()).unwrap();
    tags.rules.create(request, NOW).await.unwrap();
}

async fn create_group(tags: &Tags, first: &[Tag]) -> String {
    let request = CreateGroupRequest {
        group_name: Some("slow".to_owned()),
        tags: Some(first.to_vec()),
        ..CreateGroupRequest::default()
    };
    tags.groups.create(request).await.unwrap().group.group_arn
}

fn tagging(arn: &str, tags: &[(&str, &str)]) -> TagResourceRequest {
    let tags = tags.iter().map(|(key, value)| Tag::new(*key, *value));
    TagResourceRequest {
        resource_arn: Some(arn.to_owned()),
        tags: Some(tags.collect()),
    }
}

fn untagging(arn: &str, keys: &[&str]) -> UntagResourceRequest {
    UntagResourceRequest {
        resource_arn: Some(arn.to_owned()),
        tag_keys: Some(keys.iter().map(|key| (*key).to_owned()).collect()),
    }
}

async fn listed(tags: &Tags, arn: &str) -> Result<Vec<(String, String)>, ServiceError> {
    let request = ListTagsForResourceRequest {
        resource_arn: Some(arn.to_owned()),
        next_token: Some("ignored".to_owned()),
    };
    let listed = tags.list(request).await?.tags.into_iter();
    Ok(listed
        .map(|tag| (tag.key.unwrap(), tag.value.unwrap()))
        .collect())
}

fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    let pairs = pairs.iter();
    pairs
        .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
        .collect()
}

#[track_caller]
fn assert_not_found<T: std::fmt::Debug>(answer: Result<T, ServiceError>, arn: &str) {
    match answer {
        Err(ServiceError::Refused(error)) => assert_eq!(error, not_found(arn)),
        other => panic!("{arn}: {other:?}"),
    }
}

#[tokio::test]
async fn tags_of_rules_and_groups_are_kept_changed_and_vanish_with_them() {
    let dir = tempfile::tempdir().unwrap();
    let mut tags = open(&dir).await;
    let first = [Tag::new("team", "x")];
    create_rule(&tags, &first).await;
    let group_arn = create_group(&tags, &first).await;
    for arn in [RULE_ARN, &group_arn] {
        let more = tagging(arn, &[("team", "y"), ("a", "")]);
        tags.tag(more).await.unwrap();
        tags = reopened(tags, &dir).await;
        let expected = pairs(&[("a", ""), ("team", "y")]);
        assert_eq!(listed(&tags, arn).await.unwrap(), expected);
        tags.untag(untagging(arn, &["team", "gone"])).await.unwrap();
        tags.tag(tagging(arn, &[])).await.unwrap();
        tags.untag(untagging(arn, &[])).await.unwrap();
        assert_eq!(listed(&tags, arn).await.unwrap(), pairs(&[("a", "")]));
    }
    let rule = DeleteSamplingRuleRequest {
        rule_arn: Some(RULE_ARN.to_owned()),
        ..DeleteSamplingRuleRequest::default()
    };
    tags.rules.delete(rule, NOW).await.unwrap();
    let group = GroupRequest {
        group_name: Some("slow".to_owned()),
        ..GroupRequest::default()
    };
    tags.groups.delete(group).await.unwrap();
    assert_not_found(listed(&tags, RULE_ARN).await, RULE_ARN);
    assert_not_found(listed(&tags, &group_arn).await, &group_arn);
    // a rule made again has the ARN of the one before, and none of its tags
    create_rule(&tags, &[]).await;
    assert_eq!(listed(&tags, RULE_ARN).await.unwrap(), []);
}

async fn reopened(tags: Tags, dir: &TempDir) -> Tags {
    drop(tags);
    open(dir).await
}

#[tokio::test]
async fn an_arn_that_nothing_has_is_not_found_by_any_of_the_operations() {
    let dir = tempfile::tempdir().unwrap();
    let tags = open(&dir).await;
    let unknown = [
        "x",
        RULE_ARN,
        "arn:aws:xray:us-east-1:000000000000:group/slow/ABC",
        "arn:aws:xray:us-east-1:123456789012:sampling-rule/Default",
        "arn:aws:xray:us-east-1:000000000000:group/default",
        &"x".repeat(1011),
    ];
    for arn in unknown {
        assert_not_found(listed(&tags, arn).await, arn);
        assert_not_found(tags.tag(tagging(arn, &[("k", "v")])).await, arn);
        assert_not_found(tags.untag(untagging(arn, &["k"])).await, arn);
    }
}

#[tokio::test]
async fn the_default_rule_and_group_have_tags_too_which_is_no_change_of_the_rule() {
    let dir = tempfile::tempdir().unwrap();
    let tags = open(&dir).await;
    let before = serde_json::to_vec(&tags.rules.sampling().rules()).unwrap();
    for kind in ["sampling-rule", "group"] {
        let arn = format!("arn:aws:xray:us-east-1:000000000000:{kind}/Default");
        tags.tag(tagging(&arn, &[("k", "v")])).await.unwrap();
        assert_eq!(listed(&tags, &arn).await.unwrap(), pairs(&[("k", "v")]));
    }
    tags.rules.refresh(NOW).await.unwrap();
    let sampling = tags.rules.sampling();
    assert_eq!(serde_json::to_vec(&sampling.rules()).unwrap(), before);
    assert_eq!(sampling.last_rule_modification(), Timestamp::default());
}

#[tokio::test]
async fn each_request_that_says_too_little_or_too_much_has_its_text() {
    let dir = tempfile::tempdir().unwrap();
    let tags = open(&dir).await;
    let group_arn = create_group(&tags, &[]).await;
    let length = "InvalidRequestException: ResourceARN must have 1 to 1011 characters";
    for arn in [String::new(), "x".repeat(1012)] {
        let refused = tags.tag(tagging(&arn, &[])).await.unwrap_err();
        assert_eq!(refused.to_string(), length);
        assert_eq!(listed(&tags, &arn).await.unwrap_err().to_string(), length);
        let refused = tags.untag(untagging(&arn, &[])).await.unwrap_err();
        assert_eq!(refused.to_string(), length);
    }
    let null = |member: &str| format!("InvalidRequestException: {member} must not be null");
    let refused = tags.tag(TagResourceRequest::default()).await.unwrap_err();
    assert_eq!(refused.to_string(), null("ResourceARN"));
    let no_tags = TagResourceRequest {
        tags: None,
        ..tagging(&group_arn, &[])
    };
    assert_eq!(
        tags.tag(no_tags).await.unwrap_err().to_string(),
        null("Tags")
    );
    let no_keys = UntagResourceRequest {
        tag_keys: None,
        ..untagging(&group_arn, &[])
    };
    let refused = tags.untag(no_keys).await.unwrap_err();
    assert_eq!(refused.to_string(), null("TagKeys"));
    let twice = tagging(&group_arn, &[("k", "1"), ("k", "2")]);
    let refused = tags.tag(twice).await.unwrap_err().to_string();
    assert_eq!(
        refused,
        "InvalidRequestException: Containing duplicate tag keys"
    );
    assert_eq!(listed(&tags, &group_arn).await.unwrap(), []);
}
