//! The file of access keys: a list in YAML, members named as in AWS's credentials documents.
//!
//! ```yaml
//! - AccessKeyId: RGKAEXAMPLE
//!   SecretAccessKey: "…"
//!   Role: write            # write, read or admin
//!   SessionToken: "…"      # temporary keys
//!   Expiration: 2026-12-01T00:00:00Z
//! ```
//!
//! Nobody but its owner may have access to it; where that is root, a group may read it: so Kubernetes mounts
//! a secret for a process that is not root, and so PostgreSQL takes the key of its certificate. Bounds: [`FILE_BYTES_MAX`], [`KEYS_MAX`]. Errors never
//! repeat what the file holds beyond ids.

use std::collections::BTreeSet;
use std::fs::{File, OpenOptions};
use std::io::{Read as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use radiograph_protocol::timestamp::Timestamp;
use serde::Deserialize;

use super::{AccessKey, Role};

/// Bytes of a file at most.
pub(super) const FILE_BYTES_MAX: u64 = 1 << 20;

/// Keys in a file at most.
pub const KEYS_MAX: usize = 4096;

/// Characters of an id, and of a session token, at most.
const WORD_CHARS_MAX: usize = 4096;

/// Permissions that nobody may have but the owner.
const OTHERS_MODE: u32 = 0o077;

/// Those that nobody may have where root is the owner.
const OTHERS_OF_ROOT_MODE: u32 = 0o037;

/// What is said of a file that reads as something else.
const FORM: &str = "not a list of AccessKeyId, SecretAccessKey, Role (write, read or admin) and, for \
    temporary keys, SessionToken and Expiration";

/// Why a file of keys cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeysError {
    /// It cannot be opened, read or written.
    #[error("keys file {path}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// Others than its owner have access to it.
    #[error(
        "keys file {path} is open to others than its owner (mode {mode:04o}); chmod 600 {path}"
    )]
    Mode {
        /// The file.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
    },
    /// What it holds is no list of keys.
    #[error("keys file {path}: {problem}")]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What is wrong, without a secret.
        problem: String,
    },
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Entry {
    access_key_id: String,
    secret_access_key: String,
    role: Role,
    session_token: Option<String>,
    expiration: Option<String>,
}

/// Reads a file of keys.
///
/// # Errors
/// When it cannot be read, is open to others, or holds anything but different, well-formed keys, at
/// least one.
pub fn read(path: &Path) -> Result<Vec<AccessKey>, KeysError> {
    let keys = parse(&text(path)?).map_err(|problem| malformed(path, problem))?;
    if keys.is_empty() {
        let problem = "there is no key in it; radiograph keys new makes one".to_owned();
        return Err(malformed(path, problem));
    }
    Ok(keys)
}

/// Adds a key to a file, which is made if it is not there; the key is on disk when this returns.
///
/// # Errors
/// As [`read`], though a file without a key will do; also when there is no room for another one.
pub fn append(path: &Path, key: &AccessKey) -> Result<(), KeysError> {
    let io = |source| KeysError::Io {
        path: path.to_owned(),
        source,
    };
    let mut options = OpenOptions::new();
    let mut file = options
        .append(true)
        .create(true)
        .mode(0o600)
        .open(path)
        .map_err(io)?;
    let before = text(path)?;
    let mut entry = entry(key);
    if !before.is_empty() && !before.ends_with('\n') {
        entry.insert(0, '\n');
    }
    // the file as it will be: nothing is written that could not be read
    parse(&format!("{before}{entry}")).map_err(|problem| malformed(path, problem))?;
    file.write_all(entry.as_bytes()).map_err(io)?;
    file.sync_all().map_err(io)
}

