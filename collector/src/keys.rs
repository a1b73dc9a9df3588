//! Access keys: who may call what (`spec/api.md` section 1.3 has the modes; the roles are our own).
//!
//! A key has one role. Which operation needs which role is told by its name, so that an operation that
//! nobody thought of is for administrators alone. Secrets are never printed.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use radiograph_protocol::timestamp::Timestamp;
use serde::Deserialize;
use sha2::{Digest, Sha256};
use uuid::Uuid;

pub use self::file::{KEYS_MAX, KeysError, append, read};
pub(crate) use self::ring::KeyRing;

mod file;
mod ring;

/// What a key may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Send segments, ask for sampling rules and targets: what daemons and samplers do.
    Write,
    /// Read traces, graphs, groups, rules.
    Read,
    /// Everything.
    Admin,
}

impl Role {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Write, Self::Read, Self::Admin];

    /// As it stands in files and messages.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Write => "write",
            Self::Read => "read",
            Self::Admin => "admin",
        }
    }

    /// Whether a key of this role may call the operation of this name. The two lesser roles are those of
    /// AWS's managed policies `AWSXRayDaemonWriteAccess` and `AWSXrayReadOnlyAccess`.
    #[must_use]
    pub fn may_call(self, operation: &str) -> bool {
        const WRITE: [&str; 5] = [
            "PutTraceSegments",
            "PutTelemetryRecords",
            "GetSamplingRules",
            "GetSamplingTargets",
            "GetSamplingStatisticSummaries",
        ];
        const READ: [&str; 4] = [
            "Export",
            "StartTraceRetrieval",
            "CancelTraceRetrieval",
            "RadiographGetAdaptiveSampling",
        ];
        const READ_PREFIXES: [&str; 3] = ["Get", "List", "BatchGet"];
        match self {
            Self::Write => WRITE.contains(&operation),
            Self::Read => {
                READ.contains(&operation)
                    || READ_PREFIXES
                        .iter()
                        .any(|prefix| operation.starts_with(prefix))
            }
            Self::Admin => true,
        }
    }

    /// Whether the operation changes what only administrators may change.
    #[must_use]
    pub fn is_only_admins(operation: &str) -> bool {
        !Self::Write.may_call(operation) && !Self::Read.may_call(operation)
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl std::str::FromStr for Role {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let role = Self::ALL.into_iter().find(|role| role.name() == text);
        role.ok_or("write write, read or admin")
    }
}

/// A pair of keys. What it prints shows no secret.
#[derive(Clone, PartialEq, Eq)]
pub struct AccessKey {
    /// The public half, which requests name and logs show.
    pub id: String,
    /// The secret half, which signs.
    pub secret: String,
    /// What it may do.
    pub role: Role,
    /// Requests must show it as well; temporary keys have one.
    pub session_token: Option<String>,
    /// When it stops being good; none for keys without an end.
    pub expires_at: Option<Timestamp>,
}

impl AccessKey {
    /// A new pair with random bits: an id of 80, a secret of 240 bits or more, in the form of AWS's.
    #[must_use]
    pub fn random(role: Role) -> Self {
        const ID_ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
        const ID_LETTERS: usize = 16;
        const SECRET_LETTERS: usize = 40;
        let letters = random_bytes();
        let letters = letters.iter().take(ID_LETTERS);
        let letters = letters.filter_map(|byte| ID_ALPHABET.get(usize::from(byte % 32)));
        let id: String = "RGKA"
            .chars()
            .chain(letters.map(|letter| char::from(*letter)))
            .collect();
        let secret = STANDARD_NO_PAD.encode(random_bytes());
        Self {
            id,
            secret: secret.chars().take(SECRET_LETTERS).collect(),
            role,
            session_token: None,
            expires_at: None,
        }
    }
}

impl fmt::Debug for AccessKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccessKey")
            .field("id", &self.id)
            .field("role", &self.role)
            .field("is_temporary", &self.session_token.is_some())
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
}

/// Of the 128 bits of a version 4 UUID 122 are random, from the system's generator.
fn random_bytes() -> [u8; 32] {
    let random = [Uuid::new_v4(), Uuid::new_v4(), Uuid::new_v4()];
    Sha256::digest(random.map(Uuid::into_bytes).concat()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_open_what_daemons_and_readers_call_and_nothing_else() {
        for (operation, expected) in [
            ("PutTraceSegments", "write admin"),
            ("PutTelemetryRecords", "write admin"),
            ("GetSamplingRules", "write read admin"),
            ("GetSamplingTargets", "write read admin"),
            ("GetTraceSummaries", "read admin"),
            ("BatchGetTraces", "read admin"),
            ("ListTagsForResource", "read admin"),
            ("StartTraceRetrieval", "read admin"),
            ("CancelTraceRetrieval", "read admin"),
            ("Export", "read admin"),
            ("GetPins", "read admin"),
            ("RadiographGetAdaptiveSampling", "read admin"),
            ("RadiographPutAdaptiveSampling", "admin"),
            ("Backup", "admin"),
            ("CreatePin", "admin"),
            ("CreateGroup", "admin"),
            ("PutResourcePolicy", "admin"),
            ("UpdateTraceSegmentDestination", "admin"),
            ("SomethingNew", "admin"),
        ] {
            let may = Role::ALL
                .into_iter()
                .filter(|role| role.may_call(operation));
            let may: Vec<&str> = may.map(Role::name).collect();
            assert_eq!(may.join(" "), expected, "{operation}");
            assert_eq!(Role::is_only_admins(operation), expected == "admin");
        }
    }

    #[test]
    fn a_role_reads_as_it_is_written() {
        for role in Role::ALL {
            assert_eq!(role.to_string().parse(), Ok(role));
        }
        assert_eq!("Admin".parse::<Role>(), Err("write write, read or admin"));
    }

    #[test]
    fn random_keys_look_like_those_of_aws_and_differ() {
        let (one, other) = (AccessKey::random(Role::Read), AccessKey::random(Role::Read));
        assert_eq!((one.id.len(), one.secret.len()), (20, 40));
        assert!(one.id.bytes().all(|byte| byte.is_ascii_alphanumeric()));
        assert_ne!(one.id, other.id);
        assert_ne!(one.secret, other.secret);
    }

    #[test]
    fn a_printed_key_shows_no_secret() {
        let key = AccessKey {
            session_token: Some("tok/en".to_owned()),
            ..AccessKey::random(Role::Write)
        };
        let shown = format!("{key:?}");
        assert!(
            shown.contains(&key.id) && shown.contains("is_temporary: true"),
            "{shown}"
        );
        assert!(
            !shown.contains(&key.secret) && !shown.contains("tok/en"),
            "{shown}"
        );
    }
}
