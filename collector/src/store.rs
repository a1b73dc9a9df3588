//! The store: documents and views, durable, behind one narrow trait.
//!
//! No other module knows a database. Every backend passes the suite in `store/contract`. Nothing here interprets a
//! document: validation comes before, derivation after.

use std::sync::Arc;

use async_trait::async_trait;
use radiograph_protocol::ids::TraceId;
use radiograph_protocol::timestamp::Timestamp;

use crate::filter::Expression;
use crate::trace::totals::{MinuteTotals, Totals, Wanted};
use crate::trace::view::TraceView;

#[cfg(test)]
pub mod contract;
mod doomed;
pub mod embedded;
mod scan_work;

pub use doomed::{Doomed, DoomedPage, DoomedPlace, Kept};
pub use scan_work::{ClauseWork, ScanWork};

/// A checked document on its way into the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// The trace it belongs to.
    pub trace_id: TraceId,
    /// Its text as it was sent.
    pub document: String,
}

/// All different documents of one trace, in no particular order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TraceDocuments {
    /// The trace.
    pub trace_id: TraceId,
    /// The documents' texts; never empty, no two alike.
    pub documents: Vec<String>,
}

/// A view that is longer than the store can keep.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OversizedView {
    /// Its trace.
    pub trace_id: TraceId,
    /// The number of documents it was computed from.
    pub revision: u32,
    /// Its length once encoded.
    pub bytes: usize,
}

/// Which views to read.
#[derive(Debug, Clone, PartialEq)]
pub struct ViewScan {
    /// Start of the window, inclusive.
    pub start: Timestamp,
    /// End of the window, exclusive.
    pub end: Timestamp,
    /// What has to lie in the window.
    pub range: ScanRange,
    /// Go on behind this place; `None` begins with the newest.
    pub after: Option<Cursor>,
    /// Views in the page at most; at least 1.
    pub views_max: usize,
    /// What is looked for: views that do not match may be left out, as far as the store can tell without
    /// reading them, and the page may end before it is full, so that it does not take long. `None` leaves
    /// none out.
    pub filter: Option<Arc<Expression>>,
}

/// What has to lie in the window `[start, end)` of a scan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ScanRange {
    /// The trace's start.
    Started,
    /// Any moment of the trace: `summary.start < end` and `summary.latest >= start`.
    Active,
    /// Any moment of any of its entities, subsegments that began before their segment included: what
    /// may contribute to the window's minutes. May bring views that do not.
    Contributing,
}

/// A place in the order of views: by start, then by trace id, newest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cursor {
    /// The view's start.
    pub start: Timestamp,
    /// The view's trace.
    pub trace_id: TraceId,
}

/// A page of views, newest first.
#[derive(Debug, Clone, Default)]
pub struct ViewPage {
    /// The views.
    pub views: Vec<Arc<TraceView>>,
    /// Where to go on; `None` when the window is exhausted. Not necessarily the place of a view.
    pub next: Option<Cursor>,
    /// What was read to find them.
    pub work: ScanWork,
}

/// A small configuration record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StateRecord {
    /// Grows by one with every change, from 1.
    pub version: u64,
    /// The record's bytes; what they mean is its owner's affair.
    pub value: Vec<u8>,
}

