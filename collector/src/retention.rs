//! Retention: every minute, what is too old or too much is dropped by whole files, the oldest first, and
//! traces that lost documents or link to some that did are settled again. What is pinned is stored again
//! before (`pins.rs`), and counts for the bytes like all else. So are settled, some at a time, those
//! whose view is of an earlier release's encoding.
//!
//! A file goes when all of it is older than the bound: it is an hour's, or a day's once that day is an eighth
//! of the store or less. So by age up to a day more than asked for is kept, by bytes up to an eighth less.

use std::sync::Arc;
use std::time::Duration;

use radiograph_protocol::timestamp::Timestamp;
use tracing::{info, warn};

use crate::clock;
use crate::config::{RetentionAge, RetentionBytes};
use crate::pins::Pins;
use crate::settle::Settler;
use crate::store::embedded::EmbeddedStore;
use crate::store::{Store as _, StoreError};

const EVERY: Duration = Duration::from_secs(60);

/// Traces with a view of another encoding that are settled in a minute: few beside those that come.
const RENEWED_MAX: usize = 20_000;

/// Pins that alone exceed the bound are stored again when so much has come on top: an eighth of it.
const ROOM_SHARE: u64 = 8;

/// What is kept, and where.
pub(crate) struct Retention {
    store: Arc<EmbeddedStore>,
    /// Settles what is left of traces.
    settler: Settler,
    pins: Pins,
    age: RetentionAge,
    bytes: RetentionBytes,
    /// What was left when dropping all that could be was not enough.
    pinned_rest: Option<u64>,
}

impl Retention {
    /// Retention of a store by age and by bytes.
    pub(crate) const fn new(
        store: Arc<EmbeddedStore>,
        settler: Settler,
        pins: Pins,
        (age, bytes): (RetentionAge, RetentionBytes),
    ) -> Self {
        Self {
            store,
            settler,
            pins,
            age,
            bytes,
            pinned_rest: None,
        }
    }

    /// Works until it is dropped.
    pub(crate) async fn run(mut self) {
        let mut ticks = tokio::time::interval(EVERY);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            if let Err(error) = self.apply(clock::now()).await {
                warn!(%error, "what has passed its time could not be dropped");
            }
            if let Err(error) = self.renew().await {
                warn!(%error, "views of an earlier release could not be looked for");
            }
        }
    }

    /// Drops what is too old or too much at `now`, but for what is pinned.
    async fn apply(&mut self, now: Timestamp) -> Result<(), StoreError> {
        let usage = self.usage().await?;
        let too_old = self.age.drop_before(now);
        let too_much = if self.has_room_for_pins(&usage) {
            None
        } else {
            self.bytes.drop_before(&usage, now)
        };
        let before = too_old.max(too_much);
        let Some(before) = before.filter(|before| usage.iter().any(|(end, _)| end <= before))
        else {
            return Ok(());
        };
        let brought = self.pins.drop_before(before).await?;
        if brought.documents > 0 {
            let (traces, count, bytes) = (brought.traces, brought.documents, brought.bytes);
            info!(traces, count, bytes, "pinned documents were stored again");
        }
        if too_much.is_some() {
            self.remember_rest(brought.bytes > 0).await?;
        }
        let unsettled = self.store.unsettled().await?;
        info!(
            count = unsettled.len(),
            "settling what is left after old partitions were dropped"
        );
        self.settler.touch(&unsettled);
        Ok(())
    }

    async fn usage(&self) -> Result<Usage, StoreError> {
        let store = Arc::clone(&self.store);
        let usage = tokio::task::spawn_blocking(move || store.usage()).await;
        usage.map_err(|_| StoreError::Closed)?
    }

    /// Whether pins took all the room when it was made last, and too little came on top since to make
    /// room again: what is pinned would be written anew every hour, and nothing be won.
    fn has_room_for_pins(&mut self, usage: &Usage) -> bool {
        let Some((rest, bytes_max)) = self.pinned_rest.zip(self.bytes.bytes_max()) else {
            return false;
        };
        let bytes = sum(usage);
        // sealing makes less of it
        let rest = rest.min(bytes);
        self.pinned_rest = Some(rest);
        bytes <= rest.saturating_add(bytes_max / ROOM_SHARE)
    }

    /// Looks whether there is room now.
    async fn remember_rest(&mut self, has_pinned: bool) -> Result<(), StoreError> {
        let bytes = sum(&self.usage().await?);
        let bytes_max = self.bytes.bytes_max().unwrap_or(u64::MAX);
        self.pinned_rest = (has_pinned && bytes > bytes_max).then_some(bytes);
        if self.pinned_rest.is_some() {
            warn!(
                bytes,
                bytes_max, "pins and the hour of now alone take more room than there is"
            );
        }
        Ok(())
    }
}

