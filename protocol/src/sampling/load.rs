//! Reading the rules that a server sent, as a client does: a rule it cannot use is left out, the
//! others stand.
//!
//! Lenient where the answer's shape allows it, since one odd rule must not cost a client all rules.
//! Which rules are discarded: `spec/sampling.md` section 2, last paragraph.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use super::rule::{SamplingRateBoost, SamplingRule};
use crate::api::sampling::SamplingRuleRecord;
use crate::timestamp::Timestamp;

/// The rules of an answer, in the order in which they are tried, and what was left out.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct LoadedRules {
    /// Usable rules, ordered by [`SamplingRule::compare`]; absent times are the epoch.
    pub records: Vec<SamplingRuleRecord>,
    /// Rules left out, in the answer's order: the name, where there is one, and why.
    pub discarded: Vec<(Option<String>, Discard)>,
}

/// Why a client cannot use a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Discard {
    /// A member has a JSON type, sign or size that it cannot have.
    #[error("a member has the wrong type")]
    WrongType,
    /// There is no `RuleName`.
    #[error("the name is missing")]
    NameMissing,
    /// There is no `Priority`.
    #[error("the priority is missing")]
    PriorityMissing,
    /// There is no `ServiceType`.
    #[error("the service type is missing")]
    ServiceTypeMissing,
    /// `FixedRate` is missing or no number.
    #[error("the fixed rate is not a number")]
    FixedRateNotNumeric,
    /// `Version` is not 1.
    #[error("the version is not 1")]
    VersionUnknown,
    /// `ResourceARN` is not `*`, and clients do not know what they run on.
    #[error("the rule is for one resource")]
    ResourceSpecific,
    /// `Attributes` is not empty, and clients match none.
    #[error("the rule is for requests with certain attributes")]
    AttributeSpecific,
}

