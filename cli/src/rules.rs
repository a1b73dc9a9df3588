//! `radiograph rules`: a collector's sampling rules as they are, from the SDKs' file of local rules and
//! back, and their budgets.
//!
//! What the file means is in `local.rs`; here it is sent and printed. Source: `spec/sampling.md`
//! section 9. Budgets, in `budget.rs`, are the collector's own.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use clap::{Args, Subcommand};
use radiograph_protocol::api::sampling::GetSamplingRulesResponse;
use radiograph_protocol::sampling::SamplingRule;
use serde_json::{Value, json};

use crate::api::{Api, Endpoint};
use crate::output;

mod budget;
mod local;
mod table;

use local::LocalRules;

/// How long a call may take.
const CALL_MAX: Duration = Duration::from_secs(10);

/// Bytes of a file of local rules; 999 rules are far less.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// List a collector's sampling rules, take them from a file of local rules or write one, give budgets.
#[derive(Debug, Clone, Args)]
pub(crate) struct Options {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Clone, Subcommand)]
enum Action {
    /// List the sampling rules in the order in which they are tried, a line each: what they record and
    /// match on, their budgets, and what they are raised to now.
    List(ListOptions),
    Budget(budget::Options),
    /// Make sampling rules of a file of local rules, as the X-Ray SDKs read it.
    ///
    /// Rules get the priorities 10, 20, 30 and so on in the order of the file, and are named by their
    /// descriptions, or local-1, local-2 by their places where there is none that can be a name. A rule
    /// of that name that is there is changed; others are left alone. The file's default becomes the
    /// Default rule. Prints a line per rule. When a rule is refused, those before it are there.
    Import(ImportOptions),
    /// Print the sampling rules as a file of local rules.
    ///
    /// Local rules know host, method and path alone: a rule that asks for more is left out and told of
    /// on standard error, and what it was for falls to the rules after it.
    Export(ExportOptions),
}

#[derive(Debug, Clone, Args)]
struct ListOptions {
    /// Print each rule as a line of JSON: SamplingRule, and AdaptiveSampling of those with a budget.
    #[arg(long)]
    json: bool,

    /// Where.
    #[command(flatten)]
    at: Endpoint,
}

#[derive(Debug, Clone, Args)]
struct ImportOptions {
    /// The file, JSON of version 1 or 2.
    #[arg(value_name = "FILE")]
    file: PathBuf,

    /// Where.
    #[command(flatten)]
    at: Endpoint,
}

#[derive(Debug, Clone, Args)]
struct ExportOptions {
    /// Where.
    #[command(flatten)]
    at: Endpoint,
}

/// Does what is asked for.
///
/// # Errors
/// The file is none of local rules, or the collector cannot be reached or refuses.
pub(crate) async fn report(options: &Options) -> anyhow::Result<()> {
    match &options.action {
        Action::List(options) => list(options).await,
        Action::Budget(options) => budget::report(options).await,
        Action::Import(options) => import(options).await,
        Action::Export(options) => export(options).await,
    }
}

async fn list(options: &ListOptions) -> anyhow::Result<()> {
    let api = options.at.api(CALL_MAX)?;
    let rules = present(&api).await?;
    let path = "/RadiographGetAdaptiveSampling";
    let answer = api.call(path, "{}".to_owned()).await?;
    let Some(adaptive) = answer.get("AdaptiveSampling").and_then(Value::as_array) else {
        bail!("the answer has no AdaptiveSampling: {answer}");
    };
    for rule in &rules {
        let is_of_rule = |each: &&Value| each.get("RuleName") == Some(&json!(rule.rule_name));
        let adaptive = adaptive.iter().find(is_of_rule);
        output::line(if options.json {
            let mut line = json!({ "SamplingRule": rule });
            if let Some((line, adaptive)) = line.as_object_mut().zip(adaptive) {
                line.insert("AdaptiveSampling".to_owned(), adaptive.clone());
            }
            line.to_string()
        } else {
            table::row(rule, adaptive)
        })?;
    }
    Ok(())
}

async fn import(options: &ImportOptions) -> anyhow::Result<()> {
    let shown = options.file.display();
    let text = text_of(&options.file).with_context(|| format!("{shown}"))?;
    let local = LocalRules::parse(&text).with_context(|| format!("{shown}"))?;
    let api = options.at.api(CALL_MAX)?;
    let present = present(&api).await?;
    for rule in local.imported() {
        let known = present
            .iter()
            .find(|known| known.rule_name == rule.rule_name);
        let (path, request) = call(&rule, known)?;
        let name = &rule.rule_name;
        let called = api.call(path, request.to_string()).await;
        called.with_context(|| format!("sampling rule {name}"))?;
        let done = if known.is_some() {
            "changed"
        } else {
            "created"
        };
        let (priority, target, rate) = (rule.priority, rule.reservoir_size, rule.fixed_rate);
        output::line(format_args!(
            "{name} {done}: priority {priority}, {target} per second, then {rate}"
        ))?;
    }
    Ok(())
}

