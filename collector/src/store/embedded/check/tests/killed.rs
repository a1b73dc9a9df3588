//! A repair that ends at any of its steps can be started again.

use std::fs::File;
use std::io;
use std::sync::atomic::{AtomicI64, Ordering};

use super::*;
use crate::store::embedded::files::Files;

/// Files of which a number of calls work, and then no more.
struct Dying(AtomicI64);

impl Dying {
    fn live(&self) -> io::Result<()> {
        match self.0.fetch_sub(1, Ordering::SeqCst) {
            1.. => Ok(()),
            _ => Err(io::Error::from(io::ErrorKind::Interrupted)),
        }
    }
}

impl Files for Dying {
    fn write_at(&self, file: &File, bytes: &[u8], offset: u64) -> io::Result<()> {
        use std::os::unix::fs::FileExt as _;
        if let Err(error) = self.live() {
            let (half, _) = bytes.split_at(bytes.len() / 2);
            file.write_all_at(half, offset)?;
            return Err(error);
        }
        file.write_all_at(bytes, offset)
    }

    fn sync(&self, _: &File) -> io::Result<()> {
        self.live()
    }

    fn sync_dir(&self, _: &Path) -> io::Result<()> {
        self.live()
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.live()?;
        fs::rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.live()?;
        match fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }
}

#[test]
fn a_repair_that_ends_at_any_step_loses_nothing_and_can_be_started_again() {
    let whole = Place::make();
    whole.change(MERGED, |bytes| bytes[28 + 60] ^= 1);
    whole.change(SEALED, |bytes| {
        let end = bytes.len() - 3;
        bytes[end] ^= 1;
    });
    whole.change(LOG, |bytes| bytes[20] ^= 1);
    let readable = whole.documents();
    let mut steps = 0;
    loop {
        let place = whole.copy();
        let files = Arc::new(Dying(AtomicI64::new(steps)));
        let ended = repair::repair_with(place.path(), NOW, &|_| {}, &files);
        let is_whole = ended.is_ok();
        if !is_whole {
            place.repair();
        }
        let report = place.verify();
        assert_eq!(
            report.problems,
            0,
            "after {steps} steps: {:#?}",
            told(&report)
        );
        assert_eq!(place.documents(), readable, "after {steps} steps");
        assert_eq!(kept(&place).len(), 3, "after {steps} steps");
        if is_whole {
            break;
        }
        steps += 1;
    }
    assert!(steps > 10, "{steps} steps");
}
