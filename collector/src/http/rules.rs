//! Operations that change sampling rules. Source: `spec/api.md` section 4.2.

use bytes::Bytes;
use radiograph_protocol::api::decode;

use super::error::Failure;
use super::operations::encode;
use crate::clock;
use crate::sampling::Rules;

/// One of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operation {
    Create,
    Update,
    Delete,
}

impl Operation {
    /// The operation of a path without a slash at its end.
    pub(super) fn of_path(path: &str) -> Option<Self> {
        Some(match path {
            "/CreateSamplingRule" => Self::Create,
            "/UpdateSamplingRule" => Self::Update,
            "/DeleteSamplingRule" => Self::Delete,
            _ => return None,
        })
    }

    /// As AWS calls it.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Create => "CreateSamplingRule",
            Self::Update => "UpdateSamplingRule",
            Self::Delete => "DeleteSamplingRule",
        }
    }

    /// Carries it out.
    ///
    /// # Errors
    /// When the request is at fault, or the store cannot be used.
    pub(super) async fn carry_out(self, rules: &Rules, body: &Bytes) -> Result<Vec<u8>, Failure> {
        let now = clock::now();
        match self {
            Self::Create => encode(&rules.create(decode(body)?, now).await?),
            Self::Update => encode(&rules.update(decode(body)?, now).await?),
            Self::Delete => encode(&rules.delete(decode(body)?, now).await?),
        }
    }
}
