//! With an endpoint that answers: what arrives there, and what is counted.

use std::net::{TcpStream, UdpSocket};

use radiograph_daemon::Config;

use crate::sink::{Reply, Sink, documents, reply};
use crate::support::{
    HEADER, config, count, daemon, destination, numbered, only, send, settled, until,
};

/// Datagrams whose body goes on (`spec/daemon.md` section 2.1).
const ACCEPTED: [&str; 7] = [
    "{\"format\":\"json\",\"version\":1}\n{}",
    "{\"format\":\"json\",\"version\":1}\r\n{}",
    " {\"format\" : \"JSON\" , \"VERSION\" : 1 } \n{}",
    "{\"format\":\"json\",\"version\":1,\"x\":[]}\n{}",
    "{\"format\":\"json\",\"version\":1}\nT1S",
    "{\"format\":\"json\",\"version\":1}\n\n{}",
    "{\"format\":\"json\",\"version\":1}\n ",
];

/// Datagrams that go nowhere, behind the reason.
const REJECTED: [(&str, &str); 16] = [
    ("no_separator", "{\"format\":\"json\",\"version\":1}{}"),
    ("empty_body", "{\"format\":\"json\",\"version\":1}\n"),
    ("header_syntax", "\n{}"),
    ("header_syntax", "hello\n{}"),
    ("header_syntax", "[1]\n{}"),
    ("header_syntax", "{\"format\":\"json\",\"version\":1} x\n{}"),
    (
        "header_syntax",
        "\u{feff}{\"format\":\"json\",\"version\":1}\n{}",
    ),
    ("header_version", "{\"format\":\"json\",\"version\":2}\n{}"),
    (
        "header_version",
        "{\"format\":\"json\",\"version\":1.0}\n{}",
    ),
    (
        "header_version",
        "{\"format\":\"json\",\"version\":\"1\"}\n{}",
    ),
    (
        "header_version",
        "{\"format\":\"json\",\"version\":null}\n{}",
    ),
    ("header_version", "{\"format\":\"json\"}\n{}"),
    ("header_format", "{\"version\":1}\n{}"),
    (
        "header_format",
        "{\"format\":\"json\",\"format\":\"x\",\"version\":1}\n{}",
    ),
    ("otlp_base64", "{\"format\":\"json\",\"version\":1}\nT1S!"),
    (
        "otlp_protobuf",
        "{\"format\":\"json\",\"version\":1}\nT1UAAAA",
    ),
];

#[tokio::test]
async fn recorded_datagrams_arrive_as_documents_byte_for_byte() {
    let sink = Sink::start(|_| reply(200));
    let daemon = daemon(config(format!("{}/prefix/", sink.url()))).await;
    let recordings = radiograph_proto_fixtures::recordings();
    let datagrams: Vec<&String> = recordings.iter().flat_map(|each| &each.datagrams).collect();
    send(&daemon, &datagrams).await;
    let counters = settled(&daemon).await;
    let mut bodies: Vec<&str> = datagrams
        .iter()
        .map(|datagram| datagram.split_once('\n').unwrap().1)
        .collect();
    bodies.sort_unstable();
    assert_eq!(sink.accepted(), bodies);
    assert_eq!(
        destination(&counters).sent,
        u64::try_from(bodies.len()).unwrap()
    );
    for call in sink.calls() {
        assert_eq!(call.path, "/prefix/TraceSegments");
        assert_eq!(
            call.headers.get("content-type").unwrap(),
            "application/json"
        );
        assert!(call.headers.contains_key("x-amzn-xray-timestamp"));
        assert!(documents(&call).len() <= 50);
    }
}

#[tokio::test]
async fn every_row_of_the_table_of_datagrams_is_counted_where_it_belongs() {
    let sink = Sink::start(|_| reply(200));
    let daemon = daemon(config(sink.url())).await;
    send(&daemon, ACCEPTED).await;
    send(&daemon, REJECTED.map(|(_, datagram)| datagram)).await;
    send(&daemon, [""]).await;
    let counters = settled(&daemon).await;
    assert_eq!(
        (
            counters.received,
            destination(&counters).sent,
            counters.ignored
        ),
        (23, 7, 1)
    );
    for (reason, _) in REJECTED {
        let rows = REJECTED.iter().filter(|(each, _)| *each == reason).count();
        assert_eq!(
            count(&counters.rejected, reason),
            u64::try_from(rows).unwrap(),
            "{reason}"
        );
    }
    assert_eq!(
        sink.accepted(),
        ["\n{}", " ", "T1S", "{}", "{}", "{}", "{}"]
    );
}

