//! All pins as one value: what the store keeps, and what may be done to it. Pure.

use radiograph_protocol::error::ApiError;
use radiograph_protocol::ids::TraceId;
use radiograph_protocol::timestamp::Timestamp;
use serde::{Deserialize, Serialize};

/// Pins at most: with all their trace ids less than 1 MB, which retention reads before it drops.
pub const PINS_MAX: usize = 200;

/// All pins, in the order of their making.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct PinSet {
    /// The greatest id there ever was: none is used again.
    last_id: u64,
    pins: Vec<Pin>,
}

/// One pin.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Pin {
    /// Unique for ever, from 1.
    pub id: u64,
    /// When it was made.
    pub created: Timestamp,
    /// Why, in the words of who made it.
    #[serde(default)]
    pub note: Option<String>,
    /// What it keeps.
    pub what: Pinned,
}

/// What a pin keeps.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Pinned {
    /// These traces, with all documents that they have and will have.
    Traces(Vec<TraceId>),
    /// The traces that started in a window.
    Window {
        /// Its start, inclusive.
        start: Timestamp,
        /// Its end, exclusive.
        end: Timestamp,
        /// Only those that this filter expression selects, as they are when they would be dropped.
        filter_expression: Option<String>,
    },
}

impl PinSet {
    /// All pins.
    #[must_use]
    pub fn pins(&self) -> &[Pin] {
        &self.pins
    }

    /// All pins, to keep.
    #[must_use]
    pub fn into_pins(self) -> Vec<Pin> {
        self.pins
    }

    /// Takes a new pin in, and returns it.
    ///
    /// # Errors
    /// `InvalidRequestException` when there are [`PINS_MAX`].
    pub fn insert(
        &mut self,
        what: Pinned,
        note: Option<String>,
        created: Timestamp,
    ) -> Result<Pin, ApiError> {
        if self.pins.len() >= PINS_MAX {
            let message = format!("Exceeding maximum pin count: {PINS_MAX}");
            return Err(ApiError::invalid_request(message));
        }
        self.last_id = self.last_id.saturating_add(1);
        let pin = Pin {
            id: self.last_id,
            created,
            note,
            what,
        };
        self.pins.push(pin.clone());
        Ok(pin)
    }

    /// Takes a pin out.
    ///
    /// # Errors
    /// `InvalidRequestException` when there is no such pin.
    pub fn remove(&mut self, id: u64) -> Result<(), ApiError> {
        let place = self.pins.iter().position(|pin| pin.id == id);
        let place = place.ok_or_else(|| ApiError::invalid_request("Pin not found"))?;
        self.pins.remove(place);
        Ok(())
    }
}
