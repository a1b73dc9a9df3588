//! Whether a destination is worth a call now. Pure: `now` and the random draw are arguments.
//!
//! It counts for the whole destination, not per batch: while it is down, one call at a time probes
//! it, after ever longer pauses (`crate::retry`). Calls that were under way together and fail together
//! are one failure.

use std::time::{Duration, Instant};

use crate::retry;

/// Up until a call fails, down until one succeeds.
#[derive(Debug, Default)]
pub(crate) struct Health {
    down: Option<Down>,
}

#[derive(Debug)]
struct Down {
    since: Instant,
    failures: u32,
    last_failure: Instant,
    next_call: Instant,
}

impl Health {
    /// Since when it has been down; `None` when it is up.
    pub(crate) fn down_since(&self) -> Option<Instant> {
        self.down.as_ref().map(|down| down.since)
    }

    /// When the next probe may begin; `None` when it is up.
    pub(crate) fn next_call(&self) -> Option<Instant> {
        self.down.as_ref().map(|down| down.next_call)
    }

    /// Whether a call may begin, with so many under way.
    pub(crate) fn may_call(&self, now: Instant, under_way: usize) -> bool {
        match &self.down {
            None => true,
            Some(down) => under_way == 0 && now >= down.next_call,
        }
    }

    /// Notes a success; for how long it was down before, if it was.
    pub(crate) fn succeeded(&mut self, now: Instant) -> Option<Duration> {
        let down = self.down.take()?;
        Some(now.saturating_duration_since(down.since))
    }

    /// Notes that a call failed that began at `began`; whether it was up before.
    pub(crate) fn failed(
        &mut self,
        began: Instant,
        now: Instant,
        retry_after: Option<Duration>,
        draw: f64,
    ) -> bool {
        let Some(down) = &mut self.down else {
            self.down = Some(Down {
                since: now,
                failures: 1,
                last_failure: now,
                next_call: now + retry::delay(1, retry_after, draw),
            });
            return true;
        };
        if began > down.last_failure {
            down.failures = down.failures.saturating_add(1);
            down.last_failure = now;
            down.next_call = now + retry::delay(down.failures, retry_after, draw);
        } else if let Some(after) = retry_after {
            down.next_call = down.next_call.max(now + retry::delay(1, Some(after), draw));
        }
        false
    }

    /// Makes the next probe due by then: a stopping daemon has no time for pauses.
    pub(crate) fn hurry(&mut self, by: Instant) {
        if let Some(down) = &mut self.down {
            down.next_call = down.next_call.min(by);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn it_is_up_until_a_call_fails_and_after_one_succeeds() {
        let now = clock::now();
        let mut health = Health::default();
        assert!(health.may_call(now, 7) && health.down_since().is_none());
        assert!(health.failed(now, now, None, 1.0), "was up before");
        assert_eq!(health.down_since(), Some(now));
        assert_eq!(health.succeeded(now + SECOND), Some(SECOND));
        assert!(health.down_since().is_none() && health.succeeded(now).is_none());
    }

    #[test]
    fn while_it_is_down_one_call_at_a_time_probes_after_the_pause() {
        let now = clock::now();
        let mut health = Health::default();
        health.failed(now, now, None, 1.0);
        let pause = Duration::from_millis(200);
        assert_eq!(health.next_call(), Some(now + pause));
        assert!(!health.may_call(now, 0), "too early");
        assert!(health.may_call(now + pause, 0));
        assert!(!health.may_call(now + pause, 1), "another is under way");
    }

    #[test]
    fn calls_that_fail_together_lengthen_the_pause_once() {
        let now = clock::now();
        let mut health = Health::default();
        for _ in 0..8 {
            health.failed(now, now + SECOND, None, 1.0);
        }
        assert_eq!(health.next_call(), Some(now + SECOND + SECOND / 5));
        health.failed(now + 2 * SECOND, now + 3 * SECOND, None, 1.0);
        assert_eq!(health.next_call(), Some(now + 3 * SECOND + 2 * SECOND / 5));
    }

    #[test]
    fn a_retry_after_is_honoured_also_of_the_later_of_two_failures() {
        let now = clock::now();
        let mut health = Health::default();
        health.failed(now, now, None, 1.0);
        health.failed(now, now, Some(7 * SECOND), 1.0);
        assert_eq!(health.next_call(), Some(now + 7 * SECOND));
        health.hurry(now);
        assert!(health.may_call(now, 0));
    }
}
