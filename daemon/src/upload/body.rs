//! The body of an upload: for any X-Ray endpoint a PutTraceSegments request, each document one JSON
//! string; for a Radiograph collector that offered it the documents as they are, compressed.
//!
//! Per document: 1 UTF-8 check and 1 escape, the dearest step of the daemon, or 1 copy and its share
//! of the compression (`spec/floors.md` section 2). Bytes that are not UTF-8 become U+FFFD in JSON,
//! as AWS's daemon sends them; the collector does the same to framed ones.

use std::io;
use std::sync::Arc;

use bytes::Bytes;
use zstd::bulk::Compressor;

use crate::batch::Batch;
use crate::buffers::{Buffer, Buffers};

/// Fast: a daemon is to cost its host less than it would without compressing. A collector packs what
/// it keeps anew.
const ZSTD_LEVEL: i32 = -5;

/// Bytes of joined stretches that stay allocated between requests.
const JOINED_BYTES_KEPT: usize = 1 << 20;

/// How the documents stand in the body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    /// PutTraceSegments as AWS defines it.
    Json,
    /// One after another, compressed (`docs/framed-segments.md`).
    Framed,
}

/// Writes request bodies, into buffers that are used again.
pub(crate) struct Encoder {
    buffers: Arc<Buffers>,
    /// Kept, since setting up its tables costs as much as compressing 100 KB.
    compressor: Option<Compressor<'static>>,
    /// For a body of several blocks.
    joined: Vec<u8>,
}

impl Encoder {
    /// Keeps so many buffers: one for each request under way.
    pub(crate) fn new(buffers: usize) -> Self {
        Self {
            buffers: Arc::new(Buffers::new(buffers)),
            compressor: None,
            joined: Vec::new(),
        }
    }

    /// Writes the request body.
    ///
    /// # Errors
    /// When the compressor has no memory.
    pub(crate) fn encode(&mut self, batch: &Batch, format: Format) -> io::Result<Bytes> {
        let mut body = Buffer::from(&self.buffers);
        match format {
            Format::Json => write_json(batch, &mut body),
            Format::Framed => self.write_framed(batch, &mut body)?,
        }
        Ok(body.into_bytes())
    }

    fn write_framed(&mut self, batch: &Batch, body: &mut Vec<u8>) -> io::Result<()> {
        let mut stretches = batch.framed();
        let framed = match (stretches.len(), stretches.next()) {
            (1, Some(only)) => only,
            (_, first) => {
                self.joined.clear();
                for stretch in first.into_iter().chain(stretches) {
                    self.joined.extend_from_slice(stretch);
                }
                &self.joined
            }
        };
        let compressor = match &mut self.compressor {
            Some(compressor) => compressor,
            none => none.insert(Compressor::new(ZSTD_LEVEL)?),
        };
        body.reserve(zstd::zstd_safe::compress_bound(framed.len()));
        compressor.compress_to_buffer(framed, body)?;
        // What one big document left behind must not stay for ever.
        self.joined.shrink_to(JOINED_BYTES_KEPT);
        Ok(())
    }
}

/// The request as AWS defines it.
pub(crate) fn json(batch: &Batch) -> Bytes {
    let mut body = Vec::new();
    write_json(batch, &mut body);
    Bytes::from(body)
}

fn write_json(batch: &Batch, body: &mut Vec<u8>) {
    // An eighth covers the quotes of usual documents, so that the buffer seldom grows.
    body.reserve(batch.bytes() + batch.bytes() / 8 + 64);
    body.extend_from_slice(b"{\"TraceSegmentDocuments\":[");
    let mut separator: &[u8] = b"";
    for document in batch.iter() {
        body.extend_from_slice(separator);
        // Not `from_utf8_lossy` for all: its search for bad bytes takes five times as long.
        match std::str::from_utf8(document) {
            Ok(text) => json_escape_simd::escape_into(text, body),
            Err(_) => json_escape_simd::escape_into(String::from_utf8_lossy(document), body),
        }
        separator = b",";
    }
    body.extend_from_slice(b"]}");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::batch::PLAIN;
    use crate::intake::Block;
    use proptest::prelude::*;
    use radiograph_protocol::framing;

    fn batch<'a>(bodies: impl IntoIterator<Item = &'a [u8]>) -> Batch {
        let block = Block::uncharged(bodies.into_iter().collect());
        Batch::of(Arc::new(block))
    }

    #[test]
    fn documents_become_json_strings_in_order() {
        let bodies: [&[u8]; 3] = [b"{\"id\":\"a1\"}\n", b"T1SAAAA", b"<\\\x01\xff>"];
        let body = Encoder::new(1)
            .encode(&batch(bodies), Format::Json)
            .unwrap();
        assert_eq!(
            String::from_utf8(body.to_vec()).unwrap(),
            "{\"TraceSegmentDocuments\":[\"{\\\"id\\\":\\\"a1\\\"}\\n\",\"T1SAAAA\",\"<\\\\\\u0001\u{fffd}>\"]}"
        );
    }

    #[test]
    fn the_worst_batch_stays_below_four_mebibytes() {
        let worst = vec![0; PLAIN.bytes / PLAIN.documents];
        let batch = batch(std::iter::repeat_n(worst.as_slice(), PLAIN.documents));
        assert!(Encoder::new(1).encode(&batch, Format::Json).unwrap().len() < 4 << 20);
    }

    #[test]
    fn a_framed_body_is_smaller_and_holds_the_very_bytes() {
        let document = br#"{"id":"0123456789abcdef","name":"shop","annotations":{"a":1,"b":2}}"#;
        let bodies = std::iter::repeat_n(document.as_slice(), 20).chain([b"\xff\x00".as_slice()]);
        let batch = batch(bodies);
        let body = Encoder::new(1).encode(&batch, Format::Framed).unwrap();
        assert!(body.len() < batch.bytes() / 2);
        let raw = zstd::bulk::decompress(&body, 1 << 20).unwrap();
        let mut expected = Vec::new();
        for document in batch.iter() {
            assert!(framing::push(&mut expected, document));
        }
        assert_eq!(raw, expected);
    }

    proptest! {
        #[test]
        fn property_every_text_is_read_back_unchanged(texts in proptest::collection::vec(".*", 0..5)) {
            let batch = batch(texts.iter().map(|text| text.as_bytes()));
            let body = Encoder::new(1).encode(&batch, Format::Json).unwrap();
            let body: serde_json::Value = serde_json::from_slice(&body).unwrap();
            prop_assert_eq!(&body["TraceSegmentDocuments"], &serde_json::json!(texts));
        }

        #[test]
        fn property_any_bytes_make_a_readable_request(
            bodies in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..200), 0..5),
        ) {
            let batch = batch(bodies.iter().map(Vec::as_slice));
            let body = Encoder::new(1).encode(&batch, Format::Json).unwrap();
            let body: serde_json::Value = serde_json::from_slice(&body).unwrap();
            let texts: Vec<_> = bodies.iter().map(|body| String::from_utf8_lossy(body)).collect();
            prop_assert_eq!(&body["TraceSegmentDocuments"], &serde_json::json!(texts));
        }
    }
}
