//! Which views were reported as too large for the store, so that each is reported once. Pure.

use std::collections::HashMap;

use radiograph_protocol::ids::TraceId;

use crate::store::OversizedView;

/// Traces that are remembered; 32 bytes each. Beyond it all are forgotten, and reported once more.
const TRACES_MAX: usize = 1000;

/// The revisions reported.
#[derive(Debug, Default)]
pub(super) struct Reported(HashMap<TraceId, u32>);

impl Reported {
    /// Whether this view is not reported yet; from now on it is.
    pub(super) fn is_new(&mut self, view: &OversizedView) -> bool {
        if self.0.len() >= TRACES_MAX && !self.0.contains_key(&view.trace_id) {
            self.0.clear();
        }
        self.0.insert(view.trace_id, view.revision) != Some(view.revision)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn view(trace: usize, revision: u32) -> OversizedView {
        OversizedView {
            trace_id: TraceId::from_bits(trace as u128),
            revision,
            bytes: 1,
        }
    }

    #[test]
    fn a_view_is_reported_once_per_trace_and_revision() {
        let mut reported = Reported::default();
        assert!(reported.is_new(&view(1, 1)));
        assert!(!reported.is_new(&view(1, 1)));
        assert!(reported.is_new(&view(2, 1)));
        assert!(reported.is_new(&view(1, 2)));
        assert!(!reported.is_new(&view(2, 1)));
    }

    #[test]
    fn no_more_are_remembered_than_may() {
        let mut reported = Reported::default();
        for trace in 0..3 * TRACES_MAX {
            assert!(reported.is_new(&view(trace, 1)));
        }
        assert!(reported.0.len() <= TRACES_MAX);
    }
}
