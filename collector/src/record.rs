//! A small configuration record of the store as one value: read whole, changed whole, and tried again
//! when somebody else's change came between.

use radiograph_protocol::error::ApiError;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::ServiceError;
use crate::store::{Store, StoreError};

/// How often a change is tried again because another came first: more often than anybody changes at
/// once.
pub(crate) const ATTEMPTS_MAX: u32 = 100;

/// The value and the version of its record; what `fresh` makes, and 0, when there never was one.
///
/// # Errors
/// The record cannot be read, or [`StoreError::Corrupt`] when it is no such value.
pub(crate) async fn read<T: DeserializeOwned>(
    store: &dyn Store,
    key: &str,
    fresh: impl FnOnce() -> T,
) -> Result<(T, u64), StoreError> {
    let Some(record) = store.state(key).await? else {
        return Ok((fresh(), 0));
    };
    let value = serde_json::from_slice(&record.value).map_err(|error| StoreError::Corrupt {
        path: format!("record {key}"),
        reason: error.to_string(),
    })?;
    Ok((value, record.version))
}

/// Applies a change to the value as it is, again when another one came between; what `act` returned the
/// last time.
///
/// # Errors
/// Why `act` refused, or the store could not be read or written.
pub(crate) async fn change<T: DeserializeOwned + Serialize, D>(
    store: &dyn Store,
    key: &str,
    fresh: impl Fn() -> T,
    mut act: impl FnMut(&mut T) -> Result<D, ApiError>,
) -> Result<D, ServiceError> {
    let mut attempt = 1;
    loop {
        let (mut value, version) = read(store, key, &fresh).await?;
        let done = act(&mut value)?;
        let bytes = serde_json::to_vec(&value).map_err(|error| StoreError::State {
            reason: error.to_string(),
        })?;
        match store.put_state(key, version, bytes).await {
            Ok(_) => return Ok(done),
            Err(StoreError::VersionConflict { .. }) if attempt < ATTEMPTS_MAX => attempt += 1,
            Err(error) => return Err(error.into()),
        }
    }
}
