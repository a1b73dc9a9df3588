//! Sums of the reports per rule in windows of ten seconds of the server's clock.
//!
//! Per rule the running window and those of about the minute before it are kept, [`WINDOWS_MAX`] in all,
//! so memory is bounded by the number of rules. Repeated reports are kept out by the caller, which
//! knows each client's previous one. Source: `spec/sampling.md` section 7, `spec/api.md` 4.3.

use std::collections::{BTreeMap, VecDeque};

use radiograph_protocol::api::sampling::{SamplingStatisticSummary, WholeSeconds};
use radiograph_protocol::sampling::Counts;
use radiograph_protocol::timestamp::Timestamp;

/// The length of a window.
pub(super) const WINDOW_SECONDS: i64 = 10;

/// Windows kept per rule; beyond them the oldest is forgotten.
const WINDOWS_MAX: usize = 7;

/// How far back [`Windows::requests_per_second`] looks from the start of the running window.
const PEAK_SECONDS: i64 = 60;

/// The recent windows of every rule that saw reports.
#[derive(Debug, Default)]
pub(crate) struct Windows {
    by_rule: BTreeMap<String, Recent>,
}

#[derive(Debug, Default)]
struct Recent {
    /// Those that saw reports, oldest first; the last may be running still.
    windows: VecDeque<Window>,
    /// All reports since the rule's first.
    total: Counts,
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
                let mut recent = Recent::default();
                recent.add(window);
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
                let mut newest_first = recent.windows.iter().rev();
                let closed = newest_first.find(|window| window.start_seconds < running_start)?;
                Some(closed.summary(rule_name))
            })
            .collect()
    }

    /// The requests per second of the busiest window of the last minute or so, the running one
    /// included; 0 without reports.
    pub(crate) fn requests_per_second(&self, rule_name: &str, now: Timestamp) -> f64 {
        let since = start_of_window(now) - PEAK_SECONDS;
        let windows = self.by_rule.get(rule_name).map(|recent| &recent.windows);
        let lately = windows.into_iter().flatten();
        let lately = lately.filter(|window| window.start_seconds >= since);
        let most = lately.map(|window| window.counts.requests).max();
        most.unwrap_or(0) as f64 / WINDOW_SECONDS as f64
    }

    /// What was reported of a rule since its first report.
    pub(crate) fn total(&self, rule_name: &str) -> Counts {
        let recent = self.by_rule.get(rule_name);
        recent.map_or_else(Counts::default, |recent| recent.total)
    }

    /// Drops the rules that `is_kept` does not name.
    pub(crate) fn retain(&mut self, is_kept: impl Fn(&str) -> bool) {
        self.by_rule.retain(|rule_name, _| is_kept(rule_name));
    }
}

impl Recent {
    fn add(&mut self, window: Window) {
        self.total += window.counts;
        match self.windows.back_mut() {
            // also when the clock was set back: a window, once closed, does not change
            Some(last) if window.start_seconds <= last.start_seconds => {
                last.counts += window.counts;
            }
            _ => {
                if self.windows.len() == WINDOWS_MAX {
                    self.windows.pop_front();
                }
                self.windows.push_back(window);
            }
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

/// Start of the window that this moment lies in, in epoch seconds.
pub(super) fn start_of_window(now: Timestamp) -> i64 {
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

    #[test]
    fn busiest_window_of_the_last_minute_tells_the_requests_per_second() {
        let mut windows = Windows::default();
        let rate = |windows: &Windows, now| windows.requests_per_second("a", at(now));
        assert!((rate(&windows, 100) - 0.0).abs() < 1e-9);
        for (now, requests) in [(100, 50), (110, 20), (119, 10)] {
            let counts = Counts {
                requests,
                ..Counts::default()
            };
            windows.add("a", counts, at(now));
        }
        let cases = [(119, 5.0), (169, 5.0), (170, 3.0), (179, 3.0), (180, 0.0)];
        for (now, expected) in cases {
            assert!((rate(&windows, now) - expected).abs() < 1e-9, "{now}");
        }
    }

    #[test]
    fn oldest_window_is_forgotten_at_the_bound_and_still_counts_in_the_total() {
        let mut windows = Windows::default();
        for window in 0..20 {
            windows.add("a", REPORT, at(window * 10));
        }
        assert_eq!(windows.by_rule["a"].windows.len(), WINDOWS_MAX);
        assert_eq!(windows.total("a").requests, 200);
        assert_eq!(windows.total("b"), Counts::default());
    }
}
