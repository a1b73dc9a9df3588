//! A disk that is full, read-only or broken: never fatal, nothing half-written is read, and the next
//! append works once the disk does.

use super::*;
use crate::spool::files::Files;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

/// What is wrong with the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Trouble {
    None,
    /// No more than so many bytes of spool files; a write gets as far as there is room.
    Full {
        bytes: u64,
    },
    /// A full disk whose files cannot even be cut.
    FullAndStuck {
        bytes: u64,
    },
    /// Mounted read-only.
    ReadOnly,
    /// Half of a write arrives; whether the file can then be cut.
    Broken {
        can_cut: bool,
    },
    /// Nothing is promised.
    SyncFails,
}

#[derive(Clone)]
struct Faulty {
    directory: PathBuf,
    trouble: Arc<Mutex<Trouble>>,
    syncs: Arc<AtomicUsize>,
}

impl Faulty {
    fn open(directory: &Path, limits: Limits) -> (Spool, Self) {
        let files = Self {
            directory: directory.to_owned(),
            trouble: Arc::new(Mutex::new(Trouble::None)),
            syncs: Arc::default(),
        };
        let boxed = Box::new(files.clone());
        (
            Spool::open_with(boxed, directory, limits, NOW).unwrap().0,
            files,
        )
    }

    fn set(&self, trouble: Trouble) {
        *self.trouble.lock().unwrap() = trouble;
    }

    fn change<T>(&self, change: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
        match *self.trouble.lock().unwrap() {
            Trouble::ReadOnly => Err(io::Error::from(io::ErrorKind::ReadOnlyFilesystem)),
            _ => change(),
        }
    }
}

impl Files for Faulty {
    fn open(&self, path: &Path) -> io::Result<File> {
        self.change(|| SystemFiles.open(path))
    }

    fn write_at(&self, file: &File, bytes: &[u8], offset: u64) -> io::Result<()> {
        let trouble = *self.trouble.lock().unwrap();
        let bytes_max = match trouble {
            Trouble::None | Trouble::SyncFails => return SystemFiles.write_at(file, bytes, offset),
            Trouble::ReadOnly => return Err(io::ErrorKind::ReadOnlyFilesystem.into()),
            Trouble::Broken { .. } => {
                SystemFiles.write_at(file, &bytes[..bytes.len() / 2], offset)?;
                return Err(io::Error::other("broken"));
            }
            Trouble::Full { bytes } | Trouble::FullAndStuck { bytes } => bytes,
        };
        let room = bytes_max.saturating_sub(bytes_on_disk(&self.directory));
        let fits = usize::try_from(room).unwrap().min(bytes.len());
        SystemFiles.write_at(file, &bytes[..fits], offset)?;
        if fits < bytes.len() {
            return Err(io::ErrorKind::StorageFull.into());
        }
        Ok(())
    }

    fn cut(&self, file: &File, bytes: u64) -> io::Result<()> {
        match *self.trouble.lock().unwrap() {
            Trouble::FullAndStuck { .. } | Trouble::Broken { can_cut: false } => {
                Err(io::Error::other("stuck"))
            }
            Trouble::ReadOnly => Err(io::ErrorKind::ReadOnlyFilesystem.into()),
            _ => SystemFiles.cut(file, bytes),
        }
    }

    fn sync(&self, file: &File) -> io::Result<()> {
        self.syncs.fetch_add(1, Ordering::SeqCst);
        if *self.trouble.lock().unwrap() == Trouble::SyncFails {
            return Err(io::Error::other("no promise"));
        }
        SystemFiles.sync(file)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.change(|| SystemFiles.remove(path))
    }
}

#[test]
fn on_a_full_disk_the_oldest_give_way_and_every_append_is_taken() {
    let directory = tempfile::tempdir().unwrap();
    let limits = Limits {
        bytes_max: 1 << 20,
        ..WIDE
    };
    let (mut spool, files) = Faulty::open(directory.path(), limits);
    files.set(Trouble::Full { bytes: 250 << 10 });
    let mut shed = 0;
    for number in 0..60 {
        let text = format!("{number} {}", noise(12 << 10));
        let told = spool.append(&texts(&[&text]), NOW).unwrap();
        assert!(
            told.iter()
                .all(|(reason, _)| reason == ShedReason::DiskFull)
        );
        shed += told.documents();
    }
    let left = drain(&mut spool);
    assert!(
        shed > 0 && left.len() > 10,
        "{shed} shed, {} left",
        left.len()
    );
    assert_eq!(shed + left.len() as u64, 60);
    assert!(left[0].starts_with(&format!("{shed} ")));
}

#[test]
fn an_append_that_fails_leaves_nothing_that_a_reader_would_take() {
    for stuck in [false, true] {
        let directory = tempfile::tempdir().unwrap();
        let (mut spool, files) = Faulty::open(directory.path(), WIDE);
        append_each(&mut spool, &["a"]);
        // Two records in one append, of which the first would fit.
        let big = noise(5 << 20);
        let room = spool.bytes() + (5 << 20);
        let trouble = if stuck {
            Trouble::FullAndStuck { bytes: room }
        } else {
            Trouble::Full { bytes: room }
        };
        let a = spool.take(NOW).unwrap().unwrap();
        files.set(trouble);
        let error = spool.append(&texts(&[&big, &big]), NOW).unwrap_err();
        assert!(matches!(error, SpoolError::Write { .. }), "{error}");
        // The only other file was given up in vain; what is out of it may still be delivered.
        assert_eq!(spool.documents(), 1);
        spool.done(a.token);
        assert!(spool.expire(NOW).is_empty());
        files.set(Trouble::None);
        append_each(&mut spool, &["b", "c"]);
        assert_eq!(spool.documents(), 2);
        drop(spool);
        let (mut spool, opened) = open(directory.path());
        assert_eq!(
            (opened.documents, opened.damaged_records),
            (2, 0),
            "stuck: {stuck}"
        );
        assert_eq!(drain(&mut spool), ["b", "c"], "stuck: {stuck}");
    }
}

