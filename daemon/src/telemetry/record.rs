//! The record of one interval and the body of a call, as AWS's daemon writes them. Pure.
//!
//! Source: `spec/daemon.md` section 6, the column of what to implement. Here a document ends in one
//! counter (section 3.2); AWS counts one that the API lists as unprocessed as sent and as rejected.

use radiograph_protocol::limits::{
    HOSTNAME_CHARS_MAX, INSTANCE_ID_CHARS_MAX, RESOURCE_ARN_CHARS_MAX,
};
use radiograph_protocol::timestamp::Timestamp;
use serde::Serialize;

use crate::metrics::{Counters, DestinationCounters, Failure, sum};

/// Who sends; what is unknown is empty.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Identity {
    /// `$AWS_HOSTNAME`, else from EC2 metadata.
    pub(crate) hostname: String,
    /// `$AWS_INSTANCE_ID`, else from EC2 metadata.
    pub(crate) instance_id: String,
    /// As configured.
    pub(crate) resource_arn: String,
}

impl Identity {
    /// Without texts that are longer than the API takes: it would refuse every record for them.
    pub(super) fn within_limits(mut self) -> Self {
        let texts = [
            (
                "EC2InstanceId",
                &mut self.instance_id,
                INSTANCE_ID_CHARS_MAX,
            ),
            ("Hostname", &mut self.hostname, HOSTNAME_CHARS_MAX),
            (
                "ResourceARN",
                &mut self.resource_arn,
                RESOURCE_ARN_CHARS_MAX,
            ),
        ];
        for (name, text, chars_max) in texts {
            if text.chars().count() > chars_max {
                tracing::warn!(
                    "Telemetry is sent without {name}, which is longer than {chars_max} characters"
                );
                text.clear();
            }
        }
        self
    }
}

/// Counts of one interval; the members in AWS's order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct TelemetryRecord {
    pub(super) backend_connection_errors: BackendConnectionErrors,
    segments_received_count: u64,
    segments_rejected_count: u64,
    segments_sent_count: u64,
    segments_spillover_count: u64,
    /// End of the interval.
    timestamp: Timestamp,
}

/// Calls that failed, uploads and telemetry alike, one for each after its attempts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct BackendConnectionErrors {
    connection_refused_count: u64,
    #[serde(rename = "HTTPCode4XXCount")]
    http_code_4xx_count: u64,
    #[serde(rename = "HTTPCode5XXCount")]
    http_code_5xx_count: u64,
    other_count: u64,
    timeout_count: u64,
    unknown_host_count: u64,
}

impl BackendConnectionErrors {
    /// Counts one call.
    pub(super) const fn count(&mut self, failure: Failure) {
        let counter = match failure {
            Failure::ConnectionRefused => &mut self.connection_refused_count,
            Failure::Http4xx => &mut self.http_code_4xx_count,
            Failure::Http5xx => &mut self.http_code_5xx_count,
            Failure::Timeout => &mut self.timeout_count,
            Failure::UnknownHost => &mut self.unknown_host_count,
            Failure::Other => &mut self.other_count,
        };
        *counter = counter.saturating_add(1);
    }

    pub(super) const fn add(&mut self, other: Self) {
        let add = u64::saturating_add;
        self.connection_refused_count = add(
            self.connection_refused_count,
            other.connection_refused_count,
        );
        self.http_code_4xx_count = add(self.http_code_4xx_count, other.http_code_4xx_count);
        self.http_code_5xx_count = add(self.http_code_5xx_count, other.http_code_5xx_count);
        self.other_count = add(self.other_count, other.other_count);
        self.timeout_count = add(self.timeout_count, other.timeout_count);
        self.unknown_host_count = add(self.unknown_host_count, other.unknown_host_count);
    }
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Body<'a> {
    #[serde(rename = "EC2InstanceId")]
    ec2_instance_id: &'a str,
    hostname: &'a str,
    #[serde(rename = "ResourceARN")]
    resource_arn: &'a str,
    telemetry_records: &'a [&'a TelemetryRecord],
}

/// The body of a call with these records.
pub(super) fn body(
    identity: &Identity,
    records: &[&TelemetryRecord],
) -> Result<Vec<u8>, serde_json::Error> {
    serde_json::to_vec(&Body {
        ec2_instance_id: &identity.instance_id,
        hostname: &identity.hostname,
        resource_arn: &identity.resource_arn,
        telemetry_records: records,
    })
}

/// What happened to one destination's documents between two snapshots. What is missing in one of
/// them counts as zero there.
pub(super) fn record(
    previous: &Counters,
    current: &Counters,
    destination: usize,
    end: Timestamp,
) -> TelemetryRecord {
    let none = DestinationCounters::default();
    let of = |counters: &'_ Counters| {
        let found = counters.destinations.get(destination);
        found.cloned().unwrap_or_else(|| none.clone())
    };
    let (before, now) = (of(previous), of(current));
    let failures = |kind: Failure| {
        let label = kind.label();
        labelled(&now.failures, label).saturating_sub(labelled(&before.failures, label))
    };
    TelemetryRecord {
        backend_connection_errors: BackendConnectionErrors {
            connection_refused_count: failures(Failure::ConnectionRefused),
            http_code_4xx_count: failures(Failure::Http4xx),
            http_code_5xx_count: failures(Failure::Http5xx),
            other_count: failures(Failure::Other),
            timeout_count: failures(Failure::Timeout),
            unknown_host_count: failures(Failure::UnknownHost),
        },
        segments_received_count: current.received.saturating_sub(previous.received),
        segments_rejected_count: rejected(current, &now)
            .saturating_sub(rejected(previous, &before)),
        segments_sent_count: sent(&now).saturating_sub(sent(&before)),
        segments_spillover_count: spilled(current, &now).saturating_sub(spilled(previous, &before)),
        timestamp: end,
    }
}

