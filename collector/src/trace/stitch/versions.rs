//! Which version speaks for an id. Source: `spec/traces-and-graph.md` section 2.1.

use std::cmp::Ordering;
use std::collections::HashMap;

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

/// The version that speaks for each id of the trace, by id.
pub(super) fn speaking<'d>(documents: &'d [Parsed<'d>]) -> Vec<Version<'d>> {
    let mut versions = all(documents);
    // the first of versions that are equal in everything speaks
    versions.sort_unstable_by_key(|version| (version.entity.id, version.place));
    let mut texts = Texts::of(documents);
    versions.dedup_by(|challenger, holder| {
        let is_same = challenger.entity.id == holder.entity.id;
        if is_same && beats(challenger, holder, &mut texts) {
            *holder = *challenger;
        }
        is_same
    });
    versions
}

/// Every appearance of every entity, in reading order.
fn all<'d>(documents: &'d [Parsed<'d>]) -> Vec<Version<'d>> {
    let mut versions = Vec::with_capacity(documents.len());
    let mut pending = Vec::new();
    for (at, parsed) in documents.iter().enumerate() {
        let document = &parsed.document;
        let mut ordinal = 0;
        // children are pushed in reverse, so that places count in reading order
        pending.push((
            &document.entity,
            document.parent_id,
            is_segment(document.kind),
        ));
        while let Some((entity, parent_id, is_segment)) = pending.pop() {
            let place = Place {
                document: at,
                ordinal,
            };
            ordinal += 1;
            versions.push(Version {
                entity,
                place,
                is_segment,
                parent_id,
            });
            let children = entity.subsegments.iter().rev();
            pending.extend(children.map(|child| (child, Some(entity.id), false)));
        }
    }
    versions
}

fn beats(challenger: &Version<'_>, holder: &Version<'_>, texts: &mut Texts<'_>) -> bool {
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
    documents: &'d [Parsed<'d>],
    cut: HashMap<usize, Vec<&'d str>>,
}

impl<'d> Texts<'d> {
    fn of(documents: &'d [Parsed<'d>]) -> Self {
        Self {
            documents,
            cut: HashMap::new(),
        }
    }

    fn text(&mut self, place: Place) -> &'d str {
        let Some(whole) = self.documents.get(place.document) else {
            return "";
        };
        if place.ordinal == 0 {
            return whole.text;
        }
        let cut = self
            .cut
            .entry(place.document)
            .or_insert_with(|| entity_texts(whole.text));
        cut.get(place.ordinal).copied().unwrap_or("")
    }
}
