//! Retention: every minute, what is too old or too much is dropped by whole files, the oldest first, and
//! traces that lost documents or link to some that did are settled again. So are, some at a time, those
//! whose view is of an earlier release's encoding.

use std::sync::Arc;
use std::time::Duration;

use tracing::{info, warn};

use crate::clock;
use crate::config::{RetentionAge, RetentionBytes};
use crate::settle::Settler;
use crate::store::embedded::EmbeddedStore;
use crate::store::{Store as _, StoreError};

const EVERY: Duration = Duration::from_secs(60);

/// Traces with a view of another encoding that are settled in a minute: few beside those that come.
const RENEWED_MAX: usize = 20_000;

/// What is kept, and where.
pub(crate) struct Retention {
    /// The store.
    pub(crate) store: Arc<EmbeddedStore>,
    /// Settles what is left of traces.
    pub(crate) settler: Settler,
    /// By age.
    pub(crate) age: RetentionAge,
    /// By bytes.
    pub(crate) bytes: RetentionBytes,
}

impl Retention {
    /// Works until it is dropped.
    pub(crate) async fn run(self) {
        let mut ticks = tokio::time::interval(EVERY);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            if let Err(error) = self.apply().await {
                warn!(%error, "what has passed its time could not be dropped");
            }
            if let Err(error) = self.renew().await {
                warn!(%error, "views of an earlier release could not be looked for");
            }
        }
    }

    /// Drops what is too old or too much now.
    async fn apply(&self) -> Result<(), StoreError> {
        let store = Arc::clone(&self.store);
        let usage = tokio::task::spawn_blocking(move || store.usage()).await;
        let usage = usage.map_err(|_| StoreError::Closed)??;
        let now = clock::now();
        let too_old = self.age.drop_before(now);
        let before = too_old.max(self.bytes.drop_before(&usage, now));
        let Some(before) = before.filter(|before| usage.iter().any(|(end, _)| end <= before))
        else {
            return Ok(());
        };
        self.store.drop_before(before).await?;
        let unsettled = self.store.unsettled().await?;
        info!(
            count = unsettled.len(),
            "settling what is left after old partitions were dropped"
        );
        self.settler.touch(&unsettled);
        Ok(())
    }
}

impl Retention {
    /// Has traces settled whose view is of another encoding.
    async fn renew(&self) -> Result<(), StoreError> {
        let store = Arc::clone(&self.store);
        let outdated = tokio::task::spawn_blocking(move || store.outdated(RENEWED_MAX)).await;
        let outdated = outdated.map_err(|_| StoreError::Closed)??;
        self.settler.touch(&outdated);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settle::schedule::Schedule;
    use crate::store::Record;
    use crate::store::contract::sample::trace;
    use crate::store::embedded::Options;

    #[tokio::test]
    async fn what_is_too_old_is_dropped_and_what_is_not_stays() {
        let dir = tempfile::tempdir().unwrap();
        let options = |hours: i64| {
            let then = clock::now().plus_micros(-hours * 3_600_000_000);
            Options {
                clock: Arc::new(move || then),
                ..Options::default()
            }
        };
        for (hours, number) in [(5, 1), (0, 2)] {
            let store = EmbeddedStore::open(dir.path(), options(hours)).unwrap();
            let record = Record {
                trace_id: trace(number),
                document: "a".to_owned(),
            };
            store.append(vec![record]).await.unwrap();
        }
        let retention = |age: &str, bytes: &str| Retention {
            store: Arc::new(EmbeddedStore::open(dir.path(), options(0)).unwrap()),
            settler: Settler::new(Schedule::default()),
            age: age.parse().unwrap(),
            bytes: bytes.parse().unwrap(),
        };
        let left = async |retention: Retention| {
            retention.apply().await.unwrap();
            let traces = [trace(1), trace(2)];
            retention.store.document_counts(&traces).await.unwrap()
        };
        assert_eq!(left(retention("8h", "none")).await, [1, 1]);
        assert_eq!(left(retention("none", "1")).await, [0, 1]);
        assert_eq!(left(retention("3h", "1")).await, [0, 1]);
    }
}
