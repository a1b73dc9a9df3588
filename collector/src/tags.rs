//! Tags of groups and sampling rules, the two that have ARNs.
//!
//! A resource keeps its tags in its own record, so that they vanish with it; here is who is meant and
//! what may be said. Source: `spec/api.md` section 4.5.

use radiograph_protocol::api::tags::{
    ListTagsForResourceRequest, ListTagsForResourceResponse, TagResourceRequest, TagResponse,
    UntagResourceRequest,
};
use radiograph_protocol::api::{check_chars, required};
use radiograph_protocol::error::{ApiError, ApiErrorKind};
use radiograph_protocol::limits::TAGGED_ARN_CHARS;

use crate::error::ServiceError;
use crate::groups::Groups;
use crate::sampling::Rules;

mod tag_set;

pub use tag_set::TagSet;

/// What stands in the ARNs of sampling rules and in no other.
const RULE_MARK: &str = ":sampling-rule/";

/// The service. Cheap to clone.
#[derive(Clone)]
pub struct Tags {
    groups: Groups,
    rules: Rules,
}

impl Tags {
    /// The tags of these resources.
    #[must_use]
    pub const fn new(groups: Groups, rules: Rules) -> Self {
        Self { groups, rules }
    }

    /// TagResource: a tag whose key is there already replaces it.
    ///
    /// # Errors
    /// When a member is missing or unsound, nothing has the ARN, it would have too many tags, or the
    /// store cannot be used.
    pub async fn tag(&self, request: TagResourceRequest) -> Result<TagResponse, ServiceError> {
        let arn = arn(request.resource_arn)?;
        let tags = tag_set::checked(required(request.tags, "Tags")?)?;
        self.change(&arn, |set| set.add(&tags, &arn)).await
    }

    /// UntagResource: keys that are not there are passed over.
    ///
    /// # Errors
    /// When a member is missing or unsound, nothing has the ARN, or the store cannot be used.
    pub async fn untag(&self, request: UntagResourceRequest) -> Result<TagResponse, ServiceError> {
        let arn = arn(request.resource_arn)?;
        let keys = tag_set::checked_keys(required(request.tag_keys, "TagKeys")?)?;
        let remove = |set: &mut TagSet| {
            set.remove(&keys);
            Ok(())
        };
        self.change(&arn, remove).await
    }

    /// ListTagsForResource: all of them in one page.
    ///
    /// # Errors
    /// When the ARN is missing or nothing has it, or the store cannot be read.
    pub async fn list(
        &self,
        request: ListTagsForResourceRequest,
    ) -> Result<ListTagsForResourceResponse, ServiceError> {
        let arn = arn(request.resource_arn)?;
        let found = if arn.contains(RULE_MARK) {
            self.rules.tags(&arn).await?
        } else {
            self.groups.tags(&arn).await?
        };
        let tags = found.ok_or_else(|| not_found(&arn))?.shown();
        Ok(ListTagsForResourceResponse { tags })
    }

    async fn change(
        &self,
        arn: &str,
        act: impl FnMut(&mut TagSet) -> Result<(), ApiError>,
    ) -> Result<TagResponse, ServiceError> {
        if arn.contains(RULE_MARK) {
            self.rules.change_tags(arn, act).await?;
        } else {
            self.groups.change_tags(arn, act).await?;
        }
        Ok(TagResponse {})
    }
}

fn arn(given: Option<String>) -> Result<String, ApiError> {
    let arn = required(given, "ResourceARN")?;
    check_chars(&arn, &TAGGED_ARN_CHARS, "ResourceARN")?;
    Ok(arn)
}

/// What is answered about an ARN that nothing has.
pub(crate) fn not_found(arn: &str) -> ApiError {
    ApiError {
        kind: ApiErrorKind::ResourceNotFound {
            resource_name: arn.to_owned(),
        },
        message: "Resource not found".to_owned(),
    }
}

#[cfg(test)]
mod tests;
