//! What a running collector tells systemd until a signal ends it: that it lives, and how it does.
//!
//! It lives as long as `/livez` says so: while its API is answered. A store that takes no writes shows in
//! the status alone: a restart would not make room on a disk.

use std::fmt::Display;

use radiograph_admin::systemd::Notify;

use crate::metrics::Snapshot;
use crate::server::Collector;

/// Waits for `signal`, and returns what it says.
pub async fn until_stopped<T>(
    collector: &Collector,
    signal: impl Future<Output = T>,
    notify: &Notify,
) -> T {
    let status = || status(&collector.metrics(), collector.store_health().err());
    notify.ready(&status());
    let mut pulse = notify.pulse();
    let mut signal = std::pin::pin!(signal);
    loop {
        tokio::select! {
            signal = &mut signal => return signal,
            () = pulse.next() => notify.beat(collector.is_serving(), &status()),
        }
    }
}

/// A line for `systemctl status`.
fn status(counters: &Snapshot, trouble: Option<impl Display>) -> String {
    let (accepted, rejected) = (counters.accepted, counters.rejected.values().sum::<u64>());
    let mut text = format!("{accepted} documents stored");
    if rejected > 0 {
        text.push_str(&format!(", {rejected} rejected"));
    }
    if let Some(trouble) = trouble {
        text.push_str(&format!("; the store takes none now: {trouble}"));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::Metrics;

    #[test]
    fn the_status_says_what_is_stored_and_why_nothing_is() {
        let metrics = Metrics::default();
        metrics.accepted(3);
        assert_eq!(
            status(&metrics.snapshot(), None::<&str>),
            "3 documents stored"
        );
        assert_eq!(
            status(&metrics.snapshot(), Some("no space left")),
            "3 documents stored; the store takes none now: no space left"
        );
    }
}
