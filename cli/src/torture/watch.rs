//! Watches the daemon's counters: what is out of its memory is owed, whatever happens to it then.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::sleep;

use super::counts::Counts;
use super::shared::{Door, Shared};
use crate::api::Api;

/// How often the counters are read.
const EVERY: Duration = Duration::from_millis(100);

/// Reads the counters of whichever daemon runs, into the books; until it is dropped.
pub(super) async fn watch(shared: Arc<Shared>, api: Api) {
    loop {
        if let Some(door) = shared.door() {
            poll(&shared, &api, door).await;
        }
        sleep(EVERY).await;
    }
}

/// Reads a daemon's counters once, into the books; `None` while it does not answer.
pub(super) async fn poll(shared: &Shared, api: &Api, door: Door) -> Option<(Counts, u64)> {
    let sent = shared.books().sent_to(door.life);
    let text = api
        .at(format!("http://{}", door.admin))
        .text("/metrics")
        .await;
    let counts = Counts::from_metrics(&text.ok()?)?;
    let drops = shared.drops(door, Some(counts));
    shared.books().polled(door.life, sent, counts, drops);
    Some((counts, drops))
}
