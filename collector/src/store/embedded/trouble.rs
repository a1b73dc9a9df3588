//! Since when the committer cannot write, when it tries again, and what it says about that: one line when
//! it begins and one when it is over, however many writes are refused in between.

use std::time::{Duration, Instant};

use radiograph_admin::with_causes;

use crate::clock;
use crate::store::StoreError;

/// How much longer the last pauses between two attempts are than the first.
const GROWTH_MAX: u32 = 50;

/// Whether the committer can write.
pub(super) struct Trouble {
    /// The pause before the first attempt; with zero each write that comes is one.
    first_pause: Duration,
    now: Option<Now>,
    /// When there was some the last time, and the pause in the end.
    before: Option<(Instant, Duration)>,
}

struct Now {
    since: Instant,
    pause: Duration,
    next: Instant,
}

impl Trouble {
    /// None; after some begins, it is tried again after this pause, and then after ever longer ones. With
    /// zero it is tried whenever a write comes, and never else.
    pub(super) const fn none(first_pause: Duration) -> Self {
        Self {
            first_pause,
            now: None,
            before: None,
        }
    }

    /// Whether there is any.
    pub(super) const fn is_there(&self) -> bool {
        self.now.is_some()
    }

    /// Whether it is time to try again.
    pub(super) fn is_due(&self) -> bool {
        let now = self.now.as_ref();
        now.is_some_and(|now| now.next <= clock::instant())
    }

    /// How long to wait for work before it is tried again; `None` when nothing is to be tried.
    pub(super) fn wait(&self) -> Option<Duration> {
        let now = self.now.as_ref().filter(|now| !now.pause.is_zero())?;
        Some(now.next.saturating_duration_since(clock::instant()))
    }

    /// A write or sync did not work.
    pub(super) fn begins(&mut self, error: &StoreError) {
        let error = with_causes(error);
        tracing::error!(
            error,
            "the store cannot write; it refuses documents and tries again by itself"
        );
        let since = clock::instant();
        // what comes and goes is not to be said ten times a second
        let pause = match self.before {
            Some((end, pause)) if since < later(end, self.pause_max()) => self.longer(pause),
            _ => self.first_pause,
        };
        self.now = Some(Now {
            since,
            pause,
            next: later(since, pause),
        });
    }

    /// Another attempt did not work either.
    pub(super) fn lasts(&mut self, error: &StoreError) {
        let error = with_causes(error);
        tracing::debug!(error, "the store cannot write yet");
        let pause = self.now.as_ref().map(|now| self.longer(now.pause));
        if let Some((now, pause)) = self.now.as_mut().zip(pause) {
            now.pause = pause;
            now.next = later(clock::instant(), pause);
        }
    }

    fn pause_max(&self) -> Duration {
        self.first_pause.saturating_mul(GROWTH_MAX)
    }

    fn longer(&self, pause: Duration) -> Duration {
        pause.saturating_mul(2).min(self.pause_max())
    }

    /// It is over.
    pub(super) fn ends(&mut self) {
        if let Some(now) = self.now.take() {
            let elapsed_ms = now.since.elapsed().as_millis();
            tracing::info!(elapsed_ms, "the store writes again");
            self.before = Some((clock::instant(), now.pause));
        }
    }
}

fn later(now: Instant, pause: Duration) -> Instant {
    now.checked_add(pause).unwrap_or(now)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_fifty_times_the_first() {
        let first = Duration::from_secs(3600);
        let mut trouble = Trouble::none(first);
        assert_eq!((trouble.wait(), trouble.is_due()), (None, false));
        trouble.begins(&StoreError::Unwritable);
        let mut pauses = Vec::new();
        for _ in 0..8 {
            let pause = trouble.now.as_ref().map(|now| now.pause);
            pauses.push(pause.unwrap().as_secs() / 3600);
            assert!(trouble.wait() <= pause && !trouble.is_due());
            trouble.lasts(&StoreError::Unwritable);
        }
        assert_eq!(pauses, [1, 2, 4, 8, 16, 32, 50, 50]);
        trouble.ends();
        assert!(!trouble.is_there() && trouble.wait().is_none());
        trouble.begins(&StoreError::Unwritable);
        let pause = trouble.now.as_ref().map(|now| now.pause);
        assert_eq!(pause, Some(50 * first), "it was there a moment ago");
    }

    #[test]
    fn without_a_pause_it_is_always_due_and_never_tried_by_itself() {
        let mut trouble = Trouble::none(Duration::ZERO);
        trouble.begins(&StoreError::Unwritable);
        trouble.lasts(&StoreError::Unwritable);
        assert!(trouble.is_there() && trouble.is_due());
        assert_eq!(trouble.wait(), None);
    }
}
