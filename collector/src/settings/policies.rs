//! Resource policies: what may stand in them, their revisions and their number. Pure.
//!
//! Kept and never enforced. A policy that was deleted and put again begins with revision 1.
//! Source: `spec/api.md` section 5.

use radiograph_protocol::api::policies::{PutResourcePolicyRequest, ResourcePolicy};
use radiograph_protocol::api::{check_chars, required};
use radiograph_protocol::error::{ApiError, ApiErrorKind};
use radiograph_protocol::limits::{
    POLICIES_MAX, POLICIES_TOKEN_CHARS, POLICY_BYTES_MAX, POLICY_NAME_CHARS,
};
use radiograph_protocol::timestamp::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::lockout::locks_out;

/// All policies.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(super) struct PolicySet {
    /// By name.
    policies: Vec<StoredPolicy>,
}

/// A policy as it is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct StoredPolicy {
    name: String,
    document: String,
    revision: u64,
    updated: Timestamp,
}

/// A request whose members are all sound by themselves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Wanted {
    name: String,
    document: String,
    /// The revision that it expects, 0 for none at all.
    revision: Option<String>,
}

/// What a request asks for.
///
/// # Errors
/// `PolicySizeLimitExceededException`, `LockoutPreventionException`, and
/// `MalformedPolicyDocumentException` for everything else: the operation has no
/// `InvalidRequestException` (`spec/api.md` 1.5), and clients know no other class for it.
pub(super) fn checked(request: PutResourcePolicyRequest) -> Result<Wanted, ApiError> {
    let malformed = |error: ApiError| ApiError {
        kind: ApiErrorKind::MalformedPolicyDocument,
        ..error
    };
    let name = name(request.policy_name).map_err(malformed)?;
    let document = required(request.policy_document, "PolicyDocument").map_err(malformed)?;
    if document.len() > POLICY_BYTES_MAX {
        let message = format!("Policy document must have {POLICY_BYTES_MAX} bytes at most");
        return refused(ApiErrorKind::PolicySizeLimitExceeded, message);
    }
    let Ok(policy) = serde_json::from_str::<Map<String, Value>>(&document) else {
        let message = "Policy document is not a JSON object";
        return refused(ApiErrorKind::MalformedPolicyDocument, message);
    };
    let is_checked = request.bypass_policy_lockout_check != Some(true);
    if is_checked && locks_out(&policy) {
        let message = "The policy would keep everybody from calling PutResourcePolicy";
        return refused(ApiErrorKind::LockoutPrevention, message);
    }
    Ok(Wanted {
        name,
        document,
        revision: request.policy_revision_id,
    })
}

/// A policy's name.
///
/// # Errors
/// `InvalidRequestException` when it is missing, or cannot be one.
pub(super) fn name(name: Option<String>) -> Result<String, ApiError> {
    let name = required(name, "PolicyName")?;
    check_chars(&name, &POLICY_NAME_CHARS, "PolicyName")?;
    let is_allowed = |c: char| c.is_ascii_alphanumeric() || "_+=,.@-".contains(c);
    if !name.chars().all(is_allowed) {
        let message = "PolicyName must consist of letters, digits and the characters _+=,.@-";
        return Err(ApiError::invalid_request(message));
    }
    Ok(name)
}

/// The token of a list that has one page.
///
/// # Errors
/// `InvalidRequestException` when it has a length that no token has.
pub(super) fn check_token(token: Option<&str>) -> Result<(), ApiError> {
    token.map_or(Ok(()), |token| {
        check_chars(token, &POLICIES_TOKEN_CHARS, "NextToken")
    })
}

impl PolicySet {
    /// All of them, by name.
    pub(super) fn into_policies(self) -> Vec<ResourcePolicy> {
        self.policies.iter().map(StoredPolicy::shown).collect()
    }

    /// Adds a policy, or replaces the one of its name.
    ///
    /// # Errors
    /// `InvalidPolicyRevisionIdException` when another revision is expected than there is, and
    /// `PolicyCountLimitExceededException`.
    pub(super) fn put(
        &mut self,
        wanted: &Wanted,
        now: Timestamp,
    ) -> Result<ResourcePolicy, ApiError> {
        let place = self.place(&wanted.name);
        let known = place.ok().and_then(|at| self.policies.get(at));
        let revision = known.map_or(0, |known| known.revision);
        expect(wanted.revision.as_deref(), revision)?;
        if known.is_none() && self.policies.len() >= POLICIES_MAX {
            let message = format!("There may be {POLICIES_MAX} resource policies at most");
            return refused(ApiErrorKind::PolicyCountLimitExceeded, message);
        }
        let policy = StoredPolicy {
            name: wanted.name.clone(),
            document: wanted.document.clone(),
            revision: revision.saturating_add(1),
            updated: now,
        };
        let shown = policy.shown();
        let (Ok(at) | Err(at)) = place;
        let replaced = at..at + usize::from(place.is_ok());
        self.policies.splice(replaced, [policy]);
        Ok(shown)
    }

    /// Removes a policy.
    ///
    /// # Errors
    /// `InvalidRequestException` when there is none of that name, and
    /// `InvalidPolicyRevisionIdException` when another revision is expected than there is.
    pub(super) fn delete(&mut self, name: &str, revision: Option<&str>) -> Result<(), ApiError> {
        let known = self.policies.iter().find(|policy| policy.name == name);
        let Some(known) = known else {
            return Err(ApiError::invalid_request("Resource policy not found"));
        };
        expect(revision, known.revision)?;
        self.policies.retain(|policy| policy.name != name);
        Ok(())
    }

    /// Where the policy of a name is, or would be.
    fn place(&self, name: &str) -> Result<usize, usize> {
        let by_name = |policy: &StoredPolicy| policy.name.as_str().cmp(name);
        self.policies.binary_search_by(by_name)
    }
}

impl StoredPolicy {
    fn shown(&self) -> ResourcePolicy {
        ResourcePolicy {
            policy_name: self.name.clone(),
            policy_document: self.document.clone(),
            policy_revision_id: self.revision.to_string(),
            last_updated_time: self.updated,
        }
    }
}

/// Compared as texts: `01` and `+1` are no revisions that were ever given out.
fn expect(wanted: Option<&str>, revision: u64) -> Result<(), ApiError> {
    if wanted.is_none_or(|wanted| wanted == revision.to_string()) {
        return Ok(());
    }
    let message = "Policy revision id does not match the latest revision";
    refused(ApiErrorKind::InvalidPolicyRevisionId, message)
}

fn refused<T>(kind: ApiErrorKind, message: impl Into<String>) -> Result<T, ApiError> {
    let message = message.into();
    Err(ApiError { kind, message })
}

#[cfg(test)]
mod tests;
