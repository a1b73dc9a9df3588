//! Loads that are shared, given up, refused and repeated; the rules without a server are in `state`.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;

use super::*;
use crate::aws::region::Region;
use crate::aws::stand_in::{StandIn, install_tls_provider};
use crate::config::{Destination, Variables};

/// Long enough for any machine; a test that waits for it has failed.
const DEADLINE: Duration = Duration::from_secs(60);

fn document(id: usize) -> String {
    format!(r#"{{"AccessKeyId":"KEY{id}","SecretAccessKey":"s","Token":"t"}}"#)
}

/// Keys from a container endpoint.
fn cache(endpoint: &StandIn) -> Cache {
    install_tls_provider();
    let url = endpoint.url();
    let variables: Variables = [("AWS_CONTAINER_CREDENTIALS_FULL_URI", url)]
        .into_iter()
        .collect();
    let destination = Destination::default();
    Cache::new(Chain::new(
        &destination,
        &variables,
        Region::fallback(),
        false,
    ))
}

/// Gives KEY0, KEY1 and so on.
fn numbered() -> StandIn {
    let count = AtomicUsize::new(0);
    StandIn::start(move |_| (200, document(count.fetch_add(1, Ordering::Relaxed))))
}

async fn id(cache: &Cache) -> String {
    let keys = tokio::time::timeout(DEADLINE, cache.credentials()).await;
    keys.expect("an end").expect("keys").access_key_id.clone()
}

#[tokio::test]
async fn calls_at_once_share_one_load() {
    let endpoint = numbered();
    let cache = cache(&endpoint);
    let calls: Vec<_> = (0..20)
        .map(|_| {
            let cache = cache.clone();
            tokio::spawn(async move { id(&cache).await })
        })
        .collect();
    for call in calls {
        assert_eq!(call.await.unwrap(), "KEY0");
    }
    assert_eq!(endpoint.seen().len(), 1);
}

#[tokio::test]
async fn a_refusal_brings_new_keys_once() {
    let endpoint = numbered();
    let cache = cache(&endpoint);
    assert_eq!(id(&cache).await, "KEY0");
    cache.refresh();
    cache.refresh();
    assert_eq!(id(&cache).await, "KEY1");
    cache.refresh();
    assert_eq!(id(&cache).await, "KEY1");
    assert_eq!(endpoint.seen().len(), 2);
}

#[tokio::test]
async fn a_load_goes_on_when_the_call_that_began_it_gives_up() {
    let (go, gate) = mpsc::channel::<()>();
    let gate = Mutex::new(gate);
    let endpoint = StandIn::start(move |_| {
        let opened = gate.lock().expect("no thread panicked").recv();
        // An error means that the test has failed and is gone.
        (if opened.is_ok() { 200 } else { 500 }, document(0))
    });
    let cache = cache(&endpoint);
    {
        let mut call = std::pin::pin!(cache.credentials());
        let once = std::future::poll_fn(|context| {
            std::task::Poll::Ready(call.as_mut().poll(context).is_pending())
        });
        assert!(once.await, "the call waits, and is dropped");
    }
    go.send(()).unwrap();
    assert_eq!(id(&cache).await, "KEY0");
    assert_eq!(endpoint.seen().len(), 1);
}

#[tokio::test]
async fn after_a_failure_calls_fail_at_once_and_a_later_one_recovers() {
    let count = AtomicUsize::new(0);
    let endpoint = StandIn::start(move |_| match count.fetch_add(1, Ordering::Relaxed) {
        0 => (500, String::new()),
        number => (200, document(number)),
    });
    let cache = cache(&endpoint);
    let error = cache.credentials().await.unwrap_err();
    assert_eq!(error.to_string(), "container endpoint");
    let recovery = async {
        while cache.credentials().await.is_err() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(DEADLINE, recovery)
        .await
        .expect("recovery");
    assert_eq!(id(&cache).await, "KEY1");
    assert_eq!(endpoint.seen().len(), 2, "calls in the pause asked nobody");
}
