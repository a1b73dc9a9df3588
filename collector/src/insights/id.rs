//! Ids of insights, and how records write them: as answers do.

use serde::{Deserialize, Deserializer, Serializer};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::trace::node::NodeKey;

/// The id of an insight: the same for the same group, service and start. SHA-256 in the form of a
/// name-based UUID, since AWS's pattern asks for a version.
pub(super) fn insight_id(group_arn: &str, root_cause: &NodeKey, start: i64) -> Uuid {
    let parts = [
        group_arn,
        &root_cause.name,
        root_cause.kind.as_deref().unwrap_or_default(),
        root_cause.account_id.as_deref().unwrap_or_default(),
    ];
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part.len().to_le_bytes());
        hash.update(part);
    }
    hash.update(start.to_le_bytes());
    let mut bytes = [0; 16];
    for (to, from) in bytes.iter_mut().zip(hash.finalize()) {
        *to = from;
    }
    uuid::Builder::from_sha1_bytes(bytes).into_uuid()
}

pub(super) fn serialize<S: Serializer>(id: &Uuid, to: S) -> Result<S::Ok, S::Error> {
    to.collect_str(id)
}

pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Uuid, D::Error> {
    let text = String::deserialize(from)?;
    Uuid::try_parse(&text).map_err(serde::de::Error::custom)
}
