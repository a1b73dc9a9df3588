//! Operations about trace retrieval. Source: `spec/api.md` sections 2 and 5.1.

use bytes::Bytes;
use radiograph_protocol::api::decode;

use super::error::Failure;
use super::operations::encode;
use crate::clock;
use crate::retrieval::Retrievals;

/// One of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operation {
    StartTraceRetrieval,
    ListRetrievedTraces,
    GetRetrievedTracesGraph,
    CancelTraceRetrieval,
}

impl Operation {
    /// The operation of a path without a slash at its end.
    pub(super) fn of_path(path: &str) -> Option<Self> {
        Some(match path {
            "/StartTraceRetrieval" => Self::StartTraceRetrieval,
            "/ListRetrievedTraces" => Self::ListRetrievedTraces,
            "/GetRetrievedTracesGraph" => Self::GetRetrievedTracesGraph,
            "/CancelTraceRetrieval" => Self::CancelTraceRetrieval,
            _ => return None,
        })
    }

    /// As AWS calls it.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::StartTraceRetrieval => "StartTraceRetrieval",
            Self::ListRetrievedTraces => "ListRetrievedTraces",
            Self::GetRetrievedTracesGraph => "GetRetrievedTracesGraph",
            Self::CancelTraceRetrieval => "CancelTraceRetrieval",
        }
    }

    /// Carries it out.
    ///
    /// # Errors
    /// When the request is at fault, or the store cannot be used.
    pub(super) async fn carry_out(
        self,
        retrievals: &Retrievals,
        body: &Bytes,
    ) -> Result<Vec<u8>, Failure> {
        let now = clock::now();
        match self {
            Self::StartTraceRetrieval => encode(&retrievals.start(decode(body)?, now).await?),
            Self::ListRetrievedTraces => encode(&retrievals.traces(decode(body)?, now).await?),
            Self::GetRetrievedTracesGraph => encode(&retrievals.graph(decode(body)?, now).await?),
            Self::CancelTraceRetrieval => encode(&retrievals.cancel(decode(body)?, now).await?),
        }
    }
}
