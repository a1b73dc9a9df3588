//! Encryption configuration, indexing rules and the destination of segments.
//! Source: `spec/api.md` section 5.

use serde::{Deserialize, Serialize};

use crate::timestamp::Timestamp;

/// Request of PutEncryptionConfig.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct PutEncryptionConfigRequest {
    /// The key: an alias, an id or an ARN; required for `KMS`.
    pub key_id: Option<String>,
    /// `NONE` or `KMS`; required.
    #[serde(rename = "Type")]
    pub kind: Option<String>,
}

/// Answer of GetEncryptionConfig and PutEncryptionConfig.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct EncryptionConfigResponse {
    /// What was asked for.
    pub encryption_config: EncryptionConfig,
    /// Radiograph's own: whether the collector encrypts what it writes. X-Ray's shape has no member
    /// that could say that a key is kept and not used.
    pub radiograph_encrypts_at_rest: bool,
}

/// How segments are to be encrypted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct EncryptionConfig {
    /// The key as it was given; absent for `NONE`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key_id: Option<String>,
    /// `UPDATING` or `ACTIVE`.
    pub status: &'static str,
    /// `NONE` or `KMS`.
    #[serde(rename = "Type")]
    pub kind: &'static str,
}

/// Request of GetIndexingRules; its token is ignored, since there is one page.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct GetIndexingRulesRequest {
    /// Where to go on.
    pub next_token: Option<String>,
}

/// Answer of GetIndexingRules, in one page.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct GetIndexingRulesResponse {
    /// The one rule there is.
    pub indexing_rules: Vec<IndexingRule>,
}

/// Request of UpdateIndexingRule.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct UpdateIndexingRuleRequest {
    /// The rule; required.
    pub name: Option<String>,
    /// What it is to be; required.
    pub rule: Option<IndexingRuleUpdate>,
}

/// What an indexing rule is to be: exactly one member.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct IndexingRuleUpdate {
    /// The only kind.
    pub probabilistic: Option<ProbabilisticUpdate>,
}

/// The share of traces to index.
#[derive(Debug, Clone, Copy, PartialEq, Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ProbabilisticUpdate {
    /// In percent; required.
    pub desired_sampling_percentage: Option<f64>,
}

/// Answer of UpdateIndexingRule.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct UpdateIndexingRuleResponse {
    /// The rule as it is now.
    pub indexing_rule: IndexingRule,
}

/// An indexing rule.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct IndexingRule {
    /// Its name.
    pub name: &'static str,
    /// When it was changed; absent when it never was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub modified_at: Option<Timestamp>,
    /// What it does.
    pub rule: IndexingRuleValue,
}

/// What an indexing rule does.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct IndexingRuleValue {
    /// The only kind.
    pub probabilistic: Probabilistic,
}

/// The share of traces that are indexed, in percent.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Probabilistic {
    /// As asked for.
    pub desired_sampling_percentage: f64,
    /// As it is done.
    pub actual_sampling_percentage: f64,
}

/// Request of UpdateTraceSegmentDestination; what is absent stays as it is.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct UpdateTraceSegmentDestinationRequest {
    /// `XRay` or `CloudWatchLogs`.
    pub destination: Option<String>,
    /// Only for `CloudWatchLogs`.
    pub cloud_watch_logs_configuration: Option<CloudWatchLogsConfiguration>,
}

/// How spans are to be kept in CloudWatch Logs.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct CloudWatchLogsConfiguration {
    /// The key of the log group.
    pub spans_log_group_kms_key_id: Option<String>,
}

/// Answer of GetTraceSegmentDestination and UpdateTraceSegmentDestination.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct TraceSegmentDestinationResponse {
    /// `XRay` or `CloudWatchLogs`.
    pub destination: &'static str,
    /// Always `ACTIVE`: there is nothing to set up.
    pub status: &'static str,
}
