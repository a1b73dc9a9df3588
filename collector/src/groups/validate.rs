//! What a group may be like. Pure. Source: `spec/api.md` section 4.4.

use radiograph_protocol::api::groups::{CreateGroupRequest, InsightsConfiguration};
use radiograph_protocol::api::{check_chars, required};
use radiograph_protocol::error::ApiError;
use radiograph_protocol::limits::NAME_OF_RULE_OR_GROUP_CHARS;

use super::arn::Home;
use super::group_set::{DEFAULT_NAME, StoredGroup, refused, reserved};
use crate::filter;
use crate::tags::TagSet;

/// The group that CreateGroup asks for; `random` tells its ARN apart.
///
/// # Errors
/// `InvalidRequestException` for the first unsound member.
pub(super) fn new_group(
    request: CreateGroupRequest,
    home: &Home,
    random: [u8; 32],
) -> Result<StoredGroup, ApiError> {
    let name = name(required(request.group_name, "GroupName")?)?;
    let tags = TagSet::checked(request.tags.unwrap_or_default(), &name)?;
    Ok(StoredGroup {
        arn: home.group(&name, random),
        name,
        filter_expression: filter(request.filter_expression)?,
        insights: insights(request.insights_configuration)?.unwrap_or_default(),
        tags,
    })
}

fn name(name: String) -> Result<String, ApiError> {
    if name == DEFAULT_NAME {
        return Err(reserved());
    }
    check_chars(&name, &NAME_OF_RULE_OR_GROUP_CHARS, "GroupName")?;
    let is_allowed = |character: char| character.is_ascii_alphanumeric() || character == '-';
    if !name.chars().all(is_allowed) {
        let message = "GroupName must consist of letters, digits and hyphens";
        return Err(ApiError::invalid_request(message));
    }
    Ok(name)
}

/// A given filter expression has to be one, and to say something.
///
/// # Errors
/// `InvalidRequestException` when it is blank, does not parse, or names a group.
pub(super) fn filter(text: Option<String>) -> Result<Option<String>, ApiError> {
    let Some(text) = text else {
        return Ok(None);
    };
    if text.trim().is_empty() {
        return Err(ApiError::invalid_request("Filter Expression is empty"));
    }
    filter::parse_group(&text).map_err(|error| refused(&error))?;
    Ok(Some(text))
}

/// Nobody can be told of what nobody looks for.
///
/// # Errors
/// `InvalidRequestException` when notifications are enabled without insights.
pub(super) fn insights(
    given: Option<InsightsConfiguration>,
) -> Result<Option<InsightsConfiguration>, ApiError> {
    let is_unsound =
        given.is_some_and(|given| given.notifications_enabled && !given.insights_enabled);
    if is_unsound {
        let message = "NotificationsEnabled requires InsightsEnabled";
        return Err(ApiError::invalid_request(message));
    }
    Ok(given)
}
