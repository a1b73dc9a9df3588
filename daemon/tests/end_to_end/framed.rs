//! With a Radiograph collector, which takes documents unescaped and compressed.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use radiograph_protocol::framing::{OFFER_HEADER, Offer};

use crate::sink::{Reply, Sink, documents, is_framed, reply};
use crate::support::{HEADER, config, count, daemon, numbered, only, send, settled, until};

const OFFER: &str = "framed-v1;documents=1000;bytes=8388608";

fn offering(status: u16) -> Reply {
    Reply {
        headers: vec![(OFFER_HEADER, OFFER)],
        ..reply(status)
    }
}

#[tokio::test]
async fn after_the_first_answer_with_an_offer_documents_go_framed_byte_for_byte() {
    assert_eq!(Offer::parse(OFFER), Some(Offer::LARGEST));
    let sink = Sink::start(|_| offering(200));
    let daemon = daemon(config(sink.url())).await;
    send(&daemon, numbered(1)).await;
    until("the offer is known", || only(&daemon).sent == 1).await;
    let odd = [
        [HEADER.as_bytes(), b"\n{\"a\": \"\\u0000\"}\n"].concat(),
        [HEADER.as_bytes(), b"b\xff"].concat(),
    ];
    send(&daemon, odd).await;
    until("they arrived", || only(&daemon).sent == 3).await;
    settled(&daemon).await;
    let calls = sink.calls();
    assert!(!is_framed(&calls[0]) && calls[1..].iter().all(is_framed));
    let mut arrived: Vec<String> = calls[1..].iter().flat_map(documents).collect();
    arrived.sort();
    assert_eq!(arrived, ["\n{\"a\": \"\\u0000\"}\n", "b\u{fffd}"]);
}

#[tokio::test]
async fn a_collector_that_no_longer_reads_frames_gets_the_same_documents_as_json() {
    let reads_frames = Arc::new(AtomicBool::new(true));
    let sink_reads_frames = Arc::clone(&reads_frames);
    let sink = Sink::start(move |call| {
        if sink_reads_frames.load(Ordering::SeqCst) {
            offering(200)
        } else if is_framed(call) {
            reply(415)
        } else {
            reply(200)
        }
    });
    let daemon = daemon(config(sink.url())).await;
    send(&daemon, numbered(2)).await;
    until("the offer is known", || only(&daemon).sent == 2).await;
    reads_frames.store(false, Ordering::SeqCst);
    send(&daemon, numbered(60)).await;
    until("all arrived", || only(&daemon).sent == 62).await;
    let counters = settled(&daemon).await;
    assert_eq!(sink.accepted().len(), 62);
    let refused = sink.calls().iter().filter(|call| is_framed(call)).count();
    assert!(refused >= 1, "one framed call found it out");
    let failures = &counters.destinations[0].failures;
    assert_eq!(count(failures, "http_4xx"), 0, "no fault of anybody");
}

#[tokio::test]
async fn a_culprit_in_a_framed_batch_is_found_and_the_others_are_delivered() {
    let sink = Sink::start(|call| {
        let has_culprit = documents(call)
            .iter()
            .any(|document| document.contains("culprit"));
        offering(if has_culprit { 400 } else { 200 })
    });
    let daemon = daemon(config(sink.url())).await;
    send(&daemon, numbered(1)).await;
    until("the offer is known", || only(&daemon).sent == 1).await;
    let mut datagrams = numbered(30);
    datagrams.insert(7, format!("{HEADER}culprit"));
    send(&daemon, &datagrams).await;
    until("the others are delivered", || only(&daemon).sent == 31).await;
    settled(&daemon).await;
    assert_eq!(count(&only(&daemon).rejected, "http_400"), 1);
}
