//! Totals and links of merged files. Where every view is taken over they are those of the inputs. Where some
//! are left, as of traces that were settled in two logs, what these contribute is taken away: counts
//! exactly, spans of time as long as no view that is left reaches as far as its sum without one that stays
//! reaching there too. Otherwise all views are decoded and added up, which takes longer than the rest of
//! the merge. The result is the same.
//!
//! Memory: the totals of the inputs, and what the views of those traces contribute.

use std::collections::{BTreeMap, HashSet};

use radiograph_protocol::ids::TraceId;

use super::super::SealedFile;
use super::super::directory::links_of;
use super::super::rows::Row;
use super::super::seal::Sums;
use super::Left;
use crate::store::StoreError;
use crate::trace::contributions;
use crate::trace::totals::{MinuteTotals, Span, Totals};

/// Sums over the views of a merge.
pub(super) struct MergedSums {
    /// Of all inputs; their links are those of views that stay alone.
    all: Sums,
    /// Traces with a view that is left.
    parted: HashSet<TraceId>,
    /// What the views that are left contribute.
    left: Totals,
    /// What those views contribute that stay of the same traces.
    kept: Totals,
}

impl MergedSums {
    /// The sums of these inputs, some of whose views are left.
    ///
    /// # Errors
    /// When their totals cannot be read.
    pub(super) fn new(inputs: &[&SealedFile], left: &Left) -> Result<Self, StoreError> {
        let mut all = Sums::default();
        for (number, input) in inputs.iter().enumerate() {
            all.totals.add(&input.totals()?, 1);
            let links = input.links().iter();
            let stays = links.filter(|link| !left.contains(&(number, link.consumer)));
            all.links.extend(stays);
        }
        Ok(Self {
            all,
            parted: left.iter().map(|(_, trace_id)| *trace_id).collect(),
            left: Totals::default(),
            kept: Totals::default(),
        })
    }

    /// Notes a view that is left or taken over; `None` when it cannot be read.
    pub(super) fn pass(&mut self, row: &Row, is_left: bool) -> Option<()> {
        if self.parted.contains(&row.cursor.trace_id) {
            let view = row.view()?;
            let sum = if is_left {
                &mut self.left
            } else {
                &mut self.kept
            };
            contributions::add(&view, sum, 1);
        }
        Some(())
    }

    /// The sums over the views that stay.
    ///
    /// # Errors
    /// When the views have to be read once more and cannot be.
    pub(super) fn finish(
        mut self,
        inputs: &[&SealedFile],
        left: &Left,
    ) -> Result<Sums, StoreError> {
        if self.spans_stay() {
            self.all.totals.add(&self.left, -1);
            return Ok(self.all);
        }
        let mut sums = Sums::default();
        for (number, input) in inputs.iter().enumerate() {
            for view in input.views() {
                let view = view?;
                if !left.contains(&(number, view.trace_id)) {
                    contributions::add(&view, &mut sums.totals, 1);
                    sums.links.extend(links_of(&view));
                }
            }
        }
        Ok(sums)
    }

    /// Whether what is left can be taken away without a span getting shorter.
    fn spans_stay(&self) -> bool {
        let none = MinuteTotals::default();
        self.left.minutes.iter().all(|(minute, left)| {
            let all = self.all.totals.minutes.get(minute).unwrap_or(&none);
            let kept = self.kept.minutes.get(minute).unwrap_or(&none);
            stay(&left.nodes, &all.nodes, &kept.nodes, |node| node.span)
                && stay(&left.edges, &all.edges, &kept.edges, |edge| edge.span)
                && stay(&left.links, &all.links, &kept.links, |link| link.span)
        })
    }
}

/// Whether every sum spans as much without what is left.
fn stay<K: Ord, T>(
    left: &BTreeMap<K, T>,
    all: &BTreeMap<K, T>,
    kept: &BTreeMap<K, T>,
    span: impl Fn(&T) -> Span,
) -> bool {
    left.iter().all(|(key, left)| {
        let Some(all) = all.get(key).map(&span) else {
            return false;
        };
        let (left, kept) = (span(left), kept.get(key).map(&span));
        let starts = left.start > all.start || kept.is_some_and(|kept| kept.start <= all.start);
        let ends = left.end < all.end || kept.is_some_and(|kept| kept.end >= all.end);
        starts && ends
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::contract::sample;
    use crate::trace::view::TraceView;

    fn sums(left: &[TraceView], kept: &[TraceView], others: &[TraceView]) -> MergedSums {
        let mut sums = MergedSums::new(&[], &Left::new()).unwrap();
        for (views, sum) in [(left, &mut sums.left), (kept, &mut sums.kept)] {
            views
                .iter()
                .for_each(|view| contributions::add(view, sum, 1));
        }
        let all = left.iter().chain(kept).chain(others);
        all.for_each(|view| contributions::add(view, &mut sums.all.totals, 1));
        sums
    }

    #[test]
    fn what_is_left_is_taken_away_where_no_span_gets_shorter() {
        let at = |number, start| sample::view(number, 1, sample::HOUR + start);
        let around = [at(2, 2), at(3, 8)];
        for (name, left, kept, stays) in [
            ("between others", at(1, 5), None, true),
            ("first of all", at(1, 1), None, false),
            ("last of all", at(1, 9), None, false),
            (
                "first, as the one that stays",
                at(1, 1),
                Some(at(1, 1)),
                true,
            ),
            (
                "last, as the one that stays",
                at(1, 9),
                Some(at(1, 9)),
                true,
            ),
            (
                "first, and that one is later",
                at(1, 1),
                Some(at(1, 3)),
                false,
            ),
        ] {
            let kept: Vec<_> = kept.into_iter().collect();
            let merged = sums(&[left], &kept, &around);
            assert_eq!(merged.spans_stay(), stays, "{name}");
            if stays {
                let mut expected = Totals::default();
                let staying = kept.iter().chain(&around);
                staying.for_each(|view| contributions::add(view, &mut expected, 1));
                let totals = merged.finish(&[], &Left::new()).unwrap().totals;
                assert_eq!(totals, expected, "{name}");
            }
        }
    }
}
