//! The requests that boto3, the AWS CLI and the JavaScript SDK were recorded to send, for every
//! operation that is there: each has the answer its client can go on with.

use radiograph_tests::Collector;
use serde_json::Value;

/// Paths of the operations, with the member that every answer of theirs has.
const OPERATIONS: [(&str, &str); 21] = [
    ("/TraceSegments", "UnprocessedTraceSegments"),
    ("/TelemetryRecords", ""),
    ("/GetSamplingRules", "SamplingRuleRecords"),
    ("/SamplingTargets", "SamplingTargetDocuments"),
    ("/SamplingStatisticSummaries", "SamplingStatisticSummaries"),
    ("/TraceSummaries", "TraceSummaries"),
    ("/Traces", "Traces"),
    ("/TraceGraph", "Services"),
    ("/ServiceGraph", "Services"),
    (
        "/TimeSeriesServiceStatistics",
        "TimeSeriesServiceStatistics",
    ),
    ("/Groups", "Groups"),
    ("/CreateGroup", ""),
    ("/GetGroup", ""),
    ("/UpdateGroup", ""),
    ("/DeleteGroup", ""),
    ("/CreateSamplingRule", ""),
    ("/UpdateSamplingRule", ""),
    ("/DeleteSamplingRule", ""),
    ("/TagResource", ""),
    ("/UntagResource", ""),
    ("/ListTagsForResource", "Tags"),
];

/// Recorded variants that are refused, and why.
const REFUSED: [(&str, &str); 7] = [
    ("PutTraceSegments/empty_list", "Segments can not be empty"),
    ("GetTraceSummaries/full", "Invalid token"),
    (
        "GetServiceGraph/group",
        "Provide either GroupName or GroupARN",
    ),
    ("UpdateSamplingRule/arn", "Sampling rule does not exist"),
    ("TagResource/two", "Resource not found"),
    ("UntagResource/one", "Resource not found"),
    ("ListTagsForResource/one", "Resource not found"),
];

#[test]
fn every_recorded_request_has_an_answer_its_client_can_go_on_with() {
    let data = tempfile::tempdir().unwrap();
    let collector = Collector::start(data.path());
    let api = collector.api();
    let (mut answered, mut refused) = (0, 0);
    for client in ["boto3", "awscli", "aws-sdk-js-v3"] {
        let path = radiograph_proto_fixtures::root().join(format!("api/{client}.jsonl"));
        for line in std::fs::read_to_string(path).unwrap().lines() {
            let line: Value = serde_json::from_str(line).unwrap();
            let text = |name: &str| line[name].as_str().unwrap_or("").to_owned();
            let Some((path, member)) = OPERATIONS.iter().find(|(path, _)| *path == text("path"))
            else {
                continue;
            };
            let answer = api.try_post(path, text("body_utf8")).unwrap();
            let row = format!("{client} {}: {answer:?}", text("scenario"));
            let reason = REFUSED
                .iter()
                .find(|(scenario, _)| *scenario == text("scenario"));
            if let Some((_, reason)) = reason {
                let name = match *reason {
                    "Resource not found" => "ResourceNotFoundException",
                    _ => "InvalidRequestException",
                };
                assert_eq!(answer.error.as_deref(), Some(name), "{row}");
                assert!(
                    answer.body["Message"].as_str().unwrap().contains(reason),
                    "{row}"
                );
                refused += 1;
            } else {
                assert_eq!(answer.status, 200, "{row}");
                assert!(member.is_empty() || answer.body[member].is_array(), "{row}");
                answered += 1;
            }
        }
    }
    assert_eq!((answered, refused), (67, 21));
}
