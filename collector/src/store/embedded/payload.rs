//! What stands in a block once decompressed. Pure.
//!
//! ```text
//! documents = (trace id (16) | length (4) | text)*
//! views     = view format (1) | (length (4) | view in postcard)*
//! ```
//!
//! An entry is found by its position: the offset of its first byte.

use std::io;

use radiograph_protocol::ids::TraceId;

use super::format::{take, take_u32};
use crate::trace::view::TraceView;

/// Version of the views' encoding. It grows with every change of [`TraceView`] or of what is derived
/// into it; views of another version count as absent, so that they are derived again.
pub(super) const VIEW_FORMAT: u8 = 2;

/// Room for a view that is encoded: most need no more.
const USUAL_VIEW_BYTES: usize = 2048;

/// Bytes of a document's entry beside its text.
pub(super) const DOCUMENT_ENTRY_BYTES: usize = 20;

/// Appends a document's entry.
pub(super) fn push_document(raw: &mut Vec<u8>, trace_id: TraceId, document: &str) {
    raw.extend(trace_id.bits().to_le_bytes());
    push_bytes(raw, document.as_bytes());
}

/// Appends a view's entry; the first one brings the version along.
pub(super) fn push_view(raw: &mut Vec<u8>, encoded: &[u8]) {
    if raw.is_empty() {
        raw.push(VIEW_FORMAT);
    }
    push_bytes(raw, encoded);
}

/// A view in postcard.
///
/// # Errors
/// When it cannot be encoded.
pub(super) fn encode_view(view: &TraceView) -> io::Result<Vec<u8>> {
    let room = Vec::with_capacity(USUAL_VIEW_BYTES);
    postcard::to_extend(view, room).map_err(io::Error::other)
}

/// The entry at a position and the position behind it.
type Read<T> = Option<(T, usize)>;

/// Reads the document at a position; `None` when none is there.
pub(super) fn document_at(raw: &[u8], position: usize) -> Read<(TraceId, &str)> {
    let mut rest = raw.get(position..)?;
    let trace_id = TraceId::from_bits(u128::from_le_bytes(take(&mut rest)?));
    let text = std::str::from_utf8(take_bytes(&mut rest)?).ok()?;
    Some(((trace_id, text), raw.len() - rest.len()))
}

/// Reads the view at a position; `None` when none of this version is there.
pub(super) fn view_at(raw: &[u8], position: usize) -> Read<TraceView> {
    if raw.first() != Some(&VIEW_FORMAT) {
        return None;
    }
    let mut rest = raw.get(position..)?;
    let view = postcard::from_bytes(take_bytes(&mut rest)?).ok()?;
    Some((view, raw.len() - rest.len()))
}

/// All documents with their positions; `None` when anything is not as it should be.
pub(super) fn documents(raw: &[u8]) -> Option<Vec<(usize, TraceId, &str)>> {
    let mut found = Vec::new();
    let mut position = 0;
    while position < raw.len() {
        let ((trace_id, text), next) = document_at(raw, position)?;
        found.push((position, trace_id, text));
        position = next;
    }
    Some(found)
}

/// What a block of views turned out to be.
#[derive(Debug, PartialEq)]
pub(super) enum Views {
    /// Views with their positions.
    Current(Vec<(usize, TraceView)>),
    /// Views of another version.
    OtherVersion,
    /// Something else.
    Damaged,
}

/// All views with their positions.
pub(super) fn views(raw: &[u8]) -> Views {
    match raw.first() {
        None => return Views::Damaged,
        Some(&VIEW_FORMAT) => {}
        Some(_) => return Views::OtherVersion,
    }
    let mut found = Vec::new();
    let mut position = 1;
    while position < raw.len() {
        let Some((view, next)) = view_at(raw, position) else {
            return Views::Damaged;
        };
        found.push((position, view));
        position = next;
    }
    Views::Current(found)
}

