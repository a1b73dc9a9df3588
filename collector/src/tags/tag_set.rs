//! The tags of one resource, and what tags may be like. Pure. Source: `spec/api.md` section 4.5.

use std::collections::BTreeMap;

use radiograph_protocol::api::tags::Tag;
use radiograph_protocol::api::{check_chars, required};
use radiograph_protocol::error::{ApiError, ApiErrorKind};
use radiograph_protocol::limits::{
    TAG_KEY_CHARS, TAG_VALUE_CHARS_MAX, TAGS_PER_CALL_MAX, TAGS_PER_RESOURCE_MAX,
};
use serde::{Deserialize, Serialize};

/// The tags of a resource by key, at most [`TAGS_PER_RESOURCE_MAX`].
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TagSet {
    by_key: BTreeMap<String, String>,
}

impl TagSet {
    /// The tags that a resource is made with.
    ///
    /// # Errors
    /// As [`TagSet::add`] and [`checked`].
    pub(crate) fn checked(tags: Vec<Tag>, resource_name: &str) -> Result<Self, ApiError> {
        let mut made = Self::default();
        made.add(&checked(tags)?, resource_name)?;
        Ok(made)
    }

    /// Takes tags in; one whose key is there already replaces it.
    ///
    /// # Errors
    /// `TooManyTagsException` with `resource_name` when there would be too many in total; then none is
    /// taken in.
    pub(crate) fn add(
        &mut self,
        tags: &BTreeMap<String, String>,
        resource_name: &str,
    ) -> Result<(), ApiError> {
        let is_new = |key: &&String| !self.by_key.contains_key(*key);
        let total = self.by_key.len() + tags.keys().filter(is_new).count();
        if total > TAGS_PER_RESOURCE_MAX {
            return Err(ApiError {
                kind: ApiErrorKind::TooManyTags {
                    resource_name: resource_name.to_owned(),
                },
                message: format!("Exceeding maximum tag count: {TAGS_PER_RESOURCE_MAX}"),
            });
        }
        let tags = tags.iter();
        self.by_key
            .extend(tags.map(|(key, value)| (key.clone(), value.clone())));
        Ok(())
    }

    /// Takes the tags of these keys away, as far as they are there.
    pub(crate) fn remove(&mut self, keys: &[String]) {
        for key in keys {
            self.by_key.remove(key);
        }
    }

    /// The tags by key, as answers show them.
    pub(crate) fn shown(&self) -> Vec<Tag> {
        let tags = self.by_key.iter();
        tags.map(|(key, value)| Tag::new(key, value)).collect()
    }
}

/// The tags of one call by key.
///
/// # Errors
/// `InvalidRequestException` for too many tags, a key given twice, and any key or value that may not
/// be one.
pub(super) fn checked(tags: Vec<Tag>) -> Result<BTreeMap<String, String>, ApiError> {
    at_most_per_call(tags.len(), "Tags")?;
    let refused = |message: &str| Err(ApiError::invalid_request(message));
    let mut by_key = BTreeMap::new();
    for tag in tags {
        let key = required(tag.key, "Key")?;
        let value = required(tag.value, "Value")?;
        check_chars(&key, &TAG_KEY_CHARS, "Key")?;
        if value.chars().count() > TAG_VALUE_CHARS_MAX {
            let message = format!("Value must have at most {TAG_VALUE_CHARS_MAX} characters");
            return refused(&message);
        }
        if key.starts_with("aws:") {
            return refused("Tag keys must not begin with aws:");
        }
        if !key.chars().chain(value.chars()).all(is_allowed) {
            return refused("Tags must consist of letters, digits, spaces and _.:/=+-@");
        }
        if by_key.insert(key, value).is_some() {
            return refused("Containing duplicate tag keys");
        }
    }
    Ok(by_key)
}

/// The keys of the tags to take away; they may name what is not there.
///
/// # Errors
/// `InvalidRequestException` for too many keys, and for a length that no key has.
pub(super) fn checked_keys(keys: Vec<String>) -> Result<Vec<String>, ApiError> {
    at_most_per_call(keys.len(), "TagKeys")?;
    for key in &keys {
        check_chars(key, &TAG_KEY_CHARS, "Key")?;
    }
    Ok(keys)
}

fn at_most_per_call(count: usize, member: &str) -> Result<(), ApiError> {
    let refused = || format!("{member} must have at most {TAGS_PER_CALL_MAX} elements");
    (count <= TAGS_PER_CALL_MAX)
        .then_some(())
        .ok_or_else(|| ApiError::invalid_request(refused()))
}

fn is_allowed(character: char) -> bool {
    character.is_alphanumeric() || character == ' ' || "_.:/=+-@".contains(character)
}

#[cfg(test)]
mod tests;
