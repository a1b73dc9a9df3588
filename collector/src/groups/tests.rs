//! Each operation's refusals, and what becomes of groups that are changed at once or read again.

use radiograph_protocol::api::groups::{Group, InsightsConfiguration};
use radiograph_protocol::api::tags::Tag;
use radiograph_protocol::error::ApiErrorKind;
use tempfile::TempDir;

use super::*;
use crate::store::embedded::{EmbeddedStore, Options};

fn open(dir: &TempDir) -> Groups {
    let store = EmbeddedStore::open(dir.path(), Options::default()).unwrap();
    Groups::new(
        Arc::new(store),
        "eu-west-1".to_owned(),
        "111122223333".to_owned(),
    )
}

fn fresh() -> (Groups, TempDir) {
    let dir = tempfile::tempdir().unwrap();
    (open(&dir), dir)
}

fn named(name: &str) -> CreateGroupRequest {
    CreateGroupRequest {
        group_name: Some(name.to_owned()),
        ..CreateGroupRequest::default()
    }
}

fn with_filter(name: &str, filter: &str) -> CreateGroupRequest {
    CreateGroupRequest {
        filter_expression: Some(filter.to_owned()),
        ..named(name)
    }
}

fn with_tags(tags: &[(&str, &str)]) -> CreateGroupRequest {
    let tag = |(key, value): &(&str, &str)| Tag {
        key: Some((*key).to_owned()),
        value: Some((*value).to_owned()),
    };
    CreateGroupRequest {
        tags: Some(tags.iter().map(tag).collect()),
        ..named("tagged")
    }
}

fn meant(name: Option<&str>, arn: Option<&str>) -> GroupRequest {
    GroupRequest {
        group_name: name.map(str::to_owned),
        group_arn: arn.map(str::to_owned),
    }
}

async fn names(groups: &Groups) -> Vec<String> {
    let all = groups.groups().await.unwrap().groups;
    all.into_iter().map(|group| group.group_name).collect()
}

async fn arn_of(groups: &Groups, name: &str) -> String {
    let found = groups.group(meant(Some(name), None)).await.unwrap();
    found.group.group_arn
}

#[track_caller]
fn assert_refused<T: std::fmt::Debug>(answer: Result<T, ServiceError>, text: &str) {
    let expected = format!("InvalidRequestException: {text}");
    assert_eq!(answer.unwrap_err().to_string(), expected);
}

#[tokio::test]
async fn each_group_that_may_not_be_made_has_its_text() {
    let (groups, _dir) = fresh();
    groups.create(named("taken")).await.unwrap();
    let notified = InsightsConfiguration {
        insights_enabled: false,
        notifications_enabled: true,
    };
    let letters = "GroupName must consist of letters, digits and hyphens";
    let key_length = "Key must have 1 to 128 characters";
    let characters = "Tags must consist of letters, digits, spaces and _.:/=+-@";
    let keyless = CreateGroupRequest {
        tags: Some(vec![Tag::default()]),
        ..named("g")
    };
    let rows = [
        (CreateGroupRequest::default(), "GroupName must not be null"),
        (named(""), "GroupName must have 1 to 32 characters"),
        (
            named(&"x".repeat(33)),
            "GroupName must have 1 to 32 characters",
        ),
        (named("a b"), letters),
        (named("a_b"), letters),
        (named("gr\u{fc}n"), letters),
        (named("Default"), "Default is a reserved group name"),
        (named("taken"), "taken already exists"),
        (with_filter("g", ""), "Filter Expression is empty"),
        (with_filter("g", " \n"), "Filter Expression is empty"),
        (
            CreateGroupRequest {
                insights_configuration: Some(notified),
                ..named("g")
            },
            "NotificationsEnabled requires InsightsEnabled",
        ),
        (keyless, "Key must not be null"),
        (with_tags(&[("", "v")]), key_length),
        (with_tags(&[(&"k".repeat(129), "v")]), key_length),
        (
            with_tags(&[("k", &"v".repeat(257))]),
            "Value must have at most 256 characters",
        ),
        (
            with_tags(&[("aws:k", "v")]),
            "Tag keys must not begin with aws:",
        ),
        (with_tags(&[("k!", "v")]), characters),
        (with_tags(&[("k", "v\n")]), characters),
        (
            with_tags(&[("k", "1"), ("k", "2")]),
            "Containing duplicate tag keys",
        ),
    ];
    for (request, text) in rows {
        assert_refused(groups.create(request).await, text);
    }
    assert_eq!(names(&groups).await, ["Default", "taken"]);
}

