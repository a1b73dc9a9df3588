//! Work that may take a while, where it holds up no task that answers others.

use crate::store::StoreError;

/// Runs blocking work on a thread that is made for it.
///
/// # Errors
/// [`StoreError::Closed`] when the runtime ends meanwhile, or after a panic, which was reported already.
pub(crate) async fn on_worker<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, StoreError> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|_| StoreError::Closed)
}
