//! The tags that a group is made with. Pure. Source: `spec/api.md` section 4.5.

use std::collections::BTreeMap;

use radiograph_protocol::api::groups::Tag;
use radiograph_protocol::api::required;
use radiograph_protocol::error::ApiError;
use radiograph_protocol::limits::{TAG_KEY_CHARS, TAG_VALUE_CHARS_MAX, TAGS_PER_RESOURCE_MAX};

/// The tags by key.
///
/// # Errors
/// `InvalidRequestException` for too many tags, a key given twice, and any key or value that may not
/// be one.
pub(super) fn checked(tags: Vec<Tag>) -> Result<BTreeMap<String, String>, ApiError> {
    let refused = |message: String| Err(ApiError::invalid_request(message));
    if tags.len() > TAGS_PER_RESOURCE_MAX {
        return refused(format!(
            "Exceeding maximum tag count: {TAGS_PER_RESOURCE_MAX}"
        ));
    }
    let mut by_key = BTreeMap::new();
    for tag in tags {
        let key = required(tag.key, "Key")?;
        let value = required(tag.value, "Value")?;
        if !TAG_KEY_CHARS.contains(&key.chars().count()) {
            let (least, most) = (TAG_KEY_CHARS.start(), TAG_KEY_CHARS.end());
            return refused(format!("Key must have {least} to {most} characters"));
        }
        if value.chars().count() > TAG_VALUE_CHARS_MAX {
            return refused(format!(
                "Value must have at most {TAG_VALUE_CHARS_MAX} characters"
            ));
        }
        if key.starts_with("aws:") {
            return refused("Tag keys must not begin with aws:".to_owned());
        }
        if !key.chars().chain(value.chars()).all(is_allowed) {
            return refused("Tags must consist of letters, digits, spaces and _.:/=+-@".to_owned());
        }
        if by_key.insert(key, value).is_some() {
            return refused("Containing duplicate tag keys".to_owned());
        }
    }
    Ok(by_key)
}

fn is_allowed(character: char) -> bool {
    character.is_alphanumeric() || character == ' ' || "_.:/=+-@".contains(character)
}
