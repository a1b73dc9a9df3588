//! The encryption configuration: what may stand in it, and how it is shown. Pure.
//!
//! It is kept for those who read it back, such as deployment tools. The collector has no access to a
//! key service and encrypts nothing. Source: `spec/api.md` section 5.

use radiograph_protocol::api::settings::{
    EncryptionConfig, EncryptionConfigResponse, PutEncryptionConfigRequest,
};
use radiograph_protocol::api::{check_chars, required};
use radiograph_protocol::error::ApiError;
use radiograph_protocol::limits::ENCRYPTION_KEY_CHARS;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// What a change answers.
pub(super) const UPDATING: &str = "UPDATING";
/// What reading answers.
pub(super) const ACTIVE: &str = "ACTIVE";

/// The configuration as it is kept.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(super) enum StoredEncryption {
    /// `NONE`.
    #[default]
    None,
    /// `KMS`, with the key as it was given.
    Kms(String),
}

impl StoredEncryption {
    pub(super) const fn names_a_key(&self) -> bool {
        matches!(self, Self::Kms(_))
    }

    pub(super) fn shown(&self, status: &'static str) -> EncryptionConfigResponse {
        let (kind, key_id) = match self {
            Self::None => ("NONE", None),
            Self::Kms(key) => ("KMS", Some(key.clone())),
        };
        EncryptionConfigResponse {
            encryption_config: EncryptionConfig {
                key_id,
                status,
                kind,
            },
            radiograph_encrypts_at_rest: false,
        }
    }
}

/// The configuration that a request asks for. A key beside `NONE` is not kept: AWS asks to leave it
/// out, and tools that forget to do so mean `NONE`.
///
/// # Errors
/// `InvalidRequestException` for the first unsound member.
pub(super) fn checked(request: PutEncryptionConfigRequest) -> Result<StoredEncryption, ApiError> {
    let kind = required(request.kind, "Type")?;
    if let Some(key_id) = &request.key_id {
        check_chars(key_id, &ENCRYPTION_KEY_CHARS, "KeyId")?;
    }
    match (kind.as_str(), request.key_id) {
        ("NONE", _) => Ok(StoredEncryption::None),
        ("KMS", None) => Err(ApiError::invalid_request(
            "KeyId must not be null when Type is KMS",
        )),
        ("KMS", Some(key)) if is_key(&key) => Ok(StoredEncryption::Kms(key)),
        ("KMS", Some(_)) => Err(ApiError::invalid_request(
            "KeyId must be an alias, an id or an ARN of a KMS key",
        )),
        _ => Err(ApiError::invalid_request("Type must be one of [NONE, KMS]")),
    }
}

fn is_key(key: &str) -> bool {
    is_alias(key) || is_id(key) || is_arn(key)
}

/// `alias/` and a name.
fn is_alias(text: &str) -> bool {
    let is_allowed = |c: char| c.is_ascii_alphanumeric() || "/_-".contains(c);
    let name = text.strip_prefix("alias/");
    name.is_some_and(|name| !name.is_empty() && name.chars().all(is_allowed))
}

/// A UUID with hyphens, or the id of a key of several regions.
fn is_id(text: &str) -> bool {
    if let Some(digits) = text.strip_prefix("mrk-") {
        return digits.len() == 32 && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    }
    text.len() == 36 && Uuid::try_parse(text).is_ok()
}

/// `arn:<partition>:kms:<region>:<account>:` and `key/` with an id, or an alias.
fn is_arn(text: &str) -> bool {
    let parts: Vec<&str> = text.splitn(6, ':').collect();
    let ["arn", partition, "kms", region, account, resource] = *parts else {
        return false;
    };
    let is_account = account.len() == 12 && account.bytes().all(|byte| byte.is_ascii_digit());
    let is_resource = resource.strip_prefix("key/").is_some_and(is_id) || is_alias(resource);
    !partition.is_empty() && !region.is_empty() && is_account && is_resource
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(kind: Option<&str>, key: Option<&str>) -> Result<StoredEncryption, String> {
        let request = PutEncryptionConfigRequest {
            key_id: key.map(str::to_owned),
            kind: kind.map(str::to_owned),
        };
        checked(request).map_err(|error| error.message)
    }

    #[test]
    fn each_form_of_a_key_is_kept_as_it_was_given() {
        for key in [
            "alias/aws/xray",
            "alias/a",
            "1234abcd-12ab-34cd-56ef-1234567890ab",
            "mrk-1234abcd12ab34cd56ef1234567890ab",
            "arn:aws:kms:us-east-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab",
            "arn:aws-cn:kms:cn-north-1:111122223333:alias/MyKey",
        ] {
            let kept = StoredEncryption::Kms(key.to_owned());
            assert_eq!(check(Some("KMS"), Some(key)), Ok(kept), "{key}");
        }
        let longest = format!("alias/{}", "k".repeat(2994));
        let kept = StoredEncryption::Kms(longest.clone());
        assert_eq!(check(Some("KMS"), Some(&longest)), Ok(kept));
        assert_eq!(check(Some("NONE"), None), Ok(StoredEncryption::None));
        let with_key = check(Some("NONE"), Some("alias/a"));
        assert_eq!(with_key, Ok(StoredEncryption::None));
    }

    #[test]
    fn each_unsound_request_is_refused_by_name() {
        let no_key = "KeyId must be an alias, an id or an ARN of a KMS key";
        let length = "KeyId must have 1 to 3000 characters";
        let too_long = format!("alias/{}", "k".repeat(2995));
        let rows = [
            (None, None, "Type must not be null"),
            (Some("none"), None, "Type must be one of [NONE, KMS]"),
            (Some("KMS"), None, "KeyId must not be null when Type is KMS"),
            (Some("KMS"), Some(""), length),
            (Some("KMS"), Some(&too_long), length),
            (Some("NONE"), Some(""), length),
            (Some("KMS"), Some("alias/"), no_key),
            (Some("KMS"), Some("alias/a b"), no_key),
            (
                Some("KMS"),
                Some("1234abcd12ab34cd56ef1234567890ab"),
                no_key,
            ),
            (Some("KMS"), Some("mrk-1234"), no_key),
            (
                Some("KMS"),
                Some("arn:aws:kms:us-east-1:1111:alias/a"),
                no_key,
            ),
            (
                Some("KMS"),
                Some("arn:aws:s3:us-east-1:111122223333:alias/a"),
                no_key,
            ),
        ];
        for (kind, key, message) in rows {
            assert_eq!(
                check(kind, key),
                Err(message.to_owned()),
                "{kind:?} {key:?}"
            );
        }
    }
}
