//! Operations about pins, which are Radiograph's own. In the manner of X-Ray's: a POST to a fixed path
//! with a JSON object, the same errors.

use bytes::Bytes;
use radiograph_protocol::api::decode;

use super::error::Failure;
use super::operations::encode;
use crate::clock;
use crate::pins::Pins;

/// One of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operation {
    Create,
    List,
    Delete,
}

impl Operation {
    /// The operation of a path without a slash at its end.
    pub(super) fn of_path(path: &str) -> Option<Self> {
        Some(match path {
            "/CreatePin" => Self::Create,
            "/Pins" => Self::List,
            "/DeletePin" => Self::Delete,
            _ => return None,
        })
    }

    /// As logs and metrics call it.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Create => "CreatePin",
            Self::List => "GetPins",
            Self::Delete => "DeletePin",
        }
    }

    /// Carries it out.
    ///
    /// # Errors
    /// When the request is at fault, or the store cannot be used.
    pub(super) async fn carry_out(self, pins: &Pins, body: &Bytes) -> Result<Vec<u8>, Failure> {
        match self {
            Self::Create => encode(&pins.create(decode(body)?, clock::now()).await?),
            Self::List => {
                decode::<serde::de::IgnoredAny>(body)?;
                encode(&pins.pins().await?)
            }
            Self::Delete => encode(&pins.delete(decode(body)?).await?),
        }
    }
}
