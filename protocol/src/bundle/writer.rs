//! Writes a bundle, piece by piece, into a buffer that the caller empties when it likes.

use sha2::{Digest, Sha256};

use super::{
    CHUNK, DOCUMENTS_MAX, FOOTER, MAGIC, PAYLOAD_BYTES_MAX, RAW_BYTES_MAX, Totals, VERSION, seal,
};

/// A bundle in the making: what was written so far, in counts and a digest.
#[derive(Debug, Clone, Default)]
pub struct Writer {
    digest: Sha256,
    totals: Totals,
}

impl Writer {
    /// Begins a bundle: appends its header.
    #[must_use]
    pub fn begin(out: &mut Vec<u8>) -> Self {
        let mut writer = Self::default();
        let start = out.len();
        out.extend_from_slice(&MAGIC);
        out.extend_from_slice(&VERSION.to_le_bytes());
        seal(out, start);
        writer.took(out, start);
        writer
    }

    /// Appends a chunk of so many documents, that take `raw_bytes` framed one after another; `payload`
    /// is these compressed. False, and nothing done, when that is outside the bounds of chunks.
    #[must_use]
    pub fn chunk(
        &mut self,
        documents: usize,
        raw_bytes: usize,
        payload: &[u8],
        out: &mut Vec<u8>,
    ) -> bool {
        let bounded = |number: usize, max: u32| {
            let number = u32::try_from(number).ok();
            number.filter(|number| (1..=max).contains(number))
        };
        let (Some(documents), Some(raw_bytes), Some(bytes)) = (
            bounded(documents, DOCUMENTS_MAX),
            bounded(raw_bytes, RAW_BYTES_MAX),
            bounded(payload.len(), PAYLOAD_BYTES_MAX),
        ) else {
            return false;
        };
        let start = out.len();
        out.extend_from_slice(&CHUNK);
        for number in [documents, raw_bytes, bytes, crc32c::crc32c(payload)] {
            out.extend_from_slice(&number.to_le_bytes());
        }
        seal(out, start);
        out.extend_from_slice(payload);
        self.took(out, start);
        self.totals.chunks += 1;
        self.totals.documents += u64::from(documents);
        true
    }

    /// Ends the bundle: appends its footer. Returns what it holds.
    pub fn end(mut self, traces: u64, out: &mut Vec<u8>) -> Totals {
        self.totals.traces = traces;
        let Totals {
            chunks,
            documents,
            traces,
        } = self.totals;
        let start = out.len();
        out.extend_from_slice(&FOOTER);
        for number in [chunks, documents, traces] {
            out.extend_from_slice(&number.to_le_bytes());
        }
        out.extend_from_slice(&self.digest.finalize());
        seal(out, start);
        self.totals
    }

    fn took(&mut self, out: &[u8], start: usize) {
        self.digest.update(out.get(start..).unwrap_or_default());
    }
}
