//! Sums of the reports per rule in windows of ten seconds of the server's clock.
//!
//! Two windows per rule are kept, the running one and the last one before it that saw reports, so
//! memory is bounded by the number of rules. Repeated reports are kept out by the caller, which
//! knows each client's previous one. Source: `spec/sampling.md` section 7, `spec/api.md` 4.3.

use std::collections::BTreeMap;

use radiograph_protocol::api::sampling::{SamplingStatisticSummary, WholeSeconds};
use radiograph_protocol::sampling::Counts;
use radiograph_protocol::timestamp::Timestamp;

/// The length of a window.
const WINDOW_SECONDS: i64 = 10;

/// The recent windows of every rule that saw reports.
#[derive(Debug, Default)]
pub(crate) struct Windows {
    by_rule: BTreeMap<String, Recent>,
}

#[derive(Debug)]
struct Recent {
    running: Window,
    closed: Option<Window>,
}

#[derive(Debug, Clone, Copy)]
struct Window {
    start_seconds: i64,
    counts: Counts,
}

impl Windows {
    /// Adds a report under the time of its receipt.
    pub(crate) fn add(&mut self, rule_name: &str, counts: Counts, now: Timestamp) {
        let window = Window {
            start_seconds: start_of_window(now),
            counts,
        };
        match self.by_rule.get_mut(rule_name) {
            Some(recent) => recent.add(window),
            None => {
                let recent = Recent {
                    running: window,
                    closed: None,
                };
                self.by_rule.insert(rule_name.to_owned(), recent);
            }
        }
    }

    /// Per rule the last closed window that saw reports, by rule name. A rule between two reports
    /// is thus not missing, and its entry says how old it is.
    pub(crate) fn last_closed(&self, now: Timestamp) -> Vec<SamplingStatisticSummary> {
        let running_start = start_of_window(now);
        let rules = self.by_rule.iter();
        rules
            .filter_map(|(rule_name, recent)| {
                let is_running_over = recent.running.start_seconds < running_start;
                let window = if is_running_over {
                    recent.running
                } else {
                    recent.closed?
                };
                Some(window.summary(rule_name))
            })
            .collect()
    }

    /// Drops the rules that `is_kept` does not name.
    pub(crate) fn retain(&mut self, is_kept: impl Fn(&str) -> bool) {
        self.by_rule.retain(|rule_name, _| is_kept(rule_name));
    }
}

impl Recent {
    fn add(&mut self, window: Window) {
        if window.start_seconds > self.running.start_seconds {
            self.closed = Some(self.running);
            self.running = window;
        } else {
            // also when the clock was set back: a window, once closed, does not change
            self.running.counts += window.counts;
        }
    }
}

impl Window {
    fn summary(self, rule_name: &str) -> SamplingStatisticSummary {
        SamplingStatisticSummary {
            rule_name: rule_name.to_owned(),
            timestamp: WholeSeconds(self.start_seconds),
            request_count: self.counts.requests,
            borrow_count: self.counts.borrows,
            sampled_count: self.counts.sampled,
        }
    }
}

fn start_of_window(now: Timestamp) -> i64 {
    let seconds = now.seconds_floor();
    seconds - seconds.rem_euclid(WINDOW_SECONDS)
}

#[cfg(test)]
mod tests {
    use super::*;

    const REPORT: Counts = Counts {
        requests: 10,
        sampled: 3,
        borrows: 1,
    };

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_seconds(seconds)
    }

    fn closed(windows: &Windows, now: i64) -> Vec<(String, i64, u64, u64, u64)> {
        let summaries = windows.last_closed(at(now)).into_iter();
        summaries
            .map(|s| {
                let start = s.timestamp.0;
                (
                    s.rule_name,
                    start,
                    s.request_count,
                    s.borrow_count,
                    s.sampled_count,
                )
            })
            .collect()
    }

    #[test]
    fn reports_are_summed_per_rule_and_window() {
        let mut windows = Windows::default();
        windows.add("b", REPORT, at(100));
        windows.add("b", REPORT, at(109));
        windows.add("a", REPORT, at(105));
        assert_eq!(closed(&windows, 109), [], "the window is still running");
        let expected = [
            ("a".to_owned(), 100, 10, 1, 3),
            ("b".to_owned(), 100, 20, 2, 6),
        ];
        assert_eq!(closed(&windows, 110), expected);
        windows.add("b", REPORT, at(110));
        assert_eq!(
            closed(&windows, 119),
            expected,
            "the running one does not show"
        );
        assert_eq!(closed(&windows, 120)[1], ("b".to_owned(), 110, 10, 1, 3));
    }

    #[test]
    fn window_is_kept_over_a_pause() {
        let mut windows = Windows::default();
        windows.add("a", REPORT, at(100));
        windows.add("a", REPORT, at(500));
        assert_eq!(closed(&windows, 505), [("a".to_owned(), 100, 10, 1, 3)]);
        assert_eq!(closed(&windows, 9000), [("a".to_owned(), 500, 10, 1, 3)]);
    }

    #[test]
    fn clock_set_back_does_not_open_an_earlier_window() {
        let mut windows = Windows::default();
        windows.add("a", REPORT, at(100));
        windows.add("a", REPORT, at(50));
        assert_eq!(closed(&windows, 110), [("a".to_owned(), 100, 20, 2, 6)]);
    }

    #[test]
    fn dropped_rule_is_gone() {
        let mut windows = Windows::default();
        windows.add("a", REPORT, at(100));
        windows.add("b", REPORT, at(100));
        windows.retain(|name| name == "b");
        assert_eq!(closed(&windows, 110), [("b".to_owned(), 100, 10, 1, 3)]);
    }
}
