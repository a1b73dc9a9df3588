//! Operations about adaptive sampling, which are Radiograph's own. In the manner of X-Ray's: a POST to a
//! fixed path with a JSON object, the same errors.

use bytes::Bytes;
use radiograph_protocol::api::decode;

use super::error::Failure;
use super::operations::encode;
use crate::sampling::Adaptive;

/// One of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operation {
    Put,
    Get,
    Delete,
}

impl Operation {
    const ALL: [Self; 3] = [Self::Put, Self::Get, Self::Delete];

    /// The operation of a path without a slash at its end.
    pub(super) fn of_path(path: &str) -> Option<Self> {
        let name = path.strip_prefix('/')?;
        let mut all = Self::ALL.into_iter();
        all.find(|operation| operation.name() == name)
    }

    /// As its path, logs and metrics call it.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Put => "RadiographPutAdaptiveSampling",
            Self::Get => "RadiographGetAdaptiveSampling",
            Self::Delete => "RadiographDeleteAdaptiveSampling",
        }
    }

    /// Carries it out.
    ///
    /// # Errors
    /// When the request is at fault, or the store cannot be used.
    pub(super) async fn carry_out(
        self,
        adaptive: &Adaptive,
        body: &Bytes,
    ) -> Result<Vec<u8>, Failure> {
        match self {
            Self::Put => encode(&adaptive.put(decode(body)?).await?),
            Self::Get => {
                decode::<serde::de::IgnoredAny>(body)?;
                encode(&adaptive.get().await?)
            }
            Self::Delete => encode(&adaptive.delete(decode(body)?).await?),
        }
    }
}
