//! Minutes of nodes and edges to the points of a series. Pure.
//! Source: `spec/traces-and-graph.md` section 9.

use std::collections::BTreeMap;

use radiograph_protocol::api::series::{ForecastStatistics, TimeSeriesServiceStatistics};
use radiograph_protocol::timestamp::Timestamp;

use super::Minutes;
use super::selection::Selection;
use crate::trace::graph;
use crate::trace::histogram::Histogram;
use crate::trace::totals::{Statistics, Totals};

/// Periods that a forecast looks back on.
pub(crate) const FORECAST_PERIODS: i64 = 60;

/// Points of one page, by the start of their period. Bounded by the minutes they were made for.
#[derive(Debug)]
pub(super) struct Points {
    /// Seconds.
    period: i64,
    /// The minutes that points count.
    counted: Minutes,
    /// The minutes that faults are known of, all of `counted` among them.
    read: Minutes,
    points: BTreeMap<i64, Point>,
    /// Faults by the start of the period, zero left out.
    faults: BTreeMap<i64, i64>,
}

#[derive(Debug, Default)]
struct Point {
    statistics: Statistics,
    response_times: Histogram,
}

impl Points {
    pub(super) const fn new(period: i64, counted: Minutes, read: Minutes) -> Self {
        Self {
            period,
            counted,
            read,
            points: BTreeMap::new(),
            faults: BTreeMap::new(),
        }
    }

    /// Adds what is selected of these minutes; those not read for are left out.
    pub(super) fn add(&mut self, totals: &Totals, selection: &Selection) {
        for (minute, totals) in &totals.minutes {
            if !self.read.contains(minute.seconds()) {
                continue;
            }
            for (key, node) in &totals.nodes {
                if selection.selects_node(key) {
                    self.count(minute.seconds(), &node.statistics, &node.response_times);
                }
            }
            for (key, edge) in &totals.edges {
                if selection.selects_edge(key) {
                    self.count(minute.seconds(), &edge.statistics, &edge.response_times);
                }
            }
        }
    }

    fn count(&mut self, minute: i64, statistics: &Statistics, response_times: &Histogram) {
        let period = minute.div_euclid(self.period) * self.period;
        if statistics.fault != 0 {
            *self.faults.entry(period).or_default() += statistics.fault;
        }
        if self.counted.contains(minute) {
            let point = self.points.entry(period).or_default();
            point.statistics.add(statistics, 1);
            point.response_times.add(response_times, 1);
        }
    }

    /// The points that have requests, each stamped with the end of its period.
    pub(super) fn newest_first(
        &self,
        is_of_services: bool,
        has_forecast: bool,
    ) -> Vec<TimeSeriesServiceStatistics> {
        let points = self.points.iter().rev();
        let with_requests = points.filter(|(_, point)| point.statistics.total() != 0);
        let shown = with_requests.map(|(period, point)| {
            let statistics = graph::statistics(&point.statistics);
            TimeSeriesServiceStatistics {
                timestamp: Timestamp::from_seconds(period + self.period),
                edge_summary_statistics: (!is_of_services).then_some(statistics),
                service_summary_statistics: is_of_services.then_some(statistics),
                service_forecast_statistics: if has_forecast {
                    self.forecast(*period)
                } else {
                    ForecastStatistics::default()
                },
                response_time_histogram: graph::entries(&point.response_times),
            }
        });
        shown.collect()
    }

    fn forecast(&self, period: i64) -> ForecastStatistics {
        let since = period - FORECAST_PERIODS * self.period;
        let (low, high) = bounds(self.faults.range(since..period).map(|(_, faults)| *faults));
        ForecastStatistics {
            fault_count_high: Some(high),
            fault_count_low: Some(low),
        }
    }
}

/// Mean ∓ 3 standard deviations of the fault counts of [`FORECAST_PERIODS`] periods, those not given
/// being 0; rounded outward, at least 0. With sum s and sum of squares q of n counts the bounds are
/// (s ∓ √(9 (n q − s²))) ÷ n: whole numbers until the one rounding, so that periods all alike give
/// their own count and not one more.
pub(crate) fn bounds(faults: impl Iterator<Item = i64>) -> (i64, i64) {
    let (mut sum, mut squares) = (0_i128, 0_i128);
    for count in faults.map(i128::from) {
        sum += count;
        squares += count * count;
    }
    let periods = i128::from(FORECAST_PERIODS);
    let nine_fold = 9 * (periods * squares - sum * sum).max(0);
    let root = nine_fold.isqrt();
    let spread = if root * root < nine_fold {
        root + 1
    } else {
        root
    };
    let low = (sum - spread).div_euclid(periods).max(0);
    let high = (sum + spread + periods - 1).div_euclid(periods);
    let whole = |count: i128| i64::try_from(count).unwrap_or(i64::MAX);
    (whole(low), whole(high))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_run_of_fault_counts_has_the_bounds_of_the_formula() {
        let one = |count: i64| vec![count];
        let rows: [(&str, Vec<i64>, (i64, i64)); 6] = [
            ("no faults", vec![], (0, 0)),
            ("alike", vec![7; 60], (7, 7)),
            // mean 1, deviation 7.68
            ("one period of 60", one(60), (0, 25)),
            // mean 10, deviation 1: from 7 to 13 exactly
            ("9 and 11", [vec![9; 30], vec![11; 30]].concat(), (7, 13)),
            // mean 10.5, deviation 0.5: 9 to 12 exactly
            ("10 and 11", [vec![10; 30], vec![11; 30]].concat(), (9, 12)),
            // mean 100.52, deviation 1.53: 95.9 to 105.1
            (
                "99, 102 and a 103",
                [vec![99; 30], vec![102; 29], vec![103]].concat(),
                (95, 106),
            ),
        ];
        for (name, counts, expected) in rows {
            assert_eq!(bounds(counts.into_iter()), expected, "{name}");
        }
    }
}
