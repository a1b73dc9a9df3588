//! Operations about encryption, resource policies, indexing rules and the destination of segments.
//! Source: `spec/api.md` sections 2 and 5.

use bytes::Bytes;
use radiograph_protocol::api::decode;
use radiograph_protocol::api::settings::GetIndexingRulesRequest;
use serde::de::IgnoredAny;

use super::error::Failure;
use super::operations::encode;
use crate::clock;
use crate::settings::Settings;

/// One of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operation {
    GetEncryptionConfig,
    PutEncryptionConfig,
    PutResourcePolicy,
    ListResourcePolicies,
    DeleteResourcePolicy,
    GetIndexingRules,
    UpdateIndexingRule,
    GetTraceSegmentDestination,
    UpdateTraceSegmentDestination,
}

impl Operation {
    /// The operation of a path without a slash at its end.
    pub(super) fn of_path(path: &str) -> Option<Self> {
        Some(match path {
            "/EncryptionConfig" => Self::GetEncryptionConfig,
            "/PutEncryptionConfig" => Self::PutEncryptionConfig,
            "/PutResourcePolicy" => Self::PutResourcePolicy,
            "/ListResourcePolicies" => Self::ListResourcePolicies,
            "/DeleteResourcePolicy" => Self::DeleteResourcePolicy,
            "/GetIndexingRules" => Self::GetIndexingRules,
            "/UpdateIndexingRule" => Self::UpdateIndexingRule,
            "/GetTraceSegmentDestination" => Self::GetTraceSegmentDestination,
            "/UpdateTraceSegmentDestination" => Self::UpdateTraceSegmentDestination,
            _ => return None,
        })
    }

    /// As AWS calls it.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::GetEncryptionConfig => "GetEncryptionConfig",
            Self::PutEncryptionConfig => "PutEncryptionConfig",
            Self::PutResourcePolicy => "PutResourcePolicy",
            Self::ListResourcePolicies => "ListResourcePolicies",
            Self::DeleteResourcePolicy => "DeleteResourcePolicy",
            Self::GetIndexingRules => "GetIndexingRules",
            Self::UpdateIndexingRule => "UpdateIndexingRule",
            Self::GetTraceSegmentDestination => "GetTraceSegmentDestination",
            Self::UpdateTraceSegmentDestination => "UpdateTraceSegmentDestination",
        }
    }

    /// Carries it out.
    ///
    /// # Errors
    /// When the request is at fault, or the store cannot be used.
    pub(super) async fn carry_out(
        self,
        settings: &Settings,
        body: &Bytes,
    ) -> Result<Vec<u8>, Failure> {
        let now = clock::now();
        match self {
            Self::GetEncryptionConfig => {
                decode::<IgnoredAny>(body)?;
                encode(&settings.encryption().await?)
            }
            Self::PutEncryptionConfig => encode(&settings.put_encryption(decode(body)?).await?),
            Self::PutResourcePolicy => encode(&settings.put_policy(decode(body)?, now).await?),
            Self::ListResourcePolicies => encode(&settings.policies(decode(body)?).await?),
            Self::DeleteResourcePolicy => encode(&settings.delete_policy(decode(body)?).await?),
            Self::GetIndexingRules => {
                decode::<GetIndexingRulesRequest>(body)?;
                encode(&settings.indexing_rules().await?)
            }
            Self::UpdateIndexingRule => {
                encode(&settings.update_indexing_rule(decode(body)?, now).await?)
            }
            Self::GetTraceSegmentDestination => {
                decode::<IgnoredAny>(body)?;
                encode(&settings.destination().await?)
            }
            Self::UpdateTraceSegmentDestination => {
                encode(&settings.update_destination(decode(body)?).await?)
            }
        }
    }
}
