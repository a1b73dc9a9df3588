//! Which traces the pins want, told by as little as is known of each. Pure.

use std::collections::BTreeSet;

use radiograph_protocol::ids::TraceId;
use radiograph_protocol::timestamp::Timestamp;

use super::pin_set::{Pin, Pinned};
use crate::filter::{self, Expression};
use crate::store::Doomed;
use crate::trace::view::TraceView;

/// What pins want.
#[derive(Debug, Default)]
pub(super) struct Wanted {
    /// These traces.
    pub(super) traces: BTreeSet<TraceId>,
    /// And what started in one of these.
    pub(super) windows: Vec<Window>,
}

/// A window's traces, as far as a filter selects them.
#[derive(Debug)]
pub(super) struct Window {
    pub(super) start: Timestamp,
    pub(super) end: Timestamp,
    filter: Option<Expression>,
}

/// What is known without looking at a trace's documents.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It is wanted.
    Wanted,
    /// It is not.
    Unwanted,
    /// Its view tells.
    Unclear,
}

impl Wanted {
    /// What these pins want.
    pub(super) fn by<'a>(pins: impl Iterator<Item = &'a Pin>) -> Self {
        let mut wanted = Self::default();
        for pin in pins {
            match &pin.what {
                Pinned::Traces(traces) => wanted.traces.extend(traces),
                Pinned::Window {
                    start,
                    end,
                    filter_expression,
                } => wanted.windows.push(Window {
                    start: *start,
                    end: *end,
                    // one that is none any more in this release keeps all: rather too much than too little
                    filter: filter_expression
                        .as_deref()
                        .and_then(|text| filter::parse_group(text).ok()),
                }),
            }
        }
        wanted
    }

    /// Whether a window wants a trace of which this is known.
    pub(super) fn verdict(&self, doomed: &Doomed) -> Verdict {
        let Some(start) = doomed.start else {
            return Verdict::Unclear;
        };
        let mut verdict = Verdict::Unwanted;
        for window in self.windows.iter().filter(|window| window.holds(start)) {
            if window.filter.is_none() {
                return Verdict::Wanted;
            }
            verdict = Verdict::Unclear;
        }
        verdict
    }

    /// Whether a window wants the trace of this view.
    pub(super) fn wants(&self, view: &TraceView) -> bool {
        self.windows.iter().any(|window| window.wants(view))
    }
}

impl Window {
    fn holds(&self, start: Timestamp) -> bool {
        (self.start..self.end).contains(&start)
    }

    /// Whether the trace of this view is wanted.
    pub(super) fn wants(&self, view: &TraceView) -> bool {
        let is_selected = || {
            self.filter
                .as_ref()
                .is_none_or(|filter| filter.matches(view))
        };
        self.holds(view.summary.start) && is_selected()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::contract::sample::{HOUR, trace, view};

    fn window(from: i64, to: i64, filter: Option<&str>) -> Pin {
        Pin {
            id: 1,
            created: Timestamp::MIN,
            note: None,
            what: Pinned::Window {
                start: Timestamp::from_seconds(HOUR + from),
                end: Timestamp::from_seconds(HOUR + to),
                filter_expression: filter.map(ToOwned::to_owned),
            },
        }
    }

    fn verdict(pins: &[Pin], seconds: Option<i64>) -> Verdict {
        Wanted::by(pins.iter()).verdict(&Doomed {
            trace_id: trace(1),
            start: seconds.map(|seconds| Timestamp::from_seconds(HOUR + seconds)),
        })
    }

    #[test]
    fn a_window_holds_its_start_and_not_its_end() {
        let pins = [window(10, 20, None)];
        for (seconds, expected) in [
            (Some(9), Verdict::Unwanted),
            (Some(10), Verdict::Wanted),
            (Some(19), Verdict::Wanted),
            (Some(20), Verdict::Unwanted),
            (None, Verdict::Unclear),
        ] {
            assert_eq!(verdict(&pins, seconds), expected, "{seconds:?}");
        }
    }

    #[test]
    fn a_filter_is_asked_for_what_is_in_its_window_alone() {
        let pins = [window(10, 20, Some("fault")), window(15, 25, None)];
        assert_eq!(verdict(&pins, Some(12)), Verdict::Unclear);
        assert_eq!(verdict(&pins, Some(17)), Verdict::Wanted);
        assert_eq!(verdict(&pins, Some(5)), Verdict::Unwanted);
        let wants =
            |filter| Wanted::by([window(0, 20, Some(filter))].iter()).wants(&view(1, 1, HOUR));
        assert!(wants("error") && !wants("fault") && wants("no filter at all"));
    }
}
