//! Sampling rules: their members, when one matches a request, and in which order they are tried.
//!
//! The members are not validated here; that belongs to the operations that create and change rules
//! (`spec/api.md` 4.2). Source of the matching: `spec/sampling.md` section 2.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::pattern;

/// The name of the rule that always exists, matches everything and comes last.
pub const DEFAULT_RULE_NAME: &str = "Default";

/// The priority of the Default rule; no other rule may have it.
pub const DEFAULT_RULE_PRIORITY: u32 = 10_000;

/// A sampling rule with all members of the API (`spec/api.md` 3.3).
///
/// Written without `SamplingRateBoost` when there is none, so it can be stored as JSON but not in a
/// format that does not name its fields.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct SamplingRule {
    /// Unique name, 1 to 32 characters.
    pub rule_name: String,
    /// `arn:aws:xray:<region>:<account>:sampling-rule/<RuleName>`.
    #[serde(rename = "RuleARN")]
    pub rule_arn: String,
    /// Pattern of the ARN of the resource the service runs on.
    #[serde(rename = "ResourceARN")]
    pub resource_arn: String,
    /// 1 to 9999, lower ones are tried first; the Default rule has 10000.
    pub priority: u32,
    /// Share of the requests to record once the reservoir is used up, 0 to 1.
    pub fixed_rate: f64,
    /// Requests per second to record before the fixed rate applies, over all clients.
    pub reservoir_size: u32,
    /// Pattern of the name the service gives itself.
    pub service_name: String,
    /// Pattern of its origin.
    pub service_type: String,
    /// Pattern of the `Host` header.
    pub host: String,
    /// Pattern of the request's method.
    #[serde(rename = "HTTPMethod")]
    pub http_method: String,
    /// Pattern of the request's path, without the query.
    #[serde(rename = "URLPath")]
    pub url_path: String,
    /// Version of the rule's format, always 1.
    pub version: u32,
    /// Patterns by attribute name; every one must be present and match.
    pub attributes: BTreeMap<String, String>,
    /// How far the rate may be raised while anomalies go unrecorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sampling_rate_boost: Option<SamplingRateBoost>,
}

/// The bounds of a temporary raise of a rule's rate (`spec/sampling.md` section 8).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct SamplingRateBoost {
    /// The highest rate it may be raised to, 0 to 1.
    pub max_rate: f64,
    /// Minutes from the start of one raise to the earliest start of the next.
    pub cooldown_window_minutes: u32,
}

/// What a client knows of a request when it decides; `None` is unknown and matches every pattern,
/// as in the X-Ray SDKs for Python, Node and Go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Request<'a> {
    /// The name the service gives itself.
    pub service_name: Option<&'a str>,
    /// Its origin; `Some("")` where none is known, as the SDKs do.
    pub service_type: Option<&'a str>,
    /// The `Host` header, with its port when it has one.
    pub host: Option<&'a str>,
    /// The method.
    pub http_method: Option<&'a str>,
    /// The path without the query.
    pub url_path: Option<&'a str>,
    /// ARN of the resource the service runs on; unlike the others an unknown one is matched only by
    /// a pattern that matches the empty text, in practice `*`.
    pub resource_arn: Option<&'a str>,
    /// Attributes by name.
    pub attributes: &'a [(&'a str, &'a str)],
}

impl SamplingRule {
    /// The Default rule as it is before anybody edited it: one request per second and 5 %.
    #[must_use]
    pub fn default_rule(rule_arn: String) -> Self {
        let any = || "*".to_owned();
        Self {
            rule_name: DEFAULT_RULE_NAME.to_owned(),
            rule_arn,
            resource_arn: any(),
            priority: DEFAULT_RULE_PRIORITY,
            fixed_rate: 0.05,
            reservoir_size: 1,
            service_name: any(),
            service_type: any(),
            host: any(),
            http_method: any(),
            url_path: any(),
            version: 1,
            attributes: BTreeMap::new(),
            sampling_rate_boost: None,
        }
    }

    /// Whether this is the Default rule.
    #[must_use]
    pub fn is_default(&self) -> bool {
        self.rule_name == DEFAULT_RULE_NAME
    }

    /// Whether every pattern of the rule matches the request; the Default rule always does.
    #[must_use]
    pub fn matches(&self, request: &Request<'_>) -> bool {
        let is_match = |pattern: &str, value: Option<&str>| {
            value.is_none_or(|value| pattern::matches(pattern, value))
        };
        self.is_default()
            || is_match(&self.service_name, request.service_name)
                && is_match(&self.service_type, request.service_type)
                && is_match(&self.host, request.host)
                && is_match(&self.http_method, request.http_method)
                && is_match(&self.url_path, request.url_path)
                && pattern::matches(&self.resource_arn, request.resource_arn.unwrap_or(""))
                && self.attributes.iter().all(|(name, pattern)| {
                    let mut given = request.attributes.iter();
                    given.any(|(key, value)| key == name && pattern::matches(pattern, value))
                })
    }

