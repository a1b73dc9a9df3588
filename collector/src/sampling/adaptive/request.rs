//! Settings of adaptive sampling, and requests and answers about them, which X-Ray has not: in the
//! form of its API. Pure.

use std::ops::RangeInclusive;

use radiograph_protocol::api::required;
use radiograph_protocol::error::ApiError;
use radiograph_protocol::timestamp::Timestamp;
use serde::{Deserialize, Serialize};

use super::signal::Cause;

/// What the budget may be.
const TRACES_PER_SECOND: RangeInclusive<u32> = 1..=1_000_000;
/// What the cooldown may be: up to a day.
const COOLDOWN_WINDOW_MINUTES: RangeInclusive<u32> = 1..=1440;
/// What the factor of the latency may be.
const LATENCY_FACTOR: RangeInclusive<f64> = 1.1..=1000.0;

const MAX_RATE_DEFAULT: f64 = 1.0;
const COOLDOWN_WINDOW_MINUTES_DEFAULT: u32 = 10;
const ERROR_RATE_INCREASE_DEFAULT: f64 = 0.05;
const LATENCY_FACTOR_DEFAULT: f64 = 2.0;

/// How a rule adapts. Stored as JSON.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct AdaptiveSettings {
    /// The budget: traces per second over all clients that the rule may record while it is raised.
    pub traces_per_second_max: u32,
    /// The highest fixed rate it is raised to, above 0, at most 1; default 1. One below the rule's own
    /// raises the reservoir alone.
    pub max_rate: f64,
    /// Minutes from the last signal until it falls back, 1 to 1440; default 10.
    pub cooldown_window_minutes: u32,
    /// By how much the share of requests that end in a fault, error or throttle has to rise over what
    /// it was, above 0, at most 1; default 0.05.
    pub error_rate_increase: f64,
    /// How many times the response time has to be what it was, 1.1 to 1000; default 2.
    pub latency_factor: f64,
}

/// Request of RadiographPutAdaptiveSampling: settings that replace those that the rule had.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct PutAdaptiveSamplingRequest {
    /// The rule; required.
    pub rule_name: Option<String>,
    /// See [`AdaptiveSettings::traces_per_second_max`]; required.
    pub traces_per_second_max: Option<u32>,
    /// See [`AdaptiveSettings::max_rate`].
    pub max_rate: Option<f64>,
    /// See [`AdaptiveSettings::cooldown_window_minutes`].
    pub cooldown_window_minutes: Option<u32>,
    /// See [`AdaptiveSettings::error_rate_increase`].
    pub error_rate_increase: Option<f64>,
    /// See [`AdaptiveSettings::latency_factor`].
    pub latency_factor: Option<f64>,
}

/// Request of RadiographDeleteAdaptiveSampling.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct DeleteAdaptiveSamplingRequest {
    /// The rule; required.
    pub rule_name: Option<String>,
}

/// Answer of RadiographPutAdaptiveSampling.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct PutAdaptiveSamplingResponse {
    /// The rule with its new settings.
    pub adaptive_sampling: AdaptiveRule,
}

/// Answer of RadiographGetAdaptiveSampling.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct GetAdaptiveSamplingResponse {
    /// All rules that adapt, by name.
    pub adaptive_sampling: Vec<AdaptiveRule>,
}

/// Answer of RadiographDeleteAdaptiveSampling.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DeleteAdaptiveSamplingResponse {}

/// A rule that adapts, as answers show it.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct AdaptiveRule {
    /// The rule.
    pub rule_name: String,
    /// Its settings.
    #[serde(flatten)]
    pub settings: AdaptiveSettings,
    /// The fixed rate that clients are sent now.
    pub fixed_rate: f64,
    /// The reservoir that is divided among them now.
    pub reservoir_size: u32,
    /// Why and since when these are raised, if they are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub raised: Option<ShownRaise>,
}

/// Why a rule is raised.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ShownRaise {
    /// Since when.
    pub since: Timestamp,
    /// When there was a signal last; it falls back a cooldown later.
    pub last_signal: Timestamp,
    /// That signal.
    pub cause: Cause,
}

