//! What a client counts per rule, and the report it sends of it.
//!
//! Whether borrowed requests are inside `sampled` differs between clients (`spec/sampling.md`
//! section 3); here they are not, as in the X-Ray SDKs.

use std::ops::AddAssign;

use serde::{Deserialize, Serialize};

use crate::api::sampling::StatisticsDocument;
use crate::timestamp::Timestamp;

/// Requests of one rule; sums saturate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Counts {
    /// Requests that matched the rule.
    pub requests: u64,
    /// Of these, recorded by quota or by rate.
    pub sampled: u64,
    /// Of these, recorded by borrowing.
    pub borrows: u64,
}

impl AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        self.requests = self.requests.saturating_add(other.requests);
        self.sampled = self.sampled.saturating_add(other.sampled);
        self.borrows = self.borrows.saturating_add(other.borrows);
    }
}

impl Counts {
    /// The report of these counts; `None` without requests, since clients report only rules that
    /// were used (`spec/sampling.md` section 4).
    #[must_use]
    pub fn report(
        self,
        rule_name: &str,
        client_id: &str,
        now: Timestamp,
    ) -> Option<StatisticsDocument> {
        (self.requests > 0).then(|| StatisticsDocument {
            rule_name: rule_name.to_owned(),
            client_id: client_id.to_owned(),
            timestamp: now,
            request_count: self.requests,
            sampled_count: self.sampled,
            borrow_count: self.borrows,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_saturate() {
        let mut sum = Counts {
            requests: u64::MAX,
            sampled: 1,
            borrows: 2,
        };
        sum += Counts {
            requests: 1,
            sampled: 10,
            borrows: 20,
        };
        assert_eq!(
            sum,
            Counts {
                requests: u64::MAX,
                sampled: 11,
                borrows: 22
            }
        );
    }

    #[test]
    fn unused_rule_is_not_reported() {
        let now = Timestamp::from_seconds(1_704_067_210);
        assert_eq!(
            Counts::default().report("checkout", "0a1b2c3d4e5f60718293a4b5", now),
            None
        );
        let counts = Counts {
            requests: 84,
            sampled: 24,
            borrows: 10,
        };
        let report = counts.report("checkout", "0a1b2c3d4e5f60718293a4b5", now);
        assert_eq!(
            serde_json::to_value(report).unwrap(),
            serde_json::json!({
                "RuleName": "checkout", "ClientID": "0a1b2c3d4e5f60718293a4b5",
                "Timestamp": 1_704_067_210.0, "RequestCount": 84, "SampledCount": 24,
                "BorrowCount": 10
            })
        );
    }
}
