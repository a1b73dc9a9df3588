//! With several destinations: each has its own queue, retries, spool and counters.

use radiograph_daemon::Config;
use radiograph_daemon::config::Destination;

use crate::sink::{self, Sink, reply};
use crate::support::{assert_adds_up, config, count, daemon, numbered, send, until, within};

fn named(name: &str, endpoint: String) -> Destination {
    Destination {
        name: name.to_owned(),
        endpoint: Some(endpoint),
        ..Destination::default()
    }
}

#[tokio::test]
async fn a_destination_that_hangs_or_is_away_does_not_touch_the_others() {
    let good = Sink::start(|_| reply(200));
    let refusing = sink::reserve();
    let hanging = sink::reserve();
    let destinations = vec![
        named("hanging", hanging.url()),
        named("good", good.url()),
        named("refusing", refusing.url()),
    ];
    let hanging = hanging.hang();
    let config = Config {
        destinations,
        ..config(String::new())
    };
    let daemon = daemon(config).await;
    let datagrams = numbered(300);
    send(&daemon, &datagrams).await;
    let of = |index: usize| daemon.counters().destinations[index].clone();
    until("the good one has all", || of(1).sent == 300).await;
    until("the failures are seen", || {
        count(&of(0).failures, "timeout") > 0 && count(&of(2).failures, "connection_refused") > 0
    })
    .await;
    assert_eq!((of(0).held, of(1).held, of(2).held), (300, 0, 300));
    assert_eq!(
        (of(0).is_up, of(1).is_up, of(2).is_up),
        (false, true, false)
    );
    assert_adds_up(&daemon.counters());
    let late = refusing.open(|_| reply(200));
    until("the one that is back has all", || of(2).sent == 300).await;
    assert_eq!(late.accepted(), good.accepted());
    drop(hanging);
}

#[tokio::test]
async fn one_refusing_a_document_leaves_it_to_the_others() {
    let strict = Sink::start(|call| {
        let has_culprit = sink::documents(call)
            .iter()
            .any(|document| document.ends_with("5\"}"));
        reply(if has_culprit { 400 } else { 200 })
    });
    let good = Sink::start(|_| reply(200));
    let config = Config {
        destinations: vec![named("strict", strict.url()), named("good", good.url())],
        ..config(String::new())
    };
    let daemon = daemon(config).await;
    send(&daemon, numbered(10)).await;
    until("both are through", || {
        let counters = daemon.counters();
        counters.destinations[0].sent == 9 && counters.destinations[1].sent == 10
    })
    .await;
    let counters = within(daemon.stop()).await.unwrap();
    assert_eq!(count(&counters.destinations[0].rejected, "http_400"), 1);
    assert_eq!(count(&counters.destinations[1].rejected, "http_400"), 0);
    assert_adds_up(&counters);
}
