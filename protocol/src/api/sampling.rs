//! GetSamplingRules, GetSamplingTargets and GetSamplingStatisticSummaries: requests and answers.
//!
//! Requests are read leniently and then checked; answers fill every member that a
//! client reads without looking, print integers without a decimal point, and are byte-stable: equal
//! values give equal bytes. Source: `spec/api.md` 1.4, 3.3, 3.4 and 4.3.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::sampling::SamplingRule;
use crate::timestamp::Timestamp;

mod request;
mod rules;

pub use request::{
    BoostStatisticsDocument, GetSamplingRulesRequest, GetSamplingStatisticSummariesRequest,
    GetSamplingTargetsRequest, StatisticsDocument,
};
pub use rules::{
    CreateSamplingRuleRequest, DeleteSamplingRuleRequest, RuleMembers, SamplingRateBoostMembers,
    SamplingRuleRecordResponse, UpdateSamplingRuleRequest,
};

/// All rules in one page, without `NextToken`: no client asks for a second one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct GetSamplingRulesResponse {
    /// The rules in the order in which they are tried.
    pub sampling_rule_records: Vec<SamplingRuleRecord>,
}

/// A rule and when it was made and changed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct SamplingRuleRecord {
    /// The rule.
    pub sampling_rule: SamplingRule,
    /// When it was created; the epoch for the Default rule.
    pub created_at: Timestamp,
    /// When it was last changed; for the Default rule the epoch until somebody edits it.
    pub modified_at: Timestamp,
}

/// What each reporting client may record until its next report. All members are always written.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct GetSamplingTargetsResponse {
    /// One target per processed document, in the order of the documents.
    pub sampling_target_documents: Vec<SamplingTargetDocument>,
    /// When a rule was last created, changed or deleted, rounded up.
    pub last_rule_modification: WholeSeconds,
    /// The documents that were not processed.
    pub unprocessed_statistics: Vec<UnprocessedStatistics>,
    /// The boost documents that were not processed.
    #[serde(default)]
    pub unprocessed_boost_statistics: Vec<UnprocessedStatistics>,
}

/// What one client may record under one rule.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct SamplingTargetDocument {
    /// The rule.
    pub rule_name: String,
    /// The rule's current rate; clients overwrite theirs with it.
    pub fixed_rate: f64,
    /// The lease; without it a new client goes on borrowing.
    #[serde(flatten)]
    pub reservoir: Option<ReservoirQuota>,
    /// Seconds until the next report.
    pub interval: u32,
    /// The rate to use instead while anomalies go unrecorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sampling_boost: Option<SamplingBoost>,
}

/// A quota with its end: clients misread one without the other, so they are written together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReservoirQuota {
    /// Requests per second.
    #[serde(rename = "ReservoirQuota")]
    pub quota: u32,
    /// Until when it holds.
    #[serde(rename = "ReservoirQuotaTTL")]
    pub ttl: WholeSeconds,
}

/// A temporarily raised rate (`spec/sampling.md` section 8).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct SamplingBoost {
    /// The rate, 0 to 1.
    #[serde(rename = "BoostRate")]
    pub rate: f64,
    /// Until when it holds.
    #[serde(rename = "BoostRateTTL")]
    pub ttl: WholeSeconds,
}

/// A document that was not processed, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct UnprocessedStatistics {
    /// The rule it named.
    pub rule_name: String,
    /// An HTTP status as text; one that begins with `4` makes Go clients reload their rules.
    pub error_code: String,
    /// The reason.
    pub message: String,
}

/// The recent use of every rule that saw reports.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct GetSamplingStatisticSummariesResponse {
    /// One entry per rule, by name.
    pub sampling_statistic_summaries: Vec<SamplingStatisticSummary>,
}

/// The reports of all clients for one rule within one window of ten seconds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct SamplingStatisticSummary {
    /// The rule.
    pub rule_name: String,
    /// Start of the window.
    pub timestamp: WholeSeconds,
    /// Requests that matched the rule.
    pub request_count: u64,
    /// Requests recorded by borrowing.
    pub borrow_count: u64,
    /// Requests recorded, with or without the borrowed ones as the clients count.
    pub sampled_count: u64,
}

/// A time in whole epoch seconds, written as an integer: clients compare such times by the second,
/// and the Go SDK reads them no other way. Read from any JSON number, rounded down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct WholeSeconds(pub i64);

impl Serialize for WholeSeconds {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_i64(self.0)
    }
}

impl<'de> Deserialize<'de> for WholeSeconds {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Timestamp::deserialize(deserializer).map(|time| Self(time.seconds_floor()))
    }
}

#[cfg(test)]
mod tests;
