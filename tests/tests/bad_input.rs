//! Every bad input has its named outcome, and the processes survive all of them.

#![expect(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "tests fail by panicking"
)]

use std::io::{Read, Write};
use std::net::TcpStream;

use radiograph_tests::{Api, Collector, Daemon, eventually};
use serde_json::{Value, json};

const TRACE: &str = "1-6592008a-0f1e2d3c4b5a69788796a5b4";

fn segment(id: u64) -> String {
    format!(
        r#"{{"name":"shop","id":"{id:016x}","trace_id":"{TRACE}","start_time":1704067210.1,"end_time":1704067210.4}}"#
    )
}

fn is_stored(api: &Api, id: u64) -> bool {
    let id = format!("{id:016x}");
    let traces = api.traces(&[TRACE.to_owned()]);
    let mut segments = traces
        .iter()
        .flat_map(|trace| trace["Segments"].as_array().unwrap());
    segments.any(|segment| segment["Id"] == json!(id))
}

/// A request with one member more.
fn with(mut base: Value, name: &str, value: Value) -> String {
    base[name] = value;
    base.to_string()
}

/// A query that keeps a fixed rate of what it would find.
fn fixed(mut base: Value, rate: f64) -> String {
    base["Sampling"] = json!(true);
    base["SamplingStrategy"] = json!({"Name": "FixedRate", "Value": rate});
    base.to_string()
}

