//! TagResource, UntagResource and ListTagsForResource. Source: `spec/api.md` section 4.5.

use serde::{Deserialize, Serialize};

/// Request of TagResource.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct TagResourceRequest {
    /// The group or sampling rule; required.
    #[serde(rename = "ResourceARN")]
    pub resource_arn: Option<String>,
    /// What it is to be tagged with; required, may be empty.
    pub tags: Option<Vec<Tag>>,
}

/// Request of UntagResource.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct UntagResourceRequest {
    /// The group or sampling rule; required.
    #[serde(rename = "ResourceARN")]
    pub resource_arn: Option<String>,
    /// Keys of the tags to take away; required, may be empty, and name what is not there.
    pub tag_keys: Option<Vec<String>>,
}

/// Request of ListTagsForResource; its token is ignored, since there is one page.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ListTagsForResourceRequest {
    /// The group or sampling rule; required.
    #[serde(rename = "ResourceARN")]
    pub resource_arn: Option<String>,
    /// Where to go on.
    pub next_token: Option<String>,
}

/// A tag, in requests and answers; answers have both members.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Tag {
    /// Its key; required.
    pub key: Option<String>,
    /// Its value; required, may be empty.
    pub value: Option<String>,
}

impl Tag {
    /// A tag of this key and value.
    pub fn new(key: impl Into<String>, value: impl Into<String>) -> Self {
        Self {
            key: Some(key.into()),
            value: Some(value.into()),
        }
    }
}

/// Answer of TagResource and UntagResource: an empty object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct TagResponse {}

/// Answer of ListTagsForResource, in one page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ListTagsForResourceResponse {
    /// All tags by key.
    pub tags: Vec<Tag>,
}