#[test]
fn a_torn_write_is_cut_off_or_ends_its_file_and_the_others_stay() {
    for can_cut in [true, false] {
        let directory = tempfile::tempdir().unwrap();
        let (mut spool, files) = Faulty::open(directory.path(), WIDE);
        append_each(&mut spool, &["a"]);
        files.set(Trouble::Broken { can_cut });
        let error = spool.append(&texts(&["lost and told"]), NOW).unwrap_err();
        assert!(matches!(error, SpoolError::Write { .. }), "{error}");
        let torn = bytes_on_disk(directory.path()) - spool.bytes();
        assert_eq!(torn == 0, can_cut);
        files.set(Trouble::None);
        append_each(&mut spool, &["b"]);
        let count = if can_cut { 1 } else { 2 };
        assert_eq!(spool_files(directory.path()).len(), count);
        drop(spool);
        let (mut spool, opened) = open(directory.path());
        let expected = (2, 0, torn);
        let found = (opened.documents, opened.damaged_records, opened.cut_bytes);
        assert_eq!(found, expected, "can be cut: {can_cut}");
        assert_eq!(drain(&mut spool), ["a", "b"]);
    }
}

#[test]
fn a_new_file_whose_first_write_fails_is_taken_back() {
    let directory = tempfile::tempdir().unwrap();
    let (mut spool, files) = Faulty::open(directory.path(), WIDE);
    files.set(Trouble::Broken { can_cut: true });
    let error = spool.append(&texts(&["a"]), NOW).unwrap_err();
    assert!(matches!(error, SpoolError::Write { .. }), "{error}");
    assert_eq!(
        (spool.documents(), spool_files(directory.path()).len()),
        (0, 0)
    );
    files.set(Trouble::None);
    append_each(&mut spool, &["b"]);
    assert_eq!(drain(&mut spool), ["b"]);
}

#[test]
fn a_read_only_disk_refuses_appends_gives_nothing_up_and_can_still_be_read() {
    let directory = tempfile::tempdir().unwrap();
    let (mut spool, files) = Faulty::open(directory.path(), WIDE);
    append_each(&mut spool, &["a", "b"]);
    files.set(Trouble::ReadOnly);
    for _ in 0..3 {
        let error = spool.append(&texts(&["x"]), NOW).unwrap_err();
        let SpoolError::Write { source, .. } = error else {
            panic!("{error}");
        };
        assert_eq!(source.kind(), io::ErrorKind::ReadOnlyFilesystem);
    }
    assert!(spool.expire(NOW).is_empty());
    assert_eq!(spool.documents(), 2);
    let a = spool.take(NOW).unwrap().unwrap();
    spool.done(a.token);
    assert_eq!(drain(&mut spool), ["b"]);
    assert_eq!(spool.documents(), 0);
    assert_ne!(spool.bytes(), 0, "the file could not be removed");
    files.set(Trouble::None);
    append_each(&mut spool, &["c"]);
    assert_eq!(spool_files(directory.path()).len(), 1, "it is removed now");
    assert_eq!(drain(&mut spool), ["c"]);
}

#[test]
fn a_directory_that_cannot_be_made_is_an_error_that_names_it() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("file");
    std::fs::write(&file, "").unwrap();
    let error = Spool::open(&file.join("spool"), WIDE, NOW).unwrap_err();
    assert!(matches!(error, SpoolError::Open { .. }), "{error}");
    assert!(error.to_string().contains("file/spool"), "{error}");
}

#[test]
fn a_sync_covers_the_files_written_since_the_last_and_its_failure_is_told() {
    let directory = tempfile::tempdir().unwrap();
    let limits = Limits {
        bytes_max: 1 << 20,
        ..WIDE
    };
    let (mut spool, files) = Faulty::open(directory.path(), limits);
    append_each(&mut spool, &["a", "b"]);
    assert_eq!(files.syncs.load(Ordering::SeqCst), 0, "none per append");
    spool.sync().unwrap();
    spool.sync().unwrap();
    assert_eq!(files.syncs.load(Ordering::SeqCst), 1, "nothing new since");
    append_each(&mut spool, &[&noise(120 << 10), &noise(120 << 10)]);
    assert_eq!(spool_files(directory.path()).len(), 3);
    files.set(Trouble::SyncFails);
    assert_eq!(spool.sync().unwrap_err().to_string(), "no promise");
    // The first file was synced before.
    assert_eq!(
        files.syncs.load(Ordering::SeqCst),
        3,
        "both, although the first failed"
    );
    files.set(Trouble::None);
    append_each(&mut spool, &["c"]);
    spool.sync().unwrap();
    assert_eq!(spool.documents(), 5);
}
