//! What is logged and counted of a request once its answer is known.
//!
//! One line per request at `debug`. What the store cannot do is an `error`, and what is throttled or not
//! authorized a `warn`, each at most once in 10 s with the number of those in between. While a disk is full the store says so
//! itself, and nothing is said of the requests.

use std::time::Duration;

use axum::http::StatusCode;
use radiograph_admin::log_limit::LogLimit;
use radiograph_admin::with_causes;
use radiograph_protocol::error::ApiErrorKind;
use tracing::{debug, error, warn};
use uuid::Uuid;

use super::error::Failure;
use crate::clock;
use crate::metrics::Metrics;
use crate::store::StoreError;

/// Operation of what is no operation.
const NO_OPERATION: &str = "none";

/// Keeps count of the lines that are left out.
#[derive(Debug)]
pub(super) struct RequestLog {
    store_errors: LogLimit,
    throttled: LogLimit,
    forbidden: LogLimit,
}

/// A request that has its answer.
pub(super) struct Answered<'a> {
    pub(super) id: Uuid,
    /// The operation's name; `None` when there is no such operation.
    pub(super) operation: Option<&'static str>,
    /// The access key that signed it; `None` where that was not asked or is not known.
    pub(super) key_id: Option<&'a str>,
    pub(super) elapsed: Duration,
    /// The body, or why there is none.
    pub(super) answer: &'a Result<Vec<u8>, Failure>,
}

impl Default for RequestLog {
    fn default() -> Self {
        Self {
            store_errors: LogLimit::one_in_ten_seconds(),
            throttled: LogLimit::one_in_ten_seconds(),
            forbidden: LogLimit::one_in_ten_seconds(),
        }
    }
}

impl RequestLog {
    /// Counts the request and says what there is to say.
    pub(super) fn answered(&self, metrics: &Metrics, request: &Answered<'_>) {
        let Answered {
            id,
            operation,
            key_id,
            elapsed,
            answer,
        } = request;
        let operation = operation.unwrap_or(NO_OPERATION);
        let status = answer
            .as_ref()
            .map_or_else(Failure::status, |_| StatusCode::OK)
            .as_u16();
        let elapsed_ms = elapsed.as_millis();
        metrics.request(operation, status, *elapsed);
        match answer {
            Ok(_) => debug!(%id, operation, key_id, status, elapsed_ms, "request was answered"),
            Err(Failure::Theirs(error)) => {
                debug!(%id, operation, key_id, status, elapsed_ms, %error, "request was refused");
                if error.kind == ApiErrorKind::Throttled {
                    metrics.throttled();
                    if let Some(suppressed) = self.throttled.admit(clock::instant(), 1) {
                        warn!(operation, key_id, %error, suppressed, "requests are throttled");
                    }
                }
                if status == StatusCode::FORBIDDEN.as_u16()
                    && let Some(suppressed) = self.forbidden.admit(clock::instant(), 1)
                {
                    warn!(operation, key_id, %error, suppressed, "requests are not authorized");
                }
            }
            Err(Failure::Ours { source, .. }) => {
                let error = with_causes(source);
                debug!(%id, operation, key_id, status, elapsed_ms, error, "request was not carried out");
                metrics.store_error(reason(source));
                // that it cannot write, the store itself says: once when it begins, and when it is over
                if !matches!(source, StoreError::Unwritable)
                    && let Some(suppressed) = self.store_errors.admit(clock::instant(), 1)
                {
                    error!(%id, operation, status, error, suppressed, "request could not be carried out");
                }
            }
        }
    }
}

/// The label of a store's error.
const fn reason(error: &StoreError) -> &'static str {
    match error {
        StoreError::Io { .. } => "io",
        StoreError::Unwritable => "unwritable",
        StoreError::InUse { .. } => "in_use",
        StoreError::Corrupt { .. } => "corrupt",
        StoreError::VersionConflict { .. } => "version_conflict",
        StoreError::State { .. } => "state",
        StoreError::Closed => "closed",
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use radiograph_protocol::error::ApiError;

    use super::*;

    #[test]
    fn every_answer_is_counted_by_operation_status_and_cause() {
        let throttled = ApiError {
            kind: ApiErrorKind::Throttled,
            message: "too much".to_owned(),
        };
        let answers: [(_, Result<Vec<u8>, Failure>); 5] = [
            (Some("GetGroup"), Ok(Vec::new())),
            (Some("GetGroup"), Ok(Vec::new())),
            (Some("GetGroup"), Err(StoreError::Unwritable.into())),
            (Some("PutTraceSegments"), Err(throttled.into())),
            (None, Err(ApiError::invalid_request("nothing").into())),
        ];
        let (log, metrics) = (RequestLog::default(), Metrics::default());
        for (operation, answer) in &answers {
            let request = Answered {
                id: Uuid::nil(),
                operation: *operation,
                key_id: None,
                elapsed: Duration::from_millis(2),
                answer,
            };
            log.answered(&metrics, &request);
        }
        let counters = metrics.snapshot();
        let statuses = counters.requests.iter();
        let statuses: BTreeMap<_, _> = statuses
            .map(|(operation, counters)| (*operation, counters.statuses.clone()))
            .collect();
        let expected = BTreeMap::from([
            ("GetGroup", BTreeMap::from([(200, 2), (503, 1)])),
            ("PutTraceSegments", BTreeMap::from([(429, 1)])),
            ("none", BTreeMap::from([(400, 1)])),
        ]);
        assert_eq!(statuses, expected);
        assert_eq!(counters.throttled, 1);
        assert_eq!(counters.store_errors, BTreeMap::from([("unwritable", 1)]));
    }
}