/// Why the store did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Reading or writing did not work; the store may be read still.
    #[error("{doing}")]
    Io {
        /// What was being done, with the path.
        doing: String,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// A write or sync did not work, or an earlier one did not and the store has not recovered yet. It does
    /// so by itself, as soon as it can: [`Store::health`] has the reason.
    #[error("the store cannot write at the moment")]
    Unwritable,
    /// The directory is in use by another process.
    #[error("data directory {path} is in use by another process")]
    InUse {
        /// The directory.
        path: String,
    },
    /// A file is not what it should be.
    #[error("{path}: {reason}")]
    Corrupt {
        /// The file.
        path: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A configuration record was changed by somebody else meanwhile.
    #[error("record {key} has version {found}, not the expected {expected}")]
    VersionConflict {
        /// The record.
        key: String,
        /// What the caller knew; 0 for "not there".
        expected: u64,
        /// What is there.
        found: u64,
    },
    /// The small-state database did not work.
    #[error("small-state database: {reason}")]
    State {
        /// What it said.
        reason: String,
    },
    /// The store is being closed.
    #[error("the store is closed")]
    Closed,
}

/// Where documents and views live. Shared by all services; every method may be called concurrently.
#[async_trait]
pub trait Store: Send + Sync + 'static {
    /// Adds documents; they are durable (synced) when this returns `Ok`. A document that the store
    /// already has, by trace and content, is durable as well when this returns; no answer has it twice.
    /// It is not stored again when it came a short while ago; a repeat of what came long before may be,
    /// and then stays as long as what arrives now. An empty list returns at once.
    ///
    /// # Errors
    /// When anything could not be written; then none of the records may be taken as stored.
    async fn append(&self, records: Vec<Record>) -> Result<(), StoreError>;

    /// How far what the store has taken is ahead of what it has put away, as a share of what may be: from 1
    /// on nothing more is to be appended. Reads nothing from a disk, and never waits for one.
    fn backlog(&self) -> f64 {
        0.0
    }

    /// Whether [`Store::append`] would be tried now, as far as is known without trying: reads nothing
    /// from a disk, and never waits for one.
    ///
    /// # Errors
    /// Why not: the error that made it so, or says what it would be refused with.
    fn health(&self) -> Result<(), StoreError>;

    /// All documents of these traces. Unknown traces are left out; repeated ids count once; order is
    /// that of the ids given. Documents whose `append` has not returned may or may not be there.
    ///
    /// # Errors
    /// When they could not be read.
    async fn documents(&self, trace_ids: &[TraceId]) -> Result<Vec<TraceDocuments>, StoreError>;

    /// How many different documents each of these traces has, in the order given; 0 for unknown ones.
    ///
    /// # Errors
    /// When they could not be counted.
    async fn document_counts(&self, trace_ids: &[TraceId]) -> Result<Vec<u32>, StoreError>;

    /// Replaces the earlier view of each trace, totals included. A view of a lower revision than the
    /// one stored is ignored, unless the stored one counts more documents than the trace still has,
    /// as after [`Store::drop_before`]; one of the same revision replaces it, since the traces it links
    /// to may tell something else by now. Need not be durable when it returns: after a crash the trace
    /// is [`Store::unsettled`] again.
    ///
    /// Returns the views that are longer than the store can keep: they are left out, whatever view
    /// their traces had stays, and all others are put.
    ///
    /// # Errors
    /// When they could not be written.
    async fn put_views(&self, views: Vec<TraceView>) -> Result<Vec<OversizedView>, StoreError>;

    /// A page of views in a window, newest first: by start, then trace id, both descending. With a filter,
    /// none that matches is left out, and others may be there: the caller decides.
    ///
    /// # Errors
    /// When they could not be read.
    async fn views(&self, scan: ViewScan) -> Result<ViewPage, StoreError>;

    /// The sum of all views' contributions over the minutes of `[start, end)`
    /// (`spec/traces-and-graph.md` section 7.5).
    ///
    /// # Errors
    /// When they could not be read.
    async fn totals(&self, start: Timestamp, end: Timestamp) -> Result<MinuteTotals, StoreError>;

    /// What the views contribute to these nodes and edges in the minutes of `[start, end)`, minute by
    /// minute (`spec/traces-and-graph.md` section 9).
    ///
    /// # Errors
    /// When they could not be read.
    async fn minutes(
        &self,
        start: Timestamp,
        end: Timestamp,
        wanted: Wanted,
    ) -> Result<Totals, StoreError>;

    /// Traces with documents whose stored view links to one of these, other than itself, and was
    /// computed when that one had another number of documents than it has now: their links have to be
    /// looked at again (`spec/traces-and-graph.md` section 7.4). Each is there once, in no particular
    /// order.
    ///
    /// # Errors
    /// When this could not be read.
    async fn linking_to(&self, trace_ids: &[TraceId]) -> Result<Vec<TraceId>, StoreError>;

    /// Traces whose view does not cover all their documents, and those that [`Store::linking_to`] any
    /// trace at all tells: each once. To be asked at start, and after [`Store::drop_before`], which
    /// takes documents from traces, and from those that others link to. Which traces that arrived long
    /// ago lost something by dropping may be told by the store that dropped it alone, not by one that is
    /// opened later.
    ///
    /// # Errors
    /// When this could not be read.
    async fn unsettled(&self) -> Result<Vec<TraceId>, StoreError>;

    /// Drops what arrived before `time`, by whole partitions: a partition goes when all of it is
    /// older. Views whose last version lies in a dropped partition go with it, out of the totals too.
    ///
    /// # Errors
    /// When it could not be removed.
    async fn drop_before(&self, time: Timestamp) -> Result<(), StoreError>;

    /// Some of the traces that have documents in what [`Store::drop_before`] would drop now: about so
    /// many, behind this place. A walk through all pages meets every such trace, whatever is sealed,
    /// merged or kept meanwhile; what cannot be read is lost already and left out.
    ///
    /// # Errors
    /// When this could not be read.
    async fn doomed(
        &self,
        time: Timestamp,
        after: Option<DoomedPlace>,
        traces_max: usize,
    ) -> Result<DoomedPage, StoreError>;

    /// Brings the documents of these traces out of what [`Store::drop_before`] would drop: each that
    /// stands nowhere else is stored again, as one that arrives now, and is durable when this returns. No
    /// answer has it twice, and doing so again changes nothing. Since a view goes with its partition, the
    /// traces that were kept are to be settled again before anything is dropped, or are
    /// [`Store::unsettled`] once their view is.
    ///
    /// All texts are in memory at once: a caller asks for some traces at a time. `time` must not lie in
    /// the partition that is being written, or what is stored again goes with the rest.
    ///
    /// # Errors
    /// When something could not be read or written; part of it may be stored then.
    async fn keep(&self, trace_ids: &[TraceId], time: Timestamp) -> Result<Kept, StoreError>;

    /// A configuration record; `None` when there is none.
    ///
    /// # Errors
    /// When it could not be read.
    async fn state(&self, key: &str) -> Result<Option<StateRecord>, StoreError>;

    /// Writes a configuration record durably if its version is still `expected` (0: not there yet),
    /// and returns the new version.
    ///
    /// # Errors
    /// [`StoreError::VersionConflict`] when it is not; others when it could not be written.
    async fn put_state(&self, key: &str, expected: u64, value: Vec<u8>) -> Result<u64, StoreError>;
}
