//! A sampling rule as a line, with its budget and what it is raised to. Pure.

use radiograph_protocol::sampling::SamplingRule;
use serde_json::Value;

/// A rule as a line: its name, when it is tried, what it records, what it matches on but for what
/// matches anything; and, of a rule with a budget, that and what clients are sent now.
pub(super) fn row(rule: &SamplingRule, adaptive: Option<&Value>) -> String {
    let mut row = vec![
        word(&rule.rule_name),
        format!("priority={}", rule.priority),
        format!("reservoir={}", rule.reservoir_size),
        format!("rate={}", rule.fixed_rate),
    ];
    for (name, pattern) in [
        ("service", &rule.service_name),
        ("type", &rule.service_type),
        ("host", &rule.host),
        ("method", &rule.http_method),
        ("path", &rule.url_path),
        ("resource", &rule.resource_arn),
    ] {
        if pattern != "*" {
            row.push(format!("{name}={}", word(pattern)));
        }
    }
    let attributes = rule.attributes.iter();
    row.extend(attributes.map(|(name, pattern)| format!("{}={}", word(name), word(pattern))));
    if let Some(boost) = rule.sampling_rate_boost {
        let (rate, minutes) = (boost.max_rate, boost.cooldown_window_minutes);
        row.push(format!("boost-max-rate={rate} boost-cooldown={minutes}m"));
    }
    row.extend(adaptive.map(budget));
    row.join(" ")
}

/// A budget, and what clients are sent now with the reason if that is more than the rule's own.
pub(super) fn budget(adaptive: &Value) -> String {
    let number = |of: &Value, member: &str| match of.get(member) {
        Some(Value::Number(number)) => number.to_string(),
        _ => "?".to_owned(),
    };
    let text = |of: &Value, member: &str| {
        let text = of.get(member).and_then(Value::as_str);
        text.map_or_else(|| "?".to_owned(), word)
    };
    let of = |member| number(adaptive, member);
    let mut row = format!(
        "budget={}/s max-rate={} cooldown={}m error-rate-increase={} latency-factor={}",
        of("TracesPerSecondMax"),
        of("MaxRate"),
        of("CooldownWindowMinutes"),
        of("ErrorRateIncrease"),
        of("LatencyFactor"),
    );
    if let Some(raised) = adaptive.get("Raised") {
        let cause = raised.get("Cause").unwrap_or(&Value::Null);
        row.push_str(&format!(
            " raised-reservoir={} raised-rate={} since={} because={} of={} value={} was={}",
            of("ReservoirSize"),
            of("FixedRate"),
            number(raised, "Since"),
            text(cause, "Signal"),
            text(cause, "ServiceName"),
            number(cause, "Value"),
            number(cause, "Baseline"),
        ));
    }
    row
}

/// A text as it is, or in quotes where it would not be one word.
pub(super) fn word(text: &str) -> String {
    let is_plain = |letter: char| letter.is_alphanumeric() || letter.is_ascii_punctuation();
    let is_word = !text.is_empty() && text.chars().all(|letter| is_plain(letter) && letter != '"');
    if is_word {
        text.to_owned()
    } else {
        format!("{text:?}")
    }
}

#[cfg(test)]
mod tests {
    use radiograph_protocol::sampling::SamplingRateBoost;
    use serde_json::json;

    use super::*;

    fn default() -> SamplingRule {
        SamplingRule::default_rule(String::new())
    }

    #[test]
    fn a_rule_is_a_line_of_what_it_says() {
        assert_eq!(
            row(&default(), None),
            "Default priority=10000 reservoir=1 rate=0.05"
        );
        let rule = SamplingRule {
            rule_name: "check out".to_owned(),
            priority: 10,
            fixed_rate: 0.2,
            reservoir_size: 5,
            service_name: "shop".to_owned(),
            http_method: "POST".to_owned(),
            url_path: "/cart/*".to_owned(),
            attributes: [("tier".to_owned(), "g?ld \n".to_owned())].into(),
            sampling_rate_boost: Some(SamplingRateBoost {
                max_rate: 0.5,
                cooldown_window_minutes: 10,
            }),
            ..default()
        };
        let expected = r#""check out" priority=10 reservoir=5 rate=0.2 service=shop method=POST path=/cart/* tier="g?ld \n" boost-max-rate=0.5 boost-cooldown=10m"#;
        assert_eq!(row(&rule, None), expected);
    }

    #[test]
    fn a_budget_is_told_with_what_the_rule_is_raised_to_and_why() {
        let mut adaptive = json!({
            "RuleName": "Default", "TracesPerSecondMax": 50, "MaxRate": 1.0,
            "CooldownWindowMinutes": 10, "ErrorRateIncrease": 0.05, "LatencyFactor": 2.0,
            "FixedRate": 0.05, "ReservoirSize": 1,
        });
        let calm = "Default priority=10000 reservoir=1 rate=0.05 budget=50/s max-rate=1.0 \
            cooldown=10m error-rate-increase=0.05 latency-factor=2.0";
        assert_eq!(row(&default(), Some(&adaptive)), calm);
        adaptive["FixedRate"] = json!(0.8);
        adaptive["ReservoirSize"] = json!(50);
        adaptive["Raised"] = json!({
            "Since": 1_795_269_600.0, "LastSignal": 1_795_269_700.0,
            "Cause": {"ServiceName": "web shop", "Signal": "Errors", "Value": 0.4, "Baseline": 0.01},
        });
        let raised = format!(
            "{calm} raised-reservoir=50 raised-rate=0.8 since=1795269600.0 because=Errors \
             of=\"web shop\" value=0.4 was=0.01"
        );
        assert_eq!(row(&default(), Some(&adaptive)), raised);
    }

    #[test]
    fn what_an_answer_does_not_say_is_a_question_mark() {
        let odd = json!({"TracesPerSecondMax": "many", "Raised": {}});
        let expected = "budget=?/s max-rate=? cooldown=?m error-rate-increase=? latency-factor=? \
            raised-reservoir=? raised-rate=? since=? because=? of=? value=? was=?";
        assert_eq!(budget(&odd), expected);
    }
}
