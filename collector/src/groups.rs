//! Groups: named filter expressions that queries restrict themselves to.
//!
//! All groups are one versioned record of the store, read anew by every call, so that several
//! collectors on one store agree; changes are compare-and-swap. A filter is kept as text and read when
//! it is used: a group has no traces of its own. Source: `spec/api.md` sections 3.9 and 4.4.

use std::sync::Arc;

use radiograph_protocol::api::groups::{
    CreateGroupRequest, DeleteGroupResponse, GetGroupsResponse, GroupRequest, GroupResponse,
    UpdateGroupRequest,
};
use radiograph_protocol::error::ApiError;
use sha2::{Digest, Sha256};

use crate::error::ServiceError;
use crate::record;
use crate::store::{Store, StoreError};
use crate::tags::{TagSet, not_found};

pub mod arn;
pub mod group_set;
mod validate;

pub use group_set::{GroupSet, StoredGroup};

/// Record of the groups in the store.
const GROUPS_KEY: &str = "groups";

/// The service. Cheap to clone.
#[derive(Clone)]
pub struct Groups {
    store: Arc<dyn Store>,
    home: Arc<arn::Home>,
}

impl Groups {
    /// The groups of `store`; new ones get ARNs of this region and account.
    #[must_use]
    pub fn new(store: Arc<dyn Store>, region: String, account_id: String) -> Self {
        let home = Arc::new(arn::Home { region, account_id });
        Self { store, home }
    }

    /// CreateGroup.
    ///
    /// # Errors
    /// When a member is missing or unsound, the name is taken or reserved, there are 25 groups, or
    /// the store cannot be used.
    pub async fn create(&self, request: CreateGroupRequest) -> Result<GroupResponse, ServiceError> {
        let group = validate::new_group(request, &self.home, random_bytes())?;
        let shown = group.shown();
        self.change(|set| set.insert(group.clone())).await?;
        Ok(GroupResponse { group: shown })
    }

    /// GetGroup.
    ///
    /// # Errors
    /// When the request names no group or an unknown one, or the store cannot be read.
    pub async fn group(&self, request: GroupRequest) -> Result<GroupResponse, ServiceError> {
        let set = self.load().await?;
        let group = set.find(request.group_name.as_deref(), request.group_arn.as_deref())?;
        Ok(GroupResponse {
            group: group.shown(),
        })
    }

    /// UpdateGroup.
    ///
    /// # Errors
    /// As [`Groups::group`]; also when a member is unsound, or the default group's filter is to be
    /// changed.
    pub async fn update(&self, request: UpdateGroupRequest) -> Result<GroupResponse, ServiceError> {
        let filter = validate::filter(request.filter_expression)?;
        let insights = validate::insights(request.insights_configuration)?;
        let (name, arn) = (request.group_name, request.group_arn);
        let group = self
            .change(|set| set.update(name.as_deref(), arn.as_deref(), filter.clone(), insights))
            .await?;
        Ok(GroupResponse { group })
    }

    /// DeleteGroup.
    ///
    /// # Errors
    /// As [`Groups::group`]; also when it is the default group.
    pub async fn delete(&self, request: GroupRequest) -> Result<DeleteGroupResponse, ServiceError> {
        let (name, arn) = (request.group_name, request.group_arn);
        self.change(|set| set.remove(name.as_deref(), arn.as_deref()))
            .await?;
        Ok(DeleteGroupResponse {})
    }

    /// GetGroups: all of them in one page.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn groups(&self) -> Result<GetGroupsResponse, ServiceError> {
        let set = self.load().await?;
        Ok(GetGroupsResponse {
            groups: set.groups().iter().map(StoredGroup::shown).collect(),
        })
    }

    /// The tags of the group with this ARN; `None` when there is no such group.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub(crate) async fn tags(&self, arn: &str) -> Result<Option<TagSet>, StoreError> {
        Ok(self.load().await?.tags(arn).cloned())
    }

    /// Changes the tags of the group with this ARN.
    ///
    /// # Errors
    /// `ResourceNotFoundException` when there is no such group; why `act` refused; or the store cannot
    /// be used.
    pub(crate) async fn change_tags(
        &self,
        arn: &str,
        mut act: impl FnMut(&mut TagSet) -> Result<(), ApiError>,
    ) -> Result<(), ServiceError> {
        self.change(|set| act(set.tags_mut(arn).ok_or_else(|| not_found(arn))?))
            .await
    }

    /// The groups as they are now.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn load(&self) -> Result<GroupSet, StoreError> {
        self.read().await.map(|(set, _)| set)
    }

    /// The groups and the version of their record, 0 when nobody has changed any yet.
    async fn read(&self) -> Result<(GroupSet, u64), StoreError> {
        record::read(&*self.store, GROUPS_KEY, || GroupSet::fresh(&self.home)).await
    }

    /// Applies a change to the groups as they are, again when somebody else's change came between.
    async fn change<T>(
        &self,
        act: impl FnMut(&mut GroupSet) -> Result<T, ApiError>,
    ) -> Result<T, ServiceError> {
        let fresh = || GroupSet::fresh(&self.home);
        record::change(&*self.store, GROUPS_KEY, fresh, act).await
    }
}

/// 256 bits, of which 244 are random: 122 in each version 4 UUID.
fn random_bytes() -> [u8; 32] {
    let random = [uuid::Uuid::new_v4(), uuid::Uuid::new_v4()];
    let mut bytes = [0; 32];
    bytes.copy_from_slice(&Sha256::digest(random.map(uuid::Uuid::into_bytes).concat()));
    bytes
}

#[cfg(test)]
mod tests;
