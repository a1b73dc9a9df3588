//! Operations about the tags of groups and sampling rules. Source: `spec/api.md` section 4.5.

use bytes::Bytes;
use radiograph_protocol::api::decode;

use super::error::Failure;
use super::operations::encode;
use crate::tags::Tags;

/// One of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operation {
    Tag,
    Untag,
    List,
}

impl Operation {
    /// The operation of a path without a slash at its end.
    pub(super) fn of_path(path: &str) -> Option<Self> {
        Some(match path {
            "/TagResource" => Self::Tag,
            "/UntagResource" => Self::Untag,
            "/ListTagsForResource" => Self::List,
            _ => return None,
        })
    }

    /// As AWS calls it.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Tag => "TagResource",
            Self::Untag => "UntagResource",
            Self::List => "ListTagsForResource",
        }
    }

    /// Carries it out.
    ///
    /// # Errors
    /// When the request is at fault, or the store cannot be used.
    pub(super) async fn carry_out(self, tags: &Tags, body: &Bytes) -> Result<Vec<u8>, Failure> {
        match self {
            Self::Tag => encode(&tags.tag(decode(body)?).await?),
            Self::Untag => encode(&tags.untag(decode(body)?).await?),
            Self::List => encode(&tags.list(decode(body)?).await?),
        }
    }
}
