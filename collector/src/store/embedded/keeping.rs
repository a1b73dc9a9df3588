//! Bringing documents out of files that are going to be dropped: they go the way of new ones, so that
//! what is said of those holds for them, and only then are the files dropped. A process may die at any
//! moment in between: a document then stands in both, and is one.

use std::collections::HashSet;

use radiograph_protocol::ids::TraceId;
use radiograph_protocol::timestamp::Timestamp;

use super::EmbeddedStore;
use super::queue::Work;
use crate::store::{Kept, StoreError};

/// Bytes of documents from which on a request to the committer is long enough.
const REQUEST_BYTES: usize = 4 << 20;

impl EmbeddedStore {
    /// Stores the documents of these traces again that stand nowhere but in what is older than `time`.
    ///
    /// # Errors
    /// When something could not be read or written; part of it may be stored then.
    pub(super) async fn keep_documents(
        &self,
        trace_ids: &[TraceId],
        time: Timestamp,
    ) -> Result<Kept, StoreError> {
        let mut kept = Kept::default();
        let mut seen = HashSet::new();
        let (mut request, mut request_bytes) = (Vec::new(), 0_usize);
        for trace_id in trace_ids.iter().copied().filter(|id| seen.insert(*id)) {
            let documents = self
                .blocking(move |shared| shared.doomed_documents(trace_id, time))
                .await?;
            if documents.is_empty() {
                continue;
            }
            kept.traces.push(trace_id);
            for document in documents {
                let bytes = document.document.len();
                kept.documents = kept.documents.saturating_add(1);
                kept.bytes = kept.bytes.saturating_add(bytes as u64);
                request_bytes = request_bytes.saturating_add(bytes);
                request.push(document);
                if request_bytes >= REQUEST_BYTES {
                    let documents = std::mem::take(&mut request);
                    self.queue
                        .ask(Work::Append(documents), request_bytes)
                        .await?;
                    request_bytes = 0;
                }
            }
        }
        if !request.is_empty() {
            self.queue.ask(Work::Append(request), request_bytes).await?;
        }
        Ok(kept)
    }
}
