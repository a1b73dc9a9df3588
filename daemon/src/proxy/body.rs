//! Reading the body of a call: bounded each, and bounded all together.
//!
//! A body's bytes are taken from a budget as they arrive, so that many connections with big bodies
//! cannot use up the memory; who finds it used up is told to come again.

use std::sync::Arc;

use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::body::Body;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// A body, whose bytes count against the budget until this is dropped.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) bytes: Bytes,
    _charge: Option<OwnedSemaphorePermit>,
}

/// Why there is no body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum BodyError {
    /// It is longer than its call may be.
    TooLong,
    /// Other bodies have used up the budget.
    Busy,
    /// The client broke off.
    Broken,
}

/// Reads a body of so many bytes at most; `budget` has a permit for each byte.
pub(super) async fn read<B>(
    mut body: B,
    bytes_max: usize,
    budget: &Arc<Semaphore>,
) -> Result<Held, BodyError>
where
    B: Body<Data = Bytes> + Unpin,
{
    let mut bytes = Vec::new();
    let mut charge: Option<OwnedSemaphorePermit> = None;
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(|_| BodyError::Broken)?.into_data() else {
            continue;
        };
        if data.len() > bytes_max.saturating_sub(bytes.len()) {
            return Err(BodyError::TooLong);
        }
        let permits = u32::try_from(data.len()).map_err(|_| BodyError::TooLong)?;
        let charged = Arc::clone(budget)
            .try_acquire_many_owned(permits)
            .map_err(|_| BodyError::Busy)?;
        match &mut charge {
            Some(charge) => charge.merge(charged),
            None => charge = Some(charged),
        }
        bytes.extend_from_slice(&data);
    }
    Ok(Held {
        bytes: bytes.into(),
        _charge: charge,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use http_body_util::Full;

    async fn body(
        bytes: usize,
        bytes_max: usize,
        budget: &Arc<Semaphore>,
    ) -> Result<Held, BodyError> {
        read(Full::new(Bytes::from(vec![b'x'; bytes])), bytes_max, budget).await
    }

    #[tokio::test]
    async fn a_body_may_have_as_many_bytes_as_allowed_and_no_more() {
        let budget = Arc::new(Semaphore::new(100));
        assert_eq!(body(10, 10, &budget).await.unwrap().bytes.len(), 10);
        assert_eq!(body(0, 10, &budget).await.unwrap().bytes.len(), 0);
        assert_eq!(body(11, 10, &budget).await.unwrap_err(), BodyError::TooLong);
    }

    #[tokio::test]
    async fn bodies_share_a_budget_and_give_it_back() {
        let budget = Arc::new(Semaphore::new(100));
        let first = body(60, 80, &budget).await.unwrap();
        assert_eq!(body(60, 80, &budget).await.unwrap_err(), BodyError::Busy);
        drop(first);
        assert_eq!(body(60, 80, &budget).await.unwrap().bytes.len(), 60);
        assert_eq!(budget.available_permits(), 100);
    }
}
