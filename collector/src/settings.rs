//! Settings of the account that X-Ray's API can read and change: encryption configuration, resource
//! policies, indexing rules, and the destination of segments.
//!
//! Each is one versioned record of the store, read anew by every call; changes are compare-and-swap, so
//! of two that expect the same revision of a policy one wins. Of them all only the indexing rule changes
//! what the collector does: see [`indexing`]. Nothing is encrypted by the collector, no policy is
//! enforced, and segments stay in the store, whatever the others say; the answers say so where X-Ray's
//! shapes let them. Source: `spec/api.md` section 5.

use std::sync::Arc;

use radiograph_protocol::api::policies::{
    DeleteResourcePolicyRequest, DeleteResourcePolicyResponse, ListResourcePoliciesRequest,
    ListResourcePoliciesResponse, PutResourcePolicyRequest, PutResourcePolicyResponse,
};
use radiograph_protocol::api::settings::{
    EncryptionConfigResponse, GetIndexingRulesResponse, PutEncryptionConfigRequest,
    TraceSegmentDestinationResponse, UpdateIndexingRuleRequest, UpdateIndexingRuleResponse,
    UpdateTraceSegmentDestinationRequest,
};
use radiograph_protocol::timestamp::Timestamp;
use tracing::warn;

use self::destination::StoredDestination;
use self::encryption::StoredEncryption;
use self::indexing::StoredIndexing;
use self::policies::PolicySet;
use crate::error::ServiceError;
use crate::record;
use crate::store::Store;

mod destination;
mod encryption;
pub mod indexing;
mod lockout;
mod policies;

const ENCRYPTION_KEY: &str = "encryption-config";
const POLICIES_KEY: &str = "resource-policies";
const DESTINATION_KEY: &str = "trace-segment-destination";

/// The service. Cheap to clone.
#[derive(Clone)]
pub struct Settings {
    store: Arc<dyn Store>,
}

impl Settings {
    /// The settings of a store.
    #[must_use]
    pub const fn new(store: Arc<dyn Store>) -> Self {
        Self { store }
    }

    /// GetEncryptionConfig.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn encryption(&self) -> Result<EncryptionConfigResponse, ServiceError> {
        let fresh = StoredEncryption::default;
        let (stored, _) = record::read(&*self.store, ENCRYPTION_KEY, fresh).await?;
        Ok(stored.shown(encryption::ACTIVE))
    }

    /// PutEncryptionConfig. Answers `UPDATING`, as AWS does; who asks again is told `ACTIVE`.
    ///
    /// # Errors
    /// When a member is missing or unsound, or the store cannot be used.
    pub async fn put_encryption(
        &self,
        request: PutEncryptionConfigRequest,
    ) -> Result<EncryptionConfigResponse, ServiceError> {
        let wanted = encryption::checked(request)?;
        let put = |stored: &mut StoredEncryption| {
            stored.clone_from(&wanted);
            Ok(())
        };
        record::change(&*self.store, ENCRYPTION_KEY, StoredEncryption::default, put).await?;
        if wanted.names_a_key() {
            warn!(
                reason = "only encrypted disks protect what is stored",
                "an encryption key was configured, which is kept and not used"
            );
        }
        Ok(wanted.shown(encryption::UPDATING))
    }

    /// PutResourcePolicy.
    ///
    /// # Errors
    /// One of the five errors of policies, `InvalidRequestException` for a name that cannot be one, or
    /// the store cannot be used.
    pub async fn put_policy(
        &self,
        request: PutResourcePolicyRequest,
        now: Timestamp,
    ) -> Result<PutResourcePolicyResponse, ServiceError> {
        let wanted = policies::checked(request)?;
        let put = |set: &mut PolicySet| set.put(&wanted, now);
        let resource_policy =
            record::change(&*self.store, POLICIES_KEY, PolicySet::default, put).await?;
        Ok(PutResourcePolicyResponse { resource_policy })
    }

    /// ListResourcePolicies: all of them in one page, by name.
    ///
    /// # Errors
    /// When the token has a wrong length, or the store cannot be read.
    pub async fn policies(
        &self,
        request: ListResourcePoliciesRequest,
    ) -> Result<ListResourcePoliciesResponse, ServiceError> {
        policies::check_token(request.next_token.as_deref())?;
        let (set, _) = record::read(&*self.store, POLICIES_KEY, PolicySet::default).await?;
        Ok(ListResourcePoliciesResponse {
            resource_policies: set.into_policies(),
        })
    }

    /// DeleteResourcePolicy.
    ///
    /// # Errors
    /// When there is no such policy, or no longer in that revision, or the store cannot be used.
    pub async fn delete_policy(
        &self,
        request: DeleteResourcePolicyRequest,
    ) -> Result<DeleteResourcePolicyResponse, ServiceError> {
        let name = policies::name(request.policy_name)?;
        let revision = request.policy_revision_id;
        let delete = |set: &mut PolicySet| set.delete(&name, revision.as_deref());
        record::change(&*self.store, POLICIES_KEY, PolicySet::default, delete).await?;
        Ok(DeleteResourcePolicyResponse {})
    }

    /// GetIndexingRules: the one there is.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn indexing_rules(&self) -> Result<GetIndexingRulesResponse, ServiceError> {
        let stored = indexing::read(&*self.store).await?;
        Ok(GetIndexingRulesResponse {
            indexing_rules: vec![stored.shown()],
        })
    }

    /// UpdateIndexingRule: GetTraceSummaries shows that share of the traces from its next call on.
    ///
    /// # Errors
    /// When a member is missing or unsound, there is no such rule, or the store cannot be used.
    pub async fn update_indexing_rule(
        &self,
        request: UpdateIndexingRuleRequest,
        now: Timestamp,
    ) -> Result<UpdateIndexingRuleResponse, ServiceError> {
        let wanted = StoredIndexing::asked_for(request, now)?;
        let put = |stored: &mut StoredIndexing| {
            *stored = wanted;
            Ok(())
        };
        record::change(&*self.store, indexing::KEY, StoredIndexing::default, put).await?;
        Ok(UpdateIndexingRuleResponse {
            indexing_rule: wanted.shown(),
        })
    }

    /// GetTraceSegmentDestination.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn destination(&self) -> Result<TraceSegmentDestinationResponse, ServiceError> {
        let fresh = StoredDestination::default;
        let (stored, _) = record::read(&*self.store, DESTINATION_KEY, fresh).await?;
        Ok(stored.shown())
    }

    /// UpdateTraceSegmentDestination: kept, and without effect on where segments are stored.
    ///
    /// # Errors
    /// When a member is unsound, or the store cannot be used.
    pub async fn update_destination(
        &self,
        request: UpdateTraceSegmentDestinationRequest,
    ) -> Result<TraceSegmentDestinationResponse, ServiceError> {
        let wanted = destination::checked(request)?;
        let put = |stored: &mut StoredDestination| stored.update(&wanted);
        let shown = record::change(
            &*self.store,
            DESTINATION_KEY,
            StoredDestination::default,
            put,
        )
        .await?;
        Ok(shown)
    }
}

#[cfg(test)]
mod tests;