impl PutAdaptiveSamplingRequest {
    /// The rule and its settings.
    ///
    /// # Errors
    /// `InvalidRequestException` for the first member that is missing or out of its bounds.
    pub(super) fn checked(self) -> Result<(String, AdaptiveSettings), ApiError> {
        let rule_name = required(self.rule_name, "RuleName")?;
        let traces_per_second_max = required(self.traces_per_second_max, "TracesPerSecondMax")?;
        let settings = AdaptiveSettings {
            traces_per_second_max,
            max_rate: self.max_rate.unwrap_or(MAX_RATE_DEFAULT),
            cooldown_window_minutes: self
                .cooldown_window_minutes
                .unwrap_or(COOLDOWN_WINDOW_MINUTES_DEFAULT),
            error_rate_increase: self
                .error_rate_increase
                .unwrap_or(ERROR_RATE_INCREASE_DEFAULT),
            latency_factor: self.latency_factor.unwrap_or(LATENCY_FACTOR_DEFAULT),
        };
        let is_share = |share: f64| share > 0.0 && share <= 1.0;
        let must = [
            (
                TRACES_PER_SECOND.contains(&settings.traces_per_second_max),
                "TracesPerSecondMax must be between 1 and 1000000",
            ),
            (
                is_share(settings.max_rate),
                "MaxRate must be above 0 and at most 1",
            ),
            (
                COOLDOWN_WINDOW_MINUTES.contains(&settings.cooldown_window_minutes),
                "CooldownWindowMinutes must be between 1 and 1440",
            ),
            (
                is_share(settings.error_rate_increase),
                "ErrorRateIncrease must be above 0 and at most 1",
            ),
            (
                LATENCY_FACTOR.contains(&settings.latency_factor),
                "LatencyFactor must be between 1.1 and 1000",
            ),
        ];
        match must.iter().find(|(is_sound, _)| !is_sound) {
            Some((_, message)) => Err(ApiError::invalid_request(*message)),
            None => Ok((rule_name, settings)),
        }
    }
}

#[cfg(test)]
mod tests {
    use radiograph_protocol::api::decode;

    use super::*;

    fn check(body: &str) -> Result<(String, AdaptiveSettings), String> {
        let request: PutAdaptiveSamplingRequest =
            decode(body.as_bytes()).map_err(|error| error.to_string())?;
        request.checked().map_err(|error| error.message)
    }

    #[test]
    fn what_is_left_out_has_its_default() {
        let expected = AdaptiveSettings {
            traces_per_second_max: 50,
            max_rate: 1.0,
            cooldown_window_minutes: 10,
            error_rate_increase: 0.05,
            latency_factor: 2.0,
        };
        let body = r#"{"RuleName":"checkout","TracesPerSecondMax":50,"MaxRate":null}"#;
        assert_eq!(check(body), Ok(("checkout".to_owned(), expected)));
    }

    #[test]
    fn each_unsound_request_is_refused_by_name() {
        let rows = [
            (r#"{"TracesPerSecondMax":1}"#, "RuleName must not be null"),
            (r#"{"RuleName":"a"}"#, "TracesPerSecondMax must not be null"),
        ];
        for (body, message) in rows {
            assert_eq!(check(body), Err(message.to_owned()), "{body}");
        }
        let members = [
            (
                "TracesPerSecondMax",
                "0",
                "TracesPerSecondMax must be between 1 and 1000000",
            ),
            (
                "TracesPerSecondMax",
                "1000001",
                "TracesPerSecondMax must be between 1 and 1000000",
            ),
            ("MaxRate", "0", "MaxRate must be above 0 and at most 1"),
            ("MaxRate", "1.01", "MaxRate must be above 0 and at most 1"),
            (
                "CooldownWindowMinutes",
                "0",
                "CooldownWindowMinutes must be between 1 and 1440",
            ),
            (
                "CooldownWindowMinutes",
                "1441",
                "CooldownWindowMinutes must be between 1 and 1440",
            ),
            (
                "ErrorRateIncrease",
                "0",
                "ErrorRateIncrease must be above 0 and at most 1",
            ),
            (
                "ErrorRateIncrease",
                "2",
                "ErrorRateIncrease must be above 0 and at most 1",
            ),
            (
                "LatencyFactor",
                "1",
                "LatencyFactor must be between 1.1 and 1000",
            ),
            (
                "LatencyFactor",
                "1001",
                "LatencyFactor must be between 1.1 and 1000",
            ),
        ];
        for (member, value, message) in members {
            let budget = if member == "TracesPerSecondMax" {
                String::new()
            } else {
                r#","TracesPerSecondMax":5"#.to_owned()
            };
            let body = format!(r#"{{"RuleName":"a"{budget},"{member}":{value}}}"#);
            assert_eq!(check(&body), Err(message.to_owned()), "{body}");
        }
    }

    #[test]
    fn member_of_a_wrong_type_is_a_serialization_error() {
        for value in ["-1", "1.5", "\"5\"", "5000000000"] {
            let body = format!(r#"{{"RuleName":"a","TracesPerSecondMax":{value}}}"#);
            let error = check(&body).unwrap_err();
            assert!(
                error.starts_with("SerializationException"),
                "{body}: {error}"
            );
        }
    }
}