/// Reads the answer of GetSamplingRules.
///
/// # Errors
/// When the text is not JSON or its records are no list; the client then keeps what it had.
pub fn load(answer: &[u8]) -> Result<LoadedRules, serde_json::Error> {
    let answer: Answer = serde_json::from_slice(answer)?;
    let mut loaded = LoadedRules::default();
    for record in answer.sampling_rule_records.unwrap_or_default() {
        match usable(&record) {
            Ok(record) => loaded.records.push(record),
            Err(discard) => loaded.discarded.push((name_in(&record), discard)),
        }
    }
    loaded
        .records
        .sort_by(|a, b| a.sampling_rule.compare(&b.sampling_rule));
    Ok(loaded)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Answer {
    sampling_rule_records: Option<Vec<Value>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct RecordMembers {
    sampling_rule: RuleMembers,
    created_at: Option<Timestamp>,
    modified_at: Option<Timestamp>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct RuleMembers {
    rule_name: Option<String>,
    #[serde(rename = "RuleARN")]
    rule_arn: Option<String>,
    #[serde(rename = "ResourceARN")]
    resource_arn: Option<String>,
    priority: Option<u32>,
    fixed_rate: Option<Value>,
    reservoir_size: Option<u32>,
    service_name: Option<String>,
    service_type: Option<String>,
    host: Option<String>,
    #[serde(rename = "HTTPMethod")]
    http_method: Option<String>,
    #[serde(rename = "URLPath")]
    url_path: Option<String>,
    version: Option<u32>,
    attributes: Option<BTreeMap<String, String>>,
    sampling_rate_boost: Option<SamplingRateBoost>,
}

fn usable(record: &Value) -> Result<SamplingRuleRecord, Discard> {
    let record = RecordMembers::deserialize(record).map_err(|_| Discard::WrongType)?;
    Ok(SamplingRuleRecord {
        sampling_rule: record.sampling_rule.usable()?,
        created_at: record.created_at.unwrap_or_default(),
        modified_at: record.modified_at.unwrap_or_default(),
    })
}

impl RuleMembers {
    /// Absent patterns become empty ones, which match only unknown and empty values: a rule that
    /// lost a pattern must not match more than before.
    fn usable(self) -> Result<SamplingRule, Discard> {
        let rule_name = self.rule_name.ok_or(Discard::NameMissing)?;
        if self.version != Some(1) {
            return Err(Discard::VersionUnknown);
        }
        let resource_arn = self.resource_arn.filter(|pattern| pattern == "*");
        let attributes = self.attributes.unwrap_or_default();
        if !attributes.is_empty() {
            return Err(Discard::AttributeSpecific);
        }
        Ok(SamplingRule {
            rule_name,
            rule_arn: self.rule_arn.unwrap_or_default(),
            resource_arn: resource_arn.ok_or(Discard::ResourceSpecific)?,
            priority: self.priority.ok_or(Discard::PriorityMissing)?,
            fixed_rate: self
                .fixed_rate
                .and_then(|rate| rate.as_f64())
                .ok_or(Discard::FixedRateNotNumeric)?,
            reservoir_size: self.reservoir_size.unwrap_or_default(),
            service_name: self.service_name.unwrap_or_default(),
            service_type: self.service_type.ok_or(Discard::ServiceTypeMissing)?,
            host: self.host.unwrap_or_default(),
            http_method: self.http_method.unwrap_or_default(),
            url_path: self.url_path.unwrap_or_default(),
            version: 1,
            attributes,
            sampling_rate_boost: self.sampling_rate_boost,
        })
    }
}

fn name_in(record: &Value) -> Option<String> {
    let name = record.pointer("/SamplingRule/RuleName")?.as_str()?;
    Some(name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn record(change: impl FnOnce(&mut serde_json::Map<String, Value>)) -> Value {
        let rule = SamplingRule {
            rule_name: "checkout".into(),
            priority: 100,
            ..SamplingRule::default_rule("arn".into())
        };
        let mut rule = serde_json::to_value(rule).unwrap();
        change(rule.as_object_mut().unwrap());
        json!({"SamplingRule": rule, "CreatedAt": 1.5, "ModifiedAt": 2})
    }

    fn loaded(records: &[Value]) -> LoadedRules {
        let answer = json!({"SamplingRuleRecords": records, "NextToken": null, "New": 1});
        load(answer.to_string().as_bytes()).unwrap()
    }

    #[test]
    fn rules_a_client_cannot_use_are_left_out_with_the_reason() {
        let name = "checkout";
        let cases = [
            ("Version", json!(2), Some(name), Discard::VersionUnknown),
            ("Version", json!(null), Some(name), Discard::VersionUnknown),
            (
                "ResourceARN",
                json!("arn:*"),
                Some(name),
                Discard::ResourceSpecific,
            ),
            (
                "Attributes",
                json!({"a": "*"}),
                Some(name),
                Discard::AttributeSpecific,
            ),
            ("RuleName", json!(null), None, Discard::NameMissing),
            (
                "Priority",
                json!(null),
                Some(name),
                Discard::PriorityMissing,
            ),
            (
                "ServiceType",
                json!(null),
                Some(name),
                Discard::ServiceTypeMissing,
            ),
            (
                "FixedRate",
                json!("0.5"),
                Some(name),
                Discard::FixedRateNotNumeric,
            ),
            (
                "FixedRate",
                json!(null),
                Some(name),
                Discard::FixedRateNotNumeric,
            ),
            ("ReservoirSize", json!(-1), Some(name), Discard::WrongType),
            ("Host", json!(7), Some(name), Discard::WrongType),
        ];
        for (member, value, name, discard) in cases {
            let bad = record(|rule| {
                rule.insert(member.to_owned(), value.clone());
            });
            let loaded = loaded(&[bad, record(|_| ())]);
            assert_eq!(
                loaded.records.len(),
                1,
                "{member} {value}: the other rule stands"
            );
            let expected = vec![(name.map(str::to_owned), discard)];
            assert_eq!(loaded.discarded, expected, "{member} {value}");
        }
        assert_eq!(
            loaded(&[json!(null)]).discarded,
            [(None, Discard::WrongType)]
        );
    }

    #[test]
    fn absent_optional_members_do_not_cost_the_rule() {
        let mut bare = record(|rule| {
            for member in ["Attributes", "URLPath", "ReservoirSize", "RuleARN"] {
                rule.remove(member);
            }
        });
        bare.as_object_mut().unwrap().remove("CreatedAt");
        let loaded = loaded(&[bare]);
        let record = &loaded.records[0];
        assert_eq!(record.sampling_rule.url_path, "");
        assert_eq!(record.sampling_rule.reservoir_size, 0);
        assert_eq!(record.created_at, Timestamp::default());
        assert_eq!(record.modified_at, Timestamp::from_seconds(2));
    }

    #[test]
    fn rules_are_put_into_the_order_in_which_they_are_tried() {
        let named = |name: &str, priority: u32| {
            record(|rule| {
                rule.insert("RuleName".into(), json!(name));
                rule.insert("Priority".into(), json!(priority));
            })
        };
        let loaded = loaded(&[named("c", 5), named("Default", 1), named("b", 5)]);
        let names = loaded
            .records
            .iter()
            .map(|r| r.sampling_rule.rule_name.as_str());
        assert_eq!(names.collect::<Vec<_>>(), ["b", "c", "Default"]);
    }

    #[test]
    fn answer_without_a_list_of_records_is_an_error_or_empty() {
        assert!(load(b"no json").unwrap_err().is_syntax());
        assert!(load(br#"{"SamplingRuleRecords":7}"#).unwrap_err().is_data());
        assert_eq!(
            load(br#"{"SamplingRuleRecords":null}"#).unwrap(),
            LoadedRules::default()
        );
    }
}