    /// The order in which rules are tried: by priority, then by the bytes of the name, and the
    /// Default rule last whatever its priority says.
    #[must_use]
    pub fn compare(&self, other: &Self) -> Ordering {
        let key = |rule: &Self| (rule.is_default(), rule.priority);
        key(self)
            .cmp(&key(other))
            .then_with(|| self.rule_name.cmp(&other.rule_name))
    }
}

/// The rule that decides for the request: the first that matches, of rules in the order of
/// [`SamplingRule::compare`]. There is no falling through to the next when its quota is used up.
#[must_use]
pub fn first_match<'r>(
    rules: &'r [SamplingRule],
    request: &Request<'_>,
) -> Option<&'r SamplingRule> {
    rules.iter().find(|rule| rule.matches(request))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(name: &str, priority: u32) -> SamplingRule {
        SamplingRule {
            rule_name: name.to_owned(),
            priority,
            ..SamplingRule::default_rule(String::new())
        }
    }

    const REQUEST: Request<'static> = Request {
        service_name: Some("shop"),
        service_type: Some("AWS::ECS::Container"),
        host: Some("shop.test"),
        http_method: Some("POST"),
        url_path: Some("/cart/1"),
        resource_arn: None,
        attributes: &[("tier", "Gold")],
    };

    #[test]
    fn every_pattern_has_to_match() {
        type Change = fn(&mut SamplingRule);
        let cases: [(&str, bool, Change); 12] = [
            ("all stars", true, |_| ()),
            ("service name", true, |r| r.service_name = "SH?P".into()),
            ("other service", false, |r| r.service_name = "pay".into()),
            ("other type", false, |r| r.service_type = String::new()),
            ("other host", false, |r| r.host = "shop.test:*".into()),
            ("other method", false, |r| r.http_method = "GET".into()),
            ("path", true, |r| r.url_path = "/CART/*".into()),
            ("other path", false, |r| r.url_path = "/cart".into()),
            ("unknown ARN", false, |r| r.resource_arn = "arn:*".into()),
            ("attribute", true, |r| {
                r.attributes = [("tier".into(), "g*".into())].into();
            }),
            ("other attribute", false, |r| {
                r.attributes = [("tier".into(), "silver".into())].into();
            }),
            ("attribute not there", false, |r| {
                r.attributes = [("zone".into(), "*".into())].into();
            }),
        ];
        for (name, expected, change) in cases {
            let mut rule = rule("checkout", 100);
            change(&mut rule);
            assert_eq!(rule.matches(&REQUEST), expected, "{name}");
        }
    }

    #[test]
    fn unknown_member_of_a_request_matches_every_pattern() {
        let mut rule = rule("checkout", 100);
        rule.url_path = "/cart/*".into();
        rule.service_type = String::new();
        assert!(rule.matches(&Request::default()));
        let unknown_origin = Request {
            service_type: Some(""),
            ..Request::default()
        };
        assert!(rule.matches(&unknown_origin));
        rule.service_type = "AWS::ECS::Container".into();
        assert!(!rule.matches(&unknown_origin));
    }

    #[test]
    fn default_rule_matches_whatever_it_says_and_comes_last() {
        let mut default = rule(DEFAULT_RULE_NAME, 1);
        default.url_path = "/nothing".into();
        let mut rules = [default, rule("c", 10), rule("b", 10), rule("a", 9999)];
        rules.sort_by(SamplingRule::compare);
        let names = rules.each_ref().map(|rule| rule.rule_name.as_str());
        assert_eq!(names, ["b", "c", "a", "Default"]);
        assert_eq!(first_match(&rules, &REQUEST), Some(&rules[0]));
        assert_eq!(first_match(&rules[3..], &REQUEST), Some(&rules[3]));
        assert_eq!(first_match(&[], &REQUEST), None);
    }

    #[test]
    fn names_are_ordered_by_bytes() {
        let mut rules = [rule("é", 1), rule("a", 1), rule("Z", 1)];
        rules.sort_by(SamplingRule::compare);
        let names = rules.each_ref().map(|rule| rule.rule_name.as_str());
        assert_eq!(names, ["Z", "a", "é"]);
    }
}
