//! What a sampling rule may be like, and which one a request means. Pure. Source: `spec/api.md`
//! sections 3.3 and 4.2.
//!
//! The reach of numbers above the documented minima is what clients can read. An empty pattern is
//! legal and matches only empty values.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use radiograph_protocol::api::sampling::{RuleMembers, SamplingRateBoostMembers};
use radiograph_protocol::api::{check_chars, required};
use radiograph_protocol::error::ApiError;
use radiograph_protocol::limits::{
    CLIENT_INTEGER, NAME_OF_RULE_OR_GROUP_CHARS, RESOURCE_ARN_CHARS_MAX, RULE_ATTRIBUTE_CHARS,
    RULE_ATTRIBUTES_MAX, RULE_METHOD_CHARS_MAX, RULE_PATH_CHARS_MAX, RULE_PRIORITY,
    RULE_SERVICE_OR_HOST_CHARS_MAX, SAMPLING_RATE,
};
use radiograph_protocol::sampling::{SamplingRateBoost, SamplingRule};

use super::rule_set::rule_arn;

/// The one version of rules there is.
const VERSION: u32 = 1;

/// The rule that a request means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum RuleId {
    Name(String),
    Arn(String),
}

impl RuleId {
    /// By either, not by both.
    ///
    /// # Errors
    /// `InvalidRequestException` when both are given or neither is, or the name is none.
    pub(super) fn checked(name: Option<String>, arn: Option<String>) -> Result<Self, ApiError> {
        match (name, arn) {
            (Some(name), None) => self::name(name).map(Self::Name),
            (None, Some(arn)) => Ok(Self::Arn(arn)),
            (Some(_), Some(_)) => Err(ApiError::invalid_request(
                "Request cannot contain both sampling rule name and sampling rule ARN",
            )),
            (None, None) => Err(ApiError::invalid_request(
                "Request must contain either sampling rule name or sampling rule ARN",
            )),
        }
    }

    pub(super) fn is_of(&self, rule: &SamplingRule) -> bool {
        match self {
            Self::Name(name) => rule.rule_name == *name,
            Self::Arn(arn) => rule.rule_arn == *arn,
        }
    }
}

/// What is to become of a rule, every given member checked.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct RuleChange {
    resource_arn: Option<String>,
    priority: Option<u32>,
    fixed_rate: Option<f64>,
    reservoir_size: Option<u32>,
    service_name: Option<String>,
    service_type: Option<String>,
    host: Option<String>,
    http_method: Option<String>,
    url_path: Option<String>,
    attributes: Option<BTreeMap<String, String>>,
    /// Unlike the others it is cleared where it is not given.
    sampling_rate_boost: Option<SamplingRateBoost>,
}

/// The rule that CreateSamplingRule asks for.
///
/// # Errors
/// `InvalidRequestException` for the first missing or unsound member.
pub(super) fn new_rule(
    mut members: RuleMembers,
    region: &str,
    account: &str,
) -> Result<SamplingRule, ApiError> {
    let rule_name = name(required(members.rule_name.take(), "RuleName")?)?;
    if required(members.version, "Version")? != i64::from(VERSION) {
        let message = format!("Version must be {VERSION}");
        return Err(ApiError::invalid_request(message));
    }
    let given = RuleChange::checked(members)?;
    Ok(SamplingRule {
        rule_arn: rule_arn(region, account, &rule_name),
        rule_name,
        resource_arn: required(given.resource_arn, "ResourceARN")?,
        priority: required(given.priority, "Priority")?,
        fixed_rate: required(given.fixed_rate, "FixedRate")?,
        reservoir_size: required(given.reservoir_size, "ReservoirSize")?,
        service_name: required(given.service_name, "ServiceName")?,
        service_type: required(given.service_type, "ServiceType")?,
        host: required(given.host, "Host")?,
        http_method: required(given.http_method, "HTTPMethod")?,
        url_path: required(given.url_path, "URLPath")?,
        version: VERSION,
        attributes: given.attributes.unwrap_or_default(),
        sampling_rate_boost: given.sampling_rate_boost,
    })
}

impl RuleChange {
    /// Checks every member that is given; name, ARN and version say nothing here.
    ///
    /// # Errors
    /// `InvalidRequestException` for the first unsound member.
    pub(super) fn checked(given: RuleMembers) -> Result<Self, ApiError> {
        let service_or_host_max = RULE_SERVICE_OR_HOST_CHARS_MAX;
        Ok(Self {
            resource_arn: text(given.resource_arn, "ResourceARN", RESOURCE_ARN_CHARS_MAX)?,
            priority: whole(given.priority, "Priority", &RULE_PRIORITY)?,
            fixed_rate: rate(given.fixed_rate, "FixedRate")?,
            reservoir_size: whole(given.reservoir_size, "ReservoirSize", &CLIENT_INTEGER)?,
            service_name: text(given.service_name, "ServiceName", service_or_host_max)?,
            service_type: text(given.service_type, "ServiceType", service_or_host_max)?,
            host: text(given.host, "Host", service_or_host_max)?,
            http_method: text(given.http_method, "HTTPMethod", RULE_METHOD_CHARS_MAX)?,
            url_path: text(given.url_path, "URLPath", RULE_PATH_CHARS_MAX)?,
            attributes: given.attributes.map(attributes).transpose()?,
            sampling_rate_boost: given.sampling_rate_boost.map(boost).transpose()?,
        })
    }