/// Files, oldest first: end of their time of arrival, and length.
type Usage = Vec<(Timestamp, u64)>;

fn sum(usage: &Usage) -> u64 {
    let bytes = usage.iter().map(|(_, bytes)| *bytes);
    bytes.fold(0, u64::saturating_add)
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
    use std::path::Path;
    use std::sync::atomic::{AtomicI64, Ordering};

    use super::*;
    use crate::pins::{CreatePinRequest, DeletePinRequest};
    use crate::settle::schedule::Schedule;
    use crate::store::contract::sample::{HOUR, trace};
    use crate::store::embedded::Options;
    use crate::store::{Record, Store};

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
        let left = async |age: &str, bytes: &str| {
            let mut retention = retention(dir.path(), options(0), (age, bytes));
            retention.apply(clock::now()).await.unwrap();
            let traces = [trace(1), trace(2)];
            retention.store.document_counts(&traces).await.unwrap()
        };
        assert_eq!(left("8h", "none").await, [1, 1]);
        assert_eq!(left("none", "1").await, [0, 1]);
        assert_eq!(left("3h", "1").await, [0, 1]);
    }

    fn retention(dir: &Path, options: Options, (age, bytes): (&str, &str)) -> Retention {
        let store = Arc::new(EmbeddedStore::open(dir, options).unwrap());
        let shared = Arc::clone(&store) as Arc<dyn Store>;
        Retention::new(
            store,
            Settler::new(Schedule::default()),
            Pins::new(shared, Arc::default()),
            (age.parse().unwrap(), bytes.parse().unwrap()),
        )
    }

    /// With a bound that the pins alone exceed: what is pinned is written anew only when something is won.
    #[tokio::test]
    async fn pins_that_take_all_the_room_are_not_written_anew_for_ever() {
        let dir = tempfile::tempdir().unwrap();
        let hours = Arc::new(AtomicI64::new(0));
        let now = {
            let hours = Arc::clone(&hours);
            move || Timestamp::from_seconds(HOUR + hours.load(Ordering::SeqCst) * 3600)
        };
        let options = Options {
            clock: Arc::new(now.clone()),
            is_sealing: false,
            ..Options::default()
        };
        let mut retention = retention(dir.path(), options, ("none", "8000"));
        let noise = |bytes: usize, seed: u64| {
            let mut state = seed;
            let letters = std::iter::repeat_with(move || {
                state = state
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1);
                char::from(b'!' + u8::try_from(state >> 58).unwrap())
            });
            letters.take(bytes).collect::<String>()
        };
        let append = async |store: &EmbeddedStore, number: u32, bytes: usize| {
            let document = noise(bytes, u64::from(number));
            let trace_id = trace(number);
            store
                .append(vec![Record { trace_id, document }])
                .await
                .unwrap();
        };
        append(&retention.store, 1, 20_000).await;
        append(&retention.store, 2, 20_000).await;
        let request = CreatePinRequest {
            trace_ids: Some(vec![trace(1).to_string()]),
            ..CreatePinRequest::default()
        };
        retention.pins.create(request, now()).await.unwrap();
        let mut copied = Vec::new();
        for hour in 1..=12 {
            hours.store(hour, Ordering::SeqCst);
            append(&retention.store, 100 + u32::try_from(hour).unwrap(), 300).await;
            for _ in 0..2 {
                retention.apply(now()).await.unwrap();
            }
            copied.push(retention.pins.metrics().snapshot().pinned[1]);
            let asked = [trace(1), trace(2)];
            let counts = retention.store.document_counts(&asked).await.unwrap();
            assert_eq!(counts, [1, 0]);
        }
        assert!((2..=5).contains(&copied[11]), "{copied:?}");
        // once there is no such pin there is room
        let unpin = DeletePinRequest { pin_id: Some(1) };
        retention.pins.delete(unpin).await.unwrap();
        hours.store(20, Ordering::SeqCst);
        append(&retention.store, 3, 2_000).await;
        retention.apply(now()).await.unwrap();
        assert_eq!(
            retention.store.document_counts(&[trace(1)]).await.unwrap(),
            [0]
        );
        assert_eq!(retention.pinned_rest, None);
    }
}