#[tokio::test]
async fn a_group_is_made_with_fifty_tags_at_most() {
    let (groups, _dir) = fresh();
    let tags = |count: usize| (0..count).map(|number| Tag::new(number.to_string(), ""));
    let request = |count| CreateGroupRequest {
        tags: Some(tags(count).collect()),
        ..named("tagged")
    };
    let refused = groups.create(request(51)).await.unwrap_err();
    let ServiceError::Refused(refused) = refused else {
        panic!("{refused:?}");
    };
    let kind = ApiErrorKind::TooManyTags {
        resource_name: "tagged".to_owned(),
    };
    assert_eq!(refused.kind, kind);
    groups.create(request(50)).await.unwrap();
}

#[tokio::test]
async fn a_filter_that_is_none_or_names_a_group_is_refused() {
    let (groups, _dir) = fresh();
    groups.create(named("other")).await.unwrap();
    for filter in [
        "ok && fault",
        "group.name = \"other\"",
        "group.name = \"Default\"",
    ] {
        let text = groups
            .create(with_filter("g", filter))
            .await
            .unwrap_err()
            .to_string();
        assert!(
            text.starts_with("InvalidRequestException: "),
            "{filter}: {text}"
        );
        let update = UpdateGroupRequest {
            group_name: Some("other".to_owned()),
            filter_expression: Some(filter.to_owned()),
            ..UpdateGroupRequest::default()
        };
        assert_eq!(groups.update(update).await.unwrap_err().to_string(), text);
    }
    assert_eq!(names(&groups).await, ["Default", "other"]);
}

#[tokio::test]
async fn each_request_that_means_no_group_has_its_text() {
    let (groups, _dir) = fresh();
    for name in ["a", "b"] {
        groups.create(named(name)).await.unwrap();
    }
    let other = arn_of(&groups, "b").await;
    let length = "Group name or ARN has an invalid length";
    let long = "x".repeat(401);
    let rows = [
        (None, None, "Provide either GroupName or GroupARN"),
        (Some("A"), None, "Group not found"),
        (
            None,
            Some("arn:aws:xray:eu-west-1:111122223333:group/a"),
            "Group not found",
        ),
        (Some("nope"), Some(other.as_str()), "Group not found"),
        (
            Some("a"),
            Some(other.as_str()),
            "GroupName and GroupARN belong to different groups",
        ),
        (Some(""), None, length),
        (None, Some(""), length),
        (None, Some(long.as_str()), length),
    ];
    for (name, arn, text) in rows {
        assert_refused(groups.group(meant(name, arn)).await, text);
        assert_refused(groups.delete(meant(name, arn)).await, text);
        let update = UpdateGroupRequest {
            group_name: name.map(str::to_owned),
            group_arn: arn.map(str::to_owned),
            ..UpdateGroupRequest::default()
        };
        assert_refused(groups.update(update).await, text);
    }
    for (name, arn) in [
        (Some("b"), None),
        (None, Some(&*other)),
        (Some("b"), Some(&*other)),
    ] {
        let found = groups.group(meant(name, arn)).await.unwrap();
        assert_eq!(found.group.group_name, "b");
    }
    assert_eq!(names(&groups).await, ["Default", "a", "b"]);
}

#[tokio::test]
async fn the_default_group_is_always_there_and_keeps_its_filter() {
    let (groups, _dir) = fresh();
    let reserved = "Default is a reserved group name";
    assert_refused(groups.delete(meant(Some("Default"), None)).await, reserved);
    let update = |filter: Option<&str>, insights| UpdateGroupRequest {
        group_name: Some("Default".to_owned()),
        filter_expression: filter.map(str::to_owned),
        insights_configuration: insights,
        ..UpdateGroupRequest::default()
    };
    assert_refused(groups.update(update(Some("fault"), None)).await, reserved);
    let watched = InsightsConfiguration {
        insights_enabled: true,
        notifications_enabled: true,
    };
    groups.update(update(None, Some(watched))).await.unwrap();
    let expected = Group {
        group_name: "Default".to_owned(),
        group_arn: "arn:aws:xray:eu-west-1:111122223333:group/Default".to_owned(),
        filter_expression: None,
        insights_configuration: watched,
    };
    assert_eq!(groups.groups().await.unwrap().groups, [expected]);
}

