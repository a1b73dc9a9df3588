//! The view that a trace ought to have, from all its documents and those of the traces that it links to:
//! what settling it would compute.

use std::panic::{AssertUnwindSafe, catch_unwind};

use radiograph_protocol::ids::TraceId;
use sha2::{Digest as _, Sha256};

use super::super::ENTRY_BYTES_MAX;
use super::super::payload::encode_view;
use super::super::shared::Shared;
use crate::trace::link::{Producers, linked_by};
use crate::trace::stitch::{parse_all, stitch};
use crate::trace::view::{TraceView, view_of};

/// 128 bits of the SHA-256 of an encoded view.
pub(super) type ViewDigest = [u8; 16];

/// What a trace's documents make.
#[derive(Debug)]
pub(super) enum Derived {
    /// A view.
    View(Box<TraceView>),
    /// None: no document can be parsed, or the view were larger than the store keeps.
    Nothing,
    /// Documents of a trace that it links to cannot be read.
    Unknown,
}

/// Derives a trace's view; and how many of its documents cannot be parsed.
pub(super) fn derive(shared: &Shared, documents: &[String]) -> (Derived, u64) {
    // what our own code stumbles over has no view in the store either
    let derived = catch_unwind(AssertUnwindSafe(|| derive_unguarded(shared, documents)));
    derived.unwrap_or((Derived::Nothing, 0))
}

fn derive_unguarded(shared: &Shared, documents: &[String]) -> (Derived, u64) {
    let parsed = parse_all(documents.iter().map(String::as_str));
    let unparsed = documents.len().saturating_sub(parsed.len()) as u64;
    let Some(stitched) = stitch(&parsed) else {
        return (Derived::Nothing, unparsed);
    };
    let mut producers = Producers::default();
    for (trace_id, ids) in linked_by(&stitched) {
        let Ok(documents) = shared.documents(&[trace_id]) else {
            return (Derived::Unknown, unparsed);
        };
        let Some(linked) = documents.first() else {
            continue;
        };
        let count = u32::try_from(linked.documents.len()).unwrap_or(u32::MAX);
        producers.add_stored(trace_id, count);
        let parsed = parse_all(linked.documents.iter().map(String::as_str));
        if let Some(stitched) = stitch(&parsed) {
            producers.add(&stitched, ids);
        }
    }
    let view = view_of(&stitched, &producers);
    let is_kept = digest_of(&view).is_some();
    match is_kept {
        true => (Derived::View(Box::new(view)), unparsed),
        false => (Derived::Nothing, unparsed),
    }
}

/// A view's identity; `None` when it is larger than the store keeps.
pub(super) fn digest_of(view: &TraceView) -> Option<ViewDigest> {
    let encoded = encode_view(view).ok()?;
    if encoded.len() > ENTRY_BYTES_MAX {
        return None;
    }
    let mut digest = ViewDigest::default();
    for (to, from) in digest.iter_mut().zip(Sha256::digest(&encoded)) {
        *to = from;
    }
    Some(digest)
}

/// A trace's documents, read anew; none when they cannot be read.
pub(super) fn documents_of(shared: &Shared, trace_id: TraceId) -> Vec<String> {
    let found = shared.documents(&[trace_id]).unwrap_or_default();
    let found = found.into_iter().next();
    found.map_or_else(Vec::new, |found| found.documents)
}
