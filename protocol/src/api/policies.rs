//! Resource policies. Source: `spec/api.md` section 5.

use serde::{Deserialize, Serialize};

use crate::timestamp::Timestamp;

/// Request of PutResourcePolicy.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct PutResourcePolicyRequest {
    /// Which policy; required.
    pub policy_name: Option<String>,
    /// JSON text; required.
    pub policy_document: Option<String>,
    /// The revision that is to be replaced; `0` when there must be none.
    pub policy_revision_id: Option<String>,
    /// Put it even when it keeps everybody from changing it.
    pub bypass_policy_lockout_check: Option<bool>,
}

/// Answer of PutResourcePolicy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct PutResourcePolicyResponse {
    /// The policy as it is now.
    pub resource_policy: ResourcePolicy,
}

/// A resource policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ResourcePolicy {
    /// Its name.
    pub policy_name: String,
    /// JSON text, as it was given.
    pub policy_document: String,
    /// A decimal number from 1 on.
    pub policy_revision_id: String,
    /// When it was put.
    pub last_updated_time: Timestamp,
}

/// Request of ListResourcePolicies; its token is ignored, since there is one page.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ListResourcePoliciesRequest {
    /// Where to go on.
    pub next_token: Option<String>,
}

/// Answer of ListResourcePolicies, in one page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ListResourcePoliciesResponse {
    /// All of them, by name.
    pub resource_policies: Vec<ResourcePolicy>,
}

/// Request of DeleteResourcePolicy.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct DeleteResourcePolicyRequest {
    /// Which policy; required.
    pub policy_name: Option<String>,
    /// The revision that is to be deleted; any when absent.
    pub policy_revision_id: Option<String>,
}

/// Answer of DeleteResourcePolicy: an empty object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct DeleteResourcePolicyResponse {}
