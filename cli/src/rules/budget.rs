//! `radiograph rules budget`: what a sampling rule may record while its services are in trouble.
//!
//! What the numbers may be is the collector's to say, which refuses others by name.

use anyhow::bail;
use clap::Args;
use serde_json::{Map, Value, json};

use super::{CALL_MAX, table};
use crate::api::Endpoint;
use crate::output;

/// Let a sampling rule record more while faults, errors or response times of its services rise.
///
/// Clients are then sent a higher rate and quota, so many traces per second together, and the rule's own
/// again once there was no trouble for the cooldown. Works with every X-Ray SDK. A budget that the rule
/// had is replaced, with what is not said here at its default. Prints the rule's budget and what it
/// records now.
#[derive(Debug, Clone, Args)]
pub(super) struct Options {
    /// The sampling rule.
    #[arg(value_name = "RULE")]
    rule: String,

    /// Traces per second over all clients that the rule may record in trouble, 1 to 1000000.
    #[arg(long, value_name = "NUMBER", required_unless_present = "remove")]
    traces_per_second_max: Option<u32>,

    /// The highest rate it is raised to, above 0, at most 1 [default: 1].
    #[arg(long, value_name = "RATE")]
    max_rate: Option<f64>,

    /// Minutes without trouble until it falls back, 1 to 1440 [default: 10].
    #[arg(long, value_name = "MINUTES")]
    cooldown_minutes: Option<u32>,

    /// By how much the share of requests that end badly has to rise, above 0, at most 1 [default: 0.05].
    #[arg(long, value_name = "SHARE")]
    error_rate_increase: Option<f64>,

    /// How many times its usual the response time has to be, 1.1 to 1000 [default: 2].
    #[arg(long, value_name = "FACTOR")]
    latency_factor: Option<f64>,

    /// Take the rule's budget away.
    #[arg(long, conflicts_with_all = [
        "traces_per_second_max", "max_rate", "cooldown_minutes", "error_rate_increase", "latency_factor"
    ])]
    remove: bool,

    /// Where.
    #[command(flatten)]
    at: Endpoint,
}

/// Gives the rule its budget, or takes it away.
///
/// # Errors
/// The collector cannot be reached or refuses: there is no such rule, or a number is out of bounds.
pub(super) async fn report(options: &Options) -> anyhow::Result<()> {
    let api = options.at.api(CALL_MAX)?;
    let rule = &options.rule;
    if options.remove {
        let request = json!({ "RuleName": rule }).to_string();
        api.call("/RadiographDeleteAdaptiveSampling", request)
            .await?;
        return Ok(output::line(format_args!(
            "{} has no budget",
            table::word(rule)
        ))?);
    }
    let request = request(options).to_string();
    let answer = api.call("/RadiographPutAdaptiveSampling", request).await?;
    let Some(adaptive) = answer.get("AdaptiveSampling") else {
        bail!("the answer has no AdaptiveSampling: {answer}");
    };
    let (name, budget) = (table::word(rule), table::budget(adaptive));
    Ok(output::line(format_args!("{name} {budget}"))?)
}

/// RadiographPutAdaptiveSampling, without what was not said.
fn request(options: &Options) -> Value {
    let mut request = Map::new();
    let members = [
        ("RuleName", Some(json!(options.rule))),
        (
            "TracesPerSecondMax",
            options.traces_per_second_max.map(Value::from),
        ),
        ("MaxRate", options.max_rate.map(Value::from)),
        (
            "CooldownWindowMinutes",
            options.cooldown_minutes.map(Value::from),
        ),
        (
            "ErrorRateIncrease",
            options.error_rate_increase.map(Value::from),
        ),
        ("LatencyFactor", options.latency_factor.map(Value::from)),
    ];
    for (member, value) in members {
        request.extend(value.map(|value| (member.to_owned(), value)));
    }
    Value::Object(request)
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        options: Options,
    }

    fn asked(line: &str) -> Option<Value> {
        let line = Line::try_parse_from(line.split(' ')).ok()?;
        Some(request(&line.options))
    }

    #[test]
    fn a_line_becomes_a_request_of_what_was_said() {
        for (line, expected) in [
            (
                "budget checkout --traces-per-second-max 50",
                json!({"RuleName": "checkout", "TracesPerSecondMax": 50}),
            ),
            (
                "budget checkout --traces-per-second-max 5 --max-rate 0.5 --cooldown-minutes 3 \
                 --error-rate-increase 0.1 --latency-factor 4",
                json!({
                    "RuleName": "checkout", "TracesPerSecondMax": 5, "MaxRate": 0.5,
                    "CooldownWindowMinutes": 3, "ErrorRateIncrease": 0.1, "LatencyFactor": 4.0,
                }),
            ),
            ("budget checkout --remove", json!({"RuleName": "checkout"})),
        ] {
            assert_eq!(asked(line), Some(expected), "{line}");
        }
    }

    #[test]
    fn a_line_that_says_too_little_or_too_much_is_refused() {
        for line in [
            "budget",
            "budget checkout",
            "budget --remove",
            "budget checkout --max-rate 0.5",
            "budget checkout --traces-per-second-max 50 --remove",
            "budget checkout --remove --max-rate 0.5",
            "budget checkout --traces-per-second-max -1",
            "budget checkout --traces-per-second-max many",
        ] {
            assert_eq!(asked(line), None, "{line}");
        }
    }
}