#[tokio::test]
async fn bytes_that_are_not_utf8_arrive_as_replacement_characters() {
    let sink = Sink::start(|_| reply(200));
    let daemon = daemon(config(sink.url())).await;
    send(&daemon, [[HEADER.as_bytes(), b"a\xffb"].concat()]).await;
    settled(&daemon).await;
    until("it arrived", || sink.accepted() == ["a\u{fffd}b"]).await;
}

#[tokio::test]
async fn the_largest_datagram_arrives_whole() {
    let sink = Sink::start(|_| reply(200));
    let daemon = daemon(config(sink.url())).await;
    let body = "x".repeat(65_507 - HEADER.len());
    send(&daemon, [format!("{HEADER}{body}")]).await;
    until("it arrived", || sink.accepted() == [body.as_str()]).await;
}

#[tokio::test]
async fn one_culprit_in_a_batch_is_found_and_the_others_are_delivered() {
    for (status, reason) in [(400, "http_400"), (413, "http_413")] {
        let sink = Sink::start(move |call| {
            let has_culprit = documents(call)
                .iter()
                .any(|document| document.contains("culprit"));
            reply(if has_culprit { status } else { 200 })
        });
        let daemon = daemon(config(sink.url())).await;
        let mut datagrams = numbered(20);
        datagrams.insert(13, format!("{HEADER}culprit"));
        send(&daemon, &datagrams).await;
        until("the culprit is known", || {
            count(&only(&daemon).rejected, reason) == 1
        })
        .await;
        let counters = settled(&daemon).await;
        assert_eq!(destination(&counters).sent, 20, "{counters}");
        assert_eq!(sink.accepted().len(), 20);
    }
}

#[tokio::test]
async fn unprocessed_documents_are_counted_by_code_and_not_as_sent() {
    let sink = Sink::start(|_| Reply {
        status: 200,
        headers: Vec::new(),
        body: r#"{"UnprocessedTraceSegments":[
            {"Id":"0000000000000000","ErrorCode":"MissingName","Message":"m"},
            {"Id":null,"ErrorCode":"ParseError","Message":"m"}]}"#,
    });
    let daemon = daemon(config(sink.url())).await;
    // Sent back to back without waiting, so that both share a batch.
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    for datagram in numbered(2) {
        socket
            .send_to(datagram.as_bytes(), daemon.udp_address())
            .unwrap();
    }
    until("the answers are read", || {
        count(&only(&daemon).rejected, "unprocessed") == 2
    })
    .await;
    let counters = settled(&daemon).await;
    assert_eq!(destination(&counters).sent, 0);
    assert_eq!(
        destination(&counters)
            .failures
            .iter()
            .map(|(_, count)| count)
            .sum::<u64>(),
        0
    );
    let codes = ["MissingName", "ParseError"].map(|code| (code.to_owned(), 1));
    if sink.calls().len() == 1 {
        assert_eq!(destination(&counters).unprocessed, codes);
    } else {
        assert_eq!(
            destination(&counters).unprocessed,
            codes.map(|(code, count)| (code, 2 * count))
        );
    }
}

#[tokio::test]
async fn the_wildcard_address_serves_both_families_on_both_protocols() {
    let sink = Sink::start(|_| reply(200));
    let config = Config {
        bind: "0.0.0.0:0".to_owned(),
        bind_tcp: "0.0.0.0:0".to_owned(),
        ..config(sink.url())
    };
    let daemon = daemon(config).await;
    let mut sent = 0;
    for host in ["127.0.0.1", "[::1]"] {
        let Ok(socket) = UdpSocket::bind(format!("{host}:0")) else {
            // A host without this family has nothing to send from.
            continue;
        };
        let target = format!("{host}:{}", daemon.udp_address().port());
        socket
            .send_to(format!("{HEADER}{host}").as_bytes(), target)
            .unwrap();
        sent += 1;
        TcpStream::connect(format!("{host}:{}", daemon.tcp_address().port())).unwrap();
    }
    until("all arrived", || only(&daemon).sent == sent).await;
}
