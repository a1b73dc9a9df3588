//! The keys that are good now: those of the file, read again when it changes, and those of this process.
//!
//! The file is looked at every [`LOOK_EVERY`], which also sees what replaces it, as mounted secrets do. A
//! file that cannot be used changes nothing but the log, where it is told once: whoever edits the file must
//! not lock everybody out.

use std::collections::HashMap;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock, Weak};
use std::time::Duration;

use radiograph_admin::with_causes;
use tokio::time::{MissedTickBehavior, interval};
use tracing::{error, info};

use super::AccessKey;
use super::file::{self, KeysError};
use crate::worker::on_worker;

/// How often the file is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(2);

type Keys = HashMap<String, Arc<AccessKey>>;

/// The keys by id. Cheap to clone; clones share them.
#[derive(Debug, Clone)]
pub(crate) struct KeyRing(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    path: PathBuf,
    /// Of this process, in no file.
    own: Vec<AccessKey>,
    /// The file before it was read first, so that a change since then is seen.
    first: Look,
    keys: RwLock<Keys>,
}

/// By what a file shows that it is another one or was changed: time, length, inode, permissions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Look(Option<(i64, i64, u64, u64, u32)>);

impl Look {
    fn at(path: &Path) -> Self {
        Self(std::fs::metadata(path).ok().map(|found| {
            (
                found.mtime(),
                found.mtime_nsec(),
                found.size(),
                found.ino(),
                found.mode(),
            )
        }))
    }
}

impl KeyRing {
    /// The keys of a file, and those of this process.
    ///
    /// # Errors
    /// When the file cannot be used.
    pub(crate) fn open(path: PathBuf, own: Vec<AccessKey>) -> Result<Self, KeysError> {
        let first = Look::at(&path);
        let keys = gathered(&path, &own)?;
        Ok(Self(Arc::new(Inner {
            path,
            own,
            first,
            keys: RwLock::new(keys),
        })))
    }

    /// How many there are.
    pub(crate) fn count(&self) -> usize {
        self.0
            .keys
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .len()
    }

    /// The key of this id.
    pub(crate) fn key(&self, id: &str) -> Option<Arc<AccessKey>> {
        let keys = self.0.keys.read().unwrap_or_else(PoisonError::into_inner);
        keys.get(id).cloned()
    }

    /// Reads the file again whenever it changes, until nobody has the keys any more.
    pub(crate) fn follow(&self) -> impl Future<Output = ()> + use<> {
        let (path, ring) = (self.0.path.clone(), Arc::downgrade(&self.0));
        let mut last = self.0.first;
        async move {
            let mut ticks = interval(LOOK_EVERY);
            ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            loop {
                ticks.tick().await;
                let (path, ring) = (path.clone(), Weak::clone(&ring));
                let looked = on_worker(move || look_again(&path, &ring, last)).await;
                let Ok(Some(now)) = looked else { return };
                last = now;
            }
        }
    }
}

/// What the file shows now; it is read if that is something else. `None` when nobody has the keys.
fn look_again(path: &Path, ring: &Weak<Inner>, last: Look) -> Option<Look> {
    let ring = ring.upgrade()?;
    let now = Look::at(path);
    if now == last {
        return Some(last);
    }
    match gathered(path, &ring.own) {
        Ok(keys) => {
            info!(count = keys.len(), "access keys were read again");
            *ring.keys.write().unwrap_or_else(PoisonError::into_inner) = keys;
        }
        Err(error) => {
            let error = with_causes(&error);
            error!(
                error,
                "access keys cannot be read again; the earlier ones stay good"
            );
        }
    }
    Some(now)
}

fn gathered(path: &Path, own: &[AccessKey]) -> Result<Keys, KeysError> {
    let keys = file::read(path)?.into_iter().chain(own.iter().cloned());
    Ok(keys.map(|key| (key.id.clone(), Arc::new(key))).collect())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::super::Role;
    use super::*;

    #[test]
    fn a_changed_file_is_read_again_and_a_bad_one_changes_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("keys.yaml");
        let [first, second, own] = Role::ALL.map(AccessKey::random);
        file::append(&path, &first).unwrap();
        let before = Look::at(&path);
        let ring = KeyRing::open(path.clone(), vec![own.clone()]).unwrap();
        let has = |key: &AccessKey| ring.key(&key.id).is_some();
        assert_eq!((has(&first), has(&second), has(&own)), (true, false, true));
        assert_eq!(ring.count(), 2);

        file::append(&path, &second).unwrap();
        let held = Arc::downgrade(&ring.0);
        let look = look_again(&path, &held, before).unwrap();
        assert_eq!((has(&first), has(&second), has(&own)), (true, true, true));

        std::fs::write(&path, "- AccessKeyId: half").unwrap();
        let look = look_again(&path, &held, look).unwrap();
        assert_eq!((has(&first), has(&second), has(&own)), (true, true, true));

        std::fs::remove_file(&path).unwrap();
        let look = look_again(&path, &held, look).unwrap();
        assert!(has(&first) && has(&second));

        // a key that is taken out of the file is no longer good, that of the process is
        file::append(&path, &second).unwrap();
        let look = look_again(&path, &held, look).unwrap();
        assert_eq!((has(&first), has(&second), has(&own)), (false, true, true));

        // nor is anything read that others could have written
        let open = std::fs::Permissions::from_mode(0o622);
        std::fs::set_permissions(&path, open).unwrap();
        let look = look_again(&path, &held, look).unwrap();
        assert!(has(&second));
        drop(ring);
        assert_eq!(look_again(&path, &held, look), None);
    }
}