#[test]
fn every_refused_request_has_the_error_its_client_expects() {
    let data = tempfile::tempdir().unwrap();
    let collector = Collector::start(data.path());
    let api = collector.api();
    let hour =
        |hours: i64| json!({"StartTime": 1_704_067_200, "EndTime": 1_704_067_200 + hours * 3600});
    let documents = |count: u64| {
        json!({"TraceSegmentDocuments": (1..=count).map(segment).collect::<Vec<_>>()}).to_string()
    };
    let ids = |ids: &[&str]| json!({"TraceIds": ids}).to_string();
    let other = |last: u8| format!("1-6592008a-0f1e2d3c4b5a69788796a5{last:02x}");
    let six: Vec<String> = (0..6).map(other).collect();
    let six: Vec<&str> = six.iter().map(String::as_str).collect();
    let (invalid, serialization) = ("InvalidRequestException", "SerializationException");
    let event = with(hour(1), "TimeRangeType", json!("Event"));
    let event: Value = serde_json::from_str(&event).unwrap();
    let rows: Vec<(&str, &str, String, u16, &str, &str)> = vec![
        ("no JSON", "/TraceSegments", "nonsense".into(), 400, serialization, ""),
        ("an array", "/TraceSegments", "[]".into(), 400, serialization, ""),
        ("cut off", "/TraceSegments", "{\"TraceSegmentDocuments\":[".into(), 400, serialization, ""),
        ("wrong type", "/TraceSegments", r#"{"TraceSegmentDocuments":"x"}"#.into(), 400, serialization, ""),
        ("not UTF-8", "/Traces", "{\"TraceIds\":5}".into(), 400, serialization, ""),
        ("missing member", "/TraceSegments", "{}".into(), 400, invalid, "TraceSegmentDocuments must not be null"),
        ("no documents", "/TraceSegments", documents(0), 400, invalid, "Segments can not be empty"),
        ("51 documents", "/TraceSegments", documents(51), 400, invalid, "Exceeding maximum segment count: 50"),
        ("unknown path", "/Nonsense", "{}".into(), 404, "UnknownOperationException", ""),
        ("path in another case", "/traces", "{}".into(), 404, "UnknownOperationException", ""),
        ("six ids", "/Traces", ids(&six), 400, invalid, "Exceeding maximum query size: 5"),
        ("bad id", "/Traces", ids(&["x"]), 400, invalid, "Invalid trace id x: incorrect id format"),
        ("empty id", "/Traces", ids(&[""]), 400, invalid, "Invalid trace id : incorrect id format"),
        ("an id twice", "/Traces", ids(&[TRACE, TRACE]), 400, invalid, "Containing duplicate trace ids"),
        ("no ids", "/TraceGraph", ids(&[]), 400, invalid, "Zero trace ids provided"),
        ("no start", "/TraceSummaries", r#"{"EndTime":1}"#.into(), 400, invalid, "StartTime must not be null"),
        ("7 hours", "/TraceSummaries", hour(7).to_string(), 400, invalid, "Time range cannot be longer than 6 hours"),
        ("7 hours of graph", "/ServiceGraph", hour(7).to_string(), 400, invalid, "Time range cannot be longer than 6 hours"),
        ("inverted", "/TraceSummaries", hour(-1).to_string(), 400, invalid, "End time cannot be earlier than start time"),
        ("time as nonsense", "/TraceSummaries", with(hour(1), "StartTime", json!("soon")), 400, serialization, ""),
        ("a filter", "/TraceSummaries", with(hour(1), "FilterExpression", json!("ok && fault")), 400, invalid, "Error Location: line 1, position 4 : Invalid input symbol: '&'"),
        ("an unknown group in a filter", "/TraceSummaries", with(hour(1), "FilterExpression", json!("group.name = \"nope\"")), 400, invalid, "Group not found: nope"),
        ("a selector that is none", "/TimeSeriesServiceStatistics", with(hour(1), "EntitySelectorExpression", json!("foo = 1")), 400, invalid, "Error Location: line 1, position 1 : Invalid input symbol: 'foo'"),
        ("a period of 61", "/TimeSeriesServiceStatistics", with(hour(1), "Period", json!(61)), 400, invalid, "Time period must be one of [60, 300]"),
        ("a group without a name", "/CreateGroup", "{}".into(), 400, invalid, "GroupName must not be null"),
        ("unknown range", "/TraceSummaries", with(hour(1), "TimeRangeType", json!("Never")), 400, invalid, "TimeRangeType must be one of [TraceId, Event, Service]"),
        ("bad token", "/TraceSummaries", with(hour(1), "NextToken", json!("x")), 400, invalid, "Invalid token"),
        ("rate of 2", "/TraceSummaries", fixed(event, 2.0), 400, invalid, "Sampling rate must be specified and its value must be between [0, 1]"),
        ("rate by id", "/TraceSummaries", fixed(hour(1), 0.5), 400, invalid, "Cannot use FixedRate with input time range type: TraceId. Please try using time range type: Event"),
        ("unknown group", "/ServiceGraph", with(hour(1), "GroupName", json!("none")), 400, invalid, "Group not found."),
        ("long host name", "/TelemetryRecords", json!({"TelemetryRecords": [], "Hostname": "x".repeat(256)}).to_string(), 400, invalid, "Hostname must not be longer than 255 characters"),
        ("no timestamp", "/TelemetryRecords", r#"{"TelemetryRecords":[{}]}"#.into(), 400, invalid, "Timestamp must not be null"),
        ("26 statistics", "/SamplingTargets", json!({"SamplingStatisticsDocuments": vec![json!({"RuleName":"Default","ClientID":"0a1b2c3d4e5f60718293a4b5","Timestamp":1,"RequestCount":1,"SampledCount":1}); 26]}).to_string(), 400, invalid, ""),
        ("9 MiB", "/TraceSegments", format!("{{\"x\":\"{}\"}}", "x".repeat(9 << 20)), 413, "RequestEntityTooLarge", "request body is larger than 8388608 bytes"),
    ];
    for (row, path, body, status, error, message) in rows {
        let answer = api.try_post(path, body).unwrap();
        let seen = (answer.status, answer.error.as_deref());
        assert_eq!(seen, (status, Some(error)), "{row}: {answer:?}");
        if !message.is_empty() {
            assert_eq!(answer.body["Message"], json!(message), "{row}");
        }
    }
    assert_eq!(api.put(&[segment(1)]), json!([]), "still there");
}

#[test]
fn refused_documents_do_not_keep_the_others_out() {
    let data = tempfile::tempdir().unwrap();
    let collector = Collector::start(data.path());
    let api = collector.api();
    let bad_id = segment(2).replace("0000000000000002", "2");
    let array = format!("[{},{}]", segment(3), segment(4));
    let sent = [
        segment(1),
        "not json".into(),
        bad_id,
        array,
        "[]".into(),
        "T1S!".into(),
    ];
    let unprocessed = api.put(&sent);
    let expected = json!([
        {"Id": "2", "ErrorCode": "InvalidId", "Message": "Invalid segment. ErrorCode: InvalidId"},
        {"Id": null, "ErrorCode": "ParseError", "Message": "Invalid entity. ErrorCode: ParseError"},
        {"Id": null, "ErrorCode": "MissingId", "Message": "Invalid segment. ErrorCode: MissingId"},
        {"Id": null, "ErrorCode": "ParseError", "Message": "Invalid entity. ErrorCode: ParseError"},
    ]);
    assert_eq!(unprocessed, expected);
    assert_eq!(
        [1, 2, 3, 4].map(|id| is_stored(&api, id)),
        [true, false, true, true]
    );
}

#[test]
fn connections_that_break_or_talk_nonsense_disturb_nobody() {
    let data = tempfile::tempdir().unwrap();
    let collector = Collector::start(data.path());
    let whole = "POST /TraceSegments HTTP/1.1\r\nHost: x\r\nContent-Length: 900\r\n\r\n{";
    for sent in [
        "\r\n\r\n",
        "GET",
        "POST / HTTP/9.9\r\n\r\n",
        whole,
        "\0\0\0\0",
    ] {
        let mut stream = TcpStream::connect(collector.address).unwrap();
        stream.write_all(sent.as_bytes()).unwrap();
        stream.shutdown(std::net::Shutdown::Write).unwrap();
        let mut answer = Vec::new();
        // whatever is answered, the connection ends; a reset is an end too
        let _ended = stream.read_to_end(&mut answer);
    }
    let get = "GET /Traces HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    let mut stream = TcpStream::connect(collector.address).unwrap();
    stream.write_all(get.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 404"), "{answer}");
    assert_eq!(collector.api().put(&[segment(1)]), json!([]));
}

#[test]
fn clients_that_never_finish_are_cut_off_and_keep_nobody_out_for_long() {
    let data = tempfile::tempdir().unwrap();
    let collector = Collector::start(data.path());
    // more than the requests that may be under way at once
    let mut stuck: Vec<TcpStream> = (0..70)
        .map(|_| {
            let mut stream = TcpStream::connect(collector.address).unwrap();
            let begun = "POST /TraceSegments HTTP/1.1\r\nHost: x\r\nContent-Length: 900\r\n\r\n{";
            stream.write_all(begun.as_bytes()).unwrap();
            stream
        })
        .collect();
    assert_eq!(collector.api().put(&[segment(1)]), json!([]));
    let mut answer = [0; 400];
    let length = stuck[0].read(&mut answer).unwrap();
    let answer = String::from_utf8_lossy(&answer[..length]).into_owned();
    assert!(answer.starts_with("HTTP/1.1 408"), "{answer}");
    assert!(
        answer.contains("x-amzn-errortype: RequestTimeoutException"),
        "{answer}"
    );
}

#[test]
fn malformed_datagrams_are_counted_and_the_good_ones_arrive() {
    let data = tempfile::tempdir().unwrap();
    let collector = Collector::start(data.path());
    let daemon = Daemon::start(collector.address);
    let header = r#"{"format":"json","version":1}"#;
    let good = [
        format!("{header}\n{}", segment(1)),
        format!("{header}\r\n{}", segment(2)),
        format!(
            " {{\"format\" : \"JSON\" , \"VERSION\" : 1 }} \n{}",
            segment(3)
        ),
        format!(
            "{{\"format\":\"json\",\"version\":1,\"x\":[]}}\n{}",
            segment(4)
        ),
        format!("{header}\n\n{}", segment(5)),
    ];
    let bad: Vec<Vec<u8>> = vec![
        b"no line feed".to_vec(),
        format!("{header}\n").into_bytes(),
        format!("\n{}", segment(9)).into_bytes(),
        format!("not json\n{}", segment(9)).into_bytes(),
        format!("[{header}]\n{}", segment(9)).into_bytes(),
        format!("{header} x\n{}", segment(9)).into_bytes(),
        format!("\u{feff}{header}\n{}", segment(9)).into_bytes(),
        format!("{{\"format\":\"json\",\"version\":2}}\n{}", segment(9)).into_bytes(),
        format!("{{\"format\":\"json\",\"version\":1.0}}\n{}", segment(9)).into_bytes(),
        format!("{{\"format\":\"json\",\"version\":\"1\"}}\n{}", segment(9)).into_bytes(),
        format!("{{\"format\":\"json\",\"version\":null}}\n{}", segment(9)).into_bytes(),
        format!("{{\"format\":\"json\"}}\n{}", segment(9)).into_bytes(),
        format!("{{\"version\":1}}\n{}", segment(9)).into_bytes(),
        format!(
            "{{\"format\":\"json\",\"version\":1,\"format\":\"x\"}}\n{}",
            segment(9)
        )
        .into_bytes(),
        vec![0xff; 300],
    ];
    daemon.send(b"");
    for (at, datagram) in bad.iter().enumerate() {
        daemon.send(datagram);
        if let Some(good) = good.get(at) {
            daemon.send(good.as_bytes());
        }
    }
    // accepted by the daemon, which does not look inside, and refused by the collector
    let refused: [&[u8]; 3] = [b"{", b"\xff\xfe", b" "];
    for body in refused {
        daemon.send(&[header.as_bytes(), b"\n", body].concat());
    }
    daemon.send(format!("{header}\n{}", segment(6)).as_bytes());
    let api = collector.api();
    eventually("the good ones", || {
        (1..=6).all(|id| is_stored(&api, id)).then_some(())
    });
    assert!(!is_stored(&api, 9));
    let printed = daemon.stop();
    let counters = printed
        .lines()
        .rev()
        .find(|line| line.contains("received"))
        .unwrap_or("");
    assert!(
        counters.contains("received=24"),
        "15 bad, 6 good, 3 refused later: {printed}"
    );
    assert!(counters.contains("received=24 rejected=15"), "{printed}");
    assert!(counters.contains(" sent=6 "), "{printed}");
    assert!(counters.contains("rejected.unprocessed=3"), "{printed}");
    assert!(counters.contains("unprocessed.ParseError=3"), "{printed}");
    collector.stop();
}
