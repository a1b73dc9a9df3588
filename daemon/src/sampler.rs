//! The daemon's own sampling decisions, for traces that no SDK has decided.
//!
//! The daemon is a full client of X-Ray's sampling: it fetches rules and quotas, decides by them as an
//! SDK would, and reports what it counted. It is independent of the proxy, which only passes the
//! SDKs' calls on. Without rules, and with rules older than an hour, nothing is dropped: the SDKs then
//! fall back to local rules, but a drop-in must not drop on its own account.
//!
//! Idle (mode off, or no rule that could drop anything), it costs one atomic load per block, and no
//! document is looked into. Active: 1 lock per block; per document see [`decide`].
//!
//! Source: `design.md`, sampling; `spec/sampling.md` sections 1 to 5.

mod decide;
mod exchange;
mod memory;
mod poll;
mod schedule;
mod table;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use radiograph_protocol::sampling::Decision;
use radiograph_protocol::timestamp::Timestamp;
use tokio::sync::Notify;

use crate::call::Caller;
use crate::config::SamplingMode;
use crate::documents::Documents;
use crate::log_limit::LogLimit;
use decide::Decider;
use schedule::Pace;
use table::Server;

/// The sampling stage.
#[derive(Debug)]
pub(crate) struct Sampler {
    decider: Mutex<Decider>,
    is_idle: AtomicBool,
    mode_changed: Notify,
    caller: Caller,
    server: Server,
    client_id: String,
    pace: Pace,
    failures: LogLimit,
}

/// What is left of documents of which some were sampled out.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Filtered {
    /// The others in their order; there may be none.
    pub(crate) kept: Documents,
    /// How many were sampled out.
    pub(crate) sampled_out: usize,
}

impl Sampler {
    /// A sampler without rules, which [`Sampler::run`] fetches through `caller`.
    pub(crate) fn new(mode: SamplingMode, caller: Caller) -> Self {
        let server = if caller.endpoint().is_aws() {
            Server::Aws
        } else {
            Server::Radiograph
        };
        Self {
            decider: Mutex::new(Decider::new(mode)),
            is_idle: AtomicBool::new(true),
            mode_changed: Notify::new(),
            caller,
            server,
            // 12 random bytes in hex, as the SDKs make theirs; a restart is a new client.
            client_id: format!("{:024x}", fastrand::u128(..) >> 32),
            pace: Pace::default(),
            failures: LogLimit::one_in_ten_seconds(),
        }
    }

    /// Whether every document passes at present, so that [`Sampler::filter`] need not be called.
    pub(crate) fn is_idle(&self) -> bool {
        // Relaxed: a block more or less before a change of rules takes hold makes no difference.
        self.is_idle.load(Ordering::Relaxed)
    }

    /// For which traces the daemon decides from now on.
    pub(crate) fn set_mode(&self, mode: SamplingMode) {
        self.change(|decider| decider.set_mode(mode));
        self.mode_changed.notify_one();
    }

    /// Takes out the documents of traces that are not to be recorded; `None` when there are none, and
    /// all are kept as they stand. Every document must come here once, in order of arrival.
    pub(crate) fn filter(&self, documents: &Documents, now: Timestamp) -> Option<Filtered> {
        if self.is_idle() {
            return None;
        }
        let now_seconds = now.seconds_floor();
        let mut decider = self.decider();
        let mut kept: Option<Documents> = None;
        for (index, document) in documents.iter().enumerate() {
            match decider.decide(document, now_seconds, &mut fastrand::f64) {
                Decision::Drop => {
                    kept.get_or_insert_with(|| documents.iter().take(index).collect());
                }
                Decision::Record => {
                    if let Some(kept) = &mut kept {
                        // A part of what was one allocation fits into one.
                        let fits = kept.push(document);
                        debug_assert!(fits);
                    }
                }
            }
        }
        kept.map(|kept| Filtered {
            sampled_out: documents.len().saturating_sub(kept.len()),
            kept,
        })
    }

    fn decider(&self) -> MutexGuard<'_, Decider> {
        self.decider.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes what decisions depend on, and notes whether there is anything to decide.
    fn change<T>(&self, change: impl FnOnce(&mut Decider) -> T) -> T {
        let mut decider = self.decider();
        let changed = change(&mut decider);
        self.is_idle.store(decider.is_idle(), Ordering::Relaxed);
        changed
    }
}

#[cfg(test)]
mod tests;
