//! When keys are used, loaded ahead of their end, or waited for; pure, `now` is an argument.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::aws::credentials::{Credentials, CredentialsError};

/// How long before their end keys are replaced (`spec/daemon.md` section 7), at least; keys that live
/// for less than twice that are replaced at half their life.
const AHEAD: Duration = Duration::from_secs(300);

/// Added to that at random, so that a fleet started at once does not ask at once.
const JITTER: Duration = Duration::from_secs(60);

/// Between loads that the endpoint's refusals cause.
const REFUSALS_APART: Duration = Duration::from_secs(10);

const PAUSE_MIN: Duration = Duration::from_secs(1);
const PAUSE_MAX: Duration = Duration::from_secs(60);

/// Both clocks: keys end by the wall clock, pauses pass by the monotonic one.
#[derive(Debug, Clone, Copy)]
pub(super) struct Now {
    pub(super) instant: Instant,
    pub(super) since_epoch: Duration,
}

/// What a call finds.
#[derive(Debug)]
pub(super) enum Found {
    Keys(Arc<Credentials>),
    Failure(Arc<CredentialsError>),
    /// Until the load in progress has ended.
    Wait,
}

/// Keys and what is known about loading them.
#[derive(Debug, Default)]
pub(super) struct State {
    keys: Option<Arc<Credentials>>,
    /// Since the epoch; from then on keys are replaced.
    replace_at: Option<Duration>,
    is_loading: bool,
    /// Whether the keys were refused, so that calls wait for others.
    is_refused: bool,
    refused_at: Option<Instant>,
    failure: Option<Arc<CredentialsError>>,
    failures: u32,
    pause_until: Option<Instant>,
}

impl State {
    /// What a call gets, and whether the caller must start a load.
    pub(super) fn find(&mut self, now: Now) -> (Found, bool) {
        let is_pausing = self.pause_until.is_some_and(|until| now.instant < until);
        let may_load = !self.is_loading && !is_pausing;
        let good = self.keys.clone().filter(|keys| {
            let is_over = keys.expires_at.is_some_and(|at| now.since_epoch >= at);
            let is_waited_for = self.is_refused && self.is_loading;
            !is_over && !is_waited_for
        });
        if let Some(keys) = good {
            let is_due = self.replace_at.is_some_and(|at| now.since_epoch >= at);
            let must_load = is_due && may_load;
            self.is_loading |= must_load;
            return (Found::Keys(keys), must_load);
        }
        match &self.failure {
            Some(failure) if is_pausing && !self.is_loading => {
                (Found::Failure(Arc::clone(failure)), false)
            }
            _ => {
                self.is_loading |= may_load;
                (Found::Wait, may_load)
            }
        }
    }

    /// The endpoint refused the keys; whether the caller must start a load.
    pub(super) fn refuse(&mut self, now: Now) -> bool {
        let is_early = self
            .refused_at
            .is_some_and(|at| now.instant.saturating_duration_since(at) < REFUSALS_APART);
        // Without keys nothing was refused: the call went unsigned, or there was none.
        if is_early || self.is_loading || self.keys.is_none() {
            return false;
        }
        self.refused_at = Some(now.instant);
        self.is_refused = true;
        self.is_loading = true;
        true
    }

    /// A load has ended; `jitter` is 0 to 1.
    pub(super) fn end(
        &mut self,
        result: Result<Credentials, CredentialsError>,
        now: Now,
        jitter: f64,
    ) {
        self.is_loading = false;
        self.is_refused = false;
        match result {
            Ok(keys) => {
                self.replace_at = keys.expires_at.map(|at| replace_at(at, now, jitter));
                self.keys = Some(Arc::new(keys));
                self.failure = None;
                self.failures = 0;
                self.pause_until = None;
            }
            Err(error) => {
                let doublings = self.failures.min(6);
                let pause = (PAUSE_MIN * 2_u32.pow(doublings)).min(PAUSE_MAX);
                self.failures = self.failures.saturating_add(1);
                self.failure = Some(Arc::new(error));
                self.pause_until = Some(now.instant + pause.mul_f64(1.0 + jitter / 4.0));
            }
        }
    }
}

