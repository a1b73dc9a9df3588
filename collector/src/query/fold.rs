//! Sums over the traces that satisfy a filter: what running totals cannot tell, since they know no
//! traces.
//!
//! Views are read page by page, newest first, and let go when they are summed up, so memory is a
//! page's views and the sum, however many traces the window has. The time taken is that of reading
//! every view of the window.

use std::sync::Arc;

use radiograph_protocol::timestamp::Timestamp;

use super::Query;
use crate::filter::Expression;
use crate::store::{ScanRange, StoreError, ViewScan};
use crate::trace::contributions;
use crate::trace::totals::Totals;
use crate::trace::view::TraceView;
use crate::worker::on_worker;

/// Views held at a time.
const PAGE_VIEWS: usize = 500;

impl Query {
    /// Adds what all traces that satisfy each of `filters` contribute to the minutes of
    /// `[start, end)`. `add` is handed contributions that may lie outside of them as well.
    ///
    /// # Errors
    /// When views could not be read.
    pub(super) async fn fold<A: Send + 'static>(
        &self,
        (start, end): (Timestamp, Timestamp),
        filters: Vec<Expression>,
        mut sum: A,
        add: impl Fn(&mut A, &Totals) + Clone + Send + 'static,
    ) -> Result<A, StoreError> {
        // the store may leave out what the first excludes; the others see what is left
        let filter = filters.first().cloned().map(Arc::new);
        let filters = Arc::new(filters);
        let mut after = None;
        loop {
            let scan = ViewScan {
                start: Timestamp::from_seconds(start.minute().seconds()),
                end: minute_ceil(end),
                range: ScanRange::Contributing,
                after,
                views_max: PAGE_VIEWS,
                filter: filter.clone(),
            };
            let page = self.store.views(scan).await?;
            let (filters, add) = (Arc::clone(&filters), add.clone());
            sum = on_worker(move || {
                let mut totals = Totals::default();
                let is_match = |view: &TraceView| filters.iter().all(|filter| filter.matches(view));
                for view in page.views.iter().filter(|view| is_match(view)) {
                    contributions::add(view, &mut totals, 1);
                }
                add(&mut sum, &totals);
                sum
            })
            .await?;
            after = page.next;
            if after.is_none() {
                return Ok(sum);
            }
        }
    }
}

/// The first full minute at or after `time`.
fn minute_ceil(time: Timestamp) -> Timestamp {
    Timestamp::from_seconds(time.plus_micros(59_999_999).minute().seconds())
}
