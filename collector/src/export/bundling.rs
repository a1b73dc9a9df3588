//! From documents to the bytes of a bundle, chunk by chunk.

use bytes::Bytes;
use radiograph_protocol::bundle::{DOCUMENTS_MAX, Totals, Writer};
use radiograph_protocol::framing;
use tokio::sync::mpsc;

use super::ExportError;
use crate::store::TraceDocuments;
use crate::worker::on_worker;

/// Bytes of documents at which a chunk is full: enough for zstd to find what repeats, and little enough
/// for whoever reads many chunks at once.
const CHUNK_BYTES: usize = 1 << 20;

/// As sealed files are compressed.
const ZSTD_LEVEL: i32 = 3;

/// A bundle that is being sent.
pub(super) struct Bundling {
    out: mpsc::Sender<Bytes>,
    writer: Writer,
    /// What was written and not sent yet.
    written: Vec<u8>,
    /// The documents of the chunk in the making, framed.
    framed: Vec<u8>,
    documents: usize,
    traces: u64,
}

impl Bundling {
    /// A bundle to be sent there.
    pub(super) fn begin(out: mpsc::Sender<Bytes>) -> Self {
        let mut written = Vec::new();
        let writer = Writer::begin(&mut written);
        Self {
            out,
            writer,
            written,
            framed: Vec::new(),
            documents: 0,
            traces: 0,
        }
    }

    /// Adds all documents of a trace.
    ///
    /// # Errors
    /// See [`ExportError`].
    pub(super) async fn trace(&mut self, trace: TraceDocuments) -> Result<(), ExportError> {
        self.traces += 1;
        let documents_max = usize::try_from(DOCUMENTS_MAX).unwrap_or(usize::MAX);
        for document in trace.documents {
            let more = framing::framed_bytes(document.len());
            let is_full = self.framed.len().saturating_add(more) > CHUNK_BYTES
                || self.documents >= documents_max;
            if is_full && self.documents > 0 {
                self.chunk().await?;
            }
            let too_large = || ExportError::TooLarge {
                trace_id: trace.trace_id,
                bytes: document.len(),
            };
            if more > framing::BODY_BYTES_MAX
                || !framing::push(&mut self.framed, document.as_bytes())
            {
                return Err(too_large());
            }
            self.documents += 1;
        }
        Ok(())
    }

    /// Looks whether somebody still reads: a filter may select nothing for long.
    ///
    /// # Errors
    /// [`ExportError::Gone`] when nobody does.
    pub(super) fn look_for_reader(&self) -> Result<(), ExportError> {
        match self.out.is_closed() {
            true => Err(ExportError::Gone),
            false => Ok(()),
        }
    }

    /// Sends what is left, and the footer.
    ///
    /// # Errors
    /// See [`ExportError`].
    pub(super) async fn end(mut self) -> Result<Totals, ExportError> {
        if self.documents > 0 {
            self.chunk().await?;
        }
        let totals = self.writer.end(self.traces, &mut self.written);
        send(&self.out, self.written).await?;
        Ok(totals)
    }

    async fn chunk(&mut self) -> Result<(), ExportError> {
        let framed = std::mem::take(&mut self.framed);
        let documents = std::mem::take(&mut self.documents);
        let raw_bytes = framed.len();
        let compressed = on_worker(move || zstd::bulk::compress(&framed, ZSTD_LEVEL)).await?;
        let payload = compressed.map_err(ExportError::Compression)?;
        let is_written = self
            .writer
            .chunk(documents, raw_bytes, &payload, &mut self.written);
        if !is_written {
            let reason = format!("{documents} documents of {raw_bytes} bytes make no chunk");
            return Err(ExportError::Compression(std::io::Error::other(reason)));
        }
        send(&self.out, std::mem::take(&mut self.written)).await
    }
}

async fn send(out: &mpsc::Sender<Bytes>, bytes: Vec<u8>) -> Result<(), ExportError> {
    let sent = out.send(Bytes::from(bytes)).await;
    sent.map_err(|_| ExportError::Gone)
}
