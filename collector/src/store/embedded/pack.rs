//! Packs the entries of one commit into blocks, all of which go to the disk in one write.

use std::io;

use super::format::{BlockEncoder, Kind};
use super::index::{PartitionId, Place};
use super::payload::{DOCUMENT_ENTRY_BYTES, push_document, push_view};
use radiograph_protocol::ids::TraceId;

/// Raw bytes at which a block is closed: enough for the compressor to find what documents have in
/// common, little enough that reading one of them decompresses in about 0.1 ms. An entry that is larger
/// has a block of its own.
const BLOCK_BYTES_TARGET: usize = 64 << 10;

/// Blocks of one commit, growing.
pub(super) struct Packer<'a> {
    encoder: &'a mut BlockEncoder,
    partition: PartitionId,
    base: u64,
    bytes: Vec<u8>,
    kind: Kind,
    raw: Vec<u8>,
}

impl<'a> Packer<'a> {
    /// Blocks that will be written at this offset of the partition's log.
    pub(super) fn new(encoder: &'a mut BlockEncoder, partition: PartitionId, base: u64) -> Self {
        Self {
            encoder,
            partition,
            base,
            bytes: Vec::new(),
            kind: Kind::Views,
            raw: Vec::new(),
        }
    }

    /// Adds a document.
    ///
    /// # Errors
    /// When a full block could not be compressed.
    pub(super) fn document(&mut self, trace_id: TraceId, document: &str) -> io::Result<Place> {
        let place = self.place(Kind::Documents, document.len() + DOCUMENT_ENTRY_BYTES)?;
        push_document(&mut self.raw, trace_id, document);
        Ok(place)
    }

    /// Adds an encoded view.
    ///
    /// # Errors
    /// When a full block could not be compressed.
    pub(super) fn view(&mut self, encoded: &[u8]) -> io::Result<Place> {
        let place = self.place(Kind::Views, encoded.len())?;
        let before = self.raw.len();
        push_view(&mut self.raw, encoded);
        // the first view comes behind the version byte
        let position = if before == 0 { 1 } else { place.position };
        Ok(Place { position, ..place })
    }

    /// All blocks.
    ///
    /// # Errors
    /// When the last block could not be compressed.
    pub(super) fn finish(mut self) -> io::Result<Vec<u8>> {
        self.close_block()?;
        Ok(self.bytes)
    }

    /// Where an entry of this kind and size comes to stand.
    fn place(&mut self, kind: Kind, entry_bytes: usize) -> io::Result<Place> {
        if kind != self.kind || self.raw.len() + entry_bytes > BLOCK_BYTES_TARGET {
            self.close_block()?;
        }
        self.kind = kind;
        let offset = self.base.saturating_add(self.bytes.len() as u64);
        let position = u32::try_from(self.raw.len())
            .map_err(|_| io::Error::from(io::ErrorKind::InvalidInput))?;
        Ok(Place {
            partition: self.partition,
            offset,
            position,
        })
    }

    fn close_block(&mut self) -> io::Result<()> {
        if !self.raw.is_empty() {
            self.encoder.push(self.kind, &self.raw, &mut self.bytes)?;
            self.raw.clear();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::contract::sample;

    #[test]
    fn blocks_are_closed_at_the_target_and_a_large_document_has_its_own() {
        let mut encoder = BlockEncoder::new().unwrap();
        let mut packer = Packer::new(&mut encoder, PartitionId(1), 12);
        let half = "x".repeat(BLOCK_BYTES_TARGET / 2 - DOCUMENT_ENTRY_BYTES);
        let large = "y".repeat(BLOCK_BYTES_TARGET * 3);
        let documents = [&half, &half, &half, &large, &half];
        let places = documents.map(|text| packer.document(sample::trace(1), text).unwrap());
        let offsets = places.map(|place| place.offset);
        assert_eq!((offsets[0], offsets[1]), (12, 12));
        assert!(offsets[1] < offsets[2] && offsets[2] < offsets[3] && offsets[3] < offsets[4]);
        let half_entry = u32::try_from(BLOCK_BYTES_TARGET / 2).unwrap();
        assert_eq!(places.map(|place| place.position), [0, half_entry, 0, 0, 0]);
    }

    #[test]
    fn kinds_do_not_share_a_block() {
        let mut encoder = BlockEncoder::new().unwrap();
        let mut packer = Packer::new(&mut encoder, PartitionId(1), 12);
        let places = [
            packer.view(b"view").unwrap(),
            packer.view(b"view").unwrap(),
            packer.document(sample::trace(1), "{}").unwrap(),
        ];
        assert_eq!(places.map(|place| place.position), [1, 9, 0]);
        assert!(places[1].offset == 12 && places[2].offset > 12);
    }

    #[test]
    fn a_commit_without_entries_is_empty() {
        let mut encoder = BlockEncoder::new().unwrap();
        let packer = Packer::new(&mut encoder, PartitionId(1), 12);
        assert!(packer.finish().unwrap().is_empty());
    }
}
