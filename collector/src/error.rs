//! Why a service did not do what a request asked.

use radiograph_protocol::error::ApiError;

use crate::store::StoreError;

/// The two who can be at fault: the request, or the store.
#[derive(Debug, thiserror::Error)]
pub enum ServiceError {
    /// The request is at fault, or comes when the collector is too busy.
    #[error(transparent)]
    Refused(#[from] ApiError),
    /// The store could not be read or written; nothing of the request is acknowledged.
    #[error(transparent)]
    Store(#[from] StoreError),
}
