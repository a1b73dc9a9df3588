//! Pins: traces, or all that started in a window of time, that retention does not take.
//!
//! All pins are one versioned record of the store, read anew by every call; changes are compare-and-swap.
//! A pin moves nothing when it is made: what it means is found when a partition is about to be dropped
//! (`keeping.rs`), and is then stored again with what arrives, so that it passes retention by one turn
//! at a time. What was dropped before there was a pin stays away.
//!
//! Answers about pinned traces stay what they are. The service graph of a window whose other traces
//! were dropped shows the pinned ones alone.
//!
//! Bounds: [`PINS_MAX`] pins of [`TRACE_IDS_MAX`] trace ids each; what a pin holds is counted up to
//! [`COUNTED_TRACES_MAX`] traces.

use std::sync::Arc;

use radiograph_protocol::error::ApiError;
use radiograph_protocol::timestamp::Timestamp;
use tokio::sync::Mutex;

use self::count::Counting;
use self::request::checked;
use crate::error::ServiceError;
use crate::metrics::Metrics;
use crate::record;
use crate::store::{Store, StoreError};

mod count;
mod keeping;
mod pin_set;
mod request;
#[cfg(test)]
mod tests;
mod wanted;

pub use self::count::COUNTED_TRACES_MAX;
pub use self::pin_set::{PINS_MAX, Pin, PinSet, Pinned};
pub use self::request::{
    CreatePinRequest, CreatePinResponse, DeletePinRequest, DeletePinResponse, NOTE_CHARS_MAX,
    PinsResponse, ShownPin, TRACE_IDS_MAX,
};

/// Record of the pins in the store.
const PINS_KEY: &str = "pins";

/// The service. Cheap to clone; clones share what keeps a pin from being made behind retention's back.
#[derive(Clone)]
pub struct Pins {
    store: Arc<dyn Store>,
    metrics: Arc<Metrics>,
    /// Held while a pin is made, and from retention's last look at the pins until what is old is gone.
    gate: Arc<Mutex<()>>,
}

impl Pins {
    /// The pins of a store.
    #[must_use]
    pub fn new(store: Arc<dyn Store>, metrics: Arc<Metrics>) -> Self {
        let gate = Arc::default();
        Self {
            store,
            metrics,
            gate,
        }
    }

    /// Where what was brought out is counted.
    #[cfg(test)]
    pub(crate) fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// CreatePin: what it means and still is there is not dropped from now on.
    ///
    /// # Errors
    /// When a member is missing or unsound, there are too many pins, or the store cannot be used.
    pub async fn create(
        &self,
        request: CreatePinRequest,
        now: Timestamp,
    ) -> Result<CreatePinResponse, ServiceError> {
        let (what, note) = checked(request)?;
        let gate = self.gate.lock().await;
        let pin = self
            .change(|set| set.insert(what.clone(), note.clone(), now))
            .await?;
        drop(gate);
        let held = Counting::new(&*self.store).of(&pin).await?;
        Ok(CreatePinResponse {
            pin: ShownPin::new(pin, held),
        })
    }

    /// Pins: all of them, in the order of their making, with what they hold now.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn pins(&self) -> Result<PinsResponse, ServiceError> {
        let (set, _) = self.read().await?;
        let mut counting = Counting::new(&*self.store);
        let mut pins = Vec::new();
        for pin in set.into_pins() {
            let held = counting.of(&pin).await?;
            pins.push(ShownPin::new(pin, held));
        }
        Ok(PinsResponse { pins })
    }

    /// DeletePin: what it held passes with the partition that it stands in now.
    ///
    /// # Errors
    /// When there is no such pin, or the store cannot be used.
    pub async fn delete(
        &self,
        request: DeletePinRequest,
    ) -> Result<DeletePinResponse, ServiceError> {
        let id = request.id()?;
        self.change(|set| set.remove(id)).await?;
        Ok(DeletePinResponse {})
    }

    /// The pins and the version of their record, 0 when there never was one.
    async fn read(&self) -> Result<(PinSet, u64), StoreError> {
        record::read(&*self.store, PINS_KEY, PinSet::default).await
    }

    /// Applies a change to the pins as they are, again when somebody else's change came between.
    async fn change<T>(
        &self,
        act: impl FnMut(&mut PinSet) -> Result<T, ApiError>,
    ) -> Result<T, ServiceError> {
        record::change(&*self.store, PINS_KEY, PinSet::default, act).await
    }
}
