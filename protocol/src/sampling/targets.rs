//! Reading the targets that a server answered to a report, as a client does: whatever is there is
//! used, a target that names no rule is passed over.
//!
//! Lenient, unlike the shape the collector writes: the AWS service leaves members out. A quota counts
//! only together with its end (`spec/sampling.md` section 5).

use serde::Deserialize;

use super::reservoir::Lease;
use crate::timestamp::Timestamp;

/// What a server answered to a report.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Targets {
    /// By rule, in the order of the answer.
    pub targets: Vec<Target>,
    /// When a rule was last created, changed or deleted, in whole epoch seconds.
    pub last_rule_modification: Option<i64>,
}

/// What the client may record under one rule from now on.
#[derive(Debug, Clone, PartialEq)]
pub struct Target {
    /// The rule.
    pub rule_name: String,
    /// Its rate; absent, the client keeps its own.
    pub fixed_rate: Option<f64>,
    /// The quota leased; absent, the client keeps what it has.
    pub lease: Option<Lease>,
    /// Seconds until the next report.
    pub interval_seconds: Option<u32>,
}

/// Reads the answer of GetSamplingTargets.
///
/// # Errors
/// When the text is not JSON of this shape; the client then keeps what it had.
pub fn read(answer: &[u8]) -> Result<Targets, serde_json::Error> {
    let answer: Answer = serde_json::from_slice(answer)?;
    let documents = answer.sampling_target_documents.unwrap_or_default();
    Ok(Targets {
        targets: documents.into_iter().filter_map(Members::target).collect(),
        last_rule_modification: answer.last_rule_modification.map(Timestamp::seconds_floor),
    })
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Answer {
    sampling_target_documents: Option<Vec<Members>>,
    last_rule_modification: Option<Timestamp>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Members {
    rule_name: Option<String>,
    fixed_rate: Option<f64>,
    reservoir_quota: Option<u32>,
    #[serde(rename = "ReservoirQuotaTTL")]
    reservoir_quota_ttl: Option<Timestamp>,
    interval: Option<u32>,
}

impl Members {
    fn target(self) -> Option<Target> {
        let lease = self.reservoir_quota.zip(self.reservoir_quota_ttl);
        Some(Target {
            rule_name: self.rule_name?,
            fixed_rate: self.fixed_rate,
            lease: lease.map(|(quota, ttl)| Lease {
                quota,
                ttl_seconds: ttl.seconds_floor(),
            }),
            interval_seconds: self.interval,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_read_with_whatever_members_they_have() {
        let answer = br#"{"LastRuleModification": 1795260826.47, "SamplingTargetDocuments": [
            {"FixedRate": 0.2, "Interval": 10, "ReservoirQuota": 5,
             "ReservoirQuotaTTL": 1795264436.4, "RuleName": "checkout", "New": 1},
            {"RuleName": "borrower", "FixedRate": 0.1, "ReservoirQuota": 3},
            {"FixedRate": 1.0}], "UnprocessedStatistics": null}"#;
        let lease = Lease {
            quota: 5,
            ttl_seconds: 1_795_264_436,
        };
        let expected = Targets {
            targets: vec![
                Target {
                    rule_name: "checkout".to_owned(),
                    fixed_rate: Some(0.2),
                    lease: Some(lease),
                    interval_seconds: Some(10),
                },
                Target {
                    rule_name: "borrower".to_owned(),
                    fixed_rate: Some(0.1),
                    lease: None,
                    interval_seconds: None,
                },
            ],
            last_rule_modification: Some(1_795_260_826),
        };
        assert_eq!(read(answer).unwrap(), expected);
        assert_eq!(read(b"{}").unwrap(), Targets::default());
    }

    #[test]
    fn what_has_another_shape_is_an_error() {
        assert!(read(b"<html>").unwrap_err().is_syntax());
        assert!(
            read(br#"{"SamplingTargetDocuments":7}"#)
                .unwrap_err()
                .is_data()
        );
    }
}
