//! The indexing rule: which share of the traces GetTraceSummaries finds.
//!
//! On AWS a span that is not indexed has no trace summary and can be fetched by its trace id all the
//! same. So it is here: below 100 % GetTraceSummaries leaves traces out, always the same ones, chosen by
//! a hash of the id; all other operations know all traces, and raising the share brings them back.
//! Source: `spec/api.md` section 5.

use radiograph_protocol::api::required;
use radiograph_protocol::api::settings::{
    IndexingRule, IndexingRuleValue, Probabilistic, UpdateIndexingRuleRequest,
};
use radiograph_protocol::error::{ApiError, ApiErrorKind};
use radiograph_protocol::timestamp::Timestamp;
use serde::{Deserialize, Serialize};

use crate::record;
use crate::store::{Store, StoreError};

/// Record of the rule in the store.
pub(super) const KEY: &str = "indexing-rule";
/// The one rule there is.
const NAME: &str = "Default";
const PERCENT_MAX: f64 = 100.0;

/// The rule as it is kept.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(super) struct StoredIndexing {
    percent: f64,
    modified: Option<Timestamp>,
}

impl Default for StoredIndexing {
    fn default() -> Self {
        Self {
            percent: PERCENT_MAX,
            modified: None,
        }
    }
}

impl StoredIndexing {
    /// The rule that a request asks for.
    ///
    /// # Errors
    /// `InvalidRequestException` for the first unsound member, `ResourceNotFoundException` for a rule
    /// that is not there.
    pub(super) fn asked_for(
        request: UpdateIndexingRuleRequest,
        now: Timestamp,
    ) -> Result<Self, ApiError> {
        let name = required(request.name, "Name")?;
        let rule = required(request.rule, "Rule")?;
        let Some(probabilistic) = rule.probabilistic else {
            let message = "Rule must have exactly one member: Probabilistic";
            return Err(ApiError::invalid_request(message));
        };
        let percent = required(
            probabilistic.desired_sampling_percentage,
            "DesiredSamplingPercentage",
        )?;
        if !(0.0..=PERCENT_MAX).contains(&percent) {
            let message = "DesiredSamplingPercentage must be between [0, 100]";
            return Err(ApiError::invalid_request(message));
        }
        if name != NAME {
            return Err(ApiError {
                kind: ApiErrorKind::ResourceNotFound {
                    resource_name: name,
                },
                message: "Indexing rule not found".to_owned(),
            });
        }
        Ok(Self {
            percent,
            modified: Some(now),
        })
    }

    pub(super) const fn shown(self) -> IndexingRule {
        IndexingRule {
            name: NAME,
            modified_at: self.modified,
            rule: IndexingRuleValue {
                probabilistic: Probabilistic {
                    desired_sampling_percentage: self.percent,
                    actual_sampling_percentage: self.percent,
                },
            },
        }
    }
}

/// The rule as it is now.
pub(super) async fn read(store: &dyn Store) -> Result<StoredIndexing, StoreError> {
    let (stored, _) = record::read(store, KEY, StoredIndexing::default).await?;
    Ok(stored)
}

/// The share of traces that are indexed, below 1; `None` when all are.
///
/// # Errors
/// When the store cannot be read.
pub(crate) async fn share(store: &dyn Store) -> Result<Option<f64>, StoreError> {
    let percent = read(store).await?.percent;
    Ok((percent < PERCENT_MAX).then_some(percent / PERCENT_MAX))
}

#[cfg(test)]
mod tests {
    use radiograph_protocol::api::decode;

    use super::*;

    const NOW: Timestamp = Timestamp::from_seconds(1_700_000_000);

    fn check(body: &str) -> Result<StoredIndexing, ApiError> {
        StoredIndexing::asked_for(decode(body.as_bytes()).unwrap(), NOW)
    }

    fn default_to(percent: &str) -> String {
        format!(
            r#"{{"Name":"Default","Rule":{{"Probabilistic":{{"DesiredSamplingPercentage":{percent}}}}}}}"#
        )
    }

    #[test]
    fn a_share_from_none_to_all_is_taken() {
        for (text, percent) in [("0", 0.0), ("10.5", 10.5), ("100", 100.0)] {
            let expected = StoredIndexing {
                percent,
                modified: Some(NOW),
            };
            assert_eq!(check(&default_to(text)), Ok(expected), "{text}");
        }
    }

    #[test]
    fn each_unsound_request_is_refused_by_name() {
        let range = "DesiredSamplingPercentage must be between [0, 100]";
        let one = "Rule must have exactly one member: Probabilistic";
        let rows = [
            ("{}", "Name must not be null"),
            (r#"{"Name":"Default"}"#, "Rule must not be null"),
            (r#"{"Name":"Default","Rule":{}}"#, one),
            (r#"{"Name":"Default","Rule":{"Other":{}}}"#, one),
            (
                r#"{"Name":"Default","Rule":{"Probabilistic":{}}}"#,
                "DesiredSamplingPercentage must not be null",
            ),
            (&default_to("-0.1"), range),
            (&default_to("100.1"), range),
        ];
        for (body, message) in rows {
            let expected = ApiError::invalid_request(message);
            assert_eq!(check(body), Err(expected), "{body}");
        }
        let unknown = check(&default_to("5").replace("Default", "Other")).unwrap_err();
        let resource_name = "Other".to_owned();
        let kind = ApiErrorKind::ResourceNotFound { resource_name };
        assert_eq!(unknown.kind, kind);
    }
}
