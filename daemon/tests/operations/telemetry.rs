//! The last record, which a stopping daemon sends.

use serde_json::Value;

use crate::support::{Sink, daemon, send};

const DOCUMENT: &str = "{\"format\":\"json\",\"version\":1}\n{\"id\":\"1\"}";

#[tokio::test]
async fn a_stopping_daemon_says_what_became_of_everything_it_received() {
    let sink = Sink::start().await;
    let daemon = daemon(sink.url()).await;
    send(&daemon, &[DOCUMENT, DOCUMENT, DOCUMENT, "no frame"]).await;
    daemon.stop().await;
    let bodies = sink.bodies("/TelemetryRecords");
    let [body] = bodies.as_slice() else {
        panic!("not one call: {bodies:?}");
    };
    let mut body: Value = serde_json::from_slice(body).unwrap();
    let time = body.pointer_mut("/TelemetryRecords/0/Timestamp").unwrap();
    assert!(time.take().as_f64().unwrap() > 1.7e9);
    let expected = serde_json::json!({
        "EC2InstanceId": "",
        "Hostname": "",
        "ResourceARN": "arn:aws:ec2:eu-west-1:1:instance/i",
        "TelemetryRecords": [{
            "BackendConnectionErrors": {
                "ConnectionRefusedCount": 0,
                "HTTPCode4XXCount": 0,
                "HTTPCode5XXCount": 0,
                "OtherCount": 0,
                "TimeoutCount": 0,
                "UnknownHostCount": 0,
            },
            "SegmentsReceivedCount": 4,
            "SegmentsRejectedCount": 1,
            "SegmentsSentCount": 3,
            "SegmentsSpilloverCount": 0,
            "Timestamp": null,
        }],
    });
    assert_eq!(body, expected);
}

#[tokio::test]
async fn a_daemon_that_received_nothing_sends_no_record() {
    let sink = Sink::start().await;
    let daemon = daemon(sink.url()).await;
    daemon.stop().await;
    assert_eq!(sink.bodies("/TelemetryRecords").len(), 0);
}
