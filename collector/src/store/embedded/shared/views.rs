//! Pages of views, newest first, from logs and sealed files: a merge of the index's scan and of one in
//! each sealed file, in which a block is read when its turn comes. A page so decompresses few blocks,
//! however many files there are.

use std::collections::BinaryHeap;

use super::super::index::Place;
use super::super::part::Part;
use super::super::sealed::RowScan;
use super::Shared;
use crate::store::{Cursor, StoreError, ViewPage, ViewScan};

/// Where a source's next view is: the greatest comes first, and of equals the one whose block is to
/// be read first.
type Next = (Cursor, bool, usize);

impl Shared {
    /// A page of views.
    ///
    /// # Errors
    /// When one cannot be read.
    pub(in super::super) fn views(&self, scan: &ViewScan) -> Result<ViewPage, StoreError> {
        loop {
            let (raw, parts) = {
                let index = self.index();
                (index.scan(scan), index.parts.clone())
            };
            let parts: Vec<_> = parts.iter().collect();
            if let Some(page) = self.page(scan, &raw, &parts)? {
                return Ok(page);
            }
        }
    }

    /// A page of views at these places and in these parts; `None` when a log is not there any more,
    /// which the index does not mention by then.
    fn page(
        &self,
        scan: &ViewScan,
        raw: &[(Cursor, Place)],
        parts: &[&Part],
    ) -> Result<Option<ViewPage>, StoreError> {
        let mut sources: Vec<_> = parts
            .iter()
            .map(|part| RowScan::new(&part.file, scan))
            .collect();
        let mut next: BinaryHeap<Next> = BinaryHeap::new();
        for (at, source) in sources.iter().enumerate() {
            next.extend(next_of(source, at));
        }
        let views_max = scan.views_max.max(1);
        let mut raw = raw.iter().peekable();
        let mut page = ViewPage::default();
        let mut last = None;
        loop {
            let sealed = next.peek().map(|(cursor, ..)| *cursor);
            let in_logs = raw.peek().map(|(cursor, _)| *cursor);
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
                source.read_block()?;
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

fn next_of(source: &RowScan<'_>, at: usize) -> Option<Next> {
    let place = source.next_place()?;
    Some((place.cursor, !place.is_read, at))
}