/// The text of a file that nobody else has access to.
fn text(path: &Path) -> Result<String, KeysError> {
    let io = |source| KeysError::Io {
        path: path.to_owned(),
        source,
    };
    let file = File::open(path).map_err(io)?;
    // of the open file, so that it cannot be another one
    let metadata = file.metadata().map_err(io)?;
    let mode = metadata.mode() & 0o777;
    if !is_private(metadata.uid(), mode) {
        let path = path.to_owned();
        return Err(KeysError::Mode { path, mode });
    }
    let mut text = String::new();
    let mut file = file.take(FILE_BYTES_MAX + 1);
    file.read_to_string(&mut text).map_err(io)?;
    if file.limit() == 0 {
        let problem = format!("it is longer than {FILE_BYTES_MAX} bytes");
        return Err(malformed(path, problem));
    }
    Ok(text)
}

/// Whether a file with this owner and these permissions keeps a secret.
const fn is_private(owner: u32, mode: u32) -> bool {
    let others = if owner == 0 {
        OTHERS_OF_ROOT_MODE
    } else {
        OTHERS_MODE
    };
    mode & others == 0
}

fn malformed(path: &Path, problem: String) -> KeysError {
    let path = path.to_owned();
    KeysError::Malformed { path, problem }
}

fn parse(text: &str) -> Result<Vec<AccessKey>, String> {
    let entries: Option<Vec<Entry>> = serde_saphyr::from_str(text).map_err(|error| {
        // its own text quotes the file, secrets included; line and column cannot
        error.location().map_or_else(
            || FORM.to_owned(),
            |at| format!("{FORM}: line {} column {}", at.line(), at.column()),
        )
    })?;
    let entries = entries.unwrap_or_default();
    if entries.len() > KEYS_MAX {
        return Err(format!("it has more than {KEYS_MAX} keys"));
    }
    let mut ids = BTreeSet::new();
    let mut keys = Vec::with_capacity(entries.len());
    for (at, entry) in entries.into_iter().enumerate() {
        let key = checked(entry).map_err(|problem| format!("key {}: {problem}", at + 1))?;
        if !ids.insert(key.id.clone()) {
            return Err(format!("key {}: {} is there twice", at + 1, key.id));
        }
        keys.push(key);
    }
    Ok(keys)
}

fn checked(entry: Entry) -> Result<AccessKey, String> {
    let is_word = |text: &str| {
        let is_graphic = text.bytes().all(|byte| byte.is_ascii_graphic());
        !text.is_empty() && text.len() <= WORD_CHARS_MAX && is_graphic
    };
    // what separates the parts of an Authorization header cannot stand in an id
    if !is_word(&entry.access_key_id) || entry.access_key_id.contains([',', '"', '\\']) {
        return Err("AccessKeyId is empty, too long or holds odd characters".to_owned());
    }
    if !is_word(&entry.secret_access_key) {
        return Err("SecretAccessKey is empty, too long or holds odd characters".to_owned());
    }
    if !entry.session_token.as_deref().is_none_or(is_word) {
        return Err("SessionToken is empty, too long or holds odd characters".to_owned());
    }
    let expires_at = entry.expiration.map(|text| {
        let time: Result<jiff::Timestamp, _> = text.trim().parse();
        let time = time.map_err(|_| "Expiration is no RFC 3339 time".to_owned())?;
        Ok::<_, String>(Timestamp::from_micros(time.as_microsecond()))
    });
    Ok(AccessKey {
        id: entry.access_key_id,
        secret: entry.secret_access_key,
        role: entry.role,
        session_token: entry.session_token,
        expires_at: expires_at.transpose()?,
    })
}

/// A key as it stands in the file; its words are ASCII without what YAML's quotes would change.
fn entry(key: &AccessKey) -> String {
    let quoted = |text: &str| serde_json::Value::from(text).to_string();
    let mut entry = format!(
        "- AccessKeyId: {}\n  SecretAccessKey: {}\n  Role: {}\n",
        quoted(&key.id),
        quoted(&key.secret),
        key.role
    );
    if let Some(token) = &key.session_token {
        entry.push_str(&format!("  SessionToken: {}\n", quoted(token)));
    }
    if let Some(time) = key.expires_at {
        let time = jiff::Timestamp::from_microsecond(time.micros());
        let time = time.unwrap_or(jiff::Timestamp::MAX);
        entry.push_str(&format!("  Expiration: {time}\n"));
    }
    entry
}

#[cfg(test)]
mod tests;
