//! Keeps a destination's keys fresh: one load at a time, ahead of their end, in the background.
//!
//! A load is a task of its own: a call that gives up waiting does not end it, and the next call finds
//! its result. After a failure there is a pause, doubling up to a minute, in which calls fail at once.

mod state;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;

use crate::aws::chain::Chain;
use crate::aws::credentials::{Credentials, CredentialsError};
use crate::clock;
use crate::log_limit::LogLimit;
use state::{Found, Now, State};

/// Keys of one destination.
#[derive(Debug, Clone)]
pub(crate) struct Cache(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    chain: Chain,
    state: Mutex<State>,
    /// Counts the loads that have ended.
    ended: watch::Sender<u64>,
    failures: LogLimit,
}

impl Cache {
    /// Loads nothing yet.
    pub(crate) fn new(chain: Chain) -> Self {
        Self(Arc::new(Inner {
            chain,
            state: Mutex::new(State::default()),
            ended: watch::Sender::new(0),
            failures: LogLimit::one_in_ten_seconds(),
        }))
    }

    /// Where keys come from, as configured now.
    ///
    /// # Errors
    /// When nothing is configured, or it is unusable.
    pub(crate) fn describe(&self) -> Result<String, CredentialsError> {
        Ok(self.0.chain.source()?.to_string())
    }

    /// Keys that are good now; waits when they have yet to be loaded.
    ///
    /// # Errors
    /// Why the last load failed.
    pub(crate) async fn credentials(&self) -> Result<Arc<Credentials>, Arc<CredentialsError>> {
        loop {
            // Subscribed before the state is read, so that no end is missed.
            let mut ended = self.0.ended.subscribe();
            match self.found() {
                Found::Keys(keys) => return Ok(keys),
                Found::Failure(error) => return Err(error),
                Found::Wait => {
                    if ended.changed().await.is_err() {
                        return Err(Arc::new(CredentialsError::Abnormal));
                    }
                }
            }
        }
    }

    /// Loads anew because the endpoint refused the keys (403): they may have been revoked or replaced
    /// before their end. Calls wait for the new ones. Does nothing more often than every 10 s.
    pub(crate) fn refresh(&self) {
        let must_load = self.0.state().refuse(now());
        if must_load {
            self.load();
        }
    }

    fn found(&self) -> Found {
        let (found, must_load) = self.0.state().find(now());
        if must_load {
            self.load();
        }
        found
    }

    fn load(&self) {
        // Ends the load even when its task panics or the runtime ends.
        let mut loading = Loading {
            inner: Arc::clone(&self.0),
            has_ended: false,
        };
        tokio::spawn(async move {
            let result = loading.inner.load_once().await;
            loading.has_ended = true;
            loading.inner.end(result);
        });
    }
}

/// Holds the one place for a load.
struct Loading {
    inner: Arc<Inner>,
    has_ended: bool,
}

impl Drop for Loading {
    fn drop(&mut self) {
        if !self.has_ended {
            self.inner.end(Err(CredentialsError::Abnormal));
        }
    }
}

impl Inner {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Finds the source anew, since files and their keys change.
    async fn load_once(self: &Arc<Self>) -> Result<Credentials, CredentialsError> {
        let inner = Arc::clone(self);
        let source = tokio::task::spawn_blocking(move || inner.chain.source()).await;
        let source = source.unwrap_or(Err(CredentialsError::Abnormal))?;
        tokio::time::timeout(LOAD_MAX, self.chain.load(source))
            .await
            .unwrap_or(Err(CredentialsError::Abnormal))
    }

    fn end(&self, result: Result<Credentials, CredentialsError>) {
        let now = now();
        if let Err(error) = &result {
            let reason = crate::call::failure::with_causes(error);
            if let Some(suppressed) = self.failures.admit(now.instant, 1) {
                tracing::warn!(reason, suppressed, "Unable to retrieve credentials");
            }
        }
        self.state().end(result, now, fastrand::f64());
        self.ended
            .send_modify(|count| *count = count.wrapping_add(1));
    }
}

/// For one load with everything it asks; a program of `credential_process` has a minute.
const LOAD_MAX: Duration = Duration::from_secs(90);

fn now() -> Now {
    Now {
        instant: clock::now(),
        since_epoch: clock::since_epoch(),
    }
}

#[cfg(test)]
mod tests;
