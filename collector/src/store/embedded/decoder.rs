//! Decompressing blocks with working memory that is used again: making it anew for each block costs as
//! much as decompressing a small one.

use std::sync::{Mutex, PoisonError};

use zstd::bulk::Decompressor;

/// Decompressors that wait to be used again, at most; each takes about 0.2 MB. More than that many
/// threads seldom decompress at once, and the others make their own.
const SPARE_MAX: usize = 8;

static SPARE: Mutex<Vec<Decompressor<'static>>> = Mutex::new(Vec::new());

/// Decompresses a zstd frame of so many bytes; `None` when it is none.
pub(super) fn decompress(stored: &[u8], raw_bytes: usize) -> Option<Vec<u8>> {
    let spare = spares().pop();
    let mut decompressor = match spare {
        Some(spare) => spare,
        None => Decompressor::new().ok()?,
    };
    let raw = decompressor.decompress(stored, raw_bytes);
    let mut spare = spares();
    if spare.len() < SPARE_MAX {
        spare.push(decompressor);
    }
    drop(spare);
    raw.ok().filter(|raw| raw.len() == raw_bytes)
}

fn spares() -> std::sync::MutexGuard<'static, Vec<Decompressor<'static>>> {
    SPARE.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_is_decompressed_after_ones_that_are_damaged() {
        let raw = b"a text that is worth compressing, compressing, compressing".as_slice();
        let stored = zstd::bulk::compress(raw, 1).unwrap();
        for _ in 0..2 * SPARE_MAX {
            assert_eq!(decompress(&stored, raw.len()).as_deref(), Some(raw));
            assert_eq!(decompress(&stored, raw.len() - 1), None);
            assert_eq!(decompress(&stored, raw.len() + 1), None);
            assert_eq!(decompress(stored.get(..9).unwrap(), raw.len()), None);
        }
        let threads: Vec<_> = (0..2 * SPARE_MAX)
            .map(|_| {
                let stored = stored.clone();
                std::thread::spawn(move || decompress(&stored, raw.len()))
            })
            .collect();
        for thread in threads {
            assert_eq!(thread.join().unwrap().as_deref(), Some(raw));
        }
        assert!(spares().len() <= SPARE_MAX);
    }
}