async fn export(options: &ExportOptions) -> anyhow::Result<()> {
    let api = options.at.api(CALL_MAX)?;
    let rules = present(&api).await?;
    let (local, left_out) = LocalRules::exported(&rules)?;
    for left in left_out {
        output::remark(format_args!("left out, not for local rules: {left}"));
    }
    Ok(output::line(serde_json::to_string_pretty(&local)?)?)
}

/// The rules that are there, in the order in which they are tried.
async fn present(api: &Api) -> anyhow::Result<Vec<SamplingRule>> {
    let answer = api.call("/GetSamplingRules", "{}".to_owned()).await?;
    let answer: GetSamplingRulesResponse =
        serde_json::from_value(answer).context("/GetSamplingRules: answer is not understood")?;
    let records = answer.sampling_rule_records.into_iter();
    Ok(records.map(|record| record.sampling_rule).collect())
}

fn text_of(path: &Path) -> anyhow::Result<String> {
    let mut text = String::new();
    let file = File::open(path)?;
    file.take(FILE_BYTES_MAX + 1).read_to_string(&mut text)?;
    ensure!(
        text.len() as u64 <= FILE_BYTES_MAX,
        "more than {FILE_BYTES_MAX} bytes"
    );
    Ok(text)
}

/// The call that makes the rule, or makes it of the one that is there.
fn call(
    rule: &SamplingRule,
    known: Option<&SamplingRule>,
) -> anyhow::Result<(&'static str, Value)> {
    let mut members = match serde_json::to_value(rule)? {
        Value::Object(members) => members,
        other => bail!("a rule is written as {other}"),
    };
    members.remove("RuleARN");
    let Some(known) = known else {
        return Ok(("/CreateSamplingRule", json!({ "SamplingRule": members })));
    };
    members.remove("Version");
    if let Some(boost) = known.sampling_rate_boost {
        // an update that omits it would take it away
        members.insert("SamplingRateBoost".to_owned(), json!(boost));
    }
    if rule.is_default() {
        members.retain(|name, _| matches!(&**name, "RuleName" | "FixedRate" | "ReservoirSize"));
    }
    Ok((
        "/UpdateSamplingRule",
        json!({ "SamplingRuleUpdate": members }),
    ))
}

#[cfg(test)]
mod tests {
    use radiograph_protocol::sampling::SamplingRateBoost;

    use super::*;

    #[test]
    fn a_rule_is_created_once_and_changed_from_then_on() {
        let text = r#"{"version":2,"default":{"fixed_target":1,"rate":0.05},"rules":[
            {"description":"checkout","host":"*","http_method":"POST","url_path":"/cart/*",
             "fixed_target":5,"rate":0.2}]}"#;
        let rules = LocalRules::parse(text).unwrap().imported();
        let mut members = json!({
            "RuleName": "checkout", "ResourceARN": "*", "Priority": 10, "FixedRate": 0.2,
            "ReservoirSize": 5, "ServiceName": "*", "ServiceType": "*", "Host": "*",
            "HTTPMethod": "POST", "URLPath": "/cart/*", "Version": 1, "Attributes": {}
        });
        let created = json!({ "SamplingRule": members });
        assert_eq!(
            call(&rules[0], None).unwrap(),
            ("/CreateSamplingRule", created)
        );
        let known = SamplingRule {
            sampling_rate_boost: Some(SamplingRateBoost {
                max_rate: 0.5,
                cooldown_window_minutes: 10,
            }),
            ..rules[0].clone()
        };
        members.as_object_mut().unwrap().remove("Version");
        members["SamplingRateBoost"] = json!({"MaxRate": 0.5, "CooldownWindowMinutes": 10});
        let changed = json!({ "SamplingRuleUpdate": members });
        let expected = ("/UpdateSamplingRule", changed);
        assert_eq!(call(&rules[0], Some(&known)).unwrap(), expected);
        let default = json!({"SamplingRuleUpdate": {
            "RuleName": "Default", "FixedRate": 0.05, "ReservoirSize": 1
        }});
        let expected = ("/UpdateSamplingRule", default);
        assert_eq!(call(&rules[1], Some(&rules[1])).unwrap(), expected);
    }
}
