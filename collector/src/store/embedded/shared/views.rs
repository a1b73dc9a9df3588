//! Pages of views, newest first, from logs and sealed files: a merge of the index's scan and of one in
//! each sealed file, in which a block is read when its turn comes. A page so decompresses few blocks,
//! however many files there are. With a filter, sealed files leave out what their search index says cannot
//! match; what is in logs is not looked at. Then a page ends when [`READS_MAX`] is reached, though it may
//! have found nothing yet.

use std::collections::BinaryHeap;
use std::iter::Peekable;
use std::slice::Iter;

use radiograph_protocol::ids::TraceId;

use super::super::index::Place;
use super::super::part::Part;
use super::super::sealed::RowScan;
use super::Shared;
use crate::search::Plan;
use crate::store::{Cursor, StoreError, ViewPage, ViewScan};

/// Blocks and frames of search indexes, of a quarter of a megabyte at most, that are read for a page with a
/// filter. It goes on beyond until it has come further than the page before.
const READS_MAX: u64 = 1_000;

/// Where a source's next view is: the greatest comes first, and of equals the one whose block is to
/// be read first.
type Next = (Cursor, bool, usize);

impl Shared {
    /// A page of views.
    ///
    /// # Errors
    /// When one cannot be read.
    pub(in super::super) fn views(&self, scan: &ViewScan) -> Result<ViewPage, StoreError> {
        let plan = scan.filter.as_deref().map(Plan::of);
        loop {
            let (raw, parts) = {
                let index = self.index();
                (index.scan(scan), index.parts.clone())
            };
            let parts: Vec<_> = parts.iter().collect();
            if let Some(page) = self.page((scan, plan.as_ref()), &raw, &parts)? {
                return Ok(page);
            }
        }
    }

    /// A page of views at these places and in these parts; `None` when a log is not there any more,
    /// which the index does not mention by then.
    fn page(
        &self,
        (scan, plan): (&ViewScan, Option<&Plan>),
        raw: &[(Cursor, Place)],
        parts: &[&Part],
    ) -> Result<Option<ViewPage>, StoreError> {
        let mut sources: Vec<_> = parts
            .iter()
            .map(|part| RowScan::new(&part.file, scan, plan))
            .collect();
        let filled = self.fill(scan, raw.iter().peekable(), &mut sources, parts)?;
        Ok(filled.map(|mut page| {
            for source in &sources {
                source.add_work_to(&mut page.work);
            }
            page
        }))
    }

    fn fill(
        &self,
        scan: &ViewScan,
        mut raw: Peekable<Iter<'_, (Cursor, Place)>>,
        sources: &mut [RowScan<'_>],
        parts: &[&Part],
    ) -> Result<Option<ViewPage>, StoreError> {
        let mut next: BinaryHeap<Next> = BinaryHeap::new();
        for (at, source) in sources.iter().enumerate() {
            next.extend(next_of(source, at));
        }
        let views_max = scan.views_max.max(1);
        let mut page = ViewPage::default();
        let mut last = None;
        let mut reads = 0;
        loop {
            let sealed = next.peek().map(|(cursor, ..)| *cursor);
            let in_logs = raw.peek().map(|(cursor, _)| *cursor);
            if scan.filter.is_some() && reads >= READS_MAX {
                let place = in_logs.max(sealed).map(just_before);
                let place = place.map(|place| last.map_or(place, |last: Cursor| last.min(place)));
                if place.is_some_and(|place| scan.after.is_none_or(|after| place < after)) {
                    page.next = place;
                    break;
                }
            }
            // a view in a log replaces one of the same place in a sealed file
            if in_logs.is_some() && in_logs >= sealed {
                let Some((cursor, place)) = raw.next() else {
                    break;
                };
                if page.views.len() == views_max {
                    page.next = last;
                    break;
                }
                let Some(view) = self.blocks.view(*place)? else {
                    return Ok(None);
                };
                page.views.push(view.into());
                last = Some(*cursor);
                continue;
            }
            let Some((cursor, is_unread, at)) = next.pop() else {
                break;
            };
            let (Some(source), Some(part)) = (sources.get_mut(at), parts.get(at)) else {
                continue;
            };
            if is_unread {
                reads += source.read_block()?;
            } else if part.superseded.contains(&cursor.trace_id) {
                source.skip();
            } else if page.views.len() == views_max {
                page.next = last;
                break;
            } else {
                let view = source.take()?;
                page.views.extend(view.map(|(_, view)| view.into()));
                last = Some(cursor);
            }
            next.extend(next_of(source, at));
        }
        Ok(Some(page))
    }
}

/// The place behind which this one is the first that can be.
fn just_before(cursor: Cursor) -> Cursor {
    match cursor.trace_id.bits().checked_add(1) {
        Some(bits) => Cursor {
            trace_id: TraceId::from_bits(bits),
            ..cursor
        },
        None => Cursor {
            start: cursor.start.plus_micros(1),
            trace_id: TraceId::from_bits(0),
        },
    }
}

fn next_of(source: &RowScan<'_>, at: usize) -> Option<Next> {
    let place = source.next_place()?;
    Some((place.cursor, !place.is_read, at))
}