/// The reason of documents that the API listed in `UnprocessedTraceSegments`.
const UNPROCESSED: &str = "unprocessed";

fn sent(destination: &DestinationCounters) -> u64 {
    let unprocessed = labelled(&destination.rejected, UNPROCESSED);
    destination.sent.saturating_add(unprocessed)
}

fn rejected(counters: &Counters, destination: &DestinationCounters) -> u64 {
    sum(&counters.rejected).saturating_add(sum(&destination.rejected))
}

fn spilled(counters: &Counters, destination: &DestinationCounters) -> u64 {
    sum(&counters.spilled).saturating_add(sum(&destination.spilled))
}

fn labelled(counts: &[(&'static str, u64)], label: &str) -> u64 {
    let found = counts.iter().find(|(each, _)| *each == label);
    found.map_or(0, |(_, count)| *count)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counters(times: u64) -> Counters {
        Counters {
            received: 100 * times,
            received_tcp: 10 * times,
            ignored: 1_000_000 * times,
            rejected: vec![("header_version", 2 * times), ("empty_body", times)],
            sampled_out: 7 * times,
            spilled: vec![("buffer_full", 5 * times)],
            waiting: 4 * times,
            destinations: vec![
                DestinationCounters::default(),
                DestinationCounters {
                    inherited: 1_000 * times,
                    sent: 60 * times,
                    spooled: 2 * times,
                    held: 3 * times,
                    rejected: vec![("unprocessed", 6 * times), ("http_400", 8 * times)],
                    spilled: vec![("spool_full", 9 * times)],
                    failures: vec![
                        ("timeout", 11 * times),
                        ("connection_refused", 12 * times),
                        ("http_4xx", 13 * times),
                        ("http_5xx", 14 * times),
                        ("unknown_host", 15 * times),
                        ("other", 16 * times),
                    ],
                    ..DestinationCounters::default()
                },
            ],
            ..Counters::default()
        }
    }

    fn end() -> Timestamp {
        Timestamp::from_micros(1_795_264_699_410_000)
    }

    fn json(identity: &Identity, records: &[&TelemetryRecord]) -> String {
        String::from_utf8(body(identity, records).unwrap()).unwrap()
    }

    /// The order of members and the spelling are those of the body recorded from AWS's daemon 3.6.6
    /// (`spec/daemon.md` section 6).
    #[test]
    fn the_body_is_written_as_aws_writes_it() {
        let recorded = concat!(
            r#"{"EC2InstanceId":"","Hostname":"","ResourceARN":"","TelemetryRecords":[{"#,
            r#""BackendConnectionErrors":{"ConnectionRefusedCount":0,"HTTPCode4XXCount":0,"#,
            r#""HTTPCode5XXCount":0,"OtherCount":0,"TimeoutCount":0,"UnknownHostCount":0},"#,
            r#""SegmentsReceivedCount":19,"SegmentsRejectedCount":14,"SegmentsSentCount":5,"#,
            r#""SegmentsSpilloverCount":0,"Timestamp":1795264699.41}]}"#
        );
        let current = Counters {
            received: 19,
            rejected: vec![("no_separator", 14)],
            destinations: vec![DestinationCounters {
                sent: 5,
                ..DestinationCounters::default()
            }],
            ..Counters::default()
        };
        let record = record(&Counters::default(), &current, 0, end());
        assert_eq!(json(&Identity::default(), &[&record]), recorded);
    }

    #[test]
    fn a_record_counts_what_was_added_since_the_previous_one() {
        let identity = Identity {
            hostname: "host".to_owned(),
            instance_id: "i-0123456789abcdef0".to_owned(),
            resource_arn: "arn:aws:ec2:eu-west-1:1:instance/i".to_owned(),
        };
        let expected = concat!(
            r#"{"EC2InstanceId":"i-0123456789abcdef0","Hostname":"host","#,
            r#""ResourceARN":"arn:aws:ec2:eu-west-1:1:instance/i","TelemetryRecords":[{"#,
            r#""BackendConnectionErrors":{"ConnectionRefusedCount":12,"HTTPCode4XXCount":13,"#,
            r#""HTTPCode5XXCount":14,"OtherCount":16,"TimeoutCount":11,"UnknownHostCount":15},"#,
            r#""SegmentsReceivedCount":100,"SegmentsRejectedCount":17,"SegmentsSentCount":66,"#,
            r#""SegmentsSpilloverCount":14,"Timestamp":1795264699.41}]}"#
        );
        for times in [0, 1, 41] {
            let record = record(&counters(times), &counters(times + 1), 1, end());
            assert_eq!(json(&identity, &[&record]), expected, "after {times}");
        }
    }

    #[test]
    fn a_destination_that_is_in_no_snapshot_counts_as_zero() {
        let record = record(&Counters::default(), &counters(1), 7, end());
        assert_eq!(record.segments_received_count, 100);
        assert_eq!(record.segments_rejected_count, 3, "bad frames alone");
        assert_eq!(record.segments_sent_count, 0);
    }

    #[test]
    fn texts_longer_than_the_api_takes_are_left_out_and_others_stay() {
        let identity = Identity {
            hostname: "ü".repeat(HOSTNAME_CHARS_MAX),
            instance_id: "x".repeat(INSTANCE_ID_CHARS_MAX + 1),
            resource_arn: "x".repeat(RESOURCE_ARN_CHARS_MAX + 1),
        };
        let expected = Identity {
            hostname: identity.hostname.clone(),
            ..Identity::default()
        };
        assert_eq!(identity.within_limits(), expected);
    }
}
