//! Reads a bundle from pieces of any length. Holds what has come of one chunk, never what a length
//! claims.

use sha2::{Digest, Sha256};

use super::{
    BundleError, CHUNK, CHUNK_HEADER_BYTES, DIGEST_BYTES, DOCUMENTS_MAX, FOOTER, FOOTER_BYTES,
    HEADER_BYTES, MAGIC, PAYLOAD_BYTES_MAX, RAW_BYTES_MAX, Totals, VERSION, fits, number, u32_at,
    u64_at,
};

/// A piece of a bundle that is all there and intact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// A chunk.
    Chunk {
        /// How many documents it says it has.
        documents: usize,
        /// How many bytes they take, framed.
        raw_bytes: usize,
        /// These, compressed by zstd.
        payload: Vec<u8>,
    },
    /// The footer, which fits all that came before.
    End(Totals),
}

/// Where the reader stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum At {
    Header,
    Parts,
    End,
}

/// A bundle that is being read.
#[derive(Debug)]
pub struct Reader {
    /// What has come and was not read yet.
    waiting: Vec<u8>,
    /// Bytes before it.
    offset: u64,
    at: At,
    digest: Sha256,
    totals: Totals,
}

impl Default for Reader {
    fn default() -> Self {
        Self {
            waiting: Vec::new(),
            offset: 0,
            at: At::Header,
            digest: Sha256::default(),
            totals: Totals::default(),
        }
    }
}

impl Reader {
    /// Takes bytes that follow those taken before. [`Self::next_part`] is to be called until it has nothing
    /// more, or they pile up.
    pub fn push(&mut self, bytes: &[u8]) {
        self.waiting.extend_from_slice(bytes);
    }

    /// The next part that is all there; `None` when there is none without more bytes.
    ///
    /// # Errors
    /// What the bytes are instead; nothing that follows is to be used, and the same comes again.
    pub fn next_part(&mut self) -> Result<Option<Part>, BundleError> {
        if self.at == At::Header && !self.read_header()? {
            return Ok(None);
        }
        if self.at == At::End {
            let offset = self.offset;
            return match self.waiting.is_empty() {
                true => Ok(None),
                false => Err(BundleError::Trailing { offset }),
            };
        }
        match self.waiting.first_chunk() {
            None => Ok(None),
            Some(&CHUNK) => self.read_chunk(),
            Some(&FOOTER) => self.read_footer(),
            Some(_) => Err(self.damaged()),
        }
    }

    /// To be asked when no more bytes come and [`Self::next_part`] has nothing more.
    ///
    /// # Errors
    /// [`BundleError::Truncated`] when the footer was not read.
    pub fn finish(&self) -> Result<(), BundleError> {
        if self.at == At::End {
            return Ok(());
        }
        let waiting = u64::try_from(self.waiting.len()).unwrap_or(u64::MAX);
        Err(BundleError::Truncated {
            bytes: self.offset.saturating_add(waiting),
        })
    }

    fn read_header(&mut self) -> Result<bool, BundleError> {
        let compared = self.waiting.len().min(MAGIC.len());
        if self.waiting.get(..compared) != MAGIC.get(..compared) {
            return Err(BundleError::NotABundle);
        }
        let Some(header) = self.waiting.get(..HEADER_BYTES) else {
            return Ok(false);
        };
        if !fits(header) {
            return Err(BundleError::DamagedHeader);
        }
        let found = u32_at(header, MAGIC.len());
        if found != VERSION {
            return Err(BundleError::UnknownVersion { found });
        }
        self.took(HEADER_BYTES);
        self.at = At::Parts;
        Ok(true)
    }

    fn read_chunk(&mut self) -> Result<Option<Part>, BundleError> {
        let Some(header) = self.waiting.get(..CHUNK_HEADER_BYTES) else {
            return Ok(None);
        };
        if !fits(header) {
            return Err(self.damaged());
        }
        let [documents, raw_bytes, bytes, checksum] = [4, 8, 12, 16].map(|at| u32_at(header, at));
        let bounds = [
            (documents, DOCUMENTS_MAX),
            (raw_bytes, RAW_BYTES_MAX),
            (bytes, PAYLOAD_BYTES_MAX),
        ];
        if bounds.iter().any(|(n, max)| !(1..=*max).contains(n)) {
            let offset = self.offset;
            return Err(BundleError::OutOfBounds { offset });
        }
        let whole = |number: u32| usize::try_from(number).unwrap_or(usize::MAX);
        let end = CHUNK_HEADER_BYTES.saturating_add(whole(bytes));
        let Some(payload) = self.waiting.get(CHUNK_HEADER_BYTES..end) else {
            return Ok(None);
        };
        if crc32c::crc32c(payload) != checksum {
            return Err(self.damaged());
        }
        let payload = payload.to_vec();
        self.took(end);
        self.totals.chunks += 1;
        self.totals.documents += u64::from(documents);
        Ok(Some(Part::Chunk {
            documents: whole(documents),
            raw_bytes: whole(raw_bytes),
            payload,
        }))
    }

    fn read_footer(&mut self) -> Result<Option<Part>, BundleError> {
        let Some(footer) = self.waiting.get(..FOOTER_BYTES) else {
            return Ok(None);
        };
        if !fits(footer) {
            return Err(self.damaged());
        }
        let [chunks, documents, traces] = [4, 12, 20].map(|at| u64_at(footer, at));
        let told = Totals {
            chunks,
            documents,
            traces,
        };
        self.totals.traces = traces;
        let digest: [u8; DIGEST_BYTES] = number(footer, 28);
        let found = self.digest.clone().finalize();
        if told != self.totals || found.as_slice() != digest {
            return Err(BundleError::DigestDiffers);
        }
        self.took(FOOTER_BYTES);
        self.at = At::End;
        Ok(Some(Part::End(told)))
    }

    /// Goes on behind so many bytes.
    fn took(&mut self, bytes: usize) {
        let taken = self.waiting.drain(..bytes.min(self.waiting.len()));
        self.digest.update(taken.as_slice());
        drop(taken);
        self.offset = self
            .offset
            .saturating_add(u64::try_from(bytes).unwrap_or(u64::MAX));
    }

    const fn damaged(&self) -> BundleError {
        let offset = self.offset;
        BundleError::Damaged { offset }
    }
}