#[tokio::test]
async fn twenty_five_groups_are_the_limit_and_a_deleted_one_makes_room() {
    let (groups, _dir) = fresh();
    for number in 0..25 {
        groups.create(named(&format!("g{number}"))).await.unwrap();
    }
    let full = "Exceeding maximum group count: 25";
    assert_refused(groups.create(named("one-more")).await, full);
    groups.delete(meant(Some("g7"), None)).await.unwrap();
    groups.create(named("one-more")).await.unwrap();
    assert_refused(groups.create(named("g7")).await, full);
    assert_eq!(groups.groups().await.unwrap().groups.len(), 26);
}

#[tokio::test]
async fn an_update_changes_what_it_gives_and_nothing_else() {
    let (groups, _dir) = fresh();
    let watched = InsightsConfiguration {
        insights_enabled: true,
        notifications_enabled: true,
    };
    let made = CreateGroupRequest {
        insights_configuration: Some(watched),
        ..with_filter("slow", "fault")
    };
    let made = groups.create(made).await.unwrap().group;
    assert_eq!(
        groups.group(meant(Some("slow"), None)).await.unwrap().group,
        made
    );
    let update = |filter: Option<&str>, insights| UpdateGroupRequest {
        group_arn: Some(made.group_arn.clone()),
        filter_expression: filter.map(str::to_owned),
        insights_configuration: insights,
        ..UpdateGroupRequest::default()
    };
    let filtered = groups.update(update(Some("ok"), None)).await.unwrap().group;
    let expected = Group {
        filter_expression: Some("ok".to_owned()),
        ..made.clone()
    };
    assert_eq!(filtered, expected);
    let unwatched = Some(InsightsConfiguration::default());
    let unwatched = groups.update(update(None, unwatched)).await.unwrap().group;
    let expected = Group {
        insights_configuration: InsightsConfiguration::default(),
        ..expected
    };
    assert_eq!(unwatched, expected);
    let empty = groups.update(update(Some(""), None)).await;
    assert_refused(empty, "Filter Expression is empty");
    assert_eq!(groups.groups().await.unwrap().groups[1], expected);
}

#[tokio::test]
async fn groups_and_their_tags_survive_a_restart_and_a_new_group_of_the_name_has_a_new_arn() {
    let (groups, dir) = fresh();
    groups
        .create(with_tags(&[("team", "shop"), ("cost", "")]))
        .await
        .unwrap();
    let before = groups.load().await.unwrap();
    assert_eq!(before.groups()[1].tags.shown().len(), 2);
    drop(groups);
    let groups = open(&dir);
    assert_eq!(groups.load().await.unwrap(), before);
    let arn = arn_of(&groups, "tagged").await;
    groups.delete(meant(None, Some(&arn))).await.unwrap();
    groups.create(named("tagged")).await.unwrap();
    assert_ne!(arn_of(&groups, "tagged").await, arn);
    assert_eq!(
        groups.load().await.unwrap().groups()[1].tags.shown().len(),
        0
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_groups_made_at_once_none_is_lost() {
    let (groups, _dir) = fresh();
    let mut making = tokio::task::JoinSet::new();
    for number in 0..25 {
        let groups = groups.clone();
        making.spawn(async move { groups.create(named(&format!("g{number}"))).await });
    }
    for made in making.join_all().await {
        made.unwrap();
    }
    assert_eq!(groups.groups().await.unwrap().groups.len(), 26);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_that_is_always_too_late_is_given_up() {
    let (groups, _dir) = fresh();
    let mut attempts = 0;
    let answer = groups.change(|_| {
        // somebody else is quicker, every time
        let put = groups
            .store
            .put_state(GROUPS_KEY, attempts, b"{\"groups\":[]}".to_vec());
        let done = tokio::task::block_in_place(|| tokio::runtime::Handle::current().block_on(put));
        attempts = done.unwrap();
        Ok(())
    });
    let error = answer.await.unwrap_err();
    assert!(
        matches!(
            error,
            ServiceError::Store(StoreError::VersionConflict { .. })
        ),
        "{error}"
    );
    assert_eq!(attempts, u64::from(record::ATTEMPTS_MAX));
}

#[tokio::test]
async fn a_damaged_record_is_an_error_and_not_an_empty_list() {
    let (groups, _dir) = fresh();
    groups
        .store
        .put_state(GROUPS_KEY, 0, b"{}".to_vec())
        .await
        .unwrap();
    let error = groups.groups().await.unwrap_err();
    assert!(
        matches!(error, ServiceError::Store(StoreError::Corrupt { .. })),
        "{error}"
    );
    assert_eq!(
        groups.create(named("g")).await.unwrap_err().to_string(),
        error.to_string()
    );
}
