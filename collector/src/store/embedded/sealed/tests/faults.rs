//! Every call of a sealing is made to fail once, in three manners. What had the name before stays, or
//! the new file is there whole; nothing in between ever has the name.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::super::seal::seal_with;
use super::*;
use crate::store::embedded::files::{Files, SystemFiles};
use crate::store::embedded::sealed::merge::merge_with;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Manner {
    /// Nothing is done.
    Refuse,
    /// Half of a write reaches the file.
    Tear,
    /// The machine dies: what was not synced is gone.
    LosePower,
}

struct Faulty {
    fails_at: usize,
    manner: Manner,
    calls: AtomicUsize,
    /// Synced lengths by inode.
    synced: Mutex<HashMap<u64, u64>>,
}

impl Faulty {
    fn new(fails_at: usize, manner: Manner) -> Self {
        Self {
            fails_at,
            manner,
            calls: AtomicUsize::new(0),
            synced: Mutex::default(),
        }
    }

    fn has_failed(&self) -> bool {
        self.calls.load(Ordering::SeqCst) > self.fails_at
    }

    fn fails(&self) -> bool {
        self.calls.fetch_add(1, Ordering::SeqCst) == self.fails_at
    }

    fn call<T>(&self, call: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
        if self.fails() { Err(fault()) } else { call() }
    }

    /// Cuts off what was not synced; `kept` is the inode of what was there before.
    fn lose_unsynced(&self, dir: &Path, kept: u64) {
        for entry in fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            let metadata = path.metadata().unwrap();
            let synced = self.synced.lock().unwrap().get(&metadata.ino()).copied();
            if metadata.ino() != kept {
                let file = File::options().write(true).open(path).unwrap();
                file.set_len(synced.unwrap_or(0)).unwrap();
            }
        }
    }
}

fn fault() -> io::Error {
    io::Error::other("fault")
}

impl Files for Faulty {
    fn open_log(&self, path: &Path) -> io::Result<File> {
        self.call(|| SystemFiles.open_log(path))
    }

    fn write_at(&self, file: &File, bytes: &[u8], offset: u64) -> io::Result<()> {
        if self.fails() {
            if self.manner == Manner::Tear {
                SystemFiles.write_at(file, &bytes[..bytes.len() / 2], offset)?;
            }
            return Err(fault());
        }
        SystemFiles.write_at(file, bytes, offset)
    }

    fn sync(&self, file: &File) -> io::Result<()> {
        self.call(|| {
            let metadata = file.metadata()?;
            let mut synced = self.synced.lock().unwrap();
            synced.insert(metadata.ino(), metadata.len());
            SystemFiles.sync(file)
        })
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        self.call(|| SystemFiles.sync_dir(path))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.call(|| SystemFiles.rename(from, to))
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.call(|| SystemFiles.remove(path))
    }
}

/// Makes the sealing in `make` fail at every call; the number of calls that it makes.
fn calls_of(
    manner: Manner,
    make: impl Fn(&dyn Files, &Path, &SealedFile) -> Result<SealedMeta, StoreError>,
) -> usize {
    let new = contents(&Sealed::of(&ten()).open());
    for fails_at in 0.. {
        let sealed = Sealed::of(&[traced(1, &["old"], None)]);
        let old = sealed.open();
        let kept = sealed.path().metadata().unwrap().ino();
        let before = contents(&old);
        let files = Faulty::new(fails_at, manner);
        let outcome = make(&files, &sealed.path(), &old);
        if manner == Manner::LosePower {
            files.lose_unsynced(sealed.dir.path(), kept);
        }
        let found = sealed.open();
        assert!(found.damage().is_none(), "{manner:?} at {fails_at}");
        let found = contents(&found);
        if outcome.is_ok() {
            assert_eq!(found.traces, new.traces);
            assert_eq!(found.views, new.views);
            assert!(!files.has_failed());
            return fails_at;
        }
        assert!(files.has_failed(), "{outcome:?}");
        assert!(
            found == before || found.traces == new.traces && found.views == new.views,
            "{manner:?} at {fails_at}"
        );
        // whatever was left behind, the next sealing goes through
        make(&SystemFiles, &sealed.path(), &old).unwrap();
        assert_eq!(contents(&sealed.open()).traces, new.traces);
        assert!(!output::temporary_path(&sealed.path()).exists());
    }
    unreachable!("it comes to an end")
}

#[test]
fn whatever_call_of_a_sealing_fails_the_old_file_stays_or_the_new_one_is_whole() {
    for manner in [Manner::Refuse, Manner::Tear, Manner::LosePower] {
        let calls = calls_of(manner, |files, path, _| {
            seal_with(
                files,
                path,
                ARRIVAL,
                SMALL,
                Notes::default(),
                ten().into_iter().map(Ok),
            )
        });
        // what a crash left, the file, its bytes, its sync, its name, the name's sync
        assert_eq!(calls, 6, "{manner:?}");
    }
}

#[test]
fn whatever_call_of_a_merge_fails_its_inputs_stay() {
    let part = Sealed::of(&ten()).open();
    for manner in [Manner::Refuse, Manner::Tear, Manner::LosePower] {
        let calls = calls_of(manner, |files, path, _| {
            merge_with(files, path, SMALL, Notes::default(), &[&part], |_, _| false)
        });
        assert_eq!(calls, 6, "{manner:?}");
        assert_eq!(part.traces().count(), 10);
    }
}

#[test]
fn an_input_that_fails_leaves_nothing_behind() {
    let dir = tempfile::tempdir().unwrap();
    let input = [Ok(traced(1, &["a"], None)), Err(StoreError::Closed)];
    let failed = seal(&dir.path().join("a"), ARRIVAL, SMALL, input).unwrap_err();
    assert!(matches!(failed, StoreError::Closed), "{failed:?}");
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
}
