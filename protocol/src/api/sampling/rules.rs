//! CreateSamplingRule, UpdateSamplingRule and DeleteSamplingRule: requests and answers.
//!
//! Requests say what was given; whether that makes a rule is the collector's to say, which knows the
//! others. Source: `spec/api.md` sections 3.3 and 4.2.

use std::collections::BTreeMap;

use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};

use super::SamplingRuleRecord;
use crate::api::tags::Tag;

/// Request of CreateSamplingRule.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct CreateSamplingRuleRequest {
    /// The new rule; required. Its ARN is ignored.
    #[serde(default, deserialize_with = "object")]
    pub sampling_rule: Option<RuleMembers>,
    /// Its first tags.
    pub tags: Option<Vec<Tag>>,
}

/// Request of UpdateSamplingRule.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct UpdateSamplingRuleRequest {
    /// The rule by name or ARN, and what is to become of it; required. Its version is ignored.
    #[serde(default, deserialize_with = "object")]
    pub sampling_rule_update: Option<RuleMembers>,
}

/// Request of DeleteSamplingRule: the rule by name or ARN.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct DeleteSamplingRuleRequest {
    /// By name.
    pub rule_name: Option<String>,
    /// By ARN.
    #[serde(rename = "RuleARN")]
    pub rule_arn: Option<String>,
}

/// The members of a rule as a request gives them, none of them checked.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct RuleMembers {
    /// The name of the rule to create or change.
    pub rule_name: Option<String>,
    /// The ARN of the rule to change.
    #[serde(rename = "RuleARN")]
    pub rule_arn: Option<String>,
    /// Pattern of the ARN of the resource the service runs on.
    #[serde(rename = "ResourceARN")]
    pub resource_arn: Option<String>,
    /// Lower ones are tried first.
    pub priority: Option<i64>,
    /// Share of the requests to record once the reservoir is used up.
    pub fixed_rate: Option<f64>,
    /// Requests per second to record before the fixed rate applies, over all clients.
    pub reservoir_size: Option<i64>,
    /// Pattern of the name the service gives itself.
    pub service_name: Option<String>,
    /// Pattern of its origin.
    pub service_type: Option<String>,
    /// Pattern of the `Host` header.
    pub host: Option<String>,
    /// Pattern of the request's method.
    #[serde(rename = "HTTPMethod")]
    pub http_method: Option<String>,
    /// Pattern of the request's path, without the query.
    #[serde(rename = "URLPath")]
    pub url_path: Option<String>,
    /// Version of the rule's format.
    pub version: Option<i64>,
    /// Patterns by attribute name; one that is `null` counts as absent.
    pub attributes: Option<BTreeMap<String, Option<String>>>,
    /// How far the rate may be raised while anomalies go unrecorded.
    #[serde(default, deserialize_with = "object")]
    pub sampling_rate_boost: Option<SamplingRateBoostMembers>,
}

/// The members of a boost as a request gives them, none of them checked.
#[derive(Debug, Clone, Copy, PartialEq, Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct SamplingRateBoostMembers {
    /// The highest rate the rule's may be raised to; required.
    pub max_rate: Option<f64>,
    /// Minutes from the start of one raise to the earliest start of the next; required.
    pub cooldown_window_minutes: Option<i64>,
}

/// Answer of CreateSamplingRule, UpdateSamplingRule and DeleteSamplingRule.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct SamplingRuleRecordResponse {
    /// The rule as it is now, or was before it was deleted.
    pub sampling_rule_record: SamplingRuleRecord,
}

/// By way of a map: serde reads structs from arrays as well and refuses repeated members, the protocol
/// does neither.
fn object<'de, D: Deserializer<'de>, T: DeserializeOwned>(from: D) -> Result<Option<T>, D::Error> {
    let members: Option<Map<String, Value>> = Option::deserialize(from)?;
    let members = members.map(|members| serde_json::from_value(Value::Object(members)));
    members.transpose().map_err(D::Error::custom)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::decode;
    use crate::error::ApiErrorKind;

    #[test]
    fn members_that_are_null_count_as_absent() {
        let body = br#"{"SamplingRule":{"RuleName":"pay","Priority":null,"Attributes":{"a":null},
            "SamplingRateBoost":null,"Colour":"red"},"Tags":null}"#;
        let request: CreateSamplingRuleRequest = decode(body).unwrap();
        let expected = RuleMembers {
            rule_name: Some("pay".to_owned()),
            attributes: Some(BTreeMap::from([("a".to_owned(), None)])),
            ..RuleMembers::default()
        };
        assert_eq!(request.sampling_rule, Some(expected));
        assert_eq!(request.tags, None);
        let none: CreateSamplingRuleRequest = decode(b"{\"SamplingRule\":null}").unwrap();
        assert_eq!(none, CreateSamplingRuleRequest::default());
    }

    #[test]
    fn the_last_of_a_repeated_member_counts() {
        let body = br#"{"SamplingRuleUpdate":{"Priority":1,"Priority":2}}"#;
        let request: UpdateSamplingRuleRequest = decode(body).unwrap();
        assert_eq!(request.sampling_rule_update.unwrap().priority, Some(2));
    }

    #[test]
    fn members_of_a_wrong_type_are_serialization_errors() {
        for rule in [
            r"[]",
            r#""pay""#,
            r#"{"RuleName":5}"#,
            r#"{"Priority":"5"}"#,
            r#"{"Priority":5.5}"#,
            r#"{"FixedRate":"NaN"}"#,
            r#"{"Attributes":[]}"#,
            r#"{"Attributes":{"a":1}}"#,
            r#"{"SamplingRateBoost":[0.5,10]}"#,
            r#"{"SamplingRateBoost":{"MaxRate":"1"}}"#,
        ] {
            let body = format!(r#"{{"SamplingRule":{rule}}}"#);
            let refused = decode::<CreateSamplingRuleRequest>(body.as_bytes()).unwrap_err();
            assert_eq!(refused.kind, ApiErrorKind::Serialization, "{rule}");
        }
    }
}
