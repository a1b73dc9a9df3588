//! The SDKs' file of local rules, and the sampling rules it stands for. Pure.
//!
//! Version 2 matches on `host`, version 1 calls the same `service_name`; mixing them is an error, as in
//! the SDKs for Go and .NET. Comments, which the SDK for Java tolerates, are not read.
//! Source: `spec/sampling.md` section 9.

use std::collections::BTreeSet;

use radiograph_protocol::limits::{CLIENT_INTEGER, NAME_OF_RULE_OR_GROUP_CHARS, SAMPLING_RATE};
use radiograph_protocol::sampling::SamplingRule;
use radiograph_protocol::sampling::rule::DEFAULT_RULE_NAME;
use serde::{Deserialize, Serialize};

/// Rules in a file: priorities are ten times their places, and end at 9999.
const RULES_MAX: usize = 999;

/// The version that is written.
const VERSION: u32 = 2;

/// A file of local rules.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LocalRules {
    version: u32,
    default: LocalDefault,
    #[serde(default)]
    rules: Vec<LocalRule>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct LocalDefault {
    fixed_target: u32,
    rate: f64,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct LocalRule {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    host: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    service_name: Option<String>,
    http_method: String,
    url_path: String,
    fixed_target: u32,
    rate: f64,
}

/// Why a text is no file of local rules, or rules cannot be written as one.
#[derive(Debug, thiserror::Error)]
pub(super) enum LocalRulesError {
    /// No JSON, or not of the shape.
    #[error("not a file of local rules")]
    Shape(#[from] serde_json::Error),
    #[error("version {0}: there are 1 and 2")]
    Version(u32),
    /// A rule with the other version's word, with both or with neither.
    #[error("rule {place}: rules of version {version} match on {word} and on nothing in its place")]
    Host {
        place: usize,
        version: u32,
        word: &'static str,
    },
    #[error("{whose}: rate {rate} is not between 0 and 1")]
    Rate { whose: String, rate: f64 },
    #[error("{whose}: fixed_target {fixed_target} is above 2147483647")]
    FixedTarget { whose: String, fixed_target: u32 },
    #[error("{0} rules: there may be {RULES_MAX}")]
    Count(usize),
    #[error("there is no Default rule")]
    NoDefault,
}

impl LocalRules {
    /// Reads a file.
    ///
    /// # Errors
    /// See [`LocalRulesError`].
    pub(super) fn parse(text: &str) -> Result<Self, LocalRulesError> {
        let read: Self = serde_json::from_str(text)?;
        let version = read.version;
        let word = match version {
            1 => "service_name",
            2 => "host",
            _ => return Err(LocalRulesError::Version(version)),
        };
        if read.rules.len() > RULES_MAX {
            return Err(LocalRulesError::Count(read.rules.len()));
        }
        check_numbers("default", read.default.fixed_target, read.default.rate)?;
        for (index, rule) in read.rules.iter().enumerate() {
            let place = index + 1;
            let words = (rule.service_name.is_some(), rule.host.is_some());
            if words != (version == 1, version == 2) {
                return Err(LocalRulesError::Host {
                    place,
                    version,
                    word,
                });
            }
            check_numbers(&format!("rule {place}"), rule.fixed_target, rule.rate)?;
        }
        Ok(read)
    }

    /// The sampling rules it stands for, without ARNs, the Default rule last.
    pub(super) fn imported(&self) -> Vec<SamplingRule> {
        let mut names = BTreeSet::from([DEFAULT_RULE_NAME.to_owned()]);
        // the names that rules without a fitting description may need are nobody's else
        let reserved: BTreeSet<String> = (1..=self.rules.len()).map(name_of_place).collect();
        let mut rules = Vec::with_capacity(self.rules.len() + 1);
        for (place, rule) in (1_u32..).zip(&self.rules) {
            let described = rule.description.as_ref().filter(|text| {
                NAME_OF_RULE_OR_GROUP_CHARS.contains(&text.chars().count())
                    && !reserved.contains(*text)
                    && names.insert((*text).clone())
            });
            let host = rule.host.as_ref().or(rule.service_name.as_ref());
            rules.push(SamplingRule {
                rule_name: described.cloned().unwrap_or_else(|| name_of_place(place)),
                priority: place.saturating_mul(10),
                fixed_rate: rule.rate,
                reservoir_size: rule.fixed_target,
                host: host.cloned().unwrap_or_default(),
                http_method: rule.http_method.clone(),
                url_path: rule.url_path.clone(),
                ..SamplingRule::default_rule(String::new())
            });
        }
        rules.push(SamplingRule {
            fixed_rate: self.default.rate,
            reservoir_size: self.default.fixed_target,
            ..SamplingRule::default_rule(String::new())
        });
        rules
    }

    /// The file of these rules, which stand in the order in which they are tried, and the names of those
    /// that are not in it since they match on what local rules do not know.
    ///
    /// # Errors
    /// When the Default rule is not among them, without which there is no such file.
    pub(super) fn exported(rules: &[SamplingRule]) -> Result<(Self, Vec<&str>), LocalRulesError> {
        let is_default = |rule: &&SamplingRule| rule.is_default();
        let default = rules.iter().find(is_default);
        let default = default.ok_or(LocalRulesError::NoDefault)?;
        let (mut local, mut left_out) = (Vec::new(), Vec::new());
        for rule in rules.iter().filter(|rule| !rule.is_default()) {
            let others = [&rule.resource_arn, &rule.service_name, &rule.service_type];
            if others.iter().any(|pattern| *pattern != "*") || !rule.attributes.is_empty() {
                left_out.push(&*rule.rule_name);
                continue;
            }
            local.push(LocalRule {
                description: Some(rule.rule_name.clone()),
                host: Some(rule.host.clone()),
                service_name: None,
                http_method: rule.http_method.clone(),
                url_path: rule.url_path.clone(),
                fixed_target: rule.reservoir_size,
                rate: rule.fixed_rate,
            });
        }
        let file = Self {
            version: VERSION,
            default: LocalDefault {
                fixed_target: default.reservoir_size,
                rate: default.fixed_rate,
            },
            rules: local,
        };
        Ok((file, left_out))
    }
}

fn name_of_place(place: impl std::fmt::Display) -> String {
    format!("local-{place}")
}

fn check_numbers(whose: &str, fixed_target: u32, rate: f64) -> Result<(), LocalRulesError> {
    let whose = || whose.to_owned();
    if !SAMPLING_RATE.contains(&rate) {
        return Err(LocalRulesError::Rate {
            whose: whose(),
            rate,
        });
    }
    if !CLIENT_INTEGER.contains(&i64::from(fixed_target)) {
        return Err(LocalRulesError::FixedTarget {
            whose: whose(),
            fixed_target,
        });
    }
    Ok(())
}

#[cfg(test)]
mod tests;
