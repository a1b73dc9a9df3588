//! Which version speaks for an id. Source: `spec/traces-and-graph.md` section 2.1.

use std::cell::OnceCell;
use std::cmp::Ordering;
use std::collections::HashMap;
use std::collections::hash_map::Entry;

use radiograph_protocol::ids::SegmentId;
use radiograph_protocol::segment::Entity;

use super::{Parsed, Place, is_segment};
use crate::trace::documents::entity_texts;

/// One appearance of a segment or subsegment in a document.
#[derive(Debug, Clone, Copy)]
pub(super) struct Version<'d> {
    pub(super) entity: &'d Entity<'d>,
    pub(super) place: Place,
    pub(super) is_segment: bool,
    /// What a document names, or the entity this one is embedded in.
    pub(super) parent_id: Option<SegmentId>,
}

/// The version that speaks for each id of the trace, in no particular order.
pub(super) fn speaking<'d>(documents: &'d [Parsed<'d>]) -> Vec<Version<'d>> {
    let mut speaking: HashMap<SegmentId, Version<'d>> = HashMap::new();
    let texts = Texts::of(documents);
    for (at, parsed) in documents.iter().enumerate() {
        let document = &parsed.document;
        let mut ordinal = 0;
        // children are pushed in reverse, so that places count in reading order
        let mut pending = vec![(
            &document.entity,
            document.parent_id,
            is_segment(document.kind),
        )];
        while let Some((entity, parent_id, is_segment)) = pending.pop() {
            let place = Place {
                document: at,
                ordinal,
            };
            ordinal += 1;
            let version = Version {
                entity,
                place,
                is_segment,
                parent_id,
            };
            match speaking.entry(entity.id) {
                Entry::Vacant(free) => {
                    free.insert(version);
                }
                Entry::Occupied(mut known) => {
                    if beats(&version, known.get(), &texts) {
                        known.insert(version);
                    }
                }
            }
            let children = entity.subsegments.iter().rev();
            pending.extend(children.map(|child| (child, Some(entity.id), false)));
        }
    }
    speaking.into_values().collect()
}

fn beats(challenger: &Version<'_>, holder: &Version<'_>, texts: &Texts<'_>) -> bool {
    let rank = |version: &Version<'_>| (version.is_segment, version.entity.end);
    // `None < Some(_)`: a finished version beats an unfinished one, then the later end wins
    match rank(challenger).cmp(&rank(holder)) {
        Ordering::Greater => true,
        Ordering::Less => false,
        Ordering::Equal => {
            let (new, old) = (texts.text(challenger.place), texts.text(holder.place));
            (new.len(), new) > (old.len(), old)
        }
    }
}

/// The texts of all entities, cut out of a document when the first tie asks for one of it: ties are
/// rare, but a document that has one may have thousands.
struct Texts<'d> {
    documents: Vec<(&'d str, OnceCell<Vec<&'d str>>)>,
}

impl<'d> Texts<'d> {
    fn of(documents: &[Parsed<'d>]) -> Self {
        let documents = documents
            .iter()
            .map(|parsed| (parsed.text, OnceCell::new()));
        Self {
            documents: documents.collect(),
        }
    }

    fn text(&self, place: Place) -> &'d str {
        let Some((whole, cut)) = self.documents.get(place.document) else {
            return "";
        };
        if place.ordinal == 0 {
            return whole;
        }
        let cut = cut.get_or_init(|| entity_texts(whole));
        cut.get(place.ordinal).copied().unwrap_or("")
    }
}
