//! One subscriber's queue, and the task that posts it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use radiograph_collector::clock;
use reqwest::{Client, header};
use serde_json::{Value, json};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, timeout, timeout_at};

use super::{Kind, Subscription};
use crate::lambda::function::rfc3339;

/// Events that wait for a slow subscriber.
const QUEUED_MAX: usize = 10_000;
/// How long a subscriber may take to accept a batch.
const POST_MAX: Duration = Duration::from_secs(5);

/// How long it may take until everything queued is posted, when somebody waits for that.
const FLUSH_MAX: Duration = Duration::from_millis(500);

/// What is queued.
#[derive(Debug)]
enum Item {
    Event(Value),
    /// Post what came before, then say so.
    Flush(oneshot::Sender<()>),
}

/// Who gets events. Dropping it posts what is queued and ends its task.
#[derive(Debug)]
pub(super) struct Subscriber {
    extension: String,
    types: Vec<Kind>,
    events: mpsc::Sender<Item>,
    dropped: Arc<AtomicU64>,
}

impl Subscriber {
    /// Starts its task.
    pub(super) fn start(extension: &str, subscription: Subscription) -> Self {
        let (events, queued) = mpsc::channel(QUEUED_MAX);
        let dropped = Arc::new(AtomicU64::new(0));
        let types = subscription.types.clone();
        tokio::spawn(deliver(queued, subscription, Arc::clone(&dropped)));
        Self {
            extension: extension.to_owned(),
            types,
            events,
            dropped,
        }
    }

    /// Whose subscription it is.
    pub(super) fn extension(&self) -> &str {
        &self.extension
    }

    /// Queues the event if it is of a wanted kind and there is room.
    pub(super) fn offer(&self, kind: Kind, event: &Value) {
        if self.types.contains(&kind) && self.events.try_send(Item::Event(event.clone())).is_err() {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Something to wait for until what is queued now has been posted; half a second at most.
    pub(super) fn flushed(&self) -> impl Future<Output = ()> + use<> {
        let (done, is_done) = oneshot::channel();
        // a full queue is not waited for
        let asked = self.events.try_send(Item::Flush(done)).is_ok();
        async move {
            if asked {
                let _either = timeout(FLUSH_MAX, is_done).await;
            }
        }
    }
}

async fn deliver(
    mut events: mpsc::Receiver<Item>,
    subscription: Subscription,
    dropped: Arc<AtomicU64>,
) {
    // an error means that one is installed already, which is what is wanted
    drop(rustls::crypto::ring::default_provider().install_default());
    let client = match Client::builder().timeout(POST_MAX).no_proxy().build() {
        Ok(client) => client,
        Err(error) => {
            tracing::error!(%error, "no HTTP client for telemetry");
            return;
        }
    };
    while let Some(first) = events.recv().await {
        let (mut batch, flush) = batch(first, &mut events, &subscription).await;
        let count = dropped.swap(0, Ordering::Relaxed);
        if count > 0 {
            let record = json!({"reason": "the subscriber is too slow", "droppedRecords": count});
            batch.push(json!({"time": rfc3339(clock::now()), "type": "platform.logsDropped", "record": record}).to_string());
        }
        if !batch.is_empty() {
            post(&client, &subscription.uri, &batch).await;
        }
        if let Some(done) = flush {
            let _gone = done.send(());
        }
    }
}

async fn post(client: &Client, uri: &str, batch: &[String]) {
    let posted = client
        .post(uri)
        .header(header::CONTENT_TYPE, "application/json")
        .body(format!("[{}]", batch.join(",")))
        .send()
        .await;
    if let Err(error) = posted.and_then(reqwest::Response::error_for_status) {
        tracing::warn!(%error, count = batch.len(), "telemetry not delivered");
    }
}

/// The events until a bound is reached, as JSON, and who waits for them to be posted.
async fn batch(
    first: Item,
    events: &mut mpsc::Receiver<Item>,
    subscription: &Subscription,
) -> (Vec<String>, Option<oneshot::Sender<()>>) {
    let buffering = subscription.buffering;
    let due = Instant::from_std(clock::instant()) + buffering.timeout();
    let (mut batch, mut bytes) = (Vec::new(), 0);
    let mut next = Some(first);
    while let Some(item) = next {
        match item {
            Item::Event(event) => {
                let event = event.to_string();
                bytes += event.len();
                batch.push(event);
            }
            Item::Flush(done) => return (batch, Some(done)),
        }
        if batch.len() >= buffering.items() || bytes >= buffering.bytes() {
            break;
        }
        next = timeout_at(due, events.recv()).await.ok().flatten();
    }
    (batch, None)
}