fn replace_at(expires_at: Duration, now: Now, jitter: f64) -> Duration {
    let life = expires_at.saturating_sub(now.since_epoch);
    let ahead = AHEAD + JITTER.mul_f64(jitter);
    now.since_epoch + life.saturating_sub(ahead).max(life / 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEYS_LIFE: Duration = Duration::from_secs(3600);

    fn at(start: Instant, seconds: u64) -> Now {
        Now {
            instant: start + Duration::from_secs(seconds),
            since_epoch: Duration::from_secs(1_000_000 + seconds),
        }
    }

    fn keys(id: &str, expires_at: Option<Duration>) -> Credentials {
        Credentials {
            expires_at,
            ..Credentials::lasting(id, "secret", None)
        }
    }

    fn found(state: &mut State, now: Now) -> (String, bool) {
        let (found, must_load) = state.find(now);
        let what = match found {
            Found::Keys(keys) => keys.access_key_id.clone(),
            Found::Failure(error) => error.to_string(),
            Found::Wait => "wait".to_owned(),
        };
        (what, must_load)
    }

    fn is(what: &str, must_load: bool) -> (String, bool) {
        (what.to_owned(), must_load)
    }

    #[test]
    fn the_first_call_loads_and_the_others_wait_for_the_same_load() {
        let (mut state, start) = (State::default(), crate::clock::now());
        assert_eq!(found(&mut state, at(start, 0)), is("wait", true));
        assert_eq!(found(&mut state, at(start, 0)), is("wait", false));
        state.end(Ok(keys("A", None)), at(start, 1), 0.0);
        assert_eq!(found(&mut state, at(start, 1)), is("A", false));
        assert_eq!(found(&mut state, at(start, 10_000_000)), is("A", false));
    }

    #[test]
    fn keys_are_replaced_five_minutes_ahead_while_calls_go_on_with_the_old_ones() {
        let (mut state, start) = (State::default(), crate::clock::now());
        let end = at(start, 0).since_epoch + KEYS_LIFE;
        state.end(Ok(keys("A", Some(end))), at(start, 0), 0.5);
        assert_eq!(found(&mut state, at(start, 3269)), is("A", false));
        assert_eq!(found(&mut state, at(start, 3270)), is("A", true));
        assert_eq!(found(&mut state, at(start, 3271)), is("A", false));
        state.end(Ok(keys("B", Some(end + KEYS_LIFE))), at(start, 3272), 0.5);
        assert_eq!(found(&mut state, at(start, 3273)), is("B", false));
    }

    #[test]
    fn short_lived_keys_are_replaced_at_half_their_life() {
        let (mut state, start) = (State::default(), crate::clock::now());
        let end = at(start, 0).since_epoch + Duration::from_secs(100);
        state.end(Ok(keys("A", Some(end))), at(start, 0), 1.0);
        assert_eq!(found(&mut state, at(start, 49)), is("A", false));
        assert_eq!(found(&mut state, at(start, 50)), is("A", true));
    }

    #[test]
    fn a_failed_replacement_is_tried_again_after_a_pause_and_keys_are_good_to_their_end() {
        let (mut state, start) = (State::default(), crate::clock::now());
        let end = at(start, 0).since_epoch + KEYS_LIFE;
        state.end(Ok(keys("A", Some(end))), at(start, 0), 0.0);
        assert_eq!(found(&mut state, at(start, 3400)), is("A", true));
        state.end(Err(CredentialsError::Abnormal), at(start, 3400), 0.0);
        assert_eq!(found(&mut state, at(start, 3400)), is("A", false));
        assert_eq!(found(&mut state, at(start, 3401)), is("A", true));
        assert_eq!(found(&mut state, at(start, 3600)), is("wait", false));
        state.end(Err(CredentialsError::Abnormal), at(start, 3600), 0.0);
        let failure = "loading ended abnormally";
        assert_eq!(found(&mut state, at(start, 3601)), is(failure, false));
        assert_eq!(found(&mut state, at(start, 3602)), is("wait", true));
        state.end(Ok(keys("B", None)), at(start, 3603), 0.0);
        assert_eq!(found(&mut state, at(start, 3603)), is("B", false));
    }

    #[test]
    fn pauses_double_up_to_a_minute() {
        let (mut state, start) = (State::default(), crate::clock::now());
        let mut pauses = Vec::new();
        for _ in 0..8 {
            state.end(Err(CredentialsError::Abnormal), at(start, 0), 0.0);
            let until = state.pause_until.unwrap();
            pauses.push(until.saturating_duration_since(start).as_secs());
        }
        assert_eq!(pauses, [1, 2, 4, 8, 16, 32, 60, 60]);
        state.end(Ok(keys("A", None)), at(start, 0), 0.0);
        state.end(Err(CredentialsError::Abnormal), at(start, 0), 1.0);
        assert_eq!(
            state.pause_until,
            Some(start + Duration::from_millis(1250)),
            "a success begins anew, and jitter adds a quarter at most"
        );
    }

    #[test]
    fn refused_keys_are_loaded_anew_at_most_every_ten_seconds() {
        let (mut state, start) = (State::default(), crate::clock::now());
        assert!(!state.refuse(at(start, 0)), "nothing was loaded");
        state.end(Ok(keys("A", None)), at(start, 0), 0.0);
        assert!(state.refuse(at(start, 1)));
        assert!(!state.refuse(at(start, 1)), "a load is under way");
        assert_eq!(found(&mut state, at(start, 1)), is("wait", false));
        state.end(Ok(keys("B", None)), at(start, 2), 0.0);
        assert_eq!(found(&mut state, at(start, 2)), is("B", false));
        assert!(!state.refuse(at(start, 10)));
        assert!(state.refuse(at(start, 11)));
    }

    #[test]
    fn refused_keys_are_used_on_when_there_are_no_others() {
        let (mut state, start) = (State::default(), crate::clock::now());
        state.end(Ok(keys("A", None)), at(start, 0), 0.0);
        assert!(state.refuse(at(start, 1)));
        state.end(Err(CredentialsError::Abnormal), at(start, 2), 0.0);
        assert_eq!(found(&mut state, at(start, 2)), is("A", false));
    }
}
