//! Statistics that the endpoint did not take, kept for later: an SDK forgets what it has reported.
//!
//! They are merged by rule and client. A client's own go with its next report; those of others, which
//! may be gone, follow in reports of the daemon once the endpoint answers again, since an answer with
//! targets of other clients would mislead the one who asked. Source: `spec/daemon.md` section 5.3.

use std::collections::BTreeMap;

use radiograph_protocol::api::sampling::StatisticsDocument;
use radiograph_protocol::limits::STATISTICS_PER_CALL_MAX;
use radiograph_protocol::sampling::Counts;
use radiograph_protocol::timestamp::Timestamp;

/// Pairs of client and rule kept at once, about 2 MB.
const PAIRS_MAX: usize = 10_000;

/// Counts by client and rule, with the time of the latest report.
#[derive(Debug, Default)]
pub(super) struct Unreported(BTreeMap<(String, String), (Counts, Timestamp)>);

impl Unreported {
    /// Keeps reports; how many did not find a place.
    pub(super) fn keep(&mut self, reports: &[StatisticsDocument]) -> usize {
        let mut without_place = 0;
        for report in reports {
            let pair = (report.client_id.clone(), report.rule_name.clone());
            if self.0.len() >= PAIRS_MAX && !self.0.contains_key(&pair) {
                without_place += 1;
                continue;
            }
            let (counts, timestamp) = self.0.entry(pair).or_default();
            *counts += counts_of(report);
            *timestamp = report.timestamp.max(*timestamp);
        }
        without_place
    }

    /// Takes out what belongs to the clients of these reports, as far as a call has room beside them.
    pub(super) fn take_for(&mut self, reports: &[StatisticsDocument]) -> Vec<StatisticsDocument> {
        let mut room = STATISTICS_PER_CALL_MAX.saturating_sub(reports.len());
        let mut is_wanted = |(client_id, rule_name): &(String, String)| {
            let mut of_client = reports.iter().filter(|each| each.client_id == *client_id);
            let mut other = of_client.clone();
            if of_client.any(|each| each.rule_name == *rule_name) {
                return true;
            }
            let fits = other.next().is_some() && room > 0;
            room = room.saturating_sub(usize::from(fits));
            fits
        };
        let wanted: Vec<(String, String)> = self
            .0
            .keys()
            .filter(|pair| is_wanted(pair))
            .cloned()
            .collect();
        let taken = wanted
            .into_iter()
            .filter_map(|pair| self.0.remove_entry(&pair));
        taken.map(report).collect()
    }

    /// Takes out what one call can report.
    pub(super) fn take(&mut self) -> Vec<StatisticsDocument> {
        let taken = (0..STATISTICS_PER_CALL_MAX).map_while(|_| self.0.pop_first());
        taken.map(report).collect()
    }
}

/// Adds reports to others; those of the same rule and client become one.
pub(super) fn join(reports: &mut Vec<StatisticsDocument>, others: &[StatisticsDocument]) {
    for other in others {
        let is_same = |each: &&mut StatisticsDocument| {
            each.rule_name == other.rule_name && each.client_id == other.client_id
        };
        match reports.iter_mut().find(is_same) {
            Some(same) => {
                let mut counts = counts_of(same);
                counts += counts_of(other);
                same.request_count = counts.requests;
                same.sampled_count = counts.sampled;
                same.borrow_count = counts.borrows;
            }
            None => reports.push(other.clone()),
        }
    }
}

const fn counts_of(report: &StatisticsDocument) -> Counts {
    Counts {
        requests: report.request_count,
        sampled: report.sampled_count,
        borrows: report.borrow_count,
    }
}

type Kept = ((String, String), (Counts, Timestamp));

fn report(((client_id, rule_name), (counts, timestamp)): Kept) -> StatisticsDocument {
    StatisticsDocument {
        rule_name,
        client_id,
        timestamp,
        request_count: counts.requests,
        sampled_count: counts.sampled,
        borrow_count: counts.borrows,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(client_id: &str, rule_name: &str, request_count: u64) -> StatisticsDocument {
        StatisticsDocument {
            rule_name: rule_name.to_owned(),
            client_id: client_id.to_owned(),
            timestamp: Timestamp::from_seconds(1_704_067_210),
            request_count,
            sampled_count: 1,
            borrow_count: 0,
        }
    }

    #[test]
    fn reports_of_one_rule_and_client_become_one() {
        let mut unreported = Unreported::default();
        let later = StatisticsDocument {
            timestamp: Timestamp::from_seconds(1_704_067_220),
            ..of("a", "r", 2)
        };
        assert_eq!(
            unreported.keep(&[later.clone(), of("a", "r", 3), of("b", "r", 4)]),
            0
        );
        let both = StatisticsDocument {
            request_count: 5,
            sampled_count: 2,
            ..later
        };
        assert_eq!(unreported.take(), [both, of("b", "r", 4)]);
        assert_eq!(unreported.take(), []);
    }

    #[test]
    fn a_client_gets_its_own_back_and_nobody_elses() {
        let mut unreported = Unreported::default();
        unreported.keep(&[of("a", "r", 1), of("a", "s", 2), of("b", "r", 4)]);
        let mut reports = vec![of("a", "s", 10), of("a", "t", 20)];
        let taken = unreported.take_for(&reports);
        assert_eq!(taken, [of("a", "r", 1), of("a", "s", 2)]);
        join(&mut reports, &taken);
        let joined = StatisticsDocument {
            sampled_count: 2,
            ..of("a", "s", 12)
        };
        assert_eq!(reports, [joined, of("a", "t", 20), of("a", "r", 1)]);
        assert_eq!(unreported.take(), [of("b", "r", 4)]);
    }

    #[test]
    fn a_call_never_gets_more_than_25_reports() {
        let mut unreported = Unreported::default();
        let names: Vec<String> = (0..40).map(|number| format!("r{number:02}")).collect();
        let kept: Vec<StatisticsDocument> = names.iter().map(|name| of("a", name, 1)).collect();
        unreported.keep(&kept);
        let mut reports = vec![of("a", "r39", 1), of("a", "x", 1)];
        let taken = unreported.take_for(&reports);
        assert_eq!(taken.len(), 24, "23 more, and one that is merged");
        join(&mut reports, &taken);
        assert_eq!(reports.len(), 25);
        assert_eq!(unreported.take().len(), 16);
        unreported.keep(&kept);
        assert_eq!(unreported.take().len(), 25);
    }

    #[test]
    fn beyond_the_bound_only_known_pairs_are_kept() {
        let mut unreported = Unreported::default();
        let clients: Vec<String> = (0..PAIRS_MAX).map(|number| number.to_string()).collect();
        let all: Vec<StatisticsDocument> =
            clients.iter().map(|client| of(client, "r", 1)).collect();
        assert_eq!(unreported.keep(&all), 0);
        assert_eq!(unreported.keep(&[of("new", "r", 1), of("7", "r", 1)]), 1);
        assert_eq!(unreported.0.len(), PAIRS_MAX);
    }
}
