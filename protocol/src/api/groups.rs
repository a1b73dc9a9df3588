//! CreateGroup, GetGroup, UpdateGroup, DeleteGroup and GetGroups.
//! Source: `spec/api.md` sections 3.9 and 4.4.

use serde::{Deserialize, Serialize};

use super::tags::Tag;

/// Request of CreateGroup.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct CreateGroupRequest {
    /// The new group's name; required.
    pub group_name: Option<String>,
    /// Which traces belong to it; without one, all.
    pub filter_expression: Option<String>,
    /// What is to be watched for.
    pub insights_configuration: Option<InsightsConfiguration>,
    /// Its first tags.
    pub tags: Option<Vec<Tag>>,
}

/// Request of GetGroup and DeleteGroup: the group by name or ARN.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct GroupRequest {
    /// By name.
    pub group_name: Option<String>,
    /// By ARN.
    #[serde(rename = "GroupARN")]
    pub group_arn: Option<String>,
}

/// Request of UpdateGroup; what is absent stays as it is.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct UpdateGroupRequest {
    /// By name.
    pub group_name: Option<String>,
    /// By ARN.
    #[serde(rename = "GroupARN")]
    pub group_arn: Option<String>,
    /// Which traces belong to it from now on.
    pub filter_expression: Option<String>,
    /// What is to be watched for from now on, as a whole.
    pub insights_configuration: Option<InsightsConfiguration>,
}

/// Request of GetGroups; its token is ignored, since there is one page.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct GetGroupsRequest {
    /// Where to go on.
    pub next_token: Option<String>,
}

/// What is to be watched for in a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct InsightsConfiguration {
    /// Look for anomalies; absent or null is false.
    #[serde(default, deserialize_with = "null_is_false")]
    pub insights_enabled: bool,
    /// Tell about them; absent or null is false. Kept, and acted upon by nobody.
    #[serde(default, deserialize_with = "null_is_false")]
    pub notifications_enabled: bool,
}

fn null_is_false<'de, D: serde::Deserializer<'de>>(from: D) -> Result<bool, D::Error> {
    Ok(Option::deserialize(from)?.unwrap_or_default())
}

/// A group, as all answers show it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Group {
    /// Its name.
    pub group_name: String,
    /// Its ARN.
    #[serde(rename = "GroupARN")]
    pub group_arn: String,
    /// Which traces belong to it; absent when all do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub filter_expression: Option<String>,
    /// What is to be watched for.
    pub insights_configuration: InsightsConfiguration,
}

/// Answer of CreateGroup, GetGroup and UpdateGroup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct GroupResponse {
    /// The group.
    pub group: Group,
}

/// Answer of DeleteGroup: an empty object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct DeleteGroupResponse {}

/// Answer of GetGroups, in one page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct GetGroupsResponse {
    /// All groups, the default one first, the others by name.
    pub groups: Vec<Group>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::decode;

    #[test]
    fn null_members_of_an_insights_configuration_count_as_absent() {
        let body =
            br#"{"InsightsConfiguration":{"InsightsEnabled":true,"NotificationsEnabled":null}}"#;
        let request: UpdateGroupRequest = decode(body).unwrap();
        let expected = InsightsConfiguration {
            insights_enabled: true,
            notifications_enabled: false,
        };
        assert_eq!(request.insights_configuration, Some(expected));
    }

    #[test]
    fn a_group_without_a_filter_is_written_without_the_member() {
        let group = Group {
            group_name: "Default".to_owned(),
            group_arn: "arn:aws:xray:us-east-1:000000000000:group/Default".to_owned(),
            filter_expression: None,
            insights_configuration: InsightsConfiguration::default(),
        };
        assert_eq!(
            serde_json::to_string(&group).unwrap(),
            r#"{"GroupName":"Default","GroupARN":"arn:aws:xray:us-east-1:000000000000:group/Default","InsightsConfiguration":{"InsightsEnabled":false,"NotificationsEnabled":false}}"#
        );
    }
}