/// All views with their positions and their encoding, of which no more than the trace is decoded; `None`
/// when they are of another version, or damaged.
pub(super) fn encoded_views(raw: &[u8]) -> Option<Vec<(usize, TraceId, &[u8])>> {
    let mut found = Vec::new();
    let mut position = 1;
    while position < raw.len() {
        let encoded = encoded_view_at(raw, position)?;
        // a view begins with its trace
        let (trace_id, _) = postcard::take_from_bytes(encoded).ok()?;
        found.push((position, trace_id, encoded));
        position += LENGTH_BYTES + encoded.len();
    }
    Some(found)
}

/// The encoding of the view at a position; `None` when none of this version is there.
pub(super) fn encoded_view_at(raw: &[u8], position: usize) -> Option<&[u8]> {
    if raw.first() != Some(&VIEW_FORMAT) {
        return None;
    }
    take_bytes(&mut raw.get(position..)?)
}

/// Bytes of a length.
const LENGTH_BYTES: usize = 4;

fn push_bytes(raw: &mut Vec<u8>, bytes: &[u8]) {
    // a longer entry is refused before it comes here, and one cut short is refused by the reader
    let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
    raw.extend(length.to_le_bytes());
    raw.extend(bytes);
}

fn take_bytes<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let length = usize::try_from(take_u32(rest)?).ok()?;
    let (bytes, tail) = rest.split_at_checked(length)?;
    *rest = tail;
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::contract::sample;
    use proptest::prelude::*;

    #[test]
    fn documents_are_found_by_their_positions() {
        let mut raw = Vec::new();
        push_document(&mut raw, sample::trace(1), "{\"a\":1}");
        push_document(&mut raw, sample::trace(2), "");
        let second = DOCUMENT_ENTRY_BYTES + 7;
        let expected = vec![
            (0, sample::trace(1), "{\"a\":1}"),
            (second, sample::trace(2), ""),
        ];
        assert_eq!(documents(&raw), Some(expected));
        assert_eq!(
            document_at(&raw, second),
            Some(((sample::trace(2), ""), raw.len()))
        );
        assert_eq!(document_at(&raw, raw.len() + 1), None);
    }

    #[test]
    fn views_survive_their_encoding() {
        let view = sample::view(1, 3, 1_795_270_000);
        let mut raw = Vec::new();
        push_view(&mut raw, &postcard::to_stdvec(&view).unwrap());
        push_view(&mut raw, &postcard::to_stdvec(&view).unwrap());
        let Views::Current(found) = views(&raw) else {
            panic!("{:?}", views(&raw))
        };
        assert_eq!(found.len(), 2);
        assert_eq!(view_at(&raw, found[1].0), Some((view.clone(), raw.len())));
        assert_eq!(found[0], (1, view.clone()));
        let encoded = encoded_views(&raw).unwrap();
        let places: Vec<_> = encoded.iter().map(|each| (each.0, each.1)).collect();
        assert_eq!(places, [(1, view.trace_id), (found[1].0, view.trace_id)]);
        assert_eq!(encoded_view_at(&raw, found[1].0), Some(encoded[1].2));
        assert_eq!(postcard::from_bytes(encoded[1].2), Ok(view));
    }

    #[test]
    fn views_of_another_version_are_told_from_damage() {
        assert_eq!(views(&[VIEW_FORMAT + 1, 9, 9, 9]), Views::OtherVersion);
        assert_eq!(views(&[VIEW_FORMAT, 9, 0, 0, 0]), Views::Damaged);
        assert_eq!(views(&[]), Views::Damaged);
    }

    proptest! {
        #[test]
        fn property_no_bytes_make_the_readers_panic(raw: Vec<u8>, position: usize) {
            let _any = (documents(&raw), views(&raw));
            let _any = (document_at(&raw, position), view_at(&raw, position));
            let _any = (encoded_views(&raw), encoded_view_at(&raw, position));
        }
    }
}
