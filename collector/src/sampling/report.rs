//! One call's statistics documents, merged to one report per rule and client.

use std::collections::BTreeMap;

use radiograph_protocol::api::sampling::StatisticsDocument;
use radiograph_protocol::sampling::Counts;
use radiograph_protocol::timestamp::Timestamp;

/// What one client did under one rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Report<'a> {
    pub(crate) rule_name: &'a str,
    pub(crate) client_id: &'a str,
    /// The client's clock in the last of the documents.
    pub(crate) timestamp: Timestamp,
    pub(crate) counts: Counts,
}

/// The reports, ordered by rule and client. A document identical to the previous one of the same
/// rule and client is a repetition and is dropped (`spec/sampling.md` section 7).
pub(crate) fn merged(documents: &[StatisticsDocument]) -> Vec<Report<'_>> {
    let mut reports: BTreeMap<_, (Report<'_>, &StatisticsDocument)> = BTreeMap::new();
    for document in documents {
        let report = Report {
            rule_name: &document.rule_name,
            client_id: &document.client_id,
            timestamp: document.timestamp,
            counts: Counts {
                requests: document.request_count,
                sampled: document.sampled_count,
                borrows: document.borrow_count,
            },
        };
        reports
            .entry((report.rule_name, report.client_id))
            .and_modify(|(sum, previous)| {
                if *previous != document {
                    sum.counts += report.counts;
                    sum.timestamp = report.timestamp;
                    *previous = document;
                }
            })
            .or_insert((report, document));
    }
    reports.into_values().map(|(report, _)| report).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn document(rule_name: &str, client_id: &str, seconds: i64) -> StatisticsDocument {
        StatisticsDocument {
            rule_name: rule_name.into(),
            client_id: client_id.into(),
            timestamp: Timestamp::from_seconds(seconds),
            request_count: 10,
            sampled_count: 2,
            borrow_count: 1,
        }
    }

    #[test]
    fn documents_of_one_rule_and_client_are_added() {
        let documents = [
            document("b", "x", 10),
            document("a", "y", 10),
            document("b", "x", 11),
            document("b", "z", 10),
        ];
        let found: Vec<_> = merged(&documents)
            .into_iter()
            .map(|r| (r.rule_name, r.client_id, r.timestamp, r.counts))
            .collect();
        let at = Timestamp::from_seconds;
        let once = Counts {
            requests: 10,
            sampled: 2,
            borrows: 1,
        };
        let twice = Counts {
            requests: 20,
            sampled: 4,
            borrows: 2,
        };
        let expected = [
            ("a", "y", at(10), once),
            ("b", "x", at(11), twice),
            ("b", "z", at(10), once),
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn document_repeated_within_a_call_counts_once() {
        let documents = [document("a", "x", 10), document("a", "x", 10)];
        let reports = merged(&documents);
        assert_eq!(reports.len(), 1);
        assert_eq!(reports[0].counts.requests, 10);
    }
}