    /// The rule with the change made.
    ///
    /// # Errors
    /// `InvalidRequestException` when more of the Default rule would change than reservoir and rate.
    pub(super) fn applied_to(&self, rule: &SamplingRule) -> Result<SamplingRule, ApiError> {
        let text = |given: &Option<String>, old: &String| given.as_ref().unwrap_or(old).clone();
        let changed = SamplingRule {
            rule_name: rule.rule_name.clone(),
            rule_arn: rule.rule_arn.clone(),
            resource_arn: text(&self.resource_arn, &rule.resource_arn),
            priority: self.priority.unwrap_or(rule.priority),
            fixed_rate: self.fixed_rate.unwrap_or(rule.fixed_rate),
            reservoir_size: self.reservoir_size.unwrap_or(rule.reservoir_size),
            service_name: text(&self.service_name, &rule.service_name),
            service_type: text(&self.service_type, &rule.service_type),
            host: text(&self.host, &rule.host),
            http_method: text(&self.http_method, &rule.http_method),
            url_path: text(&self.url_path, &rule.url_path),
            version: rule.version,
            attributes: self.attributes.as_ref().unwrap_or(&rule.attributes).clone(),
            sampling_rate_boost: self.sampling_rate_boost,
        };
        let allowed = SamplingRule {
            fixed_rate: changed.fixed_rate,
            reservoir_size: changed.reservoir_size,
            ..rule.clone()
        };
        if rule.is_default() && changed != allowed {
            return Err(ApiError::invalid_request(
                "Only the reservoir size and fixed rate of the default sampling rule can be modified",
            ));
        }
        Ok(changed)
    }
}

fn name(name: String) -> Result<String, ApiError> {
    check_chars(&name, &NAME_OF_RULE_OR_GROUP_CHARS, "RuleName")?;
    Ok(name)
}

fn text(given: Option<String>, member: &str, chars_max: usize) -> Result<Option<String>, ApiError> {
    if given
        .as_ref()
        .is_some_and(|text| text.chars().count() > chars_max)
    {
        let message = format!("{member} must have at most {chars_max} characters");
        return Err(ApiError::invalid_request(message));
    }
    Ok(given)
}

fn whole(
    given: Option<i64>,
    member: &str,
    range: &RangeInclusive<i64>,
) -> Result<Option<u32>, ApiError> {
    let Some(number) = given else {
        return Ok(None);
    };
    let sound = range
        .contains(&number)
        .then(|| u32::try_from(number).ok())
        .flatten();
    let (least, most) = (range.start(), range.end());
    let refused = || format!("{member} must be between {least} and {most}");
    sound
        .map(Some)
        .ok_or_else(|| ApiError::invalid_request(refused()))
}

/// NaN is in no range.
fn rate(given: Option<f64>, member: &str) -> Result<Option<f64>, ApiError> {
    if given.is_some_and(|rate| !SAMPLING_RATE.contains(&rate)) {
        let (least, most) = (SAMPLING_RATE.start(), SAMPLING_RATE.end());
        let message = format!("{member} must be between {least} and {most}");
        return Err(ApiError::invalid_request(message));
    }
    // minus zero would be written with its sign
    Ok(given.map(|rate| rate + 0.0))
}

fn attributes(
    given: BTreeMap<String, Option<String>>,
) -> Result<BTreeMap<String, String>, ApiError> {
    let given = given.into_iter();
    let present: BTreeMap<String, String> = given
        .filter_map(|(key, pattern)| Some((key, pattern?)))
        .collect();
    if present.len() > RULE_ATTRIBUTES_MAX {
        let message = format!("Attributes must have at most {RULE_ATTRIBUTES_MAX} entries");
        return Err(ApiError::invalid_request(message));
    }
    for (key, pattern) in &present {
        check_chars(key, &RULE_ATTRIBUTE_CHARS, "Keys of Attributes")?;
        check_chars(pattern, &RULE_ATTRIBUTE_CHARS, "Values of Attributes")?;
    }
    Ok(present)
}

fn boost(given: SamplingRateBoostMembers) -> Result<SamplingRateBoost, ApiError> {
    let max_rate = rate(given.max_rate, "MaxRate")?;
    let minutes = "CooldownWindowMinutes";
    let cooldown = whole(given.cooldown_window_minutes, minutes, &CLIENT_INTEGER)?;
    Ok(SamplingRateBoost {
        max_rate: required(max_rate, "MaxRate")?,
        cooldown_window_minutes: required(cooldown, minutes)?,
    })
}

#[cfg(test)]
mod tests;
